//! The reader against a source in memory that misbehaves.

mod any_source;
mod numbers;

use super::scripted::{ScriptedPages, able};
use super::stream::read_window;
use super::*;
use crate::source::scripted::{
    Faults, Outcomes, RowChange, RowKind, ScriptedRow, TICK, id, main, row, run, whole, window,
};
use crate::source::{Hole, HoleReason, Limits, PlatformWords, SliceOutcome, scripted};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One row per tick.
fn rows(count: usize) -> Vec<ScriptedRow> {
    (0..count)
        .map(|n| row(format!("r{n}"), n as i64 * TICK))
        .collect()
}

fn read_with(source: Arc<ScriptedPages>, window: Window, limits: Limits) -> Outcomes {
    let request = WindowRequest {
        tenant: main(),
        window,
        limits,
    };
    run(read_window(source, request).collect())
}

fn read(source: ScriptedPages, window: Window) -> (Outcomes, u64) {
    let source = Arc::new(source);
    let outcomes = read_with(source.clone(), window, Limits::default());
    (outcomes, source.requests())
}

fn check(outcomes: &Outcomes, asked: Window, there: &[ScriptedRow]) -> Vec<Hole> {
    scripted::check(outcomes, Axis::Event, asked, there)
}

#[test]
fn a_window_that_fits_costs_one_request() {
    let asked = window(0, 9 * TICK);
    let (outcomes, requests) = read(
        ScriptedPages::new(able(10), rows(9), Faults::default()),
        asked,
    );
    whole(&outcomes, asked, &rows(9));
    assert_eq!((outcomes.len(), requests), (1, 1));
    let (outcomes, requests) = read(
        ScriptedPages::new(able(10), Vec::new(), Faults::default()),
        asked,
    );
    whole(&outcomes, asked, &[]);
    assert_eq!((outcomes.len(), requests), (1, 1));
}

#[test]
fn a_closed_edge_is_cut_after_the_count() {
    let mut can = able(10);
    can.upper_edge = UpperEdge::Closed;
    let asked = window(0, 5 * TICK);
    let (outcomes, requests) = read(ScriptedPages::new(can, rows(9), Faults::default()), asked);
    whole(&outcomes, asked, &rows(9));
    let Ok(SliceOutcome::Slice(slice)) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!((slice.total, slice.records.len(), requests), (5, 5, 1));
}

#[test]
fn slices_are_a_function_of_the_responses_alone() {
    let asked = window(0, 5_000 * TICK);
    for edge in [UpperEdge::Open, UpperEdge::Closed] {
        let run = |concurrency, held, jitter| {
            let mut can = able(20);
            can.upper_edge = edge;
            let mut there = rows(1_500);
            for n in [77, 700, 701] {
                there[n].kind = RowKind::Poison;
            }
            there.extend((0..60).map(|n| row(format!("t{n}"), 2_000 * TICK)));
            let faults = Faults {
                jitter,
                ..Faults::default()
            };
            let limits = Limits {
                concurrency,
                held,
                ..Limits::default()
            };
            let source = Arc::new(ScriptedPages::new(can, there, faults));
            read_with(source, asked, limits)
        };
        let first = run(1, 1, false);
        for (concurrency, held, jitter) in
            [(2, 1, true), (3, 6, true), (8, 20, false), (8, 2, true)]
        {
            assert!(
                run(concurrency, held, jitter) == first,
                "{concurrency} {held}"
            );
        }
    }
}

#[test]
fn an_unreadable_record_is_a_hole_of_one_tick() {
    for edge in [UpperEdge::Open, UpperEdge::Closed] {
        let asked = window(0, 1_000_000 * TICK);
        let mut there = rows(300);
        there[123].kind = RowKind::Poison;
        let mut can = able(50);
        can.upper_edge = edge;
        let (outcomes, requests) = read(
            ScriptedPages::new(can, there.clone(), Faults::default()),
            asked,
        );
        let holes = check(&outcomes, asked, &there);
        assert_eq!(holes.len(), 1, "{holes:?}");
        assert_eq!(holes[0].window, window(123 * TICK, 124 * TICK));
        assert_eq!(holes[0].reason, HoleReason::Unreadable);
        assert!(requests < 80, "{requests}");
    }
}

#[test]
fn neighbours_at_the_same_instant_are_saved() {
    for count in [5, 40, 130] {
        let asked = window(0, 1_000 * TICK);
        let mut there: Vec<ScriptedRow> =
            (0..count).map(|n| row(format!("r{n}"), 5 * TICK)).collect();
        there[3].kind = RowKind::Poison;
        let source = ScriptedPages::new(able(50), there.clone(), Faults::default());
        let (outcomes, _) = read(source, asked);
        let holes = check(&outcomes, asked, &there);
        assert_eq!(holes.len(), 1);
        assert_eq!(holes[0].window, window(5 * TICK, 6 * TICK));
        assert_eq!(holes[0].records.len(), count - 1, "{:?}", holes[0].detail);
    }
}

