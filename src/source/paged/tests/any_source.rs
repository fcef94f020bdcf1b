//! Whatever a source holds and does, nothing is lost without a hole that says so.

use super::*;
use crate::source::scripted::{History, any_history, any_requests, any_window, fewer, ids};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Case {
    history: History,
    page_cap: u32,
    count_cap: Option<u64>,
    edge: UpperEdge,
    asked: Window,
}

fn any_case() -> impl Strategy<Value = Case> {
    let numbers = (
        prop::collection::btree_map(1..40_u64, -2..3_i64, 0..4),
        any_requests(),
        any::<bool>(),
    );
    let shape = (
        2..14_u32,
        prop::option::of(14..60_u64),
        prop::sample::select(vec![UpperEdge::Closed, UpperEdge::Open]),
    );
    (any_history(), numbers, shape, any_window()).prop_map(
        |(mut history, (miscounts, mut partial, unstable), (page_cap, count_cap, edge), asked)| {
            // A source that leaves a row out and does not count it either cannot be found out.
            partial.retain(|request| !miscounts.contains_key(request));
            history.faults = Faults {
                unstable,
                miscounts,
                partial,
                ..history.faults
            };
            Case {
                history,
                page_cap,
                count_cap,
                edge,
                asked,
            }
        },
    )
}

impl Case {
    fn read(&self) -> (Outcomes, u64) {
        let mut can = able(self.page_cap);
        can.count_cap = self.count_cap;
        can.upper_edge = self.edge;
        let History { rows, faults, .. } = self.history.clone();
        read(ScriptedPages::new(can, rows, faults), self.asked)
    }
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn nothing_is_lost(case in any_case()) {
        let (outcomes, requests) = case.read();
        let mut rows = case.history.rows.iter();
        let fails = rows.any(|row| matches!(row.kind, RowKind::Fails(_)));
        if fails && outcomes.last().is_some_and(Result::is_err) {
            // A server that fails wherever it is asked.
            return Ok(());
        }
        check(&outcomes, case.asked, &case.history.stay);
        prop_assert!(requests < 4_000, "{}", requests);
    }

    /// Without faults there are no holes, and every row is there exactly once.
    #[test]
    fn a_source_that_behaves_is_read_whole(mut case in any_case()) {
        case.history.faults = Faults { jitter: true, ..Faults::default() };
        for row in &mut case.history.rows {
            row.kind = RowKind::Plain;
        }
        let mut crowded: BTreeMap<i128, u64> = BTreeMap::new();
        for row in &case.history.rows {
            *crowded.entry(row.time.div_euclid(i128::from(TICK))).or_default() += 1;
        }
        // At one instant a total at its limit says nothing.
        let most = crowded.values().max().copied().unwrap_or(0);
        case.count_cap = case.count_cap.filter(|cap| most * 2 < *cap);
        let (outcomes, _) = case.read();
        let rows = &case.history.rows;
        whole(&outcomes, case.asked, rows);
        let inside = rows.iter().filter(|row| case.asked.contains(row.instant()));
        let mut expected: Vec<&str> = inside.map(|row| &*row.id).collect();
        expected.sort_unstable();
        prop_assert_eq!(ids(&outcomes), expected);
    }

    /// A few bad records cost holes of a tick around them and nothing else.
    #[test]
    fn holes_are_small(mut case in any_case()) {
        case.history.faults = Faults::default();
        case.count_cap = None;
        for row in &mut case.history.rows {
            if row.kind == RowKind::Unfit || matches!(row.kind, RowKind::Fails(_)) {
                row.kind = RowKind::Poison;
            }
        }
        let rows = &case.history.rows;
        let is_plain = |row: &&ScriptedRow| row.kind == RowKind::Plain;
        let stay: Vec<ScriptedRow> = rows.iter().filter(is_plain).cloned().collect();
        let (outcomes, _) = case.read();
        for hole in check(&outcomes, case.asked, &stay) {
            prop_assert!(hole.window.duration().num_microseconds() <= Some(1), "{:?}", hole);
            let here = |row: &&ScriptedRow| hole.window.contains(row.instant());
            let near = rows.iter().filter(here).any(|row| row.kind != RowKind::Plain);
            prop_assert!(near, "{:?}", hole);
            let bad = rows.iter().filter(here).count() - stay.iter().filter(here).count();
            if bad * 2 > case.page_cap as usize {
                // A whole page that fails says nothing about how many more there are.
                continue;
            }
            let seen: BTreeSet<&str> = hole.records.iter().map(id).collect();
            for row in stay.iter().filter(here) {
                prop_assert!(seen.contains(&*row.id), "{} is not saved", row.id);
            }
        }
    }
}
