//! One load job for each entry.

use crate::warehouse::contract::{JobId, JobWork, TableKind};
use crate::warehouse::pending::{Pending, rows};
use crate::warehouse::projection::{
    Attempts, FilesChecked, Filling, JobEnd, Projection, ProjectionError, StagingPurpose,
    WarehouseJob, mark, run_job,
};
use futures::StreamExt as _;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Attempts of one entry within one run, where the service says that the same may work later.
const ATTEMPTS_PER_RUN: u32 = 3;

/// What the loads of one table have in common.
pub(crate) struct Loading<'a> {
    pub(crate) projection: &'a Projection,
    pub(crate) filling: Filling<'a>,
    pub(crate) kind: TableKind,
    pub(crate) incarnation: u64,
}

/// A load that ended with an error.
#[derive(Debug)]
pub(crate) struct LoadRefusal {
    pub(crate) sequence: u64,
    /// Attempts that have ended so.
    pub(crate) attempts: u32,
    /// Stable code.
    pub(crate) reason: String,
    /// In words.
    pub(crate) said: String,
}

/// What became of all loads.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Entries all of whose rows are in.
    pub(crate) loaded: BTreeSet<u64>,
    /// Their files, by how they were checked.
    pub(crate) checked: FilesChecked,
    /// Entries whose jobs failed.
    pub(crate) failed: Vec<LoadRefusal>,
    /// What kept the others from being tried.
    pub(crate) stopped_by: Option<ProjectionError>,
}

/// How the load of one entry ended.
enum LoadEnd {
    Loaded(FilesChecked),
    Failed(LoadRefusal),
    /// Told to stop: not begun, or under way.
    Stopped,
}

/// Loads entries, several at a time. A call that fails keeps those from being started that were not
/// yet: what one of them meets, all of them meet.
pub(crate) async fn load(loading: &Loading<'_>, pending: &[Pending<'_>]) -> Ends {
    let ends = Mutex::new(Ends::default());
    let done = AtomicUsize::new(0);
    let concurrency = loading.projection.settings.concurrency.max(1);
    let stopped = || {
        *loading.filling.stop.borrow() || ends.lock().is_ok_and(|ends| ends.stopped_by.is_some())
    };
    let tell = |so_far: usize| {
        (loading.filling.say)(&format!(
            "{}: {so_far} of {} entries loaded into {}",
            loading.projection.name,
            pending.len(),
            loading.kind.table(),
        ));
    };
    if !pending.is_empty() {
        tell(0);
    }
    futures::stream::iter(pending)
        .for_each_concurrent(concurrency, |entry| {
            let (ends, done, stopped, tell) = (&ends, &done, &stopped, &tell);
            async move {
                if stopped() {
                    return;
                }
                let end = load_entry(loading, entry).await;
                let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
                tell(so_far);
                let Ok(mut ends) = ends.lock() else { return };
                match end {
                    Ok(LoadEnd::Loaded(checks)) => {
                        ends.loaded.insert(entry.sequence);
                        ends.checked.add(checks);
                    }
                    Ok(LoadEnd::Failed(failed)) => ends.failed.push(failed),
                    Ok(LoadEnd::Stopped) => {}
                    Err(error) => {
                        ends.stopped_by.get_or_insert(error);
                    }
                }
            }
        })
        .await;
    let mut ends = ends.into_inner().unwrap_or_default();
    ends.failed.sort_by_key(|failed| failed.sequence);
    ends
}

async fn load_entry(
    loading: &Loading<'_>,
    entry: &Pending<'_>,
) -> Result<LoadEnd, ProjectionError> {
    let filling = &loading.filling;
    let projection = loading.projection;
    let mut attempts = entry.attempt;
    let mut checks = FilesChecked::default();
    let limits = projection.warehouse.limits();
    for (part, files) in entry.parts(limits).into_iter().enumerate() {
        let purpose = StagingPurpose::Entry {
            sequence: entry.sequence,
            table: loading.kind.in_job_id(),
            part,
            cut: entry.cut,
        };
        let sources = projection.staging.sources(filling, purpose, &files);
        let sources = sources.await?;
        let work = JobWork::Append {
            table: loading.kind.table().to_owned(),
            columns: loading.kind.columns(),
            files: sources.uris(),
        };
        let job = WarehouseJob {
            work: &work,
            attempts: Attempts {
                // Those of the parts before count for the entry.
                passing: entry.attempt + ATTEMPTS_PER_RUN - attempts,
                refused: 1,
                first: attempts,
            },
            id: &|attempt| loading.job_id(entry.sequence, part, attempt, entry.cut),
            failpoints: Some(["warehouse.load.before", "warehouse.load.after"]),
        };
        match run_job(projection, filling.stop, &job).await? {
            JobEnd::UnderWay => return Ok(LoadEnd::Stopped),
            JobEnd::Done { done, attempt, .. } if done.output_rows == Some(rows(&files)) => {
                attempts = attempt;
                sources.expect_unchanged().await?;
                checks.add(sources.checks());
            }
            // The rows are in, and are not what was sent: no other attempt may add to them.
            JobEnd::Done { id, done, attempt } => {
                let found = done.output_rows;
                let found = found.map_or("an unknown number".to_owned(), |n| n.to_string());
                return Ok(LoadEnd::Failed(LoadRefusal {
                    sequence: entry.sequence,
                    attempts: attempt,
                    reason: "row_count".to_owned(),
                    said: format!("job {id} wrote {found} of {} rows", rows(&files)),
                }));
            }
            JobEnd::Failed { failure, next } => {
                return Ok(LoadEnd::Failed(LoadRefusal {
                    sequence: entry.sequence,
                    attempts: next,
                    reason: failure.reason,
                    said: failure.said,
                }));
            }
        }
    }
    Ok(LoadEnd::Loaded(checks))
}

impl Loading<'_> {
    /// Whoever loads this entry into this table derives the same id, so that two of them meet at one
    /// job. Another lake, place or incarnation makes another one.
    /// After a decision of retention has taken files of the entry it is yet another: what a job of one
    /// id loads never changes.
    pub(crate) fn job_id(
        &self,
        sequence: u64,
        part: usize,
        attempt: u32,
        cut: Option<u64>,
    ) -> JobId {
        let mark = mark(
            self.projection,
            &self.filling.state.lake_id,
            self.kind.table(),
            self.incarnation,
        );
        let (sequence, part, attempt) =
            (sequence.to_string(), part.to_string(), attempt.to_string());
        let cut = cut.map(|decision| format!("cut-{decision}"));
        let kind = self.kind.in_job_id();
        let mut parts = vec![
            "trailhouse",
            "load",
            kind,
            &sequence,
            &part,
            &attempt,
            &mark,
        ];
        parts.extend(cut.as_deref());
        JobId::of(&parts)
    }
}
