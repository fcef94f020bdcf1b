//! Entries that somebody has decided on, without a run around them.

use super::error::RunError;
use super::job::Job;
use super::job::{compare_clocks, look_at_clocks, open_writer};
use crate::clock::Now;
use crate::decision::DecisionError;
use crate::lake::layout::RunId;
use crate::ledger::entry::{Body, ClockConfirmation, Hold};
use crate::ledger::rebase::Rebase;
use crate::ledger::state::State;
use crate::ledger::writer::{Attempt, Writer};
use chrono::NaiveDate;

/// An entry that was committed, and the state with it.
#[derive(Debug)]
pub struct Recorded {
    /// Its sequence.
    pub sequence: u64,
    /// The ledger's state.
    pub state: State,
    /// What time it is, as it stands with that state.
    pub now: Now,
}

/// Commits an entry of its own: the release of a hold.
///
/// # Errors
/// No lake yet, a job that only reads, a clock that something contradicts, an entry that the ledger does
/// not take, or a failing ledger.
pub async fn record(job: &Job, body: Body) -> Result<Recorded, RunError> {
    commit(open_writer(job).await?, body).await
}

/// Places a hold.
///
/// # Errors
/// As [`record`], and a hold that cannot be placed.
pub async fn place_hold(job: &Job, hold: Hold) -> Result<Recorded, RunError> {
    let ledger = open_writer(job).await?;
    hold.check(ledger.attempt.clock.proven_date())?;
    commit(ledger, Body::Hold(Box::new(hold))).await
}

/// Commits what a person says: that this machine's clock is right, and that today is `today` (UTC). From
/// then on the ledger goes by it, whatever its entries before have said. What a person says does not
/// outweigh the clock of a witness.
///
/// # Errors
/// As [`record`], and a date that is not the clock's.
pub async fn confirm_clock(
    job: &Job,
    today: NaiveDate,
    confirmation: ClockConfirmation,
) -> Result<Recorded, RunError> {
    job.refuse_to_only_read()?;
    let (state, now) = compare_clocks(job).await?;
    let state = state.ok_or(RunError::NoLake)?;
    let witnesses = now.contradicted_by_witnesses();
    if !witnesses.is_empty() {
        return Err(RunError::Clock(witnesses));
    }
    let clock = now.at().date_naive();
    if clock != today {
        return Err(RunError::OtherDate {
            clock,
            given: today,
        });
    }
    let ledger = Writer {
        log: job.log(),
        attempt: Attempt::new(RunId::draw(now.at())?, now, job.config_sha256),
        state,
    };
    let mut recorded = commit(ledger, Body::Clock(confirmation)).await?;
    let (machine, state) = (job.clock.now(), Some(&recorded.state));
    recorded.now = look_at_clocks(machine, &job.bucket, &job.sources, state);
    Ok(recorded)
}

async fn commit(mut ledger: Writer, body: Body) -> Result<Recorded, RunError> {
    let draft = ledger.attempt.draft(body);
    if ledger.commit(&draft).await? == Rebase::CompareAgain {
        return Err(DecisionError::Overtaken.into());
    }
    Ok(Recorded {
        sequence: ledger.state.head.sequence,
        now: ledger.now(),
        state: ledger.state,
    })
}
