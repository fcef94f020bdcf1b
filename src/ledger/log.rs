//! Reading and extending the ledger in its bucket.
//!
//! **Commit.** The PUT of `ledger/entry/<sequence>.note` with create-if-absent is the commit, the
//! lock and the fence. Only a plain success is taken at its word. Any other answer is unclear,
//! "already exists" too, since a store client may have repeated a PUT whose success was lost: the
//! entry is read back whole, and the same bytes mean committed, others lost, none send again.
//!
//! **Head.** The highest of the newest state cache and one listing that starts at it. A hole below
//! it, or a foreign name among the entries, stops the program.

mod commit;
mod genesis;

pub use commit::{Commit, Draft};
pub use genesis::Founding;

use super::cache::{self, CacheError};
use super::digest::Digest;
use super::entry::{Entry, EntryError, Trust};
use super::invariants::{self, Violation};
use super::key::SigningKey;
use super::names;
use super::state::State;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, path::Path};
use std::sync::Arc;

/// Entries that are fetched at the same time; they are folded in order.
const FETCHES: usize = 16;
/// State caches that are kept; older ones are deleted where the store allows it.
const CACHES_KEPT: usize = 2;

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store did not do what was asked.
    #[error("the store failed on {path}: {source}")]
    Store {
        /// The object or folder.
        path: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// An entry is damaged, foreign or forged.
    #[error("{path}: {source}")]
    Entry {
        /// The entry file.
        path: String,
        /// What is wrong with it.
        source: EntryError,
    },
    /// An entry does not fit those before it.
    #[error("{path}: {source}")]
    Violation {
        /// The entry file.
        path: String,
        /// What does not hold.
        source: Violation,
    },
    /// The state cache is damaged, foreign or forged.
    #[error("{path}: {source}")]
    Cache {
        /// The cache file.
        path: String,
        /// What is wrong with it.
        source: CacheError,
    },
    /// The entries do not agree with the state cache.
    #[error("{path} does not agree with the entries: {what}")]
    CacheDisagrees {
        /// The cache file.
        path: String,
        /// What does not.
        what: &'static str,
    },
    /// An object among the entries that is none.
    #[error("{0} is not an entry: only entries may be in {folder}", folder = names::ENTRIES)]
    Foreign(String),
    /// A sequence is missing although later ones exist.
    #[error("entry {0} is missing although later entries exist")]
    Missing(u64),
    /// There are events, but no ledger that names them.
    #[error("the bucket holds {0} but no ledger: its entries were deleted")]
    LedgerGone(String),
    /// The store cannot hold a ledger.
    #[error("the store is not fit for a ledger: {0}")]
    Unfit(String),
    /// The store never gave a clear answer to a commit.
    #[error("no clear answer about entry {sequence} after {tries} tries: {source}")]
    Unclear {
        /// The entry.
        sequence: u64,
        /// How often it was sent.
        tries: u32,
        /// The newest answer.
        source: object_store::Error,
    },
    /// No randomness for a new lake id.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

impl LogError {
    /// Whether this speaks against the integrity of the ledger, rather than of a store in trouble.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Entry { .. }
            | Self::Violation { .. }
            | Self::Cache { .. }
            | Self::CacheDisagrees { .. }
            | Self::Foreign(_)
            | Self::Missing(_)
            | Self::LedgerGone(_) => true,
            Self::Store { .. } | Self::Unfit(_) | Self::Unclear { .. } | Self::Randomness(_) => {
                false
            }
        }
    }
}

fn store_error(path: &Path) -> impl FnOnce(object_store::Error) -> LogError + use<> {
    let path = path.to_string();
    move |source| LogError::Store { path, source }
}

/// The ledger of one bucket.
#[derive(Debug, Clone)]
pub struct Log {
    store: Arc<dyn ObjectStore>,
    key: Option<Arc<SigningKey>>,
    root: Trust,
}

impl Log {
    /// A ledger that is written with `key`, or unsigned without one. Its genesis must be signed
    /// by the same key; later entries by keys that the ledger itself names.
    pub fn new(store: Arc<dyn ObjectStore>, key: Option<Arc<SigningKey>>) -> Self {
        let root = key.as_ref().map_or(Trust::Unsigned, |key| {
            Trust::Keys(vec![key.verifier().clone()])
        });
        Self { store, key, root }
    }

    /// A ledger that is only read, and believed where `root` signed its genesis.
    pub fn read_only(store: Arc<dyn ObjectStore>, root: Trust) -> Self {
        Self {
            store,
            key: None,
            root,
        }
    }

    /// The current state, or `None` where there is no ledger yet.
    ///
    /// # Errors
    /// A store in trouble, or anything that is not exactly as a ledger must be.
    pub async fn load(&self) -> Result<Option<State>, LogError> {
        let mut state = self.newest_cache().await?;
        self.catch_up(&mut state).await?;
        if state.is_none() {
            self.refuse_orphaned_events().await?;
        }
        Ok(state)
    }

