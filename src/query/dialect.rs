//! From text to one statement that only reads.
//!
//! Beside `SELECT` there is `DESCRIBE table`, `SHOW TABLES`, and `EXPLAIN SELECT …`, which shows the engine's plan in
//! the engine's words.

use datafusion::sql::sqlparser::ast::{Spanned, Statement};
use datafusion::sql::sqlparser::dialect::{BigQueryDialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError, ParserOptions};
use datafusion::sql::sqlparser::tokenizer::{Location, Span};

use super::analyze::{analyze, lake_table, type_of};
use super::error::{QueryError, StatementPlace, place_of};
use crate::warehouse::TableKind;

/// A statement for the engine.
pub(super) struct ReadStatement {
    pub(super) statement: Statement,
    /// Whether a value may make it fail.
    pub(super) may_fail: bool,
}

/// Reads exactly one statement that only reads, and puts it into the words of the engine.
///
/// # Errors
/// No statement or several, one that does more than read, text that is not SQL, or what GoogleSQL refuses.
pub(super) fn read(sql: &str) -> Result<ReadStatement, QueryError> {
    let word = first_word(sql);
    let body = match word.as_str() {
        "EXPLAIN" => first_word(without_word(sql)),
        _ => word,
    };
    // About any other word the parser says what it expected.
    if CHANGING.contains(&body.as_str()) {
        return Err(QueryError::NotReading { statement: body });
    }
    let mut statements = parsed(sql)?;
    let count = statements.len();
    let Some(statement) = statements.pop() else {
        return Err(QueryError::Empty);
    };
    if count > 1 {
        return Err(QueryError::Several { count });
    }
    understood(sql, &statement)
}

/// Words with which statements begin that do more than read.
const CHANGING: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "ASSERT",
    "ATTACH",
    "BEGIN",
    "CALL",
    "COMMIT",
    "COPY",
    "CREATE",
    "DECLARE",
    "DEALLOCATE",
    "DELETE",
    "DETACH",
    "DROP",
    "EXECUTE",
    "EXPORT",
    "GRANT",
    "INSERT",
    "INSTALL",
    "KILL",
    "LOAD",
    "LOCK",
    "MERGE",
    "OPTIMIZE",
    "PRAGMA",
    "PREPARE",
    "RENAME",
    "REPLACE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "START",
    "TRUNCATE",
    "UNLOAD",
    "UPDATE",
    "USE",
    "VACUUM",
];

/// What stands behind spaces and comments.
fn without_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        let after = if let Some(comment) = rest.strip_prefix("--").or(rest.strip_prefix('#')) {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
}

fn word_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

fn first_word(sql: &str) -> String {
    let text = without_comments(sql);
    match word_end(text) {
        0 => text.chars().next().map(String::from).unwrap_or_default(),
        end => text[..end].to_uppercase(),
    }
}

fn without_word(sql: &str) -> &str {
    let text = without_comments(sql);
    &text[word_end(text)..]
}

fn parsed(sql: &str) -> Result<Vec<Statement>, QueryError> {
    // Text keeps its escapes, which are those of GoogleSQL.
    let options = ParserOptions::new().with_unescape(false);
    Parser::new(&BigQueryDialect)
        .with_options(options)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| syntax(sql, &error))
}

/// What the parser says, with the place that it names.
fn syntax(sql: &str, error: &ParserError) -> QueryError {
    let said = match error {
        ParserError::ParserError(said) | ParserError::TokenizerError(said) => said.as_str(),
        ParserError::RecursionLimitExceeded => "parentheses or subqueries are nested too deeply",
    };
    let (reason, place) = match said.rsplit_once(" at Line: ") {
        Some((reason, place)) => (reason, located(sql, place)),
        None => (said, None),
    };
    let reason = match reason.strip_prefix("Expected") {
        Some(rest) => {
            let rest = rest.trim_start_matches([':', ' ']);
            format!("expected {}", rest.replace(", found: ", ", found "))
        }
        // The parser shows its own data there.
        None if reason.contains(['{', '(']) => "this operator or word is not expected".to_owned(),
        None => reason.to_owned(),
    };
    // Where the text ends there is nothing to mark, so the end is marked.
    let place = place.or_else(|| {
        let line = sql.trim_end().lines().count().max(1);
        let column = sql
            .trim_end()
            .lines()
            .last()
            .map_or(0, |line| line.chars().count())
            + 1;
        let at = Location {
            line: u64::try_from(line).ok()?,
            column: u64::try_from(column).ok()?,
        };
        StatementPlace::new(sql, Span::new(at, at))
    });
    QueryError::Syntax {
        reason: reason.replace("EOF", "the end of the statement"),
        place,
    }
}

