//! The step of a run that brings warehouses up to the ledger: decisions that are not done, then loads.

use super::RunError;
use super::ingest::{Attempt, Committer};
use super::job::Job;
use super::observer::Observer;
use super::retention::gone_from_warehouse;
use crate::ledger::entry::{
    Body, Done, DoneOutcome, Rebuild, Receipt, Recoverable, WarehouseExpired, WarehouseOutcome,
};
use crate::ledger::log::Log;
use crate::ledger::rebase::Rebase;
use crate::warehouse::{
    FillError, Filled, Filling, Projection, RebuiltDates, WarehouseFailure, WarehouseSummary,
    carry_out, expire, fill, recoverable, settle_expiration,
};
use serde::Serialize;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// What became of the decisions about one warehouse.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// Rebuilds that were finished.
    pub(super) rebuilt: Vec<RebuiltDates>,
    /// Decisions of retention that the warehouse is rid of, and what could bring the rows back.
    pub(super) expired: Vec<(u64, WarehouseExpired, Vec<Recoverable>)>,
    /// What kept one from being finished.
    pub(super) failure: Option<FillError>,
}

/// What loading works with, beyond the committer.
pub(super) struct Step<'a> {
    pub(super) warehouses: &'a [Projection],
    pub(super) log: &'a Log,
    pub(super) stop: &'a watch::Receiver<bool>,
    pub(super) observer: &'a dyn Observer,
    /// Whether decisions of retention are carried out, too.
    pub(super) retain: bool,
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
            // First of all, since it may be a hold that has come.
            let settled = settle_expiration(projection, &committer.state, &committer.now()).await;
            let mut finished = self.finish_decisions(committer, projection).await?;
            finished.failure = finished.failure.or(settled.err());
            before.push(finished);
        }
        let filling = self.filling(committer, &run_id, &say);
        let fills = self
            .warehouses
            .iter()
            .map(|projection| fill(projection, filling));
        let mut filled = futures::future::join_all(fills).await;
        for (filled, finished) in filled.iter_mut().zip(before) {
            filled.summary.rebuilt = finished.rebuilt;
            // The load's own failure is the newer one and says more.
            if let (None, Some(error)) = (&filled.outcome.failure, finished.failure) {
                filled.outcome.failure = Some(error.code().to_owned());
                filled.summary.failure = Some(WarehouseFailure::from(&error));
            }
        }
        Ok(filled)
    }

    /// Carries out the decisions about a warehouse that are open, in their order: one of retention must
    /// not be overtaken by a rebuild that was decided after it.
    pub(super) async fn finish_decisions(
        &self,
        committer: &mut Committer<'_>,
        projection: &Projection,
    ) -> Result<Finished, RunError> {
        let mut finished = Finished::default();
        let rebuilds = committer.state.rebuilds.iter();
        let rebuilds = rebuilds
            .filter(|(_, rebuild)| rebuild.warehouse == projection.name)
            .map(|(decision, _)| *decision);
        let retentions = committer.state.retention.open_at(&projection.name);
        let open: BTreeSet<u64> = rebuilds
            .chain(retentions.map(|(decision, _)| decision))
            .collect();
        for decision in open {
            let rebuild = committer.state.rebuilds.get(&decision).cloned();
            let ended = match rebuild {
                Some(rebuild) => {
                    self.finish_rebuild(committer, projection, decision, rebuild, &mut finished)
                        .await?
                }
                // Another identity has the permissions.
                None if !self.retain => false,
                None => {
                    self.finish_retention(committer, projection, decision, &mut finished)
                        .await?
                }
            };
            if !ended {
                break;
            }
        }
        Ok(finished)
    }

    /// Whether a rebuild is done.
    async fn finish_rebuild(
        &self,
        committer: &mut Committer<'_>,
        projection: &Projection,
        decision: u64,
        rebuild: Rebuild,
        finished: &mut Finished,
    ) -> Result<bool, RunError> {
        let run_id = committer.attempt.run_id.to_string();
        let say = |what: &str| self.observer.doing(what);
        let now = committer.attempt.now;
        let filling = self.filling(committer, &run_id, &say);
        let outcome = match carry_out(projection, filling, decision, &rebuild, now).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return Ok(false),
            Err(error) => {
                finished.failure = Some(error);
                return Ok(false);
            }
        };
        finished.rebuilt.push(RebuiltDates {
            decision,
            table: rebuild.table,
            dates: rebuild.dates.len() as u64,
            rows: match &outcome {
                DoneOutcome::Rebuilt { rows } => Some(*rows),
                DoneOutcome::Void | DoneOutcome::Swept { .. } | DoneOutcome::Retained(_) => None,
            },
        });
        let done = Body::Done(Box::new(Done { decision, outcome }));
        let draft = committer.attempt.draft(done);
        // Where another run was first, its word is as good as ours.
        let _: Rebase = committer.commit(&draft).await?;
        Ok(true)
    }

    /// Whether a warehouse is rid of what a decision of retention names.
    async fn finish_retention(
        &self,
        committer: &mut Committer<'_>,
        projection: &Projection,
        decision: u64,
        finished: &mut Finished,
    ) -> Result<bool, RunError> {
        let open = committer.state.retention.open.get(&decision).cloned();
        let Some(open) = open.filter(|open| open.warehouses.contains(&projection.name)) else {
            return Ok(true);
        };
        let run_id = committer.attempt.run_id.to_string();
        let say = |what: &str| self.observer.doing(what);
        let filling = self.filling(committer, &run_id, &say);
        let expired = match expire(projection, filling, decision, &open).await {
            Ok(Some(expired)) => expired,
            Ok(None) => return Ok(false),
            Err(error) => {
                finished.failure = Some(error);
                return Ok(false);
            }
        };
        // From now on, not from when the run began.
        let recoverable = recoverable(projection, committer.attempt.later()).await;
        gone_from_warehouse(committer, decision, &expired, &recoverable).await?;
        finished.expired.push((decision, expired, recoverable));
        Ok(true)
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
    observer.doing("reading the ledger");
    let (log, state, attempt) = Attempt::on_ledger(job).await?;
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
        retain: false,
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
