//! When what has been read is compared with the source again.
//!
//! | age of a date | counted |
//! |---|---|
//! | up to 2 days | every run |
//! | up to 9 days | once a day |
//! | up to 39 days | once a week |
//! | older | only where `run --recount` asks |
//!
//! One with a gap, or with fewer records than before, is looked at in each run while it is within 39
//! days, and once a day after that, until it is in order.
//!
//! And two days after its end each date is read again id by id, once, if any of it was read before
//! that: what a platform writes late has come by then.
//!
//! Dates past retention are neither counted nor read: nothing of them would be kept.

use super::dates::{age, comparable, dates_back};
use crate::clock::TOLERANCE;
use crate::ledger::entry::RecountVerdict;
use crate::ledger::state::{FeedState, RECOUNTED, SETTLING, is_recounted_in_each_run};
use crate::policy::Past;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeSet;

const EVERY_RUN: TimeDelta = SETTLING;
const DAILY: TimeDelta = TimeDelta::days(9);
const WEEKLY: TimeDelta = RECOUNTED;

/// Whether a date of this age is due for a count that was last made `since` ago.
fn is_due(age: TimeDelta, since: Option<TimeDelta>) -> bool {
    let interval = if age <= EVERY_RUN {
        return true;
    } else if age <= DAILY {
        TimeDelta::days(1)
    } else if age <= WEEKLY {
        TimeDelta::days(7)
    } else {
        return false;
    };
    is_past(since, interval)
}

/// Whether a date that was last counted `since` ago was not counted for an interval.
fn is_past(since: Option<TimeDelta>, interval: TimeDelta) -> bool {
    // A schedule is never exact to the second: one run in twenty-four must not be skipped because
    // it came a little early.
    since.is_none_or(|since| since >= interval - TimeDelta::minutes(30))
}

/// How long ago something happened; `None` where that was later than now by more than clocks may differ:
/// it was written by a clock that was wrong.
fn time_since(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<TimeDelta> {
    let since = now - at;
    (since >= -TOLERANCE).then_some(since)
}

/// The covered parts of the dates that are to be counted, oldest first.
pub(in crate::run) fn recounts(
    known: &FeedState,
    now: DateTime<Utc>,
    asked: Option<TimeDelta>,
    past: &Past,
) -> Vec<Window> {
    let span = WEEKLY.max(asked.unwrap_or_default());
    let of_schedule = dates_back(now, span);
    let older = known.days.keys().copied();
    let older = older.filter(|date| age(*date, now) > span);
    let dates: BTreeSet<NaiveDate> = of_schedule.chain(older).collect();
    dates
        .into_iter()
        .filter(|date| {
            if past.has(*date) {
                return false;
            }
            let day = known.days.get(date);
            let last = day.and_then(|day| day.recount.as_ref());
            let age = age(*date, now);
            let since = last.and_then(|last| time_since(last.at, now));
            // What was not in order must be looked at until it is.
            let open = last.is_some_and(|last| {
                matches!(last.verdict, RecountVerdict::Gap | RecountVerdict::Fewer)
            }) || day.is_some_and(|day| day.expected.is_none());
            let open = open
                && (is_recounted_in_each_run(*date, now) || is_past(since, TimeDelta::days(1)));
            open || asked.is_some_and(|asked| age <= asked) || is_due(age, since)
        })
        .flat_map(|date| comparable(known, date))
        .collect()
}

/// Closed dates that are to be read again id by id.
pub(in crate::run) fn dates_to_read_again(known: &FeedState, now: DateTime<Utc>) -> Vec<NaiveDate> {
    known
        .days
        .iter()
        .filter(|(date, day)| {
            day.read_early && day.read_again.is_none() && age(**date, now) >= SETTLING
        })
        .map(|(date, _)| *date)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was counted by a clock that was ahead says nothing of when it was counted.
    #[test]
    fn a_count_of_a_time_to_come_does_not_put_off_the_next() {
        let now: DateTime<Utc> = "2026-05-01T00:00:00Z".parse().unwrap();
        let years = TimeDelta::days(3_650);
        assert_eq!(time_since(now + years, now), None);
        assert!(is_due(TimeDelta::days(3), time_since(now + years, now)));
        // Clocks of two machines differ a little.
        let minute = TimeDelta::minutes(1);
        assert_eq!(time_since(now + minute, now), Some(-minute));
        assert!(!is_due(TimeDelta::days(3), time_since(now + minute, now)));
        assert_eq!(time_since(now - minute, now), Some(minute));
    }

    #[test]
    fn the_schedule_decays() {
        let days = TimeDelta::days;
        let cases = [
            (days(0), Some(TimeDelta::minutes(5)), true),
            (days(2), Some(TimeDelta::minutes(5)), true),
            (days(3), Some(TimeDelta::hours(1)), false),
            (days(3), Some(days(1)), true),
            (days(3), None, true),
            (days(10), Some(days(1)), false),
            (days(10), Some(days(7)), true),
            (days(40), None, false),
        ];
        for (age, since, due) in cases {
            assert_eq!(is_due(age, since), due, "age {age}, last {since:?}");
        }
    }
}
