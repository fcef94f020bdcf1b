//! How far a warehouse is, as the ledger alone knows it. Pure.

use crate::lake::layout::Table;
use crate::ledger::entry::{ExpiringTable, FailedLoad, RowsCounted};
use crate::ledger::state::{State, TableState};
use crate::warehouse::contract::{LOADED, StatementLimits, TableKind};
use crate::warehouse::pending::{Barred, pending};
use crate::window::some_instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// How far a warehouse is behind the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WarehouseStanding {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset at the newest run that loaded it, as in `acme-audit.audit`; absent if none
    /// has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When the newest run that loaded it wrote its receipt; absent if none has.
    #[serde(skip_serializing_if = "Option::is_none", with = "some_instant")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub at: Option<DateTime<Utc>>,
    /// Stable code of the failure of that newest run; absent if it did not fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How far each table is behind.
    pub tables: Vec<TableStanding>,
    /// Replacements of dates that were decided and are not done yet.
    pub rebuilds: Vec<OpenRebuild>,
    /// Tables and views that the service was going to remove by itself when a run last looked; absent if
    /// there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expiring: Vec<ExpiringTable>,
    /// By which its jobs are cut.
    #[serde(skip)]
    pub limits: StatementLimits,
}

/// How far a table is behind the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TableStanding {
    /// Name of the table in the dataset.
    pub table: &'static str,
    /// Number of rows of the entries that are loaded.
    pub rows: u64,
    /// Number of ledger entries that are still to be loaded.
    pub entries_behind: u64,
    /// Number of rows that are still to be loaded.
    pub rows_behind: u64,
    /// Number of files that are still to be loaded.
    pub files_behind: u64,
    /// Size of the files that are still to be loaded, in bytes.
    pub bytes_behind: u64,
    /// Number of load jobs that loading the rest takes.
    pub jobs: u64,
    /// Number of changes of partitions that loading the rest takes; a partition counts once for each job
    /// that changes it.
    pub partition_changes: u64,
    /// When the oldest entry that is still to be loaded was written; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none", with = "some_instant")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub behind_since: Option<DateTime<Utc>>,
    /// Entries whose loads failed.
    pub failed: Vec<FailedLoad>,
    /// How many rows differed from the ledger when they were last counted; absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<RowsCounted>,
}

/// A replacement of dates that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenRebuild {
    /// Sequence of the `rebuild` or `remap` entry that decided it.
    pub decision: u64,
    /// The table.
    pub table: Table,
    /// First UTC date whose rows are replaced; `null` if there is none.
    pub first: Option<NaiveDate>,
    /// Last UTC date whose rows are replaced; `null` if there is none.
    pub last: Option<NaiveDate>,
    /// Number of dates whose rows are replaced.
    pub dates: u64,
}

impl OpenRebuild {
    fn of(decision: u64, table: Table, dates: &[NaiveDate]) -> Self {
        Self {
            decision,
            table,
            first: dates.first().copied(),
            last: dates.last().copied(),
            dates: dates.len() as u64,
        }
    }
}

impl WarehouseStanding {
    /// How far the warehouse of a name is. Its jobs are cut by `limits`.
    pub fn of(state: &State, name: &str, limits: &StatementLimits) -> Self {
        let known = state.warehouses.get(name);
        let nothing = TableState::default();
        let tables = LOADED.into_iter().map(|table| {
            let of_table = known.and_then(|known| known.tables.get(&table));
            TableStanding::of(state, table, of_table.unwrap_or(&nothing), limits)
        });
        let rebuilds = state.rebuilds.iter().filter(|(_, it)| it.warehouse == name);
        let rebuilds =
            rebuilds.map(|(decision, it)| OpenRebuild::of(*decision, it.table, &it.dates));
        let remaps = state.remaps.iter();
        let remaps = remaps.filter(|(_, it)| it.warehouses.contains(name));
        let remaps =
            remaps.map(|(decision, it)| OpenRebuild::of(*decision, Table::Events, &it.dates));
        Self {
            warehouse: name.to_owned(),
            target: known.map(|known| known.target.clone()),
            at: known.map(|known| known.at),
            failure: known.and_then(|known| known.failure.clone()),
            expiring: known.map_or_else(Vec::new, |known| known.expiring.clone()),
            tables: tables.collect(),
            limits: *limits,
            rebuilds: rebuilds.chain(remaps).collect(),
        }
    }

    /// Whether nothing failed, differs or is about to expire; loads may still be due.
    pub fn is_fine(&self) -> bool {
        let fine = |table: &TableStanding| table.failed.is_empty() && table.differs.is_none();
        self.failure.is_none()
            && self.tables.iter().all(fine)
            && self.rebuilds.is_empty()
            && self.expiring.is_empty()
    }

    /// Whether everything that the ledger has is loaded, and nothing differs.
    pub fn is_level(&self) -> bool {
        self.tables.iter().all(TableStanding::is_level) && self.rebuilds.is_empty()
    }
}

impl TableStanding {
    /// Whether everything that the ledger has for it is loaded, and nothing differs.
    pub fn is_level(&self) -> bool {
        self.entries_behind == 0 && self.differs.is_none()
    }

    fn of(state: &State, table: Table, known: &TableState, limits: &StatementLimits) -> Self {
        let behind = pending(state, table, known, &Barred::default());
        let sequences: BTreeSet<u64> = behind.iter().map(|entry| entry.sequence).collect();
        let since = state
            .batches
            .iter()
            .find(|batch| sequences.contains(&batch.sequence));
        let live = state.live_files().filter(|live| live.file.table == table);
        let loaded = live.filter(|live| known.has(live.sequence));
        let mut standing = Self {
            table: TableKind::of(table).table(),
            rows: loaded.map(|live| live.file.rows).sum(),
            entries_behind: behind.len() as u64,
            rows_behind: 0,
            files_behind: 0,
            bytes_behind: 0,
            jobs: 0,
            partition_changes: 0,
            behind_since: since.map(|batch| batch.written_at),
            failed: known
                .failed
                .iter()
                .map(|(sequence, failed)| FailedLoad {
                    sequence: *sequence,
                    attempts: failed.attempts,
                    reason: failed.reason.clone(),
                })
                .collect(),
            differs: known.differs,
        };
        for entry in &behind {
            standing.rows_behind += entry.rows();
            standing.files_behind += entry.files.len() as u64;
            standing.bytes_behind += entry.files.iter().map(|file| file.bytes).sum::<u64>();
            for part in entry.parts(limits) {
                standing.jobs += 1;
                let dates: BTreeSet<NaiveDate> = part.iter().map(|file| file.date).collect();
                standing.partition_changes += dates.len() as u64;
            }
        }
        standing
    }
}
