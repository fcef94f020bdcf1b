//! What one response proves about its window.

use crate::source::paged::Paging;
use chrono::{DateTime, Utc};

/// How often a window is asked for again when a response does not agree with itself.
const ASKS: u32 = 3;

/// What a response to the first page of a window says, without its records.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::source::paged) struct SeenPage {
    /// Rows asked for at most.
    pub(in crate::source::paged) size: u32,
    /// Rows returned.
    pub(in crate::source::paged) rows: u64,
    /// Different records among them.
    pub(in crate::source::paged) distinct: u64,
    /// Rows that the request selects, as the source says.
    pub(in crate::source::paged) total: Option<u64>,
    /// Bytes of the response.
    pub(in crate::source::paged) bytes: u64,
    /// A fingerprint of the set of records, whatever their order.
    pub(in crate::source::paged) print: u64,
    /// When the records happened, in the order returned, unless there is one without a time.
    pub(in crate::source::paged) times: Vec<DateTime<Utc>>,
}

impl SeenPage {
    /// The total, where it is a number and not a limit.
    pub(super) fn counted(&self, can: &Paging) -> Option<u64> {
        self.total
            .filter(|total| can.counts_trusted && can.count_cap != Some(*total))
    }

    /// Rows that the window holds at least.
    pub(super) fn at_least(&self) -> u64 {
        self.total.unwrap_or(0).max(self.rows)
    }

    /// Whether rows came oldest first, so that the response is the beginning of the window.
    pub(super) fn in_order(&self) -> bool {
        self.times.len() as u64 == self.rows && self.times.is_sorted()
    }
}

/// What to do with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageVerdict {
    /// It holds the window whole.
    Whole,
    /// It does not agree with itself: ask again.
    Again,
    /// The window holds more than one page.
    Beyond,
    /// It does not agree with itself however often it is asked.
    Disagrees,
}

/// Judges a response; `before` is the one before it for the same window, `asks` how many there
/// were with this one.
///
/// A response that is full proves nothing, even where the total equals its rows: a row that was
/// added between the counting and the reading pushes another one out. A response that is not full
/// is the answer to one query that nothing cut off.
pub(super) fn judge(
    seen: &SeenPage,
    before: Option<&SeenPage>,
    asks: u32,
    can: &Paging,
) -> PageVerdict {
    if seen.rows >= u64::from(seen.size) {
        return PageVerdict::Beyond;
    }
    let again = before.is_some_and(|before| before.print == seen.print && before.rows == seen.rows);
    let whole = match seen.counted(can) {
        // The same record twice may be how the source has it, or a page that shifted.
        Some(total) => total == seen.rows && (seen.distinct == seen.rows || again),
        // A total at its limit still is the least that there must be.
        None => again && !(can.counts_trusted && seen.at_least() > seen.rows),
    };
    if whole {
        PageVerdict::Whole
    } else if asks < ASKS {
        PageVerdict::Again
    } else {
        PageVerdict::Disagrees
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::source::paged::UpperEdge;
    use chrono::TimeDelta;

    pub(in crate::source::paged::slice) fn able() -> Paging {
        Paging {
            counts_trusted: true,
            count_cap: Some(10_000),
            page_cap: 1000,
            upper_edge: UpperEdge::Open,
            tick: TimeDelta::microseconds(1),
            arrival: TimeDelta::zero(),
            horizon: None,
        }
    }

    fn seen(rows: u64, distinct: u64, total: impl Into<Option<u64>>, print: u64) -> SeenPage {
        SeenPage {
            size: 1000,
            rows,
            distinct,
            total: total.into(),
            bytes: 0,
            print,
            times: Vec::new(),
        }
    }

    #[test]
    fn only_agreement_is_whole() {
        let can = able();
        for (what, response, before, asks, verdict) in [
            ("empty", seen(0, 0, 0, 0), None, 1, PageVerdict::Whole),
            (
                "agrees",
                seen(999, 999, 999, 1),
                None,
                1,
                PageVerdict::Whole,
            ),
            (
                "full",
                seen(1000, 1000, 1000, 1),
                None,
                1,
                PageVerdict::Beyond,
            ),
            (
                "more",
                seen(1000, 1000, 4000, 1),
                None,
                1,
                PageVerdict::Beyond,
            ),
            (
                "rows missing",
                seen(5, 5, 6, 1),
                None,
                1,
                PageVerdict::Again,
            ),
            ("row added", seen(6, 6, 5, 1), None, 2, PageVerdict::Again),
            ("always", seen(5, 5, 6, 1), None, 3, PageVerdict::Disagrees),
            (
                "twice in one",
                seen(6, 5, 6, 1),
                None,
                1,
                PageVerdict::Again,
            ),
            (
                "twice in both",
                seen(6, 5, 6, 1),
                Some(seen(6, 5, 6, 1)),
                2,
                PageVerdict::Whole,
            ),
            (
                "another one twice",
                seen(6, 5, 6, 2),
                Some(seen(6, 5, 6, 1)),
                2,
                PageVerdict::Again,
            ),
            (
                "the same but fewer than counted",
                seen(5, 5, 6, 1),
                Some(seen(5, 5, 6, 1)),
                2,
                PageVerdict::Again,
            ),
        ] {
            assert_eq!(
                judge(&response, before.as_ref(), asks, &can),
                verdict,
                "{what}"
            );
        }
    }

    #[test]
    fn two_readings_stand_for_a_count_that_is_none() {
        let untrusted = Paging {
            counts_trusted: false,
            ..able()
        };
        let small_cap = Paging {
            count_cap: Some(5),
            ..able()
        };
        for (can, total) in [
            (&untrusted, Some(5)),
            (&able(), None),
            (&small_cap, Some(5)),
        ] {
            let first = seen(5, 5, total, 1);
            assert_eq!(judge(&first, None, 1, can), PageVerdict::Again);
            assert_eq!(judge(&first, Some(&first), 2, can), PageVerdict::Whole);
            let other = seen(5, 5, total, 2);
            assert_eq!(judge(&other, Some(&first), 2, can), PageVerdict::Again);
            assert_eq!(judge(&first, Some(&other), 3, can), PageVerdict::Disagrees);
        }
        let fewer = seen(4, 4, 5, 1);
        assert_eq!(
            judge(&fewer, Some(&fewer), 2, &small_cap),
            PageVerdict::Again
        );
    }
}
