//! Asking a warehouse how many rows it has of each batch.

use super::compare::{Cell, Counts};
use super::error::Class;
use super::failure::FillError;
use super::shape::TableKind;
use super::wait::{Ended, do_job};
use super::{JobId, Projection, WarehouseError, Work, sql};
use chrono::NaiveDate;
use tokio::sync::watch;

/// Counts the rows of a table by date, category, source and batch. `asker` makes the id of the job
/// unique: it only reads, so nobody needs to find it again.
pub(super) async fn count(
    projection: &Projection,
    kind: TableKind,
    dates: Option<(NaiveDate, NaiveDate)>,
    asker: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Counts, FillError> {
    let warehouse = &*projection.warehouse;
    let sql = sql::count_by_batch(&warehouse.sql_name(kind.table()), kind, dates);
    let number = projection.next_number();
    let id = JobId::of(&["trailhouse", "count", kind.in_job_id(), asker, &number]);
    let work = Work::Query { sql };
    let said = match do_job(warehouse, &id, &work, projection.settings.pace, stop).await? {
        Ended::Done(Ok(_)) => return read(projection, &id).await,
        Ended::Done(Err(failure)) => (failure.class, failure.said),
        Ended::UnderWay => (Class::Transient, "told to stop while counting".to_owned()),
    };
    Err(FillError::Warehouse(WarehouseError {
        class: said.0,
        target: warehouse.target().to_owned(),
        action: format!("count the rows of {}", kind.table()),
        said: said.1,
        retry_after: None,
    }))
}

async fn read(projection: &Projection, id: &JobId) -> Result<Counts, FillError> {
    let warehouse = &*projection.warehouse;
    let mut counts = Counts::new();
    for row in warehouse.rows(id).await? {
        let wrong = || FillError::Answer {
            target: warehouse.target().to_owned(),
            what: format!("{row:?}"),
        };
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
        let cell = Cell {
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
