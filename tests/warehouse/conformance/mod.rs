//! What every warehouse must do, tried out on one. Runs against BigQuery's adapter and the service
//! in this process, and against emulators that others made.

mod material;
mod removal;

pub use material::{Event, counted, done, ended, events, events_shape, labels, parquet};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use trailhouse::event::schema::{ColumnType, EVENT_COLUMNS, event_schema};
use trailhouse::warehouse::{
    Class, JobId, JobWork, LAKE_LABEL, Started, Statement, TableKind, TableShape, ViewShape,
    Warehouse, WarehouseError,
};

/// A warehouse to be tried out, with an empty project.
pub struct Bench<'a> {
    /// The warehouse.
    pub warehouse: &'a dyn Warehouse,
    /// Puts a file where the warehouse loads from, and tells its URI.
    pub put: &'a (dyn Fn(&str, Bytes) -> String + Sync),
}

const A: Event = ("2026-01-01", "execution", "b1", "e1");
const B: Event = ("2026-01-01", "authentication", "b1", "e2");
const C: Event = ("2026-01-02", "execution", "b2", "e3");
const D: Event = ("2026-01-03", "other", "b3", "e4");

/// Goes through all of it.
pub async fn conforms(bench: &Bench<'_>) {
    datasets(bench.warehouse).await;
    tables(bench.warehouse).await;
    appends(bench).await;
    failures(bench).await;
    uploads(bench.warehouse).await;
    transactions(bench).await;
    extensions(bench.warehouse).await;
    views(bench.warehouse).await;
    queries(bench.warehouse).await;
    removal::deletions(bench).await;
    removal::expirations(bench.warehouse).await;
}

fn append(table: &str, files: &[String]) -> JobWork {
    JobWork::Append {
        table: table.to_owned(),
        columns: EVENT_COLUMNS,
        files: files.to_vec(),
    }
}

fn class<T: std::fmt::Debug>(result: Result<T, WarehouseError>) -> Class {
    result.unwrap_err().class
}

async fn datasets(warehouse: &dyn Warehouse) {
    assert_eq!(warehouse.dataset().await, Ok(None));
    // Without a dataset there is no table either.
    assert_eq!(warehouse.table("audit_events").await, Ok(None));
    warehouse.drop_table("audit_events").await.unwrap();
    let described = "Audit events of all platforms";
    warehouse
        .create_dataset(described, &labels())
        .await
        .unwrap();
    let found = warehouse.dataset().await.unwrap().unwrap();
    assert!(found.location.eq_ignore_ascii_case(warehouse.location()));
    assert_eq!(found.labels, labels());
    let again = warehouse.create_dataset(described, &labels()).await;
    assert_eq!(class(again), Class::Exists);
}

async fn tables(warehouse: &dyn Warehouse) {
    let (name, shape) = ("made", events_shape());
    assert_eq!(warehouse.table(name).await, Ok(None));
    warehouse
        .create_table(name, &shape, &labels())
        .await
        .unwrap();
    let found = warehouse.table(name).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.kind.as_str()), (name, "TABLE"));
    assert_eq!((found.rows, found.partition_expiration), (0, None));
    assert_eq!(found.labels, labels());
    assert_eq!(found.description, shape.description);
    assert_eq!(found.partition.as_deref(), Some("dt"));
    assert_eq!(found.clustering, shape.clustering);
    assert!(found.require_partition_filter);
    for (column, found) in EVENT_COLUMNS.iter().zip(&found.columns) {
        let mode = if column.required {
            "REQUIRED"
        } else {
            "NULLABLE"
        };
        assert_eq!(
            (
                found.name.as_str(),
                found.kind.as_str(),
                found.mode.as_str()
            ),
            (column.name, warehouse.type_name(column.kind), mode)
        );
        assert_eq!(found.description, column.meaning);
    }
    assert_eq!(found.columns.len(), EVENT_COLUMNS.len());

    let again = warehouse.create_table(name, &shape, &labels()).await;
    assert_eq!(class(again), Class::Exists);
    warehouse.drop_table(name).await.unwrap();
    warehouse.drop_table(name).await.unwrap();
    assert_eq!(warehouse.table(name).await, Ok(None));
    warehouse
        .create_table(name, &shape, &labels())
        .await
        .unwrap();
    let made_anew = warehouse.table(name).await.unwrap().unwrap();
    assert_ne!(made_anew.incarnation, found.incarnation);
}

