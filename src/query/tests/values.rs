//! Values at the edges: clocks that change, numbers that do not fit, NULL.

use super::lake::SmallLake;
use super::{failure, rows_of};
use crate::query::QueryError;

/// Both nights in which the clocks of Berlin are changed, and a zone that changes at midnight.
#[tokio::test]
async fn clocks_that_change_are_followed() {
    let lake = SmallLake::new(&[]).lake();
    for (expression, value) in [
        // 2026-03-29: 02:00 becomes 03:00.
        (
            "STRING(TIMESTAMP '2026-03-29 00:59:59+00', 'Europe/Berlin')",
            "2026-03-29 01:59:59+01",
        ),
        (
            "STRING(TIMESTAMP '2026-03-29 01:00:00+00', 'Europe/Berlin')",
            "2026-03-29 03:00:00+02",
        ),
        (
            "TIMESTAMP('2026-03-29 02:30:00', 'Europe/Berlin')",
            "2026-03-29T01:30:00Z",
        ),
        (
            "TIMESTAMP_TRUNC(TIMESTAMP '2026-03-29 12:00:00+00', DAY, 'Europe/Berlin')",
            "2026-03-28T23:00:00Z",
        ),
        (
            "TIMESTAMP_DIFF(TIMESTAMP('2026-03-30', 'Europe/Berlin'), TIMESTAMP('2026-03-29', 'Europe/Berlin'), HOUR)",
            "23",
        ),
        // 2026-10-25: 03:00 becomes 02:00.
        (
            "STRING(TIMESTAMP '2026-10-25 00:30:00+00', 'Europe/Berlin')",
            "2026-10-25 02:30:00+02",
        ),
        (
            "STRING(TIMESTAMP '2026-10-25 01:30:00+00', 'Europe/Berlin')",
            "2026-10-25 02:30:00+01",
        ),
        (
            "TIMESTAMP('2026-10-25 02:30:00', 'Europe/Berlin')",
            "2026-10-25T00:30:00Z",
        ),
        (
            "TIMESTAMP_TRUNC(TIMESTAMP '2026-10-25 00:30:00+00', HOUR, 'Europe/Berlin')",
            "2026-10-25T00:00:00Z",
        ),
        (
            "TIMESTAMP_TRUNC(TIMESTAMP '2026-10-25 01:30:00+00', HOUR, 'Europe/Berlin')",
            "2026-10-25T01:00:00Z",
        ),
        (
            "TIMESTAMP_DIFF(TIMESTAMP('2026-10-26', 'Europe/Berlin'), TIMESTAMP('2026-10-25', 'Europe/Berlin'), HOUR)",
            "25",
        ),
        (
            "DATE(TIMESTAMP '2026-10-25 22:59:59+00', 'Europe/Berlin')",
            "2026-10-25",
        ),
        (
            "DATE(TIMESTAMP '2026-10-25 23:00:00+00', 'Europe/Berlin')",
            "2026-10-26",
        ),
        (
            "EXTRACT(HOUR FROM TIMESTAMP '2026-10-25 01:30:00+00' AT TIME ZONE 'Europe/Berlin')",
            "2",
        ),
        (
            "FORMAT_TIMESTAMP('%F %R %Z %Ez', TIMESTAMP '2026-10-25 00:30:00+00', 'Europe/Berlin')",
            "2026-10-25 02:30 UTC+2 +02:00",
        ),
        // The day of 2018-11-04 began at 01:00 in Sao Paulo, which has had no summer time since 2019.
        (
            "TIMESTAMP_TRUNC(TIMESTAMP '2018-11-04 12:00:00+00', DAY, 'America/Sao_Paulo')",
            "2018-11-04T03:00:00Z",
        ),
        (
            "STRING(TIMESTAMP '2018-12-01 00:00:00+00', 'America/Sao_Paulo')",
            "2018-11-30 22:00:00-02",
        ),
        (
            "STRING(TIMESTAMP '2026-12-01 00:00:00+00', 'America/Sao_Paulo')",
            "2026-11-30 21:00:00-03",
        ),
        // Offsets that are no whole hours, and fixed ones.
        (
            "STRING(TIMESTAMP '2026-01-01 00:00:00+00', 'Asia/Kathmandu')",
            "2026-01-01 05:45:00+05:45",
        ),
        (
            "STRING(TIMESTAMP '2026-01-01 00:00:00+00', '-03:30')",
            "2025-12-31 20:30:00-03:30",
        ),
        (
            "DATETIME(TIMESTAMP '1940-01-01 00:00:00+00', 'Europe/Amsterdam') < '1940-01-01 01:00:00'",
            "true",
        ),
    ] {
        let sql = format!("SELECT {expression}");
        assert_eq!(rows_of(&lake, &sql).await, [value], "{sql}");
    }
}

#[tokio::test]
async fn what_arithmetic_cannot_give_is_said() {
    let lake = SmallLake::new(&[]).lake();
    for (expression, value) in [
        ("CAST(2.5 AS INT64)", "3"),
        ("CAST(-2.5 AS INT64)", "-3"),
        ("CAST('0x1A' AS INT64)", "26"),
        ("CAST(1.0 AS STRING)", "1"),
        (
            "CAST(TIMESTAMP '2026-01-08 13:45:30.5+00' AS STRING)",
            "2026-01-08 13:45:30.500+00",
        ),
        (
            "CAST(DATE '2026-01-08' AS TIMESTAMP)",
            "2026-01-08T00:00:00Z",
        ),
        ("SAFE_CAST('yes' AS BOOL)", ""),
        ("LEAST(1, NULL, 3)", ""),
        ("CONCAT('a', NULL)", ""),
        ("DATE_DIFF(DATE '2026-01-05', DATE '2026-01-04', WEEK)", "0"),
        (
            "DATE_DIFF(DATE '2026-01-05', DATE '2026-01-04', ISOWEEK)",
            "1",
        ),
        ("EXTRACT(WEEK FROM DATE '2026-01-03')", "0"),
        (
            "DATE '2026-01-31' + INTERVAL 1 MONTH",
            "2026-02-28T00:00:00",
        ),
        ("'a\\tb'", "a\tb"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("7 / 2", "3.5"),
        ("CASE WHEN FALSE THEN 1 / 0 ELSE 2 END", "2.0"),
    ] {
        let sql = format!("SELECT {expression}");
        assert_eq!(rows_of(&lake, &sql).await, [value], "{sql}");
    }
    assert_eq!(
        rows_of(&lake, "DESCRIBE audit_events").await[2]
            .split('|')
            .nth(1),
        Some("DATE")
    );
    assert_eq!(rows_of(&lake, "SHOW TABLES").await.len(), 4);
}

/// BigQuery ends such a query with an error; a sum that wraps around would be a wrong answer.
#[tokio::test]
async fn a_sum_beyond_int64_is_an_error() {
    let lake = SmallLake::new(&[]).lake();
    let numbers = "FROM (SELECT 9223372036854775807 AS n UNION ALL SELECT 1 UNION ALL SELECT -1)";
    let within = format!("SELECT SUM(n), SUM(DISTINCT n) {numbers}");
    assert_eq!(
        rows_of(&lake, &within).await,
        ["9223372036854775807|9223372036854775807"]
    );
    for sum in ["SUM(n)", "SUM(n) OVER (ORDER BY n DESC)"] {
        let error = failure(&lake, &format!("SELECT {sum} {numbers} WHERE n > 0")).await;
        assert!(matches!(error, QueryError::Value { .. }), "{error:?}");
        assert!(error.to_string().contains("integer overflow"), "{error}");
    }
}
