//! Checking a data file against what the ledger states about it, from its size to every row.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use crate::event::schema::SCHEMA_VERSION;
use crate::plural::counted;
use crate::window::format_instant;

use super::encoding;
use super::facts::{FileFacts, InstantRange};
use super::prune;
use super::read::{ReadError, StoreInput, read_error};
use super::rows::TableRows;
use super::tally::{FileTally, TallyFault};
use super::write::{BATCH_KEY, Belonging, LAKE_KEY, SALT_KEY, SCHEMA_KEY};
use crate::merkle::{FileSalt, Hash};
use crate::store::{Bucket, StoreError};

/// A file up to this size is read once and kept while it is checked; a larger one is read twice.
const WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// A way in which a data file is not what the ledger states.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// There is no such object.
    #[error("the file is missing")]
    Missing,
    /// The object has another size.
    #[error("the file has {}, but its entry states {stated}", counted(*found, "byte", "bytes"))]
    Size {
        /// Bytes stated.
        stated: u64,
        /// Bytes found.
        found: u64,
    },
    /// The object has other content.
    #[error(
        "the SHA-256 of the file is {}, but its entry states {}",
        hex::encode(found),
        hex::encode(stated)
    )]
    Content {
        /// Hash stated.
        stated: Hash,
        /// Hash found.
        found: Hash,
    },
    /// The object has the stated content, but that is no readable Parquet file.
    #[error("the file cannot be decoded: {said}")]
    Undecodable {
        /// The decoder's words.
        said: String,
    },
    /// The columns are not those of the stored schema.
    #[error("the columns are not those of the stored schema: {said}")]
    Schema {
        /// What differs.
        said: String,
    },
    /// The footer does not say, or says otherwise, where the file belongs.
    #[error("the footer has {key} {found:?}, not {stated:?}")]
    Footer {
        /// Key in the footer.
        key: &'static str,
        /// Value expected.
        stated: String,
        /// Value found.
        found: Option<String>,
    },
    /// The footer has no usable salt, so the root over the records cannot be computed.
    #[error("the footer has no usable salt")]
    Salt,
    /// Another number of rows.
    #[error("the file has {}, but its entry states {stated}", counted(*found, "row", "rows"))]
    Rows {
        /// Rows stated.
        stated: u64,
        /// Rows found.
        found: u64,
    },
    /// A row that belongs to another file.
    #[error("row {row} belongs in another file according to its {column}")]
    Partition {
        /// Row from 0.
        row: u64,
        /// The column that says so.
        column: &'static str,
    },
    /// Rows that are not in order, or twice there.
    #[error("row {row} does not sort after the previous row")]
    Order {
        /// Row from 0.
        row: u64,
    },
    /// The root over the kept records is another.
    #[error(
        "the Merkle root of the records is {}, but its entry states {}",
        hex::encode(found),
        hex::encode(stated)
    )]
    Root {
        /// Root stated.
        stated: Hash,
        /// Root found.
        found: Hash,
    },
    /// The times of the rows are others.
    #[error("the rows span {}, but its entry states {}", times(*found), times(*stated))]
    Times {
        /// Range stated.
        stated: Option<InstantRange>,
        /// Range found.
        found: Option<InstantRange>,
    },
    /// The sizes and ranges of the rows are others.
    #[error("the statistics of the rows do not match its entry")]
    Statistics,
}

fn times(range: Option<InstantRange>) -> String {
    match range {
        None => "none".to_owned(),
        Some(InstantRange { first, last }) => {
            let text = |instant: DateTime<Utc>| format_instant(instant);
            format!("{} to {}", text(first), text(last))
        }
    }
}

/// Checks everything that is stated about a data file, row by row. The answer is empty if all of it
/// holds. A file that is not the stated bytes is not looked into any further.
///
/// Memory is the file up to 64 MiB, else one row group.
///
/// # Errors
/// The store fails; that says nothing about the file.
pub async fn verify_file(
    bucket: &Bucket,
    stated: &FileFacts,
    belonging: &Belonging,
) -> Result<Vec<Mismatch>, ReadError> {
    let name = stated.file.to_string();
    let content = match check_content(bucket, stated).await? {
        Ok(content) => content,
        Err(mismatch) => return Ok(vec![mismatch]),
    };
    let input = StoreInput::new(bucket, stated.signed()).with_content(content);
    match check_rows(input, stated, belonging).await {
        Ok(mismatches) => Ok(mismatches),
        Err(error) => match read_error(bucket, &name, error) {
            ReadError::Parquet { source, .. } => Ok(vec![Mismatch::Undecodable {
                said: source.to_string(),
            }]),
            other => Err(other),
        },
    }
}

