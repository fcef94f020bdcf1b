//! Creating an object so that afterwards it is known whether it is there and whose it is.
//!
//! The answer to a put may be lost, and the client below repeats a put whose answer was lost; so
//! "exists already" may be the answer to our own success, and an error may hide one. On every answer
//! but a plain success the object is read back whole and compared: the same bytes are ours, others
//! mean that somebody else holds the name, nothing means that the identical bytes are sent again.

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::bucket::Bucket;
use super::error::StoreError;

/// How often, and how patiently, an unclear create is repeated.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Wait before the second attempt; doubled before each later one.
    pub wait: Duration,
}

impl Default for Patience {
    /// Five attempts over some fifteen seconds: GCS allows about one change a second to one name.
    fn default() -> Self {
        Self {
            attempts: 5,
            wait: Duration::from_secs(1),
        }
    }
}

/// How a create that succeeded came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The store said so at once.
    Plainly,
    /// The store gave another answer, and the same bytes were read back.
    ReadBack,
}

/// Why an object could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The name holds other bytes: somebody else was first.
    #[error("{object} was created by another writer")]
    Taken {
        /// URL of the object.
        object: String,
    },
    /// The object is there with another size than was sent.
    #[error("{object} has {found} bytes after {sent} were written")]
    Size {
        /// URL of the object.
        object: String,
        /// Bytes sent.
        sent: u64,
        /// Bytes found.
        found: u64,
    },
    /// The store failed; after all attempts the object is not known to be there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates an object exactly once, and knows whether it is ours.
///
/// # Errors
/// [`CreateError::Taken`] if the name holds other bytes; otherwise the store's last error.
pub async fn create(
    bucket: &Bucket,
    name: &str,
    content: &Bytes,
    patience: Patience,
) -> Result<Created, CreateError> {
    let mut wait = patience.wait;
    let mut attempt = 1;
    loop {
        let error = match bucket.create(name, content.clone()).await {
            Ok(()) => return Ok(Created::Plainly),
            Err(error) if error.needs_read_back() => error,
            Err(error) => return Err(error.into()),
        };
        match read_back(bucket, name, content).await {
            Ok(true) => return Ok(Created::ReadBack),
            Ok(false) => {
                let object = bucket.url_of(name);
                return Err(CreateError::Taken { object });
            }
            // Not there, or not readable either: nothing is decided.
            Err(
                StoreError::NotFound { .. }
                | StoreError::Denied { .. }
                | StoreError::Unclear { .. },
            ) => {}
            Err(unreadable) => return Err(unreadable.into()),
        }
        if attempt >= patience.attempts {
            return Err(error.into());
        }
        tracing::debug!(object = %bucket.url_of(name), attempt, %error, "outcome of create is unknown");
        let waited = bucket.stop().step(tokio::time::sleep(wait)).await;
        if waited.is_err() {
            return Err(error.into());
        }
        wait *= 2;
        attempt += 1;
    }
}

/// Whether the object holds exactly these bytes.
async fn read_back(bucket: &Bucket, name: &str, content: &Bytes) -> Result<bool, StoreError> {
    match bucket.read(name, content.len() as u64).await {
        Ok(found) => Ok(Sha256::digest(found) == Sha256::digest(content)),
        Err(StoreError::TooLarge { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
