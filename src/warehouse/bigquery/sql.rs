//! Statements in GoogleSQL, pure. Tables are given as SQL knows them, quoted.

use crate::event::schema::Column;
use crate::warehouse::contract::{Deletion, Statement, TableKind};
use chrono::NaiveDate;
use std::fmt::Write as _;

/// A statement in GoogleSQL; `name` is how SQL knows a table of the target.
pub fn to_sql(statement: &Statement<'_>, name: impl Fn(&str) -> String) -> String {
    match *statement {
        Statement::Nothing => "SELECT 1".to_owned(),
        Statement::CountByBatch { table, kind, dates } => count_by_batch(&name(table), kind, dates),
        Statement::DoubledEvents { table, dates, most } => {
            doubled_events(&name(table), dates, most)
        }
        Statement::ReplaceDates {
            table,
            dates,
            columns,
            from,
        } => replace_dates(&name(table), dates, columns, &name(from)),
        Statement::Delete { table, deletion } => delete(&name(table), deletion),
    }
}

fn count_by_batch(table: &str, kind: TableKind, dates: Option<(NaiveDate, NaiveDate)>) -> String {
    let on_dates = on_dates(dates);
    let category = match kind {
        TableKind::Events => "category",
        TableKind::Quarantine | TableKind::Objects | TableKind::Batches | TableKind::Coverage => {
            "CAST(NULL AS STRING)"
        }
    };
    format!(
        "SELECT CAST(dt AS STRING) AS dt, {category} AS category, source, batch_id, COUNT(*) AS row_count \
         FROM {table} WHERE {on_dates} GROUP BY 1, 2, 3, 4"
    )
}

fn doubled_events(table: &str, dates: Option<(NaiveDate, NaiveDate)>, most: usize) -> String {
    let on_dates = on_dates(dates);
    format!(
        "SELECT event_uid, COUNT(*) AS row_count FROM {table} WHERE {on_dates} \
         GROUP BY 1 HAVING COUNT(*) > 1 ORDER BY 1 LIMIT {most}"
    )
}

/// A condition on dates, which tables of ours may demand; without dates all that GoogleSQL has.
fn on_dates(dates: Option<(NaiveDate, NaiveDate)>) -> String {
    let (first, last) = dates.unwrap_or((NaiveDate::MIN, NaiveDate::MAX));
    let first = first.max(LEAST);
    let last = last.min(GREATEST);
    format!("dt BETWEEN DATE '{first}' AND DATE '{last}'")
}

/// The first and the last date that GoogleSQL has.
const LEAST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");
const GREATEST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a date");

fn replace_dates(table: &str, dates: &[NaiveDate], columns: &[Column], from: &str) -> String {
    let columns: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let columns = columns.join(", ");
    let mut listed = String::new();
    for date in dates {
        let separator = if listed.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(listed, "{separator}DATE '{date}'");
    }
    format!(
        "BEGIN TRANSACTION;\n\
         DELETE FROM {table} WHERE dt IN ({listed});\n\
         INSERT INTO {table} ({columns}) SELECT {columns} FROM {from};\n\
         COMMIT TRANSACTION;"
    )
}

fn delete(table: &str, deletion: &Deletion) -> String {
    let Deletion {
        first,
        last,
        conditions,
    } = deletion;
    let mut sql = format!("DELETE FROM {table} WHERE dt BETWEEN DATE '{first}' AND DATE '{last}'");
    for (number, condition) in conditions.iter().enumerate() {
        sql.push_str(if number == 0 { " AND ((" } else { " OR (" });
        if let Some(category) = &condition.category {
            // Writing to a string does not fail, here and below.
            let _ = write!(sql, "category = {} AND ", quoted(category));
        }
        let _ = write!(sql, "source = {}", quoted(&condition.source));
        if !condition.batches.is_empty() {
            let batches: Vec<String> = condition.batches.iter().map(|it| quoted(it)).collect();
            let _ = write!(sql, " AND batch_id IN ({})", batches.join(", "));
        }
        sql.push(')');
    }
    if !conditions.is_empty() {
        sql.push(')');
    }
    sql
}

/// A text as a literal of GoogleSQL (lexical structure, string literals).
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' => literal.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(literal, "\\u{:04x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::contract::SqlCondition;

    #[test]
    fn deletions_are_written_as_the_service_reads_them() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let condition = |category: Option<&str>, source: &str, batches: &[&str]| SqlCondition {
            category: category.map(str::to_owned),
            source: source.to_owned(),
            batches: batches.iter().map(|it| (*it).to_owned()).collect(),
        };
        let delete = |conditions| {
            let deletion = Deletion {
                first: date(1),
                last: date(7),
                conditions,
            };
            let statement = Statement::Delete {
                table: "t",
                deletion: &deletion,
            };
            to_sql(&statement, |table| format!("`{table}`"))
        };
        let dates = "DELETE FROM `t` WHERE dt BETWEEN DATE '2026-03-01' AND DATE '2026-03-07'";
        assert_eq!(delete(vec![]), dates);
        assert_eq!(
            delete(vec![
                condition(Some("execution"), "k", &[]),
                condition(Some("other"), "it's \\ odd", &["b1", "b2"]),
            ]),
            format!(
                "{dates} AND ((category = 'execution' AND source = 'k') OR (category = 'other' AND source = \
                 'it\\'s \\\\ odd' AND batch_id IN ('b1', 'b2')))"
            )
        );
        assert_eq!(
            delete(vec![condition(None, "k\n", &[])]),
            format!("{dates} AND ((source = 'k\\u000a'))")
        );
    }
}
