//! The verdicts of `tests/corpus/googlesql.txt`, which the services tests hold against Google's analyzer.

use std::path::Path;

use super::lake::SmallLake;
use super::{failure, three_dates};
use crate::query::QueryError;

/// A line: `+` is taken by both, `-` is refused by both, `>` is taken by the analyzer alone and `<` by the engine
/// alone, with a reason before ` | `.
fn corpus() -> Vec<(char, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/googlesql.txt");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (mark, rest) = line.split_at(2);
            let mark = mark.chars().next().unwrap();
            let sql = match mark {
                '<' | '>' => rest.split_once(" | ").expect(line).1,
                _ => rest,
            };
            (mark, sql.to_owned())
        })
        .collect()
}

/// Words of the engine that mean nothing to whoever writes SQL.
const WORDS: &[&str] = &[
    "Utf8",
    "Int64",
    "Float64",
    "Date32",
    "Boolean",
    "Timestamp(",
    "LogicalPlan",
    "Arrow",
    "arrow",
    "DataFusion",
    "datafusion",
    "Expr",
    "schema error",
    "SchemaError",
    "Some(",
    "None",
    "coerce",
    "signature",
    "UDF",
    "Column {",
    "date_of",
    "cast_",
    "int_",
    "#1",
    "`#",
    "planner",
    "sqlparser",
];

fn assert_for_people(sql: &str, error: &QueryError) {
    let why = not_for_people(error);
    assert!(why.is_empty(), "{sql}: {why}");
}

/// Why an error is not one that people understand.
fn not_for_people(error: &QueryError) -> String {
    let said = format!("{error}\n{}", error.action());
    if let Some(word) = WORDS.iter().find(|word| said.contains(**word)) {
        return format!("{word} in {said}");
    }
    let is_other = matches!(
        error,
        QueryError::Engine(_)
            | QueryError::Unplannable(_)
            | QueryError::FileDamaged(_)
            | QueryError::Store(_)
    );
    match is_other || error.action().is_empty() {
        true => format!("{error:?}"),
        false => String::new(),
    }
}

