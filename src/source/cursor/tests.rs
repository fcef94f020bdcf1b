//! The reader against a platform in memory that misbehaves.

mod any_chain;
mod contract;

use super::scripted::{ScriptedChain, chaining};
use super::stream::read_window;
use super::*;
use crate::source::scripted::{
    Faults, Outcomes, RowChange, RowKind, ScriptedRow, TICK, check, main, row, run, whole, window,
};
use crate::source::{HoleReason, Limits, SliceOutcome};

/// One row per tick.
fn rows(count: usize) -> Vec<ScriptedRow> {
    let row = |n: usize| ScriptedRow {
        delay: (n % 3) as i64 * 10 * TICK,
        ..row(format!("r{n}"), n as i64 * TICK)
    };
    (0..count).map(row).collect()
}

fn read_with(chain: Arc<ScriptedChain>, window: Window, limits: Limits) -> Outcomes {
    let request = WindowRequest {
        tenant: main(),
        window,
        limits,
    };
    run(read_window(chain, request).collect())
}

/// Limits under which a window holds about so many rows.
fn small(rows: u64) -> Limits {
    let bytes = rows * 264;
    Limits {
        response_bytes: bytes,
        ahead_bytes: bytes * 4,
        ..Limits::default()
    }
}

fn read(chain: ScriptedChain, window: Window) -> (Outcomes, u64) {
    let chain = Arc::new(chain);
    let outcomes = read_with(chain.clone(), window, small(30));
    (outcomes, chain.requests())
}

fn event(page_cap: u32, rows: Vec<ScriptedRow>, faults: Faults) -> ScriptedChain {
    ScriptedChain::new(chaining(Axis::Event, page_cap), rows, faults)
}

#[test]
fn a_window_that_fits_costs_two_chains() {
    let asked = window(0, 200 * TICK);
    for (there, page_cap, expected) in [(rows(9), 10, 2), (Vec::new(), 10, 2), (rows(25), 10, 6)] {
        let (outcomes, requests) = read(event(page_cap, there.clone(), Faults::default()), asked);
        whole(&outcomes, asked, &there);
        assert_eq!((outcomes.len(), requests), (1, expected));
    }
}

fn with_totals(page_cap: u32, rows: Vec<ScriptedRow>, faults: Faults) -> ScriptedChain {
    let chaining = Chaining {
        limits: Vec::new(),
        ..chaining(Axis::Event, page_cap)
    };
    ScriptedChain::new(chaining, rows, faults)
}

#[test]
fn a_total_proves_one_response_with_room_and_is_held_against_two_readings_of_more() {
    let asked = window(0, 200 * TICK);
    // A full response may have pushed a row out.
    for (there, expected) in [(rows(9), 1), (Vec::new(), 1), (rows(10), 2), (rows(25), 6)] {
        let (outcomes, requests) = read(with_totals(10, there.clone(), Faults::default()), asked);
        whole(&outcomes, asked, &there);
        assert_eq!((outcomes.len(), requests), (1, expected), "{}", there.len());
    }
}

#[test]
fn a_chain_whose_rows_are_not_as_many_as_its_total_is_read_again() {
    let asked = window(0, 200 * TICK);
    let once = Faults {
        miscounts: [(1, 1), (2, -1)].into(),
        ..Faults::default()
    };
    let (outcomes, requests) = read(with_totals(10, rows(9), once), asked);
    whole(&outcomes, asked, &rows(9));
    assert_eq!(requests, 3);
    // A row that goes and one that comes between two responses leave the total as it was.
    let changed = Faults {
        changes: [(2, vec![RowChange::Purge("r3".to_owned())])].into(),
        ..Faults::default()
    };
    let (outcomes, _) = read(with_totals(10, rows(25), changed), asked);
    let Ok(SliceOutcome::Slice(slice)) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert!(slice.total >= 24, "{}", slice.total);
    let always = Faults {
        total: Some(12),
        ..Faults::default()
    };
    let (outcomes, _) = read(with_totals(10, rows(1), always), window(0, TICK));
    let Ok(SliceOutcome::Hole(hole)) = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(hole.reason, HoleReason::CountsDisagree);
    assert!(
        hole.detail.contains("counts 12 records and returned 1"),
        "{}",
        hole.detail
    );
}

