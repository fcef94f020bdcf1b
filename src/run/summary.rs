//! What a run did: a value that is printed, or is the JSON document of `run`.

use super::committing::Settled;
use crate::clock::ClockReport;
use crate::decision::retention::RetentionSummary;
use crate::ledger::entry::{Counts, DayCount, Future, Horizon, Ingest, Recount};
use crate::ledger::state::State;
use crate::policy::Past;
use crate::source::SourceError;
use crate::source::objects::ListedSet;
use crate::warehouse::WarehouseSummary;
use crate::window::{Window, instant};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a run did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Summary {
    /// The run.
    pub run_id: String,
    /// Its now.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub now: DateTime<Utc>,
    /// How that time stands.
    pub clock: ClockReport,
    /// The lake.
    pub lake_id: String,
    /// Whether this run founded it.
    pub founded: bool,
    /// Newest entry after the run.
    pub sequence: u64,
    /// By source, in configured order.
    pub sources: Vec<SourceSummary>,
    /// By warehouse, in configured order.
    pub warehouses: Vec<WarehouseSummary>,
    /// What went by rule; none where `run` does not apply the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSummary>,
    /// Requests to the store, by the bucket's own count.
    pub store_requests: u64,
    /// Whether the run was told to stop before it was done.
    pub stopped: bool,
    /// Whether chunks of this run turned out to be committed by another writer.
    pub superseded: bool,
    /// Information that is no failure.
    pub notes: Vec<String>,
}

/// What a run did for one source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceSummary {
    /// Id.
    pub source: String,
    /// What failed, if anything did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<SourceFailure>,
    /// Whether all that was planned was read.
    pub complete: bool,
    /// Entries committed.
    pub entries: u64,
    /// Files added.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What became of all records that were read.
    pub counts: Counts,
    /// Windows covered first, as (tenant, window).
    pub covered: Vec<(String, Window)>,
    /// Holes that remain.
    pub holes: Vec<HoleSummary>,
    /// Recounts of this run.
    pub recounts: Vec<Recount>,
    /// Dates with a gap.
    pub gaps: Vec<(String, NaiveDate)>,
    /// Holes on dates past retention: nothing of them would be kept, and nobody tries them again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_holes: Vec<HoleSummary>,
    /// Dates past retention that had a gap when they were last counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_gaps: Vec<(String, NaiveDate)>,
    /// Records dated in the future.
    pub future: u64,
    /// Feeds that failed by themselves, while others were read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_feeds: Vec<FeedFailure>,
    /// Whether there are others, all of which were read to the end.
    #[serde(skip)]
    pub other_feeds_read: bool,
    /// What is no failure and should be known.
    pub warnings: Vec<String>,
    /// Requests to the source.
    pub requests: u64,
    #[serde(skip)]
    pub(super) futures: Vec<Future>,
    #[serde(skip)]
    pub(super) horizons: Vec<Horizon>,
    /// Records of windows read whole, by tenant and date, for matching by id.
    #[serde(skip)]
    pub(super) read: BTreeMap<(String, NaiveDate), u64>,
    /// Objects of windows read whole, likewise.
    #[serde(skip)]
    pub(super) listed: BTreeMap<(String, NaiveDate), ListedSet>,
    /// Dates that were past retention when the run was planned.
    #[serde(skip)]
    past: Past,
}

/// A hole that remains after the run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HoleSummary {
    /// Tenant.
    pub tenant: String,
    /// Window.
    pub window: Window,
    /// Stable code.
    pub reason: String,
    /// In words.
    pub detail: String,
    /// How often it was tried.
    pub tries: u64,
}

/// A feed that failed by itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FeedFailure {
    /// Tenant.
    pub tenant: String,
    /// Why.
    #[serde(flatten)]
    pub failure: SourceFailure,
}

/// Why a source failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceFailure {
    /// Stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// What to do.
    pub action: String,
}

impl From<&SourceError> for SourceFailure {
    fn from(error: &SourceError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            action: error.advice().to_owned(),
        }
    }
}

