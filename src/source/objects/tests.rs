//! The reader against objects in memory that misbehave.

mod any_objects;

use super::scripted::{Bundle, BundleState, ScriptedObjects, bundle};
use super::*;
use crate::source::conformance::{KnownFeed, check_feed, check_under_faults};
use crate::source::scripted::{self, Faults, Outcomes, TICK, main, run};
use crate::source::{Hole, Keyed, Limits, Slice, SliceOutcome};
use futures::TryStreamExt as _;

/// Ticks of a day.
const DAY: i64 = 86_400_000_000;

/// A window in ticks since 1970.
fn window(from: i64, to: i64) -> Window {
    scripted::window(from * TICK, to * TICK)
}

fn limits() -> Limits {
    Limits::within(1 << 20, 1 << 20, 3)
}

fn read_of(feed: &dyn Source, window: Window, limits: Limits) -> Outcomes {
    let request = WindowRequest {
        tenant: main(),
        window,
        limits,
    };
    run(feed.read(request).collect())
}

fn read(bundles: &[Bundle], faults: Faults, window: Window, limits: Limits) -> Outcomes {
    let feed = ObjectFeed::new(ScriptedObjects::new(bundles.to_vec(), faults));
    read_of(&feed, window, limits)
}

fn ids(records: &[Keyed]) -> Vec<&str> {
    records.iter().map(scripted::id).collect()
}

fn keys(objects: &[ReadObject]) -> Vec<&str> {
    objects.iter().map(|read| &*read.object.key).collect()
}

fn slice(outcome: &Result<SliceOutcome, SourceError>) -> &Slice {
    match outcome {
        Ok(SliceOutcome::Slice(slice)) => slice,
        other => panic!("{other:?}"),
    }
}

fn hole(outcome: &Result<SliceOutcome, SourceError>) -> &Hole {
    match outcome {
        Ok(SliceOutcome::Hole(hole)) => hole,
        other => panic!("{other:?}"),
    }
}

/// What is known of a window whose objects are these.
fn known(bundles: &[Bundle]) -> KnownFeed {
    let is_plain = |bundle: &&Bundle| bundle.state == BundleState::Plain;
    let plain = bundles.iter().filter(is_plain);
    let records = plain.flat_map(|bundle| {
        let at = bundle.at();
        bundle.rows.iter().map(move |row| (row.id.clone(), at))
    });
    let unreadable = bundles.iter().filter(|bundle| !is_plain(bundle));
    KnownFeed {
        records: records.collect(),
        unreadable: unreadable
            .filter_map(|it| Window::new(it.at(), it.at() + TimeDelta::nanoseconds(TICK)))
            .collect(),
        longest_hole: TimeDelta::nanoseconds(TICK),
    }
}

fn some() -> Vec<Bundle> {
    vec![
        bundle("b", 20, &["b1", "b2"]),
        bundle("a", 10, &["a1"]),
        bundle("d", 30, &["d1", "d2", "d3"]),
        bundle("c", 30, &["c1"]),
        bundle("e", DAY + 5, &["e1"]),
    ]
}

#[tokio::test]
async fn a_feed_of_objects_keeps_the_contract() {
    let asked = window(0, 2 * DAY);
    let mut cases = vec![Vec::new(), some()];
    for state in [
        BundleState::Broken(HoleReason::Gone),
        BundleState::Broken(HoleReason::NotUnderstood),
        BundleState::Denied,
    ] {
        let mut bundles = some();
        bundles[2].state = state;
        cases.push(bundles);
    }
    for bundles in cases {
        let known = known(&bundles);
        let feed = ObjectFeed::new(ScriptedObjects::new(bundles.clone(), Faults::default()));
        check_feed(&feed, &main(), asked, &known).await.unwrap();
        let faults = Faults {
            jitter: true,
            ..Faults::default()
        };
        let feed = ObjectFeed::new(ScriptedObjects::new(bundles, faults));
        check_under_faults(&feed, &main(), asked, &known)
            .await
            .unwrap();
    }
}

