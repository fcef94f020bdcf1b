//! The service in this process refuses what BigQuery refuses and emulators let pass. Asked directly,
//! since the adapter does not even send most of it.

use super::bigquery::Stand;
use super::conformance::{done, events, events_shape, labels};
use crate::bigquery_fake::{DATASET, LOCATION, PROJECT};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use trailhouse::event::schema::EVENT_COLUMNS;
use trailhouse::warehouse::{Class, JobWork, Statement, TableKind, TableShape, Warehouse};

const TABLE: &str = "audit_events";

/// A table as SQL names it.
fn sql_name(table: &str) -> String {
    format!("`{PROJECT}.{DATASET}.{table}`")
}

async fn prepared() -> Stand {
    let stand = Stand::new().await;
    let warehouse = stand.fake.client().await;
    warehouse.create_dataset("d", &labels()).await.unwrap();
    let shape = events_shape();
    warehouse
        .create_table(TABLE, &shape, &labels())
        .await
        .unwrap();
    stand
}

/// Asks, and gives status and reason or document.
async fn ask(stand: &Stand, method: Method, path: &str, body: &Value, etag: &str) -> (u16, Value) {
    let url = format!("{}/bigquery/v2/projects/{PROJECT}/{path}", stand.fake.url());
    let mut request = Client::new().request(method, url).body(body.to_string());
    if !etag.is_empty() {
        request = request.header("if-match", etag);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let mut told: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    if status != StatusCode::OK {
        told = told["error"]["errors"][0]["reason"].take();
    }
    (status.as_u16(), told)
}

/// A load as the adapter sends it.
async fn good_load(stand: &Stand) -> Value {
    let warehouse = stand.fake.client().await;
    let work = JobWork::Append {
        table: TABLE.to_owned(),
        columns: EVENT_COLUMNS,
        files: vec![stand.put("a.parquet", events(&[("2026-01-01", "x", "b1", "e1")]))],
    };
    done(&warehouse, "good", &work).await.unwrap();
    stand.fake.job("good").unwrap()
}

#[tokio::test]
async fn loads_that_emulators_take_are_refused() {
    let stand = prepared().await;
    let good = good_load(&stand).await;
    let job = |configuration: &Value, location: &str| {
        json!({
            "jobReference": {"projectId": PROJECT, "jobId": "j", "location": location},
            "configuration": configuration,
        })
    };
    let changes = [
        ("/load/schema/fields/0/type", json!("JSON"), 400, "invalid"),
        (
            "/load/schema/fields/0/mode",
            json!("REPEATED"),
            400,
            "invalid",
        ),
        ("/load/schema/fields", json!([]), 400, "invalid"),
        ("/load/autodetect", json!(true), 400, "invalid"),
        (
            "/load/createDisposition",
            json!("CREATE_IF_NEEDED"),
            400,
            "invalid",
        ),
        (
            "/load/sourceUris",
            json!(["gs://lake/*.parquet"]),
            400,
            "invalid",
        ),
        (
            "/load/sourceUris",
            json!(["/lake/a.parquet"]),
            400,
            "invalid",
        ),
        (
            "/load/destinationTable/tableId",
            json!("audit_events$20260101"),
            400,
            "invalid",
        ),
        (
            "/load/destinationTable/datasetId",
            json!("nowhere"),
            404,
            "notFound",
        ),
        ("/labels", json!({"Wild": "x"}), 400, "invalid"),
    ];
    for (pointer, value, status, reason) in changes {
        let mut configuration = good.clone();
        match configuration.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => panic!("{pointer}"),
        }
        let body = job(&configuration, LOCATION);
        let answer = ask(&stand, Method::POST, "jobs", &body, "").await;
        assert_eq!(answer, (status, json!(reason)), "{pointer} {value}");
    }
    let answer = ask(&stand, Method::POST, "jobs", &job(&good, "US"), "").await;
    assert_eq!(answer, (404, json!("notFound")), "the dataset is elsewhere");
    let body = json!({
        "jobReference": {"projectId": PROJECT, "jobId": "good", "location": LOCATION},
        "configuration": good,
    });
    let answer = ask(&stand, Method::POST, "jobs", &body, "").await;
    assert_eq!(answer, (409, json!("duplicate")));
    assert_eq!(stand.fake.rows(TABLE).len(), 1);
}

#[tokio::test]
async fn a_job_is_found_where_it_is_only() {
    let stand = prepared().await;
    good_load(&stand).await;
    for (query, status) in [
        ("", 404),
        ("?location=US", 404),
        ("?location=EU", 200),
        ("?location=eu", 200),
    ] {
        let path = format!("jobs/good{query}");
        let (answer, _) = ask(&stand, Method::GET, &path, &Value::Null, "").await;
        assert_eq!(answer, status, "{query}");
    }
}

