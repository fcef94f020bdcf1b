//! Warehouses: projections of the lake that analysts query. A warehouse can be rebuilt from lake and
//! ledger at any time, and nothing is ever learned from it that they do not say.
//!
//! The parts stand in order: what a run does first uses what stands below it, and nothing points up.
//! Nothing but its own folder and `services` knows a service; all else knows the contract at the end
//! ([`Warehouse`]).
//!
//! ```text
//! deciding    rebuild · expire      what the ledger decided about rows, carried out
//! loading     fill · tell           what the ledger has and the tables have not
//! preparing   init · expiration     dataset, tables and views
//! counting    reconcile · compare   rows by batch against the ledger
//! projection  tables · jobs · staging   what all of these do alike
//! services    bigquery              the services that can hold a projection
//! contract    Warehouse             what a service has to do
//! ```

// How far a warehouse is, by the ledger alone.
mod standing;

// What a run does with it.
mod deciding;

mod loading;

mod preparing;

mod counting;

// What they share: what is still to be loaded, and the warehouse that was opened.
mod pending;

mod projection;

// Services.
mod services;

pub mod bigquery;

mod stoppable;

// What they are asked.
mod contract;

#[cfg(test)]
mod tests;

pub use contract::{
    Class, ColumnFound, DatasetFound, Deletion, JobDone, JobFailure, JobId, JobState, JobWork,
    LAKE_LABEL, SqlCondition, Started, Statement, StatementLimits, TableFound, TableKind,
    TableShape, ViewShape, Warehouse, WarehouseError,
};
pub use counting::{
    CompareCell, Difference, DoubledEvent, Reconciliation, RowCounts, RowTally, TableComparison,
    TablePartition, TableReconciliation, reconcile,
};
pub use deciding::{
    ForeseenExpiry, RebuildChoice, RebuildPlan, carry_out, carry_out_remap, expire, foresee,
    plan_rebuild, recoverable,
};
pub use loading::{Filled, RebuiltDates, TableSummary, WarehouseSummary, fill};
pub use preparing::{
    InitStep, Preparation, Preparing, carry_out_preparation, prepare, settle_expiration,
};
pub use projection::{
    FilesChecked, Filling, Pace, Projection, ProjectionError, ProjectionSettings, Staging,
    WarehouseFailure,
};
pub use services::ServiceConfig;
pub use standing::{OpenRebuild, TableStanding, WarehouseStanding};
pub use stoppable::StoppableWarehouse;
