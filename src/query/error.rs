//! What can go wrong with a query, and what to do about it.

use std::fmt;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use super::limits::Limits;
use crate::ledger::tables::LedgerTableError;
use crate::similar::{did_you_mean, similar};
use crate::store::{StoreError, StoreMeaning, StorePurpose};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Nothing but spaces and comments.
    #[error("there is no statement")]
    Empty,
    /// More than one statement.
    #[error("there are {count} statements, but a query takes one")]
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
    #[error("syntax error: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
        /// Where.
        place: Option<StatementPlace>,
    },
    /// What GoogleSQL refuses, or a form of it that is not supported here.
    #[error("{reason}")]
    Refused {
        /// What does not fit.
        reason: String,
        /// What to write instead.
        fix: String,
        /// Where.
        place: Option<StatementPlace>,
    },
    /// A column that no table of the statement has.
    #[error("there is no column `{name}`")]
    UnknownColumn {
        /// The name in the statement.
        name: String,
        /// Columns with similar names, the nearest first.
        near: Vec<String>,
        /// Where.
        place: Option<StatementPlace>,
    },
    /// A table that the lake does not have.
    #[error("there is no table `{name}`")]
    UnknownTable {
        /// The name in the statement.
        name: String,
        /// Where.
        place: Option<StatementPlace>,
    },
    /// A statement that the engine cannot carry out, though GoogleSQL allows it.
    #[error("the query engine cannot carry out this statement")]
    Unplannable(#[source] Unplannable),
    /// A value that a function or a type does not take.
    #[error("the query failed on a value: {reason}")]
    Value {
        /// What the function says.
        reason: String,
        /// What to write instead.
        fix: String,
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
    #[error("the ledger names a file `{path}`, which is not a valid object name")]
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

/// Why the engine cannot carry out a statement, in its own words, which are for us and not for the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.said())]
pub struct Unplannable(String);

impl Unplannable {
    /// What is known to be the reason.
    fn said(&self) -> &'static str {
        let reason = self.0.to_lowercase();
        if reason.contains("subquery") || reason.contains("outer") {
            "a subquery names columns of the query around it in a way that is not supported"
        } else {
            "a combination of clauses is not supported"
        }
    }
}

impl QueryError {
    /// Sorts out what the engine says.
    pub(super) fn from_engine(error: DataFusionError, limits: Limits) -> Self {
        // Found first as a reference, since the error may be shared between parts of a query.
        let found = match error.find_root() {
            DataFusionError::External(inner) => match inner.downcast_ref::<Self>() {
                Some(Self::Path { path }) => Some(Self::Path { path: path.clone() }),
                Some(Self::Value { reason, fix }) => Some(Self::Value {
                    reason: reason.clone(),
                    fix: fix.clone(),
                }),
                _ => None,
            },
            DataFusionError::SQL(..)
            | DataFusionError::SchemaError(..)
            | DataFusionError::Plan(_)
            | DataFusionError::NotImplemented(_) => {
                Some(Self::Unplannable(Unplannable(error.to_string())))
            }
            DataFusionError::Execution(_) => Some(Self::value()),
            // What Arrow passes on from the Parquet reader or the store is no value.
            DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
                ArrowError::ParquetError(said) if !said.contains(EVALUATING) => None,
                ArrowError::ExternalError(_) | ArrowError::IoError(..) => None,
                // Only sums are computed in a wider type, to find this out.
                ArrowError::CastError(said) if said.contains("out of range Int64") => {
                    Some(Self::Value {
                        reason: "integer overflow: a SUM is outside INT64".to_owned(),
                        fix: "write SUM(CAST(… AS FLOAT64))".to_owned(),
                    })
                }
                _ => Some(Self::value()),
            },
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

    /// A value that one of the engine's own functions does not take.
    fn value() -> Self {
        Self::Value {
            reason: "a function does not accept it".to_owned(),
            fix: "leave such values out with WHERE, or use SAFE_CAST where a type is changed"
                .to_owned(),
        }
    }

    /// Errors of reading files: the store's, which the Parquet reader wraps, and its own.
    fn from_reading(error: DataFusionError) -> Self {
        let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut decoding = false;
        while let Some(at) = inner {
            // The Parquet reader evaluates conditions too; what a condition does not take is no fault of a file.
            if at.to_string().contains(EVALUATING) {
                return Self::value();
            }
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
                || matches!(at.downcast_ref(), Some(DataFusionError::ParquetError(_)))
                || matches!(at.downcast_ref(), Some(ArrowError::ParquetError(_)));
            inner = at.source();
        }
        match decoding {
            true => Self::FileDamaged(Box::new(error)),
            false => Self::Engine(Box::new(error)),
        }
    }

    /// A column that none of the `known` ones is.
    pub(super) fn unknown_column(
        name: impl Into<String>,
        written: &str,
        known: &[&str],
        place: Option<StatementPlace>,
    ) -> Self {
        Self::UnknownColumn {
            name: name.into(),
            near: similar(written, known)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            place,
        }
    }

    /// Where in the statement the fault is.
    pub fn place(&self) -> Option<&StatementPlace> {
        match self {
            Self::Syntax { place, .. }
            | Self::Refused { place, .. }
            | Self::UnknownColumn { place, .. }
            | Self::UnknownTable { place, .. } => place.as_ref(),
            _ => None,
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
            Self::Syntax { .. } => {
                "fix the SQL; docs/sql.md lists what is supported of the dialect of BigQuery"
                    .to_owned()
            }
            Self::Refused { fix, .. } | Self::Value { fix, .. } => fix.clone(),
            Self::Unplannable(_) => {
                "write it in simpler steps: WITH for each of them, and JOIN instead of a subquery"
                    .to_owned()
            }
            Self::UnknownColumn { near, .. } => did_you_mean(near).unwrap_or_else(|| {
                "list the columns with `trailhouse query \"DESCRIBE audit_events\"`".to_owned()
            }),
            Self::UnknownTable { .. } => {
                "the tables are audit_events, audit_batches, audit_coverage and audit_quarantine"
                    .to_owned()
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
                store.advice(StorePurpose::Lake).to_owned()
            }
            Self::Store(_) => "run `trailhouse doctor`, then query again".to_owned(),
            Self::Temporary(_) => {
                "free some space or set TMPDIR to a directory that can be written".to_owned()
            }
            Self::Ledger(_) | Self::Engine(_) => {
                "report this to the maintainers of trailhouse".to_owned()
            }
        }
    }
}

/// What the engine puts before the fault of a condition that it evaluated while it read a file.
const EVALUATING: &str = "Error evaluating filter predicate";

/// Line and column of a location, from 0.
pub(super) fn place_of(location: Location) -> Option<(usize, usize)> {
    let from_zero = |count: u64| usize::try_from(count).ok()?.checked_sub(1);
    Some((from_zero(location.line)?, from_zero(location.column)?))
}

/// A place in a statement, shown as its line with a mark below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPlace {
    /// Line from 1.
    pub line: u64,
    /// Column from 1, in characters.
    pub column: u64,
    /// The line, or the part of it around the place.
    text: String,
    before: usize,
    marks: usize,
}

impl StatementPlace {
    /// Characters of a long line that are shown before and behind the place.
    const AROUND: usize = 48;

    /// The place of a span; `None` for one that is not in the text.
    pub(super) fn new(sql: &str, span: Span) -> Option<Self> {
        let Location { line, column } = span.start;
        let (at, start) = place_of(span.start)?;
        let text = sql.lines().nth(at)?;
        let length = text.chars().count();
        let end = if span.end.line == line {
            usize::try_from(span.end.column).ok()?.saturating_sub(1)
        } else {
            length
        };
        let marks = end.clamp(start + 1, length.max(start + 1)) - start;
        let skip = start.saturating_sub(Self::AROUND);
        let take = start - skip + marks.min(Self::AROUND) + Self::AROUND;
        // A tab is one character wide, so that the mark stands below its place.
        let shown = text.chars().skip(skip).take(take);
        let text = shown
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .collect();
        Some(Self {
            line,
            column,
            text,
            before: start - skip,
            marks: marks.min(Self::AROUND * 2),
        })
    }

    /// The text of a span within one line.
    pub(super) fn written(sql: &str, span: Span) -> Option<String> {
        let (line, start) = place_of(span.start)?;
        let (end_line, end) = place_of(span.end)?;
        let within = line == end_line && end > start;
        let text: String = sql
            .lines()
            .nth(line)?
            .chars()
            .skip(start)
            .take(end.saturating_sub(start))
            .collect();
        within.then_some(text)
    }

    /// The line of the statement.
    pub fn excerpt(&self) -> String {
        self.text.trim_end().to_owned()
    }

    /// What stands below the line.
    pub fn mark(&self) -> String {
        format!("{}{}", " ".repeat(self.before), "^".repeat(self.marks))
    }
}

impl fmt::Display for StatementPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
