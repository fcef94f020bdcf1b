//! Rows of `audit_events`, built column by column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Builder, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use super::Event;
use super::schema::{SCHEMA_VERSION, event_schema};

mod batches;

pub use batches::{EventBatches, PushError};

/// The most bytes of text that one batch takes: offsets into a column of text have 31 bits.
pub const MAX_BATCH_BYTES: usize = i32::MAX as usize;

/// A batch that is full: finish it and begin the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the batch is full")]
pub struct Full;

/// The columns that depend on the run and not on the record; they are the same in every row.
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

    pub(super) fn schema_version(rows: usize) -> ArrayRef {
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

/// Days from 1970-01-01 to the UTC date of `time`.
pub(super) fn day(time: DateTime<Utc>) -> i32 {
    // The years 0001 to 9999 have fewer than 2^22 days.
    i32::try_from(time.timestamp().div_euclid(86_400)).unwrap_or_default()
}

/// Columns of text that differ from row to row, in the order of the schema.
#[derive(Debug, Clone, Copy)]
enum TextColumn {
    EventUid,
    NativeId,
    EventTimeText,
    Tenant,
    Category,
    ActivityName,
    Action,
    Outcome,
    OutcomeCode,
    OutcomeDetail,
    ActorUid,
    ActorName,
    ActorEmail,
    ActorType,
    ActorImpersonatedBy,
    SrcIp,
    UserAgent,
    ResourceType,
    ResourceUid,
    ResourceName,
    Namespace,
    Workflow,
    ExecutionUid,
    Revision,
    CorrelationUid,
    Region,
    Account,
    Detail,
    Raw,
}

const TEXT_COLUMNS: usize = TextColumn::Raw as usize + 1;

/// What a value usually takes, in bytes, by column in the order above; 0 where most rows have none.
/// Room that is there from the start need not be made, and copied, again and again.
const USUAL_BYTES: [usize; TEXT_COLUMNS] = [
    48, 24, 28, 8, 20, 8, 8, 8, 0, 0, 24, 0, 0, 8, 0, 16, 0, 12, 24, 0, 24, 24, 24, 4, 0, 0, 0,
    256, 512,
];

/// A column of text. Rows without a value are only counted until one has a value again: most
/// columns of most platforms have none at all.
#[derive(Debug)]
struct Text {
    values: StringBuilder,
    absent: usize,
}

impl Text {
    fn with_room(rows: usize, bytes: usize) -> Self {
        Self {
            values: StringBuilder::with_capacity(rows, bytes),
            absent: 0,
        }
    }

    #[inline]
    fn push(&mut self, text: &str) {
        self.settle();
        self.values.append_value(text);
    }

    fn settle(&mut self) {
        if self.absent > 0 {
            self.values.append_nulls(std::mem::take(&mut self.absent));
        }
    }

    fn finish(&mut self) -> StringArray {
        self.settle();
        self.values.finish()
    }
}

/// Builds batches of `audit_events`.
///
/// One value serves a whole run: after [`finish`](Self::finish) it is empty and goes on.
#[derive(Debug)]
pub struct EventColumns {
    context: RowContext,
    texts: [Text; TEXT_COLUMNS],
    dt: Date32Builder,
    event_time: TimestampMicrosecondBuilder,
    class_uid: Int64Builder,
    activity_id: Int64Builder,
    severity_id: Int64Builder,
    text_bytes: usize,
}

impl EventColumns {
    /// No rows yet.
    pub fn new(context: RowContext) -> Self {
        Self::with_room(context, 0)
    }

    /// No rows yet, but room for so many of the usual size.
    pub fn with_room(context: RowContext, rows: usize) -> Self {
        let texts = USUAL_BYTES.map(|bytes| Text::with_room(rows, rows * bytes));
        Self {
            context,
            texts,
            dt: Date32Builder::with_capacity(rows),
            event_time: TimestampMicrosecondBuilder::with_capacity(rows),
            class_uid: Int64Builder::with_capacity(rows),
            activity_id: Int64Builder::with_capacity(rows),
            severity_id: Int64Builder::with_capacity(rows),
            text_bytes: 0,
        }
    }

    /// Adds the row of `event`. `event_uid` is its name (see [`uid`](super::uid)).
    ///
    /// # Errors
    /// [`Full`], and no row is added, where the batch would pass [`MAX_BATCH_BYTES`].
    pub fn push(&mut self, event: &Event<'_>, event_uid: &str) -> Result<(), Full> {
        use TextColumn as C;
        let required = [
            (C::EventUid, event_uid),
            (C::EventTimeText, &*event.time_text),
            (C::Category, event.category.name()),
            (C::ActivityName, event.activity_name),
            (C::Outcome, event.outcome.name()),
            (C::ActorType, event.actor_type.name()),
            (C::Raw, event.raw),
        ];
        let optional = [
            (C::NativeId, &event.native_id),
            (C::Tenant, &event.tenant),
            (C::Action, &event.action),
            (C::OutcomeCode, &event.outcome_code),
            (C::OutcomeDetail, &event.outcome_detail),
            (C::ActorUid, &event.actor_uid),
            (C::ActorName, &event.actor_name),
            (C::ActorEmail, &event.actor_email),
            (C::ActorImpersonatedBy, &event.actor_impersonated_by),
            (C::SrcIp, &event.src_ip),
            (C::UserAgent, &event.user_agent),
            (C::ResourceType, &event.resource_type),
            (C::ResourceUid, &event.resource_uid),
            (C::ResourceName, &event.resource_name),
            (C::Namespace, &event.namespace),
            (C::Workflow, &event.workflow),
            (C::ExecutionUid, &event.execution_uid),
            (C::Revision, &event.revision),
            (C::CorrelationUid, &event.correlation_uid),
            (C::Region, &event.region),
            (C::Account, &event.account),
            (C::Detail, &event.detail),
        ];
        const { assert!(7 + 22 == TEXT_COLUMNS, "each column of text is filled once") };
        let bytes = required.iter().map(|(_, text)| text.len()).sum::<usize>()
            + optional
                .iter()
                .map(|(_, text)| text.as_ref().map_or(0, |text| text.len()))
                .sum::<usize>();
        if self.text_bytes + bytes > MAX_BATCH_BYTES {
            return Err(Full);
        }
        self.text_bytes += bytes;
        for (column, text) in required {
            self.texts[column as usize].push(text);
        }
        for (column, text) in optional {
            match text {
                Some(text) => self.texts[column as usize].push(text),
                None => self.texts[column as usize].absent += 1,
            }
        }
        self.dt.append_value(day(event.time));
        self.event_time.append_value(event.time.timestamp_micros());
        self.class_uid.append_value(event.class_uid);
        self.activity_id.append_value(event.activity_id);
        self.severity_id.append_value(event.severity_id);
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        arrow::array::ArrayBuilder::len(&self.dt)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes of memory the finished batch will take.
    pub fn bytes(&self) -> usize {
        // An offset for each text; a date, a time and three numbers.
        let fixed = TEXT_COLUMNS * 4 + 4 + 8 + 3 * 8;
        self.text_bytes + self.len() * (fixed + self.context.row_bytes())
    }

    /// All rows so far, in the order pushed and in the schema of `audit_events`; none are left.
    ///
    /// # Errors
    /// Where the columns do not fit the schema, which would be a mistake in this module.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        use TextColumn as C;
        let rows = self.len();
        self.text_bytes = 0;
        let context = &self.context;
        let mut texts = self
            .texts
            .each_mut()
            .map(|builder| Some(Arc::new(builder.finish()) as ArrayRef));
        let mut text = |column: C| {
            let array = texts.get_mut(column as usize).and_then(Option::take);
            array.ok_or_else(|| ArrowError::SchemaError(format!("{column:?} is used twice")))
        };
        let columns: Vec<ArrayRef> = vec![
            text(C::EventUid)?,
            text(C::NativeId)?,
            Arc::new(self.dt.finish()),
            Arc::new(self.event_time.finish().with_timezone("UTC")),
            text(C::EventTimeText)?,
            context.ingested_at(rows),
            context.batch_id(rows),
            context.platform(rows),
            context.source(rows),
            text(C::Tenant)?,
            text(C::Category)?,
            Arc::new(self.class_uid.finish()),
            Arc::new(self.activity_id.finish()),
            text(C::ActivityName)?,
            text(C::Action)?,
            Arc::new(self.severity_id.finish()),
            text(C::Outcome)?,
            text(C::OutcomeCode)?,
            text(C::OutcomeDetail)?,
            text(C::ActorUid)?,
            text(C::ActorName)?,
            text(C::ActorEmail)?,
            text(C::ActorType)?,
            text(C::ActorImpersonatedBy)?,
            text(C::SrcIp)?,
            text(C::UserAgent)?,
            text(C::ResourceType)?,
            text(C::ResourceUid)?,
            text(C::ResourceName)?,
            text(C::Namespace)?,
            text(C::Workflow)?,
            text(C::ExecutionUid)?,
            text(C::Revision)?,
            text(C::CorrelationUid)?,
            text(C::Region)?,
            text(C::Account)?,
            text(C::Detail)?,
            text(C::Raw)?,
            RowContext::schema_version(rows),
            context.mapping_version(rows),
        ];
        RecordBatch::try_new(event_schema(), columns)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::context;
