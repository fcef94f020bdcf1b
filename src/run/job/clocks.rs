//! Reading the clocks that [`crate::clock::judge`] judges.

use super::{Job, JobSource};
use crate::clock::{Now, Witness, WitnessReading, judge};
use crate::ledger::state::State;
use crate::run::error::RunError;
use crate::store::Bucket;
use chrono::{DateTime, Utc};

/// What time it is, by this machine's clock and those of the store and of all sources that have answered
/// so far. `state` is that of the ledger; `None` where there is no lake yet.
pub fn look_at_clocks(
    machine: DateTime<Utc>,
    bucket: &Bucket,
    sources: &[JobSource],
    state: Option<&State>,
) -> Now {
    let store = bucket.clock().now().map(|at| WitnessReading {
        witness: Witness::Store,
        at,
    });
    let sources = sources.iter().filter_map(|source| {
        let reading = source.source.clock()?;
        Some(WitnessReading {
            witness: Witness::Source(source.id.clone()),
            at: machine + reading.offset(),
        })
    });
    let readings: Vec<WitnessReading> = store.into_iter().chain(sources).collect();
    judge(machine, &readings, state.map(|state| &state.clock))
}

/// Loads the ledger, asks every source for its time, and compares the clocks. A source that does not answer
/// tells none.
///
/// # Errors
/// A ledger that cannot be read.
pub async fn compare_clocks(job: &Job) -> Result<(Option<State>, Now), RunError> {
    let state = job.log().load().await?;
    for source in &job.sources {
        if let Some(tenant) = source.source.tenants().first()
            && let Err(error) = source.source.control_request(tenant).await
        {
            tracing::debug!(source = %source.id, %error, "asked for the time");
        }
    }
    let machine = job.clock.now();
    let now = look_at_clocks(machine, &job.bucket, &job.sources, state.as_ref());
    Ok((state, now))
}

/// The time of a job that is going to write entries.
///
/// # Errors
/// [`RunError::Clock`] where something contradicts it: nothing may be written then.
pub(in crate::run) fn now_to_write(job: &Job, state: Option<&State>) -> Result<Now, RunError> {
    let now = look_at_clocks(job.clock.now(), &job.bucket, &job.sources, state);
    refuse_contradicted(now)
}

/// Refuses a time that something contradicts.
///
/// # Errors
/// [`RunError::Clock`].
pub(in crate::run) fn refuse_contradicted(now: Now) -> Result<Now, RunError> {
    match now.contradictions() {
        [] => Ok(now),
        found => Err(RunError::Clock(found.to_vec())),
    }
}