async fn appends(bench: &Bench<'_>) {
    let warehouse = bench.warehouse;
    let name = "appended";
    warehouse
        .create_table(name, &events_shape(), &labels())
        .await
        .unwrap();
    let before = warehouse.table(name).await.unwrap().unwrap().incarnation;
    let id = JobId::of(&["append", "0"]);
    assert_eq!(warehouse.job(&id).await, Ok(None));
    let files = [
        (bench.put)(
            "events/date=2026-01-01/cat=execution/src=k/r-0.parquet",
            events(&[A, B]),
        ),
        (bench.put)(
            "events/date=2026-01-02/cat=execution/src=k/r-1.parquet",
            events(&[C]),
        ),
    ];
    let work = append(name, &files);
    assert_eq!(warehouse.start(&id, &work).await, Ok(Started::New));
    // An id is unique, whether the first job of it has ended or not.
    assert_eq!(warehouse.start(&id, &work).await, Ok(Started::Exists));
    let rows = ended(warehouse, &id).await.unwrap().output_rows;
    assert_eq!(rows, Some(3));
    assert_eq!(warehouse.start(&id, &work).await, Ok(Started::Exists));
    let found = warehouse.table(name).await.unwrap().unwrap();
    assert_eq!((found.rows, found.incarnation), (3, before));

    let more = [(bench.put)(
        "events/date=2026-01-03/cat=other/src=k/r-2.parquet",
        events(&[D]),
    )];
    let rows = done(warehouse, "append_1", &append(name, &more)).await;
    assert_eq!(rows.unwrap().output_rows, Some(1));
    assert_eq!(
        counted(warehouse, "append_count", name).await,
        [
            "2026-01-01 authentication kestra-prod b1 1",
            "2026-01-01 execution kestra-prod b1 1",
            "2026-01-02 execution kestra-prod b2 1",
            "2026-01-03 other kestra-prod b3 1",
        ]
    );
}

async fn failures(bench: &Bench<'_>) {
    let warehouse = bench.warehouse;
    let name = "failed";
    warehouse
        .create_table(name, &events_shape(), &labels())
        .await
        .unwrap();
    let good = (bench.put)(
        "events/date=2026-01-01/cat=execution/src=k/f-0.parquet",
        events(&[A]),
    );
    let missing = good.replace("f-0.parquet", "f-missing.parquet");
    let schema = event_schema().project(&[0, 1]).unwrap();
    let uids: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let narrow = RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(&uids), uids]).unwrap();
    let narrow = (bench.put)(
        "events/date=2026-01-01/cat=execution/src=k/f-1.parquet",
        parquet(&narrow),
    );
    let broken = (bench.put)(
        "events/date=2026-01-01/cat=execution/src=k/f-2.parquet",
        Bytes::from_static(b"PAR1 no, not at all PAR1"),
    );
    for (number, bad) in [missing, narrow, broken].into_iter().enumerate() {
        let id = format!("fails_{number}");
        let work = append(name, &[good.clone(), bad]);
        let failure = done(warehouse, &id, &work).await.unwrap_err();
        assert!(
            !failure.reason.is_empty() && !failure.said.contains('\n'),
            "{failure:?}"
        );
        // All or nothing; and the id is gone for good.
        assert_eq!(warehouse.table(name).await.unwrap().unwrap().rows, 0);
        let again = warehouse.start(&JobId::of(&[&id]), &work).await;
        assert_eq!(again, Ok(Started::Exists));
    }
    // No load makes a table.
    let work = append("nowhere", std::slice::from_ref(&good));
    let failure = done(warehouse, "fails_nowhere", &work).await.unwrap_err();
    assert_eq!(failure.class, Class::NotFound);
    assert_eq!(warehouse.table("nowhere").await, Ok(None));
    done(warehouse, "fails_no_more", &append(name, &[good]))
        .await
        .unwrap();
    assert_eq!(warehouse.table(name).await.unwrap().unwrap().rows, 1);
}

