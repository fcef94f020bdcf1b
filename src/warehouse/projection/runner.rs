//! Doing a job to its end: start or adopt it, ask how it stands, judge how it ended, and try again under
//! another id where that may help.
//!
//! Every id is derived from what the job is about, so that two processes with the same job meet at one. A
//! service does nothing for an id that it knows, so another attempt needs another id.

use super::opened::Projection;
use crate::failpoint;
use crate::ledger::digest::Digest;
use crate::warehouse::contract::{
    Class, JobDone, JobFailure, JobId, JobState, JobWork, Started, TableKind, WarehouseError,
};
use tokio::sync::watch;

/// How often a job that was started is asked for although the service says that there is none:
/// after "exists already", or right after a start, that answer is not to be believed.
const NOT_FOUND_TRIES: u32 = 4;

/// How often one job is attempted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempts {
    /// Number of the first attempt.
    pub(crate) first: u32,
    /// Most attempts where the service says that the same may work later.
    pub(crate) passing: u32,
    /// Most attempts where it refuses.
    pub(crate) refused: u32,
}

impl Attempts {
    /// One only.
    pub(crate) const ONE: Self = Self {
        first: 0,
        passing: 1,
        refused: 1,
    };

    fn is_last(self, attempt: u32, failure: &JobFailure) -> bool {
        let most = match failure.class.passes() {
            true => self.passing,
            false => self.refused,
        };
        attempt - self.first + 1 >= most
    }
}

/// A job, whichever attempt does it.
pub(crate) struct WarehouseJob<'a> {
    pub(crate) work: &'a JobWork,
    pub(crate) attempts: Attempts,
    /// The id of an attempt.
    pub(crate) id: &'a (dyn Fn(u32) -> JobId + Sync),
    /// Failpoints before and after an attempt.
    pub(crate) failpoints: Option<[&'static str; 2]>,
}

/// How a job ended for whoever waited for it.
#[derive(Debug)]
pub(crate) enum JobEnd {
    /// It did what it was to do.
    Done {
        /// The id under which it did.
        id: JobId,
        /// Number of that attempt.
        attempt: u32,
        /// What it did.
        done: JobDone,
    },
    /// All attempts failed, so nothing was done.
    Failed {
        /// The last one.
        failure: JobFailure,
        /// Number of the next attempt.
        next: u32,
    },
    /// We were told to stop while it was under way. It goes on; the next run adopts it.
    UnderWay,
}

/// Does a job to its end.
///
/// # Errors
/// A call to the service failed. What became of the job is for the next run to find out.
pub(crate) async fn run_job(
    projection: &Projection,
    stop: &watch::Receiver<bool>,
    job: &WarehouseJob<'_>,
) -> Result<JobEnd, WarehouseError> {
    let hit = |place: usize| {
        if let Some(names) = job.failpoints {
            failpoint::hit(names[place]);
        }
    };
    let mut attempt = job.attempts.first;
    loop {
        let id = (job.id)(attempt);
        hit(0);
        let ended = attempt_once(projection, stop, &id, job.work).await?;
        hit(1);
        let failure = match ended {
            Some(Ok(done)) => return Ok(JobEnd::Done { id, attempt, done }),
            Some(Err(failure)) => failure,
            None => return Ok(JobEnd::UnderWay),
        };
        let is_last = job.attempts.is_last(attempt, &failure);
        attempt += 1;
        if is_last {
            return Ok(JobEnd::Failed {
                failure,
                next: attempt,
            });
        }
        tracing::debug!(job = %id, said = failure.said, "trying again under another job id");
    }
}

/// Starts a job, or adopts the one that has its id, and waits for its end; `None` if we were told to stop
/// meanwhile.
async fn attempt_once(
    projection: &Projection,
    stop: &watch::Receiver<bool>,
    id: &JobId,
    work: &JobWork,
) -> Result<Option<Result<JobDone, JobFailure>>, WarehouseError> {
    let (warehouse, pace) = (&*projection.warehouse, projection.settings.pace);
    let started = warehouse.start(id, work).await?;
    if started == Started::Exists {
        tracing::debug!(job = %id, "a job with this id exists: waiting for it");
    }
    let mut stop = stop.clone();
    let mut wait = pace.first;
    let mut absent = 0;
    loop {
        match warehouse.job(id).await? {
            Some(JobState::Done(end)) => return Ok(Some(end)),
            Some(JobState::Pending | JobState::Running) => absent = 0,
            None if absent < NOT_FOUND_TRIES => absent += 1,
            None => {
                return Err(WarehouseError {
                    class: Class::Unknown,
                    target: warehouse.target().to_owned(),
                    action: work.describe(),
                    said: format!("job {id} was started, and the service does not know it"),
                    retry_after: None,
                });
            }
        }
        if *stop.borrow() {
            return Ok(None);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // A sender that is gone will not tell us to stop any more.
            told = stop.changed() => if told.is_err() { tokio::time::sleep(wait).await },
        }
        wait = (wait * 2).min(pace.longest);
    }
}

/// The id of a job that nobody else needs to find: `asker` and the number make it unique.
pub(crate) fn own_job_id(
    projection: &Projection,
    purpose: &str,
    kind: TableKind,
    asker: &str,
) -> JobId {
    let number = projection.next_number();
    JobId::of(&["trailhouse", purpose, kind.in_job_id(), asker, &number])
}

/// What tells the jobs of one table from those of any other lake, place or incarnation.
pub(crate) fn mark(
    projection: &Projection,
    lake_id: &str,
    table: &str,
    incarnation: u64,
) -> String {
    let warehouse = &*projection.warehouse;
    let (target, location) = (warehouse.target(), warehouse.location());
    let all = format!("{lake_id}\n{target}\n{location}\n{table}\n{incarnation}");
    Digest::of(all.as_bytes()).to_string()[..32].to_owned()
}
