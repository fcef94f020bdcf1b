//! The plan of a run: a value that says what will be read, made from the state, the configuration
//! and a now. `plan` prints it, `run` executes it. What a run writes is a function of its plan and
//! of what the sources answer.

use super::due;
use crate::lake::layout::RunId;
use crate::ledger::state::{FeedState, State};
use crate::window::{Coverage, Window, instant, midnight};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

/// The name under which the ledger keeps a feed that is read across tenants.
pub const ALL_TENANTS: &str = "*";

/// What a plan needs to know of one feed.
#[derive(Debug, Clone)]
pub struct FeedSettings {
    /// Tenant, or [`ALL_TENANTS`].
    pub tenant: String,
    /// Where reading begins.
    pub start: DateTime<Utc>,
}

/// What a plan needs to know of one source.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Id.
    pub id: String,
    /// Age that a record must have before it is read first.
    pub settle: TimeDelta,
    /// How much before the end of coverage is read again.
    pub overlap: TimeDelta,
    /// Its feeds.
    pub feeds: Vec<FeedSettings>,
    /// Closed dates no older than this are counted again now, whatever the schedule says.
    pub recount: Option<TimeDelta>,
}

/// The plan of one run.
#[derive(Debug, Clone, Serialize)]
pub struct RunPlan {
    /// The run.
    pub run_id: RunId,
    /// Its now.
    #[serde(with = "instant")]
    pub now: DateTime<Utc>,
    /// Sequence of the entry that the plan stands on; none before the lake is founded.
    pub base_sequence: Option<u64>,
    /// The sources in configured order.
    pub sources: Vec<SourcePlan>,
    /// Where the salts of all files come from.
    #[serde(skip)]
    pub seed: Seed,
}

/// The secret from which a run derives the salts of its files. Who knows it could test a guess of a
/// record against a root whose file is gone, so it is never shown or stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// What is read of one source.
#[derive(Debug, Clone, Serialize)]
pub struct SourcePlan {
    /// Id.
    pub source: String,
    /// Its feeds.
    pub feeds: Vec<FeedPlan>,
}

/// What is read of one feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedPlan {
    /// Tenant, or [`ALL_TENANTS`].
    pub tenant: String,
    /// What is read, in order of time, disjoint.
    pub windows: Vec<Window>,
    /// The part of it that has not been read before.
    pub new: Vec<Window>,
    /// The part of it that has: overlap, and closed dates that are read once more.
    pub again: Vec<Window>,
    /// Holes that are tried again.
    pub holes: Vec<Window>,
    /// Dates whose records are counted.
    pub recounts: Vec<Window>,
}

impl SourcePlan {
    /// Plans one source on top of what is known of its feeds.
    pub fn make(settings: &SourceSettings, state: Option<&State>, now: DateTime<Utc>) -> Self {
        let nothing = FeedState::default();
        let feeds = settings.feeds.iter().map(|feed| {
            let known = state
                .and_then(|state| state.feed(&settings.id, &feed.tenant))
                .unwrap_or(&nothing);
            FeedPlan::make(settings, feed, known, now)
        });
        Self {
            source: settings.id.clone(),
            feeds: feeds.collect(),
        }
    }
}

impl FeedPlan {
    fn make(
        source: &SourceSettings,
        feed: &FeedSettings,
        known: &FeedState,
        now: DateTime<Utc>,
    ) -> Self {
        let holes: Vec<Window> = known.holes.iter().map(|hole| hole.window).collect();
        let end = now - source.settle;
        let new: Vec<Window> = Window::new(feed.start, end).map_or_else(Vec::new, |whole| {
            let mut missing: Coverage = known.coverage.missing(&whole).into_iter().collect();
            for hole in &holes {
                missing.remove(*hole);
            }
            missing.into()
        });
        let mut again = Coverage::new();
        if let Some(covered_to) = known.coverage.end() {
            let overlap = Window::new(covered_to - source.overlap, covered_to);
            for part in overlap
                .iter()
                .flat_map(|window| known.coverage.inside(window))
            {
                again.insert(part);
            }
        }
        for date in due::dates_to_read_again(known, now) {
            for part in Window::of_date(date)
                .iter()
                .flat_map(|day| known.coverage.inside(day))
            {
                again.insert(part);
            }
        }
        let mut windows = again.clone();
        for window in new.iter().chain(&holes) {
            windows.insert(*window);
        }
        Self {
            tenant: feed.tenant.clone(),
            windows: windows.into(),
            new,
            again: again.into(),
            holes,
            recounts: due::recounts(known, now, source.recount),
        }
    }
}

/// The part of a date that can be compared with the source: what is covered of it.
pub(super) fn comparable(known: &FeedState, date: NaiveDate) -> Vec<Window> {
    let mut parts = Coverage::new();
    for part in Window::of_date(date)
        .iter()
        .flat_map(|day| known.coverage.inside(day))
    {
        parts.insert(part);
    }
    // What is known to be unreadable is reported as a hole; counting it would call it a gap too.
    for hole in &known.holes {
        parts.remove(hole.window);
    }
    parts.into()
}

/// Whether all of a date is covered.
pub(super) fn is_closed(known: &FeedState, date: NaiveDate) -> bool {
    Window::of_date(date).is_some_and(|day| known.coverage.covers(&day))
}

/// The UTC dates that a span of time touches, newest first.
pub(super) fn dates_back(now: DateTime<Utc>, span: TimeDelta) -> impl Iterator<Item = NaiveDate> {
    let first = (now - span).date_naive();
    now.date_naive()
        .iter_days_back()
        .take_while(move |date| *date >= first)
}

trait DaysBack {
    fn iter_days_back(self) -> impl Iterator<Item = NaiveDate>;
}

impl DaysBack for NaiveDate {
    fn iter_days_back(self) -> impl Iterator<Item = NaiveDate> {
        std::iter::successors(Some(self), |date| date.pred_opt())
    }
}

/// How long ago a date ended; negative while it lasts.
pub(super) fn age(date: NaiveDate, now: DateTime<Utc>) -> TimeDelta {
    let end = date.succ_opt().map_or(now, midnight);
    now - end
}
