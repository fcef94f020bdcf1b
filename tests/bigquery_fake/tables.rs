//! Datasets, tables and views.

use super::reply::Refusal;
use super::server::Asked;
use super::state::{Dataset, State, Table, fields, mode, name, type_name};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use trailhouse::warehouse::bigquery::check_labels;

pub(super) fn get_dataset(state: &mut State, project: &str, name: &str) -> Result<Value, Refusal> {
    Ok(state.dataset(project, name)?.told.clone())
}

pub(super) fn create_dataset(
    state: &mut State,
    project: &str,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let mut told = asked.json()?;
    let name = text(&told, "/datasetReference/datasetId")?;
    labels(&told)?;
    if told.get("location").is_none() {
        told["location"] = json!("US");
    }
    if told.get("maxTimeTravelHours").is_none() {
        told["maxTimeTravelHours"] = json!("168");
    }
    let key = (project.to_owned(), name.clone());
    if state.datasets.contains_key(&key) {
        return Err(Refusal::exists("Dataset", format_args!("{project}:{name}")));
    }
    told["kind"] = json!("bigquery#dataset");
    told["etag"] = json!(format!("d{}", state.tick()));
    let dataset = Dataset {
        told: told.clone(),
        tables: BTreeMap::new(),
    };
    state.datasets.insert(key, dataset);
    Ok(told)
}

pub(super) fn get(
    state: &mut State,
    project: &str,
    dataset: &str,
    table: &str,
) -> Result<Value, Refusal> {
    Ok(state.table(project, dataset, table)?.tell())
}

pub(super) fn create(
    state: &mut State,
    project: &str,
    dataset: &str,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let mut told = asked.json()?;
    let table = text(&told, "/tableReference/tableId")?;
    plain(&table)?;
    labels(&told)?;
    let created = state.tick();
    let of_dataset = state.dataset(project, dataset)?.told.clone();
    let location = of_dataset["location"].clone();
    if state.table(project, dataset, &table).is_ok() {
        let name = format_args!("{project}:{dataset}.{table}");
        return Err(Refusal::exists("Table", name));
    }
    told["kind"] = json!("bigquery#table");
    told["id"] = json!(format!("{project}:{dataset}.{table}"));
    told["location"] = location;
    told["etag"] = json!(format!("e{created}"));
    if told.get("view").is_some() {
        told["type"] = json!("VIEW");
        told["schema"] = json!({"fields": [{"name": "f0_", "type": "INTEGER"}]});
    } else {
        told["type"] = json!("TABLE");
        for field in fields(&told) {
            if let "JSON" | "" = type_name(field) {
                return Err(Refusal::invalid(format!("Invalid field {}", name(field))));
            }
        }
        legacy_types(&mut told);
        sorted_out(&told)?;
    }
    default_expiration(&mut told, &of_dataset, created)?;
    let table_ = Table {
        told,
        rows: Vec::new(),
        created,
    };
    let answer = table_.tell();
    let dataset = state.dataset(project, dataset)?;
    dataset.tables.insert(table, table_);
    Ok(answer)
}

/// What a new table or view takes from its dataset. An explicit value takes precedence, and null is no
/// value. A partitioned table takes the default of partitions alone where there is one.
fn default_expiration(told: &mut Value, dataset: &Value, created: u64) -> Result<(), Refusal> {
    if told["expirationTime"].is_null()
        && let Some(told) = told.as_object_mut()
    {
        told.remove("expirationTime");
    }
    let default = |name: &str| match &dataset[name] {
        Value::Null => Ok(None),
        Value::String(after) => after.parse::<u64>().map(Some),
        other => panic!("{name} is text to the API, not {other}"),
    };
    let invalid = |_| Refusal::invalid("Invalid default expiration");
    let of_partitions = default("defaultPartitionExpirationMs").map_err(invalid)?;
    let of_tables = default("defaultTableExpirationMs").map_err(invalid)?;
    if let Some(after) = of_partitions
        && told.get("timePartitioning").is_some()
    {
        if told["timePartitioning"]["expirationMs"].is_null() {
            told["timePartitioning"]["expirationMs"] = json!(after.to_string());
        }
    } else if let Some(after) = of_tables
        && told.get("expirationTime").is_none()
    {
        told["expirationTime"] = json!((created + after).to_string());
    }
    Ok(())
}

/// The partition and the clustering must be columns.
fn sorted_out(told: &Value) -> Result<(), Refusal> {
    let known: Vec<&str> = fields(told).iter().map(name).collect();
    let partition = told.pointer("/timePartitioning/field").into_iter();
    let clustering = told.pointer("/clustering/fields").and_then(Value::as_array);
    let clustering = clustering.map(Vec::as_slice).unwrap_or_default();
    if clustering.len() > 4 {
        return Err(Refusal::invalid("Too many clustering fields"));
    }
    for field in partition.chain(clustering) {
        if !known.contains(&field.as_str().unwrap_or_default()) {
            return Err(Refusal::invalid(format!("Invalid field: {field}")));
        }
    }
    if told["requirePartitionFilter"] == true && told.get("timePartitioning").is_none() {
        return Err(Refusal::invalid(
            "require_partition_filter without partitions",
        ));
    }
    Ok(())
}

