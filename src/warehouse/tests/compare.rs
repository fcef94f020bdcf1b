use super::state::{date, file, state};
use crate::lake::layout::Table;
use crate::ledger::entry::RowsCounted;
use crate::ledger::state::State;
use crate::warehouse::counting::compare::{CompareScope, compare};
use crate::warehouse::{CompareCell, RowCounts, TableComparison};
use chrono::NaiveDate;
use std::collections::BTreeSet;

fn cell(day: u32, category: &str, batch: &str) -> CompareCell {
    CompareCell {
        date: date(day),
        category: Some(category.to_owned()),
        source: "k".to_owned(),
        batch_id: batch.to_owned(),
    }
}

/// Entry 1 has rows of two categories, one of them in two files; entries 3 and 4 have one file each.
fn lake() -> State {
    state(vec![
        (
            1,
            vec![
                file("a", 1, "x", 5),
                file("b", 1, "x", 2),
                file("c", 1, "y", 3),
            ],
        ),
        (3, vec![file("d", 2, "x", 4)]),
        (4, vec![file("e", 3, "x", 6)]),
    ])
}

fn scope(table: Table, dates: Option<(NaiveDate, NaiveDate)>) -> CompareScope<'static> {
    CompareScope {
        warehouse: "bq",
        table,
        dates,
        carrying_out: None,
    }
}

fn against(loaded: &[u64], found: &[(u32, &str, &str, u64)]) -> TableComparison {
    let found: RowCounts = found
        .iter()
        .map(|(day, category, batch, rows)| (cell(*day, category, batch), *rows))
        .collect();
    let loaded = |sequence| loaded.contains(&sequence);
    compare(&lake(), &scope(Table::Events, None), loaded, &found)
}

#[test]
fn what_is_there_as_a_whole_is_no_difference_whatever_receipts_say() {
    let comparison = against(
        &[1],
        &[(1, "x", "b1", 7), (1, "y", "b1", 3), (2, "x", "b3", 4)],
    );
    assert!(comparison.differences.is_empty(), "{comparison:?}");
    assert_eq!(comparison.whole, BTreeSet::from([1, 3]));
    assert_eq!(comparison.absent, BTreeSet::from([4]));
    let tally = comparison.partitions[&(date(3), Some("x".to_owned()), "k".to_owned())];
    assert_eq!((tally.expected, tally.pending, tally.found), (6, 6, 0));
}

#[test]
fn what_counts_as_loaded_and_is_absent_is_missing() {
    let comparison = against(&[1, 3], &[(1, "x", "b1", 7), (1, "y", "b1", 3)]);
    let missing = RowsCounted {
        missing: 4,
        ..RowsCounted::default()
    };
    assert_eq!(comparison.counted(), missing);
    assert_eq!(comparison.dates(), BTreeSet::from([date(2)]));
}

/// Loading an entry that is there in part would double that part, so it is neither whole nor absent.
#[test]
fn an_entry_that_is_there_in_part_differs_even_if_nobody_says_that_it_is_loaded() {
    for found in [7, 6, 14] {
        let comparison = against(&[], &[(1, "x", "b1", found)]);
        assert!(!comparison.whole.contains(&1) && !comparison.absent.contains(&1));
        assert!(!comparison.differences.is_empty());
        assert!(
            comparison
                .differences
                .iter()
                .all(|it| it.sequence == Some(1))
        );
    }
}

#[test]
fn rows_too_many_and_rows_of_nobody_are_told_apart() {
    let comparison = against(
        &[1, 3, 4],
        &[
            (1, "x", "b1", 14),
            (1, "y", "b1", 3),
            (2, "x", "b3", 4),
            (3, "x", "b4", 6),
            (3, "z", "b4", 1),
            (9, "x", "by hand", 2),
        ],
    );
    let counted = RowsCounted {
        missing: 0,
        surplus: 7,
        foreign: 3,
    };
    assert_eq!(comparison.counted(), counted);
    assert_eq!(
        comparison.dates(),
        BTreeSet::from([date(1), date(3), date(9)])
    );
}

#[test]
fn dates_bound_what_is_looked_at() {
    let found = RowCounts::from([(cell(2, "x", "b3"), 4)]);
    let comparison = compare(
        &lake(),
        &scope(Table::Events, Some((date(2), date(2)))),
        |_| true,
        &found,
    );
    assert!(comparison.differences.is_empty(), "{comparison:?}");
    assert_eq!(comparison.partitions.len(), 1);
    // The other table has none of these rows.
    let other = compare(
        &lake(),
        &scope(Table::Quarantine, None),
        |_| true,
        &RowCounts::new(),
    );
    assert_eq!(other, TableComparison::default());
}
