//! Comparing what the source has of a date with what the lake accounts for.
//!
//! Both sides of a comparison are the same set of records: those of the windows of the date that have
//! been read whole, as the source counts them, so one that it shows twice counts twice. Holes are left
//! out on both.
//!
//! * **A count** is held against the number that the source is *expected* to have. That is what it has
//!   shown in those windows, and after a reading by id what it showed then. So a record that appears
//!   late makes the count too large, also where others have been purged meanwhile or came back under
//!   another date.
//! * **A listing** is held against the objects that were read, where a feed is read in objects. Objects that
//!   came late, or were overwritten, make it another one.
//! * **A reading by id** finds for each record whether the lake has it, and takes in what it lacks. So it
//!   ends with a number that both sides agree on, and a source can only have fewer than the lake then.

use super::plan::dates::{age, comparable, is_closed};
use crate::ledger::digest::Digest;
use crate::ledger::entry::{ObjectSet, ObjectsCompared, Recount, RecountVerdict, VerdictBy};
use crate::ledger::state::{DayState, FeedState, SETTLING};
use crate::source::objects::ListedSet;
use crate::source::{ErrorScope, Source, SourceError, Tenant};
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// What a source was found to have of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// So many records, without reading them.
    Counted(u64),
    /// So many records, read one by one, all of which the lake has or had.
    Read(u64),
}

/// What counting a date came to.
#[derive(Debug, Clone)]
pub(super) enum DateCounted {
    /// The numbers could be compared. Where they differ for the second time, the date is read by id to
    /// know what is left of it.
    Compared(Recount),
    /// No number says anything: the date has to be read by id.
    MustRead,
    /// The source does not count truly.
    Unknown,
}

/// How what a source has of a date compares. `before` is the newest recount of the date; with
/// `holes` some of what the lake accounts for is not asked for.
///
/// Fewer at the source is called purged only when it was fewer at the recount before, too: one
/// reading alone may be a source that has not come to rest.
pub(super) fn verdict(
    source: u64,
    expected: u64,
    accounted: u64,
    holes: bool,
    before: Option<RecountVerdict>,
) -> RecountVerdict {
    let all = if holes { expected } else { accounted };
    if source > expected {
        RecountVerdict::Gap
    } else if source == all {
        RecountVerdict::Matched
    } else if matches!(before, Some(RecountVerdict::Fewer | RecountVerdict::Purged)) {
        RecountVerdict::Purged
    } else {
        RecountVerdict::Fewer
    }
}

/// Counts the parts of one date at the source and compares.
///
/// # Errors
/// Those of the source. Records that the platform cannot read are no error: the date has to be read
/// then, which names them.
pub(super) async fn recount_date(
    source: &dyn Source,
    id: &str,
    tenant: (&str, &Tenant),
    known: &FeedState,
    parts: &[Window],
    at: DateTime<Utc>,
) -> Result<DateCounted, SourceError> {
    let Some(date) = parts.first().map(|part| part.from.date_naive()) else {
        return Ok(DateCounted::Unknown);
    };
    if known
        .days
        .get(&date)
        .is_some_and(|day| day.expected.is_none())
    {
        return Ok(DateCounted::MustRead);
    }
    if let Some(found) = list(source, tenant.1, parts).await? {
        return Ok(DateCounted::Compared(listed(
            id, tenant.0, date, known, at, found,
        )));
    }
    let mut source_count = 0_u64;
    let mut exact = true;
    for part in parts {
        let counted = match source.count(tenant.1, *part).await {
            Ok(counted) => counted,
            Err(error) if error.scope() == ErrorScope::Window => return Ok(DateCounted::MustRead),
            Err(error) => return Err(error),
        };
        source_count = source_count.saturating_add(counted.rows);
        exact &= counted.exact;
    }
    if !exact {
        return Ok(DateCounted::Unknown);
    }
    let found = Found::Counted(source_count);
    Ok(DateCounted::Compared(compared(
        id, tenant.0, date, known, at, found,
    )))
}

