//! What this program needs of a service that holds a projection: the [`Warehouse`] trait, and the values that
//! pass through it. Nothing here knows a service.

mod service;

mod statement;

mod job;

mod table;

mod kind;

mod error;

pub use error::{Class, WarehouseError};
pub use job::{JobDone, JobFailure, JobId, JobState, JobWork, Started};
pub(crate) use kind::LOADED;
pub use kind::TableKind;
pub use service::Warehouse;
pub use statement::{Deletion, SqlCondition, Statement, StatementLimits};
pub use table::{ColumnFound, DatasetFound, LAKE_LABEL, TableFound, TableShape, ViewShape};
