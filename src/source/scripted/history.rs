//! Strategies: whatever a scripted platform may hold and do.

use super::platform::{Faults, RowChange};
use super::row::{RowKind, ScriptedRow, TICK, row, window};
use crate::window::Window;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

/// Rows, and what happens to them while they are read.
#[derive(Debug, Clone)]
pub(in crate::source) struct History {
    /// The rows before the first request.
    pub(in crate::source) rows: Vec<ScriptedRow>,
    /// Those among them that are there until after the last request, and can be served.
    pub(in crate::source) stay: Vec<ScriptedRow>,
    /// Rows that appear, go, or come twice. Ways of reading add theirs.
    pub(in crate::source) faults: Faults,
}

/// Half of the usual number of cases: each is a whole reading.
pub(in crate::source) fn fewer() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases / 2,
        ..usual
    }
}

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

/// A window among those times.
pub(in crate::source) fn any_window() -> impl Strategy<Value = Window> {
    (0..300 * TICK, 1..400 * TICK).prop_map(|(from, length)| window(from, from + length))
}

/// Numbers of a few requests.
pub(in crate::source) fn any_requests() -> impl Strategy<Value = BTreeSet<u64>> {
    prop::collection::btree_set(1..60_u64, 0..5)
}

fn any_rows() -> impl Strategy<Value = Vec<ScriptedRow>> {
    prop::collection::vec((any_time(), 0..4_u8, 0..4_i64), 0..160).prop_map(|rows| {
        let numbered = rows.into_iter().enumerate();
        let named = numbered.map(|(n, (time, action, late))| ScriptedRow {
            action,
            delay: late * 10 * TICK,
            ..row(format!("r{n}"), time)
        });
        named.collect()
    })
}

fn any_trouble() -> impl Strategy<Value = RowKind> {
    prop::sample::select(vec![
        RowKind::Poison,
        RowKind::Giant,
        RowKind::Fails(500),
        RowKind::Unfit,
    ])
}

/// What happens before a request: a row goes, another appears, or both.
fn any_change() -> impl Strategy<Value = (u64, Option<Index>, Option<i64>)> {
    let both = (any::<Index>(), any_time(), 0..3_u8);
    (1..60_u64, both).prop_map(|(request, (goes, appears, kind))| {
        (
            request,
            (kind > 0).then_some(goes),
            (kind < 2).then_some(appears),
        )
    })
}

pub(in crate::source) fn any_history() -> impl Strategy<Value = History> {
    (
        any_rows(),
        prop::collection::vec((any::<Index>(), any_trouble()), 0..4),
        prop::collection::vec(any::<Index>(), 0..3),
        prop::collection::vec(any_change(), 0..12),
    )
        .prop_map(|(mut rows, troubles, doubled, changes)| {
            let mut faults = Faults::default();
            let mut purged = BTreeSet::new();
            if rows.is_empty() {
                return History {
                    stay: Vec::new(),
                    rows,
                    faults,
                };
            }
            for (which, trouble) in troubles {
                which.get_mut(&mut rows).kind = trouble;
            }
            for which in doubled {
                faults.doubled.insert(which.get(&rows).id.clone());
            }
            for (n, (request, goes, appears)) in changes.into_iter().enumerate() {
                let changes = faults.changes.entry(request).or_default();
                if let Some(goes) = goes {
                    let id = &goes.get(&rows).id;
                    purged.insert(id.clone());
                    changes.push(RowChange::Purge(id.clone()));
                }
                if let Some(time) = appears {
                    changes.push(RowChange::Insert(row(format!("late{n}"), time)));
                }
            }
            let stays =
                |row: &&ScriptedRow| !purged.contains(&row.id) && row.kind.failure().is_none();
            History {
                stay: rows.iter().filter(stays).cloned().collect(),
                rows,
                faults,
            }
        })
}
