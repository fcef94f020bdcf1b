//! Rows as they stand in data files: which columns carry meaning for the lake, and the order of rows.

use std::cmp::Ordering;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate};

use crate::event::Category;
use crate::event::schema::{
    Column, EVENT_COLUMNS, OBJECT_COLUMNS, QUARANTINE_COLUMNS, event_schema, object_schema,
    quarantine_schema,
};

use super::facts::InstantRange;
use super::layout::{LayoutError, Partition, Table};

/// Why rows cannot be stored as they are.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// Columns other than those of the stored schema.
    #[error("the rows do not have the columns of the stored schema: {0}")]
    Schema(String),
    /// A value in `category` that is no category.
    #[error("row {row} has the unknown category {value:?}")]
    Category {
        /// Row of the batch, from 0.
        row: usize,
        /// The value.
        value: String,
    },
    /// A partition that cannot be named.
    #[error("the name of the partition is not valid")]
    Partition(#[from] LayoutError),
    /// Rows could not be copied into a new order.
    #[error("the rows cannot be sorted")]
    Order(#[source] ArrowError),
}

impl Table {
    /// The stored schema.
    pub fn schema(self) -> SchemaRef {
        match self {
            Self::Events => event_schema(),
            Self::Quarantine => quarantine_schema(),
            Self::Objects => object_schema(),
        }
    }

    /// Its columns in stored order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Events => EVENT_COLUMNS,
            Self::Quarantine => QUARANTINE_COLUMNS,
            Self::Objects => OBJECT_COLUMNS,
        }
    }

    /// The column that holds the kept bytes of a record.
    pub const fn kept_column(self) -> &'static str {
        match self {
            Self::Events => "raw",
            Self::Quarantine => "content",
            // It commits to feed, key, version and status.
            Self::Objects => "object_uid",
        }
    }

    /// The columns that the rows of a file are ordered by. They tell any two rows apart.
    pub const fn order_columns(self) -> [&'static str; 2] {
        match self {
            Self::Events => ["event_time", "event_uid"],
            Self::Quarantine => ["record_uid", "part"],
            Self::Objects => ["position", "object_uid"],
        }
    }

    /// The column of the time by which rows are found, on the date of their file.
    pub const fn time_column(self) -> &'static str {
        match self {
            Self::Events | Self::Quarantine => "event_time",
            Self::Objects => "position",
        }
    }

    /// Whether every row has a time, and the file is of its date.
    pub const fn is_dated_by_time(self) -> bool {
        match self {
            Self::Events | Self::Objects => true,
            // A record that could not be read may have none.
            Self::Quarantine => false,
        }
    }
}

/// The columns of one batch that the lake looks at.
#[derive(Debug)]
pub(super) struct TableRows<'a> {
    table: Table,
    order: RowOrder<'a>,
    kept: KeptBytes<'a>,
    times: &'a TimestampMicrosecondArray,
    dates: &'a Date32Array,
    sources: &'a StringArray,
    categories: Option<&'a StringArray>,
}

#[derive(Debug)]
enum RowOrder<'a> {
    Timed(&'a TimestampMicrosecondArray, &'a StringArray),
    Quarantine(&'a StringArray, &'a Int64Array),
}

#[derive(Debug)]
enum KeptBytes<'a> {
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
}

/// The place of a row in the order of its table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SortKey {
    Timed(i64, String),
    Quarantine(String, i64),
}

fn column<'a, A: Array + 'static>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a A, RowError> {
    batch
        .column_by_name(name)
        .and_then(|array: &ArrayRef| array.as_any().downcast_ref())
        .ok_or_else(|| RowError::Schema(format!("column {name} is missing or has another type")))
}

impl<'a> TableRows<'a> {
    /// Looks at a batch, which must have exactly the columns of the table.
    pub(super) fn new(table: Table, batch: &'a RecordBatch) -> Result<Self, RowError> {
        let expected = table.schema();
        if batch.schema_ref().fields() != expected.fields() {
            return Err(RowError::Schema(difference(&expected, batch)));
        }
        let times = column(batch, table.time_column())?;
        let [_, uids] = table.order_columns();
        Ok(Self {
            table,
            order: match table {
                Table::Events | Table::Objects => RowOrder::Timed(times, column(batch, uids)?),
                Table::Quarantine => {
                    RowOrder::Quarantine(column(batch, "record_uid")?, column(batch, "part")?)
                }
            },
            kept: match table {
                Table::Events | Table::Objects => {
                    KeptBytes::Text(column(batch, table.kept_column())?)
                }
                Table::Quarantine => KeptBytes::Bytes(column(batch, table.kept_column())?),
            },
            times,
            dates: column(batch, "dt")?,
            sources: column(batch, "source")?,
            categories: match table {
                Table::Events => Some(column(batch, "category")?),
                Table::Quarantine | Table::Objects => None,
            },
        })
    }