#[test]
fn a_record_too_large_for_a_response_is_a_hole() {
    let asked = window(0, 100_000 * TICK);
    let mut there = rows(3_000);
    there[1_234].kind = RowKind::Giant;
    let (outcomes, requests) = read(
        ScriptedPages::new(able(1000), there.clone(), Faults::default()),
        asked,
    );
    let holes = check(&outcomes, asked, &there);
    assert_eq!(holes.len(), 1);
    assert_eq!(holes[0].window, window(1_234 * TICK, 1_235 * TICK));
    assert_eq!(holes[0].reason, HoleReason::TooLarge);
    assert!(requests < 150, "{requests}");
}

#[test]
fn what_fails_everywhere_is_given_up_soon() {
    let asked = window(0, i64::MAX / 2);
    let all = |kind| {
        let mut there = rows(2_000);
        for (n, row) in there.iter_mut().enumerate() {
            row.time = i128::from(asked.to.timestamp_nanos_opt().unwrap() / 2_000 * n as i64);
            row.kind = kind;
        }
        read(
            ScriptedPages::new(able(100), there, Faults::default()),
            asked,
        )
    };
    let (outcomes, requests) = all(RowKind::Poison);
    let holes = check(&outcomes, asked, &[]);
    assert!(holes.len() <= 64, "{}", holes.len());
    assert!(requests < 150, "{requests}");

    let (outcomes, requests) = all(RowKind::Fails(500));
    let failed = SourceError::ServerFailure {
        status: 500,
        tries: 1,
        message: PlatformWords::default(),
    };
    assert_eq!(outcomes, [Err(failed)], "no holes where nothing works");
    assert!(requests < 150, "{requests}");

    let (outcomes, requests) = all(RowKind::Fails(502));
    assert!(matches!(outcomes[..], [Err(_)]));
    assert_eq!(requests, 1);
}

#[test]
fn one_record_that_makes_the_server_fail_is_a_hole() {
    let asked = window(0, 1_000 * TICK);
    let mut there = rows(100);
    there[50].kind = RowKind::Fails(500);
    let (outcomes, _) = read(
        ScriptedPages::new(able(50), there.clone(), Faults::default()),
        asked,
    );
    let holes = check(&outcomes, asked, &there);
    assert_eq!(holes.len(), 1);
    assert_eq!(holes[0].reason, HoleReason::ServerFailure);
}

#[test]
fn what_was_read_before_a_failure_is_handed_out() {
    let asked = window(0, 1_000 * TICK);
    let faults = Faults {
        breaks_at: Some(20),
        ..Faults::default()
    };
    let (mut outcomes, _) = read(ScriptedPages::new(able(20), rows(1_000), faults), asked);
    let error = outcomes.pop().unwrap().unwrap_err();
    assert_eq!(error.code(), "unauthorised");
    assert!(outcomes.len() > 10);
    let read = Window::new(
        asked.from,
        outcomes.last().unwrap().as_ref().unwrap().window().to,
    );
    whole(&outcomes, read.unwrap(), &rows(1_000));
}

#[test]
fn a_source_that_ignores_filters_fails() {
    let faults = Faults {
        ignores_filters: true,
        ..Faults::default()
    };
    let (outcomes, _) = read(
        ScriptedPages::new(able(10), rows(5), faults),
        window(0, 3 * TICK),
    );
    let [Err(SourceError::OutsideWindow { time, .. })] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(*time, DateTime::from_timestamp_nanos(3 * TICK));
}

#[test]
fn a_response_that_does_not_agree_is_asked_for_again() {
    let asked = window(0, 10 * TICK);
    for faults in [
        Faults {
            miscounts: [(1, 1)].into(),
            ..Faults::default()
        },
        Faults {
            miscounts: [(1, -1), (2, 3)].into(),
            ..Faults::default()
        },
        Faults {
            partial: [1, 2].into(),
            ..Faults::default()
        },
    ] {
        let (outcomes, requests) = read(ScriptedPages::new(able(20), rows(10), faults), asked);
        whole(&outcomes, asked, &rows(10));
        assert!((2..=3).contains(&requests));
    }
}

#[test]
fn counts_that_never_fit_are_a_hole_with_what_was_seen() {
    let asked = window(0, 10 * TICK);
    let faults = Faults {
        miscounts: (1..10_000).map(|request| (request, 1)).collect(),
        ..Faults::default()
    };
    let (outcomes, requests) = read(ScriptedPages::new(able(20), rows(10), faults), asked);
    let holes = check(&outcomes, asked, &[]);
    assert!(holes.iter().all(
        |hole| hole.reason == HoleReason::CountsDisagree || hole.reason == HoleReason::Crowded
    ));
    let seen: BTreeSet<&str> = holes
        .iter()
        .flat_map(|hole| hole.records.iter().map(id))
        .collect();
    assert_eq!(seen.len(), 10);
    assert!(requests < 500, "{requests}");
}

