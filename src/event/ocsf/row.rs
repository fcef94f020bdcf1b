//! Rows of `audit_events`, by the names of their columns.

use crate::event::schema::{ColumnType, EVENT_COLUMNS};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// A batch has no column that an event needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingColumn {
    /// The column is not there.
    #[error("the rows have no column {0}, which every event needs")]
    Absent(&'static str),
    /// It is there with values of another type.
    #[error("the column {name} of the rows is no {wanted}: {reason}")]
    OfOtherType {
        /// Name of the column.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
        /// Why its values cannot be read as that.
        reason: String,
    },
}

/// Columns without which a row is no event. Any other column that is not there counts as null.
const NEEDED: &[&str] = &["event_uid", "event_time", "platform", "class_uid"];

/// The rows of a batch.
#[derive(Debug)]
pub struct EventRows {
    batch: RecordBatch,
    at: HashMap<&'static str, usize>,
}

impl EventRows {
    /// The rows of a batch that has columns of `audit_events`, in any order. Columns with other names are
    /// left aside.
    ///
    /// # Errors
    /// A column is missing that every event needs, or has values of another type.
    pub fn new(batch: &RecordBatch) -> Result<Self, MissingColumn> {
        let mut at = HashMap::new();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for column in EVENT_COLUMNS {
            let Some((_, array)) = (batch.schema_ref().column_with_name(column.name))
                .and_then(|(index, field)| Some((field, batch.columns().get(index)?)))
            else {
                if NEEDED.contains(&column.name) {
                    return Err(MissingColumn::Absent(column.name));
                }
                continue;
            };
            // An engine may hand out texts as views or dictionaries.
            let array = cast(array, &column.kind.arrow());
            let array = array.map_err(|error: ArrowError| MissingColumn::OfOtherType {
                name: column.name,
                wanted: name_of(column.kind),
                reason: error.to_string(),
            })?;
            at.insert(column.name, columns.len());
            fields.push(arrow::datatypes::Field::new(
                column.name,
                column.kind.arrow(),
                true,
            ));
            columns.push(array);
        }
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(fields));
        let batch = RecordBatch::try_new(schema, columns);
        let batch = batch.map_err(|error| MissingColumn::OfOtherType {
            name: "event_uid",
            wanted: name_of(ColumnType::Text),
            reason: error.to_string(),
        })?;
        Ok(Self { batch, at })
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = EventRow<'_>> {
        (0..self.batch.num_rows()).map(|row| EventRow { rows: self, row })
    }
}

fn name_of(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Bytes => "bytes",
        ColumnType::Integer => "whole number",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a> {
    rows: &'a EventRows,
    row: usize,
}

impl<'a> EventRow<'a> {
    fn column(&self, name: &str) -> Option<&'a dyn Array> {
        let column = self.rows.batch.columns().get(*self.rows.at.get(name)?)?;
        (!column.is_null(self.row)).then_some(&**column)
    }

    /// The text of a column; `None` where it is null or not there.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let column = self.column(name)?.as_string_opt::<i32>()?;
        Some(column.value(self.row))
    }

    /// The number of a column, likewise.
    pub fn number(&self, name: &str) -> Option<i64> {
        let column = self.column(name)?.as_primitive_opt::<Int64Type>()?;
        Some(column.value(self.row))
    }

    /// The instant of a column, likewise.
    pub fn instant(&self, name: &str) -> Option<DateTime<Utc>> {
        let column = self
            .column(name)?
            .as_primitive_opt::<TimestampMicrosecondType>()?;
        DateTime::from_timestamp_micros(column.value(self.row))
    }
}
