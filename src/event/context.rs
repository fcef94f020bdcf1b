//! The columns that depend on the run and not on the record.

use super::schema::SCHEMA_VERSION;
use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// What a run adds to every row of a batch.
#[derive(Debug, Clone)]
pub struct RowContext {
    /// The plan's now.
    pub ingested_at: DateTime<Utc>,
    /// The ledger batch that adds the rows.
    pub batch_id: String,
    /// Id of the configured source.
    pub source: String,
    /// The platform.
    pub platform: &'static str,
    /// Version of the platform's mapping rules.
    pub mapping_version: i64,
}

impl RowContext {
    pub(super) fn ingested_at(&self, rows: usize) -> ArrayRef {
        let micros = self.ingested_at.timestamp_micros();
        Arc::new(TimestampMicrosecondArray::from_value(micros, rows).with_timezone("UTC"))
    }

    pub(super) fn batch_id(&self, rows: usize) -> ArrayRef {
        same_text(&self.batch_id, rows)
    }

    pub(super) fn platform(&self, rows: usize) -> ArrayRef {
        same_text(self.platform, rows)
    }

    pub(super) fn source(&self, rows: usize) -> ArrayRef {
        same_text(&self.source, rows)
    }

    pub(super) fn schema_version(&self, rows: usize) -> ArrayRef {
        Arc::new(Int64Array::from_value(SCHEMA_VERSION, rows))
    }

    pub(super) fn mapping_version(&self, rows: usize) -> ArrayRef {
        Arc::new(Int64Array::from_value(self.mapping_version, rows))
    }

    /// Bytes that these columns add to a row.
    pub(super) fn row_bytes(&self) -> usize {
        self.batch_id.len() + self.source.len() + self.platform.len() + 3 * 4 + 3 * 8
    }
}

fn same_text(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
        text, rows,
    )))
}