#[test]
fn a_date_is_one_slice_where_it_fits() {
    let outcomes = read(&some(), Faults::default(), window(0, 2 * DAY), limits());
    assert_eq!(outcomes.len(), 2);
    let first = slice(&outcomes[0]);
    assert_eq!(first.window, window(0, DAY));
    assert_eq!(
        ids(&first.records),
        ["a1", "b1", "b2", "c1", "d1", "d2", "d3"]
    );
    assert_eq!(keys(&first.objects), ["a", "b", "c", "d"]);
    let counts: Vec<u64> = first
        .objects
        .iter()
        .map(|read| read.read.unwrap().records)
        .collect();
    assert_eq!(counts, [1, 2, 1, 3]);
    assert_eq!(first.requests, 5);
    let arrived = first.records[0].returned.arrived.unwrap();
    assert_eq!(arrived, some()[1].at());
    assert!(first.records[0].time().unwrap() < arrived);
}

/// Slices are of whole positions, and no larger than a response but for a single position.
#[test]
fn slices_hold_as_many_objects_as_fit() {
    let small = Limits {
        response_bytes: 600,
        ..limits()
    };
    let outcomes = read(&some(), Faults::default(), window(0, DAY), small);
    let held: Vec<Vec<&str>> = outcomes.iter().map(|it| keys(&slice(it).objects)).collect();
    assert_eq!(held, [vec!["a"], vec!["b"], vec!["c", "d"]]);
    let windows: Vec<Window> = outcomes.iter().map(|it| slice(it).window).collect();
    assert_eq!(windows, [window(0, 20), window(20, 30), window(30, DAY)]);
}

#[test]
fn what_cannot_be_read_is_a_hole_and_spoils_nothing_beside_it() {
    for (state, reason) in [
        (BundleState::Broken(HoleReason::Gone), HoleReason::Gone),
        (BundleState::Broken(HoleReason::CutOff), HoleReason::CutOff),
        (BundleState::Denied, HoleReason::Denied),
    ] {
        let mut bundles = some();
        bundles[2].state = state;
        let outcomes = read(&bundles, Faults::default(), window(0, DAY), limits());
        assert_eq!(outcomes.len(), 3);
        assert_eq!(ids(&slice(&outcomes[0]).records), ["a1", "b1", "b2"]);
        let found = hole(&outcomes[1]);
        assert_eq!((found.window, found.reason), (window(30, 31), reason));
        assert!(found.detail.starts_with("d: "), "{}", found.detail);
        // Its neighbour of the same position is kept.
        assert_eq!(ids(&found.records), ["c1"]);
        assert_eq!(keys(&found.objects), ["c", "d"]);
        assert_eq!(found.objects[1].read, Err(reason));
        assert_eq!(slice(&outcomes[2]).window, window(31, DAY));
    }
}

#[test]
fn a_large_object_is_read_alone_and_a_larger_one_is_a_hole() {
    let mut bundles = some();
    // Denser than objects are expected to be.
    bundles[0].size = 1 << 20;
    bundles[4] = Bundle {
        size: (1 << 20) + 1,
        ..bundle("e", 40, &["e1"])
    };
    let outcomes = read(&bundles, Faults::default(), window(0, DAY), limits());
    assert_eq!(
        ids(&slice(&outcomes[0]).records),
        ["a1", "b1", "b2", "c1", "d1", "d2", "d3"]
    );
    let found = hole(&outcomes[1]);
    assert_eq!(
        (found.window, found.reason),
        (window(40, 41), HoleReason::TooLarge)
    );
}

#[test]
fn a_position_with_more_than_fits_is_a_hole_that_keeps_what_fits() {
    let narrow = Limits {
        instant_bytes: 600,
        ..limits()
    };
    let outcomes = read(&some(), Faults::default(), window(0, DAY), narrow);
    let found = hole(&outcomes[1]);
    assert_eq!(found.reason, HoleReason::Crowded);
    assert_eq!(ids(&found.records), ["c1"]);
}

