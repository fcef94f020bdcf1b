//! What the fake remembers.

use super::Options;
use super::faults::Faults;
use super::reply::Refusal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A row, by what tells rows apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Row {
    /// Its date.
    pub dt: Option<String>,
    /// Its category, where the table has one.
    pub category: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// Its batch.
    pub batch_id: Option<String>,
    /// `event_uid`, or `record_uid` of a quarantined record.
    pub uid: Option<String>,
    /// The line it came from, where it was uploaded.
    pub line: Option<String>,
}

/// A table or a view.
#[derive(Debug, Clone)]
pub struct Table {
    /// What the service tells, apart from what is counted.
    pub(super) told: Value,
    pub(super) rows: Vec<Row>,
    pub(super) created: u64,
}

#[derive(Debug, Default)]
pub(super) struct Dataset {
    pub(super) told: Value,
    pub(super) tables: BTreeMap<String, Table>,
}

/// How a job ends.
pub(super) type End = Result<Ended, Refusal>;

/// Names of columns and rows of a query.
pub(super) type Returned = (Vec<&'static str>, Vec<Vec<Option<String>>>);

/// What a job has to show for itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    pub(super) output_rows: Option<u64>,
    /// Rows that a statement changed; none for what is no such statement, or a script.
    pub(super) affected_rows: Option<u64>,
    pub(super) bytes: u64,
    pub(super) result: Option<Returned>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) configuration: Value,
    pub(super) content: Option<Vec<u8>>,
    /// How often it has been asked for.
    pub(super) polls: u32,
    pub(super) end: Option<End>,
    /// Ends with this reason.
    pub(super) fails: Option<&'static str>,
    /// Says so many rows fewer.
    pub(super) says_fewer: u64,
}

/// Project, location (upper case) and id: within these an id is unique.
pub(super) type JobKey = (String, String, String);

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) datasets: BTreeMap<(String, String), Dataset>,
    pub(super) jobs: BTreeMap<JobKey, Job>,
    pub(super) faults: Faults,
    /// The only bearer token that is taken.
    pub(super) bearer: Option<String>,
    /// The newest `Authorization` header.
    pub(super) authorization: Option<String>,
    ticks: u64,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            datasets: BTreeMap::new(),
            jobs: BTreeMap::new(),
            faults: Faults::default(),
            bearer: None,
            authorization: None,
            ticks: 0,
        }
    }

    /// A moment that has not been before, in milliseconds.
    pub(super) fn tick(&mut self) -> u64 {
        self.ticks += 1;
        1_764_061_200_000 + self.ticks
    }

    pub(super) fn admits(&mut self, authorization: Option<&str>) -> bool {
        self.authorization = authorization.map(str::to_owned);
        match &self.bearer {
            None => true,
            Some(bearer) => authorization == Some(&format!("Bearer {bearer}")),
        }
    }

    pub(super) fn dataset(&mut self, project: &str, name: &str) -> Result<&mut Dataset, Refusal> {
        let key = (project.to_owned(), name.to_owned());
        self.datasets
            .get_mut(&key)
            .ok_or_else(|| Refusal::not_found("Dataset", format_args!("{project}:{name}")))
    }

    pub(super) fn table(
        &mut self,
        project: &str,
        dataset: &str,
        name: &str,
    ) -> Result<&mut Table, Refusal> {
        self.dataset(project, dataset)?
            .tables
            .get_mut(name)
            .ok_or_else(|| Refusal::not_found("Table", format_args!("{project}:{dataset}.{name}")))
    }

    /// The dataset, if it is at this location.
    pub(super) fn dataset_at(
        &mut self,
        project: &str,
        name: &str,
        location: &str,
    ) -> Result<&mut Dataset, Refusal> {
        let dataset = self.dataset(project, name)?;
        let there = dataset.told["location"].as_str().unwrap();
        if there.eq_ignore_ascii_case(location) {
            return Ok(dataset);
        }
        Err(Refusal::not_found(
            "Dataset",
            format_args!("{project}:{name} was not found in location {location}"),
        ))
    }
}

impl Table {
    /// As tables.get tells it.
    pub(super) fn tell(&self) -> Value {
        let mut told = self.told.clone();
        told["creationTime"] = json!(self.created.to_string());
        if told["type"] == "TABLE" {
            told["numRows"] = json!(self.rows.len().to_string());
        }
        told
    }

    /// The fields of its schema.
    pub(super) fn fields(&self) -> &[Value] {
        fields(&self.told)
    }

    pub(super) fn demands_filter(&self) -> bool {
        self.told["requirePartitionFilter"] == true
    }
}

/// The fields of a schema in anything that has one.
pub(super) fn fields(value: &Value) -> &[Value] {
    let fields = value.pointer("/schema/fields").and_then(Value::as_array);
    fields.map_or(&[], Vec::as_slice)
}

/// A type by one of its names.
pub(super) fn type_name(field: &Value) -> &str {
    match field["type"].as_str().unwrap_or_default() {
        "INTEGER" => "INT64",
        "FLOAT" => "FLOAT64",
        "BOOLEAN" => "BOOL",
        "RECORD" => "STRUCT",
        other => other,
    }
}

pub(super) fn name(field: &Value) -> &str {
    field["name"].as_str().unwrap_or_default()
}

pub(super) fn mode(field: &Value) -> &str {
    field["mode"].as_str().unwrap_or("NULLABLE")
}
