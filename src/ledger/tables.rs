//! `audit_batches` and `audit_coverage`: tables made from the state alone, as rows.

use super::columns::{BATCH_COLUMNS, COVERAGE_COLUMNS};
use super::state::{Batch, State};
use crate::event::schema::Column;
use crate::window::Window;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Why the ledger cannot be shown as a table.
#[derive(Debug, thiserror::Error)]
pub enum LedgerTableError {
    /// A number of the ledger that no column can hold.
    #[error("`{column}` of the ledger is larger than a column can hold")]
    TooLarge {
        /// The column.
        column: &'static str,
    },
    /// The columns do not fit together, which those of ours do.
    #[error("the rows of the ledger cannot form a table: {0}")]
    Arrow(#[from] ArrowError),
}

/// The rows of `audit_batches`: one for each `ingest` entry, in order.
///
/// # Errors
/// Numbers of the ledger that no column can hold.
pub fn batches(state: &State) -> Result<RecordBatch, LedgerTableError> {
    let rows = &state.batches;
    let text = |of: fn(&Batch) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let number = |column, of: fn(&Batch) -> u64| -> Result<ArrayRef, LedgerTableError> {
        let numbers = rows.iter().map(|row| integer(column, of(row)));
        Ok(Arc::new(Int64Array::from(
            numbers.collect::<Result<Vec<i64>, LedgerTableError>>()?,
        )))
    };
    let arrays = vec![
        text(|row| &row.batch_id),
        number("sequence", |row| row.sequence)?,
        text(|row| &row.run_id),
        text(|row| &row.source),
        instants(rows.iter().map(|row| Some(row.written_at))),
        number("returned", |row| row.counts.returned)?,
        number("source_duplicates", |row| row.counts.source_duplicates)?,
        number("known", |row| row.counts.known)?,
        number("added", |row| row.counts.added)?,
        number("quarantined", |row| row.counts.quarantined)?,
        number("expired", |row| row.counts.expired)?,
        number("late", |row| row.counts.late)?,
        number("changed", |row| row.counts.changed)?,
        number("drifted", |row| row.counts.drifted)?,
        number("files", |row| row.files)?,
        number("bytes", |row| row.bytes)?,
    ];
    table(BATCH_COLUMNS, arrays)
}

/// One row of `audit_coverage`.
struct CoverageRow<'s> {
    source: &'s str,
    tenant: &'s str,
    kind: &'static str,
    window: Window,
    reason: Option<&'s str>,
    detail: Option<&'s str>,
    first_seen: Option<DateTime<Utc>>,
    tries: Option<i64>,
}

/// The rows of `audit_coverage`: what has been read completely, and the holes.
///
/// # Errors
/// Numbers of the ledger that no column can hold.
pub fn coverage(state: &State) -> Result<RecordBatch, LedgerTableError> {
    let mut rows = Vec::new();
    for (source, of_source) in &state.sources {
        for (tenant, feed) in &of_source.feeds {
            rows.extend(feed.coverage.windows().iter().map(|window| CoverageRow {
                source,
                tenant,
                kind: "covered",
                window: *window,
                reason: None,
                detail: None,
                first_seen: None,
                tries: None,
            }));
            for hole in &feed.holes {
                rows.push(CoverageRow {
                    source,
                    tenant,
                    kind: "hole",
                    window: hole.window,
                    reason: Some(&hole.reason.0),
                    detail: Some(&hole.detail),
                    first_seen: Some(hole.first_seen),
                    tries: Some(integer("tries", hole.tries)?),
                });
            }
        }
    }
    let required = |of: fn(&CoverageRow<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let arrays: Vec<ArrayRef> = vec![
        required(|row| row.source.to_owned()),
        required(|row| row.tenant.to_owned()),
        required(|row| row.kind.to_owned()),
        instants(rows.iter().map(|row| Some(row.window.from))),
        instants(rows.iter().map(|row| Some(row.window.to))),
        Arc::new(rows.iter().map(|row| row.reason).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.detail).collect::<StringArray>()),
        instants(rows.iter().map(|row| row.first_seen)),
        Arc::new(rows.iter().map(|row| row.tries).collect::<Int64Array>()),
    ];
    table(COVERAGE_COLUMNS, arrays)
}

fn integer(column: &'static str, number: u64) -> Result<i64, LedgerTableError> {
    i64::try_from(number).map_err(|_| LedgerTableError::TooLarge { column })
}

fn instants(instants: impl Iterator<Item = Option<DateTime<Utc>>>) -> ArrayRef {
    let micros = instants.map(|instant| instant.map(|instant| instant.timestamp_micros()));
    let array: TimestampMicrosecondArray = micros.collect();
    Arc::new(array.with_timezone("UTC"))
}

fn table(columns: &[Column], arrays: Vec<ArrayRef>) -> Result<RecordBatch, LedgerTableError> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(column.name, column.kind.arrow(), !column.required))
        .collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
