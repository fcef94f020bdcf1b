//! What warehouses are tried out with: a table of events, files for it, and jobs that are waited for.

use arrow::array::{ArrayRef, BinaryArray, Date32Array, Int64Array, RecordBatch};
use arrow::array::{StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use trailhouse::event::schema::{ColumnType, EVENT_COLUMNS, event_schema};
use trailhouse::warehouse::{
    JobDone, JobFailure, JobId, JobState, JobWork, LAKE_LABEL, Started, Statement, TableKind,
    TableShape, Warehouse,
};

/// One event, by what tells rows apart: date, category, batch, unique name.
pub type Event = (&'static str, &'static str, &'static str, &'static str);

pub fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([(LAKE_LABEL.to_owned(), "lake-1".to_owned())])
}

pub fn events_shape() -> TableShape {
    TableShape {
        description: TableKind::Events.meaning().to_owned(),
        columns: EVENT_COLUMNS,
        partition: Some("dt"),
        clustering: vec!["category".to_owned(), "source".to_owned()],
        require_partition_filter: true,
        expires_at: None,
    }
}

/// A Parquet file of the lake with these events.
pub fn events(rows: &[Event]) -> Bytes {
    let arrays = EVENT_COLUMNS.iter().map(|column| -> ArrayRef {
        let count = rows.len();
        let text = |value: &dyn Fn(&Event) -> &'static str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(value)))
        };
        match (column.name, column.kind) {
            ("dt", _) => {
                let days = rows.iter().map(|row| {
                    let date: NaiveDate = row.0.parse().unwrap();
                    date.to_epoch_days()
                });
                Arc::new(Date32Array::from_iter_values(days))
            }
            ("category", _) => text(&|row| row.1),
            ("batch_id", _) => text(&|row| row.2),
            ("event_uid", _) => text(&|row| row.3),
            ("source", _) => text(&|_| "kestra-prod"),
            (_, ColumnType::Text) => text(&|_| "{\"not\": \"JSON to the warehouse\"}"),
            (_, ColumnType::Bytes) => Arc::new(BinaryArray::from(vec![&b"x"[..]; count])),
            (_, ColumnType::Integer) => Arc::new(Int64Array::from(vec![1; count])),
            (_, ColumnType::Date) => Arc::new(Date32Array::from(vec![1; count])),
            (_, ColumnType::Timestamp) => {
                Arc::new(TimestampMicrosecondArray::from(vec![1; count]).with_timezone("UTC"))
            }
        }
    });
    parquet(&RecordBatch::try_new(event_schema(), arrays.collect()).unwrap())
}

pub fn parquet(batch: &RecordBatch) -> Bytes {
    let mut content = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut content, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    content.into()
}

/// Waits until a job has ended.
pub async fn ended(warehouse: &dyn Warehouse, id: &JobId) -> Result<JobDone, JobFailure> {
    for _ in 0..600 {
        match warehouse.job(id).await.unwrap() {
            Some(JobState::Done(end)) => return end,
            Some(JobState::Pending | JobState::Running) => {}
            None => panic!("{id} is not known"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{id} does not end")
}

/// Starts a job that is new and waits until it has ended.
pub async fn done(
    warehouse: &dyn Warehouse,
    id: &str,
    work: &JobWork,
) -> Result<JobDone, JobFailure> {
    let id = JobId::of(&[id]);
    assert_eq!(warehouse.start(&id, work).await, Ok(Started::New), "{id}");
    ended(warehouse, &id).await
}

/// The rows of a table by date, category and batch, as text in order.
pub async fn counted(warehouse: &dyn Warehouse, id: &str, table: &str) -> Vec<String> {
    let sql = warehouse.sql(&Statement::CountByBatch {
        table,
        kind: TableKind::Events,
        dates: None,
    });
    done(warehouse, id, &JobWork::Query { sql }).await.unwrap();
    let rows = warehouse.rows(&JobId::of(&[id])).await.unwrap();
    let mut lines: Vec<String> = rows
        .into_iter()
        .map(|row| {
            let row: Vec<String> = row.into_iter().map(Option::unwrap).collect();
            row.join(" ")
        })
        .collect();
    lines.sort();
    lines
}
