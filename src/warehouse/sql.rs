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
    let (first, last) = dates.unwrap_or((NaiveDate::MIN, NaiveDate::MAX));
    let first = first.max(LEAST);
    let last = last.min(GREATEST);
    let category = match kind {
        TableKind::Events => "category",
        TableKind::Quarantine | TableKind::Batches | TableKind::Coverage => "CAST(NULL AS STRING)",
    };
    format!(
        "SELECT CAST(dt AS STRING) AS dt, {category} AS category, source, batch_id, COUNT(*) AS row_count \
         FROM {table} WHERE dt BETWEEN DATE '{first}' AND DATE '{last}' GROUP BY 1, 2, 3, 4"
    )
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
