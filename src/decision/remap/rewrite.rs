//! One file of the lake with the columns that the mapping in force gives: read, derived again, written anew.

use super::RemapError;
use super::derive::{RowDifference, by_category, derive};
use crate::event::schema::event_schema;
use crate::event::{Category, RowContext};
use crate::lake::layout::{DataFile, Partition, RunId};
use crate::lake::{Belonging, EncodedFile, FileReader, FileWriter};
use crate::ledger::state::LiveFile;
use crate::merkle::{FileSalt, file_salt};
use crate::source::Source;
use crate::store::Bucket;
use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What deriving the columns of a file again would change.
///
/// # Errors
/// The file cannot be read, or has other rows than events.
pub(super) async fn compare(
    lake: &Bucket,
    live: &LiveFile,
    source: &Arc<dyn Source>,
    context: &RowContext,
) -> Result<RowDifference, RemapError> {
    let (_, mut batches) = open(lake, live).await?;
    let mut difference = RowDifference::default();
    while let Some(batch) = batches.try_next().await? {
        let (source, context) = (Arc::clone(source), context.clone());
        let derived = in_background(move || derive(&batch, source.mapping(), &context)).await?;
        difference.add(&derived.difference);
    }
    Ok(difference)
}

/// How the files that replace others are called and made.
pub(super) struct NewFiles<'a> {
    pub(super) lake: &'a Bucket,
    pub(super) source: &'a Arc<dyn Source>,
    pub(super) context: RowContext,
    pub(super) belonging: Belonging,
    pub(super) run: RunId,
    pub(super) chunk: u32,
    pub(super) seed: [u8; 32],
}

impl NewFiles<'_> {
    /// The files that take the place of one: a single one with its salt, and so with its root, where no row belongs
    /// to another category now. They are not uploaded. `part` is the number of the next file.
    ///
    /// # Errors
    /// As [`compare`], and rows that no file takes.
    pub(super) async fn encode(
        &self,
        live: &LiveFile,
        moves: bool,
        part: &mut u32,
    ) -> Result<Vec<EncodedFile>, RemapError> {
        let (reader, mut batches) = open(self.lake, live).await?;
        let salt = match moves {
            true => None,
            false => Some(reader.salt().await?),
        };
        let mut writers = Writers::default();
        while let Some(batch) = batches.try_next().await? {
            let (source, context) = (Arc::clone(self.source), self.context.clone());
            let derived = move || -> Result<_, RemapError> {
                let derived = derive(&batch, source.mapping(), &context)?;
                by_category(&derived.rows)
            };
            for (category, rows) in in_background(derived).await? {
                if !writers.0.contains_key(&category) {
                    let file = self.name(live, &category, *part)?;
                    *part += 1;
                    let salt = salt.unwrap_or_else(|| file_salt(&self.seed, &file.to_string()));
                    writers.begin(&category, file, self.belonging.clone(), salt);
                }
                writers = in_background(move || writers.push(&category, &rows)).await?;
            }
        }
        in_background(move || writers.finish()).await
    }

    fn name(&self, live: &LiveFile, category: &str, part: u32) -> Result<DataFile, RemapError> {
        let known = Category::ALL.into_iter().find(|it| it.name() == category);
        let known = known.ok_or_else(|| RemapError::Column("category".to_owned()))?;
        Ok(DataFile {
            partition: Partition::events(live.file.date, known, &live.file.source)?,
            run: self.run,
            chunk: self.chunk,
            part,
        })
    }
}

/// The files in the making, by category.
#[derive(Default)]
struct Writers(BTreeMap<String, FileWriter>);

impl Writers {
    fn begin(&mut self, category: &str, file: DataFile, belonging: Belonging, salt: FileSalt) {
        let writer = FileWriter::new(file, belonging, salt);
        self.0.insert(category.to_owned(), writer);
    }

    fn push(mut self, category: &str, rows: &RecordBatch) -> Result<Self, RemapError> {
        if let Some(writer) = self.0.get_mut(category) {
            writer.push(rows)?;
        }
        Ok(self)
    }

    fn finish(self) -> Result<Vec<EncodedFile>, RemapError> {
        let files = self.0.into_values().map(FileWriter::finish);
        Ok(files.collect::<Result<_, _>>()?)
    }
}

/// All rows of a file, in order.
async fn open(
    lake: &Bucket,
    live: &LiveFile,
) -> Result<(FileReader, crate::lake::FileBatches<RecordBatch>), RemapError> {
    let reader = FileReader::new(lake, live.file.signed())?;
    let schema = event_schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|it| it.name().as_str())
        .collect();
    let batches = reader.columns(&names, None).await?;
    Ok((reader, batches))
}

/// Does the CPU's work where it keeps no response of the store waiting.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RemapError> + Send + 'static,
) -> Result<T, RemapError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(RemapError::Stopped),
        },
    }
}