/// The objects of parts of a date; `None` where the feed is not read in objects.
async fn list(
    source: &dyn Source,
    tenant: &Tenant,
    parts: &[Window],
) -> Result<Option<ListedSet>, SourceError> {
    let mut all = ListedSet::default();
    for part in parts {
        match source.listing(tenant, *part).await? {
            Some(found) => all.extend(&found),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// What is covered of a settled date, where the source lists the objects that were read of it and no others;
/// nothing otherwise. A failure to list it is met again where the date is read.
pub(super) async fn unchanged_parts(
    source: &dyn Source,
    tenant: &Tenant,
    known: &FeedState,
    date: NaiveDate,
    now: DateTime<Utc>,
) -> Vec<Window> {
    let day = known.days.get(&date);
    let Some((read, _)) = day.and_then(|day| day.objects.zip(day.expected)) else {
        return Vec::new();
    };
    if age(date, now) < SETTLING {
        return Vec::new();
    }
    let parts = comparable(known, date);
    match list(source, tenant, &parts).await {
        Ok(Some(listed)) if set(&listed) == read => parts,
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn set(listed: &ListedSet) -> ObjectSet {
    ObjectSet {
        count: listed.count,
        digest: Digest(listed.digest),
    }
}

/// What was read of the objects of a date beside what was known of them before; `None` where the feed is not
/// read in objects.
pub(super) fn objects_read(
    known: &FeedState,
    date: NaiveDate,
    read: Option<&ListedSet>,
) -> Option<ObjectsCompared> {
    let lake = known.days.get(&date).and_then(|day| day.objects);
    (read.is_some() || lake.is_some()).then(|| ObjectsCompared {
        source: read.map(set).unwrap_or_default(),
        lake: lake.unwrap_or_default(),
    })
}

/// A recount of one date from a listing of its objects.
fn listed(
    source: &str,
    tenant: &str,
    date: NaiveDate,
    known: &FeedState,
    at: DateTime<Utc>,
    found: ListedSet,
) -> Recount {
    let nothing = DayState::default();
    let day = known.days.get(&date).unwrap_or(&nothing);
    let (found, read) = (set(&found), day.objects.unwrap_or_default());
    let before = day.recount.as_ref().map(|recount| recount.verdict);
    let verdict = if found == read {
        RecountVerdict::Matched
    } else if found.count >= read.count {
        RecountVerdict::Gap
    } else if matches!(before, Some(RecountVerdict::Fewer | RecountVerdict::Purged)) {
        RecountVerdict::Purged
    } else {
        RecountVerdict::Fewer
    };
    Recount {
        by: VerdictBy::Listing,
        source_count: found.count,
        lake_count: read.count,
        expected: Some(read.count),
        objects: Some(ObjectsCompared {
            source: found,
            lake: read,
        }),
        verdict,
        ..compared(source, tenant, date, known, at, Found::Counted(0))
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
    let nothing = DayState::default();
    let day = known.days.get(&date).unwrap_or(&nothing);
    let (by, source_count, expected, accounted) = match found {
        Found::Counted(records) => {
            let expected = day.expected.unwrap_or(records);
            (VerdictBy::Count, records, expected, day.accounted)
        }
        Found::Read(records) => {
            let accounted = day.accounted.max(records);
            (VerdictBy::Id, records, records, accounted)
        }
    };
    let before = day.recount.as_ref().map(|recount| recount.verdict);
    let holes = has_holes(known, date);
    Recount {
        source: source.to_owned(),
        tenant: tenant.to_owned(),
        date,
        at,
        whole: is_closed(known, date) && !holes && age(date, at) >= TimeDelta::zero(),
        by,
        source_count,
        lake_count: accounted,
        expected: Some(expected),
        expired: 0,
        objects: None,
        verdict: verdict(source_count, expected, accounted, holes, before),
    }
}

/// Whether a part of a date could not be read.
pub(super) fn has_holes(known: &FeedState, date: NaiveDate) -> bool {
    Window::of_date(date).is_some_and(|day| {
        let mut holes = known.holes.iter();
        holes.any(|hole| hole.window.intersection(&day).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{HoleReasonCode, Receipt};
    use crate::ledger::invariants::receipt_fits;
    use crate::ledger::state::{HoleState, RecountState};

    fn date() -> NaiveDate {
        "2026-01-01".parse().unwrap()
    }

    /// A feed whose date has shown so many records.
    fn feed(accounted: u64) -> FeedState {
        let mut feed = FeedState::default();
        feed.coverage.insert(Window::of_date(date()).unwrap());
        let day = feed.days.entry(date()).or_default();
        (day.accounted, day.expected) = (accounted, Some(accounted));
        feed
    }

    /// Compares, and folds the recount as a receipt would.
    fn compare(known: &mut FeedState, found: Found) -> (u64, u64, RecountVerdict) {
        let at = "2026-01-10T00:00:00Z".parse().unwrap();
        let recount = compared("s", "main", date(), known, at, found);
        let receipt = Receipt {
            recounts: vec![recount.clone()],
            ..Receipt::default()
        };
        receipt_fits(1, &receipt).unwrap();
        let day = known.days.entry(date()).or_default();
        if recount.by == VerdictBy::Id {
            (day.accounted, day.expected) = (recount.lake_count, recount.expected);
        }
        let expected = recount.expected.unwrap();
        day.recount = Some(RecountState {
            at,
            by: recount.by,
            source_count: recount.source_count,
            lake_count: recount.lake_count,
            expected,
            verdict: recount.verdict,
        });
        (expected, recount.lake_count, recount.verdict)
    }

    /// A record that appears late among purged ones is a gap, not a match.
    #[test]
    fn a_late_record_does_not_hide_behind_a_purged_one() {
        let mut known = feed(100);
        for (found, expected, accounted, verdict) in [
            (Found::Counted(100), 100, 100, RecountVerdict::Matched),
            (Found::Counted(98), 100, 100, RecountVerdict::Fewer),
            (Found::Counted(98), 100, 100, RecountVerdict::Purged),
            // Which is when it is read.
            (Found::Read(98), 98, 100, RecountVerdict::Purged),
            (Found::Counted(98), 98, 100, RecountVerdict::Purged),
            (Found::Counted(99), 98, 100, RecountVerdict::Gap),
            (Found::Read(99), 99, 100, RecountVerdict::Fewer),
            (Found::Counted(99), 99, 100, RecountVerdict::Purged),
            (Found::Read(103), 103, 103, RecountVerdict::Matched),
            (Found::Counted(103), 103, 103, RecountVerdict::Matched),
        ] {
            assert_eq!(
                compare(&mut known, found),
                (expected, accounted, verdict),
                "{found:?}"
            );
        }
    }

    /// What the lake never had, since it came too late for what was deleted by rule, is no gap once it
    /// was read.
    #[test]
    fn of_a_date_that_the_lake_had_nothing_of_all_may_be_expired() {
        let mut known = FeedState::default();
        assert_eq!(
            compare(&mut known, Found::Counted(3)),
            (0, 0, RecountVerdict::Gap)
        );
        assert_eq!(
            compare(&mut known, Found::Read(3)),
            (3, 3, RecountVerdict::Matched)
        );
    }

    #[test]
    fn with_a_hole_nothing_is_called_purged_that_was_not_asked_for() {
        let mut known = feed(10);
        known.holes.push(HoleState {
            window: Window::new(
                "2026-01-01T10:00:00Z".parse().unwrap(),
                "2026-01-01T10:00:00.000001Z".parse().unwrap(),
            )
            .unwrap(),
            reason: HoleReasonCode("unreadable".to_owned()),
            detail: String::new(),
            first_seen: DateTime::UNIX_EPOCH,
            tries: 1,
        });
        // Two of the ten lie in the hole.
        let day = known.days.get_mut(&date()).unwrap();
        day.expected = None;
        assert_eq!(
            compare(&mut known, Found::Read(8)),
            (8, 10, RecountVerdict::Matched)
        );
        assert_eq!(
            compare(&mut known, Found::Counted(8)),
            (8, 10, RecountVerdict::Matched)
        );
        assert_eq!(
            compare(&mut known, Found::Counted(9)),
            (8, 10, RecountVerdict::Gap)
        );
        assert_eq!(
            compare(&mut known, Found::Counted(7)),
            (8, 10, RecountVerdict::Fewer)
        );
    }
}
