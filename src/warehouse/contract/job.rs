//! Jobs: what a warehouse does outside of a request, under an id of ours.

use super::error::{Class, WarehouseError};
use crate::event::schema::Column;
use bytes::Bytes;
use std::fmt;

/// Id of a job: letters, digits, `_` and `-`, at most 1,024 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(String);

impl JobId {
    /// The id of these parts, joined by `_`; every other character becomes `-`.
    pub fn of(parts: &[&str]) -> Self {
        let clean = |c: char| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => c,
            _ => '-',
        };
        let parts: Vec<String> = parts
            .iter()
            .map(|part| part.chars().map(clean).collect())
            .collect();
        Self(parts.join("_"))
    }

    /// The id as the service takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a job is to do.
#[derive(Debug, Clone)]
pub enum JobWork {
    /// Appends the rows of Parquet files to a table that exists, with exactly these columns.
    Append {
        /// Table of the target.
        table: String,
        /// Its columns, said explicitly so that nothing is guessed from the files.
        columns: &'static [Column],
        /// The files, each by its whole name; never a pattern.
        files: Vec<String>,
    },
    /// Replaces the rows of a table in one step by these, sent along as newline-delimited JSON.
    Upload {
        /// Table of the target.
        table: String,
        /// Its columns.
        columns: &'static [Column],
        /// One JSON object for each row.
        content: Bytes,
    },
    /// Runs one statement, or a script.
    Query {
        /// In the SQL of the service.
        sql: String,
    },
}

impl JobWork {
    /// What it does, for people and for the `action` of errors.
    pub fn describe(&self) -> String {
        match self {
            Self::Append { table, .. } => format!("load into {table}"),
            Self::Upload { table, .. } => format!("replace the rows of {table}"),
            Self::Query { .. } => "run a query".to_owned(),
        }
    }
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The job is new.
    New,
    /// A job of this id was there already.
    Exists,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// It waits.
    Pending,
    /// It is being done.
    Running,
    /// It has ended: all of it happened, or none.
    Done(Result<JobDone, JobFailure>),
}

/// A job that did what it was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobDone {
    /// Rows that a load wrote; absent for queries, and where the service does not say.
    pub output_rows: Option<u64>,
    /// Rows that a single INSERT, UPDATE, DELETE or MERGE changed; absent for everything else, scripts
    /// among it, and where the service does not say.
    pub affected_rows: Option<u64>,
    /// Bytes that a query is billed for.
    pub bytes_billed: Option<u64>,
}

/// A job that ended without doing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// What it means: [`Class::Transient`] and [`Class::Quota`] may work under another id.
    pub class: Class,
    /// The service's code.
    pub reason: String,
    /// The service's words, on one line, bounded, without secrets.
    pub said: String,
}

impl JobFailure {
    /// The same as the error of whoever waited for the job.
    pub(crate) fn about(self, target: &str, action: String) -> WarehouseError {
        WarehouseError {
            class: self.class,
            target: target.to_owned(),
            action,
            said: self.said,
            retry_after: None,
        }
    }
}
