//! The statements of `warehouse::sql`, and no others.

use super::delete::{self, Delete};
use super::reply::Refusal;
use super::state::{End, Ended, Returned, Row, State, Table, name};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that a row is said to have.
const ROW_BYTES: u64 = 100;

#[derive(Debug, PartialEq, Eq)]
enum Statement {
    /// `SELECT 1`, which only shows whether jobs may be started.
    One,
    Delete(Delete),
    Count {
        table: String,
        category: bool,
        /// First and last date, where the statement has a filter.
        dates: Option<(String, String)>,
    },
    Doubled {
        table: String,
        dates: (String, String),
        most: usize,
    },
    Replace {
        table: String,
        dates: BTreeSet<String>,
        columns: Vec<String>,
        from: String,
    },
}

/// Bytes that a statement would read.
pub(super) fn cost(state: &mut State, sql: &str, location: &str) -> Result<u64, Refusal> {
    let statement = parse(sql)?;
    let read = match &statement {
        Statement::One => return Ok(0),
        Statement::Delete(delete) => {
            let table = found(state, &delete.table, location)?;
            delete.check(table)?;
            return Ok(delete.reads(table) * ROW_BYTES);
        }
        Statement::Count { table, .. } | Statement::Doubled { table, .. } => table,
        Statement::Replace { from, table, .. } => {
            found(state, table, location)?;
            from
        }
    };
    let rows = found(state, read, location)?.rows.len() as u64;
    Ok(rows * ROW_BYTES)
}

/// Runs a statement, or a script as a whole.
pub(super) fn run(state: &mut State, sql: &str, location: &str) -> End {
    let bytes = cost(state, sql, location)?;
    let mut affected_rows = None;
    let result = match parse(sql)? {
        Statement::One => Some((vec!["f0_"], vec![vec![Some("1".to_owned())]])),
        Statement::Delete(delete) => {
            let etag = format!("e{}", state.tick());
            let target = found(state, &delete.table, location)?;
            delete.check(target)?;
            let before = target.rows.len();
            target.rows.retain(|row| !delete.takes(row));
            affected_rows = Some((before - target.rows.len()) as u64);
            target.told["etag"] = etag.into();
            None
        }
        Statement::Count {
            table,
            category,
            dates,
        } => {
            let found = found(state, &table, location)?;
            if dates.is_none() {
                refuse_whole_scan(found, &table)?;
            }
            let mut needed = vec!["dt", "source", "batch_id"];
            needed.extend(category.then_some("category"));
            columns_exist(found, &needed)?;
            Some(count(&found.rows, category, dates))
        }
        Statement::Doubled { table, dates, most } => {
            let found = found(state, &table, location)?;
            columns_exist(found, &["dt", "event_uid"])?;
            Some(doubled(&found.rows, &dates, most))
        }
        Statement::Replace {
            table,
            dates,
            columns,
            from,
        } => {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let source = found(state, &from, location)?;
            refuse_whole_scan(source, &from)?;
            columns_exist(source, &columns)?;
            let added = source.rows.clone();
            let etag = format!("e{}", state.tick());
            let target = found(state, &table, location)?;
            columns_exist(target, &columns)?;
            // From here on nothing fails: a transaction.
            let stays = |row: &Row| row.dt.as_ref().is_none_or(|date| !dates.contains(date));
            target.rows.retain(stays);
            target.rows.extend(added);
            target.told["etag"] = etag.into();
            None
        }
    };
    Ok(Ended {
        output_rows: None,
        affected_rows,
        bytes,
        result,
    })
}

fn count(rows: &[Row], category: bool, dates: Option<(String, String)>) -> Returned {
    let inside = |row: &&Row| match (&row.dt, &dates) {
        (_, None) => true,
        (Some(date), Some((first, last))) => first <= date && date <= last,
        (None, Some(_)) => false,
    };
    let mut groups: BTreeMap<[Option<String>; 4], u64> = BTreeMap::new();
    for row in rows.iter().filter(inside) {
        let category = row.category.clone().filter(|_| category);
        let group = [
            row.dt.clone(),
            category,
            row.source.clone(),
            row.batch_id.clone(),
        ];
        *groups.entry(group).or_default() += 1;
    }
    // In an order that nobody asked for.
    let rows = groups.into_iter().rev().map(|(group, count)| {
        let mut row = group.to_vec();
        row.push(Some(count.to_string()));
        row
    });
    let columns = vec!["dt", "category", "source", "batch_id", "row_count"];
    (columns, rows.collect())
}

