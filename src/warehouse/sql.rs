//! The statements that this program sends to a warehouse, in GoogleSQL. Pure.

use super::shape::TableKind;
use crate::event::schema::Column;
use chrono::NaiveDate;
use std::fmt::Write as _;

/// Counts the rows of a table by date, category, source and batch, in any order. Every row has a
/// date, so that all of them satisfy the filter, which a table may demand.
///
/// Columns: `dt` (text, `YYYY-MM-DD`), `category` (text or null), `source`, `batch_id`, `row_count`.
pub fn count_by_batch(
    table: &str,
    kind: TableKind,
    dates: Option<(NaiveDate, NaiveDate)>,
) -> String {
    let on_dates = on_dates(dates);
    let category = match kind {
        TableKind::Events => "category",
        TableKind::Quarantine | TableKind::Objects | TableKind::Batches | TableKind::Coverage => {
            "CAST(NULL AS STRING)"
        }
    };
    format!(
        "SELECT CAST(dt AS STRING) AS dt, {category} AS category, source, batch_id, COUNT(*) AS row_count \
         FROM {table} WHERE {on_dates} GROUP BY 1, 2, 3, 4"
    )
}

/// The events of a table that have several rows, in order of id, and at most so many of them.
///
/// Columns: `event_uid`, `row_count`.
pub fn doubled_events(table: &str, dates: Option<(NaiveDate, NaiveDate)>, most: usize) -> String {
    let on_dates = on_dates(dates);
    format!(
        "SELECT event_uid, COUNT(*) AS row_count FROM {table} WHERE {on_dates} \
         GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 1 LIMIT {most}"
    )
}

/// A condition on dates, which tables of ours may demand; without dates all that GoogleSQL has.
fn on_dates(dates: Option<(NaiveDate, NaiveDate)>) -> String {
    let (first, last) = dates.unwrap_or((NaiveDate::MIN, NaiveDate::MAX));
    let first = first.max(LEAST);
    let last = last.min(GREATEST);
    format!("dt BETWEEN DATE '{first}' AND DATE '{last}'")
}

/// The first and the last date that GoogleSQL has.
const LEAST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");
const GREATEST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date");

/// Replaces all rows of some dates by those of another table, in one transaction.
pub fn replace_dates(table: &str, dates: &[NaiveDate], columns: &[Column], from: &str) -> String {
    let columns: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let columns = columns.join(", ");
    let mut listed = String::new();
    for date in dates {
        let separator = if listed.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(listed, "{separator}DATE '{date}'");
    }
    format!(
        "BEGIN TRANSACTION;\n\
         DELETE FROM {table} WHERE dt IN ({listed});\n\
         INSERT INTO {table} ({columns}) SELECT {columns} FROM {from};\n\
         COMMIT TRANSACTION;"
    )
}

/// A statement that does nothing: what takes the id of a job that nobody may start any more.
pub const NOTHING: &str = "SELECT 1";

/// Rows of some dates that are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// First date.
    pub first: NaiveDate,
    /// Last date.
    pub last: NaiveDate,
    /// Which rows of these dates; empty for all, which BigQuery drops as partitions and for free.
    pub conditions: Vec<Condition>,
}

/// Rows of one partition of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Category; none where a table has no such column.
    pub category: Option<String>,
    /// Source.
    pub source: String,
    /// Batches; empty for all.
    pub batches: Vec<String>,
}

/// Deletes rows of a table.
pub fn delete(table: &str, deletion: &Deletion) -> String {
    let Deletion {
        first,
        last,
        conditions,
    } = deletion;
    let mut sql = format!("DELETE FROM {table} WHERE dt BETWEEN DATE '{first}' AND DATE '{last}'");
    for (number, condition) in conditions.iter().enumerate() {
        sql.push_str(if number == 0 { " AND ((" } else { " OR (" });
        if let Some(category) = &condition.category {
            // Writing to a string does not fail, here and below.
            let _ = write!(sql, "category = {} AND ", quoted(category));
        }
        let _ = write!(sql, "source = {}", quoted(&condition.source));
        if !condition.batches.is_empty() {
            let batches: Vec<String> = condition.batches.iter().map(|it| quoted(it)).collect();
            let _ = write!(sql, " AND batch_id IN ({})", batches.join(", "));
        }
        sql.push(')');
    }
    if !conditions.is_empty() {
        sql.push(')');
    }
    sql
}

/// A text as a literal of GoogleSQL (lexical structure, string literals).
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' => literal.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}
