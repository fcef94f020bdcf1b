//! Doubles of orchestration platforms: HTTP servers that hold seeded, realistic audit records and
//! have switches for every kind of trouble that platforms give. `trailhouse demo` reads one, and
//! tests read all of them. Nothing here knows trailhouse, so that a mistake in how it reads a
//! platform cannot be repeated by the platform.
//!
//! A platform is a folder: [`airflow`], [`azure`], [`cloudtrail`], [`composer`], [`http`], [`kestra`], [`uipath`]. What
//! platforms share stands beside it: credentials ([`Access`]), trouble with requests ([`Faults`],
//! [`Fault`]), the memory of what was shown ([`Shown`], [`Seen`], [`Counts`]), and serving ([`Serving`]).
//!
//! Everything that looks like chance follows from the seed, and faults by chance also from what
//! was asked how often before, so that a test fails the same way twice whatever the order in which
//! concurrent requests arrive.

pub mod airflow;
pub mod azure;
pub mod cloudtrail;
pub mod composer;
pub mod http;
pub mod kestra;
pub mod uipath;

mod argument;
mod dice;
mod faults;
mod gate;
mod instant;
mod oracle;
mod respond;
mod server;

pub use faults::{Fault, Faults, RetryAfter};
pub use gate::Access;
pub use oracle::{Counts, Seen, Shown};
pub use server::{ServeError, Serving, listen};