/// What is read ahead stays within its bound.
#[tokio::test]
async fn few_bytes_are_read_ahead() {
    let bundles: Vec<Bundle> = (0..60)
        .map(|n| Bundle {
            size: 200_000,
            ..bundle(&format!("o{n:02}"), n, &["x"])
        })
        .collect();
    let scripted = Arc::new(ScriptedObjects::new(
        bundles,
        Faults {
            jitter: true,
            ..Faults::default()
        },
    ));
    let limits = Limits {
        ahead_bytes: 500_000,
        concurrency: 50,
        held: 50,
        ..limits()
    };
    let request = WindowRequest {
        tenant: main(),
        window: window(0, DAY),
        limits,
    };
    let objects: Arc<dyn Objects> = scripted.clone();
    let outcomes: Vec<SliceOutcome> = stream::read_window(objects, request)
        .try_collect()
        .await
        .unwrap();
    assert!(!outcomes.is_empty());
    let asked = scripted.asked();
    assert!(asked.most_bytes <= 500_000, "{asked:?}");
    assert!(asked.most_bytes > 200_000, "{asked:?}");
    assert!(asked.reads.values().all(|times| *times == 1));
}

#[test]
fn a_late_object_is_found_by_another_reading() {
    let mut bundles = some();
    bundles[1].appears_after = 1;
    let feed = ObjectFeed::new(ScriptedObjects::new(bundles, Faults::default()));
    let first = read_of(&feed, window(0, DAY), limits());
    let again = read_of(&feed, window(0, DAY), limits());
    assert_eq!(keys(&slice(&first[0]).objects), ["b", "c", "d"]);
    assert_eq!(keys(&slice(&again[0]).objects), ["a", "b", "c", "d"]);
}

/// A record that is delivered again is returned again, and counted as a repetition.
#[test]
fn a_repeated_record_is_counted() {
    let mut bundles = some();
    bundles.push(Bundle {
        rows: bundles[1].rows.clone(),
        ..bundle("f", 12, &[])
    });
    let outcomes = read(&bundles, Faults::default(), window(0, DAY), limits());
    let found = slice(&outcomes[0]);
    assert_eq!((found.total, found.source_duplicates), (8, 1));
}

#[test]
fn an_object_outside_the_window_fails_the_feed() {
    let faults = Faults {
        ignores_filters: true,
        ..Faults::default()
    };
    let outcomes = read(&some(), faults, window(0, 15), limits());
    assert!(
        matches!(outcomes[..], [Err(SourceError::OutsideWindow { .. })]),
        "{outcomes:?}"
    );
}

/// A failure comes after everything that lies before it, and ends the stream.
#[test]
fn a_failure_comes_in_its_place() {
    let alone = Limits {
        concurrency: 1,
        ..limits()
    };
    // The third object of the first date, and the listing of the second date.
    for (breaks_at, before) in [(4, window(0, 30)), (6, window(0, DAY))] {
        let faults = Faults {
            breaks_at: Some(breaks_at),
            ..Faults::default()
        };
        let outcomes = read(&some(), faults, window(0, 2 * DAY), alone);
        assert_eq!(outcomes.len(), 2);
        assert_eq!(slice(&outcomes[0]).window, before);
        assert!(matches!(outcomes[1], Err(SourceError::Unauthorised { .. })));
    }
}

#[test]
fn a_feed_of_which_nothing_may_be_read_fails() {
    let denied = |count: i64| -> Vec<Bundle> {
        (0..count)
            .map(|n| Bundle {
                state: BundleState::Denied,
                ..bundle(&format!("o{n:02}"), 10 + n * 2, &["x"])
            })
            .collect()
    };
    let outcomes = read(&denied(16), Faults::default(), window(0, DAY), limits());
    assert_eq!(outcomes.len(), 2);
    assert_eq!(slice(&outcomes[0]).window, window(0, 10));
    assert!(matches!(
        outcomes[1],
        Err(SourceError::BucketForbidden { .. })
    ));
    // With fewer, or one that can be read among them, they are holes.
    let few = read(&denied(15), Faults::default(), window(0, DAY), limits());
    assert!(few.iter().all(Result::is_ok), "{few:?}");
    let mut mixed = denied(40);
    mixed[8].state = BundleState::Plain;
    let mixed = read(&mixed, Faults::default(), window(0, DAY), limits());
    let holes = mixed
        .iter()
        .filter(|it| matches!(it, Ok(SliceOutcome::Hole(_))));
    assert_eq!(holes.count(), 39);
}
