//! The event log of Apache Airflow's REST API, of Airflow 2 and 3.
//!
//! An [`AirflowServer`] is made from [`Options`], served with [`AirflowServer::serve`], and steered while
//! it serves: events can be written, DAGs deleted, the database cleaned or rebuilt, faults queued, the clock
//! set. It leaves out what Airflow 3 leaves out: its list and total have only events of DAGs that exist, and
//! the rest is there by id alone.

mod answer;
mod generate;
mod platform;
mod query;
mod record;
mod server;
#[cfg(test)]
mod tests;

pub use platform::{AirflowServer, Options, Totals, Trouble};
pub use record::{NewEvent, Written};

/// The generation of the interface that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Airflow 2: `/api/v1`, basic authentication, nothing is left out.
    V1,
    /// Airflow 3: `/api/v2`, tokens.
    V2,
}

impl Dialect {
    const fn version(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}
