//! Answering a list.

use super::Dialect;
use super::platform::{Desk, Totals};
use super::query::{ListQuery, Sort};
use super::record::{NewEvent, Row};
use crate::dice::{Dice, Purpose, fingerprint, scramble};
use crate::faults::Fault;
use crate::instant::instant;
use serde_json::Value;

/// A page.
pub(super) struct ListPage {
    pub(super) body: String,
    pub(super) rows: u64,
}

impl Desk {
    /// The body of a list.
    pub(super) fn list(&mut self, seed: u64, query: &ListQuery, faults: &[Fault]) -> ListPage {
        let ignores = self.faults.ignore_filters || faults.contains(&Fault::IgnoreFilters);
        let selected = |row: &&Row| self.shows(row) && (ignores || query.selects(row));
        let mut rows: Vec<&Row> = self.rows.iter().filter(selected).collect();
        let salt = match self.faults.unstable_ties {
            true => self.counts.requests,
            false => 0,
        };
        match query.sort {
            Sort::Id => {}
            Sort::When => rows.sort_by_key(|row| (row.when, tie(row, salt))),
            Sort::Other => rows.sort_by_key(|row| row.event.event.clone()),
        }
        if query.newest_first {
            rows.reverse();
        }
        let mut total = match self.trouble.totals {
            Totals::Selected => rows.len() as i64,
            Totals::Table => self.rows.len() as i64,
        };
        let mut page: Vec<&Row> = rows
            .into_iter()
            .skip(query.offset)
            .take(query.limit as usize)
            .collect();
        let mut dice = Dice::of(seed, Purpose::Trouble, self.counts.requests);
        for fault in faults {
            match fault {
                Fault::Duplicate if !page.is_empty() => {
                    page.push(page[dice.index(page.len())]);
                }
                Fault::Missing if !page.is_empty() => {
                    page.remove(dice.index(page.len()));
                }
                Fault::WrongTotal(by) => total += by,
                _ => {}
            }
        }
        let texts: Vec<String> = page.iter().map(|row| self.text(row)).collect();
        let rows = texts.len() as u64;
        let body = match self.dialect {
            Dialect::V2 => format!(
                "{{\"event_logs\":[{}],\"total_entries\":{total}}}",
                texts.join(",")
            ),
            Dialect::V1 => format!(
                "{{\n  \"event_logs\": [\n    {}\n  ],\n  \"total_entries\": {total}\n}}\n",
                texts.join(",\n    ")
            ),
        };
        self.churn(query, faults, &mut dice);
        ListPage { body, rows }
    }

    /// Changes the log after a response, within the window that was asked for.
    fn churn(&mut self, query: &ListQuery, faults: &[Fault], dice: &mut Dice) {
        let inside = |row: &Row| query.selects(row);
        if faults.contains(&Fault::Purge) {
            let inside: Vec<i64> = self
                .rows
                .iter()
                .filter(|row| inside(row))
                .map(|row| row.id)
                .collect();
            if !inside.is_empty() {
                let gone = inside[dice.index(inside.len())];
                self.rows.retain(|row| row.id != gone);
            }
        }
        if faults.contains(&Fault::Insert) {
            let newest = self
                .rows
                .iter()
                .filter(|row| inside(row))
                .map(|row| row.when);
            if let Some(when) = newest.max().filter(|when| *when < query.window().1) {
                self.write_now(NewEvent::at(instant(when)));
            }
        }
    }

    /// The bytes of a row in a response.
    pub(super) fn text(&self, row: &Row) -> String {
        let dag = row.event.dag_id.as_ref();
        row.text(self.dialect, dag.is_some_and(|dag| self.dags.contains(dag)))
    }

    /// The event with an id.
    pub(super) fn event(&self, id: i64) -> Option<&Row> {
        let at = self.rows.binary_search_by_key(&id, |row| row.id).ok()?;
        self.rows.get(at)
    }
}

/// The order of rows of one instant.
fn tie(row: &Row, salt: u64) -> u64 {
    match salt {
        0 => row.id.unsigned_abs(),
        salt => scramble(salt ^ fingerprint(&row.id.to_le_bytes())),
    }
}

/// What Airflow says when something is wrong.
pub(super) fn detail(dialect: Dialect, status: u16, message: &str) -> String {
    let said = Value::from(message);
    match dialect {
        Dialect::V2 => format!("{{\"detail\":{said}}}"),
        Dialect::V1 => format!(
            "{{\"detail\": {said}, \"status\": {status}, \"title\": \"Error\", \"type\": \"about:blank\"}}"
        ),
    }
}
