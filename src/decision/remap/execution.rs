//! How replacements of files are carried out, and what `done` says of it.

use crate::decision::driver::Driver;
use crate::decision::kind::{Carried, DecisionKind, Execution, ExecutionProgress};
use crate::decision::place::{DecisionContext, DecisionPlace, PlaceError};
use crate::decision::removal::{is_as_before, remove};
use crate::ledger::entry::{DoneOutcome, GivenUp, Remapped};
use crate::ledger::log::LogError;
use crate::ledger::state::State;
use crate::warehouse::carry_out_remap;
use async_trait::async_trait;

/// How replacements of files are carried out.
pub(in crate::decision) struct RemapExecution;

#[async_trait]
impl Execution for RemapExecution {
    fn kind(&self) -> DecisionKind {
        DecisionKind::Remap
    }

    fn open_at(&self, state: &State, place: DecisionPlace<'_>) -> Vec<u64> {
        let open = state.remaps.iter();
        match place {
            DecisionPlace::Warehouse(projection) => open
                .filter(|(_, open)| open.warehouses.contains(&projection.name))
                .map(|(decision, _)| *decision)
                .collect(),
            DecisionPlace::Lake(_) => open.map(|(decision, _)| *decision).collect(),
        }
    }

    async fn carry_out(
        &self,
        context: DecisionContext<'_>,
        place: DecisionPlace<'_>,
        decision: u64,
    ) -> ExecutionProgress {
        let Some(open) = context.ledger.state.remaps.get(&decision) else {
            return ExecutionProgress::Nothing;
        };
        let projection = match place {
            DecisionPlace::Warehouse(projection) => projection,
            DecisionPlace::Lake(lake) => {
                let failpoints = ["remap.remove.before", "remap.remove.after"];
                return match remove(context, lake, open.going(), failpoints).await {
                    ExecutionProgress::Carried(Carried::Removed(files, _)) => {
                        ExecutionProgress::Carried(Carried::Replaced(files))
                    }
                    other => other,
                };
            }
        };
        let now = context.ledger.attempt.now;
        match carry_out_remap(projection, context.filling(), decision, open, now).await {
            Ok(Some(done)) => ExecutionProgress::Carried(Carried::Remapped(done)),
            Ok(None) => ExecutionProgress::NotNow,
            Err(error) => ExecutionProgress::Failed(PlaceError::Warehouse(error)),
        }
    }

    fn done(&self, state: &State, decision: u64, carried: &Carried) -> Option<DoneOutcome> {
        let open = state.remaps.get(&decision)?;
        let waits = |warehouse: &String| open.warehouses.contains(warehouse);
        let remapped = match carried {
            Carried::Remapped(done) if waits(&done.warehouse) => Remapped {
                warehouse: Some(done.clone()),
                ..Remapped::default()
            },
            Carried::Replaced(files) if !is_as_before(open.going(), files) => Remapped {
                files: Some(files.clone()),
                ..Remapped::default()
            },
            Carried::GivenUp(given_up) if waits(&given_up.warehouse) => Remapped {
                given_up: Some(given_up.clone()),
                ..Remapped::default()
            },
            _ => return None,
        };
        Some(DoneOutcome::Remapped(Box::new(remapped)))
    }
}

/// Gives a warehouse up: nobody can reach it any more, so no replacement waits for it. Returns the decisions that did.
///
/// # Errors
/// The ledger.
pub async fn give_up(driver: &mut Driver<'_>, given_up: &GivenUp) -> Result<Vec<u64>, LogError> {
    let open = driver.ledger.state.remaps.iter();
    let open = open.filter(|(_, open)| open.warehouses.contains(&given_up.warehouse));
    let open: Vec<u64> = open.map(|(decision, _)| *decision).collect();
    for decision in &open {
        let carried = Carried::GivenUp(given_up.clone());
        driver.receipt(&RemapExecution, *decision, &carried).await?;
    }
    Ok(open)
}
