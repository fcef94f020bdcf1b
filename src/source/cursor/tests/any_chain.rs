//! Whatever a platform holds and does, nothing is lost without a hole that says so.

use super::*;
use crate::source::scripted::{History, any_history, any_requests, any_window, fewer, ids};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Case {
    history: History,
    page_cap: u32,
    axis: Axis,
    asked: Window,
    /// Rows that a window holds.
    room: u64,
}

fn any_case() -> impl Strategy<Value = Case> {
    let tokens = (
        any_requests(),
        any_requests(),
        any_requests(),
        prop::option::of(1..8_u64),
        0..3_u64,
    );
    let rows = (
        any::<bool>(),
        any::<bool>(),
        prop::option::of(1..40_u64),
        any_requests(),
    );
    let shape = (
        2..14_u32,
        prop::sample::select(vec![Axis::Arrival, Axis::Event]),
        4..80_u64,
    );
    (any_history(), tokens, rows, shape, any_window()).prop_map(
        |(mut history, tokens, rows, (page_cap, axis, room), asked)| {
            let (empty, repeated, expired, token_life, trailing) = tokens;
            let (unstable, stutters, partial, cut) = rows;
            history.faults = Faults {
                empty,
                repeated,
                expired,
                token_life,
                trailing,
                unstable,
                stutters,
                partial: partial.into_iter().collect(),
                cut,
                ..history.faults
            };
            Case {
                history,
                page_cap,
                axis,
                asked,
                room,
            }
        },
    )
}

impl Case {
    fn read(&self) -> (Outcomes, u64) {
        let chaining = chaining(self.axis, self.page_cap);
        let History { rows, faults, .. } = self.history.clone();
        let chain = Arc::new(ScriptedChain::new(chaining, rows, faults));
        let outcomes = read_with(chain.clone(), self.asked, small(self.room));
        (outcomes, chain.requests())
    }
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn nothing_is_lost(case in any_case()) {
        let (outcomes, requests) = case.read();
        check(&outcomes, case.axis, case.asked, &case.history.stay);
        prop_assert!(requests < 20_000, "{}", requests);
    }

    /// Without faults there are no holes, and every row is there exactly once.
    #[test]
    fn a_platform_that_behaves_is_read_whole(mut case in any_case()) {
        let Faults { unstable, trailing, empty, .. } = case.history.faults;
        case.history.faults = Faults {
            jitter: true,
            unstable,
            trailing,
            empty,
            ..Faults::default()
        };
        for row in &mut case.history.rows {
            row.kind = RowKind::Plain;
        }
        let (outcomes, _) = case.read();
        let rows = &case.history.rows;
        let holes = check(&outcomes, case.axis, case.asked, rows);
        prop_assert!(holes.is_empty(), "{:?}", holes);
        let inside = rows.iter().filter(|row| case.asked.contains(row.position(case.axis)));
        let mut expected: Vec<&str> = inside.map(|row| &*row.id).collect();
        expected.sort_unstable();
        prop_assert_eq!(ids(&outcomes), expected);
    }

    /// A few bad records cost holes of a tick around them and nothing else.
    #[test]
    fn holes_are_small(mut case in any_case()) {
        case.history.faults = Faults {
            unstable: case.history.faults.unstable,
            ..Faults::default()
        };
        for row in &mut case.history.rows {
            if row.kind == RowKind::Unfit {
                row.kind = RowKind::Poison;
            }
        }
        let rows = &case.history.rows;
        let is_plain = |row: &&ScriptedRow| row.kind == RowKind::Plain;
        let stay: Vec<ScriptedRow> = rows.iter().filter(is_plain).cloned().collect();
        let (outcomes, _) = case.read();
        for hole in check(&outcomes, case.axis, case.asked, &stay) {
            prop_assert!(hole.window.duration().num_microseconds() <= Some(1), "{:?}", hole);
            let inside = |row: &ScriptedRow| hole.window.contains(row.position(case.axis));
            let near = rows.iter().any(|row| row.kind != RowKind::Plain && inside(row));
            prop_assert!(near, "{:?}", hole);
        }
    }
}
