//! Verification of a whole ledger and lake, from a copy of the bucket and a public key alone.

use super::doubled::{Doubled, doubled};
use crate::lake::{Belonging, Bucket, FileFacts, ReadError, StoreError, verify_file};
use crate::ledger::entry::{FileEntry, Trust};
use crate::ledger::log::{Log, LogError};
use crate::ledger::state::{LiveFile, State};
use crate::plural::counted;
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How much is verified.
#[derive(Debug, Clone, Copy, Default)]
pub struct Depth {
    /// Read every file, not only its size.
    pub deep: bool,
    /// Check only files that this entry or a later one added. Entries are always checked all.
    pub since: Option<Since>,
}

/// From where on files are checked.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// From this entry on.
    Sequence(u64),
    /// From the first entry written on this UTC date on.
    Date(NaiveDate),
}

/// What a verification found.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// The lake, where its ledger could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lake_id: Option<String>,
    /// Newest entry that was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Entries verified.
    pub entries: u64,
    /// Files checked.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows whose hashes were recomputed.
    pub rows: u64,
    /// Data files in the bucket that no entry names: left by runs that died. No harm.
    pub orphans: u64,
    /// Everything that does not fit.
    pub problems: Vec<Problem>,
    /// Events that the files hold more than once, where files were read; 1,000 at most. The files
    /// are as their entries say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubled: Vec<Doubled>,
}

/// Something that does not fit.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The object.
    pub object: String,
    /// What does not fit.
    pub what: String,
}

/// Why a verification could not be done, which says nothing about the lake.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no ledger.
    #[error("there is no ledger in {0}")]
    NoLedger(String),
}

