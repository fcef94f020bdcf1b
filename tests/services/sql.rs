//! The SQL files before Google's own analyzer, and what views answer on an emulator of BigQuery and on
//! the embedded engine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use trailhouse::event::schema::{Column, EVENT_COLUMNS, QUARANTINE_COLUMNS};
use trailhouse::ledger::columns::{BATCH_COLUMNS, COVERAGE_COLUMNS};
use trailhouse::warehouse::bigquery::to_sql;
use trailhouse::warehouse::{Deletion, SqlCondition, Statement, TableKind};

use crate::bigquery::BigQuery;
use crate::job::{job, platform, trailhouse};
use crate::missing::{Stop, Suite};
use crate::python::{Environment, repository};
use crate::sql_in_docs::statements;
use crate::stores::Place;

/// The name of the bucket that a lake on disk is taken for.
const BUCKET: &str = "acme-lake";

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("sql::the_analyzer_takes_every_file", analyzed);
    suite.add("sql::the_analyzer_takes_what_is_sent", sent);
    suite.add("sql::the_analyzer_refuses_mistakes", mistakes);
    suite.add("sql::the_analyzer_judges_the_corpus", judged);
    suite.add("sql::the_analyzer_takes_every_documented_form", documented);
    suite.add("sql::views_answer_alike_on_both_engines", alike);
}

/// The files of a folder below `sql`, by name.
fn files(folder: &str) -> Result<BTreeMap<String, String>, Stop> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(repository().join("sql").join(folder))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        files.insert(name.into_owned(), fs::read_to_string(&path)?);
    }
    assert!(!files.is_empty(), "{folder} is empty");
    Ok(files)
}

/// Asks a script, and gives its answer.
fn ask(mut script: Command, question: &Value) -> Result<Value, Stop> {
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(question.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Stop::Failed(why));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the analyzer says of statements over the tables of `sql/schema`.
fn analyze(statements: &BTreeMap<String, String>) -> Result<Value, Stop> {
    let environment = Environment::new("zetasql")?;
    ask(
        environment.script("analyze_sql.py"),
        &json!({ "tables": files("schema")?, "statements": statements }),
    )
}

fn analyzed() -> Result<(), Stop> {
    let views = files("views")?;
    let said = analyze(&views)?;
    for name in views.keys() {
        let columns = said[name]["columns"].as_array().map_or(0, Vec::len);
        assert!(columns > 0, "{name}: {}", said[name]);
    }
    Ok(())
}

/// What the program itself sends, with names that need quotes.
fn sent() -> Result<(), Stop> {
    let condition = |category: Option<&str>, source: &str, batches: &[&str]| SqlCondition {
        category: category.map(str::to_owned),
        source: source.to_owned(),
        batches: batches.iter().map(|it| (*it).to_owned()).collect(),
    };
    let sql = |statement: &Statement<'_>| to_sql(statement, str::to_owned);
    let delete = |table: &str, conditions| {
        let dates = ("2026-02-27".parse(), "2026-03-02".parse());
        let deletion = Deletion {
            first: dates.0.unwrap_or_default(),
            last: dates.1.unwrap_or_default(),
            conditions,
        };
        let deletion = &deletion;
        sql(&Statement::Delete { table, deletion })
    };
    let statements = [
        ("whole dates", delete("audit_events", vec![])),
        (
            "partitions",
            delete(
                "audit_events",
                vec![
                    condition(Some("execution"), "kestra-prod", &[]),
                    condition(Some("it's \\ odd\n"), "a'b", &["b-1", "b'2"]),
                ],
            ),
        ),
        (
            "quarantine",
            delete(
                "audit_quarantine",
                vec![condition(None, "kestra-prod", &["b-1"])],
            ),
        ),
        ("nothing", sql(&Statement::Nothing)),
        (
            "count",
            sql(&Statement::CountByBatch {
                table: "audit_events",
                kind: TableKind::Events,
                dates: None,
            }),
        ),
    ];
    let statements = statements.map(|(name, sql)| (name.to_owned(), sql));
    let said = analyze(&BTreeMap::from(statements.clone()))?;
    for (name, sql) in statements {
        assert_eq!(said[&name]["refused"], Value::Null, "{name}: {sql}");
        assert!(said[&name]["columns"].is_array(), "{name}: {said}");
    }
    Ok(())
}

/// Each of these is taken by an engine that guesses.
fn mistakes() -> Result<(), Stop> {
    let mistakes = [
        ("SELECT actor_nam FROM audit_events", "Unrecognized name"),
        ("SELECT dt FROM audit_event", "Table not found"),
        (
            "SELECT dt FROM audit_events WHERE dt = 5",
            "No matching signature",
        ),
        (
            "SELECT list_aggregate(actor_name) FROM audit_events",
            "Function not found",
        ),
        (
            "SELECT actor_name, COUNT(*) AS n FROM audit_events",
            "neither grouped nor aggregated",
        ),
        ("SELECT dt FROM audit_events WHERE", "Syntax error"),
        // The schema is that of the files, not of any table of these names.
        (
            "SELECT JSON_VALUE(tries, '$.a') FROM audit_coverage",
            "No matching signature",
        ),
    ];
    let statements = mistakes.map(|(sql, _)| (sql.to_owned(), sql.to_owned()));
    let said = analyze(&BTreeMap::from(statements))?;
    for (sql, why) in mistakes {
        let refused = said[sql]["refused"].as_str().unwrap_or_default();
        assert!(refused.contains(why), "{sql}: {}", said[sql]);
    }
    Ok(())
}

/// The verdicts of the corpus are the analyzer's; a unit test holds the engine to the same file.
fn judged() -> Result<(), Stop> {
    let text = fs::read_to_string(repository().join("tests/corpus/googlesql.txt"))?;
    let mut verdicts = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (mark, rest) = line.split_at(2);
        let sql = rest
            .split_once(" | ")
            .filter(|_| matches!(mark, "> " | "< "));
        let sql = sql.map_or(rest, |(_, sql)| sql);
        verdicts.push((sql.to_owned(), matches!(mark, "+ " | "> ")));
    }
    assert_verdicts(&verdicts)
}

