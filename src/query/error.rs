//! What can go wrong with a query, and what to do about it.

use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;

use super::Limits;
use crate::lake::{StoreError, StoreMeaning};
use crate::ledger::tables::LedgerTableError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Nothing but spaces and comments.
    #[error("there is no statement")]
    Empty,
    /// More than one statement.
    #[error("there are {count} statements, and one query is one statement")]
    Several {
        /// How many there are.
        count: usize,
    },
    /// A statement that does more than read.
    #[error("{statement} is refused: a query only reads")]
    NotReading {
        /// The kind of statement.
        statement: String,
    },
    /// Text that is not SQL.
    #[error("the statement is not understood: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// A function of BigQuery that is used in a way that is not supported here.
    #[error("{function}: {reason}")]
    Function {
        /// Name of the function.
        function: String,
        /// What is not supported, and what is instead.
        reason: String,
    },
    /// A column that no table of the statement has.
    #[error("there is no column `{name}`")]
    UnknownColumn {
        /// The name in the statement.
        name: String,
        /// Columns with similar names, the nearest first.
        near: Vec<String>,
    },
    /// A table that the lake does not have.
    #[error("there is no table `{name}`")]
    UnknownTable {
        /// The name in the statement.
        name: String,
    },
    /// A statement that cannot be carried out as it is written.
    #[error("the statement cannot be carried out: {reason}")]
    Meaning {
        /// What the planner says.
        reason: String,
    },
    /// A value that a function or a type does not take.
    #[error("the query failed on a value: {reason}")]
    Value {
        /// What the function says.
        reason: String,
    },
    /// More memory is needed than is allowed.
    #[error("the query needs more than the {} MiB of memory it may use", .limit >> 20)]
    Memory {
        /// The limit in bytes.
        limit: usize,
        /// Which part of the query needed it.
        reason: String,
    },
    /// A live file is not there.
    #[error("a file of the lake is missing: `{path}`")]
    FileMissing {
        /// Its URL.
        path: String,
    },
    /// A live file is not the one that the ledger signed for.
    #[error("a file of the lake is not the one that the ledger signed for: `{path}`")]
    FileAltered {
        /// Its URL.
        path: String,
    },
    /// A live file is not what the ledger says.
    #[error("a file of the lake cannot be decoded")]
    FileDamaged(#[source] Box<DataFusionError>),
    /// The store does not answer as it should.
    #[error("the lake cannot be read: {0}")]
    Store(StoreError),
    /// A name in the ledger that no store takes.
    #[error("the ledger names a file `{path}`, which is no name of an object")]
    Path {
        /// The name.
        path: String,
    },
    /// The ledger cannot be shown as a table.
    #[error(transparent)]
    Ledger(#[from] LedgerTableError),
    /// Temporary files cannot be used.
    #[error("the temporary directory cannot be used")]
    Temporary(#[source] std::io::Error),
    /// A bug in the query engine or in our use of it.
    #[error("the query engine failed")]
    Engine(#[source] Box<DataFusionError>),
}

impl QueryError {
    /// Sorts out what the engine says.
    pub(super) fn from_engine(error: DataFusionError, limits: Limits) -> Self {
        // Found first as a reference, since the error may be shared between parts of a query.
        let found = match error.find_root() {
            DataFusionError::External(inner) => match inner.downcast_ref::<Self>() {
                Some(Self::Path { path }) => Some(Self::Path { path: path.clone() }),
                _ => None,
            },
            DataFusionError::SQL(parser, _) => Some(Self::Syntax {
                reason: parser.to_string(),
            }),
            DataFusionError::SchemaError(schema, _) => Some(Self::from_schema(schema)),
            DataFusionError::Plan(reason) => Some(Self::from_plan(reason)),
            DataFusionError::NotImplemented(reason) => Some(Self::Meaning {
                reason: reason.clone(),
            }),
            DataFusionError::Execution(reason) => Some(Self::Value {
                reason: reason.clone(),
            }),
            DataFusionError::ArrowError(arrow, _) => Some(Self::Value {
                reason: arrow.to_string(),
            }),
            DataFusionError::ResourcesExhausted(reason) => Some(Self::Memory {
                limit: limits.memory,
                reason: reason.clone(),
            }),
            DataFusionError::IoError(io) => Some(Self::Temporary(std::io::Error::new(
                io.kind(),
                io.to_string(),
            ))),
            _ => None,
        };
        found.unwrap_or_else(|| Self::from_reading(error))
    }

    /// Errors of reading files: the store's, which the Parquet reader wraps, and its own.
    fn from_reading(error: DataFusionError) -> Self {
        let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut decoding = false;
        while let Some(at) = inner {
            if let Some(store) = at.downcast_ref::<StoreError>() {
                return match store {
                    StoreError::Missing { object, .. } => Self::FileMissing {
                        path: object.clone(),
                    },
                    StoreError::Altered { object, .. } => Self::FileAltered {
                        path: object.clone(),
                    },
                    other => Self::Store(other.clone()),
                };
            }
            decoding |= at.is::<parquet::errors::ParquetError>()
                || matches!(at.downcast_ref(), Some(DataFusionError::ParquetError(_)));
            inner = at.source();
        }
        match decoding {
            true => Self::FileDamaged(Box::new(error)),
            false => Self::Engine(Box::new(error)),
        }
    }

    fn from_schema(error: &SchemaError) -> Self {
        match error {
            SchemaError::FieldNotFound {
                field,
                valid_fields,
            } => Self::UnknownColumn {
                name: field.flat_name(),
                near: nearest(&field.name, valid_fields),
            },
            other => Self::Meaning {
                reason: other.to_string(),
            },
        }
    }

    fn from_plan(reason: &str) -> Self {
        let table = reason
            .strip_prefix("table '")
            .and_then(|rest| rest.strip_suffix("' not found"));
        match table {
            Some(name) => Self::UnknownTable {
                name: name.rsplit('.').next().unwrap_or(name).to_owned(),
            },
            None => Self::Meaning {
                reason: reason.to_owned(),
            },
        }
    }

    /// What to do about it.
    pub fn action(&self) -> String {
        match self {
            Self::Empty => "give a statement, such as SELECT COUNT(*) FROM audit_events".to_owned(),
            Self::Several { .. } => "run them one by one".to_owned(),
            Self::NotReading { .. } => {
                "write a SELECT; the lake changes only by `trailhouse run`".to_owned()
            }
            Self::Syntax { .. } => "mend the statement; the dialect is that of BigQuery".to_owned(),
            Self::Function { .. } | Self::Meaning { .. } => "change the statement".to_owned(),
            Self::UnknownColumn { near, .. } if !near.is_empty() => {
                format!("did you mean {}?", listed(near))
            }
            Self::UnknownColumn { .. } => {
                "see the columns with `trailhouse schema events`".to_owned()
            }
            Self::UnknownTable { .. } => {
                "the tables are audit_events, audit_batches, audit_coverage and audit_quarantine"
                    .to_owned()
            }
            Self::Value { .. } => {
                "change the statement; SAFE_CAST gives NULL where a value does not fit".to_owned()
            }
            Self::Memory { .. } => {
                "read less: fewer dates in a condition on dt, fewer columns, a LIMIT".to_owned()
            }
            Self::FileMissing { .. }
            | Self::FileAltered { .. }
            | Self::FileDamaged(_)
            | Self::Path { .. } => {
                "run `trailhouse verify`, and find out who changed the bucket".to_owned()
            }
            Self::Store(store) if store.meaning() == StoreMeaning::Configuration => {
                store.advice().to_owned()
            }
            Self::Store(_) => "run `trailhouse doctor`, then query again".to_owned(),
            Self::Temporary(_) => {
                "free some space or set TMPDIR to a directory that can be written".to_owned()
            }
            Self::Ledger(_) | Self::Engine(_) => "report this as a bug".to_owned(),
        }
    }
}

/// How many names are offered for one that is not there.
const OFFERED: usize = 3;

/// Names like the given one, the nearest first.
fn nearest(name: &str, valid: &[Column]) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut near: Vec<(f64, &str)> = valid
        .iter()
        .map(|column| {
            let known = column.name.as_str();
            let part = known.contains(&wanted) || wanted.contains(known);
            let like = strsim::jaro_winkler(&wanted, known);
            (if part { like.max(0.9) } else { like }, known)
        })
        .filter(|(like, _)| *like >= 0.8)
        .collect();
    near.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    near.dedup_by(|(_, a), (_, b)| a == b);
    near.truncate(OFFERED);
    near.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Names as English lists them.
fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
