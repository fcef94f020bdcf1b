//! Cloud Composer: the audit entries of its environments in Cloud Logging, by `entries:list`.
//!
//! The list continues by page tokens, promises no number, and sorts by the time of the act only. Entries
//! arrive late, so windows are of `receiveTimestamp`: nothing appears in one once it has settled. What is
//! done inside Airflow is not here but in the event log of the environment's web server.

pub mod client;
pub mod config;
pub mod mapping;
pub(crate) mod profile;

pub use client::{AuditLog, Composer, ComposerSettings};
pub use config::ComposerPlatform;
pub use mapping::ComposerMapping;
