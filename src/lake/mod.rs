//! The lake: Parquet files in a bucket, what they are called, how they are written so that nothing
//! is lost, and how they are read back and checked.

pub mod layout;
pub mod merkle;

mod answers;
mod checked;
mod conformance;
mod counted;
mod directory;
mod disk;
mod encoding;
mod facts;
mod http;
mod location;
mod open;
mod present;
mod prune;
mod read;
mod remove;
mod rows;
mod said;
mod split;
mod stoppable;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod upload;
mod verify;
mod write;

pub use answers::{StoreMeaning, WHEN_CHANGED};
pub use checked::{Checked, CheckedBy, Md5Sum, SignedFile, md5_of};
pub use conformance::{Nonconformance, check_objects, check_store, prove_create_once, prove_kept};
pub use facts::{ColumnStatistics, EncodedFile, FileFacts, FileStatistics, TimeRange};
pub use http::{RequestCounter, Requests, StoreClock};
pub(crate) use open::has_option;
pub use open::{OpenError, Options};
#[cfg(feature = "query")]
pub(crate) use read::StoreInput;
pub use read::{Batches, FileReader, KnownRow, KnownRows, ReadError, stored_instant};
pub use remove::{Keeps, Removal};
pub use rows::RowError;
pub use split::split;
pub use store::{Bucket, Listed, StoreError, StoreKind};
pub use upload::{CreateError, Created, Patience, create, upload};
pub use verify::{Mismatch, verify_file};
pub use write::{
    BATCH_KEY, Belonging, FileWriter, LAKE_KEY, PART_BYTES, PartWriter, SALT_KEY, SCHEMA_KEY,
    WriteError,
};
