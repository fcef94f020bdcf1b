//! Reading and extending the ledger in its bucket.
//!
//! **Commit.** The PUT of `ledger/entry/<sequence>.note` with create-if-absent is the commit, the
//! lock and the fence. Only a plain success is taken at its word. Any other answer is unclear,
//! "already exists" too, since a store client may have repeated a PUT whose success was lost: the
//! entry is read back whole, and the same bytes mean committed, others lost, none send again.
//!
//! **Head.** The highest of the newest state cache and one listing that starts at it. An entry that is
//! missing below it, or a foreign name among the entries, stops the program. What a listing leaves out is
//! asked for by name before it is missing ([`StoreError::Missing`] has the rule).

mod commit;
mod genesis;
mod newest;
mod projection;
mod read;
mod survey;

pub use commit::{Commit, EntryDraft};
pub use genesis::Founding;
pub(crate) use projection::LedgerProjection;
pub use read::ReadEntry;
pub use survey::{Damage, LaterBatch, Survey};

use super::cache::{self, CacheError};
use super::digest::Digest;
use super::entry::{Entry, EntryError, Trust};
use super::invariants::{self, Violation};
use super::key::SigningKey;
use super::note::{MAX_BYTES, NoteError};
use super::state::State;
use crate::lake::layout::{FilePath, Table};
use crate::ledger::names::{ENTRY_FOLDER, entry_name, entry_sequence};
use crate::store::{Bucket, CreateError, Patience, StoreError, StoreNonconformance};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use std::ops::Range;
use std::sync::Arc;

/// Entries that are fetched at the same time; they are folded in order.
const FETCHES: usize = 16;
/// Newest state caches that may vanish, one after the other, before it is done without any: others tidy up.
const TIDIED_MEANWHILE: u32 = 3;
/// A state cache is written after each entry whose sequence is a multiple of this, whatever becomes
/// of the run that wrote it: a run that is killed again and again must not read all it has committed
/// each time.
const CACHE_EVERY: u64 = 100;

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is damaged, foreign or forged.
    #[error("{path}: {source}")]
    Entry {
        /// The entry file.
        path: String,
        /// What is wrong with it.
        source: EntryError,
    },
    /// An entry of ours that nobody would read again, so it was not sent.
    #[error("{path} was not written: {source}")]
    TooLong {
        /// The entry file.
        path: String,
        /// How long it would be.
        source: NoteError,
    },
    /// An entry does not fit those before it.
    #[error("{path}: {source}")]
    Violation {
        /// The entry file.
        path: String,
        /// What does not hold.
        source: Violation,
    },
    /// Another key than the one given signed the ledger: the first entry and the newest.
    #[error("the ledger is signed by {signed_by}; the key given is {given}")]
    OtherKey {
        /// Name and hash of the key in the signature lines.
        signed_by: String,
        /// Name and hash of the key that was given.
        given: String,
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
    #[error("{path} does not match the entries: {what}")]
    CacheDisagrees {
        /// The cache file.
        path: String,
        /// What does not.
        what: &'static str,
    },
    /// An object among the entries that is none.
    #[error("{0} is not a ledger entry: {ENTRY_FOLDER} may contain only entries")]
    Foreign(String),
    /// An entry is missing that was committed.
    #[error(
        "entry {0} of the ledger is missing: a later entry, or a cache that was written after it, \
         depends on it"
    )]
    Missing(u64),
    /// There are events, but no ledger that names them.
    #[error("the bucket holds {0} but no ledger: its entries were deleted")]
    LedgerGone(String),
    /// The store cannot hold a ledger.
    #[error("the store cannot hold a ledger: {0}")]
    Unfit(StoreNonconformance),
    /// The store never gave a clear answer to a commit.
    #[error("the store did not confirm whether entry {sequence} was written: {source}")]
    Unclear {
        /// The entry.
        sequence: u64,
        /// The newest answer.
        source: CreateError,
    },
    /// Signatures are believed here, and there is no key to give one.
    #[error("the ledger is read-only here: there is no key to sign entries with")]
    ReadOnly,
    /// No randomness for a new lake id.
    #[error("the operating system provided no randomness: {0}")]
    Randomness(String),
}

