//! What a run did: a value that is printed, or is the JSON document of `run`.

use super::committing::Settled;
use crate::clock::ClockReport;
use crate::decision::retention::RetentionSummary;
use crate::ledger::entry::{Counts, DayCount, Future, Horizon, Ingest, Recount};
use crate::ledger::state::State;
use crate::origin::OriginCheck;
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
    /// Id of the run, which also begins the names of its files.
    pub run_id: String,
    /// The time that the run used as its now: the earliest of this machine's clock and those that agree
    /// with it when it started.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub now: DateTime<Utc>,
    /// What confirms or contradicts `now`.
    pub clock: ClockReport,
    /// Id of the lake.
    pub lake_id: String,
    /// Whether this run created the lake.
    pub founded: bool,
    /// Sequence of the newest ledger entry after the run.
    pub sequence: u64,
    /// What was done for each source, in configured order.
    pub sources: Vec<SourceSummary>,
    /// What was done in each warehouse, in configured order.
    pub warehouses: Vec<WarehouseSummary>,
    /// What was deleted by rule; absent if runs do not apply retention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSummary>,
    /// Number of requests that were sent to the store of the lake.
    pub store_requests: u64,
    /// Whether the run was asked to stop, or reached its deadline, before everything was done.
    pub stopped: bool,
    /// Whether another writer committed records first, so that this run had to compare its own again.
    pub superseded: bool,
    /// Remarks in words that are not failures.
    pub notes: Vec<String>,
}

/// What a run did for one source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceSummary {
    /// Id of the source.
    pub source: String,
    /// Why the source failed; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<SourceFailure>,
    /// Whether everything that was planned was read.
    pub complete: bool,
    /// Number of ledger entries that were committed.
    pub entries: u64,
    /// Number of files that were added to the lake.
    pub files: u64,
    /// Size of the added files in bytes.
    pub bytes: u64,
    /// What became of all records that were read.
    pub counts: Counts,
    /// Windows that were read for the first time, each as a pair of tenant and window.
    pub covered: Vec<(String, Window)>,
    /// Holes that remain after the run.
    pub holes: Vec<HoleSummary>,
    /// Recounts that this run made.
    pub recounts: Vec<Recount>,
    /// Dates of which the source has more records than the lake, each as a pair of tenant and date.
    pub gaps: Vec<(String, NaiveDate)>,
    /// Holes on dates past retention, which are not tried again; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_holes: Vec<HoleSummary>,
    /// Dates past retention of which the source had more records than the lake, as pairs like `gaps`;
    /// absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_gaps: Vec<(String, NaiveDate)>,
    /// Number of records at the source that are dated in the future.
    pub future: u64,
    /// Feeds that failed while others of the source were read; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_feeds: Vec<FeedFailure>,
    /// Whether there are others, all of which were read to the end.
    #[serde(skip)]
    pub other_feeds_read: bool,
    /// What should be known about the source and is not a failure, in words.
    pub warnings: Vec<String>,
    /// What was checked of what the platform proves of its objects, one for each feed; absent if nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<OriginCheck>,
    /// Number of requests that were sent to the source.
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

/// A window that could not be read.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HoleSummary {
    /// Id of the tenant, or `*` for the feed across all tenants.
    pub tenant: String,
    /// The window.
    pub window: Window,
    /// Stable code of the newest reason.
    pub reason: String,
    /// The newest reason in words.
    pub detail: String,
    /// How many entries have named the hole, one for each run that tried it.
    pub tries: u64,
}

/// Why one tenant's feed failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FeedFailure {
    /// Id of the tenant, or `*` for the feed across all tenants.
    pub tenant: String,
    /// Why.
    #[serde(flatten)]
    pub failure: SourceFailure,
}

/// Why a source failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceFailure {
    /// Stable code, as listed in the reference of exit codes.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// What to do about it.
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
            origins: Vec::new(),
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
