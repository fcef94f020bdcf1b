//! The lake: Parquet files in a bucket, what they are called, how they are written so that nothing
//! is lost, and how they are read back and checked.

// What files are called and where they are.
pub mod layout;

// From rows to files in the bucket.
mod encoding;
mod facts;
mod rows;
mod split;
mod tally;
mod upload;
mod write;

// And back.
mod prune;
mod read;
mod verify;

#[cfg(test)]
mod tests;

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