/// Reads all bytes; gives them back if they are few enough to keep.
async fn check_content(
    bucket: &Bucket,
    stated: &FileFacts,
) -> Result<Result<Option<Bytes>, Mismatch>, StoreError> {
    let found = match bucket.content(&stated.signed(), WHOLE_BYTES).await {
        Ok(found) => found,
        Err(StoreError::NotFound { .. }) => return Ok(Err(Mismatch::Missing)),
        Err(error) => return Err(error),
    };
    Ok(match found.sha256 {
        Some(sha256) if sha256 == stated.sha256 => Ok(found.kept),
        Some(sha256) => Err(Mismatch::Content {
            stated: stated.sha256,
            found: sha256,
        }),
        None => Err(Mismatch::Size {
            stated: stated.bytes,
            found: found.bytes,
        }),
    })
}

async fn check_rows(
    mut input: StoreInput,
    stated: &FileFacts,
    belonging: &Belonging,
) -> Result<Vec<Mismatch>, ParquetError> {
    let partition = &stated.file.partition;
    let table = partition.table();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let footer = ArrowReaderMetadata::load_async(&mut input, options).await?;
    let metadata = footer.metadata().as_ref();
    let expected = encoding::parquet_schema(&table.schema())?;
    if footer.parquet_schema().root_schema() != expected.root_schema() {
        let said = "names, types or annotations differ".to_owned();
        return Ok(vec![Mismatch::Schema { said }]);
    }
    let mut mismatches = check_footer(metadata, belonging);
    let Some(salt) = salt(metadata) else {
        mismatches.push(Mismatch::Salt);
        return Ok(mismatches);
    };

    let batch_rows = prune::batch_rows(metadata, &[table.kept_column()]);
    let mut batches = ParquetRecordBatchStreamBuilder::new_with_metadata(input, footer.clone())
        .with_batch_size(batch_rows)
        .build()?;
    let mut tally = FileTally::new(&salt);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let rows = match TableRows::new(table, &batch) {
            Ok(rows) => rows,
            Err(error) => {
                let said = error.to_string();
                mismatches.push(Mismatch::Schema { said });
                return Ok(mismatches);
            }
        };
        if let Err(fault) = tally.add(partition, &rows, &batch) {
            mismatches.push(match fault {
                TallyFault::Order { row } => Mismatch::Order { row },
                TallyFault::Partition { row, column } => Mismatch::Partition { row, column },
            });
            return Ok(mismatches);
        }
    }
    mismatches.extend(compare(&tally, stated));
    Ok(mismatches)
}

fn compare(tally: &FileTally, stated: &FileFacts) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    if tally.rows() != stated.rows {
        mismatches.push(Mismatch::Rows {
            stated: stated.rows,
            found: tally.rows(),
        });
    }
    if tally.root() != stated.records_root {
        mismatches.push(Mismatch::Root {
            stated: stated.records_root,
            found: tally.root(),
        });
    }
    if tally.times() != stated.times {
        mismatches.push(Mismatch::Times {
            stated: stated.times,
            found: tally.times(),
        });
    }
    if tally.statistics() != stated.statistics {
        mismatches.push(Mismatch::Statistics);
    }
    mismatches
}

fn footer_value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    let entry = entries.iter().find(|entry| entry.key == key)?;
    entry.value.as_deref()
}

fn check_footer(metadata: &ParquetMetaData, belonging: &Belonging) -> Vec<Mismatch> {
    let expected = [
        (LAKE_KEY, belonging.lake_id.clone()),
        (BATCH_KEY, belonging.batch_id.clone()),
        (SCHEMA_KEY, SCHEMA_VERSION.to_string()),
    ];
    let mut mismatches = Vec::new();
    for (key, stated) in expected {
        let found = footer_value(metadata, key);
        if found != Some(stated.as_str()) {
            mismatches.push(Mismatch::Footer {
                key,
                stated,
                found: found.map(str::to_owned),
            });
        }
    }
    mismatches
}

/// The salt that the footer of a file has.
pub(super) fn salt(metadata: &ParquetMetaData) -> Option<FileSalt> {
    let mut salt = FileSalt::default();
    hex::decode_to_slice(footer_value(metadata, SALT_KEY)?, &mut salt).ok()?;
    Some(salt)
}
