//! Behaviour of trailhouse as a whole and of its parts where several meet.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod bigquery_fake;
mod certificate;
mod cli;
mod docs;
mod faulty_store;
mod faulty_warehouse;
mod gcs;
mod golden;
mod ledger;
mod orders;
mod run;
mod sql;
#[cfg(all(feature = "demo", feature = "query"))]
mod sql_in_docs;
mod stores;
mod warehouse;
