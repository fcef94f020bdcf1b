//! The ledger of a job, to plan on or to commit to.

use super::Job;
use super::clocks::{look_at_clocks, refuse_contradicted};
use crate::lake::layout::RunId;
use crate::ledger::writer::{Attempt, Writer};
use crate::run::error::RunError;

/// The ledger of a job as it is, to plan on: there must be one. Nothing may be committed before
/// [`refuse_contradicted`] has accepted its time.
///
/// # Errors
/// No lake, or one that cannot be read.
pub(in crate::run) async fn open_ledger(job: &Job) -> Result<Writer, RunError> {
    let log = job.log();
    let state = log.load().await?.ok_or(RunError::NoLake)?;
    let now = look_at_clocks(job.clock.now(), &job.bucket, &job.sources, Some(&state));
    let attempt = Attempt::new(RunId::draw(now.at())?, now, job.config_sha256);
    Ok(Writer {
        log,
        attempt,
        state,
    })
}

/// The ledger of a job, to commit to.
///
/// # Errors
/// No lake, a job that only reads, or a clock that something contradicts.
pub(in crate::run) async fn open_writer(job: &Job) -> Result<Writer, RunError> {
    job.refuse_to_only_read()?;
    let ledger = open_ledger(job).await?;
    refuse_contradicted(ledger.attempt.clock.clone())?;
    Ok(ledger)
}
