//! The state of a lake: a fold over the entries of its ledger, and nothing else.

mod feed;
mod hold;
mod redaction;
mod retention;
mod size;
mod warehouse;

pub use feed::{DayState, FeedState, HoleState, IdMatch, RecountState};
pub(crate) use feed::{RECOUNTED, SETTLING, is_recounted_in_each_run};
pub use hold::{HoldState, Released};
pub use redaction::{RedactionEra, RedactionHistory, mark_of};
pub use retention::{ClosedRetention, Cut, Gone, GoneSpan, OpenRetention, RetentionState, Wholes};
pub use size::StateSize;
pub use warehouse::{LoadFailure, TableState, WarehouseState};

use super::digest::Digest;
use super::entry::{
    Body, CoverageAxis, Covered, Done, DoneOutcome, Entry, FileEntry, Genesis, Ingest, KeyGrant,
    RebuildBody, Receipt, Span, SweepBody, Trust,
};
use super::invariants::{self, Violation};
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
    /// Decisions of retention that have taken files of it, in order.
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
        Self {
            lake_id: "lake-0".to_owned(),
            keys: Vec::new(),
            head: Head {
                sequence: 0,
                sha256: Digest::of(b"head"),
                written_at: DateTime::UNIX_EPOCH,
            },
            clock: LedgerTime::begin(DateTime::UNIX_EPOCH, &[]),
            sources: BTreeMap::new(),
            files: BTreeMap::new(),
            batches: Vec::new(),
            warehouses: BTreeMap::new(),
            rebuilds: BTreeMap::new(),
            holds: BTreeMap::new(),
            sweeps: BTreeMap::new(),
            swept: BTreeSet::new(),
            retention: RetentionState::default(),
        }
    }
}

impl State {
    /// The state after genesis.
    ///
    /// # Errors
    /// An entry that cannot be the first one.
    pub fn begin(entry: &Entry, file_sha256: Digest) -> Result<Self, Violation> {
        invariants::begins(entry)?;
        let Body::Genesis(Genesis {
            lake_id,
            keys,
            sources,
            ..
        }) = &entry.body
        else {
            return Err(Violation::NotGenesis);
        };
        Ok(Self {
            lake_id: lake_id.clone(),
            keys: keys.clone(),
            head: Head {
                sequence: 0,
                sha256: file_sha256,
                written_at: entry.written_at,
            },
            clock: LedgerTime::begin(entry.written_at, entry.stated_witnesses()),
            sources: sources
                .iter()
                .map(|id| (id.clone(), SourceState::default()))
                .collect(),
            files: BTreeMap::new(),
            batches: Vec::new(),
            warehouses: BTreeMap::new(),
            rebuilds: BTreeMap::new(),
            holds: BTreeMap::new(),
            sweeps: BTreeMap::new(),
            swept: BTreeSet::new(),
            retention: RetentionState::default(),
        })
    }

    /// The state after one more entry, whose signature the caller has checked.
    ///
    /// # Errors
    /// An entry that does not follow, or that breaks an invariant; the state is then unchanged.
    pub fn apply(&mut self, entry: &Entry, file_sha256: Digest) -> Result<(), Violation> {
        self.accepts(entry)?;
        match &entry.body {
            // Refused above.
            Body::Genesis(_) => {}
            Body::Clock(_) => {
                let sources = self.sources.values_mut();
                let feeds = sources.flat_map(|source| source.feeds.values_mut());
                feeds.for_each(|feed| feed.correct_time(entry.written_at));
            }
            Body::Ingest(ingest) => self.apply_ingest(entry, ingest),
            Body::Receipt(receipt) => self.apply_receipt(entry, receipt),
            Body::Rebuild(rebuild) => {
                self.rebuilds.insert(entry.sequence, (**rebuild).clone());
            }
            Body::Done(done) => self.apply_done(entry.sequence, done),
            Body::Retention(decision) => self.apply_retention(entry.sequence, decision),
            Body::Sweep(sweep) => {
                let names = sweep.objects.iter().map(|object| object.path.clone());
                self.swept.extend(names);
                self.sweeps.insert(entry.sequence, (**sweep).clone());
            }
            Body::Hold(hold) => {
                let held = HoldState::placed(hold, entry.written_at);
                self.holds.insert(entry.sequence, held);
            }
            Body::Release(release) => {
                for held in self.holds.values_mut() {
                    held.release(release, entry.sequence, entry.written_at);
                }
            }
        }
        match &entry.body {
            Body::Clock(_) => self.clock.confirm(entry.written_at),
            _ => self.clock.note(entry.written_at, entry.stated_witnesses()),
        }
        self.head = Head {
            sequence: entry.sequence,
            sha256: file_sha256,
            written_at: entry.written_at,
        };
        Ok(())
    }

    /// Whether [`Self::apply`] would take the entry. A writer asks before it sends anything.
    ///
    /// # Errors
    /// The invariant that the entry breaks.
    pub fn accepts(&self, entry: &Entry) -> Result<(), Violation> {
        invariants::follows(self, entry)?;
        match &entry.body {
            Body::Genesis(_) => Err(Violation::SecondGenesis),
            Body::Ingest(ingest) => invariants::ingest_fits(self, ingest),
            Body::Receipt(receipt) => invariants::receipt_fits(entry.sequence, receipt),
            Body::Rebuild(rebuild) => invariants::rebuild_fits(rebuild),
            Body::Done(done) => invariants::done_fits(self, done),
            Body::Hold(hold) => invariants::hold_fits(hold),
            Body::Sweep(sweep) => invariants::sweep_fits(self, entry, sweep),
            Body::Retention(decision) => invariants::retention_fits(self, entry, decision),
            Body::Release(release) => invariants::release_fits(self, release),
            Body::Clock(confirmation) => invariants::clock_fits(confirmation),
        }
    }

