//! UiPath: the audit log of Orchestrator (`/odata/AuditLogs`), the unified audit (`/api/query/events`) and its
//! long-term store, with the endpoint that gives tokens for client credentials.
//!
//! A [`UiPath`] is made from [`Options`], served with [`UiPath::serve`], and steered while it serves: records can
//! be pushed and purged, faults queued, the clock set. It is as strict as the services where a reader could be
//! careless, and behaves as they do where that is surprising: ids follow the end of a call and times its beginning,
//! times have as many digits as they need, the unified audit answers the newest first, its upper bound is
//! inclusive, its continuation drops the lower one, and it shows the last 90 days.

mod archive;
mod events;
mod filter;
mod generate;
mod list;
mod platform;
mod record;
mod server;
#[cfg(test)]
mod tests;

pub use platform::{Options, Trouble, UiPath};
pub use record::{NewEvent, NewRecord};
