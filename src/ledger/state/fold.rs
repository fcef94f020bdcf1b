//! What an entry makes of the state before it.

use super::{
    Batch, FeedState, Head, HoldState, LastRun, LiveFile, RetentionState, SourceState, State,
    WarehouseState,
};
use crate::clock::LedgerTime;
use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Body, Done, DoneOutcome, Entry, Genesis, Ingest, Receipt, Span};
use crate::ledger::invariants::{self, Violation};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

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
        let head = Head {
            sequence: 0,
            sha256: file_sha256,
            written_at: entry.written_at,
        };
        let clock = LedgerTime::begin(entry.written_at, entry.stated_witnesses());
        let sources = sources.iter();
        Ok(Self {
            keys: keys.clone(),
            sources: sources
                .map(|id| (id.clone(), SourceState::default()))
                .collect(),
            ..Self::bare(lake_id.clone(), head, clock)
        })
    }

    /// The state of a lake in which nothing is known but its head.
    pub(super) fn bare(lake_id: String, head: Head, clock: LedgerTime) -> Self {
        Self {
            lake_id,
            keys: Vec::new(),
            head,
            clock,
            sources: BTreeMap::new(),
            files: BTreeMap::new(),
            batches: Vec::new(),
            warehouses: BTreeMap::new(),
            rebuilds: BTreeMap::new(),
            holds: BTreeMap::new(),
            sweeps: BTreeMap::new(),
            remaps: BTreeMap::new(),
            swept: BTreeSet::new(),
            retention: RetentionState::default(),
        }
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
            Body::Remap(remap) => self.apply_remap(entry, remap),
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
            Body::Remap(remap) => invariants::remap_fits(self, entry, remap),
            Body::Clock(confirmation) => invariants::clock_fits(confirmation),
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
        for check in &receipt.origins {
            let feed = self.feed_mut(&check.source, &check.tenant);
            feed.origin.get_or_insert_default().note(check);
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

    /// What is done is open no longer, whatever its kind: the compiler asks for each.
    fn apply_done(&mut self, sequence: u64, done: &Done) {
        match &done.outcome {
            DoneOutcome::Retained(retained) => {
                self.apply_retained(sequence, done.decision, retained);
            }
            DoneOutcome::Swept { .. } => {
                self.sweeps.remove(&done.decision);
            }
            DoneOutcome::Void => {
                self.rebuilds.remove(&done.decision);
            }
            DoneOutcome::Rebuilt { .. } => self.apply_rebuilt(done.decision),
            DoneOutcome::Remapped(remapped) => self.apply_remapped(done.decision, remapped),
        }
    }

    fn apply_rebuilt(&mut self, decision: u64) {
        let Some(rebuild) = self.rebuilds.remove(&decision) else {
            return;
        };
        let loaded = self.entries_on(rebuild.table, &rebuild.dates, decision);
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

    /// The entries before a sequence that have rows of a table on some dates, in order, and none on others: what
    /// counts as loaded once these dates were replaced.
    pub(super) fn entries_on(&self, table: Table, dates: &[NaiveDate], before: u64) -> Vec<Span> {
        let mut on_dates: BTreeMap<u64, bool> = BTreeMap::new();
        for (date, files) in &self.files {
            let replaced = dates.binary_search(date).is_ok();
            for live in files {
                if live.sequence < before && live.file.table == table {
                    *on_dates.entry(live.sequence).or_insert(true) &= replaced;
                }
            }
        }
        let span = |sequence| Span {
            from: sequence,
            to: sequence,
        };
        let all = on_dates.into_iter().filter(|(_, all)| *all);
        all.map(|(sequence, _)| span(sequence)).collect()
    }

    fn feed_mut(&mut self, source: &str, tenant: &str) -> &mut FeedState {
        self.sources
            .entry(source.to_owned())
            .or_default()
            .feeds
            .entry(tenant.to_owned())
            .or_default()
    }
}