fn doubled(rows: &[Row], (first, last): &(String, String), most: usize) -> Returned {
    let inside = |row: &&Row| {
        row.dt
            .as_ref()
            .is_some_and(|date| first <= date && date <= last)
    };
    let mut groups: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for row in rows.iter().filter(inside) {
        *groups.entry(row.uid.clone()).or_default() += 1;
    }
    let several = groups.into_iter().filter(|(_, count)| *count > 1);
    let several = several.map(|(uid, count)| vec![uid, Some(count.to_string())]);
    (vec!["event_uid", "row_count"], several.take(most).collect())
}

/// A table by its whole name.
fn found<'a>(state: &'a mut State, name: &str, location: &str) -> Result<&'a mut Table, Refusal> {
    let parts: Vec<&str> = name.rsplitn(3, '.').collect();
    let [table, dataset, project] = parts[..] else {
        return Err(invalid("a strict service wants whole names"));
    };
    state.dataset_at(project, dataset, location)?;
    state.table(project, dataset, table)
}

pub(super) fn refuse_whole_scan(table: &Table, name: &str) -> Result<(), Refusal> {
    if !table.demands_filter() {
        return Ok(());
    }
    Err(invalid(&format!(
        "Cannot query over table '{name}' without a filter over column(s) 'dt' that can be used for \
         partition elimination"
    )))
}

pub(super) fn columns_exist(table: &Table, columns: &[&str]) -> Result<(), Refusal> {
    let fields = table.fields();
    for column in columns {
        if fields.iter().all(|field| name(field) != *column) {
            return Err(invalid(&format!("Unrecognized name: {column}")));
        }
    }
    Ok(())
}

pub(super) fn invalid(said: &str) -> Refusal {
    Refusal::new("invalidQuery", said)
}

fn parse(sql: &str) -> Result<Statement, Refusal> {
    if sql == "SELECT 1" {
        return Ok(Statement::One);
    }
    if let Some(delete) = delete::parse(sql) {
        return delete.map(Statement::Delete);
    }
    counting(sql)
        .or_else(|| doubling(sql))
        .or_else(|| replacing(sql))
        .ok_or_else(|| invalid("Syntax error: not a statement that this service knows"))
}

fn counting(sql: &str) -> Option<Statement> {
    let rest = sql.strip_prefix("SELECT CAST(dt AS STRING) AS dt, ")?;
    let (category, rest) = match rest.strip_prefix("category AS category") {
        Some(rest) => (true, rest),
        None => (
            false,
            rest.strip_prefix("CAST(NULL AS STRING) AS category")?,
        ),
    };
    let rest = rest.strip_prefix(", source, batch_id, COUNT(*) AS row_count FROM ")?;
    let rest = rest.strip_suffix(" GROUP BY 1, 2, 3, 4")?;
    let (table, filter) = quoted(rest)?;
    let dates = if filter.is_empty() {
        None
    } else {
        let (first, last) = filter
            .strip_prefix(" WHERE dt BETWEEN ")?
            .split_once(" AND ")?;
        Some((date(first)?, date(last)?))
    };
    Some(Statement::Count {
        table,
        category,
        dates,
    })
}

fn doubling(sql: &str) -> Option<Statement> {
    let rest = sql.strip_prefix("SELECT event_uid, COUNT(*) AS row_count FROM ")?;
    let (table, rest) = quoted(rest)?;
    let rest = rest.strip_prefix(" WHERE dt BETWEEN ")?;
    let (filter, most) = rest.split_once(" GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 1 LIMIT ")?;
    let (first, last) = filter.split_once(" AND ")?;
    Some(Statement::Doubled {
        table,
        dates: (date(first)?, date(last)?),
        most: most.parse().ok()?,
    })
}

fn replacing(sql: &str) -> Option<Statement> {
    let rest = sql.strip_prefix("BEGIN TRANSACTION;\nDELETE FROM ")?;
    let (table, rest) = quoted(rest)?;
    let (listed, rest) = rest.strip_prefix(" WHERE dt IN (")?.split_once(");\n")?;
    let dates = listed.split(", ").map(date).collect::<Option<_>>()?;
    let (again, rest) = quoted(rest.strip_prefix("INSERT INTO ")?)?;
    let (columns, rest) = rest.strip_prefix(" (")?.split_once(") SELECT ")?;
    let (selected, rest) = rest.split_once(" FROM ")?;
    let (from, rest) = quoted(rest)?;
    let whole = rest == ";\nCOMMIT TRANSACTION;" && again == table && selected == columns;
    whole.then(|| Statement::Replace {
        table,
        dates,
        columns: columns.split(", ").map(str::to_owned).collect(),
        from,
    })
}

/// A name in backticks, and what follows.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let (name, rest) = text.strip_prefix('`')?.split_once('`')?;
    Some((name.to_owned(), rest))
}

pub(super) fn date(text: &str) -> Option<String> {
    let text = text.strip_prefix("DATE '")?.strip_suffix('\'')?;
    let _: chrono::NaiveDate = text.parse().ok()?;
    Some(text.to_owned())
}
