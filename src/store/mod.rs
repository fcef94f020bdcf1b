//! Objects in a bucket of any service: created once, read, listed, removed, and known to be what was signed for.
//!
//! Nothing here knows what an object holds. From a URL to an object and back:
//!
//! 1. `location` and [`StoreOptions`] say which service and where, and open it;
//! 2. [`Bucket`] is the opened store: read, list, size, with semantic [errors](StoreError);
//! 3. [`create`] makes an object exactly once, [`Removal`] says what a deletion left behind;
//! 4. `present` reads what must exist, `checked` only what is as it was signed for;
//! 5. [`check_store`] is the conformance suite: what the ledger needs of a store, tried on the store itself.
//!
//! Below them stand the disk store, and what every request passes: counting, time limits, the clock of the
//! service.

// What a URL and its options say.
mod address;
mod directory;
mod kind;
mod location;
mod purpose;

// The opened store.
mod browse;
mod bucket;
mod error;
mod open;

// What becomes of an object.
mod checked;
mod create;
mod present;
mod remove;
mod signed;

// What the ledger needs of a store, tried.
mod conformance;

// What every request passes, and the store on a disk.
mod answers;
mod counted;
mod disk;
mod http;
mod said;
mod stoppable;

// Stores of tests.
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use address::service_url;
pub use bucket::{Bucket, StoredObject};
pub use conformance::{
    StoreNonconformance, check_objects, check_store, prove_create_once, prove_kept,
};
pub use create::{CreateError, Created, Patience, create};
pub use error::{OpenError, StoreError, StoreMeaning};
pub use http::{RequestCounter, StoreClock, StoreRequests};
pub use kind::StoreKind;
pub use open::StoreOptions;
pub(crate) use open::{aws_credentials, has_option};
pub use purpose::{StorePurpose, WHEN_CHANGED};
pub use remove::{Keeps, Removal};
pub use signed::{CheckedBy, CheckedObject, Md5Sum, SignedFile, md5_of};