/// One number for every window, whatever is in it, over a window that would make thousands of ticks.
#[test]
fn a_constant_total_takes_bounded_effort_and_is_named_with_what_was_seen() {
    let asked = window(0, 86_400_000_000 * TICK);
    for total in [1, 7, 9_999, u64::MAX] {
        let faults = Faults {
            total: Some(total),
            ..Faults::default()
        };
        let there: Vec<ScriptedRow> = (0..200)
            .map(|n| row(format!("r{n}"), n * 1_000 * TICK))
            .collect();
        let (outcomes, requests) = read(ScriptedPages::new(able(20), there, faults), asked);
        let holes = check(&outcomes, asked, &[]);
        assert!(requests < 1_500, "{total}: {requests}");
        assert!(holes.len() < 300, "{total}: {}", holes.len());
        let named = holes.iter().all(|hole| hole.detail.contains("by count"));
        assert!(named, "{total}");
    }
}

#[test]
fn a_record_that_the_source_has_twice_is_reported() {
    let asked = window(0, 10 * TICK);
    let faults = Faults {
        doubled: ["r4".to_owned()].into(),
        ..Faults::default()
    };
    let (outcomes, requests) = read(ScriptedPages::new(able(20), rows(10), faults), asked);
    whole(&outcomes, asked, &rows(10));
    let Ok(SliceOutcome::Slice(slice)) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!((slice.source_duplicates, slice.total, requests), (1, 11, 2));
}

fn crowd(count: usize, actions: u8) -> Vec<ScriptedRow> {
    let at = |n: usize| ScriptedRow {
        action: n as u8 % actions,
        ..row(format!("c{n}"), 7 * TICK)
    };
    (0..count).map(at).collect()
}

#[test]
fn an_instant_with_more_rows_than_a_page_is_united() {
    for edge in [UpperEdge::Open, UpperEdge::Closed] {
        for unstable in [false, true] {
            for count in [10, 11, 25, 95] {
                let mut can = able(10);
                can.upper_edge = edge;
                let mut there = crowd(count, 5);
                there.extend(rows(20));
                let faults = Faults {
                    unstable,
                    ..Faults::default()
                };
                let asked = window(0, 50 * TICK);
                let source = ScriptedPages::new(can, there.clone(), faults);
                let (outcomes, requests) = read(source, asked);
                whole(&outcomes, asked, &there);
                assert!(unstable || requests < 80, "{count}: {requests}");
            }
        }
    }
}

/// One row goes and another comes between two pages: the count stays, a row slips from the second
/// page to the first, and nobody would notice.
#[test]
fn a_row_that_slips_between_pages_is_not_lost() {
    for at in 1..20 {
        let there = crowd(25, 1);
        let changes = vec![
            RowChange::Purge("c0".to_owned()),
            RowChange::Insert(row("late", 7 * TICK)),
        ];
        let faults = Faults {
            changes: [(at, changes)].into(),
            ..Faults::default()
        };
        let asked = window(7 * TICK, 8 * TICK);
        let (outcomes, _) = read(ScriptedPages::new(able(10), there.clone(), faults), asked);
        whole(&outcomes, asked, &there[1..]);
    }
}

/// Each of these requests fails once, wherever it falls.
#[test]
fn what_breaks_off_now_and_then_is_read_whole() {
    for start in 1..30 {
        for every in [7, 11, 13] {
            let mut there = crowd(25, 1);
            there.extend(rows(60));
            let faults = Faults {
                cut: (start..start + 60).step_by(every).collect(),
                ..Faults::default()
            };
            let asked = window(0, 50 * TICK);
            let (outcomes, _) = read(ScriptedPages::new(able(10), there.clone(), faults), asked);
            let holes = check(&outcomes, asked, &there);
            assert!(holes.is_empty(), "{start} {every}");
        }
    }
}

#[test]
fn a_crowd_over_the_limit_is_a_hole() {
    let asked = window(0, 50 * TICK);
    let limits = Limits {
        instant_records: 30,
        ..Limits::default()
    };
    let source = Arc::new(ScriptedPages::new(
        able(10),
        crowd(60, 1),
        Faults::default(),
    ));
    let outcomes = read_with(source, asked, limits);
    let holes = check(&outcomes, asked, &[]);
    assert_eq!(holes.len(), 1);
    assert_eq!(holes[0].reason, HoleReason::Crowded);
    assert_eq!(holes[0].records.len(), 30, "no more than there is room for");
}

#[test]
fn sources_that_cannot_count_are_read_twice() {
    let mut can = able(10);
    can.counts_trusted = false;
    let asked = window(0, 100 * TICK);
    let mut there = rows(40);
    there.extend(crowd(25, 1));
    let (outcomes, _) = read(
        ScriptedPages::new(can, there.clone(), Faults::default()),
        asked,
    );
    whole(&outcomes, asked, &there);
}
