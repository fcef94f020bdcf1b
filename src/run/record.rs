//! One entry that somebody has decided on, without a run around it.

use super::RunError;
use super::ingest::{Attempt, Committer};
use super::job::Job;
use crate::ledger::entry::Body;
use crate::ledger::rebase::Rebase;
use crate::ledger::state::State;

/// An entry that was committed, and the state with it.
#[derive(Debug)]
pub struct Recorded {
    /// Its sequence.
    pub sequence: u64,
    /// The ledger's state.
    pub state: State,
}

/// Commits an entry of its own: a hold, or the release of one.
///
/// # Errors
/// No lake yet, a job that only reads, an entry that the ledger does not take, or a failing ledger.
pub async fn record(job: &Job, body: Body) -> Result<Recorded, RunError> {
    let (log, state, attempt) = Attempt::on_ledger(job).await?;
    let mut committer = Committer::new(job, &log, &attempt, state);
    if committer.commit(&attempt.draft(body)).await? == Rebase::CompareAgain {
        return Err(RunError::DecidedMeanwhile);
    }
    Ok(Recorded {
        sequence: committer.state.head.sequence,
        state: committer.state,
    })
}
