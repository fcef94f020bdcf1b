//! What holds of every reading, whatever the platform does.

use super::row::{RowKind, ScriptedRow};
use crate::source::conformance::KnownFeed;
use crate::source::{Axis, Hole, Keyed, Slice, SliceOutcome, SourceError};
use crate::window::Window;
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// What the reading of a window yielded.
pub(in crate::source) type Outcomes = Vec<Result<SliceOutcome, SourceError>>;

/// Runs a future to its end on a runtime of its own.
pub(in crate::source) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// The id of the row that a record is of.
pub(in crate::source) fn id(record: &Keyed) -> &str {
    match &record.key {
        Ok(key) => &key.native_id,
        Err(_) => std::str::from_utf8(&record.returned.record)
            .unwrap()
            .trim_start_matches('?'),
    }
}

/// The ids in all slices, in order of the alphabet.
pub(in crate::source) fn ids(outcomes: &Outcomes) -> Vec<&str> {
    let slices = outcomes.iter().filter_map(|outcome| match outcome {
        Ok(SliceOutcome::Slice(slice)) => Some(slice),
        _ => None,
    });
    let mut ids: Vec<&str> = slices
        .flat_map(|slice| slice.records.iter().map(id))
        .collect();
    ids.sort_unstable();
    ids
}

/// Checks what holds whatever the platform does: pieces tile the window, slices hold only what lies in them, and
/// every one of `there` that lies in a slice is in it, no more than twice. Returns the holes.
pub(in crate::source) fn check(
    outcomes: &Outcomes,
    axis: Axis,
    asked: Window,
    there: &[ScriptedRow],
) -> Vec<Hole> {
    let mut next = asked.from;
    let mut holes = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for outcome in outcomes {
        let outcome = outcome.as_ref().unwrap();
        let part = outcome.window();
        assert_eq!(part.from, next);
        next = part.to;
        let (SliceOutcome::Slice(Slice { records, .. }) | SliceOutcome::Hole(Hole { records, .. })) =
            outcome;
        for record in records {
            assert!(record.position().is_none_or(|at| part.contains(at)));
        }
        match outcome {
            SliceOutcome::Hole(hole) => holes.push(hole.clone()),
            SliceOutcome::Slice(slice) => {
                assert_eq!(slice.total, slice.records.len() as u64);
                let ids: BTreeSet<&str> = slice.records.iter().map(id).collect();
                assert_eq!(ids.len() as u64 + slice.source_duplicates, slice.total);
                let here = |row: &&ScriptedRow| part.contains(row.position(axis));
                for row in there.iter().filter(here) {
                    assert!(ids.contains(&*row.id), "{} is lost", row.id);
                }
                for record in slice.records.iter().filter(|record| record.key.is_ok()) {
                    *seen.entry(id(record).to_owned()).or_default() += 1;
                }
            }
        }
    }
    assert_eq!(next, asked.to);
    for row in there {
        let times = seen.get(&row.id).copied().unwrap_or(0);
        assert!(times <= 2, "{} is there {times} times", row.id);
    }
    holes
}

/// [`check`], and that there are no holes.
pub(in crate::source) fn whole(outcomes: &Outcomes, asked: Window, there: &[ScriptedRow]) {
    let holes = check(outcomes, Axis::Event, asked, there);
    assert!(holes.is_empty(), "{holes:?}");
}

/// What the conformance suite is told about rows.
pub(in crate::source) fn known(rows: &[ScriptedRow], axis: Axis) -> KnownFeed {
    let of = |kind: RowKind| rows.iter().filter(move |row| row.kind == kind);
    let tick = TimeDelta::microseconds(1);
    let around = |row: &ScriptedRow| {
        let at = row.position(axis);
        Window::new(at, at + tick)
    };
    let plain = of(RowKind::Plain);
    KnownFeed {
        records: plain
            .map(|row| (row.id.clone(), row.position(axis)))
            .collect(),
        unreadable: of(RowKind::Poison).filter_map(around).collect(),
        longest_hole: tick,
    }
}
