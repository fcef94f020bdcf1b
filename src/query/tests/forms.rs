//! Every form of `functions::FORMS` gives what BigQuery documents, and `docs/sql.md` is made of them.
//! With `TRAILHOUSE_GOLDEN=write` the file is written instead.

use std::fmt::Write as _;
use std::path::Path;

use super::{lake::SmallLake, rows_of};
use crate::query::analyze::signature;
use crate::query::functions::{CallForm, FORMS, FunctionKind, INSTEAD};
use crate::query::{Lake, QueryError};

/// The first column of all rows, as text.
async fn values(lake: &Lake, sql: &str) -> Result<String, QueryError> {
    let mut rows = lake.sql(sql).await?;
    let mut values = Vec::new();
    while let Some(batch) = rows.next().await? {
        let column = batch.column(0);
        for row in 0..batch.num_rows() {
            values.push(match column.is_null(row) {
                true => "NULL".to_owned(),
                false => arrow::util::display::array_value_to_string(column, row).unwrap(),
            });
        }
    }
    Ok(values.join(" "))
}

#[tokio::test]
async fn every_form_gives_what_bigquery_documents() {
    let lake = SmallLake::new(&[]).lake();
    let mut wrong = Vec::new();
    for form in FORMS {
        let mut found = match values(&lake, &form.statement()).await {
            Ok(found) => found,
            Err(error) => format!("{error}: {} {error:?}", error.action()),
        };
        if form.kind == FunctionKind::Window {
            let mut sorted: Vec<&str> = found.split(' ').collect();
            sorted.sort_by_key(|value| {
                (*value == "NULL", value.parse::<f64>().unwrap_or(0.0) as i64)
            });
            found = sorted.join(" ");
        }
        if !form.result.is_empty() && found != form.result {
            wrong.push(format!("{}: {found}, not {}", form.example, form.result));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How a result is shown in the docs.
fn shown(form: &CallForm) -> String {
    let result = match form.result {
        "" => "differs",
        result => result,
    };
    result.replace('|', "\\|")
}

fn docs() -> String {
    let mut text = String::from(
        "# SQL of `trailhouse query`\n\n\
         Generated from the function list of the program: change that list, not this file.\n\n\
         A statement is one `SELECT` of GoogleSQL, the language of BigQuery, over `audit_events`, `audit_quarantine`,\n\
         `audit_batches` and `audit_coverage`; `DESCRIBE audit_events` lists columns and types. What Google's analyzer\n\
         refuses is refused here, with what to write instead.\n\n\
         ## Types\n\n\
         `STRING`, `INT64`, `FLOAT64`, `BOOL`, `BYTES`, `DATE`, `DATETIME`, `TIMESTAMP`, and `ARRAY<STRING>` as a result.\n\
         Without a `CAST`, `INT64` becomes `FLOAT64`, `DATE` becomes `DATETIME`, and a text that is written in the\n\
         statement becomes a `DATE`, `DATETIME` or `TIMESTAMP` beside one. Nothing else does: a column of text beside\n\
         a date, or a number beside text, is refused. There is no `NUMERIC`, `TIME`, `JSON`, `STRUCT` or `GEOGRAPHY`.\n\n\
         ## Queries\n\n\
         `WITH`, `SELECT [DISTINCT]`, `* EXCEPT (…) REPLACE (…)`, `FROM` with `JOIN`, `LEFT`, `RIGHT`, `FULL` and `CROSS JOIN`,\n\
         `ON` and `USING`, `FROM table, UNNEST(array) AS item`, queries in `FROM`, `WHERE`, `GROUP BY` (columns, aliases, numbers, `ALL`, `ROLLUP`, `CUBE`,\n\
         `GROUPING SETS`), `HAVING`, `QUALIFY`, `WINDOW`, `UNION ALL`, `UNION | EXCEPT | INTERSECT DISTINCT`, `ORDER BY`,\n\
         `LIMIT … OFFSET`, `IN`, `EXISTS` and one value from subqueries. Columns without a name are `f0_`, `f1_`, ….\n\n\
         Not supported: `UNNEST … WITH OFFSET`, `PIVOT`, `TABLESAMPLE`, `FOR SYSTEM_TIME AS OF`, `WITH RECURSIVE`, `|>`,\n\
         `SELECT AS STRUCT`, array literals outside of `IN UNNEST([…])`, parameters, scripts, and statements that change anything.\n\n\
         A time zone is a name such as `'Europe/Berlin'`, with its history, or an offset such as `'+01:00'`; without\n\
         one, times are in UTC. A time that a change to summer time skips is read with the offset before the change, and\n\
         one that comes twice is the first. A function fails on a value that it does not accept; `SAFE.` before its name,\n\
         `SAFE_CAST` and `SAFE_DIVIDE` give NULL instead.\n",
    );
    let chapters = [
        (
            "Conditions, casts and forms with their own syntax",
            "CAST(value AS type)",
        ),
        ("Aggregates", "COUNT"),
        ("Windows", "ROW_NUMBER"),
        ("Dates and times", "CURRENT_TIMESTAMP"),
        ("JSON in text", "JSON_VALUE"),
        ("Text, bytes and arrays", "CONCAT"),
        ("Numbers", "+, -, * of INT64"),
    ];
    for form in FORMS {
        let first = chapters.iter().find(|(_, first)| *first == form.name);
        let written = match form.kind {
            FunctionKind::Syntax => form.name.to_owned(),
            FunctionKind::Window => format!("{} OVER (…)", signature(form)),
            FunctionKind::Scalar | FunctionKind::Aggregate => signature(form),
        };
        if let Some((chapter, _)) = first
            && !text.contains(&format!("## {chapter}\n"))
        {
            let _ = write!(text, "\n## {chapter}\n\n");
            if matches!(form.kind, FunctionKind::Aggregate | FunctionKind::Window) {
                text.push_str("Examples are over rows with `n` from 1 to 4 and `t` of 'a', 'b', 'b', NULL.\n\n");
            }
            text.push_str("| form | gives | example | value |\n|---|---|---|---|\n");
        }
        let gives = match form.returns {
            "T" | "C" => "type of the values",
            "N" => "type of the numbers",
            "ARRAY<T>" => "ARRAY",
            fixed => fixed,
        };
        let example = form.example.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {gives} | `{example}` | `{}` |",
            written.replace('|', "\\|"),
            shown(form)
        );
    }
    text.push_str("\n## What is written otherwise\n\n| not here | write |\n|---|---|\n");
    for (name, instead) in INSTEAD {
        let _ = writeln!(text, "| `{name}` | {instead} |");
    }
    text
}

#[test]
fn the_docs_say_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql.md");
    let made = docs();
    if std::env::var("TRAILHOUSE_GOLDEN").is_ok_and(|word| word == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept,
        made,
        "TRAILHOUSE_GOLDEN=write writes {}",
        path.display()
    );
}

#[test]
fn what_is_offered_instead_is_there() {
    for (name, instead) in INSTEAD {
        assert!(
            !FORMS.iter().any(|form| form.name == *name),
            "{name} is there itself"
        );
        let function = instead.split('(').next().unwrap_or_default();
        let known = FORMS.iter().any(|form| form.name.starts_with(function));
        let plain = function.contains([' ', ',']) || ["EXTRACT", "CAST"].contains(&function);
        assert!(known || plain, "{name}: {instead}");
    }
}

/// The views that count by person, over rows of their own.
#[tokio::test]
async fn a_person_is_one_row_of_a_view_whatever_the_name() {
    let lake = SmallLake::new(&[]).lake();
    let recent = include_str!("../../../sql/views/recent_changes_by_person.sql");
    let failed = include_str!("../../../sql/views/failed_logins.sql");
    for (view, category, activity, outcome) in [
        (recent, "resource_management", "Update", "success"),
        (failed, "authentication", "Logon", "failure"),
    ] {
        let row = |minute: u8, uid: &str, name: &str| {
            format!(
                "SELECT CURRENT_DATE() AS dt, TIMESTAMP_ADD(TIMESTAMP '2026-01-01 00:00:00+00', \
                 INTERVAL {minute} MINUTE) AS event_time, 'a' AS source, 'main' AS tenant, \
                 {uid} AS actor_uid, {name} AS actor_name, CAST(NULL AS STRING) AS actor_impersonated_by, \
                 'user' AS actor_type, '{category}' AS category, 'FLOW' AS resource_type, \
                 'f' AS resource_uid, '10.0.0.1' AS src_ip, '{activity}' AS activity_name, \
                 '{outcome}' AS outcome"
            )
        };
        let rows = [
            row(3, "'u1'", "'new'"),
            row(2, "'u1'", "'old'"),
            row(4, "'u1'", "NULL"),
            // Another id with the same name, an unknown person whose name is an id, and two unknown ones.
            row(1, "'u2'", "'new'"),
            row(1, "NULL", "'u1'"),
            row(1, "NULL", "'x'"),
            row(1, "NULL", "'y'"),
        ]
        .join(" UNION ALL ");
        let view = view.replace("FROM audit_events", "FROM planted");
        let counted = match view.contains("AS changes") {
            true => "changes",
            false => "failures",
        };
        let sql = format!(
            "WITH planted AS ({rows}), asked AS ({view}) SELECT IFNULL(actor_uid, '-'), actor_name, \
             {counted} FROM asked ORDER BY 1, 2"
        );
        assert_eq!(
            rows_of(&lake, &sql).await,
            ["-|u1|1", "-|x|1", "-|y|1", "u1|new|3", "u2|new|1"],
            "{sql}"
        );
    }
}
