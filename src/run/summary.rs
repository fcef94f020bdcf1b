//! What a run did: a value that is printed, or is the JSON document of `run`.

use super::recount::Distinct;
use super::retention::RetentionSummary;
use crate::clock::ClockReport;
use crate::ledger::entry::{Counts, DayCount, Future, Horizon, Ingest, Recount};
use crate::ledger::state::State;
use crate::retention::Past;
use crate::source::SourceError;
use crate::warehouse::WarehouseSummary;
use crate::window::{Window, instant};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a run did.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The run.
    pub run_id: String,
    /// Its now.
    #[serde(with = "instant")]
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
#[derive(Debug, Clone, Serialize)]
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
    /// Warnings about the horizon of the source.
    pub warnings: Vec<String>,
    /// Requests to the source.
    pub requests: u64,
    #[serde(skip)]
    pub(super) futures: Vec<Future>,
    #[serde(skip)]
    pub(super) horizons: Vec<Horizon>,
    /// Distinct records returned per tenant and date, for matching by id.
    #[serde(skip)]
    pub(super) distinct: BTreeMap<(String, NaiveDate), Distinct>,
    /// Dates that were past retention when the run was planned.
    #[serde(skip)]
    past: Past,
}

/// A hole that remains after the run.
#[derive(Debug, Clone, Serialize)]
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

/// Why a source failed.
#[derive(Debug, Clone, Serialize)]
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
            warnings: Vec::new(),
            requests: 0,
            futures: Vec::new(),
            horizons: Vec::new(),
            distinct: BTreeMap::new(),
            past,
        }
    }

    /// Adds a committed chunk.
    pub(super) fn committed(&mut self, ingest: &Ingest) {
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
        self.read_again(&ingest.days);
    }

    /// Adds counts of records, committed or not worth an entry.
    pub(super) fn read_again(&mut self, days: &[DayCount]) {
        for day in days {
            self.counts.add(&day.counts);
            let key = (day.tenant.clone(), day.date);
            self.distinct.entry(key).or_default().add(&day.counts);
        }
    }

    /// Takes what remains open from the state after the run.
    pub(super) fn close(&mut self, state: &State) {
        let feeds = state
            .sources
            .get(&self.source)
            .map(|source| &source.feeds)
            .into_iter()
            .flatten();
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
