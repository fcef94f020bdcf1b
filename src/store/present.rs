//! Objects that must exist, because something signed names them.
//!
//! **Rule.** A committed entry, and a file that a live entry names, exists until a decision of the ledger
//! removes it. "Not found" about such an object is not trouble of the store: the object was deleted, which
//! is [`StoreError::Missing`] and ends a command with exit code 6. Two things are ruled out first:
//!
//! - A store whose answers lag. A listing never shows that an object is absent, and "not found" counts only
//!   when it stays for [`LAG`], asked by name.
//! - A decision that another process made meanwhile. Only the ledger tells, so whoever knows it asks
//!   [`Log::is_live_now`](crate::ledger::log::Log::is_live_now) before anybody is accused.
//!
//! No answer, or a refusal, remains what it is: it says nothing about the object.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{
    Error as Cause, GetOptions, OBJECT_STORE_COALESCE_DEFAULT, ObjectStore as _, coalesce_ranges,
};

use super::bucket::Bucket;
use super::create::Patience;
use super::error::StoreError;
use std::ops::Range;
use std::time::Duration;

/// How long an object that must exist is asked for by name, some four seconds in all. The stores that we
/// know show an object by its name as soon as it was written.
const LAG: Patience = Patience {
    attempts: 4,
    wait: Duration::from_millis(600),
};

/// Objects that are asked for at the same time.
const QUESTIONS: usize = 16;

impl Bucket {
    /// Reads a whole object of at most `limit` bytes that must exist.
    ///
    /// # Errors
    /// [`StoreError::Missing`] instead of [`StoreError::NotFound`]; otherwise as [`Bucket::read`].
    pub async fn read_present(&self, name: &str, limit: u64) -> Result<Bytes, StoreError> {
        let mut asking = PresenceQuestion::begin();
        loop {
            match self.read(name, limit).await {
                Err(error) => asking.again(error).await?,
                read => return read,
            }
        }
    }

    /// Reads parts of an object that must exist, of the one with an entity tag where that is given.
    ///
    /// # Errors
    /// [`StoreError::Missing`] instead of [`StoreError::NotFound`], and [`StoreError::Altered`] where the
    /// object has another tag; otherwise any other [`StoreError`].
    pub(super) async fn read_ranges(
        &self,
        name: &str,
        ranges: &[Range<u64>],
        e_tag: Option<&str>,
    ) -> Result<Vec<Bytes>, StoreError> {
        let path = self.path(name)?;
        let mut asking = PresenceQuestion::begin();
        loop {
            let fetch = |range: Range<u64>| {
                let options = GetOptions {
                    range: Some(range.into()),
                    if_match: e_tag.map(str::to_owned),
                    ..GetOptions::default()
                };
                async { self.store().get_opts(&path, options).await?.bytes().await }
            };
            match coalesce_ranges(ranges, fetch, OBJECT_STORE_COALESCE_DEFAULT).await {
                Ok(parts) => return Ok(parts),
                Err(Cause::Precondition { .. }) => {
                    return Err(StoreError::Altered {
                        object: self.url_of(name),
                        said: "it was replaced after it was checked".to_owned(),
                    });
                }
                Err(cause) => asking.again(self.error("read", name, &cause)).await?,
            }
        }
    }

    /// Makes sure that an object exists which must.
    ///
    /// # Errors
    /// [`StoreError::Missing`] instead of [`StoreError::NotFound`]; otherwise as [`Bucket::size`].
    pub async fn expect_present(&self, name: &str) -> Result<(), StoreError> {
        let mut asking = PresenceQuestion::begin();
        loop {
            match self.size(name).await {
                Ok(_) => return Ok(()),
                Err(error) => asking.again(error).await?,
            }
        }
    }

    /// Those of some objects which must exist that are missing, in order; for whoever names all of them.
    ///
    /// # Errors
    /// A store in trouble.
    pub async fn missing_of(&self, names: Vec<String>) -> Result<Vec<String>, StoreError> {
        let mut missing = names;
        let mut wait = LAG.wait;
        for attempt in 1..=LAG.attempts {
            if missing.is_empty() {
                break;
            }
            if attempt > 1 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            missing = futures::stream::iter(missing)
                .map(|name| async move {
                    match self.size(&name).await {
                        Ok(_) => Ok(None),
                        Err(StoreError::NotFound { .. }) => Ok(Some(name)),
                        Err(error) => Err(error),
                    }
                })
                .buffered(QUESTIONS)
                .try_filter_map(|missing| std::future::ready(Ok(missing)))
                .try_collect()
                .await?;
        }
        Ok(missing)
    }
}

/// How often one object was asked for.
pub(super) struct PresenceQuestion {
    asked: u32,
    wait: Duration,
}

impl PresenceQuestion {
    pub(super) fn begin() -> Self {
        Self {
            asked: 0,
            wait: LAG.wait,
        }
    }

    /// Waits before the object is asked for again.
    ///
    /// # Errors
    /// The object is missing by now, or the answer was another one than "not found".
    pub(super) async fn again(&mut self, error: StoreError) -> Result<(), StoreError> {
        let StoreError::NotFound { object, said } = error else {
            return Err(error);
        };
        self.asked += 1;
        if self.asked >= LAG.attempts {
            return Err(StoreError::Missing { object, said });
        }
        tokio::time::sleep(self.wait).await;
        self.wait *= 2;
        Ok(())
    }
}
