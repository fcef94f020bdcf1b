//! Counting, the oldest record, records of the future.

use super::*;
use crate::source::scripted::able;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}

#[test]
fn counts_stop_before_the_edge() {
    for edge in [UpperEdge::Open, UpperEdge::Closed] {
        for crowd_at_edge in [0, 1, 5, 40] {
            let mut can = able(10);
            can.upper_edge = edge;
            let mut there = rows(30);
            there.extend((0..crowd_at_edge).map(|n| row(format!("e{n}"), 20 * TICK)));
            let source = Scripted::new(can, there, Faults::default());
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
        let source = Scripted::new(can.clone(), rows(1_000), Faults::default());
        let counted = run(count(&source, &main(), window(0, 990 * TICK))).unwrap();
        assert_eq!((counted.rows, counted.exact), (990, true));
        let source = Scripted::new(can, crowd(60, 1), Faults::default());
        let counted = run(count(&source, &main(), window(0, 990 * TICK))).unwrap();
        assert!(!counted.exact);
    }
}

#[test]
fn an_untrusted_count_says_so() {
    let mut can = able(10);
    can.counts_trusted = false;
    let source = Scripted::new(can, rows(30), Faults::default());
    let counted = run(count(&source, &main(), window(0, 20 * TICK))).unwrap();
    assert_eq!(
        (counted.rows, counted.exact, counted.requests),
        (20, false, 1)
    );
}

#[test]
fn counting_passes_an_unreadable_first_row() {
    let mut there = rows(30);
    there[0].kind = Kind::Poison;
    let source = Scripted::new(able(10), there, Faults::default());
    let counted = run(count(&source, &main(), window(0, 20 * TICK))).unwrap();
    assert_eq!((counted.rows, counted.requests), (20, 2));
}

#[test]
fn the_oldest_and_the_future() {
    let now = DateTime::from_timestamp_nanos(10 * TICK);
    let mut there = rows(30);
    there.remove(0);
    let source = |there| Scripted::new(able(10), there, Faults::default());
    let first = DateTime::from_timestamp_nanos(TICK);
    assert_eq!(
        run(oldest(&source(there.clone()), &main(), now)),
        Ok(Some(first))
    );
    assert_eq!(run(oldest(&source(Vec::new()), &main(), now)), Ok(None));
    let after = run(count_after(&source(there.clone()), &main(), now)).unwrap();
    assert_eq!(after.rows, 20);

    there[0].kind = Kind::Poison;
    there[1].kind = Kind::Poison;
    let third = DateTime::from_timestamp_nanos(3 * TICK);
    assert_eq!(
        run(oldest(&source(there.clone()), &main(), now)),
        Ok(Some(third))
    );

    for row in &mut there {
        row.kind = Kind::Unfit;
    }
    let none = run(oldest(&source(there), &main(), now)).unwrap_err();
    assert_eq!(none.code(), "not_understood");
}
