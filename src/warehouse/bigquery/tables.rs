//! Tables and views as the API speaks of them, pure. What comes back is read as raw JSON: the typed
//! client fails on types and properties that it does not know, and would drop them from a change.

use super::load::field;
use super::types::in_sql;
use crate::warehouse::contract::{ColumnFound, DatasetFound, TableFound, TableShape, ViewShape};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A dataset as the service told it.
///
/// # Errors
/// What is missing or is not what it should be.
pub(super) fn dataset(told: &Value) -> Result<DatasetFound, String> {
    let location = text(told, "/location");
    if location.is_empty() {
        return Err("the answer lacks the location".to_owned());
    }
    let time_travel = number(told, "/maxTimeTravelHours")?.map(u32::try_from);
    let time_travel = time_travel.transpose();
    Ok(DatasetFound {
        location: location.to_owned(),
        labels: labels(told),
        time_travel: time_travel.map_err(|_| "maxTimeTravelHours is too large".to_owned())?,
        table_expiration: number(told, "/defaultTableExpirationMs")?,
        partition_expiration: number(told, "/defaultPartitionExpirationMs")?,
    })
}

/// The body that makes a table.
pub(super) fn to_create(
    reference: &Value,
    shape: &TableShape,
    labels: &BTreeMap<String, String>,
) -> Value {
    let fields = shape.columns.iter().map(|column| {
        let mut field = field(column);
        field["description"] = json!(column.meaning);
        field
    });
    let mut body = json!({
        "tableReference": reference,
        "description": shape.description,
        "labels": labels,
        "schema": {"fields": fields.collect::<Vec<_>>()},
    });
    if let Some(partition) = shape.partition {
        body["timePartitioning"] = json!({"type": "DAY", "field": partition});
    }
    if !shape.clustering.is_empty() {
        body["clustering"] = json!({"fields": shape.clustering});
    }
    if shape.require_partition_filter {
        body["requirePartitionFilter"] = json!(true);
    }
    if let Some(expires_at) = shape.expires_at {
        body["expirationTime"] = json!(expires_at.to_string());
    }
    body
}

/// A table as the service told it.
///
/// # Errors
/// What is missing or is not what it should be.
pub(super) fn found(name: &str, told: Value) -> Result<TableFound, String> {
    let incarnation = number(&told, "/creationTime")?.ok_or("the answer lacks creationTime")?;
    let kind = text(&told, "/type");
    if kind.is_empty() {
        return Err("the answer lacks type".to_owned());
    }
    let rows = number(&told, "/numRows")?;
    if rows.is_none() && kind == "TABLE" {
        return Err("the answer lacks numRows".to_owned());
    }
    let by_days = text(&told, "/timePartitioning/type") == "DAY";
    let clustering = list(&told, "/clustering/fields");
    let fields = list(&told, "/schema/fields").iter().map(|field| {
        let name = text(field, "/name");
        let kind = text(field, "/type");
        if name.is_empty() || kind.is_empty() {
            return Err("a column lacks its name or its type".to_owned());
        }
        let mode = match text(field, "/mode") {
            "" => "NULLABLE",
            mode => mode,
        };
        Ok(ColumnFound {
            name: name.to_owned(),
            kind: in_sql(kind).to_owned(),
            mode: mode.to_owned(),
            description: text(field, "/description").to_owned(),
        })
    });
    Ok(TableFound {
        name: name.to_owned(),
        incarnation,
        rows: rows.unwrap_or(0),
        labels: labels(&told),
        description: text(&told, "/description").to_owned(),
        columns: fields.collect::<Result<_, _>>()?,
        partition: by_days
            .then(|| text(&told, "/timePartitioning/field").to_owned())
            .filter(|field| !field.is_empty()),
        partition_expiration: number(&told, "/timePartitioning/expirationMs")?,
        expires_at: expires_at(&told)?,
        clustering: clustering
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        require_partition_filter: demands_filter(&told),
        kind: kind.to_owned(),
        view: (kind == "VIEW").then(|| text(&told, "/view/query").to_owned()),
        told,
    })
}

/// The properties that a table must be given to have what `shape` and `labels` have; `None` where it
/// has it all. A property that is sent is sent whole, as it was told, with what is added: BigQuery
/// replaces it, and what is not sent stays.
pub(super) fn to_extend(
    told: &Value,
    shape: &TableShape,
    labels: &BTreeMap<String, String>,
) -> Option<Value> {
    let mut changes = Map::new();
    if text(told, "/description").is_empty() && !shape.description.is_empty() {
        changes.insert("description".to_owned(), json!(shape.description));
    }
    if let Some(labels) = with_labels(told, labels, false) {
        changes.insert("labels".to_owned(), labels);
    }
    if shape.require_partition_filter && !demands_filter(told) {
        changes.insert("requirePartitionFilter".to_owned(), json!(true));
    }
    if let Some(schema) = with_columns(told, shape) {
        changes.insert("schema".to_owned(), schema);
    }
    (!changes.is_empty()).then_some(Value::Object(changes))
}

