//! Finding the date of records whose time cannot be read.
//!
//! Such a record is known to lie in its slice and nowhere nearer. A slice of one date tells the
//! date; one of several does not, and guessing would file the record under one date now and under
//! another when it is read again: kept twice, and counted on a date where the source does not have
//! it. So such a slice is read again in halves, cut at midnight, until each half with such a record
//! is of one date.

use crate::source::{Limits, Slice, SliceOutcome, Source, SourceError, Tenant, WindowRequest};
use crate::window::{Window, midnight};
use chrono::{DateTime, Days, TimeDelta, Utc};
use futures::TryStreamExt as _;
use std::sync::Arc;

/// The same window in pieces of which every record has a date, in order of time.
///
/// # Errors
/// Those of the source; nothing of the window may then be called read.
pub(in crate::run) async fn dated(
    source: &Arc<dyn Source>,
    tenant: &Tenant,
    limits: Limits,
    outcome: SliceOutcome,
) -> Result<Vec<SliceOutcome>, SourceError> {
    let mut found = Vec::new();
    // What is still to be looked at, the earliest last.
    let mut waiting = vec![outcome];
    while let Some(outcome) = waiting.pop() {
        let cut = match &outcome {
            SliceOutcome::Slice(slice) => undated_cut(slice),
            SliceOutcome::Hole(_) => None,
        };
        let Some(at) = cut else {
            found.push(outcome);
            continue;
        };
        let Window { from, to } = outcome.window();
        let mut halves = Vec::new();
        for window in [Window { from, to: at }, Window { from: at, to }] {
            let read = source.read(WindowRequest {
                tenant: tenant.clone(),
                window,
                limits,
            });
            halves.extend(read.try_collect::<Vec<_>>().await?);
        }
        waiting.extend(halves.into_iter().rev());
    }
    Ok(found)
}

/// The midnight at which a slice is to be cut, if it has a record whose date it does not tell.
fn undated_cut(slice: &Slice) -> Option<DateTime<Utc>> {
    let undated = slice
        .records
        .iter()
        .any(|record| record.position().is_none());
    undated.then(|| middle_midnight(&slice.window)).flatten()
}

/// The midnight inside a window that is nearest before its middle, or the first one; none where the
/// window is of one date.
fn middle_midnight(window: &Window) -> Option<DateTime<Utc>> {
    let middle = window.from + window.duration() / 2;
    let before = midnight(middle.date_naive());
    let first = window.from.date_naive().checked_add_days(Days::new(1))?;
    let at = before.max(midnight(first));
    let inside = window.from < at && at <= window.to - TimeDelta::nanoseconds(1);
    inside.then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_cut_at_a_midnight_inside_or_not_at_all() {
        let cases = [
            ("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z", None),
            ("2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z", None),
            (
                "2026-11-02T23:59:00Z",
                "2026-11-03T00:00:00.001Z",
                Some("2026-11-03T00:00:00Z"),
            ),
            (
                "2026-11-02T01:00:00Z",
                "2026-11-03T20:00:00Z",
                Some("2026-11-03T00:00:00Z"),
            ),
            (
                "2026-11-01T00:00:00Z",
                "2026-11-09T00:00:00Z",
                Some("2026-11-05T00:00:00Z"),
            ),
        ];
        for (from, to, at) in cases {
            let window = Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
            let at = at.map(|at| at.parse().unwrap());
            assert_eq!(middle_midnight(&window), at, "{window}");
        }
    }
}
