//! BigQuery behind the [`Warehouse`](crate::warehouse::Warehouse) contract, over its REST API.
//!
//! ```text
//! typed client (gcp-bigquery-client)   tables.delete; the model of jobs.getQueryResults
//! raw JSON, same HTTP client and signer   everything else
//! ```
//!
//! Why not everything is typed: the typed client hides the status of answers that are no JSON and all
//! headers, so that the start of a job could not tell *refused* from *unknown* and nothing could obey
//! `Retry-After`. Its model of a load lacks `parquetOptions` and `WRITE_TRUNCATE_DATA` is only a
//! string to it; that of a dataset lacks the description and the window of time travel; that of a table
//! fails on types it does not know, drops properties it does not know from a PATCH, and sends no `If-Match`; that of a job's
//! statistics may fail on tomorrow's words, and then a job that has ended would never be seen. It has
//! no media upload. It reads answers of any length. What it models well is used to write queries and to
//! read results.
//!
//! What an answer means is decided in `error`, what is sent in `load`, `jobs` and `tables`; these are
//! pure, as are the statements in `sql` and the `views`. `transport` sends, and `service` is the dataset behind the contract.

pub(crate) mod config;

mod start;

mod typed;

mod service;

mod jobs;

mod tables;

mod load;

mod transport;

mod error;

mod settings;

mod labels;

mod limits;

mod views;

mod sql;

mod types;

pub use crate::http::{Auth, GoogleAuth, LazySecret, Retry};
pub use config::BigQueryConfig;
pub use labels::check_labels;
pub use limits::LIMITS;
pub use service::BigQuery;
pub use settings::BigQuerySettings;
pub use sql::to_sql;
pub use types::type_name;
