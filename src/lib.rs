//! trailhouse reads audit records from orchestration platforms, keeps every one of them in a
//! tamper-evident, date-partitioned Parquet lake in object storage, and answers SQL over it.
//!
//! Follow one record from HTTP to disk and it walks forward through these modules:
//!
//! 1. [`config`] says what to read and where to keep it;
//! 2. [`source`] reads slices of a platform's audit feed completely or says what is missing;
//! 3. [`event`] turns the exact bytes of a record into one row of the common schema;
//! 4. [`lake`] writes rows as Parquet files into a [`store`] and reads them back;
//! 5. [`ledger`] commits what was written as one signed, numbered entry;
//! 6. [`run`] drives the steps above in order, once, and can be killed anywhere.
//!
//! Around them: [`cli`] turns arguments into calls and results into text, JSON and exit codes;
//! [`report`] makes status and verification from the ledger; [`clock`] says what time it is and how far
//! that is believed; [`window`] is the arithmetic of time. [`policy`] has the rules of retention and of legal holds,
//! and [`retention`] says what they mean for a lake.
//! [`decision`] makes and finishes whatever cannot be undone.
//! `import` takes records from files instead.
//! [`warehouse`] is what a projection of the lake for analysts needs of the service that holds it.
//! The feature `query` adds SQL over the live files, the feature `demo` a platform to try it all on.
//!
//! I/O stays at the edges. What decides is pure: slicing, comparing, the fold over entries and the
//! rebase of a lost one, schedules, Merkle roots. A run is a plan, a value, and what the sources
//! answer to it.

// A failure is a value, never a panic; tests may.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod clock;
pub mod config;
pub mod decision;
pub mod event;
pub mod import;
pub mod index;
pub mod lake;
pub mod ledger;
pub mod merkle;
pub mod origin;
pub mod policy;
#[cfg(feature = "query")]
pub mod query;
pub mod report;
pub mod retention;
pub mod run;
pub mod settings;
pub mod shared_text;
pub mod source;
pub mod store;
pub mod warehouse;
pub mod window;

mod failpoint;
mod foreign;
mod http;
mod plural;
mod similar;
pub mod stop;
mod text;
pub mod waits;
