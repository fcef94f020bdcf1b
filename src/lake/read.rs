//! Reading rows back: only the columns, row groups and pages that are asked for.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::window::Window;

use super::layout::{DataFile, LayoutError, Table};
use super::prune::{self, Instants};
use super::verify::salt;
use super::write::SALT_KEY;
use crate::merkle::FileSalt;
use crate::store::SignedFile;
use crate::store::{Bucket, StoreError};

/// Bytes read from the end of a file in one request: enough for footer and page index of a part, and
/// for the whole of a small file.
const FOOTER_BYTES: usize = 256 * 1024;

/// Why rows could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object is not the data file it should be.
    #[error("{object} cannot be read as a data file")]
    Parquet {
        /// URL of the object.
        object: String,
        /// The decoder's words.
        #[source]
        source: ParquetError,
    },
    /// The file lacks a column.
    #[error("{object} has no usable column {column}")]
    Column {
        /// URL of the object.
        object: String,
        /// The column.
        column: String,
    },
}

impl ReadError {
    /// Whether this speaks against the integrity of the lake, rather than of a store in trouble: the file
    /// is missing, or is not what our writer made.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Store(error) => error.is_integrity(),
            Self::Parquet { .. } | Self::Column { .. } => true,
        }
    }
}

/// A data file that can be read in part.
#[derive(Debug, Clone)]
pub struct FileReader {
    bucket: Bucket,
    file: DataFile,
    signed: SignedFile,
}

/// Rows that the lake already has, in order of time, then `event_uid`.
#[derive(Debug, Clone)]
pub struct KnownRows {
    uids: StringArray,
    ids: StringArray,
    times: TimestampMicrosecondArray,
    raws: StringArray,
}

/// One row that the lake already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRow<'a> {
    /// Unique name of the event.
    pub event_uid: &'a str,
    /// Its id on its platform, where the platform gives one.
    pub native_id: Option<&'a str>,
    /// When it happened, in microseconds since 1970-01-01T00:00:00Z, as stored.
    pub event_time: i64,
    /// The record as kept.
    pub raw: &'a str,
}

impl KnownRows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.uids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = KnownRow<'_>> {
        (0..self.len()).map(|row| KnownRow {
            event_uid: self.uids.value(row),
            native_id: self.ids.is_valid(row).then(|| self.ids.value(row)),
            event_time: self.times.value(row),
            raw: self.raws.value(row),
        })
    }
}

/// Rows that come batch by batch.
pub type FileBatches<T> = BoxStream<'static, Result<T, ReadError>>;

impl FileReader {
    /// A data file as a ledger entry states it.
    ///
    /// # Errors
    /// Its name is none of a data file.
    pub fn new(bucket: &Bucket, signed: SignedFile) -> Result<Self, LayoutError> {
        Ok(Self {
            bucket: bucket.clone(),
            file: signed.name.parse()?,
            signed,
        })
    }

    /// The events of a window, batch by batch. Reads the footer and then only pages that can hold
    /// instants of the window. Times are stored in microseconds, so a window with a finer edge gets
    /// the whole microsecond.
    ///
    /// Memory is the selected pages of one row group and one batch.
    ///
    /// # Errors
    /// [`ReadError`], here or within the stream.
    pub async fn known_rows(&self, window: &Window) -> Result<FileBatches<KnownRows>, ReadError> {
        let columns = ["event_uid", "native_id", "event_time", "raw"];
        let batches = self.columns(&columns, Some(window)).await?;
        let reader = self.clone();
        Ok(batches.map(move |batch| reader.known(&batch?)).boxed())
    }

    fn known(&self, batch: &RecordBatch) -> Result<KnownRows, ReadError> {
        Ok(KnownRows {
            uids: self.text(batch, "event_uid")?,
            ids: self.text(batch, "native_id")?,
            times: self.times(batch)?,
            raws: self.text(batch, "raw")?,
        })
    }

    fn text(&self, batch: &RecordBatch, name: &str) -> Result<StringArray, ReadError> {
        let column = batch.column_by_name(name);
        column
            .and_then(|array| array.as_string_opt::<i32>())
            .cloned()
            .ok_or_else(|| self.no_column(name))
    }

