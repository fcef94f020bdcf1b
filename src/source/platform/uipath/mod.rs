//! UiPath: the audit log of Orchestrator, the unified audit of the platform's other services, and the long-term
//! store of that.
//!
//! They are three interfaces with three forms of record. Each is read in chains: Orchestrator in the order of its
//! ids, the unified audit page by page from the newest event, the store in files of one day. One mapping knows all
//! three forms, and tells them apart by what they call the time of a record.

pub mod client;
pub mod config;
pub mod mapping;
pub(crate) mod profile;

pub use client::{UiPath, UiPathFeed};
pub use config::UiPathSettings;
pub use mapping::UiPathMapping;