async fn uploads(warehouse: &dyn Warehouse) {
    let columns = TableKind::Batches.columns();
    let shape = TableShape {
        description: TableKind::Batches.meaning().to_owned(),
        columns,
        partition: None,
        clustering: Vec::new(),
        require_partition_filter: false,
        expires_at: None,
    };
    warehouse
        .create_table("batches", &shape, &labels())
        .await
        .unwrap();
    let line = |number: u64| {
        let members = columns
            .iter()
            .filter(|column| column.required)
            .map(|column| {
                let value = match column.kind {
                    ColumnType::Integer => serde_json::json!(number),
                    ColumnType::Timestamp => serde_json::json!("2026-01-01T00:00:00.123456Z"),
                    ColumnType::Date => serde_json::json!("2026-01-01"),
                    // Nothing in a value may end a part of the request.
                    _ => serde_json::json!(format!("b{number}\r\n--trailhouse-0--\r\n")),
                };
                (column.name.to_owned(), value)
            });
        format!("{}\n", serde_json::Value::Object(members.collect()))
    };
    for (id, lines) in [("upload_0", 3), ("upload_1", 2), ("upload_2", 0)] {
        let content: String = (0..lines).map(line).collect();
        let work = JobWork::Upload {
            table: "batches".to_owned(),
            columns,
            content: content.into(),
        };
        let written = done(warehouse, id, &work).await.unwrap().output_rows;
        assert_eq!(written, Some(lines));
        assert_eq!(
            warehouse.table("batches").await.unwrap().unwrap().rows,
            lines
        );
        let again = warehouse.start(&JobId::of(&[id]), &work).await;
        assert_eq!(again, Ok(Started::Exists));
    }
}

async fn transactions(bench: &Bench<'_>) {
    let warehouse = bench.warehouse;
    let staging = TableShape {
        require_partition_filter: false,
        ..events_shape()
    };
    warehouse
        .create_table("whole", &events_shape(), &labels())
        .await
        .unwrap();
    warehouse
        .create_table("staged", &staging, &labels())
        .await
        .unwrap();
    let wrong = ("2026-01-02", "execution", "b2", "not in the lake");
    let file = (bench.put)(
        "events/date=x/cat=x/src=x/t-0.parquet",
        events(&[A, C, wrong, D]),
    );
    done(warehouse, "transaction_0", &append("whole", &[file]))
        .await
        .unwrap();
    let file = (bench.put)("events/date=x/cat=x/src=x/t-1.parquet", events(&[C]));
    done(warehouse, "transaction_1", &append("staged", &[file]))
        .await
        .unwrap();
    let dates = ["2026-01-02".parse().unwrap(), "2026-01-04".parse().unwrap()];
    let sql = warehouse.sql(&Statement::ReplaceDates {
        table: "whole",
        dates: &dates,
        columns: EVENT_COLUMNS,
        from: "staged",
    });
    done(warehouse, "transaction_2", &JobWork::Query { sql })
        .await
        .unwrap();
    assert_eq!(
        counted(warehouse, "transaction_count", "whole").await,
        [
            "2026-01-01 execution kestra-prod b1 1",
            "2026-01-02 execution kestra-prod b2 1",
            "2026-01-03 other kestra-prod b3 1",
        ]
    );
    // One that cannot end does not begin.
    let sql = warehouse.sql(&Statement::ReplaceDates {
        table: "whole",
        dates: &dates,
        columns: EVENT_COLUMNS,
        from: "nowhere",
    });
    done(warehouse, "transaction_3", &JobWork::Query { sql })
        .await
        .unwrap_err();
    assert_eq!(warehouse.table("whole").await.unwrap().unwrap().rows, 3);
}

