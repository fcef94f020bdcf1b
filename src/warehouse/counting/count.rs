//! Asking a warehouse how many rows it has of each batch.

use super::compare::{CompareCell, CompareScope, RowCounts, TableComparison, compare};
use crate::lake::layout::Table;
use crate::warehouse::contract::{Class, JobFailure, JobId, JobWork, Statement, TableKind};
use crate::warehouse::projection::{
    Attempts, Filling, JobEnd, Projection, ProjectionError, WarehouseJob, own_job_id, run_job,
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

/// Most doubled events that are asked for.
pub(crate) const MOST_DOUBLED: usize = 1_000;

/// An event that has several rows in a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DoubledEvent {
    /// Id of the event.
    pub event_uid: String,
    /// Number of rows with this id.
    pub rows: u64,
}

/// Counts the rows of a table by date, category, source and batch. `asker` makes the id of the job
/// unique: it only reads, so nobody needs to find it again.
pub(crate) async fn count(
    projection: &Projection,
    kind: TableKind,
    dates: Option<(NaiveDate, NaiveDate)>,
    asker: &str,
    stop: &watch::Receiver<bool>,
) -> Result<RowCounts, ProjectionError> {
    let sql = projection.warehouse.sql(&Statement::CountByBatch {
        table: kind.table(),
        kind,
        dates,
    });
    let id = ask(projection, kind, ("count", sql), asker, stop).await?;
    read(projection, &id).await
}

/// The events of a warehouse that have several rows, by id; [`MOST_DOUBLED`] at most.
pub(crate) async fn doubled(
    projection: &Projection,
    dates: Option<(NaiveDate, NaiveDate)>,
    asker: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<DoubledEvent>, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let kind = TableKind::Events;
    let sql = warehouse.sql(&Statement::DoubledEvents {
        table: kind.table(),
        dates,
        most: MOST_DOUBLED,
    });
    let id = ask(projection, kind, ("doubled", sql), asker, stop).await?;
    let rows = warehouse.rows(&id).await?.into_iter();
    let doubled = rows.map(|row| {
        let [Some(event_uid), Some(rows)] = &row[..] else {
            return Err(wrong(projection, &row));
        };
        Ok(DoubledEvent {
            event_uid: event_uid.clone(),
            rows: rows.parse().map_err(|_| wrong(projection, &row))?,
        })
    });
    doubled.collect()
}

/// Runs a query and returns its job.
async fn ask(
    projection: &Projection,
    kind: TableKind,
    (purpose, sql): (&str, String),
    asker: &str,
    stop: &watch::Receiver<bool>,
) -> Result<JobId, ProjectionError> {
    let own = own_job_id(projection, purpose, kind, asker);
    let job = WarehouseJob {
        work: &JobWork::Query { sql },
        attempts: Attempts::ONE,
        id: &|_| own.clone(),
        failpoints: None,
    };
    let failure = match run_job(projection, stop, &job).await? {
        JobEnd::Done { id, .. } => return Ok(id),
        JobEnd::Failed { failure, .. } => failure,
        JobEnd::UnderWay => JobFailure {
            class: Class::Transient,
            reason: "stopped".to_owned(),
            said: "asked to stop while counting".to_owned(),
        },
    };
    let action = format!("count the rows of {}", kind.table());
    Err(failure.about(projection.warehouse.target(), action).into())
}

/// An answer that is not what was asked for.
fn wrong(projection: &Projection, row: &[Option<String>]) -> ProjectionError {
    ProjectionError::Answer {
        target: projection.warehouse.target().to_owned(),
        what: format!("{row:?}"),
    }
}

/// How the rows of a table compare with the ledger, asking the warehouse; see [`compare`]. Where it
/// holds batches that our state does not know, others may have committed and loaded them since, so the
/// ledger is read again first.
pub(crate) async fn compare_now(
    projection: &Projection,
    filling: Filling<'_>,
    table: Table,
    dates: Option<(NaiveDate, NaiveDate)>,
    loaded: impl Fn(u64) -> bool + Copy,
) -> Result<TableComparison, ProjectionError> {
    let scope = CompareScope {
        warehouse: &projection.name,
        table,
        dates,
        carrying_out: None,
    };
    compare_within(projection, filling, &scope, loaded).await
}

/// The same within a scope.
pub(crate) async fn compare_within(
    projection: &Projection,
    filling: Filling<'_>,
    scope: &CompareScope<'_>,
    loaded: impl Fn(u64) -> bool + Copy,
) -> Result<TableComparison, ProjectionError> {
    let kind = TableKind::of(scope.table);
    (filling.say)(&format!("{}: counting {}", projection.name, kind.table()));
    let counts = count(projection, kind, scope.dates, filling.run_id, filling.stop).await?;
    let comparison = compare(filling.state, scope, loaded, &counts);
    if comparison.counted().foreign == 0 {
        return Ok(comparison);
    }
    let Some(newer) = filling.log.load().await? else {
        return Ok(comparison);
    };
    let mut comparison = compare(&newer, scope, loaded, &counts);
    // Entries of others are theirs to load.
    let ours = filling.state.head.sequence;
    comparison.whole.retain(|sequence| *sequence <= ours);
    comparison.absent.retain(|sequence| *sequence <= ours);
    Ok(comparison)
}

async fn read(projection: &Projection, id: &JobId) -> Result<RowCounts, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let mut counts = RowCounts::new();
    for row in warehouse.rows(id).await? {
        let wrong = || wrong(projection, &row);
        let [
            Some(date),
            category,
            Some(source),
            Some(batch_id),
            Some(rows),
        ] = &row[..]
        else {
            return Err(wrong());
        };
        let cell = CompareCell {
            date: date.parse().map_err(|_| wrong())?,
            category: category.clone(),
            source: source.clone(),
            batch_id: batch_id.clone(),
        };
        let rows: u64 = rows.parse().map_err(|_| wrong())?;
        if counts.insert(cell, rows).is_some() {
            return Err(wrong());
        }
    }
    Ok(counts)
}
