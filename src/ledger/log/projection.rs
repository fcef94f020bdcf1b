//! Objects that repeat what entries and files say, for speed only: one for each sequence at which
//! somebody wrote one. The two newest are kept, where the store lets older ones be deleted.

use super::newest::{NewestSearch, Next};
use super::{CacheNotSaved, Log, LogError};
use crate::ledger::names::{
    INDEX_FOLDER, NameError, STATE_FOLDER, index_name, index_sequence, state_name, state_sequence,
};
use crate::store::StoreError;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

/// Objects of a kind that are kept.
const KEPT: usize = 2;
/// Old ones that are deleted at once: where a store begins to allow it, there may be many.
const TIDIED: usize = 8;
/// Objects that are listed at once: no store needs a second request for so many names.
const LISTED: usize = 1_000;

/// A kind of projection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LedgerProjection {
    folder: &'static str,
    name: fn(u64) -> String,
    sequence: fn(&str) -> Result<u64, NameError>,
}

impl LedgerProjection {
    /// Signed copies of the folded state.
    pub(crate) const STATE: Self = Self {
        folder: STATE_FOLDER,
        name: state_name,
        sequence: state_sequence,
    };

    /// Under which date the lake holds an id.
    pub(crate) const INDEX: Self = Self {
        folder: INDEX_FOLDER,
        name: index_name,
        sequence: index_sequence,
    };

    /// The name of the object at a sequence.
    pub(crate) fn name(self, sequence: u64) -> String {
        (self.name)(sequence)
    }
}

impl Log {
    /// The highest sequence at which there is an object of a kind.
    ///
    /// # Errors
    /// A store in trouble.
    pub(crate) async fn newest(&self, kind: LedgerProjection) -> Result<Option<u64>, LogError> {
        let mut search = NewestSearch::new(LISTED);
        loop {
            match search.next() {
                Next::List(after) => search.hear(&self.listed(kind, after).await?),
                Next::Found(newest) => return Ok(newest),
            }
        }
    }

    /// Creates an object of a kind at a sequence, and deletes those that are older than the newest few.
    ///
    /// # Errors
    /// A refusal, which is information: entries and files tell the same.
    pub(crate) async fn save(
        &self,
        kind: LedgerProjection,
        sequence: u64,
        content: Bytes,
    ) -> Result<(), CacheNotSaved> {
        let refused = |error: &dyn std::error::Error| CacheNotSaved::because(error);
        match self.bucket.create(&kind.name(sequence), content).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(refused(&error)),
        }
        let listed = self.listed(kind, None).await;
        let mut older = listed.map_err(|error| refused(&error))?;
        older.retain(|known| *known < sequence);
        let surplus = (older.len() + 1).saturating_sub(KEPT);
        for old in older.iter().take(surplus.min(TIDIED)) {
            let deleted = self.bucket.delete(&kind.name(*old)).await;
            deleted.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    /// Sequences of the objects of a kind after a sequence, or from the first, in order; at most
    /// [`LISTED`].
    async fn listed(
        &self,
        kind: LedgerProjection,
        after: Option<u64>,
    ) -> Result<Vec<u64>, LogError> {
        let after = after.map(|sequence| kind.name(sequence));
        let listed = self.bucket.list(kind.folder, after.as_deref());
        let sequences = listed
            .try_filter_map(|listed| std::future::ready(Ok((kind.sequence)(&listed.name).ok())));
        // The rest is not even asked for.
        Ok(sequences.take(LISTED).try_collect().await?)
    }
}
