//! The lake: Parquet files in a bucket, what they are called, how they are written so that nothing
//! is lost, and how they are read back and checked.

pub mod layout;

mod encoding;
mod facts;
mod prune;
mod read;
mod rows;
mod split;
mod tally;
#[cfg(test)]
mod tests;
mod upload;
mod verify;
mod write;

pub use facts::{ColumnStatistics, EncodedFile, FileFacts, FileStatistics, InstantRange};
#[cfg(feature = "query")]
pub(crate) use read::StoreInput;
pub use read::{FileBatches, FileReader, KnownRow, KnownRows, ReadError, stored_instant};
pub use rows::RowError;
pub use split::split;
pub use upload::upload;
pub use verify::{Mismatch, verify_file};
pub use write::{
    BATCH_KEY, Belonging, FileWriter, LAKE_KEY, PART_BYTES, PartWriter, SALT_KEY, SCHEMA_KEY,
    WriteError,
};