    /// The state folded from the entries alone, whatever caches say.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn fold(&self) -> Result<Option<State>, LogError> {
        let mut state = None;
        self.catch_up(&mut state).await?;
        Ok(state)
    }

    /// Folds every entry after the state's head into it and returns them.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn catch_up(&self, state: &mut Option<State>) -> Result<Vec<Entry>, LogError> {
        let sequences = self.sequences_after(state.as_ref()).await?;
        let mut files = futures::stream::iter(sequences)
            .map(|sequence| async move { Ok((sequence, self.get(&names::entry(sequence)).await?)) })
            .buffered(FETCHES);
        let mut entries = Vec::new();
        while let Some((sequence, bytes)) = files.try_next().await? {
            entries.push(self.fold_one(state, sequence, &bytes)?);
        }
        Ok(entries)
    }

    fn fold_one(
        &self,
        state: &mut Option<State>,
        sequence: u64,
        bytes: &[u8],
    ) -> Result<Entry, LogError> {
        let path = names::entry(sequence).to_string();
        let trust = state.as_ref().map_or(self.root.clone(), State::trust);
        let (entry, signer) = Entry::decode(bytes, &trust).map_err(|source| LogError::Entry {
            path: path.clone(),
            source,
        })?;
        let sha256 = Digest::of(bytes);
        let folded = match state {
            None => State::begin(&entry, sha256).and_then(|begun| {
                genesis::names_its_signer(&begun, signer.as_ref())?;
                *state = Some(begun);
                Ok(())
            }),
            Some(state) => invariants::role_fits(state, &entry, signer.as_ref())
                .and_then(|()| state.apply(&entry, sha256)),
        };
        folded.map_err(|source| LogError::Violation { path, source })?;
        Ok(entry)
    }

    /// The sequences that the store lists after the head of `state`, checked to be without holes.
    async fn sequences_after(&self, state: Option<&State>) -> Result<Vec<u64>, LogError> {
        let folder = Path::from(names::ENTRIES);
        // An offset is exclusive. Starting before the head makes the listing prove that the entry
        // of the head is still there.
        let (first, mut listing) = match state.map(|state| state.head.sequence) {
            None | Some(0) => (0, self.store.list(Some(&folder))),
            Some(head) => {
                let offset = names::entry(head - 1);
                (head, self.store.list_with_offset(Some(&folder), &offset))
            }
        };
        let mut found = Vec::new();
        while let Some(meta) = listing.try_next().await.map_err(store_error(&folder))? {
            let sequence = names::entry_sequence(&meta.location)
                .ok_or_else(|| LogError::Foreign(meta.location.to_string()))?;
            found.push(sequence);
        }
        // Stores list in order of name; a local file system does not.
        found.sort_unstable();
        if state.is_some() && found.is_empty() {
            return Err(LogError::Missing(first));
        }
        for (expected, found) in (first..).zip(&found) {
            if expected != *found {
                return Err(LogError::Missing(expected));
            }
        }
        if state.is_some() {
            found.remove(0);
        }
        Ok(found)
    }

    async fn get(&self, path: &Path) -> Result<bytes::Bytes, LogError> {
        let result = self.store.get(path).await.map_err(store_error(path))?;
        result.bytes().await.map_err(store_error(path))
    }

    /// The state of the newest cache, checked against the entry at which it stands.
    async fn newest_cache(&self) -> Result<Option<State>, LogError> {
        let Some(newest) = self.caches().await?.pop() else {
            return Ok(None);
        };
        let path = names::cache(newest);
        let bytes = self.get(&path).await?;
        let state = match cache::decode(&bytes, &self.root) {
            Ok(state) => state,
            // Another program version wrote it: the entries tell the same, only slower.
            Err(CacheError::Version(_)) => return Ok(None),
            Err(source) => {
                return Err(LogError::Cache {
                    path: path.to_string(),
                    source,
                });
            }
        };
        let disagrees = |what| LogError::CacheDisagrees {
            path: path.to_string(),
            what,
        };
        if state.head.sequence != newest {
            return Err(disagrees("it stands at another sequence than its name"));
        }
        if (state.trust() == Trust::Unsigned) != (self.root == Trust::Unsigned) {
            return Err(disagrees("one is signed, the other is not"));
        }
        let head = self.get(&names::entry(newest)).await?;
        if Digest::of(&head) != state.head.sha256 {
            return Err(disagrees("the entry of its head is another one"));
        }
        Ok(Some(state))
    }

    /// Sequences of the state caches, in order.
    async fn caches(&self) -> Result<Vec<u64>, LogError> {
        let folder = Path::from(names::CACHES);
        let listing = self.store.list(Some(&folder));
        let metas: Vec<_> = listing.try_collect().await.map_err(store_error(&folder))?;
        let mut sequences: Vec<u64> = metas
            .iter()
            .filter_map(|meta| names::cache_sequence(&meta.location))
            .collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// Writes the state cache of `state` and deletes caches that are older than the newest few.
    /// Both are for speed only, so a refusal is returned as information, never as a failure.
    pub async fn save_cache(&self, state: &State) -> Result<(), CacheNotSaved> {
        let path = names::cache(state.head.sequence);
        let bytes = cache::encode(state, self.key.as_deref())
            .map_err(|error| CacheNotSaved(error.to_string()))?;
        let refused = |error: object_store::Error| CacheNotSaved(error.to_string());
        match self
            .store
            .put_opts(&path, bytes.into(), PutOptions::from(PutMode::Create))
            .await
        {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(refused(error)),
        }
        let mut caches = self
            .caches()
            .await
            .map_err(|error| CacheNotSaved(error.to_string()))?;
        caches.retain(|sequence| *sequence < state.head.sequence);
        let surplus = (caches.len() + 1).saturating_sub(CACHES_KEPT);
        for old in &caches[..surplus] {
            match self.store.delete(&names::cache(*old)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(())
    }

    /// Events without a ledger mean that somebody took the ledger away: a new genesis would hide it.
    async fn refuse_orphaned_events(&self) -> Result<(), LogError> {
        let folder = Path::from("events");
        let mut listing = self.store.list(Some(&folder));
        match listing.try_next().await.map_err(store_error(&folder))? {
            Some(meta) => Err(LogError::LedgerGone(meta.location.to_string())),
            None => Ok(()),
        }
    }
}

/// Why the state cache could not be saved or tidied: information, since entries tell the same.
#[derive(Debug, thiserror::Error)]
#[error("the state cache was not saved or tidied, the next run reads more entries instead: {0}")]
pub struct CacheNotSaved(String);
