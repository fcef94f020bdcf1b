//! Removing what dead runs have left: decide, execute, receipt.

use super::RunError;
use super::ingest::{Attempt, Committer};
use super::job::Job;
use super::now::{look_at_clocks, refuse_contradicted};
use super::observer::Observer;
use crate::failpoint;
use crate::ledger::entry::{Body, Done, DoneOutcome, Sweep, SweptObject};
use crate::ledger::rebase::Rebase;
use crate::retention::{orphans, youngest};
use crate::store::{Listed, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use serde::Serialize;
use std::collections::HashSet;

/// Most files of one decision, so that an entry stays small; the rest goes with the next.
const AT_ONCE: usize = 10_000;

/// What a sweep found, and did.
#[derive(Debug, Clone, Serialize)]
pub struct Swept {
    /// Files older than this were looked for.
    #[serde(with = "crate::window::instant")]
    pub older_than: DateTime<Utc>,
    /// Orphans that were found now.
    pub found: Vec<SweptObject>,
    /// Objects that were removed, of these and of decisions that were open.
    pub removed: u64,
    /// Objects that the store refused to remove.
    pub refused: Vec<String>,
    /// Whether anything was removed at all, or only looked for.
    pub dry_run: bool,
    /// What speaks against the clock by which files are old; nothing is removed then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clock: Vec<String>,
}

/// Looks for orphans, and removes them unless told only to look. How old a file is says the clock, so
/// nothing is removed where nothing bears that out.
///
/// # Errors
/// No lake; where something is to be removed a job that only reads, or a clock that something contradicts
/// or nothing bears out; or a failing store or ledger.
pub async fn sweep(
    job: &Job,
    deadline: TimeDelta,
    dry_run: bool,
    observer: &dyn Observer,
) -> Result<Swept, RunError> {
    if !dry_run {
        job.refuse_to_only_read()?;
    }
    let log = job.log();
    observer.doing("reading the ledger");
    let state = log.load().await?.ok_or(RunError::NoLake)?;
    let clock = look_at_clocks(job.clock.now(), &job.bucket, &job.sources, Some(&state));
    let objections = clock.objections();
    if !dry_run {
        refuse_contradicted(clock.clone())?;
        if let Some(objection) = objections.first() {
            return Err(RunError::UnprovenClock(objection.clone()));
        }
    }
    let attempt = Attempt::without_files(job, clock)?;
    let older_than = attempt.now - youngest(deadline);
    observer.doing("listing the lake");
    let mut listed: Vec<Listed> = Vec::new();
    for folder in ["events", "quarantine"] {
        let found: Vec<Listed> = job
            .bucket
            .list(folder, None)
            .try_collect()
            .await
            .map_err(store)?;
        listed.extend(found);
    }
    // What is decided already is no finding of now. What a store has refused before is one again.
    let mut found = orphans(&state, &listed, older_than, attempt.now);
    let decided = state.sweeps.values().flat_map(|sweep| &sweep.objects);
    let decided: HashSet<&str> = decided.map(|object| object.path.as_str()).collect();
    found.retain(|object| !decided.contains(object.path.as_str()));
    let mut swept = Swept {
        older_than,
        found: found.clone(),
        removed: 0,
        refused: Vec::new(),
        dry_run,
        clock: objections,
    };
    if dry_run {
        return Ok(swept);
    }
    let mut committer = Committer::new(job, &log, &attempt, state);
    for objects in found.chunks(AT_ONCE) {
        let decision = Body::Sweep(Box::new(Sweep {
            objects: objects.to_vec(),
            older_than,
        }));
        if committer.commit(&attempt.draft(decision)).await? == Rebase::CompareAgain {
            return Err(RunError::DecidedMeanwhile);
        }
    }
    let open: Vec<(u64, Sweep)> = committer
        .state
        .sweeps
        .iter()
        .map(|(decision, sweep)| (*decision, sweep.clone()))
        .collect();
    for (decision, sweep) in open {
        // Others may have done it while we were at the one before.
        if !committer.state.sweeps.contains_key(&decision) {
            continue;
        }
        observer.doing("removing files of dead runs");
        let (mut removed, mut refused) = (0, Vec::new());
        for object in &sweep.objects {
            failpoint::hit("sweep.delete.before");
            match job.bucket.delete(&object.path).await {
                Ok(()) => removed += 1,
                // A lock keeps it, or we may not: it stays, and is said to.
                Err(StoreError::Denied { .. }) => refused.push(object.path.clone()),
                Err(error) => return Err(store(error)),
            }
            failpoint::hit("sweep.delete.after");
        }
        let outcome = DoneOutcome::Swept {
            removed,
            refused: refused.len() as u64,
        };
        let done = Body::Done(Box::new(Done { decision, outcome }));
        // Where another process was first, its word is as good as ours.
        let _: Rebase = committer.commit(&attempt.draft(done)).await?;
        swept.removed += removed;
        swept.refused.extend(refused);
    }
    Ok(swept)
}

fn store(error: StoreError) -> RunError {
    RunError::Log(error.into())
}
