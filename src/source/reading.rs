//! What reading a window gives: slices that are whole, and holes that are named.

use super::SourceError;
use super::hole::HoleReason;
use super::objects::ReadObject;
use super::record::{Mapping, Returned, Tenant};
use crate::event::unfit::Unfit;
use crate::window::Window;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// A chunk, a response and what is read ahead are each bounded by one of so many parts of a run's
/// memory: several of them are in memory at once, the rows and files that are made of a chunk take
/// several times its bytes, and an allocator keeps about as much again.
pub(crate) const SHARES: u64 = 32;

/// How much of a window is in memory at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most requests under way at once.
    pub concurrency: usize,
    /// Most responses that are held or awaited; those that wait for an earlier one are held.
    pub held: usize,
    /// Most bytes of those that wait.
    pub ahead_bytes: u64,
    /// Most bytes of a response of several records; a larger one is asked for in smaller slices.
    pub response_bytes: u64,
    /// Most bytes of a response of a single record.
    pub record_bytes: u64,
    /// Most records of a single instant that do not fit into one response.
    pub instant_records: usize,
    /// Most bytes of those.
    pub instant_bytes: u64,
}

impl Limits {
    /// The limits of a run that may take `memory` bytes in all, of a source whose responses have at
    /// most `largest` bytes.
    pub fn within(memory: u64, largest: u64, concurrency: usize) -> Self {
        let share = memory / SHARES;
        Self {
            concurrency,
            held: 12,
            ahead_bytes: share,
            response_bytes: share.min(largest),
            record_bytes: largest,
            instant_records: 50_000,
            // It cannot be cut, and may hold a record that fills a response.
            instant_bytes: largest.max(2 * share),
        }
    }
}

impl Default for Limits {
    /// Those of 256 MiB of memory, responses of 32 MiB, and 3 requests at once.
    fn default() -> Self {
        Self::within(256 << 20, 32 << 20, 3)
    }
}

/// What tells a record from any other, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// Its id on the platform.
    pub native_id: Box<str>,
    /// The tenant that the record itself states.
    pub tenant: Option<Box<str>>,
    /// When it happened, to the nanosecond.
    pub time: DateTime<Utc>,
}

/// A record without a key: why it has none, and its id on the platform where that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    /// Why it cannot become an event.
    pub unfit: Unfit,
    /// Its id on its platform.
    pub native_id: Option<Box<str>>,
}

/// A record as returned, with what the reader learned about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The record.
    pub returned: Returned,
    /// Its key, or why it has none.
    pub key: Result<RecordKey, Nameless>,
}

/// A window of which every record was read: rows, the source's count and distinct records agreed
/// in one response, or, for a single instant, over several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Whose records.
    pub tenant: Tenant,
    /// The window. Every part of it is complete too.
    pub window: Window,
    /// The records in the order returned, duplicates included. A record without a key counts here
    /// although nothing says when it happened.
    pub records: Vec<Keyed>,
    /// Rows that the source has in the window: as many as there are records.
    pub total: u64,
    /// Rows that the source returned more than once, each time it was asked.
    pub source_duplicates: u64,
    /// The objects that they were read from; none where the feed is not read in objects.
    pub objects: Vec<ReadObject>,
    /// Requests it took, those included that found out where to cut.
    pub requests: u32,
}

/// A window that could not be read completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Whose records.
    pub tenant: Tenant,
    /// The window.
    pub window: Window,
    /// What kind of trouble.
    pub reason: HoleReason,
    /// More about it, for people.
    pub detail: String,
    /// Records of the window that were seen nevertheless; they are real, but not all.
    pub records: Vec<Keyed>,
    /// The objects of the window, read or not; none where the feed is not read in objects.
    pub objects: Vec<ReadObject>,
    /// Requests it took.
    pub requests: u32,
}

impl Hole {
    /// The hole as a piece of its window, once it is in the log. The summary names each hole that remains.
    pub(super) fn logged(self) -> SliceOutcome {
        tracing::info!(
            tenant = %self.tenant,
            window = %self.window,
            reason = %self.reason,
            detail = self.detail,
            "recorded a hole"
        );
        SliceOutcome::Hole(self)
    }
}

/// One piece of a window; pieces come in order of time and leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SliceOutcome {
    /// Read completely.
    Slice(Slice),
    /// Not read completely.
    Hole(Hole),
}

