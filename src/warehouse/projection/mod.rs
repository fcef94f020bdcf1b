//! One configured warehouse, opened, and what all work on it does alike: opening its tables, doing its jobs,
//! and having the files that it loads from.

mod tables;

mod runner;

mod opened;

mod staging;

mod filling;

mod error;

pub(super) mod difference;

pub(crate) use difference::{additions, conflicts};
pub use error::{ProjectionError, WarehouseFailure};
pub use filling::Filling;
pub use opened::{Pace, Projection, ProjectionSettings};
pub(crate) use runner::{Attempts, JobEnd, WarehouseJob, mark, own_job_id, run_job};
pub(crate) use staging::StagingPurpose;
pub use staging::{FilesChecked, Staging};
pub(crate) use tables::{check_owner, known_of, open_table};
