//! Filling one warehouse: what the ledger has and the tables have not.

use super::load::{Loading, load};
use super::tell::tell;
use crate::lake::layout::Table;
use crate::ledger::entry::{
    ExpiringTable, FailedLoad, RowsCounted, TableOutcome, WarehouseOutcome,
};
use crate::warehouse::contract::{LOADED, TableFound, TableKind};
use crate::warehouse::counting::compare_now;
use crate::warehouse::pending::{Barred, pending, rows_expected, spans};
use crate::warehouse::preparing::{expiring, expiring_views};
use crate::warehouse::projection::{
    FilesChecked, Filling, Projection, ProjectionError, WarehouseFailure, known_of, open_table,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What was done in one warehouse.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WarehouseSummary {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// Why the warehouse failed; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<WarehouseFailure>,
    /// Rebuilds that were finished.
    pub rebuilt: Vec<RebuiltDates>,
    /// What was loaded into each table.
    pub tables: Vec<TableSummary>,
    /// Tables and views that the service will remove by itself; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expiring: Vec<ExpiringTable>,
}

/// A rebuild that was finished.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RebuiltDates {
    /// Sequence of the `rebuild` entry that decided it.
    pub decision: u64,
    /// The table.
    pub table: Table,
    /// Number of dates whose rows were replaced.
    pub dates: u64,
    /// Number of rows that the table has for the replaced dates now; absent if the table no longer
    /// exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// What was loaded into one table.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TableSummary {
    /// Name of the table in the dataset.
    pub table: &'static str,
    /// Number of ledger entries that were loaded now.
    pub entries: u64,
    /// Number of rows that were loaded now.
    pub rows: u64,
    /// Number of entries that an interrupted run had loaded already.
    pub adopted: u64,
    /// Number of entries that are still to be loaded.
    pub entries_behind: u64,
    /// Number of rows that are still to be loaded.
    pub rows_behind: u64,
    /// How the files of the loaded entries were compared with the ledger.
    pub checked: FilesChecked,
    /// Load jobs that the service ended with an error, in words.
    pub errors: Vec<String>,
    /// How many rows differ from the ledger; absent if the number of rows gave no reason to count by
    /// batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<RowsCounted>,
}

/// One warehouse after it was filled as far as it could be.
#[derive(Debug)]
pub struct Filled {
    /// For the receipt.
    pub outcome: WarehouseOutcome,
    /// For people and programs.
    pub summary: WarehouseSummary,
}

/// Loads what is missing. A failure ends the work on this warehouse and is part of what is returned:
/// it is no concern of the lake or of other warehouses.
pub async fn fill(projection: &Projection, filling: Filling<'_>) -> Filled {
    let warehouse = &*projection.warehouse;
    let mut filled = Filled {
        outcome: WarehouseOutcome {
            warehouse: projection.name.clone(),
            target: warehouse.target().to_owned(),
            location: warehouse.location().to_owned(),
            failure: None,
            tables: Vec::new(),
            ledger_tables: None,
            expiring: Vec::new(),
        },
        summary: WarehouseSummary {
            warehouse: projection.name.clone(),
            target: warehouse.target().to_owned(),
            failure: None,
            rebuilt: Vec::new(),
            tables: Vec::new(),
            expiring: Vec::new(),
        },
    };
    if let Err(error) = fill_all(projection, filling, &mut filled).await {
        filled.outcome.failure = Some(error.code().to_owned());
        filled.summary.failure = Some(WarehouseFailure::from(&error));
    }
    filled.summary.expiring.sort();
    filled.outcome.expiring.clone_from(&filled.summary.expiring);
    filled
}

async fn fill_all(
    projection: &Projection,
    filling: Filling<'_>,
    filled: &mut Filled,
) -> Result<(), ProjectionError> {
    for table in LOADED {
        // Not even looked at: what is behind, the ledger knows.
        if *filling.stop.borrow() {
            return Ok(());
        }
        let found = open_table(projection, filling.state, TableKind::of(table)).await?;
        filled.summary.expiring.extend(expiring(&found));
        fill_table(projection, filling, table, &found, filled).await?;
    }
    filled.outcome.ledger_tables = tell(projection, filling, &mut filled.summary.expiring).await?;
    match expiring_views(projection).await {
        Ok(views) => filled.summary.expiring.extend(views),
        // It informs, and fails nothing that was done.
        Err(error) => tracing::debug!(%error, "looking for views that expire"),
    }
    Ok(())
}

