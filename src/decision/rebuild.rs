//! The rebuild of dates of a warehouse: always confirmed by a person, and carried out in that warehouse.
//!
//! How dates are replaced is [`crate::warehouse`]'s.

use super::error::DecisionError;
use super::kind::{Carried, Decision, DecisionKind, Execution, ExecutionProgress};
use super::place::{DecisionContext, DecisionPlace, PlaceError};
use crate::clock::Now;
use crate::lake::layout::Table;
use crate::ledger::entry::{Body, DoneOutcome};
use crate::ledger::state::State;
use crate::warehouse::{
    RebuildChoice, RebuildPlan, RebuiltDates, WarehouseFailure, carry_out, plan_rebuild,
};
use async_trait::async_trait;
use serde::Serialize;

/// A wish to rebuild dates of tables, in all warehouses that are open.
#[derive(Debug, Clone)]
pub struct RebuildWish {
    /// The tables.
    pub tables: Vec<Table>,
    /// The dates.
    pub dates: RebuildChoice,
}

/// What a rebuild would do.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct RebuildPlans {
    /// The tables of which dates would be replaced.
    pub tables: Vec<RebuildPlan>,
    /// Warehouses that could not be looked at, by name. Half a plan is none: its id would be that of other dates
    /// than the whole one's.
    #[serde(skip)]
    pub failures: Vec<(String, WarehouseFailure)>,
}

impl RebuildPlans {
    /// Whether there is anything that a person could confirm.
    pub fn can_be_confirmed(&self) -> bool {
        self.failures.is_empty() && !self.tables.is_empty()
    }
}

#[async_trait]
impl Decision for RebuildWish {
    type Plan = RebuildPlans;
    /// A table of a warehouse.
    type Share = RebuildPlan;

    /// What others have decided about the table is the same, or not what was shown.
    const PLANS_AGAIN: u32 = 0;

    async fn plan(&self, context: DecisionContext<'_>) -> Result<RebuildPlans, DecisionError> {
        let (mut tables, mut failures) = (Vec::new(), Vec::new());
        for projection in context.places.warehouses {
            for table in &self.tables {
                match plan_rebuild(projection, context.filling(), *table, self.dates).await {
                    Ok(plan) => tables.extend(plan),
                    Err(error) => {
                        let failure = WarehouseFailure::from(&error);
                        failures.push((projection.name.clone(), failure));
                        break;
                    }
                }
            }
        }
        Ok(RebuildPlans { tables, failures })
    }

    fn all(&self, plan: &RebuildPlans) -> Vec<RebuildPlan> {
        match plan.can_be_confirmed() {
            true => plan.tables.clone(),
            false => Vec::new(),
        }
    }

    fn unattended(&self, _: &RebuildPlans, _: &Now) -> Result<Vec<RebuildPlan>, DecisionError> {
        Ok(Vec::new())
    }

    async fn entry(
        &self,
        _: DecisionContext<'_>,
        table: &RebuildPlan,
        plan_id: &str,
    ) -> Result<Body, DecisionError> {
        Ok(Body::Rebuild(Box::new(table.decision(plan_id))))
    }
}

/// How rebuilds are carried out.
pub(super) struct RebuildExecution;

#[async_trait]
impl Execution for RebuildExecution {
    fn kind(&self) -> DecisionKind {
        DecisionKind::Rebuild
    }

    fn open_at(&self, state: &State, place: DecisionPlace<'_>) -> Vec<u64> {
        let DecisionPlace::Warehouse(projection) = place else {
            return Vec::new();
        };
        let rebuilds = state.rebuilds.iter();
        rebuilds
            .filter(|(_, rebuild)| rebuild.warehouse == projection.name)
            .map(|(decision, _)| *decision)
            .collect()
    }

    async fn carry_out(
        &self,
        context: DecisionContext<'_>,
        place: DecisionPlace<'_>,
        decision: u64,
    ) -> ExecutionProgress {
        let rebuild = context.ledger.state.rebuilds.get(&decision);
        let (DecisionPlace::Warehouse(projection), Some(rebuild)) = (place, rebuild) else {
            return ExecutionProgress::Nothing;
        };
        let now = context.ledger.attempt.now;
        let outcome = match carry_out(projection, context.filling(), decision, rebuild, now).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return ExecutionProgress::NotNow,
            Err(error) => return ExecutionProgress::Failed(PlaceError::Warehouse(error)),
        };
        let dates = RebuiltDates {
            decision,
            table: rebuild.table,
            dates: rebuild.dates.len() as u64,
            rows: match &outcome {
                DoneOutcome::Rebuilt { rows } => Some(*rows),
                DoneOutcome::Void
                | DoneOutcome::Swept { .. }
                | DoneOutcome::Retained(_)
                | DoneOutcome::Remapped(_) => None,
            },
        };
        ExecutionProgress::Carried(Carried::Rebuilt(dates, outcome))
    }

    fn done(&self, state: &State, decision: u64, carried: &Carried) -> Option<DoneOutcome> {
        let is_open = state.rebuilds.contains_key(&decision);
        match carried {
            Carried::Rebuilt(_, outcome) if is_open => Some(outcome.clone()),
            _ => None,
        }
    }
}
