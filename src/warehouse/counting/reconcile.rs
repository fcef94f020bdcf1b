//! What a warehouse holds against what the ledger says, row by row of the partitions. Changes nothing.

use super::compare::{Difference, RowTally};
use super::count::{DoubledEvent, compare_now, doubled};
use crate::lake::layout::Table;
use crate::ledger::entry::RowsCounted;
use crate::warehouse::contract::{LOADED, TableKind};
use crate::warehouse::projection::{
    Filling, Projection, ProjectionError, WarehouseFailure, known_of, open_table,
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

/// How a warehouse compares with the ledger.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reconciliation {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// Why the warehouse could not be compared completely; absent if it could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<WarehouseFailure>,
    /// The comparison for each table.
    pub tables: Vec<TableReconciliation>,
}

/// How one table compares with the ledger.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TableReconciliation {
    /// Name of the table in the dataset.
    pub table: &'static str,
    /// Number of rows by the ledger.
    pub expected: u64,
    /// Of the expected, rows of entries that are still to be loaded.
    pub pending: u64,
    /// Number of rows in the warehouse.
    pub found: u64,
    /// How many rows differ.
    pub counted: RowsCounted,
    /// The rows of each date, category and source.
    pub partitions: Vec<TablePartition>,
    /// What differs, batch by batch; empty if nothing does.
    pub differences: Vec<Difference>,
    /// Events that have several rows on the dates compared, 1,000 at most; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubled: Vec<DoubledEvent>,
}

/// The rows of one date, category and source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TablePartition {
    /// UTC date of the rows.
    pub date: NaiveDate,
    /// Category of the rows; absent for quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Id of the source.
    pub source: String,
    /// The numbers.
    #[serde(flatten)]
    pub tally: RowTally,
}

/// Compares all tables with rows of the lake. With `dates` only these.
pub async fn reconcile(
    projection: &Projection,
    filling: Filling<'_>,
    dates: Option<(NaiveDate, NaiveDate)>,
) -> Reconciliation {
    let mut reconciliation = Reconciliation {
        warehouse: projection.name.clone(),
        target: projection.warehouse.target().to_owned(),
        failure: None,
        tables: Vec::new(),
    };
    if let Err(error) = reconcile_all(projection, filling, dates, &mut reconciliation.tables).await
    {
        reconciliation.failure = Some(WarehouseFailure::from(&error));
    }
    reconciliation
}

async fn reconcile_all(
    projection: &Projection,
    filling: Filling<'_>,
    dates: Option<(NaiveDate, NaiveDate)>,
    tables: &mut Vec<TableReconciliation>,
) -> Result<(), ProjectionError> {
    for table in LOADED {
        let kind = TableKind::of(table);
        let found = open_table(projection, filling.state, kind).await?;
        let known = known_of(projection, filling.state, table, found.incarnation);
        let loaded = |sequence| known.has(sequence);
        let comparison = compare_now(projection, filling, table, dates, loaded).await?;
        let doubled = match table {
            Table::Events => doubled(projection, dates, filling.run_id, filling.stop).await?,
            Table::Quarantine | Table::Objects => Vec::new(),
        };
        let sum = |of: fn(&RowTally) -> u64| comparison.partitions.values().map(of).sum();
        tables.push(TableReconciliation {
            table: kind.table(),
            expected: sum(|tally| tally.expected),
            pending: sum(|tally| tally.pending),
            found: sum(|tally| tally.found),
            counted: comparison.counted(),
            partitions: comparison
                .partitions
                .iter()
                .map(|((date, category, source), tally)| TablePartition {
                    date: *date,
                    category: category.clone(),
                    source: source.clone(),
                    tally: *tally,
                })
                .collect(),
            differences: comparison.differences,
            doubled,
        });
    }
    Ok(())
}