    pub(super) fn len(&self) -> usize {
        self.dates.len()
    }

    /// The kept bytes of a row.
    pub(super) fn kept(&self, row: usize) -> &'a [u8] {
        match self.kept {
            KeptBytes::Text(values) => values.value(row).as_bytes(),
            KeptBytes::Bytes(values) => values.value(row),
        }
    }

    /// Sum of the kept bytes of a run of rows.
    pub(super) fn kept_bytes(&self, from: usize, rows: usize) -> usize {
        let offsets = match self.kept {
            KeptBytes::Text(values) => values.value_offsets(),
            KeptBytes::Bytes(values) => values.value_offsets(),
        };
        let size = offsets[from + rows] - offsets[from];
        usize::try_from(size).unwrap_or_default()
    }

    pub(super) fn key(&self, row: usize) -> SortKey {
        match self.order {
            RowOrder::Timed(times, uids) => {
                SortKey::Timed(times.value(row), uids.value(row).to_owned())
            }
            RowOrder::Quarantine(uids, parts) => {
                SortKey::Quarantine(uids.value(row).to_owned(), parts.value(row))
            }
        }
    }

    pub(super) fn compare(&self, a: usize, b: usize) -> Ordering {
        match self.order {
            RowOrder::Timed(times, uids) => times
                .value(a)
                .cmp(&times.value(b))
                .then_with(|| uids.value(a).cmp(uids.value(b))),
            RowOrder::Quarantine(uids, parts) => uids
                .value(a)
                .cmp(uids.value(b))
                .then_with(|| parts.value(a).cmp(&parts.value(b))),
        }
    }

    /// The first row that does not come after the row before it.
    pub(super) fn out_of_order(&self) -> Option<usize> {
        (1..self.len()).find(|row| self.compare(row - 1, *row) != Ordering::Less)
    }

    /// The first row that does not belong to the partition, with the column that says so.
    pub(super) fn outside(&self, partition: &Partition) -> Option<(usize, &'static str)> {
        let date = days(partition.date());
        let category = partition.category().map(Category::name);
        let wrong = |row| {
            if self.dates.value(row) != date {
                return Some((row, "dt"));
            }
            if self.sources.value(row) != partition.source() {
                return Some((row, "source"));
            }
            let found = self.categories.map(|categories| categories.value(row));
            (found != category).then_some((row, "category"))
        };
        (0..self.len()).find_map(wrong)
    }

    /// The first row whose time is not on its `dt`. Quarantined records may have no time, and one that
    /// could not be trusted.
    pub(super) fn off_date(&self) -> Option<usize> {
        if !self.table.is_dated_by_time() {
            return None;
        }
        let day = 24 * 60 * 60 * 1_000_000;
        (0..self.len())
            .find(|&row| self.times.value(row).div_euclid(day) != i64::from(self.dates.value(row)))
    }

    /// Range of the times.
    pub(super) fn times(&self) -> Option<InstantRange> {
        let first = arrow::compute::min(self.times)?;
        let last = arrow::compute::max(self.times)?;
        Some(InstantRange {
            first: DateTime::from_timestamp_micros(first)?,
            last: DateTime::from_timestamp_micros(last)?,
        })
    }

    pub(super) fn partition(&self, row: usize) -> Result<Partition, RowError> {
        let source = self.sources.value(row);
        let date = date(self.dates.value(row));
        let partition = match self.categories {
            None if self.table == Table::Objects => Partition::objects(date, source)?,
            None => Partition::quarantine(date, source)?,
            Some(categories) => {
                let value = categories.value(row);
                let category = Category::ALL
                    .into_iter()
                    .find(|category| category.name() == value)
                    .ok_or_else(|| RowError::Category {
                        row,
                        value: value.to_owned(),
                    })?;
                Partition::events(date, category, source)?
            }
        };
        Ok(partition)
    }

    pub(super) fn same_partition(&self, a: usize, b: usize) -> bool {
        self.dates.value(a) == self.dates.value(b)
            && self.sources.value(a) == self.sources.value(b)
            && self
                .categories
                .is_none_or(|categories| categories.value(a) == categories.value(b))
    }
}

fn difference(expected: &SchemaRef, batch: &RecordBatch) -> String {
    let found = batch.schema_ref().fields();
    let first = expected
        .fields()
        .iter()
        .zip(found)
        .find(|(expected, found)| expected != found);
    match first {
        Some((expected, found)) => format!("expected {expected}, found {found}"),
        None => format!(
            "expected {} columns, found {}",
            expected.fields().len(),
            found.len()
        ),
    }
}

/// Days since 1970-01-01, as Parquet and Arrow count dates.
fn days(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

fn date(days: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(days).unwrap_or(NaiveDate::MAX)
}
