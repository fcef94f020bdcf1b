//! Tests against parts that other people made: `kubectl`, linters, servers of object stores, an
//! emulator of BigQuery, platforms.
//!
//! The parts are installed from pinned requirements into `target/services`, run on loopback and
//! are ended with the test. A test whose parts cannot be had on this machine is not run, and is
//! listed with what is missing as the last thing printed. `TRAILHOUSE_SERVICES=require` makes that
//! a failure.

mod airflow;
mod azurite;
mod bigquery;
#[cfg(feature = "demo")]
mod cloudtrail;
mod dockerfile;
#[allow(
    dead_code,
    reason = "shared with the other tests, which use more of it"
)]
#[path = "../gcs/mod.rs"]
mod gcs;
mod install;
mod job;
mod kubernetes;
mod localbucket;
mod missing;
mod node;
mod ocsf;
mod process;
mod python;
mod retention;
mod s3;
mod sql;
#[path = "../sql_in_docs.rs"]
mod sql_in_docs;
mod stores;
mod warehouse;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use crate::missing::Suite;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut suite = match Suite::from_environment() {
        Ok(suite) => suite,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    airflow::add_to(&mut suite);
    #[cfg(feature = "demo")]
    cloudtrail::add_to(&mut suite);
    dockerfile::add_to(&mut suite);
    job::add_to(&mut suite);
    retention::add_to(&mut suite);
    kubernetes::add_to(&mut suite);
    ocsf::add_to(&mut suite);
    sql::add_to(&mut suite);
    stores::add_to(&mut suite);
    warehouse::add_to(&mut suite);
    suite.run(&arguments)
}
