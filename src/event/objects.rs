//! Rows of the table of objects: what feeds of objects have read, and what they could not.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::columns::day;
use super::context::RowContext;
use super::schema::{OBJECT_SCHEMA_VERSION, object_schema};

/// The status of an object that was read.
pub const READ: &str = "read";

/// One row: a version of an object, and how reading it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// The feed.
    pub tenant: Option<Box<str>>,
    /// Its name in its bucket.
    pub key: Box<str>,
    /// What tells its content from any other under this name.
    pub version: Box<str>,
    /// The time that its name states.
    pub position: DateTime<Utc>,
    /// When its store says that it was written.
    pub modified: DateTime<Utc>,
    /// Its size as stored.
    pub bytes: u64,
    /// SHA-256 of its bytes as stored, and how many records it has; or the code of why it could not be read.
    pub read: Result<([u8; 32], u64), &'static str>,
}

impl ObjectRow {
    /// [`READ`], or why it could not be read.
    pub fn status(&self) -> &'static str {
        match self.read {
            Ok(_) => READ,
            Err(reason) => reason,
        }
    }

    /// Its unique name.
    pub fn uid(&self) -> String {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        let parts = [tenant, &self.key, &self.version, self.status()];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
            hash.update([0]);
        }
        hex::encode(hash.finalize())
    }
}

/// Rows in the order of the table: by position, then unique name.
///
/// # Errors
/// Where the columns do not fit the schema, which would be a mistake in this module.
pub fn object_rows(context: &RowContext, rows: &[ObjectRow]) -> Result<RecordBatch, ArrowError> {
    let mut named: Vec<(i64, String, &ObjectRow)> = rows
        .iter()
        .map(|row| (row.position.timestamp_micros(), row.uid(), row))
        .collect();
    named.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let length = named.len();
    let text = |of: fn(&ObjectRow) -> &str| -> ArrayRef {
        let texts = named.iter().map(|(_, _, row)| of(row));
        Arc::new(StringArray::from_iter_values(texts))
    };
    let micros = |of: fn(&ObjectRow) -> DateTime<Utc>| -> ArrayRef {
        let micros = named.iter().map(|(_, _, row)| of(row).timestamp_micros());
        let array: TimestampMicrosecondArray = micros.map(Some).collect();
        Arc::new(array.with_timezone("UTC"))
    };
    let uids = named.iter().map(|(_, uid, _)| uid);
    let dates = named.iter().map(|(_, _, row)| day(row.position));
    let tenants = named.iter().map(|(_, _, row)| row.tenant.as_deref());
    let bytes = named.iter().map(|(_, _, row)| number(row.bytes));
    let read = named.iter().map(|(_, _, row)| row.read.ok());
    let sha256 = read.clone().map(|read| Some(hex::encode(read?.0)));
    let records = read.map(|read| Some(number(read?.1)));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(uids)),
        text(|row| &row.key),
        text(|row| &row.version),
        Arc::new(Date32Array::from_iter_values(dates)),
        micros(|row| row.position),
        micros(|row| row.modified),
        context.ingested_at(length),
        context.batch_id(length),
        context.platform(length),
        context.source(length),
        Arc::new(tenants.collect::<StringArray>()),
        Arc::new(Int64Array::from_iter_values(bytes)),
        Arc::new(sha256.collect::<StringArray>()),
        Arc::new(records.collect::<Int64Array>()),
        text(ObjectRow::status),
        Arc::new(Int64Array::from_value(OBJECT_SCHEMA_VERSION, length)),
    ];
    RecordBatch::try_new(object_schema(), columns)
}

/// A size in its column.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
