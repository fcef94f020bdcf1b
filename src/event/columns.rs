//! Rows of `audit_events`, built column by column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Builder, Int64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use super::Event;
use super::context::RowContext;
use super::schema::{ColumnValue, EVENT_TABLE, EventColumn, event_schema, event_texts};

mod batches;

pub use batches::{EventBatches, PushError};

/// The most bytes of text that one batch takes: offsets into a column of text have 31 bits.
pub const MAX_BATCH_BYTES: usize = i32::MAX as usize;

/// A batch that is full: finish it and begin the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the batch is full")]
pub struct Full;

/// Days from 1970-01-01 to the UTC date of `time`.
pub(super) fn day(time: DateTime<Utc>) -> i32 {
    // The years 0001 to 9999 have fewer than 2^22 days.
    i32::try_from(time.timestamp().div_euclid(86_400)).unwrap_or_default()
}

/// A column of text. Rows without a value are only counted until one has a value again: most
/// columns of most platforms have none at all.
#[derive(Debug)]
struct TextColumn {
    values: StringBuilder,
    absent: usize,
}

impl TextColumn {
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

/// A column in the making.
#[derive(Debug)]
enum Builder {
    Text(TextColumn),
    Number(Int64Builder),
    Day(Date32Builder),
    Time(TimestampMicrosecondBuilder),
    /// The same in every row, so that it is made at the end.
    Run(fn(&RowContext, usize) -> ArrayRef),
}

impl Builder {
    fn of(column: &EventColumn, rows: usize) -> Self {
        match column.value {
            ColumnValue::Text => Self::Text(TextColumn::with_room(rows, rows * column.usual_bytes)),
            ColumnValue::Number(_) => Self::Number(Int64Builder::with_capacity(rows)),
            ColumnValue::Day => Self::Day(Date32Builder::with_capacity(rows)),
            ColumnValue::Time => Self::Time(TimestampMicrosecondBuilder::with_capacity(rows)),
            ColumnValue::Run(array) => Self::Run(array),
        }
    }

    /// Bytes of a row of this column, but for its text.
    fn row_bytes(&self) -> usize {
        match self {
            // An offset.
            Self::Text(_) | Self::Day(_) => 4,
            Self::Number(_) | Self::Time(_) => 8,
            Self::Run(_) => 0,
        }
    }
}

/// Builds batches of `audit_events`.
///
/// One value serves a whole run: after [`finish`](Self::finish) it is empty and goes on.
#[derive(Debug)]
pub struct EventColumns {
    context: RowContext,
    /// One for each row of the table of columns.
    builders: [Builder; EVENT_TABLE.len()],
    rows: usize,
    text_bytes: usize,
}

impl EventColumns {
    /// No rows yet.
    pub fn new(context: RowContext) -> Self {
        Self::with_room(context, 0)
    }

    /// No rows yet, but room for so many of the usual size.
    pub fn with_room(context: RowContext, rows: usize) -> Self {
        Self {
            context,
            builders: EVENT_TABLE
                .each_ref()
                .map(|column| Builder::of(column, rows)),
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Adds the row of `event`. `event_uid` is its name (see [`uid`](super::uid)).
    ///
    /// # Errors
    /// [`Full`], and no row is added, where the batch would pass [`MAX_BATCH_BYTES`].
    pub fn push(&mut self, event: &Event<'_>, event_uid: &str) -> Result<(), Full> {
        let texts = event_texts(event, event_uid);
        let bytes: usize = texts.iter().flatten().map(|text| text.len()).sum();
        if self.text_bytes + bytes > MAX_BATCH_BYTES {
            return Err(Full);
        }
        self.text_bytes += bytes;
        for ((column, builder), text) in EVENT_TABLE.iter().zip(&mut self.builders).zip(texts) {
            match builder {
                Builder::Text(texts) => match text {
                    Some(text) => texts.push(text),
                    None => texts.absent += 1,
                },
                Builder::Number(numbers) => {
                    if let ColumnValue::Number(number) = column.value {
                        numbers.append_value(number(event));
                    }
                }
                Builder::Day(days) => days.append_value(day(event.time)),
                Builder::Time(times) => times.append_value(event.time.timestamp_micros()),
                Builder::Run(_) => {}
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes of memory the finished batch will take.
    pub fn bytes(&self) -> usize {
        let fixed: usize = self.builders.iter().map(Builder::row_bytes).sum();
        self.text_bytes + self.len() * (fixed + self.context.row_bytes())
    }

    /// All rows so far, in the order pushed and in the schema of `audit_events`; none are left.
    ///
    /// # Errors
    /// Where the columns do not fit the schema, which would be a mistake in this module.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        let context = &self.context;
        let columns = self.builders.each_mut().map(|builder| -> ArrayRef {
            match builder {
                Builder::Text(texts) => Arc::new(texts.finish()),
                Builder::Number(numbers) => Arc::new(numbers.finish()),
                Builder::Day(days) => Arc::new(days.finish()),
                Builder::Time(times) => Arc::new(times.finish().with_timezone("UTC")),
                Builder::Run(array) => array(context, rows),
            }
        });
        RecordBatch::try_new(event_schema(), columns.into())
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::context;
