//! What a table holds against what the ledger says it must hold: a pure function of both.

use crate::lake::layout::Table;
use crate::ledger::entry::RowsCounted;
use crate::ledger::state::State;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one batch in one partition of the lake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct CompareCell {
    /// UTC date of the rows.
    pub date: NaiveDate,
    /// Category of the rows; absent for quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Id of the source.
    pub source: String,
    /// Id of the batch: the rows that one `ingest` entry added.
    pub batch_id: String,
}

/// What a warehouse said it holds.
pub type RowCounts = BTreeMap<CompareCell, u64>;

/// A batch of which a partition has another number of rows than the ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Where.
    #[serde(flatten)]
    pub cell: CompareCell,
    /// Sequence of the entry that added the batch; absent if the ledger does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Number of rows by the ledger.
    pub expected: u64,
    /// Number of rows in the warehouse.
    pub found: u64,
}

/// One partition of the lake, batches together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct RowTally {
    /// Number of rows by the ledger.
    pub expected: u64,
    /// Of the expected, rows of entries that are still to be loaded.
    pub pending: u64,
    /// Number of rows in the warehouse.
    pub found: u64,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableComparison {
    /// Entries all of whose rows are there, each once.
    pub whole: BTreeSet<u64>,
    /// Entries none of whose rows are there.
    pub absent: BTreeSet<u64>,
    /// What is neither as the ledger says nor still to be loaded.
    pub differences: Vec<Difference>,
    /// By date, category and source.
    pub partitions: BTreeMap<(NaiveDate, Option<String>, String), RowTally>,
}

impl TableComparison {
    /// The differences in rows.
    pub fn counted(&self) -> RowsCounted {
        let mut counted = RowsCounted::default();
        for difference in &self.differences {
            counted.missing += difference.expected.saturating_sub(difference.found);
            let more = difference.found.saturating_sub(difference.expected);
            match difference.sequence {
                Some(_) => counted.surplus += more,
                None => counted.foreign += more,
            }
        }
        counted
    }

    /// Dates on which something differs.
    pub fn dates(&self) -> BTreeSet<NaiveDate> {
        let dates = self
            .differences
            .iter()
            .map(|difference| difference.cell.date);
        dates.collect()
    }
}

/// Which rows are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompareScope<'a> {
    /// Configured name of the warehouse.
    pub(crate) warehouse: &'a str,
    /// The table.
    pub(crate) table: Table,
    /// First and last date; `None` for all.
    pub(crate) dates: Option<(NaiveDate, NaiveDate)>,
    /// The decision that is being carried out: rows that it takes differ as long as they are there.
    pub(crate) carrying_out: Option<u64>,
}

/// Compares what a table holds with the ledger. `loaded` says which entries count as loaded: others
/// may be there as a whole, since a loader may have been killed before its receipt, or be absent,
/// since they are still to be loaded; anything between is a difference.
///
/// With `dates` only these are looked at, and an entry is whole or absent as far as they go.
///
/// Rows that a decision takes, and that the warehouse is not rid of yet, are not looked at: whoever carries
/// the decision out counts them.
pub(crate) fn compare(
    state: &State,
    scope: &CompareScope<'_>,
    loaded: impl Fn(u64) -> bool,
    found: &RowCounts,
) -> TableComparison {
    let CompareScope { table, dates, .. } = *scope;
    let inside = |date: NaiveDate| dates.is_none_or(|(first, last)| first <= date && date <= last);
    let ids: BTreeMap<u64, &str> = state
        .batches
        .iter()
        .map(|batch| (batch.sequence, batch.batch_id.as_str()))
        .collect();
    let mut expected: BTreeMap<CompareCell, (u64, u64)> = BTreeMap::new();
    for live in state.live_files() {
        let file = &live.file;
        let Some(batch_id) = ids.get(&live.sequence) else {
            continue;
        };
        if file.table != table || !inside(file.date) {
            continue;
        }
        let cell = CompareCell {
            date: file.date,
            category: file.category.map(|it| it.to_string()),
            source: file.source.to_string(),
            batch_id: (*batch_id).to_owned(),
        };
        expected.entry(cell).or_insert((live.sequence, 0)).1 += file.rows;
    }

    // First by entry: whether it is there decides what its cells mean.
    let mut comparison = TableComparison::default();
    let mut differing = BTreeSet::new();
    for (cell, (sequence, rows)) in &expected {
        let there = found.get(cell).copied().unwrap_or(0);
        if there != *rows {
            comparison.whole.remove(sequence);
            differing.insert(*sequence);
        } else if !differing.contains(sequence) {
            comparison.whole.insert(*sequence);
        }
    }
    let mut some: BTreeSet<u64> = comparison.whole.clone();
    for (cell, (sequence, _)) in &expected {
        if found.get(cell).is_some_and(|rows| *rows > 0) {
            some.insert(*sequence);
        }
    }
    comparison.absent = differing.difference(&some).copied().collect();

    for (cell, (sequence, rows)) in &expected {
        let there = found.get(cell).copied().unwrap_or(0);
        let still_to_come = comparison.absent.contains(sequence) && !loaded(*sequence);
        let tally = comparison.tally(cell);
        tally.expected += rows;
        tally.found += there;
        if still_to_come {
            tally.pending += rows;
        } else if there != *rows {
            comparison.differences.push(Difference {
                cell: cell.clone(),
                sequence: Some(*sequence),
                expected: *rows,
                found: there,
            });
        }
    }
    let condemned = state.taken_at(scope.warehouse);
    let condemned: BTreeSet<(NaiveDate, Option<&str>, &str, &str)> = condemned
        .filter(|(decision, _)| Some(*decision) != scope.carrying_out)
        .flat_map(|(_, taken)| taken.of(table))
        .filter_map(|live| {
            let (file, batch_id) = (&live.file, ids.get(&live.sequence)?);
            Some((
                file.date,
                file.category.as_deref(),
                file.source.as_str(),
                *batch_id,
            ))
        })
        .collect();
    let is_condemned = |cell: &CompareCell| {
        let (category, source) = (cell.category.as_deref(), cell.source.as_str());
        condemned.contains(&(cell.date, category, source, cell.batch_id.as_str()))
    };
    for (cell, rows) in found {
        let unknown = *rows > 0 && !expected.contains_key(cell) && inside(cell.date);
        if unknown && !is_condemned(cell) {
            comparison.tally(cell).found += rows;
            comparison.differences.push(Difference {
                cell: cell.clone(),
                sequence: None,
                expected: 0,
                found: *rows,
            });
        }
    }
    comparison
        .differences
        .sort_by(|one, other| one.cell.cmp(&other.cell));
    comparison
}

impl TableComparison {
    fn tally(&mut self, cell: &CompareCell) -> &mut RowTally {
        let partition = (cell.date, cell.category.clone(), cell.source.clone());
        self.partitions.entry(partition).or_default()
    }
}
