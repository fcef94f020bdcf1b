//! Deleting what is due: decide, execute, receipt.
//!
//! ```text
//! decisions that are open ─ plan ─ commit `retention` ─ warehouses ─ files ─ commit `done`
//! ```
//!
//! What is decided is out of the lake with the entry: nobody reads it, and nothing of it is read in
//! again. What is not done when a run ends is finished by any later one.

mod carry_out;
mod decide;
mod summary;

pub(super) use carry_out::gone_from_warehouse;
pub use decide::Confirmation;
pub use summary::{
    CarriedOut, Decided, RetentionFailure, RetentionSummary, RuleToConfirm, ToConfirm,
};

use super::RunError;
use super::ingest::{Attempt, Committer};
use super::job::Job;
use super::observer::Observer;
use super::warehouses::Step;
use crate::ledger::entry::GivenUp;
use crate::policy::Policy;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// What a step of retention works with, beyond the committer.
pub(super) struct Retaining<'a> {
    pub(super) job: &'a Job,
    pub(super) policy: &'a Policy,
    /// What a person has confirmed.
    pub(super) confirmation: Option<&'a Confirmation>,
    pub(super) step: &'a Step<'a>,
    /// Warehouses that have just failed: each has had as long as it gets in one run.
    pub(super) down: Vec<String>,
}

impl Retaining<'_> {
    /// Finishes what was decided, decides what is due now, and carries it out as far as it can be.
    ///
    /// # Errors
    /// The ledger, and a confirmation that is about something else. What fails in a warehouse or at a
    /// file is part of the summary, and keeps nothing else from being done.
    pub(super) async fn retain(
        &self,
        committer: &mut Committer<'_>,
    ) -> Result<RetentionSummary, RunError> {
        let mut summary = RetentionSummary::new(committer.attempt.now.date_naive());
        // A confirmation that is about something else ends the step before anything goes.
        let due = decide::due(self, committer, &mut summary)?;
        let before: BTreeSet<u64> = committer.state.retention.open.keys().copied().collect();
        carry_out::carry_out(self, committer, &before, &mut summary).await?;
        if *self.step.stop.borrow() {
            summary.stopped = true;
            return Ok(summary);
        }
        decide::decide(self, committer, due, &mut summary).await?;
        let open = committer.state.retention.open.keys();
        let new: BTreeSet<u64> = open.filter(|it| !before.contains(it)).copied().collect();
        if !new.is_empty() {
            carry_out::carry_out(self, committer, &new, &mut summary).await?;
        }
        // What a lock keeps, or a warehouse that is down, is not for want of time.
        let mut open = committer.state.retention.open.values();
        let cut_short = open.any(|open| !open.tried);
        summary.stopped = cut_short && *self.step.stop.borrow();
        Ok(summary)
    }
}

/// Gives a warehouse up: nobody can reach it any more, so no decision waits for it. Returns the decisions
/// that did.
///
/// # Errors
/// No lake, a job that only reads, a clock that something contradicts, or a failing ledger.
pub async fn give_up(job: &Job, given_up: &GivenUp) -> Result<Vec<u64>, RunError> {
    let (log, state, attempt) = Attempt::on_ledger(job).await?;
    let mut committer = Committer::new(job, &log, &attempt, state);
    carry_out::give_up(&mut committer, given_up).await
}

/// Applies the rules now, without reading any source: what `retention apply` does.
///
/// # Errors
/// No lake, a job that only reads, a confirmation that is about something else, a clock that something
/// contradicts, or a failing ledger.
pub async fn retain(
    job: &Job,
    policy: &Policy,
    confirmation: Option<&Confirmation>,
    stop: watch::Receiver<bool>,
    observer: &dyn Observer,
) -> Result<RetentionSummary, RunError> {
    observer.doing("reading the ledger");
    let (log, state, attempt) = Attempt::on_ledger(job).await?;
    let mut committer = Committer::new(job, &log, &attempt, state);
    let step = Step {
        warehouses: &job.warehouses,
        log: &log,
        stop: &stop,
        observer,
        retain: true,
    };
    let retaining = Retaining {
        job,
        policy,
        confirmation,
        step: &step,
        down: Vec::new(),
    };
    let mut summary = retaining.retain(&mut committer).await?;
    step.tidy(&committer, &mut summary.notes).await;
    if let Err(note) = log.save_cache(&committer.state).await {
        summary.notes.push(note.to_string());
    }
    Ok(summary)
}
