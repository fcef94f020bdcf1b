//! Comparing the source's own counts with what the lake accounts for.

use super::plan::{age, is_closed};
use crate::ledger::entry::{Recount, Verdict, VerdictBy};
use crate::ledger::state::FeedState;
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
    Ok(Some(compared(
        id,
        tenant.0,
        date,
        known,
        at,
        VerdictBy::Count,
        source_count,
    )))
}

/// A recount of one date from what the source has of it.
pub(super) fn compared(
    source: &str,
    tenant: &str,
    date: NaiveDate,
    known: &FeedState,
    at: DateTime<Utc>,
    by: VerdictBy,
    source_count: u64,
) -> Recount {
    let day = known.days.get(&date);
    let lake_count = day.map_or(0, crate::ledger::state::DayState::lake_count);
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
        verdict: verdict(source_count, lake_count, before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
