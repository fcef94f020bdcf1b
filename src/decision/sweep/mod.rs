//! The sweep of what dead runs have left: unattended, but only by a clock that is borne out, and carried out in
//! the lake.

mod orphan;

pub use orphan::{LEAST_AGE, orphans, youngest};

use super::driver::Driver;
use super::error::DecisionError;
use super::kind::{Carried, Decision, DecisionKind, Execution, ExecutionProgress};
use super::place::{DecisionContext, DecisionPlace, PlaceError};
use crate::clock::Now;
use crate::failpoint;
use crate::lake::layout::Table;
use crate::ledger::entry::{self, Body, DoneOutcome, SweptObject};
use crate::ledger::log::LogError;
use crate::ledger::state::State;
use crate::store::{StoreError, StoredObject};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;

/// Most files of one decision, so that an entry stays small; the rest goes with the next.
const FILES_AT_ONCE: usize = 10_000;

/// A wish to sweep.
struct SweepWish {
    /// Files older than this are looked for.
    older_than: DateTime<Utc>,
}

/// Orphans that no decision names yet.
#[derive(Serialize)]
struct SweepPlan {
    /// The objects, in order of name.
    objects: Vec<SweptObject>,
}

/// What a sweep found and removed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Swept {
    /// Only files that were written before this instant count as orphans.
    #[serde(with = "crate::window::instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub older_than: DateTime<Utc>,
    /// Orphans that were found now: data files that no ledger entry names.
    pub found: Vec<SweptObject>,
    /// Number of objects that were removed, those of earlier decisions included; 0 in a dry run.
    pub removed: u64,
    /// Names of objects that the store refused to remove.
    pub refused: Vec<String>,
    /// True with `--dry-run`: orphans were listed, and nothing was removed.
    pub dry_run: bool,
    /// Reasons why the clock is not trusted; while there are any, nothing is removed. Absent if there are
    /// none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clock: Vec<String>,
}

/// Looks for orphans that no run with this deadline may still be writing, and removes them unless told only to
/// look. How old a file is says the clock, so nothing is removed where nothing bears that out.
///
/// # Errors
/// The ledger, the store, or a clock that nothing bears out where something is to be removed.
pub async fn sweep(
    driver: &mut Driver<'_>,
    deadline: TimeDelta,
    dry_run: bool,
) -> Result<Swept, DecisionError> {
    let older_than = driver.ledger.attempt.now - youngest(deadline);
    let wish = SweepWish { older_than };
    let planned = driver.plan(&wish).await?;
    let mut swept = Swept {
        older_than,
        found: planned.plan.objects.clone(),
        removed: 0,
        refused: Vec::new(),
        dry_run,
        clock: driver.ledger.attempt.clock.objections(),
    };
    if dry_run {
        return Ok(swept);
    }
    let approved = driver.approve(&wish, planned, None)?;
    let decided = driver.commit(&wish, approved, None).await?;
    swept.found = decided.entries.into_iter().flat_map(|it| it.1).collect();
    let mut finished = driver.finish().await?;
    if let Some((_, PlaceError::Lake(error))) = finished.failures.pop() {
        return Err(LogError::from(error).into());
    }
    for at in finished.carried {
        match at.carried {
            Carried::Swept { removed, refused } => {
                swept.removed += removed;
                swept.refused.extend(refused);
            }
            Carried::Replaced(files) => {
                swept.removed += files.removed;
                swept
                    .refused
                    .extend(files.refused.into_iter().map(|it| it.path));
            }
            _ => {}
        }
    }
    Ok(swept)
}

#[async_trait]
impl Decision for SweepWish {
    type Plan = SweepPlan;
    type Share = Vec<SweptObject>;

    const PLANS_AGAIN: u32 = 16;

    async fn plan(&self, context: DecisionContext<'_>) -> Result<SweepPlan, DecisionError> {
        (context.places.say)("listing the lake");
        let mut listed: Vec<StoredObject> = Vec::new();
        for folder in Table::ALL.map(Table::folder) {
            let found = context.places.lake.list(folder, None);
            let found: Result<Vec<StoredObject>, StoreError> = found.try_collect().await;
            listed.extend(found.map_err(LogError::from)?);
        }
        let (state, now) = (&context.ledger.state, context.ledger.attempt.now);
        let mut objects = orphans(state, &listed, self.older_than, now);
        // What is decided already is no finding of now. What a store has refused before is one again.
        let decided = state.sweeps.values().flat_map(|sweep| &sweep.objects);
        let decided: HashSet<&str> = decided.map(|object| object.path.as_str()).collect();
        objects.retain(|object| !decided.contains(object.path.as_str()));
        Ok(SweepPlan { objects })
    }

    fn all(&self, plan: &SweepPlan) -> Vec<Vec<SweptObject>> {
        let shares = plan.objects.chunks(FILES_AT_ONCE);
        shares.map(<[SweptObject]>::to_vec).collect()
    }

    /// How old a file is says the clock.
    fn unattended(
        &self,
        plan: &SweepPlan,
        now: &Now,
    ) -> Result<Vec<Vec<SweptObject>>, DecisionError> {
        match now.objections().into_iter().next() {
            None => Ok(self.all(plan)),
            Some(objection) => Err(DecisionError::UnprovenClock(objection)),
        }
    }

    async fn entry(
        &self,
        _: DecisionContext<'_>,
        share: &Vec<SweptObject>,
        _: &str,
    ) -> Result<Body, DecisionError> {
        Ok(Body::Sweep(Box::new(entry::SweepBody {
            objects: share.clone(),
            older_than: self.older_than,
        })))
    }
}

/// How sweeps are carried out.
pub(super) struct SweepExecution;

#[async_trait]
impl Execution for SweepExecution {
    fn kind(&self) -> DecisionKind {
        DecisionKind::Sweep
    }

    fn open_at(&self, state: &State, place: DecisionPlace<'_>) -> Vec<u64> {
        match place {
            DecisionPlace::Warehouse(_) => Vec::new(),
            DecisionPlace::Lake(_) => state.sweeps.keys().copied().collect(),
        }
    }

    async fn carry_out(
        &self,
        context: DecisionContext<'_>,
        place: DecisionPlace<'_>,
        decision: u64,
    ) -> ExecutionProgress {
        let sweep = context.ledger.state.sweeps.get(&decision);
        let (DecisionPlace::Lake(lake), Some(sweep)) = (place, sweep) else {
            return ExecutionProgress::Nothing;
        };
        (context.places.say)("removing files of dead runs");
        let (mut removed, mut refused) = (0, Vec::new());
        for object in &sweep.objects {
            failpoint::hit("sweep.delete.before");
            match lake.delete(&object.path).await {
                Ok(()) => removed += 1,
                // A lock keeps it, or we may not: it stays, and is said to.
                Err(StoreError::Denied { .. }) => refused.push(object.path.clone()),
                Err(error) => return ExecutionProgress::Failed(PlaceError::Lake(error)),
            }
            failpoint::hit("sweep.delete.after");
        }
        ExecutionProgress::Carried(Carried::Swept { removed, refused })
    }

    fn done(&self, state: &State, decision: u64, carried: &Carried) -> Option<DoneOutcome> {
        let is_open = state.sweeps.contains_key(&decision);
        match carried {
            Carried::Swept { removed, refused } if is_open => Some(DoneOutcome::Swept {
                removed: *removed,
                refused: refused.len() as u64,
            }),
            _ => None,
        }
    }
}
