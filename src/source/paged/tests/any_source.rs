//! Whatever a source holds and does, nothing is lost without a hole that says so.

use super::*;
use proptest::prelude::*;

/// Times that are likely to coincide, to lie on edges, and to differ by less than a tick.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => 0..400_i64,
        3 => (0..400_i64).prop_map(|n| n * TICK),
        3 => prop::sample::select(vec![0, 17 * TICK, 18 * TICK, 200 * TICK, 399 * TICK]),
        2 => 0..400 * TICK,
        1 => (0..20_i64).prop_map(|n| 300 * TICK + n * 97),
    ]
}

fn any_rows() -> impl Strategy<Value = Vec<ScriptedRow>> {
    prop::collection::vec((any_time(), 0..4_u8), 0..160).prop_map(|rows| {
        let named = rows.into_iter().enumerate();
        named
            .map(|(n, (time, action))| ScriptedRow {
                action,
                ..row(format!("r{n}"), time)
            })
            .collect()
    })
}

#[derive(Debug, Clone)]
struct Case {
    rows: Vec<ScriptedRow>,
    page_cap: u32,
    count_cap: Option<u64>,
    edge: UpperEdge,
    faults: PagesFaults,
    /// Rows that are there from before the first request until after the last.
    stay: Vec<ScriptedRow>,
    asked: Window,
}

fn any_case() -> impl Strategy<Value = Case> {
    let bad = prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 0..4);
    let change = (1..60_u64, any::<prop::sample::Index>(), any_time(), 0..3_u8);
    let faults = (
        any::<bool>(),
        prop::collection::btree_map(1..40_u64, -2..3_i64, 0..4),
        prop::collection::vec(1..40_u64, 0..3),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::collection::vec(change, 0..12),
    );
    let shape = (
        2..14_u32,
        prop::option::of(14..60_u64),
        any::<bool>(),
        0..300 * TICK,
        1..400 * TICK,
    );
    (any_rows(), bad, faults, shape).prop_map(|(mut rows, bad, faults, shape)| {
        let (unstable, miscounts, partial, doubled, changes) = faults;
        let (page_cap, count_cap, closed, from, length) = shape;
        // A source that leaves a row out and does not count it either cannot be found out.
        let partial: Vec<u64> = partial
            .into_iter()
            .filter(|request| !miscounts.contains_key(request))
            .collect();
        let mut doubled_ids = Vec::new();
        let mut purged = BTreeSet::new();
        let mut schedule: BTreeMap<u64, Vec<RowChange>> = BTreeMap::new();
        if !rows.is_empty() {
            for (which, kind) in bad {
                let which = which.index(rows.len());
                rows[which].kind = match kind {
                    0 => RowKind::Poison,
                    1 => RowKind::Giant,
                    2 => RowKind::Fails(500),
                    _ => RowKind::Unfit,
                };
            }
            for which in doubled {
                doubled_ids.push(rows[which.index(rows.len())].id.clone());
            }
            for (n, (at, which, time, kind)) in changes.into_iter().enumerate() {
                let changes = schedule.entry(at).or_default();
                if kind > 0 {
                    let id = &rows[which.index(rows.len())].id;
                    purged.insert(id.clone());
                    changes.push(RowChange::Purge(id.clone()));
                }
                if kind < 2 {
                    changes.push(RowChange::Insert(row(format!("late{n}"), time)));
                }
            }
        }
        let bad_kind = |row: &ScriptedRow| {
            matches!(
                row.kind,
                RowKind::Poison | RowKind::Giant | RowKind::Fails(_)
            )
        };
        let stay = rows
            .iter()
            .filter(|row| !purged.contains(&row.id) && !bad_kind(row));
        Case {
            stay: stay.cloned().collect(),
            rows,
            page_cap,
            count_cap,
            edge: if closed {
                UpperEdge::Closed
            } else {
                UpperEdge::Open
            },
            faults: PagesFaults {
                unstable,
                miscounts,
                partial,
                doubled: doubled_ids,
                changes: schedule,
                ..PagesFaults::default()
            },
            asked: window(from, from + length),
        }
    })
}

