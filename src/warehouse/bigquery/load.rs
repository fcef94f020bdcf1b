//! What a load job is asked to do, and what must never be asked, pure.
//!
//! The service loads by name and type into columns that exist; nothing is guessed from files and no
//! column comes or goes by a load. Emulators take what BigQuery refuses: a `JSON` column from
//! Parquet, `table$20261101` as a table of that name, a pattern across folders. [`check`] refuses it
//! before it is sent, looking at the request itself, however it was made.

use super::types::type_name;
use crate::event::schema::Column;
use serde_json::{Value, json};

/// Most files of one job (quotas, "Load jobs").
const FILES: usize = 10_000;

/// Type names that Parquet can be loaded into, of those that this program has.
const TYPES: [&str; 5] = ["STRING", "BYTES", "INT64", "DATE", "TIMESTAMP"];

/// Where the rows come from.
pub(super) enum LoadFrom<'a> {
    /// Parquet files.
    Files(&'a [String]),
    /// Lines of JSON that are sent along.
    Lines,
}

/// What happens to the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// They stay.
    Append,
    /// They go, in the same step. `WRITE_TRUNCATE` would take the schema of the job for that of the
    /// table, and with it descriptions and policy tags; `WRITE_TRUNCATE_DATA` keeps it.
    Replace,
}

/// The `load` part of a job's configuration. `table` is the whole reference.
pub(super) fn configuration(
    table: &Value,
    columns: &[Column],
    from: &LoadFrom<'_>,
    write: Write,
) -> Value {
    let mut load = json!({
        "destinationTable": table,
        "schema": {"fields": columns.iter().map(field).collect::<Vec<_>>()},
        "autodetect": false,
        "createDisposition": "CREATE_NEVER",
        "writeDisposition": match write {
            Write::Append => "WRITE_APPEND",
            Write::Replace => "WRITE_TRUNCATE_DATA",
        },
        // One row that does not fit fails the job, so that no row is left out silently.
        "maxBadRecords": 0,
        "ignoreUnknownValues": false,
    });
    let more = match from {
        LoadFrom::Files(files) => json!({
            "sourceFormat": "PARQUET",
            "sourceUris": files,
            // No column is a list. If one ever is, its rows must not hide in `list.element`.
            "parquetOptions": {"enableListInference": true, "enumAsString": true},
        }),
        LoadFrom::Lines => json!({"sourceFormat": "NEWLINE_DELIMITED_JSON"}),
    };
    if let (Some(load), Value::Object(more)) = (load.as_object_mut(), more) {
        load.extend(more);
    }
    load
}

/// A column in the words of the API.
pub(super) fn field(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": type_name(column.kind),
        "mode": if column.required { "REQUIRED" } else { "NULLABLE" },
    })
}

/// Refuses what an emulator may take and BigQuery does not, or does otherwise.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn check(load: &Value) -> Result<(), String> {
    let table = load.pointer("/destinationTable/tableId");
    table_name(table.and_then(Value::as_str).unwrap_or_default())?;
    let fields = load.pointer("/schema/fields").and_then(Value::as_array);
    let fields = fields.filter(|fields| !fields.is_empty());
    for field in fields.ok_or("a load must say its columns")? {
        let text = |key: &str| field.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, kind, mode) = (text("name"), text("type"), text("mode"));
        if !TYPES.contains(&kind) {
            return Err(format!("column {name}: Parquet cannot be loaded as {kind}"));
        }
        if !matches!(mode, "NULLABLE" | "REQUIRED") {
            return Err(format!("column {name}: a column is no list, but {mode}"));
        }
    }
    if let Some(option) = ["schemaUpdateOptions", "hivePartitioningOptions"]
        .iter()
        .find(|option| load.get(**option).is_some())
    {
        return Err(format!("a load has no {option}"));
    }
    if load.get("sourceFormat").and_then(Value::as_str) == Some("PARQUET") {
        let files = load.get("sourceUris").and_then(Value::as_array);
        files_of(files.map_or(&[][..], Vec::as_slice))?;
    }
    Ok(())
}

fn files_of(files: &[Value]) -> Result<(), String> {
    if files.is_empty() {
        return Err("a load must name its files".to_owned());
    }
    if files.len() > FILES {
        let count = files.len();
        return Err(format!("a load has at most {FILES} files, not {count}"));
    }
    for file in files {
        let name = file.as_str().unwrap_or_default();
        let place = name.strip_prefix("gs://").unwrap_or_default();
        let whole = place
            .split_once('/')
            .is_some_and(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
        if !whole {
            return Err(format!(
                "BigQuery loads from gs://bucket/name, not from {name}"
            ));
        }
        // A pattern may load files of others; after `#` stands a generation, which loads refuse.
        if name.contains(['*', '#', '?', '[']) {
            return Err(format!("{name} is not the name of one file"));
        }
    }
    Ok(())
}

/// Refuses names that stand for a part of a table (`$20261101`) or its past (`@`), and those that
/// would have to be quoted.
///
/// # Errors
/// What is wrong, for people.
pub(super) fn table_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if (1..=1024).contains(&name.len()) && name.chars().all(plain) {
        Ok(())
    } else {
        Err(format!(
            "`{name}` is not the name of a table: letters, digits and `_` only"
        ))
    }
}

#[cfg(test)]
mod tests;
