//! The SQL files: the DDL is what the columns say, and views keep to rules that let a loader put the
//! names of a dataset into them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use trailhouse::event::schema::{Column, EVENT_COLUMNS, QUARANTINE_COLUMNS};
use trailhouse::ledger::columns::{BATCH_COLUMNS, COVERAGE_COLUMNS};
use trailhouse::warehouse::bigquery::type_name;

/// A table as its DDL makes it.
struct Table {
    name: &'static str,
    meaning: &'static str,
    columns: &'static [Column],
    /// Whether it has a partition for each `dt`, which every query must then bound.
    dated: bool,
    clustering: &'static [&'static str],
}

const TABLES: [Table; 4] = [
    Table {
        name: "audit_events",
        meaning: "Audit events, one row each: who did what, when, from where, with what outcome",
        columns: EVENT_COLUMNS,
        dated: true,
        clustering: &["category", "source", "actor_name", "resource_type"],
    },
    Table {
        name: "audit_quarantine",
        meaning: "Audit records that could not become events, and other readings of known ones, byte for byte",
        columns: QUARANTINE_COLUMNS,
        dated: true,
        clustering: &[],
    },
    Table {
        name: "audit_batches",
        meaning: "What each ledger entry read and kept: the numbers behind audit_events",
        columns: BATCH_COLUMNS,
        dated: false,
        clustering: &[],
    },
    Table {
        name: "audit_coverage",
        meaning: "What has been read completely from each source, and the holes",
        columns: COVERAGE_COLUMNS,
        dated: false,
        clustering: &[],
    },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Text of GoogleSQL. Meanings are plain words, so nothing needs an escape.
fn quoted(text: &str) -> String {
    assert!(!text.contains(['"', '\\', '\n']), "{text}");
    format!("\"{text}\"")
}

fn ddl(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| {
        format!(
            "  {} {}{} OPTIONS (description = {})",
            column.name,
            type_name(column.kind),
            if column.required { " NOT NULL" } else { "" },
            quoted(column.meaning)
        )
    });
    let columns: Vec<String> = columns.collect();
    let mut ddl = format!(
        "-- {}.\n--\n-- Made from the columns that the program knows: change those, not this file.\n\
         CREATE TABLE {} (\n{}\n)\n",
        table.meaning,
        table.name,
        columns.join(",\n")
    );
    if table.dated {
        ddl.push_str("PARTITION BY dt\n");
    }
    if !table.clustering.is_empty() {
        let _ = writeln!(ddl, "CLUSTER BY {}", table.clustering.join(", "));
    }
    let _ = write!(ddl, "OPTIONS (\n  description = {}", quoted(table.meaning));
    if table.dated {
        ddl.push_str(",\n  require_partition_filter = TRUE");
    }
    ddl.push_str("\n)\n");
    ddl
}

/// With `TRAILHOUSE_GOLDEN=write` the files are written instead.
#[test]
fn the_ddl_is_what_the_columns_say() {
    let write = std::env::var("TRAILHOUSE_GOLDEN").is_ok_and(|word| word == "write");
    let folder = root().join("sql/schema");
    for table in TABLES {
        let path = folder.join(format!("{}.sql", table.name));
        let made = ddl(&table);
        if write {
            fs::write(&path, &made).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            made,
            "TRAILHOUSE_GOLDEN=write writes {}",
            path.display()
        );
    }
    assert_eq!(sql_files(&folder).len(), TABLES.len());
}

/// Clustering and partitioning columns must exist, and BigQuery clusters by four columns at most.
#[test]
fn tables_are_divided_by_columns_that_they_have() {
    for table in TABLES {
        let has = |name: &str| table.columns.iter().any(|column| column.name == name);
        assert_eq!(table.dated, has("dt"), "{}", table.name);
        assert!(table.clustering.iter().all(|name| has(name)));
        assert!(table.clustering.len() <= 4);
    }
}

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(
        paths
            .iter()
            .all(|path| path.extension().is_some_and(|end| end == "sql"))
    );
    paths
}

/// Name and text of each view.
fn views() -> Vec<(String, String)> {
    let views = sql_files(&root().join("sql/views"));
    let views = views.iter().map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    views.collect()
}

/// Words and signs of a statement without its comments and texts.
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for line in sql.lines() {
        let code = line.split("--").next().unwrap_or_default();
        // Every other part lies between quotes.
        for (part, code) in code.split('\'').enumerate() {
            if part % 2 == 1 {
                tokens.push("''".to_owned());
                continue;
            }
            let mut word = String::new();
            for character in code.chars().chain([' ']) {
                if character.is_alphanumeric() || character == '_' {
                    word.push(character);
                    continue;
                }
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                if !character.is_whitespace() {
                    tokens.push(character.to_string());
                }
            }
        }
    }
    tokens
}

/// The names of tables stand alone and nowhere but where a table is read, so that a loader qualifies
/// them by replacing words.
#[test]
fn views_name_tables_only_where_they_read_them() {
    for (name, sql) in views() {
        let tokens = tokens(&sql);
        let mut tables = 0;
        for (at, token) in tokens.iter().enumerate() {
            assert!(!["`", "\"", ";"].contains(&token.as_str()), "{name}");
            if !token.to_lowercase().starts_with("audit_") {
                continue;
            }
            assert!(TABLES.iter().any(|table| table.name == token), "{name}");
            assert!(
                ["FROM", "JOIN"].contains(&tokens[at - 1].as_str()),
                "{name}"
            );
            assert!(tokens.get(at + 1).is_none_or(|next| next != "."), "{name}");
            tables += 1;
        }
        assert!(tables > 0, "{name}");
    }
}

/// What is partitioned is read for a bounded time, and the record itself is never shown.
#[test]
fn views_are_bounded_by_date_and_show_no_record() {
    for (name, sql) in views() {
        let tokens = tokens(&sql);
        let dated = TABLES.iter().filter(|table| table.dated);
        let dated: Vec<&str> = dated.map(|table| table.name).collect();
        let read = tokens
            .iter()
            .filter(|token| dated.contains(&token.as_str()));
        let bounds = sql.matches("WHERE dt >= DATE_SUB(CURRENT_DATE(), INTERVAL ");
        assert_eq!(read.count(), bounds.count(), "{name}");
        for hidden in ["raw", "content"] {
            assert!(tokens.iter().all(|token| token != hidden), "{name}");
        }
        let all = tokens.windows(2).any(|pair| pair == ["SELECT", "*"]);
        assert!(!all, "{name} shows columns that it does not name");
    }
}

/// The question comes first, in one sentence: it becomes the description of the view.
#[test]
fn views_say_what_they_answer_and_the_docs_list_them() {
    let docs = fs::read_to_string(root().join("docs/querying.md")).unwrap();
    for (name, sql) in views() {
        let mut lines = sql.lines();
        let question = lines.next().unwrap().strip_prefix("-- ").unwrap();
        assert!(question.ends_with('?'), "{name}");
        assert_eq!(lines.next(), Some("--"), "{name}");
        assert!(sql.contains("Narrow it by "), "{name}");
        assert!(docs.contains(&format!("`{name}`")), "{name}");
    }
}
