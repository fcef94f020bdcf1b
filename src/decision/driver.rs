//! The one driver: plans, asks the guard or takes a confirmation, commits, carries out and receipts, whatever
//! the kind.

use super::error::{DecisionError, StalePlan};
use super::kind::{Carried, Decision, DecisionKind, Execution, ExecutionProgress};
use super::place::{DecisionContext, DecisionPlace, DecisionPlaces, PlaceError};
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Body, Done, DoneOutcome};
use crate::ledger::log::LogError;
use crate::ledger::rebase::Rebase;
use crate::ledger::writer::Writer;
use serde::Serialize;
use std::collections::BTreeSet;

/// The id of a plan, to be given back as confirmation: a hash of all that it shows.
///
/// # Errors
/// None for a plan of ours; the encoder's own.
pub fn plan_id(lake_id: &str, plan: &impl Serialize) -> Result<String, serde_json::Error> {
    let shown = serde_json::to_vec(&(lake_id, plan))?;
    Ok(Digest::of(&shown).to_string()[..12].to_owned())
}

/// A plan, and what it is confirmed by.
#[derive(Debug, Clone)]
pub struct PlannedDecision<P> {
    /// The plan.
    pub plan: P,
    /// Its id.
    pub id: String,
}

/// What of a plan may be decided.
pub struct Approved<D: Decision> {
    /// The plan.
    pub planned: PlannedDecision<D::Plan>,
    /// What may be decided of it, entry by entry.
    pub shares: Vec<D::Share>,
}

/// What was decided.
pub struct Decided<D: Decision> {
    /// The plan that it was taken from: the newest, where it was planned again.
    pub planned: PlannedDecision<D::Plan>,
    /// The entries that decide it, and what each names.
    pub entries: Vec<(u64, D::Share)>,
}

/// What became of decisions that were not done.
#[derive(Debug, Default)]
pub struct FinishedDecisions {
    /// What was carried out, in order.
    pub carried: Vec<CarriedAt>,
    /// What kept places from going on.
    pub failures: Vec<(String, PlaceError)>,
}

/// What was carried out of one decision at one place.
#[derive(Debug)]
pub struct CarriedAt {
    /// Its entry.
    pub decision: u64,
    /// What became of it.
    pub carried: Carried,
    /// Whether a `done` entry says so. Not where it says nothing new.
    pub receipted: bool,
}

/// Makes decisions, and finishes those that are not done.
pub struct Driver<'a> {
    /// The ledger.
    pub ledger: &'a mut Writer,
    /// Where decisions are carried out.
    pub places: DecisionPlaces<'a>,
    /// How each kind is carried out.
    executions: &'static [&'static dyn Execution],
    /// What this process may carry out: another identity may have the permissions for the rest.
    may: &'a [DecisionKind],
    run_id: String,
    /// Warehouses that have failed: each has had as long as it gets in one run.
    down: BTreeSet<String>,
    /// Whether the lake has failed.
    is_lake_down: bool,
    /// What was tried at the lake.
    tried_at_lake: BTreeSet<u64>,
}

