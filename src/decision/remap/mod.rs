//! Deriving columns again from records as they were kept, after the rules that derive them were corrected: always
//! confirmed by a person, and carried out in each warehouse and in the lake.
//!
//! What an event is known, found and proven by stays as it is; so do the records, byte for byte. New files are written
//! before the entry names them, with the salts of the old ones, so that the roots over the records are the same. The
//! entry puts them in the place of the old ones; warehouses have the dates replaced, and the old files are removed.

mod derive;
mod execution;
mod plan;
mod rewrite;

pub(super) use execution::RemapExecution;
pub use execution::give_up;
pub use plan::{LeftFiles, RemapPlan, SourceRemapPlan};

use super::error::DecisionError;
use super::kind::Decision;
use super::place::DecisionContext;
use crate::clock::Now;
use crate::event::RowContext;
use crate::event::schema::SCHEMA_VERSION;
use crate::failpoint;
use crate::lake::layout::LayoutError;
use crate::lake::{Belonging, ReadError, WriteError, upload};
use crate::ledger::entry::{Body, FileEntry, RedactionApplied, Remap, ReplacedFile};
use crate::ledger::state::LiveFile;
use crate::plural::thousands;
use crate::source::Source;
use crate::store::{CreateError, Patience};
use arrow::error::ArrowError;
use async_trait::async_trait;
use chrono::NaiveDate;
use plan::FileToReplace;
use rewrite::NewFiles;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Most files of one decision, so that an entry stays small.
const FILES_AT_ONCE: usize = 500;