    /// The newest instant that has certainly come when an entry is written on top of this state. An entry
    /// of format version 1 does not say what bore its time out, and is taken at its word.
    pub(super) fn shown_by(&self, entry: &Entry) -> DateTime<Utc> {
        match &entry.witnesses {
            None => entry.written_at,
            Some(witnesses) => self.clock.proven(entry.written_at, witnesses),
        }
    }

    fn apply_ingest(&mut self, entry: &Entry, ingest: &Ingest) {
        let at = self.shown_by(entry);
        let source = self.sources.entry(ingest.source.clone()).or_default();
        source.axis = ingest.axis;
        source.redacted.note(entry.sequence, &ingest.redaction);
        for reread in &ingest.reread {
            let feed = source.feeds.entry(reread.tenant.clone()).or_default();
            feed.close_holes(reread.window);
            feed.note_read_again(reread.window, at);
        }
        for covered in &ingest.covered {
            let feed = source.feeds.entry(covered.tenant.clone()).or_default();
            // Before it is covered: what is read for the first time was never expected.
            feed.close_holes(covered.window);
            feed.coverage.insert(covered.window);
            feed.note_first_read(covered.window, at);
        }
        for hole in &ingest.holes {
            let feed = source.feeds.entry(hole.tenant.clone()).or_default();
            feed.name_hole(hole, entry.written_at);
        }
        for day in &ingest.days {
            let feed = source.feeds.entry(day.tenant.clone()).or_default();
            feed.note_records(day);
        }
        for file in &ingest.files {
            self.files.entry(file.date).or_default().push(LiveFile {
                sequence: entry.sequence,
                file: file.clone(),
            });
        }
        self.batches.push(Batch {
            sequence: entry.sequence,
            batch_id: ingest.batch_id.clone(),
            run_id: entry.run_id.clone(),
            source: ingest.source.clone(),
            written_at: entry.written_at,
            counts: ingest.totals(),
            covered: ingest.covered.clone(),
            files: ingest.files.len() as u64,
            bytes: ingest.files.iter().map(|file| file.bytes).sum(),
            cuts: Vec::new(),
        });
    }

    fn apply_receipt(&mut self, entry: &Entry, receipt: &Receipt) {
        for outcome in &receipt.sources {
            let source = self.sources.entry(outcome.source.clone()).or_default();
            source.last_run = Some(LastRun {
                run_id: entry.run_id.clone(),
                at: entry.written_at,
                failure: outcome.failure.clone(),
                complete: outcome.complete,
            });
        }
        let at = self.shown_by(entry);
        for recount in &receipt.recounts {
            self.feed_mut(&recount.source, &recount.tenant)
                .note_recount(recount, at);
        }
        for future in &receipt.future {
            self.feed_mut(&future.source, &future.tenant).future = future.records;
        }
        for horizon in &receipt.horizons {
            self.feed_mut(&horizon.source, &horizon.tenant).oldest = horizon.oldest;
        }
        for outcome in &receipt.warehouses {
            let known = self.warehouses.remove(&outcome.warehouse);
            // The same name for another place: nothing that was said of the old one counts.
            let known = known.filter(|known| known.is_at(outcome));
            let mut state = known.unwrap_or_else(|| WarehouseState::new(outcome, entry.written_at));
            state.note(outcome, entry.written_at, &self.batches);
            self.warehouses.insert(outcome.warehouse.clone(), state);
        }
    }

    fn apply_done(&mut self, sequence: u64, done: &Done) {
        if let DoneOutcome::Retained(retained) = &done.outcome {
            self.apply_retained(sequence, done.decision, retained);
            return;
        }
        self.sweeps.remove(&done.decision);
        let Some(rebuild) = self.rebuilds.remove(&done.decision) else {
            return;
        };
        if !matches!(done.outcome, DoneOutcome::Rebuilt { .. }) {
            return;
        }
        // An entry counts as loaded where none of its rows lie on a date that was left out.
        let mut on_dates: BTreeMap<u64, bool> = BTreeMap::new();
        for (date, files) in &self.files {
            let rebuilt = rebuild.dates.binary_search(date).is_ok();
            for live in files {
                if live.sequence < done.decision && live.file.table == rebuild.table {
                    *on_dates.entry(live.sequence).or_insert(true) &= rebuilt;
                }
            }
        }
        let loaded: Vec<Span> = on_dates
            .into_iter()
            .filter_map(|(sequence, all)| {
                all.then_some(Span {
                    from: sequence,
                    to: sequence,
                })
            })
            .collect();
        let table = self
            .warehouses
            .get_mut(&rebuild.warehouse)
            .filter(|known| known.target == rebuild.target && known.location == rebuild.location)
            .and_then(|known| known.tables.get_mut(&rebuild.table))
            .filter(|table| table.incarnation == rebuild.incarnation);
        if let Some(table) = table {
            table.add(&loaded, &self.batches);
            // It was counted before these dates were mended; the next count says what is left.
            table.differs = None;
        }
    }

    fn feed_mut(&mut self, source: &str, tenant: &str) -> &mut FeedState {
        self.sources
            .entry(source.to_owned())
            .or_default()
            .feeds
            .entry(tenant.to_owned())
            .or_default()
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
        let open = self.retention.open.values();
        self.live_files().chain(open.flat_map(|open| &open.files))
    }
}

/// The instant as a row stores it: cut, not rounded, to microseconds.
pub fn cut_to_micros(instant: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(instant.timestamp_micros()).unwrap_or(instant)
}
