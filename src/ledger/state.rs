//! The state of a lake: a fold over the entries of its ledger, and nothing else.

mod fold;

mod feed;
mod hold;
mod horizon;
mod redaction;
mod remap;
mod removal;
mod retention;
mod size;
mod warehouse;

pub use feed::{DayState, FeedState, HoleState, IdMatch, RecountState};
pub(crate) use feed::{RECOUNTED, SETTLING, is_recounted_in_each_run};
pub use hold::{HoldState, Released};
pub use horizon::FallingOff;
pub use redaction::{RedactionEra, RedactionHistory, mark_of};
pub use remap::OpenRemap;
pub use removal::FilesGoing;
pub use retention::{ClosedRetention, Cut, Gone, GoneSpan, OpenRetention, RetentionState, Wholes};
pub use size::StateSize;
pub use warehouse::{LoadFailure, TableState, WarehouseState};

use super::digest::Digest;
use super::entry::{
    CoverageAxis, Covered, Entry, FileEntry, KeyGrant, RebuildBody, SweepBody, Trust,
};
use crate::clock::LedgerTime;
use crate::lake::layout::Table;
use crate::window::{Window, instant};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The place of the newest entry that was folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its sequence.
    pub sequence: u64,
    /// Digest of its file.
    pub sha256: Digest,
    /// When it was written.
    #[serde(with = "instant")]
    pub written_at: DateTime<Utc>,
}

/// A file that is part of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveFile {
    /// The entry that added it.
    pub sequence: u64,
    /// What that entry said of it.
    pub file: FileEntry,
}

/// One `ingest` entry in brief: the rows of `audit_batches` and `audit_coverage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Sequence of the entry.
    pub sequence: u64,
    /// Id that its rows carry.
    pub batch_id: String,
    /// Run that wrote it.
    pub run_id: String,
    /// Source.
    pub source: String,
    /// When it was written.
    #[serde(with = "instant")]
    pub written_at: DateTime<Utc>,
    /// What became of its records.
    pub counts: super::entry::Counts,
    /// Windows that it covered first.
    pub covered: Vec<Covered>,
    /// Files that it added.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Decisions that have taken files of it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
}

/// A source as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceState {
    /// What its coverage is made of; absent where it is the time of the acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<CoverageAxis>,
    /// Its feeds by tenant; `*` for a source read across tenants.
    pub feeds: BTreeMap<String, FeedState>,
    /// How it fared in the newest run that had it.
    pub last_run: Option<LastRun>,
    /// What was redacted of its records.
    #[serde(default, skip_serializing_if = "RedactionHistory::is_empty")]
    pub redacted: RedactionHistory,
}

/// How the newest run that read a source ended for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastRun {
    /// Id of the run.
    pub run_id: String,
    /// When the run wrote its receipt.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// Stable code of the failure; absent if the source did not fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether everything that was planned for the source was read.
    pub complete: bool,
}

/// Everything that the entries say together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Id of the lake.
    pub lake_id: String,
    /// Keys in force.
    pub keys: Vec<KeyGrant>,
    /// The newest entry.
    pub head: Head,
    /// What the entries show about time.
    pub clock: LedgerTime,
    /// Sources by id.
    pub sources: BTreeMap<String, SourceState>,
    /// Files of the lake by date. A state cache has them in a table of its own, and had them here in
    /// version 2.
    #[serde(default, skip_serializing, deserialize_with = "files_without_slack")]
    pub files: BTreeMap<NaiveDate, Vec<LiveFile>>,
    /// Ingest entries in order.
    pub batches: Vec<Batch>,
    /// Warehouses by configured name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub warehouses: BTreeMap<String, WarehouseState>,
    /// Decisions that are not done, by sequence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rebuilds: BTreeMap<u64, RebuildBody>,
    /// Holds, in force and released, by the sequence that placed them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub holds: BTreeMap<u64, HoldState>,
    /// Sweeps that are not done, by sequence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sweeps: BTreeMap<u64, SweepBody>,
    /// Names of all objects that were ever swept: no entry may name them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub swept: BTreeSet<String>,
    /// Replacements of files that are not done, by sequence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remaps: BTreeMap<u64, OpenRemap>,
    /// What was decided to go by rule.
    #[serde(default, skip_serializing_if = "RetentionState::is_empty")]
    pub retention: RetentionState,
}

