//! Dates of a feed: how old one is, and what of it is covered.

use crate::ledger::state::FeedState;
use crate::window::{Coverage, Window, midnight};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// The part of a date that can be compared with the source: what is covered of it.
pub(in crate::run) fn comparable(known: &FeedState, date: NaiveDate) -> Vec<Window> {
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
pub(in crate::run) fn is_closed(known: &FeedState, date: NaiveDate) -> bool {
    Window::of_date(date).is_some_and(|day| known.coverage.covers(&day))
}

/// The UTC dates that a span of time touches, newest first.
pub(in crate::run) fn dates_back(
    now: DateTime<Utc>,
    span: TimeDelta,
) -> impl Iterator<Item = NaiveDate> {
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
pub(in crate::run) fn age(date: NaiveDate, now: DateTime<Utc>) -> TimeDelta {
    let end = date.succ_opt().map_or(now, midnight);
    now - end
}