impl From<StoreNonconformance> for LogError {
    fn from(found: StoreNonconformance) -> Self {
        match found {
            StoreNonconformance::Store(error) => Self::Store(error),
            broken @ StoreNonconformance::Broken { .. } => Self::Unfit(broken),
        }
    }
}

impl LogError {
    /// Why an entry of ours has no bytes.
    fn unwritten(path: String, source: EntryError) -> Self {
        match source {
            EntryError::Note(source @ NoteError::TooLong(_)) => Self::TooLong { path, source },
            source => Self::Entry { path, source },
        }
    }

    /// Whether something is not signed by any of the keys that count.
    const fn is_unsigned(&self) -> bool {
        use NoteError::Unsigned;
        matches!(
            self,
            Self::Entry {
                source: EntryError::Note(Unsigned(_)),
                ..
            } | Self::Cache {
                source: CacheError::Note(Unsigned(_)),
                ..
            }
        )
    }

    /// Whether this speaks against the integrity of the ledger, rather than of a store in trouble.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Entry { .. }
            | Self::OtherKey { .. }
            | Self::Violation { .. }
            | Self::Cache { .. }
            | Self::CacheDisagrees { .. }
            | Self::Foreign(_)
            | Self::Missing(_)
            | Self::LedgerGone(_) => true,
            Self::Store(error) => error.is_integrity(),
            Self::Unclear {
                source: CreateError::Store(error),
                ..
            } => error.is_integrity(),
            Self::TooLong { .. }
            | Self::Unfit(_)
            | Self::Unclear { .. }
            | Self::ReadOnly
            | Self::Randomness(_) => false,
        }
    }
}

/// The ledger of one bucket.
#[derive(Debug, Clone)]
pub struct Log {
    bucket: Bucket,
    key: Option<Arc<SigningKey>>,
    root: Trust,
    patience: Patience,
}

impl Log {
    /// A ledger that is written with `key`, or unsigned without one. Its genesis must be signed
    /// by the same key; later entries by keys that the ledger itself names.
    pub fn new(bucket: Bucket, key: Option<Arc<SigningKey>>) -> Self {
        let root = key.as_ref().map_or(Trust::Unsigned, |key| {
            Trust::Keys(vec![key.verifier().clone()])
        });
        Self {
            bucket,
            key,
            root,
            patience: Patience::default(),
        }
    }

    /// A ledger that is only read, and believed where `root` signed its genesis.
    pub fn read_only(bucket: Bucket, root: Trust) -> Self {
        Self {
            bucket,
            key: None,
            root,
            patience: Patience::default(),
        }
    }

    /// The same, with another patience for unclear answers.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// What an entry or a cache is signed with; nothing in an unsigned ledger.
    ///
    /// # Errors
    /// [`LogError::ReadOnly`], so that nothing unsigned ever gets into a ledger that is signed.
    pub(crate) fn signer(&self) -> Result<Option<&SigningKey>, LogError> {
        match (&self.key, &self.root) {
            (None, Trust::Keys(_)) => Err(LogError::ReadOnly),
            (key, _) => Ok(key.as_deref()),
        }
    }

    /// The current state, or `None` where there is no ledger yet.
    ///
    /// # Errors
    /// A store in trouble, or anything that is not exactly as a ledger must be.
    pub async fn load(&self) -> Result<Option<State>, LogError> {
        match self.load_as_given().await {
            Err(error) if error.is_unsigned() => Err(self.other_key().await?.unwrap_or(error)),
            loaded => loaded,
        }
    }

    async fn load_as_given(&self) -> Result<Option<State>, LogError> {
        let (mut state, known) = self.newest_cache().await?;
        self.follow(&mut state, known, drop).await?;
        if state.is_none()
            && let Some(orphan) = self.orphaned_file().await?
        {
            // Where there is an entry 0, the listing of entries lags.
            match self.follow(&mut state, Some(0), drop).await {
                Ok(()) => {}
                Err(LogError::Missing(_)) => return Err(LogError::LedgerGone(orphan)),
                Err(error) => return Err(error),
            }
        }
        Ok(state)
    }

