//! How decisions of retention are carried out, and what `done` says of it: one entry for each warehouse and for
//! the files, the last of which leaves nothing.

use crate::decision::kind::{Carried, DecisionKind, Execution, ExecutionProgress};
use crate::decision::place::{DecisionContext, DecisionPlace, PlaceError};
use crate::decision::removal::{is_as_before, remove};
use crate::ledger::entry::{DoneOutcome, Retained};
use crate::ledger::state::{OpenRetention, State};
use crate::warehouse::{expire, recoverable};
use async_trait::async_trait;

/// How decisions of retention are carried out.
pub(in crate::decision) struct RetentionExecution;

#[async_trait]
impl Execution for RetentionExecution {
    fn kind(&self) -> DecisionKind {
        DecisionKind::Retention
    }

    fn open_at(&self, state: &State, place: DecisionPlace<'_>) -> Vec<u64> {
        match place {
            DecisionPlace::Warehouse(projection) => {
                let open = state.retention.open_at(&projection.name);
                open.map(|(decision, _)| decision).collect()
            }
            DecisionPlace::Lake(_) => state.retention.open.keys().copied().collect(),
        }
    }

    async fn carry_out(
        &self,
        context: DecisionContext<'_>,
        place: DecisionPlace<'_>,
        decision: u64,
    ) -> ExecutionProgress {
        let Some(open) = context.ledger.state.retention.open.get(&decision) else {
            return ExecutionProgress::Nothing;
        };
        let projection = match place {
            DecisionPlace::Warehouse(projection) => projection,
            DecisionPlace::Lake(lake) => {
                let failpoints = ["retention.remove.before", "retention.remove.after"];
                return remove(context, lake, open.going(), failpoints).await;
            }
        };
        match expire(projection, context.filling(), decision, open).await {
            Ok(Some(expired)) => {
                // From now on, not from when the run began.
                let now = context.ledger.attempt.later();
                let recoverable = recoverable(projection, now).await;
                ExecutionProgress::Carried(Carried::Expired(expired, recoverable))
            }
            Ok(None) => ExecutionProgress::NotNow,
            Err(error) => ExecutionProgress::Failed(PlaceError::Warehouse(error)),
        }
    }

    fn done(&self, state: &State, decision: u64, carried: &Carried) -> Option<DoneOutcome> {
        let open = state.retention.open.get(&decision)?;
        let mut retained = retained(open, carried)?;
        let finished = |name: &String| {
            retained.warehouses.iter().any(|it| it.warehouse == *name)
                || retained.given_up.iter().any(|it| it.warehouse == *name)
        };
        let left = open.warehouses.iter().filter(|name| !finished(name));
        retained.left = left.cloned().collect();
        Some(DoneOutcome::Retained(Box::new(retained)))
    }
}

/// What is new of what was carried out, beside what is left.
fn retained(open: &OpenRetention, carried: &Carried) -> Option<Retained> {
    match carried {
        Carried::Expired(expired, recoverable) => {
            let left = open.warehouses.contains(&expired.warehouse);
            left.then(|| Retained {
                warehouses: vec![expired.clone()],
                recoverable: recoverable.clone(),
                ..Retained::default()
            })
        }
        Carried::Removed(files, recoverable) => {
            let same = is_as_before(open.going(), files);
            (!same).then(|| Retained {
                files: Some(files.clone()),
                recoverable: recoverable.clone(),
                ..Retained::default()
            })
        }
        Carried::GivenUp(given_up) => {
            let left = open.warehouses.contains(&given_up.warehouse);
            left.then(|| Retained {
                given_up: vec![given_up.clone()],
                ..Retained::default()
            })
        }
        Carried::Rebuilt(..)
        | Carried::Remapped(_)
        | Carried::Replaced(_)
        | Carried::Swept { .. } => None,
    }
}
