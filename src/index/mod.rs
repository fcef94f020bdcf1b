//! The id index: under which dates the lake holds a record's id, whatever time the record has now.
//!
//! A record is looked up where its time says. One that came back under another time is not there, and
//! nothing but its id says that the lake has it. Reading the lake for that would cost as much as all
//! of it, so its ids are kept apart, as fingerprints.
//!
//! The index is a projection of the files of the lake. A signed copy of it is written at the end of a
//! run (`ledger/index`); a run that meets an id which is new where its time says loads the newest copy,
//! and reads the ids of files that entries have added since. Without any copy it is made from the files,
//! newest dates first, as far as there is room.

mod file;
mod ids;

pub use file::IndexError;
pub(crate) use ids::Fingerprint;

use crate::lake::layout::{LayoutError, Table};
use crate::lake::{FileReader, ReadError};
use crate::ledger::log::{CacheNotSaved, LedgerProjection, Log, LogError};
use crate::ledger::state::{LiveFile, State};
use crate::store::{Bucket, StoreError};
use arrow::array::{Array as _, AsArray as _};
use chrono::NaiveDate;
use file::{Stand, decode, encode, most_bytes};
use futures::{StreamExt as _, TryStreamExt as _};
use ids::IdIndex;
use std::collections::{BTreeMap, BTreeSet};

/// Files whose ids are read at the same time.
const FETCHES: usize = 8;

/// Why the id index cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadIndexError {
    /// The store or the ledger.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file of the lake could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An entry names a file that has no name of ours.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The newest copy is damaged, foreign or forged.
    #[error("{path}: {source}")]
    Copy {
        /// The object.
        path: String,
        /// What is wrong with it.
        source: IndexError,
    },
}

/// The id index of a lake, as one run works with it.
#[derive(Debug)]
pub(crate) struct LakeIds {
    ids: IdIndex,
    /// The files of all entries up to this one are in it; `None` until it was loaded.
    stands_at: Option<u64>,
    /// Whether the newest copy lacks something.
    changed: bool,
}

impl LakeIds {
    /// An index that was not loaded yet and may take so many bytes of memory.
    pub(crate) fn within(bytes: u64) -> Self {
        Self {
            ids: IdIndex::within(bytes),
            stands_at: None,
            changed: false,
        }
    }

    /// The dates under which the lake may hold an id. Asks nobody: [`Self::catch_up`] comes first.
    pub(crate) fn dates(&self, id: Fingerprint) -> BTreeSet<NaiveDate> {
        self.ids.dates(id)
    }

    /// The first date of which all ids are here, where there was no room for all of them.
    pub(crate) fn complete_from(&self) -> Option<NaiveDate> {
        self.ids.complete_from()
    }

    /// Brings the index to the head of a state.
    ///
    /// # Errors
    /// A store in trouble, or a copy that somebody else wrote.
    pub(crate) async fn catch_up(
        &mut self,
        bucket: &Bucket,
        log: &Log,
        state: &State,
    ) -> Result<(), LoadIndexError> {
        if self.stands_at.is_none()
            && let Some((sequence, ids)) = self.newest_copy(bucket, log, state).await?
        {
            self.ids = ids;
            self.stands_at = Some(sequence);
        }
        let head = state.head.sequence;
        if self.stands_at.is_some_and(|stands_at| stands_at >= head) {
            return Ok(());
        }
        let after = self.stands_at;
        let is_new = |live: &&LiveFile| after.is_none_or(|after| live.sequence > after);
        let files: Vec<&LiveFile> = state.live_files().filter(is_new).collect();
        self.leave_room_for(&files);
        let complete_from = self.ids.complete_from();
        let has_room = |live: &&LiveFile| complete_from.is_none_or(|from| live.file.date >= from);
        let files = files.into_iter().filter(has_room);
        let reads: Vec<_> = files
            .map(|live| read_ids(bucket.clone(), live.clone()))
            .collect();
        let mut read = futures::stream::iter(reads).buffer_unordered(FETCHES);
        while let Some((date, found)) = read.try_next().await? {
            for id in found {
                self.ids.insert(id, date);
            }
            self.changed = true;
        }
        self.stands_at = Some(head);
        Ok(())
    }