    /// The state folded from the entries alone, whatever caches say. Of copies only the names count: the
    /// entry of that number was there.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn fold(&self) -> Result<Option<State>, LogError> {
        let mut state = None;
        let known =
            [LedgerProjection::STATE, LedgerProjection::INDEX].map(|kind| self.newest(kind));
        let known = futures::future::try_join_all(known).await?;
        let known = known.into_iter().max().flatten();
        self.follow(&mut state, known, drop).await?;
        Ok(state)
    }

    /// Whether a file is live by the newest entries. What was live in an older state and is not any more was
    /// decided to go meanwhile, and may be absent.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn is_live_now(&self, path: &str) -> Result<bool, LogError> {
        let state = self.load().await?;
        let path = FilePath::from(path);
        Ok(state.is_some_and(|state| state.live_files().any(|live| live.file.path == path)))
    }

    /// Makes sure that an entry exists on which something stands that was made after it.
    ///
    /// # Errors
    /// [`LogError::Missing`], or a store in trouble.
    pub(crate) async fn expect(&self, sequence: u64) -> Result<(), LogError> {
        let found = self.bucket.expect_present(&entry_name(sequence)).await;
        found.map_err(|error| missing(sequence, error))
    }

    /// Folds every entry after the state's head into it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn catch_up(&self, state: &mut Option<State>) -> Result<(), LogError> {
        self.follow(state, None, drop).await
    }

    /// The same, handing out each entry, up to one that is known to exist, whatever the listing shows. Nobody
    /// else keeps entries: a ledger is far larger than its state.
    async fn follow(
        &self,
        state: &mut Option<State>,
        known: Option<u64>,
        mut seen: impl FnMut(Entry),
    ) -> Result<(), LogError> {
        let sequences = self.sequences_after(state.as_ref(), known).await?;
        let mut files = futures::stream::iter(sequences)
            .map(|sequence| async move {
                let bytes = self.entry(sequence).await?;
                Ok::<_, LogError>((sequence, bytes))
            })
            .buffered(FETCHES);
        while let Some((sequence, bytes)) = files.try_next().await? {
            seen(self.fold_one(state, sequence, &bytes)?);
        }
        Ok(())
    }

    fn fold_one(
        &self,
        state: &mut Option<State>,
        sequence: u64,
        bytes: &[u8],
    ) -> Result<Entry, LogError> {
        let path = entry_name(sequence);
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

    /// The sequences after the head of `state`, up to the last one that is listed or known to exist. The
    /// listing says how far the ledger goes and nothing else: each sequence below is asked for by name, so
    /// one that a listing leaves out is found, and one that was deleted is missed.
    async fn sequences_after(
        &self,
        state: Option<&State>,
        known: Option<u64>,
    ) -> Result<Range<u64>, LogError> {
        // An offset is exclusive. Starting before the head makes the listing prove that the entry
        // of the head is still there.
        let head = state.map(|state| state.head.sequence);
        let after = head.and_then(|head| head.checked_sub(1)).map(entry_name);
        let mut listing = self.bucket.list(ENTRY_FOLDER, after.as_deref());
        let (mut first, mut last) = (None, None);
        while let Some(listed) = listing.try_next().await? {
            let sequence =
                entry_sequence(&listed.name).map_err(|_| LogError::Foreign(listed.name))?;
            first = first.or(Some(sequence));
            last = last.max(Some(sequence));
        }
        if let Some(head) = head
            && first != Some(head)
        {
            self.expect(head).await?;
        }
        let end = last.max(known).map_or(0, |last| last.saturating_add(1));
        Ok(head.map_or(0, |head| head + 1)..end)
    }

    async fn get(&self, name: &str) -> Result<Bytes, StoreError> {
        self.bucket.read(name, MAX_BYTES).await
    }

    /// The file of an entry that must exist.
    async fn entry(&self, sequence: u64) -> Result<Bytes, LogError> {
        let name = entry_name(sequence);
        let read = self.bucket.read_present(&name, MAX_BYTES).await;
        read.map_err(|error| missing(sequence, error))
    }

    /// The state of the newest cache, checked against the entry at which it stands, and the sequence of
    /// that entry: it exists also where the cache itself cannot be used.
    async fn newest_cache(&self) -> Result<(Option<State>, Option<u64>), LogError> {
        for _ in 0..TIDIED_MEANWHILE {
            let Some(newest) = self.newest(LedgerProjection::STATE).await? else {
                return Ok((None, None));
            };
            match self.cache_at(newest).await {
                // Another run has written newer ones, and tidied up.
                Err(LogError::Store(StoreError::NotFound { .. })) => {}
                read => return Ok((read?, Some(newest))),
            }
        }
        // The entries tell the same.
        Ok((None, None))
    }

    async fn cache_at(&self, newest: u64) -> Result<Option<State>, LogError> {
        let path = LedgerProjection::STATE.name(newest);
        let bytes = match self.get(&path).await {
            Ok(bytes) => bytes,
            // Nothing against the ledger, and the entries tell the same, only slower.
            Err(StoreError::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let decoded = cache::decode(&bytes, &self.root);
        drop(bytes);
        let state = match decoded {
            Ok(state) => state,
            Err(error) if error.is_harmless() => return Ok(None),
            Err(source) => return Err(LogError::Cache { path, source }),
        };
        let disagrees = |what| LogError::CacheDisagrees {
            path: path.clone(),
            what,
        };
        if state.head.sequence != newest {
            return Err(disagrees(
                "its sequence number differs from the one in its name",
            ));
        }
        if (state.trust() == Trust::Unsigned) != (self.root == Trust::Unsigned) {
            return Err(disagrees("one is signed, the other is not"));
        }
        let head = self.entry(newest).await?;
        if Digest::of(&head) != state.head.sha256 {
            return Err(disagrees("the entry at its head has a different digest"));
        }
        Ok(Some(state))
    }

    /// Writes the state cache of `state` and deletes caches that are older than the newest few.
    /// Both are for speed only, so a refusal is returned as information, never as a failure.
    pub async fn save_cache(&self, state: &State) -> Result<(), CacheNotSaved> {
        let signer = self
            .signer()
            .map_err(|error| CacheNotSaved::because(&error))?;
        let bytes = cache::encode(state, signer).map_err(|error| CacheNotSaved::because(&error))?;
        let sequence = state.head.sequence;
        self.save(LedgerProjection::STATE, sequence, bytes.into())
            .await
    }

    /// A data file, where there is one: without a ledger it means that somebody took the ledger away, and
    /// a new genesis would hide that.
    async fn orphaned_file(&self) -> Result<Option<String>, LogError> {
        for folder in Table::ALL.map(Table::folder) {
            let mut listing = self.bucket.list(folder, None);
            if let Some(listed) = listing.try_next().await? {
                return Ok(Some(listed.name));
            }
        }
        Ok(None)
    }
}

/// What a failure to read an entry that must exist means.
fn missing(sequence: u64, error: StoreError) -> LogError {
    match error {
        StoreError::Missing { .. } => LogError::Missing(sequence),
        error => LogError::Store(error),
    }
}

/// Whether caches are to be written in the middle of a run.
pub(crate) fn is_cache_due(state: &State) -> bool {
    state.head.sequence.is_multiple_of(CACHE_EVERY)
}

/// Why a state cache or a copy of the id index could not be saved or tidied: information, since entries
/// and files tell the same.
#[derive(Debug, thiserror::Error)]
#[error("a cache was not saved or cleaned up, so the next run will read more: {0}")]
pub struct CacheNotSaved(String);

impl CacheNotSaved {
    pub(crate) fn because(error: &dyn std::error::Error) -> Self {
        Self(error.to_string())
    }
}
