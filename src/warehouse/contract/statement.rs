//! What is asked of a warehouse in its own SQL: which statement, not how it is written.

use super::kind::TableKind;
use crate::event::schema::Column;
use chrono::NaiveDate;

/// A statement about tables of the target, which are named without it.
#[derive(Debug, Clone, Copy)]
pub enum Statement<'a> {
    /// Does nothing: what takes the id of a job that nobody may start any more.
    Nothing,
    /// Counts the rows of a table by date, category, source and batch, in any order. Every row has a date,
    /// so that all of them satisfy the filter, which a table may demand.
    ///
    /// Columns: `dt` (text, `YYYY-MM-DD`), `category` (text or null), `source`, `batch_id`, `row_count`.
    CountByBatch {
        /// The table.
        table: &'a str,
        /// Its kind.
        kind: TableKind,
        /// First and last date; `None` for all.
        dates: Option<(NaiveDate, NaiveDate)>,
    },
    /// The events of a table that have several rows, in order of id.
    ///
    /// Columns: `event_uid`, `row_count`.
    DoubledEvents {
        /// The table.
        table: &'a str,
        /// First and last date; `None` for all.
        dates: Option<(NaiveDate, NaiveDate)>,
        /// At most so many of them.
        most: usize,
    },
    /// Replaces all rows of some dates by those of another table, in one transaction.
    ReplaceDates {
        /// The table.
        table: &'a str,
        /// The dates.
        dates: &'a [NaiveDate],
        /// Its columns.
        columns: &'a [Column],
        /// The table with the rows.
        from: &'a str,
    },
    /// Deletes rows of a table.
    Delete {
        /// The table.
        table: &'a str,
        /// Which rows.
        deletion: &'a Deletion,
    },
}

/// Rows of some dates that are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// First date.
    pub first: NaiveDate,
    /// Last date.
    pub last: NaiveDate,
    /// Which rows of these dates; empty for all, which a service may drop as whole partitions.
    pub conditions: Vec<SqlCondition>,
}

/// Rows of one partition of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlCondition {
    /// Category; `None` where a table has no such column.
    pub category: Option<String>,
    /// Source.
    pub source: String,
    /// Batches; empty for all.
    pub batches: Vec<String>,
}

/// How much a service takes at once. What is cut by these limits is cut the same way whenever and by
/// whomever it is asked for, since jobs are numbered by it: they are constants of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLimits {
    /// Most files of one load job.
    pub load_files: usize,
    /// Most dates of one load job.
    pub load_dates: usize,
    /// Most bytes of one load job.
    pub load_bytes: u64,
    /// Most dates of one statement that changes rows.
    pub statement_dates: usize,
    /// Most batches that one statement names.
    pub statement_batches: usize,
    /// Load jobs that a project takes in a day.
    pub loads_a_day: u64,
    /// Changes of partitions that a table takes in a day.
    pub partition_changes_a_day: u64,
    /// For how many days the service can bring back what nobody else can (fail-safe).
    pub fail_safe_days: u32,
}

impl StatementLimits {
    /// Those of a service that is not known: of a warehouse that the ledger knows and no configuration has.
    pub const UNKNOWN: Self = Self {
        load_files: usize::MAX,
        load_dates: usize::MAX,
        load_bytes: u64::MAX,
        statement_dates: usize::MAX,
        statement_batches: usize::MAX,
        loads_a_day: u64::MAX,
        partition_changes_a_day: u64::MAX,
        fail_safe_days: 0,
    };
}
