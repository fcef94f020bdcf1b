use super::state::{LIMITS, date, file, state};
use crate::lake::layout::Table;
use crate::ledger::entry::{FileEntry, Span};
use crate::ledger::state::{LoadFailure, State, TableState};
use crate::warehouse::pending::{Barred, Pending, pending, rows_expected, spans, split};
use crate::warehouse::{JobId, WarehouseStanding};
use std::collections::BTreeSet;

fn lake() -> State {
    state(vec![
        (1, vec![file("a", 1, "x", 5), file("b", 1, "y", 2)]),
        // Nothing was new.
        (2, vec![]),
        (4, vec![file("c", 2, "x", 3)]),
        (5, vec![file("d", 3, "x", 7)]),
    ])
}

fn known(loaded: &[(u64, u64)]) -> TableState {
    TableState {
        loaded: loaded
            .iter()
            .map(|(from, to)| Span {
                from: *from,
                to: *to,
            })
            .collect(),
        ..TableState::default()
    }
}

fn sequences(pending: &[Pending<'_>]) -> Vec<u64> {
    pending.iter().map(|entry| entry.sequence).collect()
}

#[test]
fn what_is_not_loaded_has_rows_and_is_on_no_date_that_is_taken_is_pending() {
    let lake = lake();
    let nothing = Barred::default();
    let all = pending(&lake, Table::Events, &known(&[]), &nothing);
    assert_eq!(sequences(&all), [1, 4, 5]);
    assert_eq!((all[0].rows(), all[0].files.len()), (7, 2));
    let some = pending(&lake, Table::Events, &known(&[(1, 4)]), &nothing);
    assert_eq!(sequences(&some), [5]);
    let barred = Barred {
        dates: BTreeSet::from([date(2)]),
        ..Barred::default()
    };
    let free = pending(&lake, Table::Events, &known(&[]), &barred);
    assert_eq!(sequences(&free), [1, 5]);
    assert!(pending(&lake, Table::Quarantine, &known(&[]), &nothing).is_empty());
    assert_eq!(rows_expected(&lake, "bq", Table::Events, |it| it <= 4), 10);
}

#[test]
fn an_entry_without_rows_counts_as_loaded() {
    let lake = lake();
    let loaded = |sequences: &[u64]| -> Vec<(u64, u64)> {
        let sequences = sequences.iter().copied().collect();
        let spans = spans(&lake, "bq", Table::Events, &known(&[]), &sequences);
        spans.iter().map(|span| (span.from, span.to)).collect()
    };
    assert_eq!(loaded(&[1, 4, 5]), [(1, 5)]);
    assert_eq!(loaded(&[1, 5]), [(1, 2), (5, 5)]);
    assert_eq!(loaded(&[]), [(2, 2)]);
    let known = known(&[(1, 2)]);
    let more = spans(&lake, "bq", Table::Events, &known, &BTreeSet::from([4]));
    assert_eq!(more, [Span { from: 4, to: 4 }]);
    assert!(spans(&lake, "bq", Table::Events, &known, &BTreeSet::new()).is_empty());
    // All entries are without rows for this table.
    let none = spans(
        &lake,
        "bq",
        Table::Quarantine,
        &TableState::default(),
        &BTreeSet::new(),
    );
    assert_eq!(none, [Span { from: 1, to: 5 }]);
}

#[test]
fn a_job_is_split_before_the_limits_of_the_service() {
    let many: Vec<FileEntry> = (0..250)
        .map(|nth| file(&format!("{nth:03}"), 1, "x", 1))
        .collect();
    let all: Vec<&FileEntry> = many.iter().collect();
    let parts: Vec<usize> = split(&all, &LIMITS).iter().map(Vec::len).collect();
    assert_eq!(parts, [100, 100, 50]);

    let first = date(1);
    let dates: Vec<FileEntry> = (0..90)
        .map(|nth| FileEntry {
            date: first + chrono::Days::new(nth / 2),
            ..file(&format!("{nth:03}"), 1, "x", 1)
        })
        .collect();
    let parts: Vec<usize> = split(&dates.iter().collect::<Vec<_>>(), &LIMITS)
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(parts, [80, 10], "40 dates at most");

    let large = FileEntry {
        bytes: 8_000,
        ..file("a", 1, "x", 1)
    };
    assert_eq!(split(&[&large, &large], &LIMITS).len(), 2);
    assert!(split(&[], &LIMITS).is_empty());
}

#[test]
fn how_far_a_warehouse_is_follows_from_the_ledger() {
    let mut lake = lake();
    let standing = WarehouseStanding::of(&lake, "bq", &LIMITS);
    assert_eq!(standing.target, None);
    assert!(!standing.is_level());
    let events = &standing.tables[0];
    assert_eq!((events.rows, events.rows_behind, events.jobs), (0, 17, 3));
    assert_eq!(events.partition_changes, 3);

    let mut table = known(&[(1, 4)]);
    let failure = LoadFailure {
        attempts: 2,
        reason: "invalid".to_owned(),
    };
    table.failed.insert(5, failure);
    let state = crate::ledger::state::WarehouseState {
        target: "p.d".to_owned(),
        location: "EU".to_owned(),
        at: chrono::DateTime::UNIX_EPOCH,
        failure: None,
        tables: [(Table::Events, table)].into(),
        ledger_tables: None,
        expiring: Vec::new(),
    };
    lake.warehouses.insert("bq".to_owned(), state);
    let standing = WarehouseStanding::of(&lake, "bq", &LIMITS);
    let events = &standing.tables[0];
    assert_eq!((events.rows, events.entries_behind), (10, 1));
    assert_eq!(
        (events.failed[0].sequence, events.failed[0].attempts),
        (5, 2)
    );
}

#[test]
fn ids_of_jobs_have_no_character_that_the_service_refuses() {
    let id = JobId::of(&["trailhouse", "a b/c", "é_1"]);
    assert_eq!(id.as_str(), "trailhouse_a-b-c_--1");
}