/// Verifies the ledger in a bucket, and the files that it names.
///
/// # Errors
/// Only what hinders looking; what does not fit is part of the result.
pub async fn verify(
    bucket: &Bucket,
    root: Trust,
    depth: Depth,
    looked_at: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verified, VerifyError> {
    let log = Log::read_only(bucket.clone(), root);
    let mut found = Verified {
        lake_id: None,
        sequence: None,
        entries: 0,
        files: 0,
        bytes: 0,
        rows: 0,
        orphans: 0,
        problems: Vec::new(),
        doubled: Vec::new(),
    };
    let folded = match log.fold().await {
        // Something may be left that stands on a ledger.
        Ok(None) => log.load().await.map(|_| None),
        folded => folded,
    };
    let state = match folded {
        Ok(Some(state)) => state,
        Ok(None) => return Err(VerifyError::NoLedger(bucket.url().to_owned())),
        Err(error) if error.is_integrity() => {
            found.problems.push(Problem {
                object: bucket.url().to_owned(),
                what: error.to_string(),
            });
            return Ok(found);
        }
        Err(error) => return Err(error.into()),
    };
    found.lake_id = Some(state.lake_id.clone());
    found.sequence = Some(state.head.sequence);
    found.entries = state.head.sequence + 1;
    check_cache(&log, &state, &mut found).await?;
    check_files(bucket, &state, depth, &mut found, looked_at).await?;
    if depth.deep {
        let first = first_sequence(&state, depth.since);
        let broken: BTreeSet<&str> = found.problems.iter().map(|it| it.object.as_str()).collect();
        let is_whole = |live: &&LiveFile| {
            live.sequence >= first && !broken.contains(live.file.path.to_string().as_str())
        };
        let files: Vec<&LiveFile> = state.live_files().filter(is_whole).collect();
        found.doubled = doubled(bucket, &files).await?;
    }
    if !found.problems.is_empty() {
        forgive_what_went_meanwhile(&log, &state, &mut found).await?;
    }
    Ok(found)
}

/// While we were looking, entries may have been added that decided files to go by rule: that these are
/// missing is as it should be.
async fn forgive_what_went_meanwhile(
    log: &Log,
    state: &State,
    found: &mut Verified,
) -> Result<(), VerifyError> {
    let mut newest = Some(state.clone());
    match log.catch_up(&mut newest).await {
        Ok(()) => {}
        // It was whole a moment ago; what is wrong with it now is for the next one to say.
        Err(error) if error.is_integrity() => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let Some(newest) = newest else {
        return Ok(());
    };
    let paths = |state: &State| -> BTreeSet<String> {
        let files = state.live_files().map(|live| live.file.path.to_string());
        files.collect()
    };
    let (before, now) = (paths(state), paths(&newest));
    found
        .problems
        .retain(|problem| !before.contains(&problem.object) || now.contains(&problem.object));
    Ok(())
}

/// The newest state cache must tell what the entries tell.
async fn check_cache(log: &Log, state: &State, found: &mut Verified) -> Result<(), VerifyError> {
    match log.load().await {
        Ok(Some(loaded)) if loaded == *state => {}
        // Others have added entries since ours were read.
        Ok(Some(loaded)) if loaded.head.sequence > state.head.sequence => {
            let mut later = Some(state.clone());
            log.catch_up(&mut later).await?;
            // Whoever adds more while we look is beyond what can be compared.
            let differs = later.is_some_and(|later| {
                later.head.sequence == loaded.head.sequence && later != loaded
            });
            if differs {
                found.problems.push(other_cache());
            }
        }
        Ok(_) => found.problems.push(other_cache()),
        Err(error) if error.is_integrity() => found.problems.push(Problem {
            object: crate::lake::layout::STATE_FOLDER.to_owned(),
            what: error.to_string(),
        }),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn other_cache() -> Problem {
    Problem {
        object: crate::lake::layout::STATE_FOLDER.to_owned(),
        what: "the state cache tells something else than the entries".to_owned(),
    }
}

async fn check_files(
    bucket: &Bucket,
    state: &State,
    depth: Depth,
    found: &mut Verified,
    looked_at: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), VerifyError> {
    let mut present: BTreeMap<String, u64> = BTreeMap::new();
    for folder in ["events", "quarantine"] {
        let mut listing = bucket.list(folder, None);
        while let Some(listed) = listing.try_next().await? {
            present.insert(listed.name, listed.bytes);
        }
    }
    let first = first_sequence(state, depth.since);
    let batches: BTreeMap<u64, &str> = state
        .batches
        .iter()
        .map(|batch| (batch.sequence, batch.batch_id.as_str()))
        .collect();
    let wanted: Vec<&LiveFile> = state.live_files().collect();
    let total = wanted.len() as u64;
    let mut not_listed = Vec::new();
    for live in wanted {
        let file = &live.file;
        let size = present.remove(&file.path.to_string());
        if live.sequence < first {
            continue;
        }
        found.files += 1;
        found.bytes += file.bytes;
        looked_at(found.files, total);
        let Some(size) = size else {
            not_listed.push(file.path.to_string());
            continue;
        };
        if size != file.bytes {
            let size = counted(size, "byte", "bytes");
            let what = format!("the file has {size}, its entry states {}", file.bytes);
            found.problems.push(problem(file, &what));
            continue;
        }
        if depth.deep {
            let belonging = Belonging {
                lake_id: state.lake_id.clone(),
                batch_id: batches
                    .get(&live.sequence)
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
            };
            check_content(bucket, file, &belonging, found).await?;
        }
    }
    for path in bucket.missing_of(not_listed).await? {
        found.problems.push(Problem {
            object: path,
            what: "the file is missing".to_owned(),
        });
    }
    // What was decided to go may still be there, and is no orphan.
    for open in state.retention.open.values() {
        for live in open.files_left() {
            present.remove(&live.file.path.to_string());
        }
    }
    found.orphans = present.len() as u64;
    Ok(())
}

async fn check_content(
    bucket: &Bucket,
    file: &FileEntry,
    belonging: &Belonging,
    found: &mut Verified,
) -> Result<(), VerifyError> {
    let facts = match facts(file) {
        Ok(facts) => facts,
        Err(what) => {
            found.problems.push(problem(file, &what));
            return Ok(());
        }
    };
    let mismatches = match verify_file(bucket, &facts, belonging).await {
        Ok(mismatches) => mismatches,
        // It was there when it was listed.
        Err(ReadError::Store(StoreError::NotFound { .. } | StoreError::Missing { .. })) => {
            found.problems.push(problem(file, "the file is missing"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    found.rows += file.rows;
    found
        .problems
        .extend(mismatches.iter().map(|it| problem(file, &it.to_string())));
    Ok(())
}

fn problem(file: &FileEntry, what: &str) -> Problem {
    Problem {
        object: file.path.to_string(),
        what: what.to_owned(),
    }
}

/// What an entry states of a file, as the lake checks it.
fn facts(file: &FileEntry) -> Result<FileFacts, String> {
    let parsed = file.path.data_file().map_err(|error| format!("{error}"))?;
    let partition = &parsed.partition;
    let category = partition.category().map(|category| category.name());
    if partition.table() != file.table
        || partition.date() != file.date
        || partition.source() != file.source.as_str()
        || category != file.category.as_deref()
    {
        return Err("its name says something else than its entry".to_owned());
    }
    Ok(FileFacts {
        file: parsed,
        bytes: file.bytes,
        sha256: file.sha256.0,
        md5: file.md5.map(|md5| md5.0),
        rows: file.rows,
        times: file.times.map(|times| crate::lake::TimeRange {
            first: times.first,
            last: times.last,
        }),
        records_root: file.records_root.0,
        statistics: file.statistics.clone().into(),
    })
}

fn first_sequence(state: &State, since: Option<Since>) -> u64 {
    match since {
        None => 0,
        Some(Since::Sequence(sequence)) => sequence,
        Some(Since::Date(date)) => state
            .batches
            .iter()
            .find(|batch| batch.written_at.date_naive() >= date)
            .map_or(u64::MAX, |batch| batch.sequence),
    }
}