/// `3, Column: 14`
fn located(sql: &str, place: &str) -> Option<StatementPlace> {
    let (line, column) = place.split_once(", Column: ")?;
    let start = Location {
        line: line.trim().parse().ok()?,
        column: column.trim().parse().ok()?,
    };
    let (at, skip) = place_of(start)?;
    let word: String = sql.lines().nth(at)?.chars().skip(skip).collect();
    let width = u64::try_from(word_end(&word).max(1)).ok()?;
    let end = Location {
        line: start.line,
        column: start.column + width,
    };
    StatementPlace::new(sql, Span::new(start, end))
}

fn understood(sql: &str, statement: &Statement) -> Result<ReadStatement, QueryError> {
    match statement {
        Statement::Query(query) => {
            let analyzed = analyze(sql, query)?;
            Ok(ReadStatement {
                statement: Statement::Query(Box::new(analyzed.query)),
                may_fail: analyzed.may_fail,
            })
        }
        Statement::Explain {
            statement: inner,
            describe_alias,
            ..
        } => {
            let explained = understood(sql, inner)?;
            Ok(ReadStatement {
                statement: Statement::Explain {
                    describe_alias: *describe_alias,
                    analyze: false,
                    verbose: false,
                    query_plan: false,
                    estimate: false,
                    statement: Box::new(explained.statement),
                    format: None,
                    options: None,
                },
                may_fail: explained.may_fail,
            })
        }
        Statement::ExplainTable { table_name, .. } => {
            let name = table_name.to_string().replace('`', "");
            let name = name.rsplit('.').next().unwrap_or_default();
            let Some(table) = lake_table(name) else {
                return Err(QueryError::UnknownTable {
                    name: name.to_owned(),
                    place: StatementPlace::new(sql, table_name.span()),
                });
            };
            let rows = table.columns().iter().map(|column| {
                let required = if column.required { "NO" } else { "YES" };
                [
                    column.name.to_owned(),
                    type_of(column.kind).to_string(),
                    required.to_owned(),
                    column.meaning.to_owned(),
                ]
            });
            rows_of(
                &["column_name", "data_type", "is_nullable", "description"],
                rows,
            )
        }
        Statement::ShowTables { .. } => {
            let names = TableKind::ALL.map(TableKind::table);
            rows_of(
                &["table_name"],
                names.map(|name| [name.to_owned()]).into_iter(),
            )
        }
        other => Err(QueryError::NotReading {
            statement: first_word(&other.to_string()),
        }),
    }
}

/// Rows of text as a query, for what is known without the engine.
fn rows_of<const N: usize>(
    names: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<ReadStatement, QueryError> {
    let rows = rows.map(|row| {
        let cells = row.map(|cell| format!("'{}'", cell.replace('\'', "''")));
        format!("({})", cells.join(", "))
    });
    let names: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("column{} AS {name}", at + 1))
        .collect();
    let rows: Vec<String> = rows.collect();
    let sql = format!(
        "SELECT {} FROM (VALUES {})",
        names.join(", "),
        rows.join(", ")
    );
    let mut statements =
        Parser::parse_sql(&GenericDialect, &sql).map_err(|error| syntax(&sql, &error))?;
    match statements.pop() {
        Some(statement) => Ok(ReadStatement {
            statement,
            may_fail: false,
        }),
        None => Err(QueryError::Empty),
    }
}
