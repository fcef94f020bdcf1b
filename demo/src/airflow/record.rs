//! One event, and how it is written in a response.

use super::Dialect;
use crate::instant::{nanos, write_date};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// An event that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// When it is made.
    pub when: DateTime<Utc>,
    /// How long after that it is written: until then nobody sees it, and its id follows those that are written
    /// before.
    pub late: TimeDelta,
    /// What happened.
    pub event: String,
    /// Who did it.
    pub owner: Option<String>,
    /// The rest, mostly a JSON object as text.
    pub extra: Option<String>,
    /// The DAG.
    pub dag_id: Option<String>,
    /// The task.
    pub task_id: Option<String>,
    /// The run.
    pub run_id: Option<String>,
    /// The number of the try.
    pub try_number: Option<u32>,
}

impl NewEvent {
    /// Somebody has changed a variable.
    pub fn at(when: DateTime<Utc>) -> Self {
        Self {
            when,
            late: TimeDelta::zero(),
            event: "patch_variable".to_owned(),
            owner: Some("admin".to_owned()),
            extra: Some("{\"key\": \"k\", \"value\": \"***\", \"method\": \"PATCH\"}".to_owned()),
            dag_id: None,
            task_id: None,
            run_id: None,
            try_number: None,
        }
    }

    /// Somebody has triggered a DAG.
    pub fn of_dag(dag: impl Into<String>, when: DateTime<Utc>) -> Self {
        Self {
            event: "trigger_dag_run".to_owned(),
            extra: Some("{\"conf\": {}, \"method\": \"POST\"}".to_owned()),
            dag_id: Some(dag.into()),
            ..Self::at(when)
        }
    }

    /// When it is written.
    pub(super) fn written(&self) -> i64 {
        nanos(self.when + self.late)
    }
}

/// An event that was written, and whether lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub id: i64,
    /// When it was made.
    pub when: DateTime<Utc>,
    /// Whether lists leave it out.
    pub is_hidden: bool,
    /// Its bytes in a response.
    pub text: String,
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: i64,
    /// Nanoseconds, of whole microseconds.
    pub(super) when: i64,
    pub(super) event: NewEvent,
}

impl Row {
    /// Its bytes in a response. Only a DAG that is known has a name to show.
    pub(super) fn text(&self, dialect: Dialect, has_dag: bool) -> String {
        let event = &self.event;
        let text = |text: &Option<String>| match text {
            Some(text) => Value::from(text.as_str()).to_string(),
            None => "null".to_owned(),
        };
        let number = |number: Option<u32>| number.map_or("null".to_owned(), |it| it.to_string());
        let map_index = event.try_number.map_or("null", |_| "-1");
        let (id, name) = (self.id, Value::from(event.event.as_str()));
        let (dag, task, run) = (
            text(&event.dag_id),
            text(&event.task_id),
            text(&event.run_id),
        );
        let (owner, extra, tries) = (
            text(&event.owner),
            text(&event.extra),
            number(event.try_number),
        );
        let when = self.date(dialect);
        let (dag_name, task_name) = match has_dag {
            true => (dag.as_str(), task.as_str()),
            false => ("null", "null"),
        };
        match dialect {
            Dialect::V2 => format!(
                "{{\"event_log_id\":{id},\"when\":\"{when}\",\"dag_id\":{dag},\"task_id\":{task},\
                 \"run_id\":{run},\"map_index\":{map_index},\"try_number\":{tries},\"event\":{name},\
                 \"logical_date\":null,\"owner\":{owner},\"extra\":{extra},\"dag_display_name\":{dag_name},\
                 \"task_display_name\":{task_name}}}"
            ),
            Dialect::V1 => format!(
                "{{\n      \"dag_id\": {dag},\n      \"event\": {name},\n      \"event_log_id\": {id},\n      \
                 \"execution_date\": null,\n      \"extra\": {extra},\n      \"map_index\": {map_index},\n      \
                 \"owner\": {owner},\n      \"run_id\": {run},\n      \"task_id\": {task},\n      \
                 \"try_number\": {tries},\n      \"when\": \"{when}\"\n    }}"
            ),
        }
    }

    /// As Python writes it: without a fraction where there is none.
    fn date(&self, dialect: Dialect) -> String {
        let digits = match self.when.rem_euclid(crate::instant::SECOND) {
            0 => 0,
            _ => 6,
        };
        let mut date = Vec::new();
        write_date(&mut date, self.when, digits);
        let date = String::from_utf8(date).unwrap_or_default();
        match dialect {
            Dialect::V2 => date,
            Dialect::V1 => date.replace('Z', "+00:00"),
        }
    }
}
