//! Events as OCSF JSON, for programs that speak the Open Cybersecurity Schema Framework.
//!
//! The stored schema is flat and takes its names from OCSF; this module makes the nested event of it, in this order:
//! a [`row::EventRows`] is read from a batch of `audit_events`; [`document::document`] places its columns, with
//! what its [`class`] requires; the platform adds what only its own record says ([`OcsfExtra`]).
//!
//! Documents are of version [`VERSION`] and valid by its JSON Schema with the profiles `datetime` and, on a cloud
//! platform, `cloud`. A document never says more than the row: where the class requires a value that the
//! platform does not state, it is OCSF's own "unknown".

pub mod class;
mod document;
mod row;
#[cfg(test)]
mod tests;

pub use document::document;
pub use row::{EventRow, EventRows, MissingColumn};

use serde_json::{Map, Value};

/// The version of OCSF that documents are of.
pub const VERSION: &str = "1.8.0";

/// What a platform is called in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product<'a> {
    /// Its name, such as "Apache Airflow".
    pub name: &'a str,
    /// Who makes it.
    pub vendor: Option<&'static str>,
    /// The cloud that it is part of, as OCSF names it: "AWS", "GCP" or "Azure".
    pub cloud: Option<&'static str>,
}

impl<'a> Product<'a> {
    /// A product of which no more than the name is known.
    pub const fn named(name: &'a str) -> Self {
        Self {
            name,
            vendor: None,
            cloud: None,
        }
    }
}

/// Adds to a document what only the record of one platform says.
pub type OcsfExtra = fn(raw: &str, document: &mut Map<String, Value>);