async fn fill_table(
    projection: &Projection,
    filling: Filling<'_>,
    table: Table,
    found: &TableFound,
    filled: &mut Filled,
) -> Result<(), ProjectionError> {
    let (state, kind) = (filling.state, TableKind::of(table));
    let known = known_of(projection, state, table, found.incarnation);
    let mut loaded: BTreeSet<u64> = BTreeSet::new();
    let mut spoiled: BTreeSet<u64> = BTreeSet::new();
    let mut counted = None;
    // The service's own number of rows costs nothing to ask. Where it is not what receipts add up to,
    // rows came or went that no receipt tells of, and only a count by batch shows which.
    let differed = known.differs.is_some();
    let before = |sequence| known.has(sequence);
    if found.rows != rows_expected(state, &projection.name, table, before) || differed {
        let comparison = compare_now(projection, filling, table, None, before).await?;
        counted = Some(comparison.counted());
        let adopted = |sequence: &u64| !known.has(*sequence);
        loaded.extend(comparison.whole.iter().copied().filter(adopted));
        let differing = comparison.differences.iter();
        spoiled.extend(differing.filter_map(|difference| difference.sequence));
    }
    let adopted = loaded.len() as u64;
    let barred = Barred::of(state, &projection.name, table);
    let mut pending = pending(state, table, &known, &barred);
    // Loading what is there in part would double it; a rebuild mends it.
    pending.retain(|entry| !loaded.contains(&entry.sequence) && !spoiled.contains(&entry.sequence));

    let loading = Loading {
        projection,
        filling,
        kind,
        incarnation: found.incarnation,
    };
    let ends = load(&loading, &pending).await;
    loaded.extend(&ends.loaded);
    let after = |sequence| known.has(sequence) || loaded.contains(&sequence);
    let checked = if ends.loaded.is_empty() || *filling.stop.borrow() {
        Ok(None)
    } else {
        check(projection, filling, table, after).await
    };
    if let Ok(Some(differs)) = &checked {
        counted = Some(*differs);
    }
    let mut summary = TableSummary {
        table: kind.table(),
        entries: ends.loaded.len() as u64,
        rows: 0,
        adopted,
        entries_behind: 0,
        rows_behind: 0,
        checked: ends.checked,
        errors: Vec::new(),
        counted,
    };
    for entry in &pending {
        if ends.loaded.contains(&entry.sequence) {
            summary.rows += entry.rows();
        } else {
            summary.entries_behind += 1;
            summary.rows_behind += entry.rows();
        }
    }
    let mut failed = Vec::new();
    for end in &ends.failed {
        summary
            .errors
            .push(format!("entry {}: {}", end.sequence, end.said));
        failed.push(FailedLoad {
            sequence: end.sequence,
            attempts: end.attempts,
            reason: end.reason.clone(),
        });
    }
    let spans = spans(state, &projection.name, table, &known, &loaded);
    filled.outcome.tables.push(TableOutcome {
        table,
        incarnation: found.incarnation,
        loaded: spans,
        rows: summary.rows,
        failed,
        counted,
    });
    filled.summary.tables.push(summary);
    match ends.stopped_by {
        Some(error) => Err(error),
        None => checked.map(drop),
    }
}

/// What differs after loading, counted only where there are not as many rows as there should be. A job
/// that had ended before we came may have been adopted, and its rows be gone since.
async fn check(
    projection: &Projection,
    filling: Filling<'_>,
    table: Table,
    loaded: impl Fn(u64) -> bool + Copy,
) -> Result<Option<RowsCounted>, ProjectionError> {
    let found = open_table(projection, filling.state, TableKind::of(table)).await?;
    if found.rows == rows_expected(filling.state, &projection.name, table, loaded) {
        return Ok(None);
    }
    let comparison = compare_now(projection, filling, table, None, loaded).await?;
    Ok(Some(comparison.counted()))
}