/// The statements of the pages that show SQL, and every example of `docs/sql.md`, but for the functions that
/// BigQuery has and the open analyzer does not.
fn documented() -> Result<(), Stop> {
    const NOT_OPEN: [&str; 3] = ["CONTAINS_SUBSTR(", "MIN_BY(", "MAX_BY("];
    let things = "WITH things AS (SELECT 1 AS n, 'a' AS t UNION ALL SELECT 2, 'b' \
                  UNION ALL SELECT 3, 'b' UNION ALL SELECT 4, NULL)";
    let text = fs::read_to_string(repository().join("docs/sql.md"))?;
    let mut verdicts = Vec::new();
    for page in ["README.md", "docs/querying.md"] {
        let shown = statements(&fs::read_to_string(repository().join(page))?);
        assert!(!shown.is_empty(), "{page} shows no SQL");
        verdicts.extend(shown.into_iter().map(|sql| (sql, true)));
    }
    let mut over_things = false;
    for line in text.lines() {
        if line.starts_with("## ") {
            over_things = matches!(line, "## Aggregates" | "## Windows");
        }
        // A bar within a cell is written with a backslash.
        let line = line.replace("\\|", "\u{1}");
        let cells: Vec<&str> = line.split(" | ").collect();
        let [_, _, example, _] = cells.as_slice() else {
            continue;
        };
        let Some(example) = example
            .strip_prefix('`')
            .and_then(|it| it.strip_suffix('`'))
        else {
            continue;
        };
        let example = example.replace('\u{1}', "|");
        let sql = match over_things {
            true => format!("{things} SELECT {example} FROM things"),
            false => format!("SELECT {example}"),
        };
        let open = !NOT_OPEN.iter().any(|name| example.contains(name));
        verdicts.push((sql, open));
    }
    assert!(verdicts.len() > 150, "{}", verdicts.len());
    assert_verdicts(&verdicts)
}

