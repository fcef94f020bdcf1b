//! Dataset, tables and views: making them, adding what newer versions have, and keeping the service from
//! removing them.
//!
//! ```text
//! dataset, tables and views as they are ─ what is missing, what differs ─ steps ─ carried out
//! partition expiration ─ as configured, unless it would drop what the ledger keeps
//! ```

mod init;

mod remake;

mod expiration;

pub use expiration::settle_expiration;
pub(crate) use expiration::{expiring, expiring_views};
pub use init::{InitStep, Preparation, Preparing, carry_out_preparation, prepare};
pub(crate) use remake::remake;