impl<'a> Driver<'a> {
    /// One that may carry out decisions of some kinds.
    pub(super) fn new(
        ledger: &'a mut Writer,
        places: DecisionPlaces<'a>,
        executions: &'static [&'static dyn Execution],
        may: &'a [DecisionKind],
    ) -> Self {
        Self {
            run_id: ledger.attempt.run_id.to_string(),
            ledger,
            places,
            executions,
            may,
            down: BTreeSet::new(),
            is_lake_down: false,
            tried_at_lake: BTreeSet::new(),
        }
    }

    /// What kinds work with.
    pub fn context(&self) -> DecisionContext<'_> {
        DecisionContext {
            ledger: self.ledger,
            places: &self.places,
            run_id: &self.run_id,
        }
    }

    /// Leaves a place alone from now on, because it has just failed.
    pub fn leave_alone(&mut self, place: DecisionPlace<'_>) {
        match place {
            DecisionPlace::Warehouse(projection) => {
                self.down.insert(projection.name.clone());
            }
            DecisionPlace::Lake(_) => self.is_lake_down = true,
        }
    }

    fn is_left_alone(&self, place: DecisionPlace<'_>) -> bool {
        match place {
            DecisionPlace::Warehouse(projection) => self.down.contains(&projection.name),
            DecisionPlace::Lake(_) => self.is_lake_down,
        }
    }

    /// Plans what would be decided now.
    ///
    /// # Errors
    /// Those of the kind.
    pub async fn plan<D: Decision>(
        &self,
        kind: &D,
    ) -> Result<PlannedDecision<D::Plan>, DecisionError> {
        let plan = kind.plan(self.context()).await?;
        let id = plan_id(&self.ledger.state.lake_id, &plan)?;
        Ok(PlannedDecision { plan, id })
    }

    /// What of a plan may be decided: all of it if a person has confirmed this very plan, otherwise what needs
    /// no confirmation.
    ///
    /// # Errors
    /// [`DecisionError::Stale`] where another plan was confirmed, and the guard's.
    pub fn approve<D: Decision>(
        &self,
        kind: &D,
        planned: PlannedDecision<D::Plan>,
        confirmed: Option<&str>,
    ) -> Result<Approved<D>, DecisionError> {
        let shares = match confirmed {
            Some(confirmed) => {
                check_confirmed(confirmed, &planned.id)?;
                kind.all(&planned.plan)
            }
            None => kind.unattended(&planned.plan, &self.ledger.now())?,
        };
        Ok(Approved { planned, shares })
    }

    /// Commits what was approved, in as many entries as it takes. Where a hold or another decision came first,
    /// it is planned and approved again.
    ///
    /// # Errors
    /// The ledger, and [`DecisionError::Overtaken`] where others come first again and again.
    pub async fn commit<D: Decision>(
        &mut self,
        kind: &D,
        mut approved: Approved<D>,
        confirmed: Option<&str>,
    ) -> Result<Decided<D>, DecisionError> {
        let mut entries = Vec::new();
        let mut plans_left = D::PLANS_AGAIN;
        loop {
            let Approved { planned, shares } = approved;
            if self
                .commit_all(kind, &planned.id, shares, &mut entries)
                .await?
                == Rebase::Resequence
            {
                return Ok(Decided { planned, entries });
            }
            plans_left = plans_left.checked_sub(1).ok_or(DecisionError::Overtaken)?;
            let planned = self.plan(kind).await?;
            approved = self.approve(kind, planned, confirmed)?;
        }
    }

    /// Commits shares until others come first.
    async fn commit_all<D: Decision>(
        &mut self,
        kind: &D,
        plan_id: &str,
        shares: Vec<D::Share>,
        entries: &mut Vec<(u64, D::Share)>,
    ) -> Result<Rebase, DecisionError> {
        for share in shares {
            let entry = kind.entry(self.context(), &share, plan_id).await?;
            let draft = self.ledger.attempt.draft(entry);
            if self.ledger.commit(&draft).await? == Rebase::CompareAgain {
                return Ok(Rebase::CompareAgain);
            }
            entries.push((self.ledger.state.head.sequence, share));
        }
        Ok(Rebase::Resequence)
    }

    /// Finishes what was decided and is not done, as far as that can be done now, at all places.
    ///
    /// # Errors
    /// The ledger. What fails at a place is part of what is returned.
    pub async fn finish(&mut self) -> Result<FinishedDecisions, LogError> {
        let places = self.places;
        let mut finished = FinishedDecisions::default();
        for place in places.all() {
            if !self.is_left_alone(place) {
                self.finish_at(place, &mut finished).await?;
            }
        }
        Ok(finished)
    }

    /// Finishes at one place what was decided and is not done, in the order in which it was decided: retention
    /// must not be overtaken by a rebuild that was decided after it.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub async fn finish_at(
        &mut self,
        place: DecisionPlace<'_>,
        finished: &mut FinishedDecisions,
    ) -> Result<(), LogError> {
        for (decision, execution) in self.open_at(place) {
            let is_lake = matches!(place, DecisionPlace::Lake(_));
            if is_lake && (self.places.is_stopped() || !self.tried_at_lake.insert(decision)) {
                continue;
            }
            if !self.may.contains(&execution.kind()) {
                break;
            }
            // Others may have done it while we were at the one before.
            if !execution
                .open_at(&self.ledger.state, place)
                .contains(&decision)
            {
                continue;
            }
            let context = self.context();
            match execution.carry_out(context, place, decision).await {
                ExecutionProgress::Carried(carried) => {
                    let receipted = self.receipt(execution, decision, &carried).await?;
                    finished.carried.push(CarriedAt {
                        decision,
                        carried,
                        receipted,
                    });
                }
                ExecutionProgress::Nothing => {}
                // Files of the lake do not depend on each other.
                ExecutionProgress::NotNow if is_lake => {}
                ExecutionProgress::NotNow => break,
                // What one of them meets, all of them meet.
                ExecutionProgress::Failed(error) => {
                    self.leave_alone(place);
                    finished.failures.push((place.name().to_owned(), error));
                    break;
                }
            }
        }
        Ok(())
    }

    /// Decisions that a place still has to carry out, in their order. In the lake those of other identities
    /// hold up nothing.
    fn open_at(&self, place: DecisionPlace<'_>) -> Vec<(u64, &'static dyn Execution)> {
        let is_lake = matches!(place, DecisionPlace::Lake(_));
        let mut open = Vec::new();
        for execution in self.executions {
            if !is_lake || self.may.contains(&execution.kind()) {
                let decisions = execution.open_at(&self.ledger.state, place);
                open.extend(decisions.into_iter().map(|decision| (decision, *execution)));
            }
        }
        open.sort_by_key(|(decision, _)| *decision);
        open
    }

    /// Says in a `done` entry what was carried out of a decision, unless there is nothing to say. Whether it
    /// was said.
    ///
    /// # Errors
    /// The ledger.
    pub async fn receipt(
        &mut self,
        execution: &dyn Execution,
        decision: u64,
        carried: &Carried,
    ) -> Result<bool, LogError> {
        let outcome =
            |state: &_| -> Option<DoneOutcome> { execution.done(state, decision, carried) };
        // Where another process was first, its word is as good as ours.
        while let Some(outcome) = outcome(&self.ledger.state) {
            let done = Body::Done(Box::new(Done { decision, outcome }));
            let draft = self.ledger.attempt.draft(done);
            if self.ledger.commit(&draft).await? == Rebase::Resequence {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a person has confirmed the plan that is about to be decided: the one place that asks.
///
/// # Errors
/// That another one was confirmed.
fn check_confirmed(confirmed: &str, found: &str) -> Result<(), StalePlan> {
    if confirmed == found {
        return Ok(());
    }
    Err(StalePlan {
        confirmed: confirmed.to_owned(),
        found: found.to_owned(),
    })
}
