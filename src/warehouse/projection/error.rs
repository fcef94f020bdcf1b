//! What can keep work on a warehouse from being done, and what to do about it.

use crate::ledger::log::LogError;
use crate::ledger::tables::LedgerTableError;
use crate::store::{StoreError, StorePurpose};
use crate::warehouse::contract::{Class, WarehouseError};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a warehouse could not be prepared, filled, compared or rebuilt, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The service.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// A table is not there.
    #[error("{target} has no table {table}")]
    NoTable {
        /// The warehouse.
        target: String,
        /// The table.
        table: &'static str,
    },
    /// The tables belong to another lake.
    #[error("{table} in {target} belongs to {owner}, not to {lake_id}")]
    Foreign {
        /// The warehouse.
        target: String,
        /// The table.
        table: String,
        /// Whose it is.
        owner: String,
        /// Ours.
        lake_id: String,
    },
    /// The tables are not what this program loads into.
    #[error("{table} in {target} does not have the required form: {}", .differences.join("; "))]
    Shape {
        /// The warehouse.
        target: String,
        /// The table.
        table: String,
        /// What differs, column by column.
        differences: Vec<String>,
    },
    /// The dataset lies somewhere else.
    #[error("{target} is in {found}, not in {configured}")]
    Location {
        /// The warehouse.
        target: String,
        /// Where it is.
        found: String,
        /// What is configured.
        configured: String,
    },
    /// A file of the lake went by a decision of retention while it was to be loaded.
    #[error("{path} was deleted by a decision of retention meanwhile")]
    GoneMeanwhile {
        /// The file.
        path: String,
    },
    /// The lake.
    #[error(transparent)]
    Lake(StoreError),
    /// The staging location.
    #[error("the staging location: {0}")]
    Staging(StoreError),
    /// The ledger.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The ledger cannot be shown as tables.
    #[error(transparent)]
    Tables(#[from] LedgerTableError),
    /// The warehouse answered a question with something that is no answer to it.
    #[error("{target} gave an unexpected answer to a count: {what}")]
    Answer {
        /// The warehouse.
        target: String,
        /// What.
        what: String,
    },
}

impl ProjectionError {
    /// Stable code in receipts and JSON output.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Warehouse(error) => error.class.code(),
            Self::NoTable { .. } => "no_table",
            Self::Foreign { .. } => "foreign",
            Self::Shape { .. } => "shape",
            Self::Location { .. } => "location",
            Self::Lake(StoreError::Missing { .. }) => "missing",
            Self::Lake(StoreError::Altered { .. }) => "altered",
            Self::Lake(_) => "lake",
            Self::GoneMeanwhile { .. } => "gone_meanwhile",
            Self::Staging(_) => "staging",
            Self::Log(_) => "ledger",
            Self::Tables(_) | Self::Answer { .. } => "unforeseen",
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Warehouse(error) => match error.class {
                Class::Transient | Class::Unknown => {
                    "rerun; nothing was lost, and jobs that are under way are adopted"
                }
                Class::Quota => "rerun later; nothing was lost",
                Class::Denied => {
                    "grant the identity the permissions that docs/bigquery.md lists for this step"
                }
                Class::NotFound => "create what is missing with `trailhouse warehouse init`",
                Class::Exists | Class::Conflict => {
                    "run again; another process changed it at the same time"
                }
                Class::Refused => "check what the service answered, and fix the configuration",
            },
            Self::NoTable { .. } => "create it with `trailhouse warehouse init`",
            Self::Foreign { .. } => "name another dataset: two lakes cannot share one",
            Self::Shape { .. } => {
                "run `trailhouse warehouse init`, which adds what is missing and names what it cannot \
                 change"
            }
            Self::Location { .. } => {
                "name that as `location`, or another dataset: a dataset cannot be moved"
            }
            Self::Lake(error) => error.advice(StorePurpose::Lake),
            Self::GoneMeanwhile { .. } => "rerun; nothing was lost",
            Self::Staging(error) => error.advice(StorePurpose::Staging),
            Self::Log(_) => "run `trailhouse verify`",
            Self::Tables(_) | Self::Answer { .. } => {
                "report this to the maintainers of trailhouse; running again is safe"
            }
        }
    }
}

#[cfg(test)]
impl ProjectionError {
    /// One example of each failure, for the reference of codes.
    pub(crate) fn examples() -> Vec<Self> {
        std::iter::successors(Some(of_service(Class::Transient)), next_example).collect()
    }
}

#[cfg(test)]
fn of_service(class: Class) -> ProjectionError {
    ProjectionError::Warehouse(WarehouseError {
        class,
        target: "acme-audit.audit".to_owned(),
        action: "load entry 7 into audit_events".to_owned(),
        said: "what the service answered".to_owned(),
        retry_after: None,
    })
}

/// The example after this one: a new failure does not compile until it has its place.
#[cfg(test)]
fn next_example(last: &ProjectionError) -> Option<ProjectionError> {
    use ProjectionError as E;
    let target = || "acme-audit.audit".to_owned();
    let path = || "events/date=2026-01-01/….parquet".to_owned();
    let said = || "what the store answered".to_owned();
    Some(match last {
        E::Warehouse(error) => match error.class {
            Class::Transient => of_service(Class::Quota),
            Class::Quota => of_service(Class::Unknown),
            Class::Unknown => of_service(Class::Denied),
            Class::Denied => of_service(Class::NotFound),
            Class::NotFound => of_service(Class::Exists),
            Class::Exists => of_service(Class::Conflict),
            Class::Conflict => of_service(Class::Refused),
            Class::Refused => E::NoTable {
                target: target(),
                table: "audit_events",
            },
        },
        E::NoTable { .. } => E::Foreign {
            target: target(),
            table: "audit_events".to_owned(),
            owner: "lake-1".to_owned(),
            lake_id: "lake-2".to_owned(),
        },
        E::Foreign { .. } => E::Shape {
            target: target(),
            table: "audit_events".to_owned(),
            differences: vec!["raw is INT64, not STRING".to_owned()],
        },
        E::Shape { .. } => E::Location {
            target: target(),
            found: "US".to_owned(),
            configured: "EU".to_owned(),
        },
        E::Location { .. } => E::GoneMeanwhile { path: path() },
        E::GoneMeanwhile { .. } => E::Lake(StoreError::Missing {
            object: path(),
            said: said(),
        }),
        E::Lake(StoreError::Missing { .. }) => E::Lake(StoreError::Altered {
            object: path(),
            said: said(),
        }),
        E::Lake(StoreError::Altered { .. }) => E::Lake(StoreError::NotFound {
            object: path(),
            said: said(),
        }),
        E::Lake(_) => E::Staging(StoreError::NotFound {
            object: path(),
            said: said(),
        }),
        E::Staging(_) => E::Answer {
            target: target(),
            what: "no rows".to_owned(),
        },
        // What the ledger says is described with the ledger.
        E::Answer { .. } | E::Log(_) | E::Tables(_) => return None,
    })
}

// The same error, as summaries have it.
/// Why a warehouse failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WarehouseFailure {
    /// Stable code, as listed in the reference of exit codes.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// What to do about it.
    pub action: String,
    /// Whether it speaks against the integrity of the lake.
    #[serde(skip)]
    pub integrity: bool,
}

impl From<&ProjectionError> for WarehouseFailure {
    fn from(error: &ProjectionError) -> Self {
        let integrity = match error {
            ProjectionError::Log(error) => error.is_integrity(),
            ProjectionError::Lake(error) => error.is_integrity(),
            _ => false,
        };
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            action: error.advice().to_owned(),
            integrity,
        }
    }
}
