//! Apache Airflow 3 and 2: the event log of its REST API.
//!
//! The log is read in pages by time. What lists say is tried before it is believed: totals of some versions
//! count the whole table, and pages are cut at a limit without a word. Lists of Airflow 3 also leave out events of
//! DAGs that are not known, or that the account may not read; such events are found by their ids, which are
//! numbers in a row. See `hidden` for the rule that leads to them.

pub mod client;
pub mod config;
mod feed;
mod hidden;
pub mod mapping;
pub(crate) mod profile;

pub use client::{Airflow, AirflowDialect};
pub use config::AirflowSettings;
pub use feed::AirflowFeed;
pub use mapping::AirflowMapping;
