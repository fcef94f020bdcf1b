//! `audit_batches` and `audit_coverage`: what the ledger says of itself, beside the events, so that an
//! analyst sees the numbers behind any claim. They are small, so they are written anew as a whole.

use crate::ledger::entry::ExpiringTable;
use crate::ledger::tables;
use crate::warehouse::contract::{JobWork, TableKind};
use crate::warehouse::preparing::{expiring, remake};
use crate::warehouse::projection::{
    Attempts, Filling, JobEnd, Projection, ProjectionError, WarehouseJob, open_table, own_job_id,
    run_job,
};
use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use bytes::Bytes;

/// Writes both tables anew where the ledger has something new or where their numbers of rows are not
/// what it has. Returns the sequence that they tell of, if they were written, and adds those that expire to
/// `expire`.
pub(crate) async fn tell(
    projection: &Projection,
    filling: Filling<'_>,
    expire: &mut Vec<ExpiringTable>,
) -> Result<Option<u64>, ProjectionError> {
    if *filling.stop.borrow() {
        return Ok(None);
    }
    let state = filling.state;
    let told = state
        .warehouses
        .get(&projection.name)
        .filter(|known| known.target == projection.warehouse.target())
        .and_then(|known| known.ledger_tables);
    // Receipts alone change neither table, but for the tries of holes, which come with the next entry.
    let newest = state.batches.last().map_or(0, |batch| batch.sequence);
    let new = told.is_none_or(|told| told < newest);
    let mut wrote = false;
    for (kind, rows) in [
        (TableKind::Batches, tables::batches(state)?),
        (TableKind::Coverage, tables::coverage(state)?),
    ] {
        let found = match open_table(projection, state, kind).await {
            Err(ProjectionError::Shape { .. }) => {
                (filling.say)(&format!("{}: recreating {}", projection.name, kind.table()));
                remake(projection, kind, &state.lake_id).await?;
                open_table(projection, state, kind).await?
            }
            opened => opened?,
        };
        expire.extend(expiring(&found));
        if new || found.rows != rows.num_rows() as u64 {
            (filling.say)(&format!("{}: {}", projection.name, kind.table()));
            if !write(projection, filling, kind, &rows).await? {
                return Ok(None);
            }
            wrote = true;
        }
    }
    Ok(wrote.then_some(state.head.sequence))
}

/// Whether the table was written; not where we were told to stop meanwhile.
async fn write(
    projection: &Projection,
    filling: Filling<'_>,
    kind: TableKind,
    rows: &RecordBatch,
) -> Result<bool, ProjectionError> {
    let content = lines(rows)?;
    let warehouse = &*projection.warehouse;
    let own = own_job_id(projection, "tell", kind, filling.run_id);
    let work = JobWork::Upload {
        table: kind.table().to_owned(),
        columns: kind.columns(),
        content,
    };
    let job = WarehouseJob {
        work: &work,
        attempts: Attempts::ONE,
        id: &|_| own.clone(),
        failpoints: Some(["warehouse.tell.before", "warehouse.tell.after"]),
    };
    match run_job(projection, filling.stop, &job).await? {
        JobEnd::Done { done, .. }
            if done.output_rows.is_none_or(|n| n == rows.num_rows() as u64) =>
        {
            Ok(true)
        }
        JobEnd::Done { id, done, .. } => Err(ProjectionError::Answer {
            target: warehouse.target().to_owned(),
            what: format!(
                "job {id} wrote {} of {} rows",
                done.output_rows.unwrap_or_default(),
                rows.num_rows()
            ),
        }),
        JobEnd::Failed { failure, .. } => {
            Err(failure.about(warehouse.target(), work.describe()).into())
        }
        // The next run writes them anew.
        JobEnd::UnderWay => Ok(false),
    }
}

/// One JSON object for each row, times as RFC 3339.
fn lines(rows: &RecordBatch) -> Result<Bytes, ProjectionError> {
    let mut text = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut text);
    let written = writer.write(rows).and_then(|()| writer.finish());
    written.map_err(tables::LedgerTableError::from)?;
    Ok(text.into())
}