    fn times(&self, batch: &RecordBatch) -> Result<TimestampMicrosecondArray, ReadError> {
        let name = "event_time";
        let column = batch.column_by_name(name);
        column
            .and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>())
            .cloned()
            .ok_or_else(|| self.no_column(name))
    }

    /// The named columns, in stored order, of all rows or of the events in a window, batch by batch
    /// in the order of rows. With a window, `event_time` must be among the columns; quarantine is
    /// not in order of time and can only be read without one.
    ///
    /// # Errors
    /// [`ReadError`], here or within the stream.
    pub async fn columns(
        &self,
        names: &[&str],
        window: Option<&Window>,
    ) -> Result<FileBatches<RecordBatch>, ReadError> {
        let mut input = StoreInput::new(&self.bucket, self.signed.clone());
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load_async(&mut input, options)
            .await
            .map_err(|error| self.error(error))?;
        let schema = footer.parquet_schema();
        for name in names {
            if footer.schema().index_of(name).is_err() {
                return Err(self.no_column(name));
            }
        }
        let mask = ProjectionMask::columns(schema, names.iter().copied());
        let instants = match window {
            Some(_) if self.file.partition.table() == Table::Quarantine => {
                return Err(self.no_column("event_time in sorted order"));
            }
            Some(window) if names.contains(&"event_time") => Some(Instants::of(window)),
            Some(_) => return Err(self.no_column("event_time")),
            None => None,
        };
        let metadata = Arc::clone(footer.metadata());
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(input, footer)
            .with_batch_size(prune::batch_rows(&metadata, names))
            .with_projection(mask);
        if let Some(instants) = instants {
            let (groups, selection) = prune::select(&metadata, instants);
            builder = builder.with_row_groups(groups);
            if let Some(selection) = selection {
                builder = builder.with_row_selection(RowSelection::from(selection));
            }
        }
        let reader = self.clone();
        let batches = builder.build().map_err(|error| self.error(error))?;
        Ok(batches
            .map(move |batch| {
                let batch = batch.map_err(|error| reader.error(error))?;
                match instants {
                    None => Ok(batch),
                    Some(instants) => reader.inside(&batch, instants),
                }
            })
            .filter(|batch| {
                let empty = batch.as_ref().is_ok_and(|batch| batch.num_rows() == 0);
                std::future::ready(!empty)
            })
            .boxed())
    }

    /// The salt of the leaves over its records, which only its footer has.
    ///
    /// # Errors
    /// [`ReadError`], also where it has none.
    pub async fn salt(&self) -> Result<FileSalt, ReadError> {
        let mut input = StoreInput::new(&self.bucket, self.signed.clone());
        let footer = ArrowReaderMetadata::load_async(&mut input, ArrowReaderOptions::new())
            .await
            .map_err(|error| self.error(error))?;
        salt(footer.metadata()).ok_or_else(|| self.no_column(SALT_KEY))
    }

    /// The rows of a batch, which are in order of time, that lie inside.
    fn inside(&self, batch: &RecordBatch, instants: Instants) -> Result<RecordBatch, ReadError> {
        let times = self.times(batch)?;
        let Range { start, end } = instants.rows(times.values());
        Ok(batch.slice(start, end - start))
    }

    /// The error for a column whose values are not what they must be.
    pub(crate) fn no_column(&self, name: &str) -> ReadError {
        ReadError::Column {
            object: self.bucket.url_of(&self.file.to_string()),
            column: name.to_owned(),
        }
    }

    fn error(&self, error: ParquetError) -> ReadError {
        read_error(&self.bucket, &self.file.to_string(), error)
    }
}

/// Takes the store's error out of the decoder's.
pub(super) fn read_error(bucket: &Bucket, name: &str, error: ParquetError) -> ReadError {
    let source = match error {
        ParquetError::External(inner) => match inner.downcast::<StoreError>() {
            Ok(error) => return ReadError::Store(*error),
            Err(inner) => ParquetError::External(inner),
        },
        other => other,
    };
    ReadError::Parquet {
        object: bucket.url_of(name),
        source,
    }
}

/// When an event happened, from its stored form.
pub fn stored_instant(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

/// A data file as the decoder reads it: ranges from the store, or all from memory. Gives nothing that was
/// not [checked](crate::store::SignedFile).
#[derive(Debug)]
pub(crate) struct StoreInput {
    bucket: Bucket,
    file: SignedFile,
    whole: Option<Bytes>,
}

impl StoreInput {
    pub(crate) fn new(bucket: &Bucket, file: SignedFile) -> Self {
        Self {
            bucket: bucket.clone(),
            file,
            whole: None,
        }
    }

    /// The same, of content that was checked.
    pub(super) fn with_content(mut self, content: Option<Bytes>) -> Self {
        self.whole = content;
        self
    }

    async fn ranges(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>, ParquetError> {
        if let Some(whole) = &self.whole {
            let cut = ranges.into_iter().map(|range| cut(whole, range));
            return cut.collect();
        }
        let read = self.bucket.read_checked(&self.file, &ranges);
        read.await.map_err(external)
    }
}

fn external(error: StoreError) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn cut(whole: &Bytes, range: Range<u64>) -> Result<Bytes, ParquetError> {
    let bounds = usize::try_from(range.start)
        .ok()
        .zip(usize::try_from(range.end).ok())
        .filter(|(start, end)| start <= end && *end <= whole.len());
    let Some((start, end)) = bounds else {
        return Err(ParquetError::EOF(format!(
            "bytes {} to {} are outside a file of {} bytes",
            range.start,
            range.end,
            whole.len()
        )));
    };
    Ok(whole.slice(start..end))
}

impl AsyncFileReader for StoreInput {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let mut parts = self.ranges(vec![range]).await?;
            parts
                .pop()
                .ok_or_else(|| ParquetError::EOF("no bytes".to_owned()))
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        self.ranges(ranges).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.file.bytes;
            if self.whole.is_none() && size <= FOOTER_BYTES as u64 {
                let read = self.bucket.read_whole(&self.file);
                self.whole = Some(read.await.map_err(external)?);
            }
            let mut reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER_BYTES));
            if let Some(options) = options {
                reader = reader
                    .with_metadata_options(Some(options.metadata_options().clone()))
                    .with_column_index_policy(options.column_index_policy())
                    .with_offset_index_policy(options.offset_index_policy());
            }
            reader.load_and_finish(self, size).await.map(Arc::new)
        }
        .boxed()
    }
}
