//! How far each warehouse has been filled, as the receipts say.

use super::Batch;
use crate::lake::layout::Table;
use crate::ledger::entry::{ExpiringTable, RowsCounted, Span, TableOutcome, WarehouseOutcome};
use crate::window::instant;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Loads of one entry that ended with an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadFailure {
    /// Attempts that have ended so; the next one has this number.
    pub attempts: u32,
    /// Stable code of the newest failure.
    pub reason: String,
}

/// One table of a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableState {
    /// When the warehouse's table was made, in milliseconds of the Unix epoch.
    pub incarnation: u64,
    /// Entries whose rows are in it, as spans in order that do not touch.
    pub loaded: Vec<Span>,
    /// Entries whose loads failed, by sequence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<u64, LoadFailure>,
    /// What the newest count by batch found that the ledger does not say; absent where it fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<RowsCounted>,
}

impl TableState {
    /// Whether the rows of an entry are in the table.
    pub fn has(&self, sequence: u64) -> bool {
        let after = self.loaded.partition_point(|span| span.from <= sequence);
        after > 0 && self.loaded[after - 1].contains(sequence)
    }

    /// The attempt that the next load of an entry is.
    pub fn attempt(&self, sequence: u64) -> u32 {
        self.failed
            .get(&sequence)
            .map_or(0, |failed| failed.attempts)
    }

    /// Adds spans. Two of them become one where no `ingest` entry lies between, so that their number
    /// stays small although receipts lie between all of them.
    pub(super) fn add(&mut self, loaded: &[Span], batches: &[Batch]) {
        if loaded.is_empty() {
            return;
        }
        self.loaded.extend_from_slice(loaded);
        self.loaded.sort_unstable();
        let mut joined: Vec<Span> = Vec::with_capacity(self.loaded.len());
        for span in self.loaded.drain(..) {
            match joined.last_mut() {
                Some(last)
                    if span.from <= last.to || nothing_between(batches, last.to, span.from) =>
                {
                    last.to = last.to.max(span.to);
                }
                _ => joined.push(span),
            }
        }
        self.loaded = joined;
        let loaded = &self.loaded;
        let inside = |sequence: u64| loaded.iter().any(|span| span.contains(sequence));
        self.failed.retain(|sequence, _| !inside(*sequence));
    }

    fn note(&mut self, outcome: &TableOutcome, batches: &[Batch]) {
        if outcome.incarnation < self.incarnation {
            // A loader that was slower than the table's end speaks of rows that are gone.
            return;
        }
        if outcome.incarnation > self.incarnation {
            *self = Self {
                incarnation: outcome.incarnation,
                ..Self::default()
            };
        }
        for failed in &outcome.failed {
            let known = self.failed.entry(failed.sequence);
            let known = known.or_insert_with(|| LoadFailure {
                attempts: 0,
                reason: String::new(),
            });
            if failed.attempts >= known.attempts {
                known.attempts = failed.attempts;
                known.reason.clone_from(&failed.reason);
            }
        }
        self.add(&outcome.loaded, batches);
        if let Some(counted) = outcome.counted {
            self.differs = (!counted.fits()).then_some(counted);
        }
    }
}

/// Whether no batch lies strictly between two sequences.
fn nothing_between(batches: &[Batch], after: u64, before: u64) -> bool {
    let next = batches.partition_point(|batch| batch.sequence <= after);
    batches
        .get(next)
        .is_none_or(|batch| batch.sequence >= before)
}

/// One warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseState {
    /// What it is: project and dataset.
    pub target: String,
    /// Where its data is.
    pub location: String,
    /// When the newest receipt that names it was written.
    #[serde(with = "instant")]
    pub at: DateTime<Utc>,
    /// Stable code of what failed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Its tables.
    pub tables: BTreeMap<Table, TableState>,
    /// The entry up to which `audit_batches` and `audit_coverage` tell the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_tables: Option<u64>,
    /// Tables and views that the service was about to remove by itself, when a run last looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expiring: Vec<ExpiringTable>,
}

impl WarehouseState {
    pub(super) fn new(outcome: &WarehouseOutcome, at: DateTime<Utc>) -> Self {
        Self {
            target: outcome.target.clone(),
            location: outcome.location.clone(),
            at,
            failure: None,
            tables: BTreeMap::new(),
            ledger_tables: None,
            expiring: Vec::new(),
        }
    }

