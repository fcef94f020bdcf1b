//! Whatever objects there are and however they misbehave: nothing is lost without a hole that says so.

use super::*;
use crate::source::scripted::{RowKind, ScriptedRow, row};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Case {
    bundles: Vec<Bundle>,
    asked: Window,
    limits: Limits,
}

fn any_state() -> impl Strategy<Value = BundleState> {
    prop_oneof![
        8 => Just(BundleState::Plain),
        1 => Just(BundleState::Denied),
        1 => prop_oneof![
            Just(HoleReason::Gone),
            Just(HoleReason::CutOff),
            Just(HoleReason::NotUnderstood),
        ]
        .prop_map(BundleState::Broken),
    ]
}

/// A row that may be delivered in several objects.
fn any_row() -> impl Strategy<Value = ScriptedRow> {
    (0_u32..60, any::<bool>()).prop_map(|(n, has_key)| match has_key {
        true => row(format!("r{n}"), i64::from(n) * TICK),
        false => ScriptedRow {
            kind: RowKind::Unfit,
            ..row(format!("u{n}"), 0)
        },
    })
}

prop_compose! {
    fn any_bundle()(
        position in prop_oneof![0_i64..40, (DAY - 20)..(DAY + 20), Just(2 * DAY)],
        rows in prop::collection::vec(any_row(), 0..6),
        size in prop_oneof![1_u64..2_000, 30_000_u64..90_000],
        state in any_state(),
    ) -> Bundle {
        Bundle {
            rows,
            size,
            state,
            ..bundle("", position, &[])
        }
    }
}

prop_compose! {
    fn any_case()(
        mut bundles in prop::collection::vec(any_bundle(), 0..40),
        from in 0_i64..30,
        length in prop_oneof![1_i64..60, Just(DAY), Just(3 * DAY)],
        response in prop_oneof![Just(1_u64), 300_u64..4_000],
        record in 60_000_u64..80_000,
        instant in 500_u64..5_000,
        concurrency in 1_usize..6,
        held in 1_usize..6,
    ) -> Case {
        for (n, bundle) in bundles.iter_mut().enumerate() {
            bundle.key = format!("o{n:02}");
        }
        Case {
            bundles,
            asked: window(from, from + length),
            limits: Limits {
                concurrency,
                held,
                ahead_bytes: 200_000,
                response_bytes: response,
                record_bytes: record,
                instant_records: 20,
                instant_bytes: instant,
            },
        }
    }
}

/// Everything that holds of what was read. Objects within `lost` lie behind a failure.
fn check(case: &Case, outcomes: &Outcomes) -> Result<(), TestCaseError> {
    let mut next = case.asked.from;
    for outcome in outcomes.iter().flatten() {
        let part = outcome.window();
        prop_assert_eq!(part.from, next);
        next = part.to;
        let inside = case.bundles.iter().filter(|it| part.contains(it.at()));
        let mut there: Vec<&str> = inside.clone().map(|bundle| &*bundle.key).collect();
        there.sort_unstable();
        let (records, objects) = match outcome {
            SliceOutcome::Slice(slice) => (&slice.records, &slice.objects),
            SliceOutcome::Hole(hole) => {
                prop_assert!(hole.window.duration() <= TimeDelta::nanoseconds(TICK));
                prop_assert!(!hole.detail.is_empty());
                (&hole.records, &hole.objects)
            }
        };
        let mut named = keys(objects);
        named.sort_unstable();
        prop_assert_eq!(there, named);
        let is_whole = matches!(outcome, SliceOutcome::Slice(_));
        prop_assert_eq!(is_whole, objects.iter().all(|object| object.read.is_ok()));
        // The records are exactly those of the objects that were read.
        let mut expected: Vec<String> = Vec::new();
        for object in objects.iter().filter(|object| object.read.is_ok()) {
            let bundle = inside.clone().find(|it| *it.key == *object.object.key);
            let bundle = bundle.unwrap();
            prop_assert_eq!(bundle.state, BundleState::Plain);
            prop_assert!(bundle.size <= case.limits.record_bytes);
            expected.extend(bundle.rows.iter().map(ScriptedRow::text));
        }
        let text = |it: &Keyed| String::from_utf8(it.returned.record.to_vec()).unwrap();
        let mut returned: Vec<String> = records.iter().map(text).collect();
        returned.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(returned, expected);
        for record in records {
            prop_assert!(record.position().is_some_and(|at| part.contains(at)));
        }
    }
    if outcomes.iter().all(Result::is_ok) {
        prop_assert_eq!(next, case.asked.to);
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_is_lost_without_a_hole_that_says_so(case in any_case()) {
        let outcomes = read(&case.bundles, Faults::default(), case.asked, case.limits);
        check(&case, &outcomes)?;
        // Objects that may not be read fail the feed only where none can be read.
        let denied = case.bundles.iter().filter(|it| it.state == BundleState::Denied).count();
        prop_assert!(denied >= 16 || outcomes.iter().all(Result::is_ok));
        // What is asked at once, and what comes first, changes nothing.
        let alone = Limits { concurrency: 1, held: 1, ..case.limits };
        let faults = Faults { jitter: true, ..Faults::default() };
        let again = read(&case.bundles, faults, case.asked, alone);
        prop_assert_eq!(&again, &outcomes);
    }

    #[test]
    fn what_lies_before_a_failure_is_kept(case in any_case(), breaks_at in 1_u64..20) {
        let faults = Faults { breaks_at: Some(breaks_at), jitter: true, ..Faults::default() };
        let outcomes = read(&case.bundles, faults, case.asked, case.limits);
        check(&case, &outcomes)?;
        let failed = outcomes.iter().position(Result::is_err);
        prop_assert!(failed.is_none_or(|at| at + 1 == outcomes.len()));
    }
}
