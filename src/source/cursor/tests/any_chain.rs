//! Whatever a platform holds and does, nothing is lost without a hole that says so.

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
    axis: Axis,
    faults: Faults,
    /// Rows that are there from before the first request until after the last.
    stay: Vec<ScriptedRow>,
    asked: Window,
    /// Rows that a window holds.
    room: u64,
}

fn any_requests() -> impl Strategy<Value = BTreeSet<u64>> {
    prop::collection::btree_set(1..60_u64, 0..5)
}

fn any_faults() -> impl Strategy<Value = Faults> {
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
    (tokens, rows).prop_map(|(tokens, rows)| {
        let (empty, repeated, expired, token_life, trailing) = tokens;
        let (unstable, stutters, partial, cut) = rows;
        Faults {
            unstable,
            stutters,
            partial,
            cut,
            empty,
            repeated,
            expired,
            token_life,
            trailing,
            ..Faults::default()
        }
    })
}

fn any_case() -> impl Strategy<Value = Case> {
    let bad = prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 0..4);
    let change = (1..60_u64, any::<prop::sample::Index>(), any_time(), 0..3_u8);
    let changes = prop::collection::vec(change, 0..12);
    let doubled = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let shape = (
        2..14_u32,
        any::<bool>(),
        0..300 * TICK,
        1..400 * TICK,
        4..80_u64,
    );
    (any_rows(), bad, any_faults(), changes, doubled, shape).prop_map(
        |(mut rows, bad, mut faults, changes, doubled, shape)| {
            let (page_cap, by_arrival, from, length, room) = shape;
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
                    faults
                        .doubled
                        .push(rows[which.index(rows.len())].id.clone());
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
            faults.changes = schedule;
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
                axis: match by_arrival {
                    true => Axis::Arrival,
                    false => Axis::Event,
                },
                faults,
                asked: window(from, from + length),
                room,
            }
        },
    )
}

impl Case {
    fn read(&self) -> (Outcomes, u64) {
        let chaining = chaining(self.axis, self.page_cap);
        let chain = ScriptedChain::new(chaining, self.rows.clone(), self.faults.clone());
        let chain = Arc::new(chain);
        let outcomes = read_with(chain.clone(), self.asked, small(self.room));
        (outcomes, chain.requests())
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
        check(&outcomes, case.axis, case.asked, &case.stay);
        prop_assert!(requests < 20_000, "{}", requests);
    }

    /// Without faults there are no holes, and every row is there exactly once.
    #[test]
    fn a_platform_that_behaves_is_read_whole(mut case in any_case()) {
        case.faults = Faults {
            jitter: true,
            unstable: case.faults.unstable,
            trailing: case.faults.trailing,
            empty: case.faults.empty,
            ..Faults::default()
        };
        for row in &mut case.rows {
            row.kind = RowKind::Plain;
        }
        let (outcomes, _) = case.read();
        let holes = check(&outcomes, case.axis, case.asked, &case.rows);
        prop_assert!(holes.is_empty(), "{:?}", holes);
        let mut ids = Vec::new();
        for outcome in &outcomes {
            if let Ok(SliceOutcome::Slice(slice)) = outcome {
                ids.extend(slice.records.iter().map(|record| id(record).to_owned()));
            }
        }
        ids.sort();
        let inside = case.rows.iter().filter(|row| case.asked.contains(position(row, case.axis)));
        let mut expected: Vec<String> = inside.map(|row| row.id.clone()).collect();
        expected.sort();
        prop_assert_eq!(ids, expected);
    }

    /// A few bad records cost holes of a tick around them and nothing else.
    #[test]
    fn holes_are_small(mut case in any_case()) {
        case.faults = Faults {
            unstable: case.faults.unstable,
            ..Faults::default()
        };
        for row in &mut case.rows {
            if row.kind == RowKind::Unfit {
                row.kind = RowKind::Poison;
            }
        }
        case.stay = case.rows.iter().filter(|row| row.kind == RowKind::Plain).cloned().collect();
        let (outcomes, _) = case.read();
        for hole in check(&outcomes, case.axis, case.asked, &case.stay) {
            prop_assert!(hole.window.duration().num_microseconds() <= Some(1), "{:?}", hole);
            let inside = |row: &ScriptedRow| hole.window.contains(position(row, case.axis));
            let near = case.rows.iter().any(|row| row.kind != RowKind::Plain && inside(row));
            prop_assert!(near, "{:?}", hole);
        }
    }
}