/// The analyzer takes what is marked so, and refuses the rest.
fn assert_verdicts(verdicts: &[(String, bool)]) -> Result<(), Stop> {
    let statements = verdicts.iter().map(|(sql, _)| (sql.clone(), sql.clone()));
    let said = analyze(&statements.collect())?;
    let wrong: Vec<String> = verdicts
        .iter()
        .filter(|(sql, taken)| said[sql]["columns"].is_array() != *taken)
        .map(|(sql, taken)| format!("{sql}\n    taken: {}, {}", !taken, said[sql]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// One lake on disk, which the emulator takes for a bucket.
fn alike() -> Result<(), Stop> {
    let folder = tempfile::tempdir()?;
    let bucket = folder.path().join(BUCKET);
    let lake = bucket.join("trailhouse");
    fs::create_dir_all(&lake)?;
    // Two tenants, records with odd bytes, and some that leave holes.
    let platform = platform(
        &[
            &["--tenant", "main", "--tenant", "other"][..],
            &["--odd", "40", "--poison", "2"],
        ]
        .concat(),
    )?;
    job(folder.path(), &platform, &Place::on_disk(&lake))?;
    let config = folder.path().join("trailhouse.toml");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, text.replace("[\"main\"]", "[\"main\", \"other\"]"))?;
    let run = trailhouse(folder.path(), &["run"]).output()?;
    let said = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.status.code(), Some(5), "{said}");

    let embedded = Embedded(folder.path());
    let mut tables = Map::new();
    for (name, ddl) in files("schema")? {
        let table = match name.as_str() {
            "audit_events" => json!({ "ddl": ddl, "files": uris(&lake, "events")? }),
            "audit_quarantine" => json!({ "ddl": ddl, "files": uris(&lake, "quarantine")? }),
            // No files hold these: they are made from the ledger.
            _ => json!({ "ddl": ddl, "rows": embedded.sql(&format!("SELECT * FROM {name}"))? }),
        };
        tables.insert(name, table);
    }
    let question = json!({
        "tables": tables,
        "views": files("views")?,
        "refused": ["SELECT COUNT(*) FROM audit_events", "SELECT COUNT(*) FROM audit_quarantine"],
    });
    let answer = at_one_time(&embedded, folder.path(), &question)?;
    assert_tables(&embedded, &answer)?;
    for (name, rows) in embedded.views()? {
        assert!(!rows.is_empty(), "{name} has no rows");
    }
    let completeness = &embedded.views()?["source_completeness"];
    let holes = |row: &&Value| row["complete"] == false && row["holes"] != 0;
    assert!(
        completeness.iter().any(|row| holes(&row)),
        "{completeness:?}"
    );
    assert!(completeness.iter().any(|row| row["complete"] == true));
    Ok(())
}

/// The answer of the emulator, whose views are those of the embedded engine. Views look at the clock:
/// only what the embedded engine says both before and after can be demanded of another.
fn at_one_time(embedded: &Embedded<'_>, gcs: &Path, question: &Value) -> Result<Value, Stop> {
    for _ in 0..5 {
        let before = embedded.views()?;
        let bigquery = BigQuery::start(gcs)?;
        let mut script = bigquery.script("bigquery_answers.py");
        script.arg(bigquery.url());
        let answer = ask(script, question)?;
        if before != embedded.views()? {
            continue;
        }
        for (name, rows) in &before {
            assert_same(name, rows, &answer["views"][name]);
        }
        return Ok(answer);
    }
    Err(Stop::Failed(
        "no minute was long enough for one answer".to_owned(),
    ))
}

/// The same rows, in any order: what asks a view for an order is a statement of its own.
pub(crate) fn assert_same(name: &str, embedded: &[Value], other: &Value) {
    let columns = other["columns"].as_array().cloned().unwrap_or_default();
    let mut ours: Vec<String> = embedded
        .iter()
        .map(|row| {
            let width = row.as_object().map_or(0, Map::len);
            assert_eq!(width, columns.len(), "{name}");
            let cells = columns
                .iter()
                .map(|column| row[column.as_str().unwrap_or_default()].clone());
            Value::from_iter(cells).to_string()
        })
        .collect();
    let theirs = other["rows"].as_array().into_iter().flatten();
    let mut theirs: Vec<String> = theirs.map(Value::to_string).collect();
    ours.sort();
    theirs.sort();
    if let Some(at) = (0..ours.len().max(theirs.len())).find(|at| ours.get(*at) != theirs.get(*at))
    {
        panic!(
            "{name}: {} rows here and {} there, first {:?} and {:?}",
            ours.len(),
            theirs.len(),
            ours.get(at),
            theirs.get(at)
        );
    }
}

/// The tables are what the product says, and hold all of the lake and the ledger, byte for byte.
fn assert_tables(embedded: &Embedded<'_>, answer: &Value) -> Result<(), Stop> {
    for (name, columns, dated) in [
        ("audit_events", EVENT_COLUMNS, true),
        ("audit_quarantine", QUARANTINE_COLUMNS, true),
        ("audit_batches", BATCH_COLUMNS, false),
        ("audit_coverage", COVERAGE_COLUMNS, false),
    ] {
        let table = &answer["tables"][name];
        let described: Vec<Value> = columns.iter().map(described).collect();
        assert_eq!(table["columns"], Value::from(described), "{name}");
        let partition = if dated { json!("dt") } else { Value::Null };
        assert_eq!(table["partition"], partition, "{name}");
        assert_eq!(table["filter"], dated, "{name}");
        let clustering: &[&str] = match name {
            "audit_events" => &["category", "source", "actor_name", "resource_type"],
            _ => &[],
        };
        assert_eq!(table["clustering"], json!(clustering), "{name}");
        let rows = embedded.sql(&format!("SELECT * FROM {name}"))?;
        assert!(!rows.is_empty(), "{name}");
        assert_eq!(table["loaded"], rows.len(), "{name}");
        assert_eq!(table["counted"], rows.len(), "{name}");
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        assert_same(
            name,
            &rows,
            &json!({ "columns": names, "rows": table["rows"] }),
        );
    }
    Ok(())
}

/// A column as the service's interface tells it, which has older names of types.
pub(crate) fn described(column: &Column) -> Value {
    let kind = match column.kind.name() {
        "INT64" => "INTEGER",
        other => other,
    };
    let mode = if column.required {
        "REQUIRED"
    } else {
        "NULLABLE"
    };
    json!([column.name, kind, mode, column.meaning])
}

/// The files of a table as the emulator names them. Nothing has died here, so that each of them counts.
fn uris(lake: &Path, table: &str) -> Result<Vec<String>, Stop> {
    let mut uris = Vec::new();
    let mut folders = vec![lake.join(table)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(lake) {
                uris.push(format!("gs://{BUCKET}/trailhouse/{}", name.display()));
            }
        }
    }
    uris.sort();
    Ok(uris)
}

/// The product's own engine over the lake that a folder's configuration names.
pub(crate) struct Embedded<'a>(pub(crate) &'a Path);

impl Embedded<'_> {
    fn query(&self, arguments: &[&str]) -> Result<Vec<Value>, Stop> {
        let arguments = [&["query", "--format", "json"], arguments].concat();
        let output = trailhouse(self.0, &arguments).output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Stop::Failed(why));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    pub(crate) fn sql(&self, sql: &str) -> Result<Vec<Value>, Stop> {
        self.query(&[sql])
    }

    /// The rows of each view, from its file.
    pub(crate) fn views(&self) -> Result<BTreeMap<String, Vec<Value>>, Stop> {
        let folder = repository().join("sql/views");
        let mut views = BTreeMap::new();
        for name in files("views")?.into_keys() {
            let path = folder.join(format!("{name}.sql"));
            let rows = self.query(&["-f", path.to_str().unwrap_or_default()])?;
            views.insert(name, rows);
        }
        Ok(views)
    }
}