impl Case {
    fn read(&self) -> (Outcomes, u64) {
        let mut can = able(self.page_cap);
        can.count_cap = self.count_cap;
        can.upper_edge = self.edge;
        let source = ScriptedPages::new(can, self.rows.clone(), self.faults.clone());
        read(source, self.asked)
    }
}

/// Half of the usual number of cases: each is a whole reading.
fn fewer() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases / 2,
        ..usual
    }
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn nothing_is_lost(case in any_case()) {
        let (outcomes, requests) = case.read();
        let fails = case.rows.iter().any(|row| matches!(row.kind, RowKind::Fails(_)));
        if fails && outcomes.last().is_some_and(Result::is_err) {
            // A server that fails wherever it is asked.
            return Ok(());
        }
        check(&outcomes, case.asked, &case.stay);
        prop_assert!(requests < 4_000, "{}", requests);
    }

    /// Without faults there are no holes, and every row is there exactly once.
    #[test]
    fn a_source_that_behaves_is_read_whole(mut case in any_case()) {
        case.faults = PagesFaults { jitter: true, ..PagesFaults::default() };
        for row in &mut case.rows {
            row.kind = RowKind::Plain;
        }
        let mut crowded: BTreeMap<i128, u64> = BTreeMap::new();
        for row in &case.rows {
            *crowded.entry(row.time.div_euclid(i128::from(TICK))).or_default() += 1;
        }
        // At one instant a total at its limit says nothing.
        let most = crowded.values().max().copied().unwrap_or(0);
        case.count_cap = case.count_cap.filter(|cap| most * 2 < *cap);
        let (outcomes, _) = case.read();
        whole(&outcomes, case.asked, &case.rows);
        let mut ids = Vec::new();
        for outcome in &outcomes {
            if let Ok(SliceOutcome::Slice(slice)) = outcome {
                ids.extend(slice.records.iter().map(|record| id(record).to_owned()));
            }
        }
        ids.sort();
        let inside = case.rows.iter().filter(|row| case.asked.contains(row.instant()));
        let mut expected: Vec<String> = inside.map(|row| row.id.clone()).collect();
        expected.sort();
        prop_assert_eq!(ids, expected);
    }

    /// A few bad records cost holes of a tick around them and nothing else.
    #[test]
    fn holes_are_small(mut case in any_case()) {
        case.faults = PagesFaults::default();
        case.count_cap = None;
        for row in &mut case.rows {
            if row.kind == RowKind::Unfit || matches!(row.kind, RowKind::Fails(_)) {
                row.kind = RowKind::Poison;
            }
        }
        case.stay = case.rows.iter().filter(|row| row.kind == RowKind::Plain).cloned().collect();
        let (outcomes, _) = case.read();
        for hole in check(&outcomes, case.asked, &case.stay) {
            prop_assert!(hole.window.duration().num_microseconds() <= Some(1), "{:?}", hole);
            let near = case
                .rows
                .iter()
                .any(|row| row.kind != RowKind::Plain && hole.window.contains(row.instant()));
            prop_assert!(near, "{:?}", hole);
            let here = |row: &&ScriptedRow| hole.window.contains(row.instant());
            let bad = case.rows.iter().filter(here).count() - case.stay.iter().filter(here).count();
            if bad * 2 > case.page_cap as usize {
                // A whole page that fails says nothing about how many more there are.
                continue;
            }
            let seen: BTreeSet<&str> = hole.records.iter().map(id).collect();
            for row in case.stay.iter().filter(|row| hole.window.contains(row.instant())) {
                prop_assert!(seen.contains(&*row.id), "{} is not saved", row.id);
            }
        }
    }
}