#[test]
fn many_rows_cost_little_more_than_twice_their_responses() {
    let asked = window(0, 1_000_000 * TICK);
    let (outcomes, requests) = read(event(10, rows(3_000), Faults::default()), asked);
    whole(&outcomes, asked, &rows(3_000));
    assert!(requests < 900, "{requests}");
    for outcome in &outcomes {
        let Ok(SliceOutcome::Slice(slice)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(slice.records.len() <= 31, "{}", slice.records.len());
    }
    // Nothing shows how dense the rows are where they come in no order.
    let unstable = Faults {
        unstable: true,
        ..Faults::default()
    };
    let (outcomes, requests) = read(event(10, rows(3_000), unstable), asked);
    whole(&outcomes, asked, &rows(3_000));
    assert!(requests < 1_200, "{requests}");
}

#[test]
fn pieces_are_a_function_of_the_responses_alone() {
    let asked = window(0, 5_000 * TICK);
    let run = |concurrency, held, jitter| {
        let mut there = rows(1_500);
        for n in [77, 700, 701] {
            there[n].kind = RowKind::Poison;
        }
        there.extend((0..60).map(|n| row(format!("t{n}"), 2_000 * TICK)));
        there.extend((0..500).map(|n| row(format!("u{n}"), (2_500 + n) * TICK)));
        let faults = Faults {
            jitter,
            ..Faults::default()
        };
        let limits = Limits {
            concurrency,
            held,
            ..small(30)
        };
        read_with(Arc::new(event(7, there, faults)), asked, limits)
    };
    let first = run(1, 1, false);
    assert!(first.len() > 50, "{}", first.len());
    for (concurrency, held, jitter) in [(2, 1, true), (2, 6, true), (8, 20, false), (8, 20, true)] {
        assert!(
            run(concurrency, held, jitter) == first,
            "{concurrency} {held}"
        );
    }
}

#[test]
fn unreadable_records_are_holes_of_one_tick() {
    let asked = window(0, 86_400_000_000 * TICK);
    let mut there = rows(300);
    for bad in [0, 123, 200] {
        there[bad].kind = RowKind::Poison;
    }
    let readable: Vec<ScriptedRow> = there
        .iter()
        .filter(|row| row.kind == RowKind::Plain)
        .cloned()
        .collect();
    let (outcomes, requests) = read(event(50, there, Faults::default()), asked);
    let holes = check(&outcomes, Axis::Event, asked, &readable);
    let found: Vec<_> = holes.iter().map(|hole| hole.window).collect();
    let tick = |n: i64| window(n * TICK, (n + 1) * TICK);
    assert_eq!(found, [tick(0), tick(123), tick(200)]);
    assert!(holes.iter().all(|it| it.reason == HoleReason::Unreadable));
    assert!(requests < 250, "{requests}");
}

#[test]
fn a_platform_that_always_fails_is_not_asked_about_each_tick() {
    let asked = window(0, 86_400_000_000 * TICK);
    let failing = (0..1_440).map(|n| ScriptedRow {
        kind: RowKind::Poison,
        ..row(format!("r{n}"), n * 60_000_000 * TICK)
    });
    let (outcomes, requests) = read(event(50, failing.collect(), Faults::default()), asked);
    let holes = check(&outcomes, Axis::Event, asked, &[]);
    assert!(!holes.is_empty());
    assert!(requests < 1_500, "{requests}");
}

#[test]
fn one_tick_may_take_more_than_a_window() {
    let asked = window(0, 200 * TICK);
    let mut there: Vec<ScriptedRow> = (0..150).map(|n| row(format!("r{n}"), 5 * TICK)).collect();
    there.extend((0..20).map(|n| row(format!("s{n}"), n * TICK)));
    let (outcomes, _) = read(event(10, there.clone(), Faults::default()), asked);
    whole(&outcomes, asked, &there);
    let limits = Limits {
        instant_records: 100,
        ..small(30)
    };
    let chain = Arc::new(event(10, there.clone(), Faults::default()));
    let holes = check(&read_with(chain, asked, limits), Axis::Event, asked, &there);
    let [hole] = &holes[..] else {
        panic!("{holes:?}");
    };
    assert_eq!(hole.reason, HoleReason::Crowded);
    assert_eq!(hole.window, window(5 * TICK, 6 * TICK));
    assert_eq!(hole.records.len(), 100);
}

#[test]
fn a_giant_record_is_a_hole_of_its_tick() {
    let asked = window(0, 200 * TICK);
    let mut there = rows(40);
    there[17].kind = RowKind::Giant;
    let readable: Vec<ScriptedRow> = there
        .iter()
        .filter(|row| row.kind == RowKind::Plain)
        .cloned()
        .collect();
    let (outcomes, _) = read(event(10, there, Faults::default()), asked);
    let holes = check(&outcomes, Axis::Event, asked, &readable);
    let [hole] = &holes[..] else {
        panic!("{holes:?}");
    };
    assert_eq!(hole.reason, HoleReason::TooLarge);
    assert_eq!(hole.window, window(17 * TICK, 18 * TICK));
}

#[test]
fn tokens_that_die_begin_the_chain_again() {
    let asked = window(0, 20 * TICK);
    let faults = Faults {
        expired: [3, 9].into(),
        ..Faults::default()
    };
    let (outcomes, _) = read(event(5, rows(20), faults), asked);
    whole(&outcomes, asked, &rows(20));
    assert_eq!(outcomes.len(), 1);
    // Where no token lives long enough, shorter windows do.
    let faults = Faults {
        token_life: Some(1),
        ..Faults::default()
    };
    let (outcomes, _) = read(event(5, rows(20), faults.clone()), asked);
    whole(&outcomes, asked, &rows(20));
    // And where one instant has too many rows for it, that is a hole.
    let crowd: Vec<ScriptedRow> = (0..20).map(|n| row(format!("r{n}"), 3 * TICK)).collect();
    let (outcomes, _) = read(event(5, crowd.clone(), faults), asked);
    let holes = check(&outcomes, Axis::Event, asked, &crowd);
    assert_eq!(holes[0].reason, HoleReason::CutOff);
    assert_eq!(holes[0].window, window(3 * TICK, 4 * TICK));
    assert!(!holes[0].records.is_empty());
}

#[test]
fn a_chain_without_an_end_is_given_up() {
    let asked = window(0, 20 * TICK);
    let faults = Faults {
        repeated: (1..10_000).collect(),
        ..Faults::default()
    };
    let crowd: Vec<ScriptedRow> = (0..20).map(|n| row(format!("r{n}"), 3 * TICK)).collect();
    let (outcomes, _) = read(event(5, crowd, faults), asked);
    let holes = check(&outcomes, Axis::Event, asked, &[]);
    let [hole] = &holes[..] else {
        panic!("{holes:?}");
    };
    assert_eq!(hole.reason, HoleReason::NotUnderstood);
    assert!(hole.detail.contains("second time"), "{}", hole.detail);
    let endless = Faults {
        endless: true,
        ..Faults::default()
    };
    let (outcomes, _) = read(event(5, Vec::new(), endless), window(0, 2 * TICK));
    let holes = check(&outcomes, Axis::Event, window(0, 2 * TICK), &[]);
    assert!(holes.iter().all(|it| it.detail.contains("1000 responses")));
    assert!(!holes.is_empty());
}

#[test]
fn readings_that_never_agree_are_a_hole() {
    let asked = window(0, 20 * TICK);
    let crowd: Vec<ScriptedRow> = (0..20).map(|n| row(format!("r{n}"), 3 * TICK)).collect();
    let faults = Faults {
        forgets: true,
        ..Faults::default()
    };
    let (outcomes, _) = read(event(50, crowd.clone(), faults), asked);
    let holes = check(&outcomes, Axis::Event, asked, &crowd);
    let [hole] = &holes[..] else {
        panic!("{holes:?}");
    };
    assert_eq!(hole.reason, HoleReason::CountsDisagree);
    // What was seen once is kept.
    assert_eq!(hole.records.len(), 20);
}

#[test]
fn what_arrives_between_two_readings_is_read() {
    let asked = window(0, 20 * TICK);
    let late = row("late", 3 * TICK);
    let faults = Faults {
        changes: [(2, vec![RowChange::Insert(late.clone())])].into(),
        ..Faults::default()
    };
    let (outcomes, requests) = read(event(50, rows(20), faults), asked);
    let mut there = rows(20);
    there.push(late);
    whole(&outcomes, asked, &there);
    assert_eq!(requests, 3);
}

#[test]
fn a_repetition_counts_where_every_reading_has_it() {
    let asked = window(0, 20 * TICK);
    let always = Faults {
        doubled: ["r3".to_owned()].into(),
        ..Faults::default()
    };
    let sometimes = Faults {
        stutters: true,
        ..Faults::default()
    };
    for (faults, repeated) in [(always, 1), (sometimes, 0)] {
        let (outcomes, _) = read(event(50, rows(20), faults), asked);
        let [Ok(SliceOutcome::Slice(slice))] = &outcomes[..] else {
            panic!("{outcomes:?}");
        };
        assert_eq!(slice.source_duplicates, repeated);
        assert_eq!(slice.total, 20 + repeated);
    }
}

#[tokio::test]
async fn filters_that_are_ignored_are_found_out() {
    let faults = Faults {
        ignores_filters: true,
        ..Faults::default()
    };
    let chain = event(10, rows(5), faults.clone());
    let control = Cursor::new(chain).control_request(&main()).await;
    assert_eq!(control.unwrap_err().code(), "filters_ignored");
    let chain = Arc::new(event(10, rows(5), faults));
    let request = WindowRequest {
        tenant: main(),
        window: window(2 * TICK, 3 * TICK),
        limits: small(30),
    };
    let outcomes: Outcomes = read_window(chain, request).collect().await;
    let [Err(SourceError::OutsideWindow { .. })] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
}

#[test]
fn a_failure_of_the_source_comes_in_its_place() {
    let asked = window(0, 1_000_000 * TICK);
    let faults = Faults {
        breaks_at: Some(200),
        ..Faults::default()
    };
    let (outcomes, requests) = read(event(10, rows(3_000), faults), asked);
    let (failure, read) = outcomes.split_last().unwrap();
    assert_eq!(failure.as_ref().unwrap_err().code(), "unauthorised");
    let mut next = asked.from;
    for outcome in read {
        let part = outcome.as_ref().unwrap().window();
        assert_eq!(part.from, next);
        next = part.to;
    }
    assert!(requests < 210, "{requests}");
}

#[tokio::test]
async fn the_oldest_record_is_found_in_whatever_order_rows_come() {
    for (unstable, count) in [(false, 300), (true, 300), (false, 0), (true, 1)] {
        let faults = Faults {
            unstable,
            trailing: 2,
            empty: [1, 2].into(),
            ..Faults::default()
        };
        let mut there = rows(count);
        there.iter_mut().for_each(|row| row.time += 77);
        let source = Cursor::new(event(50, there, faults));
        let until = DateTime::from_timestamp_nanos(10_000 * TICK);
        let found = source.oldest(&main(), until).await.unwrap();
        let first = (count > 0).then(|| DateTime::from_timestamp_nanos(77));
        assert_eq!(found, first, "{unstable} {count}");
    }
}
