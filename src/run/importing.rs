//! Records from files, through the same comparison, files and entries as those that a platform serves.
//!
//! A file shows that its records are real and nothing of which others there were, so an entry that adds them
//! states no window as read. A feed that reads the same dates afterwards finds them known.

use super::committing::{Committer, Settled, in_background};
use super::error::RunError;
use super::feed::{ALL_TENANTS, name_of};
use super::job::{Job, JobSource, RunObserver, open_writer};
use super::pieces::{Chunk, ChunkBounds, Piece, Shown};
use super::plan::Seed;
use crate::import::{FileIdentity, RecordFile, identify};
use crate::ledger::entry::{Counts, ImportedFile};
use crate::plural::counted;
use crate::source::Keyed;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Share of a run's memory that is filled with records before they are put in order of their dates. An import has
/// nothing else to hold, and the more it sees at once the fewer entries a file in no order makes.
const SHARE: u64 = 8;

/// What came of an import.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ImportSummary {
    /// Id of the source.
    pub source: String,
    /// Sequence of the newest ledger entry.
    pub sequence: u64,
    /// Number of ledger entries that were committed.
    pub entries: u64,
    /// The files in the order given, up to the last one that was begun.
    pub files: Vec<ImportedFileSummary>,
    /// Whether it was told to stop before all files were read.
    pub stopped: bool,
    /// What should be known and is no failure, in words.
    pub notes: Vec<String>,
}

/// What came of one file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ImportedFileSummary {
    /// The file, as it was given.
    pub file: String,
    /// Its size in bytes, as stored; absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of it, as stored; absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What became of its records.
    pub counts: Counts,
    /// Number of records in it that the source is not configured to read. They are left out.
    pub unwanted: u64,
    /// Date of the oldest record that could be read, and of the newest; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<(NaiveDate, NaiveDate)>,
    /// Why it was not read to its end; absent where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Imports files as records of a source. `tenant` is that of records which state none, where the source has several.
///
/// # Errors
/// No lake, a job that only reads, a clock that something contradicts, a failing lake or ledger. A file that cannot
/// be read is part of the summary, and ends it.
pub async fn import(
    job: &Job,
    source: &JobSource,
    files: &[PathBuf],
    tenant: Option<&str>,
    stop: &watch::Receiver<bool>,
    observer: &dyn RunObserver,
) -> Result<ImportSummary, RunError> {
    observer.doing("reading the ledger");
    let ledger = open_writer(job).await?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let mut import = Import {
        now: ledger.attempt.now,
        committer: Committer::new(job, ledger, Seed(seed)),
        source,
        feeds: Feeds::of(source, tenant),
        memory: job.bounds.memory,
        entries: 0,
    };
    let mut summaries = Vec::with_capacity(files.len());
    for file in files {
        if *stop.borrow() {
            break;
        }
        observer.doing(&file.display().to_string());
        let summary = import.file(file, stop, observer).await?;
        let has_failed = summary.failure.is_some();
        summaries.push(summary);
        if has_failed {
            break;
        }
    }
    let Committer { ledger, ids, .. } = &mut import.committer;
    let mut notes = Vec::new();
    if import.entries > 0 {
        let saved = ledger.log.save_cache(&ledger.state).await;
        notes.extend(saved.err().map(|note| note.to_string()));
        let saved = ids.save(&ledger.log, &ledger.state).await;
        notes.extend(saved.err().map(|note| note.to_string()));
    }
    Ok(ImportSummary {
        source: source.id.clone(),
        sequence: ledger.state.head.sequence,
        entries: import.entries,
        files: summaries,
        stopped: *stop.borrow(),
        notes,
    })
}

struct Import<'a> {
    committer: Committer<'a>,
    source: &'a JobSource,
    feeds: Feeds,
    now: DateTime<Utc>,
    memory: u64,
    entries: u64,
}

