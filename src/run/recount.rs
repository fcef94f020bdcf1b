//! Comparing the source's own counts with what the lake accounts for: what it has, and what was deleted
//! by rule, which stays counted.
//!
//! A source may have more of what was deleted than the lake ever had, since it came after the deletion.
//! A reading by id finds such records, and says how many there are; a count finds none of them by itself
//! and takes that number over from the recount before it. Where one more came meanwhile, the count is a
//! gap, the date is read again, and that reading finds it.

use super::plan::{age, is_closed};
use crate::ledger::entry::{Counts, Recount, Verdict, VerdictBy};
use crate::ledger::state::{DayState, FeedState};
use crate::source::{Source, SourceError, Tenant, count};
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// How two counts of one date compare. `before` is the newest recount of the date.
///
/// Fewer at the source is called purged only when it was fewer at the recount before, too: one
/// reading alone may be a source that has not come to rest.
pub(super) fn verdict(source: u64, lake: u64, before: Option<Verdict>) -> Verdict {
    match source.cmp(&lake) {
        std::cmp::Ordering::Equal => Verdict::Matched,
        std::cmp::Ordering::Greater => Verdict::Gap,
        std::cmp::Ordering::Less => match before {
            Some(Verdict::Fewer | Verdict::Purged) => Verdict::Purged,
            _ => Verdict::Fewer,
        },
    }
}

/// Counts the parts of one date at the source and compares.
///
/// # Errors
/// Those of the source.
pub(super) async fn recount_date(
    source: &dyn Source,
    id: &str,
    tenant: (&str, &Tenant),
    known: &FeedState,
    parts: &[Window],
    at: DateTime<Utc>,
) -> Result<Option<Recount>, SourceError> {
    let Some(date) = parts.first().map(|part| part.from.date_naive()) else {
        return Ok(None);
    };
    let mut source_count = 0;
    let mut exact = true;
    for part in parts {
        let counted = count(source, tenant.1, *part).await?;
        source_count += counted.rows;
        exact &= counted.exact;
    }
    if !exact {
        return Ok(None);
    }
    let found = Found::Counted(source_count);
    Ok(Some(compared(id, tenant.0, date, known, at, found)))
}

/// What the source was found to have of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// So many records, without reading them.
    Counted(u64),
    /// All of these records, read one by one.
    Read(Distinct),
}

/// Records of a date that a run has read, without repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Distinct {
    /// All of them.
    pub(super) records: u64,
    /// Of these, records of what was deleted by rule.
    pub(super) expired: u64,
}

impl Distinct {
    /// Adds the records of a chunk.
    pub(super) fn add(&mut self, counts: &Counts) {
        self.records += counts.known + counts.added + counts.quarantined + counts.expired;
        self.expired += counts.expired;
    }
}

/// How many records of what was deleted by rule the lake never had, of a date of which it ever had so many.
fn never_had(found: Found, ever_had: u64, before: u64) -> u64 {
    match found {
        Found::Counted(_) => before,
        Found::Read(read) => read.records.saturating_sub(ever_had).min(read.expired),
    }
}

/// A recount of one date from what the source has of it.
pub(super) fn compared(
    source: &str,
    tenant: &str,
    date: NaiveDate,
    known: &FeedState,
    at: DateTime<Utc>,
    found: Found,
) -> Recount {
    let day = known.days.get(&date);
    let ever_had = day.map_or(0, DayState::ever_had);
    let expired = never_had(found, ever_had, day.map_or(0, DayState::expired));
    let lake_count = ever_had + expired;
    let (by, source_count) = match found {
        Found::Counted(records) => (VerdictBy::Count, records),
        Found::Read(read) => (VerdictBy::Id, read.records),
    };
    let before = day
        .and_then(|day| day.recount.as_ref())
        .map(|recount| recount.verdict);
    Recount {
        source: source.to_owned(),
        tenant: tenant.to_owned(),
        date,
        at,
        whole: is_closed(known, date) && age(date, at) >= TimeDelta::zero(),
        by,
        source_count,
        lake_count,
        expired,
        verdict: verdict(source_count, lake_count, before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::state::RecountState;

    /// A feed whose date has had so many records, and what its newest recount said.
    fn feed(had: u64, newest: Option<Recount>) -> FeedState {
        let mut feed = FeedState::default();
        let day = feed.days.entry(date()).or_default();
        (day.counts.added, day.counts.quarantined) = (had - had / 3, had / 3);
        day.recount = newest.map(|recount| RecountState {
            at: recount.at,
            by: recount.by,
            source_count: recount.source_count,
            lake_count: recount.lake_count,
            expired: recount.expired,
            verdict: recount.verdict,
        });
        feed
    }

    fn date() -> NaiveDate {
        "2026-01-01".parse().unwrap()
    }

    fn compare(known: &FeedState, found: Found) -> Recount {
        let at = "2026-01-10T00:00:00Z".parse().unwrap();
        compared("s", "main", date(), known, at, found)
    }

    /// What came too late for what was deleted is no gap, once it was read, until more comes; and what
    /// was deleted is not taken for purged.
    #[test]
    fn what_came_after_the_deletion_is_accounted_for() {
        let read = |records, expired| Found::Read(Distinct { records, expired });
        let mut newest = None;
        for (found, lake, expired, verdict) in [
            (Found::Counted(100), 100, 0, Verdict::Matched),
            // All that was deleted is still there, and nothing else.
            (read(100, 60), 100, 0, Verdict::Matched),
            (Found::Counted(102), 100, 0, Verdict::Gap),
            (read(102, 62), 102, 2, Verdict::Matched),
            (Found::Counted(102), 102, 2, Verdict::Matched),
            (Found::Counted(103), 102, 2, Verdict::Gap),
            (read(103, 63), 103, 3, Verdict::Matched),
            // Never more than was seen.
            (read(105, 4), 104, 4, Verdict::Gap),
            (Found::Counted(103), 104, 4, Verdict::Fewer),
            // Some of it is gone at the source, too.
            (read(101, 61), 101, 1, Verdict::Matched),
            (read(40, 0), 100, 0, Verdict::Fewer),
            (Found::Counted(40), 100, 0, Verdict::Purged),
        ] {
            let recount = compare(&feed(100, newest.take()), found);
            assert_eq!(
                (recount.lake_count, recount.expired, recount.verdict),
                (lake, expired, verdict),
                "{found:?}"
            );
            newest = Some(recount);
        }
    }

    #[test]
    fn of_a_date_that_the_lake_had_nothing_of_all_may_be_expired() {
        let found = Found::Read(Distinct {
            records: 3,
            expired: 3,
        });
        let recount = compare(&FeedState::default(), found);
        assert_eq!((recount.lake_count, recount.expired), (3, 3));
        assert_eq!(recount.verdict, Verdict::Matched);
    }

    #[test]
    fn purged_needs_two_recounts_that_agree() {
        assert_eq!(verdict(5, 5, None), Verdict::Matched);
        assert_eq!(verdict(6, 5, Some(Verdict::Matched)), Verdict::Gap);
        assert_eq!(verdict(3, 5, None), Verdict::Fewer);
        assert_eq!(verdict(3, 5, Some(Verdict::Matched)), Verdict::Fewer);
        assert_eq!(verdict(3, 5, Some(Verdict::Fewer)), Verdict::Purged);
        assert_eq!(verdict(2, 5, Some(Verdict::Purged)), Verdict::Purged);
    }
}
