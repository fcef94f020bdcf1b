//! Rows of `audit_quarantine`: records that could not become events, with their bytes.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, Date32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::columns::{Full, MAX_BATCH_BYTES, day};
use super::context::RowContext;
use super::schema::quarantine_schema;
use super::uid::record_uid;
use super::unfit::Unfit;
use crate::window::Window;

/// The most bytes of a record in one row; a larger record is kept in several.
pub const PART_BYTES: usize = 8 << 20;

/// A record to be quarantined.
#[derive(Debug, Clone, Copy)]
pub struct Quarantined<'a> {
    /// Its bytes: as kept after redaction, or as returned where they are withheld.
    pub record: &'a [u8],
    /// Whether its bytes must not be kept, since redaction is configured and could not be applied to
    /// them. The rows then hold size and hash of `record`, and no content.
    pub withheld: bool,
    /// Why.
    pub unfit: Unfit,
    /// Its id on the platform, where it could be read.
    pub native_id: Option<&'a str>,
    /// When it happened, where it could be read.
    pub time: Option<DateTime<Utc>>,
    /// The tenant it was read from.
    pub tenant: Option<&'a str>,
    /// The slice it was read in.
    pub slice: Window,
}

/// Builds batches of `audit_quarantine`.
///
/// One value serves a whole run: after [`finish`](Self::finish) it is empty and goes on.
#[derive(Debug)]
pub struct QuarantineColumns {
    context: RowContext,
    record_uid: StringBuilder,
    native_id: StringBuilder,
    dt: Date32Builder,
    event_time: TimestampMicrosecondBuilder,
    slice_from: TimestampMicrosecondBuilder,
    slice_to: TimestampMicrosecondBuilder,
    tenant: StringBuilder,
    reason: StringBuilder,
    reason_detail: StringBuilder,
    record_sha256: StringBuilder,
    record_bytes: Int64Builder,
    part: Int64Builder,
    parts: Int64Builder,
    content: BinaryBuilder,
    varying_bytes: usize,
}

impl QuarantineColumns {
    /// No rows yet.
    pub fn new(context: RowContext) -> Self {
        Self {
            context,
            record_uid: StringBuilder::new(),
            native_id: StringBuilder::new(),
            dt: Date32Builder::new(),
            event_time: TimestampMicrosecondBuilder::new(),
            slice_from: TimestampMicrosecondBuilder::new(),
            slice_to: TimestampMicrosecondBuilder::new(),
            tenant: StringBuilder::new(),
            reason: StringBuilder::new(),
            reason_detail: StringBuilder::new(),
            record_sha256: StringBuilder::new(),
            record_bytes: Int64Builder::new(),
            part: Int64Builder::new(),
            parts: Int64Builder::new(),
            content: BinaryBuilder::new(),
            varying_bytes: 0,
        }
    }

    /// Adds the rows of a record: one for each [`PART_BYTES`] of it, at least one.
    ///
    /// `dt` is the UTC date of its time, or of the start of its slice.
    ///
    /// # Errors
    /// [`Full`], and nothing is added, where the batch would pass [`MAX_BATCH_BYTES`]. That a record
    /// alone does so is for the reader of responses to prevent.
    pub fn push(&mut self, record: &Quarantined<'_>) -> Result<(), Full> {
        let sha256: [u8; 32] = Sha256::digest(record.record).into();
        let uid = record_uid(&self.context.source, sha256);
        let sha256 = hex::encode(sha256);
        let detail = if record.withheld {
            format!(
                "{}; its content is withheld, since redaction could not be applied to it",
                record.unfit
            )
        } else {
            record.unfit.to_string()
        };
        let content = if record.withheld {
            &[][..]
        } else {
            record.record
        };
        let parts: Vec<&[u8]> = if content.is_empty() {
            vec![content]
        } else {
            content.chunks(PART_BYTES).collect()
        };
        let texts = uid.len()
            + record.native_id.map_or(0, str::len)
            + record.tenant.map_or(0, str::len)
            + record.unfit.reason.code().len()
            + detail.len()
            + sha256.len();
        let bytes = content.len() + parts.len() * texts;
        if self.varying_bytes + bytes > MAX_BATCH_BYTES {
            return Err(Full);
        }
        self.varying_bytes += bytes;
        for (number, part) in parts.iter().enumerate() {
            self.record_uid.append_value(&uid);
            self.native_id.append_option(record.native_id);
            self.dt
                .append_value(day(record.time.unwrap_or(record.slice.from)));
            self.event_time
                .append_option(record.time.map(|time| time.timestamp_micros()));
            self.slice_from
                .append_value(record.slice.from.timestamp_micros());
            self.slice_to
                .append_value(record.slice.to.timestamp_micros());
            self.tenant.append_option(record.tenant);
            self.reason.append_value(record.unfit.reason.code());
            self.reason_detail.append_value(&detail);
            self.record_sha256.append_value(&sha256);
            self.record_bytes.append_value(count(record.record.len()));
            self.part.append_value(count(number));
            self.parts.append_value(count(parts.len()));
            self.content.append_value(part);
        }
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.dt.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes of memory the finished batch will take.
    pub fn bytes(&self) -> usize {
        // An offset for each of seven texts; a date, three times and three numbers.
        let fixed = 7 * 4 + 4 + 3 * 8 + 3 * 8;
        self.varying_bytes + self.len() * (fixed + self.context.row_bytes())
    }

    /// All rows so far, in the order pushed and in the schema of `audit_quarantine`; none are left.
    ///
    /// # Errors
    /// Where the columns do not fit the schema, which would be a mistake in this module.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.len();
        self.varying_bytes = 0;
        let context = &self.context;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.record_uid.finish()),
            Arc::new(self.native_id.finish()),
            Arc::new(self.dt.finish()),
            Arc::new(self.event_time.finish().with_timezone("UTC")),
            Arc::new(self.slice_from.finish().with_timezone("UTC")),
            Arc::new(self.slice_to.finish().with_timezone("UTC")),
            context.ingested_at(rows),
            context.batch_id(rows),
            context.platform(rows),
            context.source(rows),
            Arc::new(self.tenant.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.reason_detail.finish()),
            Arc::new(self.record_sha256.finish()),
            Arc::new(self.record_bytes.finish()),
            Arc::new(self.part.finish()),
            Arc::new(self.parts.finish()),
            Arc::new(self.content.finish()),
            context.schema_version(rows),
            context.mapping_version(rows),
        ];
        RecordBatch::try_new(quarantine_schema(), columns)
    }
}

/// A size in its column.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