/// Lists that grew while they were read have room for twice as much.
fn files_without_slack<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<NaiveDate, Vec<LiveFile>>, D::Error> {
    let mut files = BTreeMap::<NaiveDate, Vec<LiveFile>>::deserialize(from)?;
    files.values_mut().for_each(Vec::shrink_to_fit);
    Ok(files)
}

#[cfg(test)]
impl State {
    /// A lake with nothing in it, for tests to put in what they need.
    pub(crate) fn empty() -> Self {
        let head = Head {
            sequence: 0,
            sha256: Digest::of(b"head"),
            written_at: DateTime::UNIX_EPOCH,
        };
        let clock = LedgerTime::begin(DateTime::UNIX_EPOCH, &[]);
        Self::bare("lake-0".to_owned(), head, clock)
    }
}

impl State {
    /// The newest instant that has certainly come when an entry is written on top of this state. An entry
    /// of format version 1 does not say what bore its time out, and is taken at its word.
    pub(super) fn shown_by(&self, entry: &Entry) -> DateTime<Utc> {
        match &entry.witnesses {
            None => entry.written_at,
            Some(witnesses) => self.clock.proven(entry.written_at, witnesses),
        }
    }

    /// The feed of a source and tenant, if any entry has named it.
    pub fn feed(&self, source: &str, tenant: &str) -> Option<&FeedState> {
        self.sources.get(source)?.feeds.get(tenant)
    }

    /// Whose signatures count for the entries to come.
    pub fn trust(&self) -> Trust {
        if self.keys.is_empty() {
            Trust::Unsigned
        } else {
            Trust::Keys(self.keys.iter().map(|grant| grant.key.clone()).collect())
        }
    }

    /// The files of one table, source and span of dates whose rows may lie in `window`, in the
    /// order in which they were added.
    pub fn files_in<'a>(
        &'a self,
        table: Table,
        source: &'a str,
        window: &'a Window,
    ) -> impl Iterator<Item = &'a LiveFile> {
        let dates = window.from.date_naive()..=window.to.date_naive();
        self.files
            .range(dates)
            .flat_map(|(_, files)| files)
            .filter(move |live| live.file.table == table && live.file.source == source)
            .filter(move |live| {
                // A row of quarantine may have no time, whatever the times of its neighbours.
                if table == Table::Quarantine {
                    return true;
                }
                live.file.times.is_none_or(|times| {
                    // Stored times are cut to microseconds, so the window's start must be too.
                    times.last >= cut_to_micros(window.from) && times.first < window.to
                })
            })
    }

    /// Whether an object was ever decided to be removed as an orphan.
    pub fn is_swept(&self, path: &str) -> bool {
        self.swept.contains(path)
    }

    /// Every file of the lake.
    pub fn live_files(&self) -> impl Iterator<Item = &LiveFile> {
        self.files.values().flatten()
    }

    /// The same, and those that were decided to go and may still be there.
    pub(crate) fn files_there(&self) -> impl Iterator<Item = &LiveFile> {
        self.live_files()
            .chain(self.going().flat_map(|going| going.files))
    }

    /// What is to be removed by decisions that are not done.
    pub(crate) fn going(&self) -> impl Iterator<Item = FilesGoing<'_>> {
        let expired = self.retention.open.values().map(OpenRetention::going);
        expired.chain(self.remaps.values().map(OpenRemap::going))
    }

    /// The files that decisions have taken whose rows a warehouse is not known to be rid of, each with its decision.
    pub(crate) fn taken_at<'s>(
        &'s self,
        warehouse: &'s str,
    ) -> impl Iterator<Item = (u64, FilesGoing<'s>)> {
        let expired = self.retention.open_at(warehouse);
        let expired = expired.map(|(decision, open)| (decision, open.going()));
        let remapped = self.remaps.iter();
        let remapped = remapped.filter(move |(_, open)| open.warehouses.contains(warehouse));
        expired.chain(remapped.map(|(decision, open)| (*decision, open.going())))
    }

    /// The files that decisions from a sequence on have taken and that may still be there.
    pub(crate) fn taken_since(&self, decision: u64) -> impl Iterator<Item = &LiveFile> {
        let expired = self.retention.open.range(decision..);
        let remapped = self.remaps.range(decision..);
        let expired = expired.flat_map(|(_, open)| open.going().files);
        expired.chain(remapped.flat_map(|(_, open)| open.going().files))
    }
}

/// The instant as a row stores it: cut, not rounded, to microseconds.
pub fn cut_to_micros(instant: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(instant.timestamp_micros()).unwrap_or(instant)
}
