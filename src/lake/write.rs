//! From rows to the bytes of a data file.

use std::io;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use sha2::{Digest, Sha256};

use crate::event::schema::SCHEMA_VERSION;

use super::encoding::{self, BLOOM_ROWS, ForeseenSize};
use super::facts::{EncodedFile, FileFacts};
use super::layout::{DataFile, Partition, RunId};
use super::rows::{RowError, TableRows};
use super::split::{EncodingStep, steps};
use super::tally::{FileTally, TallyFault};
use crate::merkle::{FileSalt, Hash, file_salt};
use crate::store::md5_of;

/// Footer key of the file salt, as 64 hexadecimal digits.
pub const SALT_KEY: &str = "trailhouse.salt";
/// Footer key of the lake's id.
pub const LAKE_KEY: &str = "trailhouse.lake_id";
/// Footer key of the batch's id.
pub const BATCH_KEY: &str = "trailhouse.batch_id";
/// Footer key of the schema version.
pub const SCHEMA_KEY: &str = "trailhouse.schema_version";

/// Parts end at this size, so that one stays below 64 MiB.
pub const PART_BYTES: usize = 48 * 1024 * 1024;

/// Rows wait for the decision about filters only up to this many kept bytes.
const WAITING_BYTES: usize = 8 * 1024 * 1024;

/// Why a data file cannot be written. Nothing has left the process.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The rows are not what the table holds.
    #[error("{file} cannot hold the rows")]
    Rows {
        /// The file.
        file: String,
        /// What is wrong with them.
        #[source]
        source: RowError,
    },
    /// A row does not come after the row before it, or is there twice.
    #[error("row {row} of {file} does not sort after the previous row")]
    Order {
        /// The file.
        file: String,
        /// Row of the file, from 0.
        row: u64,
    },
    /// A row belongs to another file.
    #[error("row {row} of {file} belongs in another file according to its {column}")]
    Partition {
        /// The file.
        file: String,
        /// Row of the file, from 0.
        row: u64,
        /// The column that says so.
        column: &'static str,
    },
    /// A file without rows, which readers trip over.
    #[error("{file} would have no rows")]
    Empty {
        /// The file.
        file: String,
    },
    /// The encoder failed.
    #[error("{file} cannot be encoded")]
    Encode {
        /// The file.
        file: String,
        /// The encoder's words.
        #[source]
        source: ParquetError,
    },
}

/// What the footer of a file says about where it belongs.
#[derive(Debug, Clone)]
pub struct Belonging {
    /// Id of the lake.
    pub lake_id: String,
    /// Id of the batch.
    pub batch_id: String,
}

/// Writes one data file, step by step, into memory.
///
/// Memory is the encoded file plus one row group, or [`FileWriter::memory_size`] to be exact.
pub struct FileWriter {
    file: DataFile,
    belonging: Belonging,
    salt: FileSalt,
    tally: FileTally,
    output: PartOutput,
}

enum PartOutput {
    /// Too few rows yet to know whether filters are worth their bytes.
    Waiting {
        batches: Vec<RecordBatch>,
        rows: usize,
        bytes: usize,
    },
    Encoding(Box<ArrowWriter<HashedBuffer>>),
}

impl std::fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWriter")
            .field("file", &self.file)
            .field("rows", &self.tally.rows())
            .finish_non_exhaustive()
    }
}

impl FileWriter {
    /// Begins a file.
    pub fn new(file: DataFile, belonging: Belonging, salt: FileSalt) -> Self {
        Self {
            file,
            belonging,
            salt,
            tally: FileTally::new(&salt),
            output: PartOutput::Waiting {
                batches: Vec::new(),
                rows: 0,
                bytes: 0,
            },
        }
    }