/// Why columns cannot be derived again. Nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum RemapError {
    /// A file of the lake could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An entry names a file that has no name of ours.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A file could not be made.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file could not be uploaded.
    #[error(transparent)]
    Upload(#[from] CreateError),
    /// A column is missing, or holds what it never holds.
    #[error("column `{0}` of a file is not what it must be")]
    Column(String),
    /// More text than a batch can hold.
    #[error("the rows of a file are larger than a batch can be")]
    TooLarge,
    /// The rows do not fit together, which those of ours do.
    #[error("the rows of a file cannot be derived again: {0}")]
    Arrow(#[from] ArrowError),
    /// It was asked to stop.
    #[error("stopped before all files were replaced")]
    Stopped,
}

/// A source whose columns may be derived again.
#[derive(Clone)]
pub struct RemapSource {
    /// Its id.
    pub id: String,
    /// The source, for its mapping; it is not asked.
    pub source: Arc<dyn Source>,
    /// What is redacted of its records, as entries say it.
    pub redaction: Vec<RedactionApplied>,
}

/// A wish to derive columns of some dates again.
pub struct RemapWish {
    sources: Vec<RemapSource>,
    dates: (NaiveDate, NaiveDate),
    warehouses: Vec<String>,
    patience: Patience,
    seed: [u8; 32],
    /// Entries that were prepared by this process, by which their files are called.
    prepared: AtomicU32,
}

impl RemapWish {
    /// Of some sources and the dates from one to another, both inclusive. `seed` is what salts are made from.
    pub fn new(
        sources: Vec<RemapSource>,
        dates: (NaiveDate, NaiveDate),
        warehouses: Vec<String>,
        patience: Patience,
        seed: [u8; 32],
    ) -> Self {
        Self {
            sources,
            dates,
            warehouses,
            patience,
            seed,
            prepared: AtomicU32::new(0),
        }
    }
}

/// What one entry replaces: files of one source.
pub struct RemapShare {
    source: RemapSource,
    files: Vec<FileToReplace>,
}

#[async_trait]
impl Decision for RemapWish {
    type Plan = RemapPlan;
    type Share = RemapShare;

    /// What others have decided meanwhile is not what was confirmed.
    const PLANS_AGAIN: u32 = 0;

    async fn plan(&self, context: DecisionContext<'_>) -> Result<RemapPlan, DecisionError> {
        Ok(plan::plan(context, &self.sources, self.dates).await?)
    }

    fn all(&self, plan: &RemapPlan) -> Vec<RemapShare> {
        let sources = self.sources.iter().zip(&plan.sources);
        sources
            .flat_map(|(source, planned)| {
                planned
                    .to_replace
                    .chunks(FILES_AT_ONCE)
                    .map(|files| RemapShare {
                        source: source.clone(),
                        files: files.to_vec(),
                    })
            })
            .collect()
    }

    fn unattended(&self, _: &RemapPlan, _: &Now) -> Result<Vec<RemapShare>, DecisionError> {
        Ok(Vec::new())
    }

    async fn entry(
        &self,
        context: DecisionContext<'_>,
        share: &RemapShare,
        plan_id: &str,
    ) -> Result<Body, DecisionError> {
        Ok(self.write(context, share, plan_id).await?)
    }
}

impl RemapWish {
    /// Writes and uploads the new files of an entry.
    async fn write(
        &self,
        context: DecisionContext<'_>,
        share: &RemapShare,
        plan_id: &str,
    ) -> Result<Body, RemapError> {
        let RemapShare { source, files } = share;
        let (attempt, places) = (&context.ledger.attempt, context.places);
        let chunk = self.prepared.fetch_add(1, Ordering::Relaxed);
        let batch_id = format!("{}-{chunk:05}", attempt.run_id);
        let mapping = source.source.mapping();
        let new = NewFiles {
            lake: places.lake,
            source: &source.source,
            context: row_context(source, &batch_id, context),
            belonging: Belonging {
                lake_id: context.ledger.state.lake_id.clone(),
                batch_id: batch_id.clone(),
            },
            run: attempt.run_id,
            chunk,
            seed: self.seed,
        };
        let mut part = 0;
        let mut changed: BTreeMap<String, u64> = BTreeMap::new();
        let (mut replaced, mut added) = (Vec::new(), Vec::new());
        for (nth, file) in files.iter().enumerate() {
            if places.is_stopped() {
                return Err(RemapError::Stopped);
            }
            (places.say)(&format!(
                "writing files: {} of {}",
                thousands(nth as u64 + 1),
                thousands(files.len() as u64)
            ));
            let LiveFile {
                sequence,
                file: old,
            } = &file.live;
            let written = new
                .encode(&file.live, file.difference.moves(), &mut part)
                .await?;
            let mut by = None;
            for encoded in written {
                failpoint::hit("remap.upload.before");
                upload(places.lake, &encoded, self.patience).await?;
                failpoint::hit("remap.upload.after");
                let entry = FileEntry::from(&encoded.facts);
                by = (!file.difference.moves()).then(|| entry.path.clone());
                added.push(entry);
            }
            for (column, rows) in &file.difference.columns {
                *changed.entry(column.clone()).or_default() += rows;
            }
            replaced.push(ReplacedFile {
                sequence: *sequence,
                date: old.date,
                path: old.path.clone(),
                by,
            });
        }
        Ok(Body::Remap(Box::new(Remap {
            source: source.id.clone(),
            platform: mapping.platform().to_owned(),
            batch_id,
            schema_version: SCHEMA_VERSION,
            mapping_version: mapping.version(),
            changed,
            redaction: source.redaction.clone(),
            replaced,
            files: added,
            warehouses: self.warehouses.clone(),
            plan: plan_id.to_owned(),
        })))
    }
}

/// What is the same in all new rows of an entry.
fn row_context(source: &RemapSource, batch_id: &str, context: DecisionContext<'_>) -> RowContext {
    let mapping = source.source.mapping();
    RowContext {
        // Not shown: when a record was read stays.
        ingested_at: context.ledger.attempt.now,
        batch_id: batch_id.to_owned(),
        source: source.id.clone(),
        platform: mapping.platform(),
        mapping_version: mapping.version(),
    }
}