async fn extensions(warehouse: &dyn Warehouse) {
    let old = TableShape {
        description: String::new(),
        columns: &EVENT_COLUMNS[..8],
        require_partition_filter: false,
        clustering: Vec::new(),
        ..events_shape()
    };
    let theirs = BTreeMap::from([("team".to_owned(), "audit".to_owned())]);
    warehouse
        .create_table("extended", &old, &theirs)
        .await
        .unwrap();
    let found = warehouse.table("extended").await.unwrap().unwrap();
    warehouse
        .extend_table(&found, &events_shape(), &labels())
        .await
        .unwrap();
    let extended = warehouse.table("extended").await.unwrap().unwrap();
    assert_eq!(extended.incarnation, found.incarnation);
    assert_eq!(extended.columns.len(), EVENT_COLUMNS.len());
    assert_eq!(extended.columns[..8], found.columns[..]);
    assert!(extended.require_partition_filter);
    assert_eq!(extended.description, events_shape().description);
    assert_eq!(extended.labels["team"], "audit");
    assert_eq!(extended.labels[LAKE_LABEL], "lake-1");
    // Nothing is lost that another one did meanwhile.
    let stale = warehouse
        .extend_table(&found, &events_shape(), &labels())
        .await;
    assert_eq!(class(stale), Class::Conflict);
    warehouse
        .extend_table(&extended, &events_shape(), &labels())
        .await
        .unwrap();
    let same = warehouse.table("extended").await.unwrap().unwrap();
    assert_eq!(same.told["etag"], extended.told["etag"], "nothing was sent");
}

async fn views(warehouse: &dyn Warehouse) {
    let mut view = ViewShape {
        name: "v_events".to_owned(),
        description: "How many".to_owned(),
        sql: "SELECT 1 AS one".to_owned(),
    };
    for sql in ["SELECT 1 AS one", "SELECT 1 AS one", "SELECT 2 AS two"] {
        view.sql = sql.to_owned();
        warehouse.put_view(&view, &labels()).await.unwrap();
        let found = warehouse.table("v_events").await.unwrap().unwrap();
        assert_eq!(found.kind, "VIEW");
        assert_eq!(found.description, "How many");
        assert_eq!(found.labels, labels());
        assert_eq!(found.view.as_deref(), Some(sql));
    }
    let table = ViewShape {
        name: "extended".to_owned(),
        ..view
    };
    assert_eq!(
        class(warehouse.put_view(&table, &labels()).await),
        Class::Refused
    );
}

async fn queries(warehouse: &dyn Warehouse) {
    let good = warehouse.sql(&Statement::CountByBatch {
        table: "appended",
        kind: TableKind::Events,
        dates: None,
    });
    warehouse.dry_run(&good).await.unwrap();
    let bad = "SELEC nothing".to_owned();
    assert_eq!(class(warehouse.dry_run(&bad).await), Class::Refused);
    let id = JobId::of(&["query_bad"]);
    match warehouse.start(&id, &JobWork::Query { sql: bad }).await {
        Ok(_) => assert_eq!(
            ended(warehouse, &id).await.unwrap_err().class,
            Class::Refused
        ),
        Err(error) => assert_eq!(error.class, Class::Refused),
    }
    // Rows of nothing are an error, not no rows.
    assert!(warehouse.rows(&JobId::of(&["never"])).await.is_err());
    assert!(warehouse.rows(&id).await.is_err());
    // No rows are no error.
    let none = Some(("1999-01-01".parse().unwrap(), "1999-01-02".parse().unwrap()));
    let sql = warehouse.sql(&Statement::CountByBatch {
        table: "appended",
        kind: TableKind::Events,
        dates: none,
    });
    done(warehouse, "query_none", &JobWork::Query { sql })
        .await
        .unwrap();
    let rows = warehouse.rows(&JobId::of(&["query_none"])).await;
    assert_eq!(rows, Ok(Vec::new()));
}