impl Import<'_> {
    async fn file(
        &mut self,
        path: &Path,
        stop: &watch::Receiver<bool>,
        observer: &dyn RunObserver,
    ) -> Result<ImportedFileSummary, RunError> {
        let mut summary = ImportedFileSummary {
            file: path.display().to_string(),
            bytes: None,
            sha256: None,
            counts: Counts::default(),
            unwanted: 0,
            dates: None,
            failure: None,
        };
        let most = usize::try_from(self.source.limits.record_bytes).unwrap_or(usize::MAX);
        let owned = path.to_owned();
        let opened = in_background(move || {
            Ok(identify(&owned)
                .and_then(|identity| Ok((identity, RecordFile::open(&owned, most)?))))
        });
        let (identity, mut file) = match opened.await? {
            Ok(opened) => opened,
            Err(error) => {
                summary.failure = Some(error.to_string());
                return Ok(summary);
            }
        };
        summary.bytes = Some(identity.bytes);
        summary.sha256 = Some(identity.sha256.to_string());
        let name = path.file_name().unwrap_or(path.as_os_str());
        let imported = ImportedFile {
            name: name.to_string_lossy().into_owned(),
            bytes: identity.bytes,
            sha256: identity.sha256,
        };
        let mut large = Vec::new();
        loop {
            if *stop.borrow() {
                summary.failure = Some("the import was told to stop".to_owned());
                return Ok(summary);
            }
            let feed = Arc::clone(&self.source.source);
            let (bytes, rows) = (self.memory / SHARE, self.committer.bounds.records);
            let (back, batch, read) = in_background(move || {
                let (batch, read) = file.next(&*feed, bytes, rows);
                Ok((file, batch, read))
            })
            .await?;
            file = back;
            observer.records(batch.records.len() as u64);
            large.extend(batch.too_large);
            summary.unwanted += batch.unwanted;
            self.commit(batch.records, &imported, &mut summary).await?;
            if let Err(error) = read {
                summary.failure = Some(match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => {
                        "it ends in the middle of a value".to_owned()
                    }
                    _ => error.to_string(),
                });
                return Ok(summary);
            }
            if !batch.has_more {
                break;
            }
        }
        let ended = in_background(move || Ok(file.finish())).await?;
        summary.failure = match (ended, large.first()) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(read), _) if read != identity => Some(changed(identity, read)),
            (Ok(_), Some((number, bytes))) => Some(format!(
                "{} larger than `max_response` of the source, {most} bytes; the first is value {number} of the \
                 file, of {bytes} bytes",
                counted(large.len() as u64, "value is", "values are")
            )),
            (Ok(_), None) => None,
        };
        Ok(summary)
    }

    /// Commits records in order of their dates.
    async fn commit(
        &mut self,
        records: Vec<Keyed>,
        imported: &ImportedFile,
        summary: &mut ImportedFileSummary,
    ) -> Result<(), RunError> {
        for (date, feeds) in self.by_date(records) {
            let (first, last) = summary.dates.unwrap_or((date, date));
            if feeds
                .values()
                .flatten()
                .any(|record| record.time().is_some())
            {
                summary.dates = Some((first.min(date), last.max(date)));
            }
            let (now, bounds) = (self.now, self.committer.bounds);
            let pieces = feeds
                .into_iter()
                .flat_map(|(feed, records)| pieces(&feed, records, now, &bounds));
            let mut chunk = Chunk::default();
            for piece in pieces {
                if !chunk.takes(&piece, &bounds) {
                    let full = std::mem::take(&mut chunk);
                    self.settle(full, imported, summary).await?;
                }
                chunk.push(piece);
            }
            self.settle(chunk, imported, summary).await?;
        }
        Ok(())
    }

    async fn settle(
        &mut self,
        mut chunk: Chunk,
        imported: &ImportedFile,
        summary: &mut ImportedFileSummary,
    ) -> Result<(), RunError> {
        if chunk.is_empty() {
            return Ok(());
        }
        chunk.imported = Some(imported.clone());
        let days = match self.committer.settle(self.source, chunk).await? {
            Settled::Committed { ingest, .. } => {
                self.entries += 1;
                ingest.days
            }
            Settled::Nothing { days, .. } => days,
        };
        days.iter().for_each(|day| summary.counts.add(&day.counts));
        Ok(())
    }

    /// The records by the date that they are filed under, and by feed. Those without a readable time are filed under
    /// the date of the import.
    fn by_date(&self, records: Vec<Keyed>) -> BTreeMap<NaiveDate, BTreeMap<String, Vec<Keyed>>> {
        let mut dates: BTreeMap<NaiveDate, BTreeMap<String, Vec<Keyed>>> = BTreeMap::new();
        for record in records {
            let date = record.time().unwrap_or(self.now).date_naive();
            let feeds = dates.entry(date).or_default();
            let feed = self.feeds.of_record(&record);
            match feeds.get_mut(feed) {
                Some(records) => records.push(record),
                None => drop(feeds.insert(feed.to_owned(), vec![record])),
            }
        }
        dates
    }
}

/// Pieces of one feed and date, each within the bounds of a chunk, in order of time and id as the files of the lake.
fn pieces(
    feed: &str,
    mut records: Vec<Keyed>,
    now: DateTime<Utc>,
    bounds: &ChunkBounds,
) -> Vec<Piece> {
    let place = |record: &Keyed| record.time().unwrap_or(now);
    records.sort_by(|a, b| {
        let ids = || a.native_id().cmp(&b.native_id());
        place(a).cmp(&place(b)).then_with(ids)
    });
    let mut pieces: Vec<Piece> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let at = place(&record);
        let own = record.held_bytes();
        match pieces.last_mut() {
            Some(piece) if piece.records.len() < bounds.records && bytes + own <= bounds.bytes => {
                piece.window.to = at + TimeDelta::nanoseconds(1);
                piece.records.push(record);
                bytes += own;
            }
            _ => {
                pieces.push(Piece {
                    tenant: feed.to_owned(),
                    window: Window {
                        from: at,
                        to: at + TimeDelta::nanoseconds(1),
                    },
                    records: vec![record],
                    objects: Vec::new(),
                    shown: Shown::Nothing,
                });
                bytes = own;
            }
        }
    }
    pieces
}

/// To which feed of the source a record belongs.
struct Feeds {
    /// The feeds of single tenants.
    tenants: Vec<String>,
    /// That of records of which nothing says more.
    other: String,
}

impl Feeds {
    fn of(source: &JobSource, tenant: Option<&str>) -> Self {
        let mut tenants: Vec<String> = source.source.tenants().iter().map(name_of).collect();
        let across = tenants.iter().position(|feed| feed == ALL_TENANTS);
        let other = match (across, tenant, tenants.first()) {
            (Some(_), ..) => ALL_TENANTS.to_owned(),
            (None, Some(tenant), _) => tenant.to_owned(),
            (None, None, Some(first)) => first.clone(),
            (None, None, None) => ALL_TENANTS.to_owned(),
        };
        if across.is_some() {
            tenants.clear();
        }
        Self { tenants, other }
    }

    fn of_record(&self, record: &Keyed) -> &str {
        let stated = record
            .key
            .as_ref()
            .ok()
            .and_then(|key| key.tenant.as_deref());
        let feed = stated.and_then(|stated| self.tenants.iter().find(|feed| *feed == stated));
        feed.unwrap_or(&self.other)
    }
}

fn changed(before: FileIdentity, read: FileIdentity) -> String {
    format!(
        "it changed while it was read: it had {} bytes with SHA-256 {}, then {} with {}",
        before.bytes, before.sha256, read.bytes, read.sha256
    )
}
