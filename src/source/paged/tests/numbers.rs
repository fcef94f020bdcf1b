//! Counting, the oldest record, records of the future.

use super::super::count::{count, oldest};
use super::super::scripted::able;
use super::*;
use crate::source::Source as _;

#[test]
fn counts_stop_before_the_edge() {
    for edge in [UpperEdge::Open, UpperEdge::Closed] {
        for crowd_at_edge in [0, 1, 5, 40] {
            let mut can = able(10);
            can.upper_edge = edge;
            let mut there = rows(30);
            there.extend((0..crowd_at_edge).map(|n| row(format!("e{n}"), 20 * TICK)));
            let source = ScriptedPages::new(can, there, Faults::default());
            let counted = run(count(&source, &main(), window(5 * TICK, 20 * TICK))).unwrap();
            assert_eq!((counted.rows, counted.exact), (15, true), "{edge:?}");
            assert_eq!(u64::from(counted.requests), source.requests());
            if crowd_at_edge < 5 {
                assert_eq!(counted.requests, 1);
            }
        }
    }
}

#[test]
fn a_total_at_the_limit_is_divided() {
    for edge in [UpperEdge::Open, UpperEdge::Closed] {
        let mut can = able(10);
        can.upper_edge = edge;
        can.count_cap = Some(25);
        let source = ScriptedPages::new(can.clone(), rows(1_000), Faults::default());
        let counted = run(count(&source, &main(), window(0, 990 * TICK))).unwrap();
        assert_eq!((counted.rows, counted.exact), (990, true));
        let source = ScriptedPages::new(can, crowd(60, 1), Faults::default());
        let counted = run(count(&source, &main(), window(0, 990 * TICK))).unwrap();
        assert!(!counted.exact);
    }
}

#[test]
fn an_untrusted_count_says_so() {
    let mut can = able(10);
    can.counts_trusted = false;
    let source = ScriptedPages::new(can, rows(30), Faults::default());
    let counted = run(count(&source, &main(), window(0, 20 * TICK))).unwrap();
    assert_eq!(
        (counted.rows, counted.exact, counted.requests),
        (20, false, 1)
    );
}

#[test]
fn counting_passes_an_unreadable_first_row() {
    let mut there = rows(30);
    there[0].kind = RowKind::Poison;
    let source = ScriptedPages::new(able(10), there, Faults::default());
    let counted = run(count(&source, &main(), window(0, 20 * TICK))).unwrap();
    assert_eq!((counted.rows, counted.requests), (20, 2));
}

#[test]
fn the_oldest_and_the_future() {
    let now = DateTime::from_timestamp_nanos(10 * TICK);
    let mut there = rows(30);
    there.remove(0);
    let source = |there| ScriptedPages::new(able(10), there, Faults::default());
    let first = DateTime::from_timestamp_nanos(TICK);
    assert_eq!(
        run(oldest(&source(there.clone()), &main(), now)),
        Ok(Some(first))
    );
    assert_eq!(run(oldest(&source(Vec::new()), &main(), now)), Ok(None));
    let after = run(Paged::new(source(there.clone())).count_after(&main(), now)).unwrap();
    assert_eq!(after.rows, 20);

    there[0].kind = RowKind::Poison;
    there[1].kind = RowKind::Poison;
    // Of records that cannot be read only the date is found, by counting.
    let midnight = Ok(Some(DateTime::UNIX_EPOCH));
    assert_eq!(run(oldest(&source(there.clone()), &main(), now)), midnight);
    for row in &mut there {
        row.kind = RowKind::Unfit;
    }
    assert_eq!(run(oldest(&source(there), &main(), now)), midnight);
}

/// However old they are, and whoever is older and cannot be read.
#[test]
fn the_oldest_is_found_by_date_whatever_hides_it() {
    const DAY: i64 = 86_400_000_000_000;
    let now = DateTime::from_timestamp_nanos(1_000 * DAY);
    for (kind, day) in [
        (RowKind::Poison, -90_000),
        (RowKind::Unfit, -1),
        (RowKind::Poison, 0),
        (RowKind::Unfit, 999),
    ] {
        let mut there = vec![row("new", 999 * DAY + TICK)];
        for nth in 0..40 {
            there.push(ScriptedRow {
                kind,
                ..row(format!("old{nth}"), day * DAY + 500 * TICK + nth)
            });
        }
        let source = ScriptedPages::new(able(10), there, Faults::default());
        let found = run(oldest(&source, &main(), now)).unwrap();
        assert_eq!(
            found,
            Some(DateTime::from_timestamp_nanos(day * DAY)),
            "{kind:?}"
        );
        let requests = source.requests();
        assert!(requests <= 25, "{requests}");
    }
}

/// As far as an instant can be written, on both sides of 1970 and of what nanoseconds in 64 bits reach.
#[test]
fn the_ends_of_the_calendar_are_read_and_counted() {
    let nanos = |text: &str| {
        let at: DateTime<Utc> = text.parse().unwrap();
        i128::from(at.timestamp()) * 1_000_000_000 + i128::from(at.timestamp_subsec_nanos())
    };
    let times = [
        "0001-01-01T00:00:00Z",
        "1677-09-21T00:12:43.145224192Z",
        "1969-12-31T23:59:59.999999999Z",
        "1970-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59.999999998Z",
    ];
    let there: Vec<ScriptedRow> = times.iter().map(|at| row(*at, nanos(at))).collect();
    let source = || ScriptedPages::new(able(3), there.clone(), Faults::default());
    let now: DateTime<Utc> = "2026-01-02T00:00:00Z".parse().unwrap();
    let first: DateTime<Utc> = times[0].parse().unwrap();
    assert_eq!(run(oldest(&source(), &main(), now)), Ok(Some(first)));
    assert_eq!(
        run(Paged::new(source()).count_after(&main(), now))
            .unwrap()
            .rows,
        2
    );
    let asked = Window::new(first, now).unwrap();
    assert_eq!(run(count(&source(), &main(), asked)).unwrap().rows, 5);
    let (outcomes, _) = read(source(), asked);
    whole(&outcomes, asked, &there[..5]);
}

/// A number of somebody else's may be any number.
#[test]
fn totals_at_their_ends_are_counted_without_overflow() {
    for total in [u64::MAX, u64::MAX - 1, 1 << 63] {
        let faults = Faults {
            total: Some(total),
            ..Faults::default()
        };
        let source = ScriptedPages::new(able(10), rows(30), faults);
        let counted = run(count(&source, &main(), window(0, 20 * TICK))).unwrap();
        assert_eq!(counted.rows, total);
    }
}