    /// Adds rows of the file's partition, in order, after all rows before.
    ///
    /// # Errors
    /// Rows that do not belong here or come out of order; a failing encoder. The file is then
    /// unusable.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        self.check(batch)?;
        let steps =
            steps(self.file.partition.table(), batch).map_err(|source| self.rows_error(source))?;
        for step in steps {
            self.encode(step)?;
        }
        Ok(())
    }

    fn check(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        let partition = &self.file.partition;
        let rows =
            TableRows::new(partition.table(), batch).map_err(|source| self.rows_error(source))?;
        let file = || self.file.to_string();
        self.tally
            .add(partition, &rows, batch)
            .map_err(|fault| match fault {
                TallyFault::Order { row } => WriteError::Order { file: file(), row },
                TallyFault::Partition { row, column } => WriteError::Partition {
                    file: file(),
                    row,
                    column,
                },
            })
    }

    fn encode(&mut self, step: EncodingStep) -> Result<(), WriteError> {
        match &mut self.output {
            PartOutput::Encoding(writer) => writer.write(&step.batch),
            PartOutput::Waiting {
                batches,
                rows,
                bytes,
            } => {
                *rows += step.batch.num_rows();
                *bytes += step.kept_bytes;
                batches.push(step.batch);
                if *rows < BLOOM_ROWS && *bytes < WAITING_BYTES {
                    return Ok(());
                }
                let foreseen = ForeseenSize {
                    with_bloom: *rows >= BLOOM_ROWS,
                    empty: Vec::new(),
                };
                let batches = std::mem::take(batches);
                self.start(&foreseen, &batches)
            }
        }
        .map_err(|source| self.encode_error(source))
    }

    fn start(
        &mut self,
        foreseen: &ForeseenSize,
        batches: &[RecordBatch],
    ) -> Result<(), ParquetError> {
        let mut writer = writer(&self.file, self.metadata(), foreseen)?;
        for batch in batches {
            writer.write(batch)?;
        }
        self.output = PartOutput::Encoding(Box::new(writer));
        Ok(())
    }

    fn metadata(&self) -> Vec<KeyValue> {
        let entry = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        vec![
            entry(SCHEMA_KEY, SCHEMA_VERSION.to_string()),
            entry(LAKE_KEY, self.belonging.lake_id.clone()),
            entry(BATCH_KEY, self.belonging.batch_id.clone()),
            entry(SALT_KEY, hex::encode(self.salt)),
        ]
    }

    /// Number of rows so far.
    pub fn rows(&self) -> u64 {
        self.tally.rows()
    }

    /// Size of the file if it ended now, in bytes, without the footer; an estimate, but the same one
    /// for the same rows.
    pub fn encoded_size(&self) -> usize {
        match &self.output {
            PartOutput::Waiting { bytes, .. } => *bytes / 4,
            PartOutput::Encoding(writer) => writer.bytes_written() + writer.in_progress_size(),
        }
    }

    /// Memory in use, in bytes, roughly.
    pub fn memory_size(&self) -> usize {
        match &self.output {
            // The other columns together are about as large as the kept bytes.
            PartOutput::Waiting { bytes, .. } => *bytes * 2,
            PartOutput::Encoding(writer) => writer.inner().bytes.capacity() + writer.memory_size(),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// No rows, or a failing encoder.
    pub fn finish(mut self) -> Result<EncodedFile, WriteError> {
        if self.tally.rows() == 0 {
            return Err(WriteError::Empty {
                file: self.file.to_string(),
            });
        }
        if let PartOutput::Waiting { batches, .. } = &mut self.output {
            let batches = std::mem::take(batches);
            let foreseen = ForeseenSize {
                with_bloom: false,
                empty: empty_columns(&batches),
            };
            self.start(&foreseen, &batches)
                .map_err(|source| self.encode_error(source))?;
        }
        let (content, sha256) = self.close().map_err(|source| self.encode_error(source))?;
        let facts = FileFacts {
            bytes: content.len() as u64,
            sha256,
            md5: Some(md5_of(&content)),
            rows: self.tally.rows(),
            times: self.tally.times(),
            records_root: self.tally.root(),
            statistics: self.tally.statistics(),
            file: self.file,
        };
        Ok(EncodedFile { facts, content })
    }

    fn close(&mut self) -> Result<(Bytes, Hash), ParquetError> {
        let PartOutput::Encoding(writer) = &mut self.output else {
            return Err(ParquetError::General("nothing was encoded".to_owned()));
        };
        writer.finish()?;
        let buffer = std::mem::take(writer.inner_mut());
        Ok((buffer.bytes.into(), buffer.hasher.finalize().into()))
    }

    fn rows_error(&self, source: RowError) -> WriteError {
        WriteError::Rows {
            file: self.file.to_string(),
            source,
        }
    }

    fn encode_error(&self, source: ParquetError) -> WriteError {
        WriteError::Encode {
            file: self.file.to_string(),
            source,
        }
    }
}

fn writer(
    file: &DataFile,
    metadata: Vec<KeyValue>,
    foreseen: &ForeseenSize,
) -> Result<ArrowWriter<HashedBuffer>, ParquetError> {
    let table = file.partition.table();
    let schema = table.schema();
    let options = ArrowWriterOptions::new()
        .with_properties(encoding::properties(table, foreseen, metadata)?)
        .with_parquet_schema(encoding::parquet_schema(&schema)?)
        // The Parquet types say all there is to say.
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(HashedBuffer::default(), schema, options)
}

/// Columns in which no row has a value.
fn empty_columns(batches: &[RecordBatch]) -> Vec<String> {
    let Some(first) = batches.first() else {
        return Vec::new();
    };
    let schema = first.schema();
    let fields = schema.fields().iter().enumerate();
    let empty = fields.filter(|(column, _)| {
        let mut arrays = batches.iter().map(|batch| batch.column(*column));
        arrays.all(|array| array.null_count() == array.len())
    });
    empty.map(|(_, field)| field.name().clone()).collect()
}

/// The parts of one partition in one chunk: ends a file when it is large enough and begins the next.
#[derive(Debug)]
pub struct PartWriter {
    partition: Partition,
    run: RunId,
    chunk: u32,
    next: u32,
    belonging: Belonging,
    seed: [u8; 32],
    part_bytes: usize,
    current: Option<FileWriter>,
}

impl PartWriter {
    /// Begins the parts of a partition. Every file's salt comes from the plan's `seed` and the
    /// file's name. A part ends once it has `part_bytes` (usually [`PART_BYTES`]) or a little more,
    /// and before a large record would take it beyond a third more.
    pub fn new(
        partition: Partition,
        run: RunId,
        chunk: u32,
        belonging: Belonging,
        seed: [u8; 32],
        part_bytes: usize,
    ) -> Self {
        Self {
            partition,
            run,
            chunk,
            next: 0,
            belonging,
            seed,
            part_bytes,
            current: None,
        }
    }

    /// Adds rows of the partition, in order, after all rows before. Gives back the files that were
    /// completed, usually none.
    ///
    /// # Errors
    /// As for [`FileWriter::push`].
    pub fn push(&mut self, batch: &RecordBatch) -> Result<Vec<EncodedFile>, WriteError> {
        let mut complete = Vec::new();
        let most = self.part_bytes + self.part_bytes / 4;
        let table = self.partition.table();
        let steps = steps(table, batch).map_err(|source| WriteError::Rows {
            file: self.partition.to_string(),
            source,
        })?;
        for step in steps {
            if let Some(writer) = self
                .current
                .take_if(|writer| !has_room(writer, &step, most))
            {
                complete.push(writer.finish()?);
            }
            let mut writer = match self.current.take() {
                Some(writer) => writer,
                None => self.begin(),
            };
            writer.push(&step.batch)?;
            if writer.encoded_size() < self.part_bytes {
                self.current = Some(writer);
            } else {
                complete.push(writer.finish()?);
            }
        }
        Ok(complete)
    }

    fn begin(&mut self) -> FileWriter {
        let file = DataFile {
            partition: self.partition.clone(),
            run: self.run,
            chunk: self.chunk,
            part: self.next,
        };
        self.next += 1;
        let salt = file_salt(&self.seed, &file.to_string());
        FileWriter::new(file, self.belonging.clone(), salt)
    }

    /// Memory in use, in bytes, roughly.
    pub fn memory_size(&self) -> usize {
        self.current.as_ref().map_or(0, FileWriter::memory_size)
    }

    /// Ends the last file; none if there was no row.
    ///
    /// # Errors
    /// A failing encoder.
    pub fn finish(self) -> Result<Option<EncodedFile>, WriteError> {
        self.current.map(FileWriter::finish).transpose()
    }
}

/// Whether a part stays below `most` bytes with one step more. What is kept may stand in two columns,
/// and may be of a kind that does not compress.
fn has_room(writer: &FileWriter, step: &EncodingStep, most: usize) -> bool {
    writer.encoded_size() + 2 * step.kept_bytes <= most
}

/// A growing object and the hash of it so far.
#[derive(Debug, Default)]
struct HashedBuffer {
    bytes: Vec<u8>,
    hasher: Sha256,
}

impl io::Write for HashedBuffer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(data);
        self.hasher.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
