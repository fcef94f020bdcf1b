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

mod address;
mod answers;
mod browse;
mod bucket;
mod checked;
mod conformance;
mod counted;
mod create;
mod directory;
mod disk;
mod error;
mod http;
mod kind;
mod location;
mod open;
mod present;
mod purpose;
mod remove;
mod said;
mod signed;
mod stoppable;
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