    /// Whether a receipt speaks of the same place.
    pub(super) fn is_at(&self, outcome: &WarehouseOutcome) -> bool {
        self.target == outcome.target && self.location == outcome.location
    }

    pub(super) fn note(
        &mut self,
        outcome: &WarehouseOutcome,
        at: DateTime<Utc>,
        batches: &[Batch],
    ) {
        self.at = at;
        self.failure.clone_from(&outcome.failure);
        self.expiring.clone_from(&outcome.expiring);
        for table in &outcome.tables {
            let state = self.tables.entry(table.table).or_default();
            state.note(table, batches);
        }
        if let Some(sequence) = outcome.ledger_tables {
            self.ledger_tables = Some(self.ledger_tables.unwrap_or(0).max(sequence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{Counts, FailedLoad};

    fn batches(sequences: &[u64]) -> Vec<Batch> {
        let batch = |sequence: &u64| Batch {
            sequence: *sequence,
            batch_id: format!("b{sequence}"),
            run_id: "r".to_owned(),
            source: "s".to_owned(),
            written_at: DateTime::UNIX_EPOCH,
            counts: Counts::default(),
            covered: Vec::new(),
            files: 0,
            bytes: 0,
            cuts: Vec::new(),
        };
        sequences.iter().map(batch).collect()
    }

    fn outcome(incarnation: u64, loaded: &[(u64, u64)], failed: &[(u64, u32)]) -> TableOutcome {
        TableOutcome {
            table: Table::Events,
            incarnation,
            loaded: loaded
                .iter()
                .map(|(from, to)| Span {
                    from: *from,
                    to: *to,
                })
                .collect(),
            rows: 0,
            failed: failed
                .iter()
                .map(|(sequence, attempts)| FailedLoad {
                    sequence: *sequence,
                    attempts: *attempts,
                    reason: "transient".to_owned(),
                })
                .collect(),
            counted: None,
        }
    }

    #[test]
    fn spans_join_across_entries_without_rows() {
        // 3 and 6 are receipts.
        let batches = batches(&[1, 2, 4, 5, 7]);
        let mut table = TableState::default();
        table.note(&outcome(9, &[(1, 2)], &[]), &batches);
        table.note(&outcome(9, &[(4, 4)], &[]), &batches);
        assert_eq!(table.loaded, [Span { from: 1, to: 4 }]);
        table.note(&outcome(9, &[(7, 7)], &[]), &batches);
        assert_eq!(
            table.loaded,
            [Span { from: 1, to: 4 }, Span { from: 7, to: 7 }]
        );
        assert!(table.has(4) && !table.has(5) && table.has(7) && !table.has(8) && !table.has(0));
        table.note(&outcome(9, &[(2, 5)], &[]), &batches);
        assert_eq!(table.loaded, [Span { from: 1, to: 7 }]);
    }

    #[test]
    fn a_failure_counts_until_the_entry_is_loaded() {
        let batches = batches(&[1, 2]);
        let mut table = TableState::default();
        table.note(&outcome(9, &[], &[(2, 1)]), &batches);
        table.note(&outcome(9, &[], &[(2, 3)]), &batches);
        // From a loader that knew less.
        table.note(&outcome(9, &[], &[(2, 2)]), &batches);
        assert_eq!((table.attempt(1), table.attempt(2)), (0, 3));
        table.note(&outcome(9, &[(2, 2)], &[]), &batches);
        assert_eq!(table.attempt(2), 0);
    }

    #[test]
    fn another_incarnation_has_nothing_of_the_one_before() {
        let batches = batches(&[1, 2]);
        let mut table = TableState::default();
        table.note(&outcome(9, &[(1, 2)], &[]), &batches);
        table.note(&outcome(10, &[(2, 2)], &[]), &batches);
        assert_eq!(table.loaded, [Span { from: 2, to: 2 }]);
        // A receipt that comes late is about a table that is gone.
        table.note(&outcome(9, &[(1, 2)], &[]), &batches);
        assert_eq!(table.loaded, [Span { from: 2, to: 2 }]);
    }
}
