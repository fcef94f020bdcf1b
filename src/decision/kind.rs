//! What a kind of decision says of itself, so that one driver makes and finishes all of them.

use super::error::DecisionError;
use super::place::{DecisionContext, DecisionPlace, PlaceError};
use crate::clock::Now;
use crate::ledger::entry::{
    Body, DoneOutcome, FilesExpired, GivenUp, Recoverable, RemappedWarehouse, WarehouseExpired,
};
use crate::ledger::state::State;
use crate::warehouse::RebuiltDates;
use async_trait::async_trait;
use serde::Serialize;

/// The kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionKind {
    /// Replacing dates of a warehouse.
    Rebuild,
    /// Deleting what is due by rule.
    Retention,
    /// Removing files that no entry names.
    Sweep,
    /// Deriving columns again from the records as kept.
    Remap,
}

/// How decisions of a kind are made. A value of it is one wish to decide, with what it goes by: a policy, some
/// tables, an age.
///
/// # Contract
/// **Pure but for what it reads**: planning changes nothing anywhere, and the same state, places and time make
/// the same plan, since a person confirms its hash. **Shares** are what one entry names each, so that an entry
/// stays small however much is due; none is empty.
#[async_trait]
pub trait Decision: Send + Sync {
    /// What is shown before anything is decided. Its hash is the id of the plan.
    type Plan: Serialize + Send + Sync;
    /// What one entry names.
    type Share: Send + Sync;

    /// How often it is planned again where others came first. `0` where what others have decided is what
    /// this would decide.
    const PLANS_AGAIN: u32;

    /// What would be decided now.
    async fn plan(&self, context: DecisionContext<'_>) -> Result<Self::Plan, DecisionError>;

    /// All that a plan names: what is decided by whoever confirms it.
    fn all(&self, plan: &Self::Plan) -> Vec<Self::Share>;

    /// **The guard**: what of it is decided without a person having looked at it.
    ///
    /// # Errors
    /// [`DecisionError::UnprovenClock`] where the kind has nothing that a person could confirm instead.
    fn unattended(&self, plan: &Self::Plan, now: &Now) -> Result<Vec<Self::Share>, DecisionError>;

    /// The entry that decides a share of a plan, after what it names was written where it adds anything. What was
    /// written for an entry that is never committed is an orphan.
    ///
    /// # Errors
    /// The lake, where anything is read or written for it.
    async fn entry(
        &self,
        context: DecisionContext<'_>,
        share: &Self::Share,
        plan_id: &str,
    ) -> Result<Body, DecisionError>;
}

/// How decisions of a kind are carried out, whoever made them and however long ago.
///
/// # Contract
/// **Idempotent**: any step may have been done before, by a process that was killed or is still at it.
/// **Places are independent**: what fails at one holds up no other. **Order**: at one place decisions are
/// carried out in their order, whatever their kinds; one that cannot end now holds up those after it in a
/// warehouse.
#[async_trait]
pub trait Execution: Sync {
    /// The kind.
    fn kind(&self) -> DecisionKind;

    /// The decisions that a place still has to carry out.
    fn open_at(&self, state: &State, place: DecisionPlace<'_>) -> Vec<u64>;

    /// Carries a decision out at a place, as far as it can be done now. It commits nothing.
    async fn carry_out(
        &self,
        context: DecisionContext<'_>,
        place: DecisionPlace<'_>,
        decision: u64,
    ) -> ExecutionProgress;

    /// What `done` says of what was carried out, by how the decision stands now: others may have done a part
    /// of it meanwhile. `None` where there is nothing to say.
    fn done(&self, state: &State, decision: u64, carried: &Carried) -> Option<DoneOutcome>;
}

/// How far a decision was carried out at a place.
#[derive(Debug)]
pub enum ExecutionProgress {
    /// To the end, or as far as the place lets it for now.
    Carried(Carried),
    /// Others have done it meanwhile, or nothing of it can be tried yet.
    Nothing,
    /// It cannot go on now, and nothing failed: others are still at something that has to end first, or
    /// nothing more is to be started.
    NotNow,
    /// It failed; any later run tries again.
    Failed(PlaceError),
}

/// What became of a decision at a place.
#[derive(Debug)]
pub enum Carried {
    /// Dates of a warehouse were replaced, or there is nothing to replace any more.
    Rebuilt(RebuiltDates, DoneOutcome),
    /// A warehouse has the rows whose columns the current rules derive.
    Remapped(RemappedWarehouse),
    /// A warehouse is rid of what is due.
    Expired(WarehouseExpired, Vec<Recoverable>),
    /// Files of the lake were removed, but for those that the store does not let go yet.
    Removed(FilesExpired, Vec<Recoverable>),
    /// Files that others have replaced were removed, but for those that the store does not let go yet.
    Replaced(FilesExpired),
    /// Nobody can reach the warehouse any more.
    GivenUp(GivenUp),
    /// Files that no entry names were removed.
    Swept {
        /// Objects that are gone.
        removed: u64,
        /// Objects that the store refuses to remove.
        refused: Vec<String>,
    },
}
