//! The engine over small lakes in memory.

mod coverage;
mod forms;
mod lake;
mod values;
mod verdicts;

use super::*;
use lake::{SmallLake, file};

async fn rows_of(lake: &Lake, sql: &str) -> Vec<String> {
    let mut rows = lake
        .sql(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let mut lines = Vec::new();
    while let Some(batch) = rows.next().await.unwrap() {
        for row in 0..batch.num_rows() {
            let cells = batch
                .columns()
                .iter()
                .map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
            lines.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

async fn failure(lake: &Lake, sql: &str) -> QueryError {
    match lake.sql(sql).await {
        Err(error) => error,
        Ok(mut rows) => loop {
            match rows.next().await {
                Err(error) => return error,
                Ok(Some(_)) => {}
                Ok(None) => panic!("{sql} did not fail"),
            }
        },
    }
}

/// Three dates, two categories, two sources; each file has three rows, an hour apart from 06:00.
fn three_dates() -> SmallLake {
    SmallLake::new(&[
        file("2026-01-01", "execution", "a", "main", 3),
        file("2026-01-02", "execution", "a", "main", 3),
        file("2026-01-02", "authentication", "a", "other", 3),
        file("2026-01-03", "execution", "b", "main", 3),
    ])
}

#[tokio::test]
async fn live_files_give_their_rows_and_orphans_none() {
    let small = three_dates();
    small
        .put_orphan("events/date=2026-01-01/cat=execution/src=a/orphan.parquet")
        .await;
    let lake = small.lake();
    let counted = rows_of(
        &lake,
        "SELECT COUNT(*), COUNT(DISTINCT event_uid) FROM audit_events",
    )
    .await;
    assert_eq!(counted, ["12|12"]);
    let first = rows_of(
        &lake,
        "SELECT event_uid, dt, event_time, tenant, namespace FROM audit_events ORDER BY event_time, event_uid LIMIT 2",
    )
    .await;
    assert_eq!(
        first,
        [
            "a/2026-01-01/execution/0|2026-01-01|2026-01-01T06:00:00Z|main|",
            "a/2026-01-01/execution/1|2026-01-01|2026-01-01T07:00:00Z|main|",
        ]
    );
    let all = rows_of(&lake, "SELECT * FROM audit_events").await;
    assert_eq!(all.len(), 12);
    assert!(small.listed() == 0, "the bucket was listed");
}

#[tokio::test]
async fn only_files_that_may_match_are_opened() {
    for (condition, rows, opened) in [
        // Decided by the ledger alone.
        ("dt = '2026-01-02'", 6, 0),
        ("category = 'authentication'", 3, 0),
        (
            "category IN ('authentication', 'other') OR source = 'b'",
            6,
            0,
        ),
        ("dt >= DATE_SUB(DATE '2026-01-03', INTERVAL 1 DAY)", 9, 0),
        ("EXTRACT(DAY FROM dt) = 3", 3, 0),
        ("source NOT IN ('a', 'b')", 0, 0),
        ("category LIKE 'auth%'", 3, 0),
        // Left out by times or ranges; the rest is opened.
        ("event_time >= TIMESTAMP '2026-01-03 00:00:00+00'", 3, 1),
        ("event_time < '2026-01-01T07:00:00Z'", 1, 1),
        (
            "TIMESTAMP_TRUNC(event_time, DAY) = TIMESTAMP '2026-01-01'",
            3,
            4,
        ),
        ("dt = '2026-01-02' AND tenant = 'main'", 3, 1),
        ("tenant = 'nobody'", 0, 0),
        ("tenant IN ('other', 'x', 'y')", 3, 1),
        ("namespace IS NOT NULL", 0, 0),
        ("event_uid = 'b/2026-01-03/execution/2'", 1, 4),
        ("dt = (SELECT MAX(dt) FROM audit_events)", 3, 4),
    ] {
        let small = three_dates();
        let sql = format!("SELECT COUNT(*) FROM audit_events WHERE {condition}");
        assert_eq!(
            rows_of(&small.lake(), &sql).await,
            [rows.to_string()],
            "{sql}"
        );
        assert!(small.opened() <= opened, "{sql} opened {}", small.opened());
    }
}

#[tokio::test]
async fn numbers_that_the_ledger_knows_open_no_file() {
    let small = three_dates();
    let lake = small.lake();
    let sql = "SELECT COUNT(*), MIN(event_time), MAX(event_time), MIN(dt) FROM audit_events";
    assert_eq!(
        rows_of(&lake, sql).await,
        ["12|2026-01-01T06:00:00Z|2026-01-03T08:00:00Z|2026-01-01"]
    );
    assert_eq!(small.opened(), 0);
}

#[tokio::test]
async fn a_lake_without_files_has_empty_tables() {
    let small = SmallLake::new(&[]);
    let lake = small.lake();
    for table in [
        "audit_events",
        "audit_quarantine",
        "audit_batches",
        "audit_coverage",
    ] {
        assert_eq!(
            rows_of(&lake, &format!("SELECT * FROM {table}"))
                .await
                .len(),
            0
        );
        assert_eq!(
            rows_of(&lake, &format!("SELECT COUNT(*) FROM `{table}`")).await,
            ["0"]
        );
    }
    let sql = "SELECT MAX(event_time) FROM audit_events WHERE tenant = 'main' OR dt > '2026-01-01'";
    assert_eq!(rows_of(&lake, sql).await, [""]);
}

#[tokio::test]
async fn the_ledger_is_shown_as_tables() {
    let lake = three_dates().lake();
    assert_eq!(
        rows_of(&lake, "SELECT * FROM audit_batches").await,
        ["batch-1|1|run-1|a|2026-01-05T00:00:00Z|14|1|1|12|0|0|0|0|0|4|400"]
    );
    assert_eq!(
        rows_of(&lake, "SELECT * FROM audit_coverage ORDER BY window_from").await,
        [
            "a|main|covered|2026-01-01T00:00:00Z|2026-01-04T00:00:00Z||||",
            "a|main|hole|2026-01-04T00:00:00Z|2026-01-05T00:00:00Z|poison|cannot be read|2026-01-05T00:00:00Z|2",
        ]
    );
}

#[tokio::test]
async fn columns_have_the_names_that_bigquery_gives() {
    let lake = three_dates().lake();
    let sql = "SELECT JSON_VALUE(raw, '$.n') AS n, COUNTIF(category = 'execution') OVER (), \
               * EXCEPT (raw, detail) FROM `audit_events` WHERE JSON_VALUE(raw, '$.n') = '2' \
               QUALIFY ROW_NUMBER() OVER (ORDER BY event_uid) = 1";
    let rows = lake.sql(sql).await.unwrap();
    let schema = rows.schema();
    assert_eq!(schema.field(1).name(), "f0_");
    assert!(schema.field_with_name("raw").is_err());
    let rows = rows_of(&lake, sql).await;
    assert!(rows.len() == 1 && rows[0].starts_with("2|3|"), "{rows:?}");
    let sql = "SELECT DATE_TRUNC(dt, MONTH) AS month, COUNT(*) AS n FROM audit.audit_events \
               GROUP BY month ORDER BY COUNT(*)";
    assert_eq!(rows_of(&lake, sql).await, ["2026-01-01|12"]);
}

#[tokio::test]
async fn unnest_gives_a_row_for_each_item() {
    let lake = three_dates().lake();
    let sql = "SELECT dt, part FROM audit_events AS e, UNNEST(SPLIT(e.event_uid, '/')) AS part \
               WHERE dt = '2026-01-03' AND part IN ('b', '2') ORDER BY part, event_uid";
    assert_eq!(
        rows_of(&lake, sql).await,
        [
            "2026-01-03|2",
            "2026-01-03|b",
            "2026-01-03|b",
            "2026-01-03|b"
        ]
    );
    for (from, rows) in [
        ("UNNEST(SPLIT('a,b')) AS x", "2"),
        (
            "audit_events CROSS JOIN UNNEST(JSON_VALUE_ARRAY(raw, '$.none')) AS x",
            "0",
        ),
        (
            "audit_batches b JOIN UNNEST(SPLIT('a,b')) AS x JOIN audit_events e ON e.source = x",
            "12",
        ),
        (
            "UNNEST(SPLIT('a,b')) AS x, UNNEST(SPLIT('c,d,e')) AS y",
            "6",
        ),
    ] {
        let sql = format!("SELECT COUNT(*) FROM {from}");
        assert_eq!(rows_of(&lake, &sql).await, [rows], "{sql}");
    }
}

#[tokio::test]
async fn a_query_only_reads() {
    let lake = three_dates().lake();
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "DROP TABLE audit_events",
        "INSERT INTO audit_events SELECT * FROM audit_events",
        "DELETE FROM audit_events",
        "UPDATE audit_events SET raw = ''",
        "COPY audit_events TO '/tmp/x.parquet'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN COPY (SELECT 1) TO '/tmp/x.csv'",
        "BEGIN TRANSACTION",
    ] {
        let error = failure(&lake, sql).await;
        assert!(
            matches!(error, QueryError::NotReading { .. }),
            "{sql}: {error:?}"
        );
    }
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM `file:///etc/passwd`",
    ] {
        let error = failure(&lake, sql).await;
        assert!(
            matches!(
                error,
                QueryError::UnknownTable { .. } | QueryError::Syntax { .. }
            ),
            "{sql}: {error:?}"
        );
    }
    assert_eq!(rows_of(&lake, "DESCRIBE audit_coverage").await.len(), 9);
    assert_eq!(
        rows_of(&lake, "SELECT COUNT(*) FROM audit_events;").await,
        ["12"]
    );
}

#[tokio::test]
async fn mistakes_are_named_and_advice_is_given() {
    let lake = three_dates().lake();
    for (sql, said, advice) in [
        ("", "there is no statement", "give a statement"),
        ("-- nothing", "there is no statement", "give a statement"),
        ("SELECT 1; SELECT 2", "there are 2 statements", "one by one"),
        ("SELEKT 1", "syntax error", "BigQuery"),
        (
            "SELECT actor_nam FROM audit_events",
            "no column `actor_nam`",
            "`actor_name`",
        ),
        (
            "SELECT e.categry FROM audit_events e",
            "no column `e.categry`",
            "`category`",
        ),
        (
            "SELECT zzz FROM audit_events",
            "no column `zzz`",
            "DESCRIBE audit_events",
        ),
        (
            "SELECT 1 FROM audit_event",
            "no table `audit_event`",
            "audit_quarantine",
        ),
        (
            "SELECT TIMESTAMP_TRUNC(event_time, FORTNIGHT) FROM audit_events",
            "no part FORTNIGHT",
            "use one of MICROSECOND",
        ),
        (
            "SELECT IF(1, 2)",
            "IF does not take 2 arguments",
            "write IF(BOOL, value, value)",
        ),
        ("SELECT nonsense(1)", "no function NONSENSE", "docs/sql.md"),
        (
            "SELECT JSON_VALUE('{}', 'a')",
            "not a JSON path",
            "begin the path with $",
        ),
        (
            "SELECT JSON_VALUE(detail, \"$['a-b']\") FROM audit_events",
            "not a JSON path",
            "write '$.\"a-b\"'",
        ),
        (
            "SELECT CAST(event_uid AS INT64) FROM audit_events",
            "failed on a value: 'a/2026-01-01/execution/0' is not an INT64",
            "SAFE_CAST",
        ),
    ] {
        let error = failure(&lake, sql).await;
        assert!(error.to_string().contains(said), "{sql}: {error}");
        assert!(error.action().contains(advice), "{sql}: {}", error.action());
    }
}

#[tokio::test]
async fn too_little_memory_is_an_error_and_not_a_death() {
    let small = three_dates();
    let limits = Limits {
        memory: 4096,
        parallelism: 1,
    };
    let lake = small.lake_within(limits);
    let sql = "SELECT a.raw, b.raw AS other FROM audit_events a JOIN audit_events b ON a.tenant = b.tenant";
    let error = failure(&lake, sql).await;
    assert!(
        matches!(error, QueryError::Memory { limit: 4096, .. }),
        "{error:?}"
    );
    assert_eq!(
        rows_of(&lake, "SELECT COUNT(*) FROM audit_events").await,
        ["12"]
    );
}

#[tokio::test]
async fn a_file_that_is_missing_altered_or_damaged_is_told_apart() {
    let small = three_dates();
    let path = small.paths()[0].clone();
    small.damage(&path).await;
    let sql = "SELECT MAX(raw) FROM audit_events";
    let error = failure(&small.lake(), sql).await;
    assert!(
        matches!(&error, QueryError::FileAltered { path: altered } if altered.ends_with(&path)),
        "{error:?}"
    );
    let small = small.signed_as_it_is().await;
    let error = failure(&small.lake(), sql).await;
    assert!(matches!(error, QueryError::FileDamaged(_)), "{error:?}");
    small.refuse(true);
    let error = failure(&small.lake(), sql).await;
    assert!(matches!(error, QueryError::Store(_)), "{error:?}");
    assert!(error.to_string().ends_with("connection refused"), "{error}");
    small.refuse(false);
    small.remove(&path).await;
    let error = failure(&small.lake(), sql).await;
    assert!(
        matches!(&error, QueryError::FileMissing { path: gone } if gone.ends_with(&path)),
        "{error:?}"
    );
}

#[tokio::test]
async fn damage_is_told_from_values_that_do_not_fit() {
    let small = SmallLake::new(&[file("2026-01-01", "execution", "a", "main", 3)]);
    small.damage_first_column(&small.paths()[0]).await;
    let small = small.signed_as_it_is().await;
    for sql in [
        "SELECT MAX(event_uid) FROM audit_events",
        "SELECT raw FROM audit_events WHERE event_uid LIKE '%/0'",
        "SELECT raw FROM audit_events WHERE LENGTH(event_uid) > 3 AND tenant = 'main'",
        "SELECT raw FROM audit_events WHERE CAST(event_uid AS INT64) = 5",
        "SELECT CAST(event_uid AS INT64) FROM audit_events",
    ] {
        let error = failure(&small.lake(), sql).await;
        assert!(
            matches!(error, QueryError::FileDamaged(_)),
            "{sql}: {error:?}"
        );
    }
}

#[tokio::test]
async fn the_newest_events_come_first() {
    let small = three_dates();
    let sql = "SELECT event_uid FROM audit_events ORDER BY event_time DESC LIMIT 2";
    assert_eq!(
        rows_of(&small.lake(), sql).await,
        ["b/2026-01-03/execution/2", "b/2026-01-03/execution/1"]
    );
    let sql = "SELECT event_uid FROM audit_events WHERE category = 'authentication' LIMIT 1";
    assert_eq!(rows_of(&small.lake(), sql).await.len(), 1);
}

#[tokio::test]
async fn names_of_objects_that_no_store_takes_are_refused() {
    let small = three_dates().with_path("events//x");
    let error = failure(&small.lake(), "SELECT raw FROM audit_events").await;
    assert!(
        matches!(&error, QueryError::Path { path } if path == "events//x"),
        "{error:?}"
    );
}