/// The schema as it was told with the columns and descriptions that it lacks.
fn with_columns(told: &Value, shape: &TableShape) -> Option<Value> {
    let mut schema = told.get("schema").cloned().unwrap_or_else(|| json!({}));
    let mut fields = list(told, "/schema/fields").to_vec();
    let mut changed = false;
    for column in shape.columns {
        // Names differ by more than case.
        let known = fields
            .iter_mut()
            .find(|field| text(field, "/name").eq_ignore_ascii_case(column.name));
        match known {
            Some(known) if text(known, "/description").is_empty() => {
                known["description"] = json!(column.meaning);
                changed = true;
            }
            Some(_) => {}
            None => {
                let mut added = field(column);
                // Rows that are there have no value, so BigQuery takes no column that demands one.
                added["mode"] = json!("NULLABLE");
                added["description"] = json!(column.meaning);
                fields.push(added);
                changed = true;
            }
        }
    }
    schema["fields"] = Value::Array(fields);
    changed.then_some(schema)
}

/// Whether partitions of the table can be made to expire after so many milliseconds.
///
/// # Errors
/// Why not.
pub(super) fn may_expire(found: &TableFound, after: Option<u64>) -> Result<(), String> {
    if found.partition.is_none() {
        return Err("it is not partitioned by the days of a column".to_owned());
    }
    if after == Some(0) {
        return Err("partitions cannot expire after no time".to_owned());
    }
    Ok(())
}

/// The partitioning that a table must be given so that its partitions expire after so many
/// milliseconds, or never; `None` where it is so. The rest of it is sent as it was told.
pub(super) fn to_expire(told: &Value, after: Option<u64>) -> Option<Value> {
    let now = number(told, "/timePartitioning/expirationMs");
    if now == Ok(after) {
        return None;
    }
    let mut partitioning = told.get("timePartitioning")?.clone();
    // The API writes numbers as text, and takes a property away where null is sent for it.
    partitioning["expirationMs"] = json!(after.map(|after| after.to_string()));
    Some(json!({"timePartitioning": partitioning}))
}

/// When the service removes a table or view.
fn expires_at(told: &Value) -> Result<Option<i64>, String> {
    let expires_at = number(told, "/expirationTime")?.map(i64::try_from);
    let expires_at = expires_at.transpose();
    expires_at.map_err(|_| "expirationTime is too large".to_owned())
}

/// What a table or view must be given to stay; `None` where it stays.
pub(super) fn to_keep(told: &Value) -> Option<Value> {
    let expires = told.get("expirationTime").is_some_and(|it| !it.is_null());
    // The API takes a property away where null is sent for it.
    expires.then(|| json!({"expirationTime": null}))
}

/// The body that makes a view.
pub(super) fn to_create_view(
    reference: &Value,
    view: &ViewShape,
    labels: &BTreeMap<String, String>,
) -> Value {
    json!({
        "tableReference": reference,
        "description": view.description,
        "labels": labels,
        "view": {"query": view.sql, "useLegacySql": false},
    })
}

/// What a view must be given to be this one; `None` where it is. Labels of others stay.
pub(super) fn to_replace_view(
    told: &Value,
    view: &ViewShape,
    labels: &BTreeMap<String, String>,
) -> Option<Value> {
    let mut changes = Map::new();
    if text(told, "/description") != view.description {
        changes.insert("description".to_owned(), json!(view.description));
    }
    if let Some(labels) = with_labels(told, labels, true) {
        changes.insert("labels".to_owned(), labels);
    }
    let legacy = told.pointer("/view/useLegacySql").and_then(Value::as_bool);
    if text(told, "/view/query") != view.sql || legacy == Some(true) {
        let mut definition = told.get("view").cloned().unwrap_or_else(|| json!({}));
        definition["query"] = json!(view.sql);
        definition["useLegacySql"] = json!(false);
        changes.insert("view".to_owned(), definition);
    }
    (!changes.is_empty()).then_some(Value::Object(changes))
}

/// All labels with those that are missing, or `None` where none is. A label that is there with
/// another value is somebody's, unless the thing is ours (`replace`).
fn with_labels(told: &Value, labels: &BTreeMap<String, String>, replace: bool) -> Option<Value> {
    let mut all = told.get("labels").cloned().unwrap_or_else(|| json!({}));
    let mut changed = false;
    for (key, value) in labels {
        let there = all.get(key).and_then(Value::as_str);
        if there.is_none() || (replace && there != Some(value)) {
            all[key.as_str()] = json!(value);
            changed = true;
        }
    }
    changed.then_some(all)
}

/// The labels of a dataset or a table.
fn labels(told: &Value) -> BTreeMap<String, String> {
    let labels = told.get("labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    labels
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Newer tables have the demand on top, older ones in the partitioning.
fn demands_filter(told: &Value) -> bool {
    let demanded = |pointer| told.pointer(pointer).and_then(Value::as_bool) == Some(true);
    demanded("/requirePartitionFilter") || demanded("/timePartitioning/requirePartitionFilter")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// A number, which the API writes as text; absent is not zero.
pub(super) fn number(value: &Value, pointer: &str) -> Result<Option<u64>, String> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{} is no number", &pointer[1..])),
        },
        Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64()),
        Some(_) => Err(format!("{} is no number", &pointer[1..])),
    }
}

#[cfg(test)]
mod tests;