#[tokio::test]
async fn a_schema_only_grows() {
    let stand = prepared().await;
    let path = format!("datasets/{DATASET}/tables/{TABLE}");
    let told = stand.fake.told(TABLE).unwrap();
    let etag = told["etag"].as_str().unwrap().to_owned();
    let fields = told["schema"]["fields"].as_array().unwrap();
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut fields = fields.clone();
        change(&mut fields);
        json!({"schema": {"fields": fields}})
    };
    for body in [
        with(&|fields| drop(fields.pop())),
        with(&|fields| fields[0]["type"] = json!("INT64")),
        with(&|fields| fields[0]["name"] = json!("renamed")),
        with(&|fields| fields.push(json!({"name": "n", "type": "STRING", "mode": "REQUIRED"}))),
        json!({"labels": {"Wild": "x"}}),
    ] {
        let answer = ask(&stand, Method::PATCH, &path, &body, &etag).await;
        assert_eq!(answer, (400, json!("invalid")), "{body}");
    }
    let body = with(&|fields| fields.push(json!({"name": "n", "type": "STRING"})));
    let answer = ask(&stand, Method::PATCH, &path, &body, "stale").await;
    assert_eq!(answer, (412, json!("conditionNotMet")));
    assert_eq!(stand.fake.told(TABLE).unwrap(), told);
    let (status, _) = ask(&stand, Method::PATCH, &path, &body, &etag).await;
    assert_eq!(status, 200);
    let (status, _) = ask(&stand, Method::PATCH, &path, &body, &etag).await;
    assert_eq!(status, 412, "the etag is another one now");
}

#[tokio::test]
async fn a_table_that_demands_dates_is_not_read_without() {
    let stand = prepared().await;
    good_load(&stand).await;
    let warehouse = stand.fake.client().await;
    let counts = warehouse.sql(&Statement::CountByBatch {
        table: TABLE,
        kind: TableKind::Events,
        dates: None,
    });
    let (before, after) = counts.split_once(" WHERE ").unwrap();
    let (_, after) = after.split_once(" GROUP").unwrap();
    let whole = JobWork::Query {
        sql: format!("{before} GROUP{after}"),
    };
    let failure = done(&warehouse, "whole", &whole).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused);
    assert!(
        failure.said.contains("without a filter"),
        "{}",
        failure.said
    );
    // The rows that replace others are read as a whole.
    let dates = ["2026-01-01".parse().unwrap()];
    let sql = warehouse.sql(&Statement::ReplaceDates {
        table: TABLE,
        dates: &dates,
        columns: EVENT_COLUMNS,
        from: TABLE,
    });
    let failure = done(&warehouse, "script", &JobWork::Query { sql })
        .await
        .unwrap_err();
    assert!(
        failure.said.contains("without a filter"),
        "{}",
        failure.said
    );
    assert_eq!(stand.fake.rows(TABLE).len(), 1);
}

#[tokio::test]
async fn a_delete_names_dates_and_columns_that_are_there() {
    let stand = prepared().await;
    good_load(&stand).await;
    let warehouse = stand.fake.client().await;
    let quarantine = TableShape {
        columns: TableKind::Quarantine.columns(),
        clustering: Vec::new(),
        ..events_shape()
    };
    warehouse
        .create_table("audit_quarantine", &quarantine, &labels())
        .await
        .unwrap();
    let dates = "dt BETWEEN DATE '2026-01-01' AND DATE '2026-01-07'";
    let ours = "(source = 'kestra-prod')";
    let refused = [
        (TABLE, format!("({ours})"), "without a filter"),
        (TABLE, format!("{dates} AND {ours}"), "Syntax error"),
        (TABLE, format!("{dates} AND ()"), "Syntax error"),
        (TABLE, format!("{dates} AND ({ours} OR )"), "Syntax error"),
        (TABLE, format!("{dates} OR ({ours})"), "Syntax error"),
        (
            TABLE,
            format!("{dates} AND ((source = \"x\"))"),
            "Syntax error",
        ),
        (
            TABLE,
            format!("{dates} AND ((source = 'x\\q'))"),
            "Syntax error",
        ),
        (
            TABLE,
            format!("{dates} AND ((source = 'x\\'))"),
            "Syntax error",
        ),
        (
            TABLE,
            "dt BETWEEN DATE '2026-01-32' AND DATE '2026-02-01'".to_owned(),
            "Syntax error",
        ),
        (
            "audit_quarantine",
            format!("{dates} AND ((category = 'x' AND source = 'y'))"),
            "Unrecognized name: category",
        ),
    ];
    for (table, filter, said) in refused {
        let sql = format!("DELETE FROM {} WHERE {filter}", sql_name(table));
        let error = warehouse.dry_run(&sql).await.unwrap_err();
        assert_eq!(error.class, Class::Refused, "{sql}");
        assert!(error.said.contains(said), "{sql}: {error}");
    }
    let sql = format!("DELETE FROM {}", sql_name(TABLE));
    assert!(warehouse.dry_run(&sql).await.is_err(), "not all of it");
    assert_eq!(stand.fake.rows(TABLE).len(), 1);
}