impl SourceSummary {
    pub(super) fn new(source: &str, past: Past) -> Self {
        Self {
            source: source.to_owned(),
            failure: None,
            complete: false,
            entries: 0,
            files: 0,
            bytes: 0,
            counts: Counts::default(),
            covered: Vec::new(),
            holes: Vec::new(),
            recounts: Vec::new(),
            gaps: Vec::new(),
            past_holes: Vec::new(),
            past_gaps: Vec::new(),
            future: 0,
            failed_feeds: Vec::new(),
            other_feeds_read: false,
            warnings: Vec::new(),
            requests: 0,
            futures: Vec::new(),
            horizons: Vec::new(),
            read: BTreeMap::new(),
            listed: BTreeMap::new(),
            past,
        }
    }

    /// Notes that the source failed. That it was not asked to the end, since somebody asked to stop, is no
    /// failure of the source.
    pub(super) fn fail(&mut self, error: &SourceError) {
        if *error != SourceError::Stopped {
            self.failure = Some(SourceFailure::from(error));
        }
    }

    /// Notes that a feed failed. The first failure of a feed is that of the source where no other is.
    pub(super) fn feed_failed(&mut self, tenant: &str, error: &SourceError) {
        let failure = SourceFailure::from(error);
        if self.failure.is_none() {
            self.failure = Some(failure.clone());
        }
        self.failed_feeds.push(FeedFailure {
            tenant: tenant.to_owned(),
            failure,
        });
    }

    /// Whether a feed failed by itself.
    pub(super) fn has_failed(&self, tenant: &str) -> bool {
        self.failed_feeds.iter().any(|feed| feed.tenant == tenant)
    }

    /// Adds what became of a chunk.
    pub(super) fn settled(&mut self, settled: &Settled) {
        match settled {
            Settled::Committed { ingest, read } => {
                self.committed(ingest, &read.records);
                self.note_listed(&read.objects);
            }
            Settled::Nothing { days, read } => {
                self.read_again(days, &read.records);
                self.note_listed(&read.objects);
            }
        }
    }

    /// Adds a committed chunk.
    fn committed(&mut self, ingest: &Ingest, read: &[u64]) {
        self.entries += 1;
        self.files += ingest.files.len() as u64;
        self.bytes += ingest.files.iter().map(|file| file.bytes).sum::<u64>();
        for covered in &ingest.covered {
            let touching = self.covered.last_mut().filter(|(tenant, last)| {
                *tenant == covered.tenant && last.to == covered.window.from
            });
            match touching {
                Some((_, last)) => last.to = covered.window.to,
                None => self.covered.push((covered.tenant.clone(), covered.window)),
            }
        }
        self.read_again(&ingest.days, read);
    }

    /// Adds counts of records, committed or not worth an entry, with how many of windows read whole there
    /// were on each day.
    fn read_again(&mut self, days: &[DayCount], read: &[u64]) {
        for (day, read) in days.iter().zip(read) {
            self.counts.add(&day.counts);
            let key = (day.tenant.clone(), day.date);
            *self.read.entry(key).or_default() += read;
        }
    }

    /// Adds objects of windows that were read whole.
    fn note_listed(&mut self, listed: &BTreeMap<(String, NaiveDate), ListedSet>) {
        for (feed, found) in listed {
            self.listed.entry(feed.clone()).or_default().extend(found);
        }
    }

    /// Takes what remains open from the state after the run, of the feeds that are configured: nobody reads
    /// the others any more.
    pub(super) fn close(&mut self, state: &State, tenants: &BTreeSet<String>) {
        let feeds = state
            .sources
            .get(&self.source)
            .map(|source| &source.feeds)
            .into_iter()
            .flatten()
            .filter(|(tenant, _)| tenants.contains(*tenant));
        for (tenant, feed) in feeds {
            for hole in &feed.holes {
                let of_kind = match self.past.has_all(&hole.window) {
                    true => &mut self.past_holes,
                    false => &mut self.holes,
                };
                of_kind.push(HoleSummary {
                    tenant: tenant.clone(),
                    window: hole.window,
                    reason: hole.reason.0.clone(),
                    detail: hole.detail.clone(),
                    tries: hole.tries,
                });
            }
            for date in feed.gaps() {
                let of_kind = match self.past.has(date) {
                    true => &mut self.past_gaps,
                    false => &mut self.gaps,
                };
                of_kind.push((tenant.clone(), date));
            }
        }
    }
}