/// Replaces the properties that are sent, each as a whole.
pub(super) fn patch(
    state: &mut State,
    (project, dataset, table): (&str, &str, &str),
    asked: &Asked,
) -> Result<Value, Refusal> {
    let body = asked.json()?;
    labels(&body)?;
    let etag = format!("e{}", state.tick());
    let found = state.table(project, dataset, table)?;
    if let Some(wanted) = &asked.if_match
        && found.told["etag"] != wanted.as_str()
    {
        return Err(Refusal::new("conditionNotMet", "Precondition Failed"));
    }
    let mut told = found.told.clone();
    for (property, value) in body.as_object().into_iter().flatten() {
        if property == "schema" {
            additive(fields(&told), fields(&body), table)?;
        }
        if property == "timePartitioning" {
            told[property.as_str()] = partitioning(&told[property.as_str()], value)?;
            continue;
        }
        if property == "expirationTime"
            && value.is_null()
            && let Some(told) = told.as_object_mut()
        {
            told.remove(property);
            continue;
        }
        told[property.as_str()] = value.clone();
    }
    legacy_types(&mut told);
    told["etag"] = json!(etag);
    found.told = told;
    Ok(found.tell())
}

/// Of how a table is partitioned nothing can be changed but when partitions expire. Null takes that
/// away; zero is no time.
fn partitioning(before: &Value, sent: &Value) -> Result<Value, Refusal> {
    let mut now = sent.clone();
    match sent.get("expirationMs") {
        None | Some(Value::Null) => {
            if let Some(now) = now.as_object_mut() {
                now.remove("expirationMs");
            }
        }
        Some(Value::String(after)) if after.parse::<u64>().is_ok_and(|after| after > 0) => {}
        Some(_) => return Err(Refusal::invalid("Invalid value for expirationMs")),
    }
    let kept = |value: &Value| [value["type"].clone(), value["field"].clone()];
    if kept(before) != kept(&now) {
        let said = "Cannot change partitioning spec for a partitioned table";
        return Err(Refusal::invalid(said));
    }
    Ok(now)
}

/// A schema may only grow, by columns that demand nothing.
fn additive(before: &[Value], after: &[Value], table: &str) -> Result<(), Refusal> {
    let refuse = |said: String| {
        let said = format!("Provided Schema does not match Table {table}. {said}");
        Err(Refusal::invalid(said))
    };
    for field in before {
        let known = name(field);
        let Some(now) = after.iter().find(|field| name(field) == known) else {
            return refuse(format!("Field {known} is missing in new schema"));
        };
        if type_name(now) != type_name(field) {
            return refuse(format!("Field {known} has changed type"));
        }
        if mode(now) != mode(field) && mode(now) != "NULLABLE" {
            return refuse(format!("Field {known} has changed mode"));
        }
    }
    for field in after {
        let added = before.iter().all(|known| name(known) != name(field));
        if added && mode(field) == "REQUIRED" {
            return refuse(format!("Cannot add required field {}", name(field)));
        }
    }
    Ok(())
}

pub(super) fn delete(
    state: &mut State,
    project: &str,
    dataset: &str,
    table: &str,
) -> Result<Value, Refusal> {
    state.table(project, dataset, table)?;
    state.dataset(project, dataset)?.tables.remove(table);
    Ok(Value::Null)
}

/// A name that stands for a whole table.
pub(super) fn plain(table: &str) -> Result<(), Refusal> {
    let taken = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !table.is_empty() && table.chars().all(taken) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Invalid table ID \"{table}\".")))
}

pub(super) fn labels(body: &Value) -> Result<(), Refusal> {
    let Some(labels) = body.get("labels") else {
        return Ok(());
    };
    let labels = serde_json::from_value(labels.clone());
    let labels = labels.map_err(|_| Refusal::invalid("Labels must be text"))?;
    check_labels(&labels).map_err(Refusal::invalid)
}

/// The service answers with the names of legacy SQL, whatever it was told.
fn legacy_types(told: &mut Value) {
    let fields = told.pointer_mut("/schema/fields");
    for field in fields.and_then(Value::as_array_mut).into_iter().flatten() {
        let legacy = match type_name(field) {
            "INT64" => "INTEGER",
            "BOOL" => "BOOLEAN",
            "FLOAT64" => "FLOAT",
            "STRUCT" => "RECORD",
            other => other,
        };
        field["type"] = json!(legacy);
    }
}

fn text(value: &Value, pointer: &str) -> Result<String, Refusal> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    let missing = || Refusal::invalid(format!("Required parameter is missing: {pointer}"));
    text.map(str::to_owned).ok_or_else(missing)
}
