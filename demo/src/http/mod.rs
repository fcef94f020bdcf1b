//! HTTP APIs with an audit log, each a [`Dialect`] over the same list of records: those of Dagster+, Temporal Cloud
//! and Astronomer as far as they are known, and one of no product that can be paged in every usual way.
//!
//! An [`AuditApi`] is strict: it refuses parameters that its dialect does not have, tokens of another question and
//! pages that are too large. [`Trouble`] has what APIs of this kind do to their readers.

mod dialect;
mod platform;
mod server;
#[cfg(test)]
mod tests;

pub use dialect::{Dialect, Paging};
pub use platform::{AuditApi, Options, Record, Trouble};
