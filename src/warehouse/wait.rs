//! Doing a job to its end: start or adopt it, ask how it stands, and know when to stop asking.

use super::error::{Class, WarehouseError};
use super::{JobDone, JobFailure, JobId, JobState, Started, Warehouse, Work};
use std::time::Duration;
use tokio::sync::watch;

/// How often a job is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Wait before the second question; it doubles from question to question.
    pub first: Duration,
    /// Longest wait between two questions.
    pub longest: Duration,
}

impl Default for Pace {
    /// From half a second to ten: a load of some megabytes takes seconds.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
        }
    }
}

/// How often a job that was started is asked for although the service says that there is none:
/// after "exists already", or right after a start, that answer is not to be believed.
const NOT_FOUND_TRIES: u32 = 4;

/// How a job ended for whoever waited for it.
#[derive(Debug)]
pub(super) enum Ended {
    /// It has ended.
    Done(Result<JobDone, JobFailure>),
    /// We were told to stop while it was under way. It goes on; the next run adopts it.
    UnderWay,
}

/// Starts a job, or adopts the one that has its id, and waits for its end.
pub(super) async fn do_job(
    warehouse: &dyn Warehouse,
    id: &JobId,
    work: &Work,
    pace: Pace,
    stop: &watch::Receiver<bool>,
) -> Result<Ended, WarehouseError> {
    let started = warehouse.start(id, work).await?;
    if started == Started::Exists {
        tracing::debug!(job = %id, "a job with this id exists: waiting for it");
    }
    let mut stop = stop.clone();
    let mut wait = pace.first;
    let mut absent = 0;
    loop {
        match warehouse.job(id).await? {
            Some(JobState::Done(end)) => return Ok(Ended::Done(end)),
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
            return Ok(Ended::UnderWay);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // A sender that is gone will not tell us to stop any more.
            told = stop.changed() => if told.is_err() { tokio::time::sleep(wait).await },
        }
        wait = (wait * 2).min(pace.longest);
    }
}
