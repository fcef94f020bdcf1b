//! Decisions: whatever cannot be undone is decided by an entry of the ledger, carried out, and receipted.
//!
//! ```text
//! plan ─ guard ─ confirmed? ─ commit ─ carry out at each place ─ commit `done`
//!   ^                            │
//!   └─ others came first ────────┘
//! ```
//!
//! The entry puts a decision in order with holds, loads and other decisions. From then on it is part of the
//! state, and whatever is not done when a process ends is finished by any later one that may: a run, or the
//! command of that kind. So each step can be repeated, by several processes at a time.
//!
//! One [`Driver`] does all of this. A kind of decision is a module that says what it names and what guards it
//! ([`Decision`]), and how a place carries it out and what `done` says then ([`Execution`]):
//!
//! | kind | names | needs a person | carried out |
//! |---|---|---|---|
//! | [`retention`] | partitions that are due | where the guard of the policy says so | in each warehouse, in the lake |
//! | [`rebuild`] | dates of a table of a warehouse | always | in that warehouse |
//! | [`sweep`] | files that no entry names | never, but a clock that is borne out | in the lake |
//! | [`remap`] | files with outdated columns, and those that replace them | always | in each warehouse, in the lake |

// The kinds.
pub mod rebuild;
pub mod remap;
pub mod retention;
pub mod sweep;

// What is common to all of them.
mod driver;

mod kind;

mod error;
mod place;
mod removal;

pub use driver::{
    Approved, CarriedAt, Decided, Driver, FinishedDecisions, PlannedDecision, plan_id,
};
pub use error::{DecisionError, StalePlan};
pub use kind::{Carried, Decision, DecisionKind, Execution, ExecutionProgress};
pub use place::{DecisionContext, DecisionPlace, DecisionPlaces, PlaceError};

use crate::ledger::writer::Writer;

/// All kinds.
pub const KINDS: [DecisionKind; 4] = [
    DecisionKind::Rebuild,
    DecisionKind::Remap,
    DecisionKind::Retention,
    DecisionKind::Sweep,
];

/// How each is carried out.
static EXECUTIONS: [&dyn Execution; 4] = [
    &rebuild::RebuildExecution,
    &remap::RemapExecution,
    &retention::RetentionExecution,
    &sweep::SweepExecution,
];

/// A driver that may carry out decisions of some kinds. Those of others it leaves, and what comes after them in
/// a warehouse.
pub fn driver<'a>(
    ledger: &'a mut Writer,
    places: DecisionPlaces<'a>,
    may: &'a [DecisionKind],
) -> Driver<'a> {
    Driver::new(ledger, places, &EXECUTIONS, may)
}