impl SliceOutcome {
    /// The window.
    pub fn window(&self) -> Window {
        match self {
            Self::Slice(slice) => slice.window,
            Self::Hole(hole) => hole.window,
        }
    }
}

impl HoleReason {
    /// The kind of trouble that a failure shows which is about records or an answer, not the source as a whole.
    pub(super) fn of(error: &SourceError) -> Option<Self> {
        match error {
            SourceError::UnreadableRecord { .. } => Some(Self::Unreadable),
            SourceError::ServerFailure { .. } => Some(Self::ServerFailure),
            SourceError::CutOff { .. } => Some(Self::CutOff),
            SourceError::TooLarge { .. } => Some(Self::TooLarge),
            SourceError::NotUnderstood { .. } => Some(Self::NotUnderstood),
            _ => None,
        }
    }
}

/// How many records a source has in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Records, repetitions included. Where `exact` is false, as far as the source says.
    pub rows: u64,
    /// Whether the number is one: the source counts truly and did not stop at its limit.
    pub exact: bool,
    /// Requests it took.
    pub requests: u32,
}

/// Bytes that are noted of a row beside the row itself, about.
pub(in crate::source) const ROW_BYTES: u64 = 256;

/// What makes two rows the same record: tenant and id, or, without an id, the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::source) enum ReturnedKey<S, B> {
    Id(Option<S>, S),
    Bytes(B),
}

impl Keyed {
    /// Its id on its platform, where that can be read.
    pub(crate) fn native_id(&self) -> Option<&str> {
        match &self.key {
            Ok(key) => Some(&key.native_id),
            Err(nameless) => nameless.native_id.as_deref(),
        }
    }

    /// The key, borrowed.
    pub(in crate::source) fn row_key(&self) -> ReturnedKey<&str, &[u8]> {
        match &self.key {
            Ok(key) => ReturnedKey::Id(key.tenant.as_deref(), &key.native_id),
            Err(_) => ReturnedKey::Bytes(&self.returned.record),
        }
    }

    /// The key, to keep.
    pub(in crate::source) fn own_row_key(&self) -> ReturnedKey<Box<str>, Bytes> {
        match &self.key {
            Ok(key) => ReturnedKey::Id(key.tenant.clone(), key.native_id.clone()),
            // A copy, since a part of the response would keep all of it.
            Err(_) => ReturnedKey::Bytes(Bytes::copy_from_slice(&self.returned.record)),
        }
    }

    /// The same, without the rest of the response it came in.
    pub(in crate::source) fn detached(mut self) -> Self {
        let returned = &mut self.returned;
        returned.record = Bytes::copy_from_slice(&returned.record);
        returned.actor = returned.actor.as_deref().map(Bytes::copy_from_slice);
        self
    }

    /// When it happened, where that could be read.
    pub(crate) fn time(&self) -> Option<DateTime<Utc>> {
        self.key.as_ref().ok().map(|key| key.time)
    }

    /// Where it lies on the axis of its feed: when it arrived, or else when it happened.
    pub(crate) fn position(&self) -> Option<DateTime<Utc>> {
        self.returned.arrived.or_else(|| self.time())
    }

    /// Bytes of record and joined user.
    pub(in crate::source) fn bytes(&self) -> u64 {
        let actor = self.returned.actor.as_ref().map_or(0, Bytes::len);
        (self.returned.record.len() + actor) as u64
    }

    /// Bytes that it takes in memory, with what is noted of it.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.bytes() + ROW_BYTES
    }
}

/// The key of a record, as its platform reads it.
pub(crate) fn key_of(mapping: &dyn Mapping, record: &[u8]) -> Result<RecordKey, Nameless> {
    match mapping.identify(record) {
        Ok(identity) => Ok(RecordKey {
            native_id: identity.native_id.into(),
            tenant: identity.tenant.map(Into::into),
            time: identity.time,
        }),
        Err(unidentified) => Err(Nameless {
            unfit: unidentified.unfit,
            native_id: unidentified.native_id.map(Into::into),
        }),
    }
}

/// How many different records there are.
pub(in crate::source) fn distinct(records: &[Keyed]) -> usize {
    records
        .iter()
        .map(Keyed::row_key)
        .collect::<HashSet<_>>()
        .len()
}