#[tokio::test]
async fn a_delete_of_whole_partitions_reads_nothing() {
    let stand = prepared().await;
    good_load(&stand).await;
    let warehouse = stand.fake.client().await;
    let table = sql_name(TABLE);
    for (dates, rest, bytes) in [
        ("DATE '2026-01-01' AND DATE '2026-01-07'", "", 0),
        (
            "DATE '2026-01-01' AND DATE '2026-01-07'",
            " AND ((source = 'nobody'))",
            100,
        ),
        (
            "DATE '2026-01-02' AND DATE '2026-01-07'",
            " AND ((source = 'nobody'))",
            0,
        ),
    ] {
        let sql = format!("DELETE FROM {table} WHERE dt BETWEEN {dates}{rest}");
        assert_eq!(warehouse.dry_run(&sql).await, Ok(bytes), "{sql}");
    }
    // A script tells of no rows, whatever it changed.
    let dates = ["2026-01-01".parse().unwrap()];
    warehouse
        .create_table(
            "staged",
            &TableShape {
                require_partition_filter: false,
                ..events_shape()
            },
            &labels(),
        )
        .await
        .unwrap();
    let sql = warehouse.sql(&Statement::ReplaceDates {
        table: TABLE,
        dates: &dates,
        columns: EVENT_COLUMNS,
        from: "staged",
    });
    let ended = done(&warehouse, "script", &JobWork::Query { sql }).await;
    assert_eq!(ended.unwrap().affected_rows, None);
    assert_eq!(stand.fake.rows(TABLE), []);
}

#[tokio::test]
async fn of_partitions_only_the_expiration_changes() {
    let stand = prepared().await;
    let path = format!("datasets/{DATASET}/tables/{TABLE}");
    let told = stand.fake.told(TABLE).unwrap();
    for partitioning in [
        json!({"type": "HOUR", "field": "dt"}),
        json!({"type": "DAY"}),
        json!({"expirationMs": "86400000"}),
        json!({"type": "DAY", "field": "dt", "expirationMs": "0"}),
        json!({"type": "DAY", "field": "dt", "expirationMs": "soon"}),
    ] {
        let body = json!({ "timePartitioning": partitioning });
        let answer = ask(&stand, Method::PATCH, &path, &body, "").await;
        assert_eq!(answer, (400, json!("invalid")), "{body}");
    }
    assert_eq!(stand.fake.told(TABLE).unwrap(), told);
}

#[tokio::test]
async fn a_dataset_tells_its_window_of_time_travel() {
    let stand = prepared().await;
    let warehouse = stand.fake.client().await;
    let window = async || warehouse.dataset().await.unwrap().unwrap().time_travel;
    assert_eq!(window().await, Some(168), "what the service does by itself");
    stand
        .fake
        .edit_dataset(|told| told["maxTimeTravelHours"] = json!("48"));
    assert_eq!(window().await, Some(48));
    stand.fake.edit_dataset(|told| {
        told.as_object_mut().unwrap().remove("maxTimeTravelHours");
    });
    assert_eq!(window().await, None);
}

/// Why the adapter does not use it.
#[tokio::test]
async fn write_truncate_takes_the_schema_of_the_job() {
    let stand = prepared().await;
    let mut configuration = good_load(&stand).await;
    configuration["load"]["writeDisposition"] = json!("WRITE_TRUNCATE");
    let described = |stand: &Stand| {
        let told = stand.fake.told(TABLE).unwrap();
        told["schema"]["fields"][0].get("description").is_some()
    };
    assert!(described(&stand));
    let body = json!({
        "jobReference": {"projectId": PROJECT, "jobId": "t", "location": LOCATION},
        "configuration": configuration,
    });
    let (status, _) = ask(&stand, Method::POST, "jobs", &body, "").await;
    assert_eq!(status, 200);
    for _ in 0..2 {
        ask(&stand, Method::GET, "jobs/t?location=EU", &Value::Null, "").await;
    }
    assert!(!described(&stand));
    assert_eq!(stand.fake.rows(TABLE).len(), 1);
}
