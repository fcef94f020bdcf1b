//! The step of a run that brings warehouses up to the ledger: decisions that are not done, then loads.

use super::RunError;
use super::ingest::{Attempt, Committer};
use super::job::Job;
use super::observer::Observer;
use crate::ledger::entry::{Body, Done, DoneOutcome, Receipt, WarehouseOutcome};
use crate::ledger::log::Log;
use crate::ledger::rebase::Rebase;
use crate::warehouse::{
    FillError, Filled, Filling, Projection, RebuiltDates, WarehouseFailure, WarehouseSummary,
    carry_out, fill,
};
use serde::Serialize;
use tokio::sync::watch;

/// What loading works with, beyond the committer.
pub(super) struct Step<'a> {
    pub(super) warehouses: &'a [Projection],
    pub(super) log: &'a Log,
    pub(super) stop: &'a watch::Receiver<bool>,
    pub(super) observer: &'a dyn Observer,
}

impl Step<'_> {
    fn filling<'a>(
        &'a self,
        committer: &'a Committer<'_>,
        run_id: &'a str,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Filling<'a> {
        Filling {
            state: &committer.state,
            log: self.log,
            lake: committer.bucket,
            run_id,
            stop: self.stop,
            say,
        }
    }

    /// Finishes what was decided, then loads what is missing, all warehouses at a time. What fails in
    /// one of them is part of what is returned and keeps nothing else from being done.
    ///
    /// # Errors
    /// The ledger.
    pub(super) async fn fill(
        &self,
        committer: &mut Committer<'_>,
    ) -> Result<Vec<Filled>, RunError> {
        let run_id = committer.attempt.run_id.to_string();
        let say = |what: &str| self.observer.doing(what);
        let mut before = Vec::with_capacity(self.warehouses.len());
        for projection in self.warehouses {
            before.push(self.finish_rebuilds(committer, projection).await?);
        }
        let filling = self.filling(committer, &run_id, &say);
        let fills = self
            .warehouses
            .iter()
            .map(|projection| fill(projection, filling));
        let mut filled = futures::future::join_all(fills).await;
        for (filled, (rebuilt, undone)) in filled.iter_mut().zip(before) {
            filled.summary.rebuilt = rebuilt;
            // The load's own failure is the newer one and says more.
            if let (None, Some(error)) = (&filled.outcome.failure, undone) {
                filled.outcome.failure = Some(error.code().to_owned());
                filled.summary.failure = Some(WarehouseFailure::from(&error));
            }
        }
        Ok(filled)
    }

    /// Carries out the decisions about a warehouse that are open. Returns those that were finished, and
    /// what kept one from being so.
    async fn finish_rebuilds(
        &self,
        committer: &mut Committer<'_>,
        projection: &Projection,
    ) -> Result<(Vec<RebuiltDates>, Option<FillError>), RunError> {
        let mut rebuilt = Vec::new();
        let run_id = committer.attempt.run_id.to_string();
        let say = |what: &str| self.observer.doing(what);
        let open: Vec<_> = committer
            .state
            .rebuilds
            .iter()
            .filter(|(_, rebuild)| rebuild.warehouse == projection.name)
            .map(|(decision, rebuild)| (*decision, rebuild.clone()))
            .collect();
        for (decision, rebuild) in open {
            // Others may have done it while we were at the one before.
            if !committer.state.rebuilds.contains_key(&decision) {
                continue;
            }
            let now = committer.attempt.now;
            let filling = self.filling(committer, &run_id, &say);
            let outcome = match carry_out(projection, filling, decision, &rebuild, now).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => continue,
                Err(error) => return Ok((rebuilt, Some(error))),
            };
            rebuilt.push(RebuiltDates {
                decision,
                table: rebuild.table,
                dates: rebuild.dates.len() as u64,
                rows: match outcome {
                    DoneOutcome::Rebuilt { rows } => Some(rows),
                    DoneOutcome::Void | DoneOutcome::Swept { .. } => None,
                },
            });
            let done = Body::Done(Box::new(Done { decision, outcome }));
            let draft = committer.attempt.draft(done);
            // Where another run was first, its word is as good as ours.
            let _: Rebase = committer.commit(&draft).await?;
        }
        Ok((rebuilt, None))
    }

    /// Removes copies that are not needed any more, after the receipt.
    pub(super) async fn tidy(&self, committer: &Committer<'_>, notes: &mut Vec<String>) {
        for projection in self.warehouses {
            if let Err(error) = projection.tidy(&committer.state).await {
                notes.push(format!(
                    "{}: staged copies were not removed, the next run tries again: {error}",
                    projection.name
                ));
            }
        }
    }
}

/// What loading warehouses without a run did.
#[derive(Debug, Clone, Serialize)]
pub struct LoadSummary {
    /// Its id.
    pub run_id: String,
    /// Newest entry afterwards.
    pub sequence: u64,
    /// By warehouse, in configured order.
    pub warehouses: Vec<WarehouseSummary>,
    /// Whether it was told to stop before it was done.
    pub stopped: bool,
    /// Information that is no failure.
    pub notes: Vec<String>,
}

/// Brings the warehouses of a job up to the ledger, as `run` does after reading. `decide` makes
/// decisions to be carried out first.
///
/// # Errors
/// No lake yet, a job that only reads, or a failing ledger. What fails in a warehouse is part of the
/// summary.
pub async fn load(
    job: &Job,
    decide: &[Body],
    stop: watch::Receiver<bool>,
    observer: &dyn Observer,
) -> Result<LoadSummary, RunError> {
    job.refuse_to_only_read()?;
    observer.doing("reading the ledger");
    let log = job.log();
    let state = log.load().await?.ok_or(RunError::NoLake)?;
    let attempt = Attempt::without_files(job)?;
    let started_at = job.clock.now();
    let mut committer = Committer::new(job, &log, &attempt, state);
    for body in decide {
        if committer.commit(&attempt.draft(body.clone())).await? == Rebase::CompareAgain {
            return Err(RunError::DecidedMeanwhile);
        }
    }
    let step = Step {
        warehouses: &job.warehouses,
        log: &log,
        stop: &stop,
        observer,
    };
    let filled = step.fill(&mut committer).await?;
    observer.doing("writing the receipt");
    let receipt = Receipt {
        started_at,
        warehouses: outcomes(&filled),
        ..Receipt::default()
    };
    committer
        .commit(&attempt.draft(Body::Receipt(Box::new(receipt))))
        .await?;
    let mut notes = Vec::new();
    step.tidy(&committer, &mut notes).await;
    if let Err(note) = log.save_cache(&committer.state).await {
        notes.push(note.to_string());
    }
    Ok(LoadSummary {
        run_id: attempt.run_id.to_string(),
        sequence: committer.state.head.sequence,
        warehouses: filled.into_iter().map(|filled| filled.summary).collect(),
        stopped: *stop.borrow(),
        notes,
    })
}

pub(super) fn outcomes(filled: &[Filled]) -> Vec<WarehouseOutcome> {
    filled.iter().map(|filled| filled.outcome.clone()).collect()
}