    /// Notes the ids that an entry of ours has added, without reading its files again.
    pub(crate) fn note(&mut self, sequence: u64, added: &[(Fingerprint, NaiveDate)]) {
        // Where others were in between, their files are read when it matters, and ours with them.
        if self
            .stands_at
            .is_some_and(|stands_at| stands_at + 1 == sequence)
        {
            for (id, date) in added {
                self.ids.insert(*id, *date);
            }
            self.changed |= !added.is_empty();
            self.stands_at = Some(sequence);
        }
    }

    /// Writes a copy, where the newest one lacks something.
    ///
    /// # Errors
    /// A refusal, which is information: the next run reads more files instead.
    pub(crate) async fn save(&mut self, log: &Log, state: &State) -> Result<(), CacheNotSaved> {
        let Some(sequence) = self.stands_at.filter(|_| self.changed) else {
            return Ok(());
        };
        let stand = Stand {
            lake_id: &state.lake_id,
            sequence,
        };
        let signer = log
            .signer()
            .map_err(|error| CacheNotSaved::because(&error))?;
        let copy =
            encode(&self.ids, stand, signer).map_err(|error| CacheNotSaved::because(&error))?;
        if copy.len() as u64 > most_bytes(self.ids.most()) {
            // What reads it asks the same.
            let error = IndexError::Unusable("it is larger than the limit for reading one");
            return Err(CacheNotSaved::because(&error));
        }
        log.save(LedgerProjection::INDEX, sequence, copy.into())
            .await?;
        self.changed = false;
        Ok(())
    }

    async fn newest_copy(
        &self,
        bucket: &Bucket,
        log: &Log,
        state: &State,
    ) -> Result<Option<(u64, IdIndex)>, LoadIndexError> {
        let Some(sequence) = log.newest(LedgerProjection::INDEX).await? else {
            return Ok(None);
        };
        if sequence > state.head.sequence {
            // Written by others meanwhile, on an entry that must be there.
            log.expect(sequence).await?;
        }
        let path = LedgerProjection::INDEX.name(sequence);
        let most = self.ids.most();
        let bytes = match bucket.read(&path, most_bytes(most)).await {
            Ok(bytes) => bytes,
            // Another run may tidy up meanwhile, and another configuration may have had more memory.
            Err(StoreError::NotFound { .. } | StoreError::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(LogError::Store(error).into()),
        };
        let stand = Stand {
            lake_id: &state.lake_id,
            sequence,
        };
        match decode(&bytes, stand, &state.trust(), most) {
            Ok(ids) => Ok(Some((sequence, ids))),
            Err(IndexError::Unusable(_)) => Ok(None),
            Err(source) => Err(LoadIndexError::Copy { path, source }),
        }
    }

    /// Leaves out the oldest dates, where files have more ids than there is room for: what has no room
    /// need not be read.
    fn leave_room_for(&mut self, files: &[&LiveFile]) {
        let mut rows: BTreeMap<NaiveDate, u64> = BTreeMap::new();
        for live in files {
            *rows.entry(live.file.date).or_default() += live.file.rows;
        }
        let mut left = (self.ids.most() - self.ids.len().min(self.ids.most())) as u64;
        for (date, rows) in rows.into_iter().rev() {
            match left.checked_sub(rows) {
                Some(rest) => left = rest,
                None => {
                    // This date may still find room, where newer ones hold fewer ids than rows.
                    self.ids.leave_out_before(date);
                    break;
                }
            }
        }
    }
}

/// The ids of the records of a file, and its date. Evidence of changes is no record of its own.
async fn read_ids(
    bucket: Bucket,
    live: LiveFile,
) -> Result<(NaiveDate, Vec<Fingerprint>), LoadIndexError> {
    let reader = FileReader::new(&bucket, live.file.signed())?;
    let columns: &[&str] = match live.file.table {
        Table::Events => &["native_id"],
        Table::Quarantine => &["native_id", "reason"],
        // They hold no ids of records.
        Table::Objects => return Ok((live.file.date, Vec::new())),
    };
    let mut batches = reader.columns(columns, None).await?;
    let mut found = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        let ids = batch.column(0).as_string::<i32>();
        let reasons = batch
            .column_by_name("reason")
            .map(|it| it.as_string::<i32>());
        for row in 0..batch.num_rows() {
            let is_evidence = reasons.is_some_and(|it| it.value(row) == CHANGED);
            if ids.is_valid(row) && !is_evidence {
                found.push(Fingerprint::of(&live.file.source, ids.value(row)));
            }
        }
    }
    Ok((live.file.date, found))
}

/// The reason under which other readings of known records stand in quarantine.
const CHANGED: &str = crate::event::unfit::Reason::Changed.code();