#[tokio::test]
async fn the_engine_takes_and_refuses_what_the_analyzer_does() {
    let lake = SmallLake::new(&[]).lake();
    let mut wrong = Vec::new();
    for (mark, sql) in corpus() {
        let taken = lake.sql(&sql).await;
        if let Err(error) = &taken {
            let why = not_for_people(error);
            if !why.is_empty() {
                wrong.push(format!("? {sql}\n    {why}"));
            }
        }
        if taken.is_ok() != matches!(mark, '+' | '<') {
            let why = taken
                .err()
                .map(|error| format!("{error}; {}", error.action()));
            wrong.push(format!("{mark} {sql}\n    {}", why.unwrap_or_default()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Mistakes of the first hour, with the fix that is given.
#[tokio::test]
async fn a_mistake_is_answered_with_what_to_write() {
    let lake = three_dates().lake();
    for (sql, said, fix) in [
        (
            "SELECT COUNT(*) FROM audit_events WHERE dt > 2026-11-20",
            "DATE and INT64 cannot be compared with >",
            "write DATE '2026-11-20'",
        ),
        (
            "SELECT COUNT(*) FROM audit_events WHERE dt BETWEEN 2026-11-01 AND 2026-11-20",
            "DATE and INT64",
            "write DATE '2026-11-01'",
        ),
        (
            "SELECT COUNT(*) FROM audit_events WHERE actor_name = 5",
            "STRING and INT64 cannot be compared with =",
            "text goes in quotes: '5'",
        ),
        (
            "SELECT COUNT(*) FROM audit_events WHERE action = LOGIN",
            "no column `LOGIN`",
            "text goes in quotes: 'LOGIN'",
        ),
        (
            "SELECT COUNT(*) FROM audit_events WHERE class_uid = '5'",
            "INT64 and STRING",
            "write 5 without quotes",
        ),
        (
            "SELECT COUNT(*) FROM audit_events WHERE event_time > DATE '2026-11-20'",
            "TIMESTAMP and DATE",
            "write TIMESTAMP instead of DATE",
        ),
        (
            "SELECT event_time AT TIME ZONE 'Europe/Berlin' FROM audit_events",
            "AT TIME ZONE outside of EXTRACT",
            "DATETIME(event_time, 'Europe/Berlin')",
        ),
        (
            "SELECT CAST(dt AS INT64) FROM audit_events",
            "DATE cannot be cast to INT64",
            "UNIX_DATE(dt)",
        ),
        (
            "SELECT NOW()",
            "no function NOW",
            "write CURRENT_TIMESTAMP()",
        ),
        (
            "SELECT TIMESTAMP_TRUC(event_time, DAY) FROM audit_events",
            "no function TIMESTAMP_TRUC",
            "did you mean TIMESTAMP_TRUNC?",
        ),
        (
            "SELECT actor_name, COUNT(*) FROM audit_events",
            "`actor_name` is neither in GROUP BY nor in an aggregate",
            "add actor_name to GROUP BY",
        ),
        (
            "SELECT REGEXP_CONTAINS(actor_name, '\\d+') FROM audit_events",
            "\\d that means nothing",
            "r'\\d+'",
        ),
        (
            "SELECT dt FROM audit_events UNION SELECT dt FROM audit_events",
            "UNION needs ALL or DISTINCT",
            "UNION ALL",
        ),
        (
            "SELECT dt, dt FROM audit_events",
            "two columns have the name `dt`",
            "AS",
        ),
    ] {
        let error = failure(&lake, sql).await;
        let (words, action) = (error.to_string(), error.action());
        assert!(words.contains(said), "{sql}: {words}");
        assert!(action.contains(fix), "{sql}: {action}");
        assert!(error.place().is_some(), "{sql} has no place");
        assert_for_people(sql, &error);
    }
}

/// A fault of a value is never one of a file, wherever it is found.
#[tokio::test]
async fn a_value_that_does_not_fit_is_no_damage() {
    let lake = three_dates().lake();
    for (expression, said, fix) in [
        (
            "CAST(event_uid AS INT64) > 5",
            "is not an INT64",
            "SAFE_CAST",
        ),
        ("1 / (class_uid - 1) > 0", "division by zero", "SAFE_DIVIDE"),
        ("DIV(5, class_uid - 1) > 0", "division by zero", "NULLIF"),
        (
            "class_uid * 9223372036854775807 + 1 > 0",
            "outside INT64",
            "SAFE_ADD",
        ),
        (
            "REGEXP_CONTAINS(event_uid, '(')",
            "not a regular expression",
            "fix the pattern",
        ),
        ("CAST(event_uid AS DATE) = dt", "is not a date", "SAFE_CAST"),
        (
            "CAST(event_uid AS TIMESTAMP) = event_time",
            "is not a timestamp",
            "SAFE_CAST",
        ),
        (
            "PARSE_DATE('%F', event_uid) = dt",
            "does not match the format",
            "SAFE.PARSE_DATE",
        ),
        (
            "DATE(event_time, source) = dt",
            "no time zone 'a'",
            "'Europe/Berlin'",
        ),
        (
            "SPLIT(event_uid, '/')[OFFSET(9)] = 'x'",
            "no offset 9",
            "SAFE_OFFSET",
        ),
        (
            "DATE(2026, 13, class_uid) = dt",
            "no date 2026-13-1",
            "SAFE.DATE",
        ),
        (
            "SQRT(0.0 - class_uid) > 0",
            "SQRT does not exist",
            "SAFE.SQRT",
        ),
        (
            "TIMESTAMP_SECONDS(class_uid * 999999999999) = event_time",
            "years 1 to 9999",
            "SAFE.",
        ),
    ] {
        for sql in [
            format!("SELECT {expression} FROM audit_events"),
            format!("SELECT raw FROM audit_events WHERE {expression}"),
            format!("SELECT COUNT(*) FROM audit_events WHERE {expression} AND tenant = 'main'"),
        ] {
            let error = failure(&lake, &sql).await;
            assert!(
                matches!(error, QueryError::Value { .. }),
                "{sql}: {error:?}"
            );
            assert!(error.to_string().contains(said), "{sql}: {error}");
            assert!(error.action().contains(fix), "{sql}: {}", error.action());
            assert_for_people(&sql, &error);
        }
    }
}

/// Only conditions that may fail on a value of a row are kept from the Parquet reader.
#[test]
fn what_cannot_fail_is_left_to_the_reader() {
    for (sql, may_fail) in [
        (
            "SELECT raw FROM audit_events WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)",
            false,
        ),
        (
            "SELECT raw FROM audit_events WHERE dt >= CURRENT_DATE() - 7",
            false,
        ),
        (
            "SELECT raw FROM audit_events WHERE JSON_VALUE(raw, '$.n') = '2'",
            false,
        ),
        (
            "SELECT raw FROM audit_events WHERE SAFE_CAST(tenant AS INT64) = 2",
            false,
        ),
        (
            "SELECT class_uid + 1 FROM audit_events WHERE tenant = 'main'",
            false,
        ),
        ("SELECT raw FROM audit_events WHERE class_uid + 1 = 2", true),
        (
            "SELECT raw FROM audit_events WHERE CAST(tenant AS INT64) = 2",
            true,
        ),
        (
            "SELECT x FROM (SELECT class_uid + 1 AS x FROM audit_events) WHERE x = 2",
            true,
        ),
        (
            "SELECT class_uid + 1 AS x FROM audit_events GROUP BY x HAVING x = 2",
            true,
        ),
        (
            "SELECT (SELECT COUNT(*) FROM audit_batches WHERE added + 1 = 2)",
            true,
        ),
    ] {
        let read = crate::query::dialect::read(sql).unwrap();
        assert_eq!(read.may_fail, may_fail, "{sql}");
    }
}

#[tokio::test]
async fn a_syntax_error_is_shown_where_it_is() {
    let lake = SmallLake::new(&[]).lake();
    for (sql, excerpt, mark) in [
        (
            "SELECT dt\nFROM audit_events\nWHERE dt = = 5",
            "WHERE dt = = 5",
            "           ^",
        ),
        (
            "SELECT dt FROM audit_events GROUP dt",
            "SELECT dt FROM audit_events GROUP dt",
            "                            ^^^^^",
        ),
        (
            "SELECT COUNT(* FROM audit_events",
            "SELECT COUNT(* FROM audit_events",
            "               ^^^^",
        ),
        (
            "SELECT dt FROM audit_events WHERE dt > 2026-11-20",
            "SELECT dt FROM audit_events WHERE dt > 2026-11-20",
            "                                  ^^^^^^^^^^^^^^^",
        ),
    ] {
        let error = failure(&lake, sql).await;
        let place = error.place().unwrap_or_else(|| panic!("{sql}: {error:?}"));
        assert_eq!(
            (place.excerpt().as_str(), place.mark().as_str()),
            (excerpt, mark),
            "{sql}: {error}"
        );
    }
}
