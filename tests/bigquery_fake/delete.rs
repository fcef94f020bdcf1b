//! `DELETE FROM` as retention writes it: dates, and sources and categories with batches among them.

use super::query::{columns_exist, date, invalid, quoted, refuse_whole_scan};
use super::reply::Refusal;
use super::state::{Row, Table};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delete {
    pub(super) table: String,
    /// First and last date, where the statement has a filter.
    dates: Option<(String, String)>,
    /// Of which one must hold; without any, the dates decide.
    conditions: Vec<Condition>,
}

/// All of it must hold.
#[derive(Debug, PartialEq, Eq)]
struct Condition {
    category: Option<String>,
    source: String,
    batches: Option<Vec<String>>,
}

impl Delete {
    /// Whether the table lets the statement run.
    pub(super) fn check(&self, table: &Table) -> Result<(), Refusal> {
        if self.dates.is_none() {
            refuse_whole_scan(table, &self.table)?;
        }
        let named = |needed: &dyn Fn(&Condition) -> bool| self.conditions.iter().any(needed);
        let mut needed = vec!["dt"];
        needed.extend(named(&|_| true).then_some("source"));
        needed.extend(named(&|condition| condition.category.is_some()).then_some("category"));
        needed.extend(named(&|condition| condition.batches.is_some()).then_some("batch_id"));
        columns_exist(table, &needed)
    }

    /// How many rows are read: all rows of the partitions that are touched; none where whole partitions
    /// are dropped.
    pub(super) fn reads(&self, table: &Table) -> u64 {
        if self.conditions.is_empty() {
            return 0;
        }
        table.rows.iter().filter(|row| self.touches(row)).count() as u64
    }

    /// Whether the row goes. A value that is not there is like none.
    pub(super) fn takes(&self, row: &Row) -> bool {
        self.touches(row)
            && (self.conditions.is_empty() || self.conditions.iter().any(|one| one.takes(row)))
    }

    /// Whether the row is in a partition that is touched.
    fn touches(&self, row: &Row) -> bool {
        match (&row.dt, &self.dates) {
            (_, None) => true,
            (Some(date), Some((first, last))) => first <= date && date <= last,
            (None, Some(_)) => false,
        }
    }
}

impl Condition {
    fn takes(&self, row: &Row) -> bool {
        let category = self.category.is_none() || self.category == row.category;
        let batch = match (&self.batches, &row.batch_id) {
            (None, _) => true,
            (Some(batches), Some(batch)) => batches.contains(batch),
            (Some(_), None) => false,
        };
        category && row.source.as_ref() == Some(&self.source) && batch
    }
}

/// `DELETE FROM` with a condition; nothing where it is another statement.
pub(super) fn parse(sql: &str) -> Option<Result<Delete, Refusal>> {
    let (table, rest) = quoted(sql.strip_prefix("DELETE FROM ")?)?;
    let syntax = || invalid("Syntax error: not a DELETE that this service knows");
    // As BigQuery has it: DELETE must have a WHERE clause.
    Some(
        rest.strip_prefix(" WHERE ")
            .and_then(|filter| filtered(table, filter))
            .ok_or_else(syntax),
    )
}

fn filtered(table: String, filter: &str) -> Option<Delete> {
    let (dates, rest) = match filter.strip_prefix("dt BETWEEN ") {
        None => (None, filter),
        Some(rest) => {
            let (first, rest) = rest.split_once(" AND ")?;
            let (last, rest) = match rest.split_once(" AND ") {
                None => (rest, ""),
                Some((last, rest)) => (last, rest),
            };
            (Some((date(first)?, date(last)?)), rest)
        }
    };
    let mut conditions = Vec::new();
    if rest.is_empty() {
        dates.as_ref()?;
    } else {
        let mut rest = rest.strip_prefix('(')?;
        loop {
            let (condition, after) = condition(rest)?;
            conditions.push(condition);
            match after.strip_prefix(" OR ") {
                Some(next) => rest = next,
                None if after == ")" => break,
                None => return None,
            }
        }
    }
    Some(Delete {
        table,
        dates,
        conditions,
    })
}

/// A condition in parentheses, and what follows.
fn condition(text: &str) -> Option<(Condition, &str)> {
    let text = text.strip_prefix('(')?;
    let (category, text) = match text.strip_prefix("category = ") {
        None => (None, text),
        Some(text) => {
            let (category, text) = literal(text)?;
            (Some(category), text.strip_prefix(" AND ")?)
        }
    };
    let (source, text) = literal(text.strip_prefix("source = ")?)?;
    let (batches, text) = match text.strip_prefix(" AND batch_id IN (") {
        None => (None, text),
        Some(text) => {
            let (batches, text) = literals(text)?;
            (Some(batches), text)
        }
    };
    let condition = Condition {
        category,
        source,
        batches,
    };
    Some((condition, text.strip_prefix(')')?))
}

/// Literals up to a closing parenthesis, at least one, and what follows.
fn literals(mut text: &str) -> Option<(Vec<String>, &str)> {
    let mut all = Vec::new();
    loop {
        let (one, rest) = literal(text)?;
        all.push(one);
        match rest.strip_prefix(", ") {
            Some(next) => text = next,
            None => return Some((all, rest.strip_prefix(')')?)),
        }
    }
}

/// A text in quotes, with `\\` and `\'` for what they stand for, and what follows. Every other escape,
/// and a line that ends within the quotes, is refused.
fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('\'')?;
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()? {
                (_, escaped @ ('\\' | '\'')) => value.push(escaped),
                _ => return None,
            },
            '\n' | '\r' => return None,
            letter => value.push(letter),
        }
    }
    None
}
