//! Load jobs: strict about everything that emulators let pass.

use super::reply::Refusal;
use super::server::Asked;
use super::state::{Row, State, fields, mode, name, type_name};
use super::tables::plain;
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::collections::BTreeSet;

/// Most partitions that one job may change.
const PARTITIONS: usize = 4_000;

/// What is refused before there is a job.
pub(super) fn accept(
    state: &mut State,
    load: &Value,
    location: &str,
    uploaded: bool,
) -> Result<(), Refusal> {
    let (project, dataset, table) = destination(load)?;
    plain(&table)?;
    state.dataset_at(&project, &dataset, location)?;
    let fields = fields(load);
    if fields.is_empty() || load["autodetect"] == true {
        return Err(Refusal::invalid("A strict service wants the schema"));
    }
    for field in fields {
        if !matches!(
            type_name(field),
            "STRING" | "BYTES" | "INT64" | "DATE" | "TIMESTAMP"
        ) {
            let kind = type_name(field);
            return Err(Refusal::invalid(format!("Unsupported field type: {kind}")));
        }
        if !matches!(mode(field), "NULLABLE" | "REQUIRED") {
            return Err(Refusal::invalid("Repeated fields need list inference"));
        }
    }
    if load["createDisposition"] != "CREATE_NEVER" {
        return Err(Refusal::invalid(
            "A strict service makes no tables by loads",
        ));
    }
    if load.get("schemaUpdateOptions").is_some() || load.get("hivePartitioningOptions").is_some() {
        return Err(Refusal::invalid("A strict service takes no such options"));
    }
    let write = load["writeDisposition"].as_str().unwrap_or_default();
    if !matches!(
        write,
        "WRITE_APPEND" | "WRITE_TRUNCATE" | "WRITE_TRUNCATE_DATA"
    ) {
        return Err(Refusal::invalid("Invalid value for writeDisposition"));
    }
    if uploaded {
        if load["sourceFormat"] != "NEWLINE_DELIMITED_JSON" || load.get("sourceUris").is_some() {
            return Err(Refusal::invalid("Only JSON lines are sent along"));
        }
        return Ok(());
    }
    if load["sourceFormat"] != "PARQUET" {
        return Err(Refusal::invalid("Only Parquet is loaded"));
    }
    let files = files(load);
    let plain = |file: &String| file.starts_with("gs://") && !file.contains(['*', '#']);
    if files.is_empty() || files.len() > 10_000 || !files.iter().all(plain) {
        return Err(Refusal::invalid(
            "Source URI must be a Google Cloud Storage object",
        ));
    }
    Ok(())
}

/// Does the load, or nothing.
pub(super) fn run(state: &mut State, load: &Value, content: Option<&[u8]>) -> Result<u64, Refusal> {
    let fields = fields(load);
    let mut rows = Vec::new();
    match content {
        Some(content) => lines(content, fields, &mut rows)?,
        None => {
            for uri in files(load) {
                let place = state.options.root.join(uri.trim_start_matches("gs://"));
                let content = std::fs::read(place).map_err(|_| Refusal::not_found("URI", &uri))?;
                parquet(&uri, content.into(), fields, &mut rows)?;
            }
        }
    }
    let dates: BTreeSet<_> = rows.iter().map(|row| &row.dt).collect();
    if dates.len() > PARTITIONS {
        return Err(Refusal::invalid("Too many partitions produced by job"));
    }
    let (project, dataset, table) = destination(load)?;
    let etag = format!("e{}", state.tick());
    let found = state.table(&project, &dataset, &table)?;
    let refuse = |said: String| {
        let said = format!("Provided Schema does not match Table {table}. {said}");
        Err(Refusal::invalid(said))
    };
    if load["writeDisposition"] != "WRITE_TRUNCATE" {
        let known = found.fields();
        for field in fields {
            let field_name = name(field);
            let Some(theirs) = known.iter().find(|known| name(known) == field_name) else {
                return refuse(format!("Cannot add fields (field: {field_name})"));
            };
            if type_name(theirs) != type_name(field) || mode(theirs) != mode(field) {
                let (from, to) = (mode(theirs), mode(field));
                return refuse(format!(
                    "Field {field_name} has changed mode from {from} to {to}"
                ));
            }
        }
        for theirs in known {
            let missing = fields.iter().all(|field| name(field) != name(theirs));
            if missing && mode(theirs) == "REQUIRED" {
                return refuse(format!("Field {} is missing", name(theirs)));
            }
        }
    } else {
        // What is not in the schema of the job is lost: descriptions, policy tags.
        found.told["schema"] = load["schema"].clone();
    }
    let written = rows.len() as u64;
    if load["writeDisposition"] != "WRITE_APPEND" {
        found.rows.clear();
    }
    found.rows.extend(rows);
    found.told["etag"] = etag.into();
    Ok(written)
}

/// Project, dataset and table.
fn destination(load: &Value) -> Result<(String, String, String), Refusal> {
    let part = |key: &str| {
        let part = load["destinationTable"][key].as_str();
        part.map(str::to_owned)
            .ok_or_else(|| Refusal::invalid("Required parameter is missing: destinationTable"))
    };
    Ok((part("projectId")?, part("datasetId")?, part("tableId")?))
}

fn files(load: &Value) -> Vec<String> {
    let files = load["sourceUris"].as_array().into_iter().flatten();
    files.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn parquet(
    uri: &str,
    content: Bytes,
    fields: &[Value],
    rows: &mut Vec<Row>,
) -> Result<(), Refusal> {
    let refuse = |said: String| {
        let said = format!("Error while reading data, error message: {said} File: {uri}");
        Refusal::invalid(said)
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(content)
        .and_then(|builder| builder.build())
        .map_err(|error| refuse(error.to_string()))?;
    for batch in reader {
        let batch = batch.map_err(|error| refuse(error.to_string()))?;
        let theirs: BTreeSet<(String, &str)> = batch
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), sql_type(field.data_type())))
            .collect();
        let ours = fields
            .iter()
            .map(|field| (name(field).to_owned(), type_name(field)))
            .collect();
        if theirs != ours {
            let odd: Vec<_> = theirs.symmetric_difference(&ours).collect();
            return Err(refuse(format!("Schema differs: {odd:?}")));
        }
        for field in fields.iter().filter(|field| mode(field) == "REQUIRED") {
            let column = batch.column_by_name(name(field)).unwrap();
            if column.null_count() > 0 {
                return Err(refuse(format!("Null in required field {}", name(field))));
            }
        }
        rows.extend((0..batch.num_rows()).map(|number| row(&batch, number)));
    }
    Ok(())
}

fn sql_type(kind: &DataType) -> &'static str {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => "STRING",
        DataType::Binary | DataType::LargeBinary => "BYTES",
        DataType::Int64 => "INT64",
        DataType::Date32 => "DATE",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMP",
        _ => "another type",
    }
}

fn row(batch: &RecordBatch, number: usize) -> Row {
    let text = |name: &str| {
        let column = batch.column_by_name(name)?;
        if column.is_null(number) {
            return None;
        }
        match column.data_type() {
            DataType::Utf8 => Some(column.as_string::<i32>().value(number).to_owned()),
            DataType::Date32 => {
                let days = column.as_primitive::<arrow::datatypes::Date32Type>();
                days.value_as_date(number).map(|date| date.to_string())
            }
            _ => None,
        }
    };
    Row {
        dt: text("dt"),
        category: text("category"),
        source: text("source"),
        batch_id: text("batch_id"),
        uid: text("event_uid").or_else(|| text("record_uid")),
        line: None,
    }
}

fn lines(content: &[u8], fields: &[Value], rows: &mut Vec<Row>) -> Result<(), Refusal> {
    let refuse = |number: usize, said: &str| {
        let said = format!("Error while reading data, error message: line {number}: {said}");
        Refusal::invalid(said)
    };
    let content = std::str::from_utf8(content).map_err(|_| refuse(0, "not UTF-8"))?;
    for (number, line) in content
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        let value: Value = serde_json::from_str(line).map_err(|_| refuse(number, "not JSON"))?;
        let members = value
            .as_object()
            .ok_or_else(|| refuse(number, "no object"))?;
        for key in members.keys() {
            if fields.iter().all(|field| name(field) != key) {
                return Err(refuse(number, &format!("No such field: {key}.")));
            }
        }
        for field in fields {
            let value = value.get(name(field)).unwrap_or(&Value::Null);
            let fits = match (value, type_name(field)) {
                (Value::Null, _) => mode(field) == "NULLABLE",
                (Value::Number(number), kind) => kind == "INT64" && !number.is_f64(),
                (Value::String(text), "INT64") => text.parse::<i64>().is_ok(),
                (Value::String(text), "DATE") => text.parse::<chrono::NaiveDate>().is_ok(),
                (Value::String(_), _) => true,
                _ => false,
            };
            if !fits {
                return Err(refuse(number, &format!("Invalid field {}", name(field))));
            }
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        rows.push(Row {
            dt: text("dt"),
            category: text("category"),
            source: text("source"),
            batch_id: text("batch_id"),
            uid: text("event_uid"),
            line: Some(line.to_owned()),
        });
    }
    Ok(())
}

/// The two parts of an upload: the job and the content.
pub(super) fn parts(asked: &Asked) -> Result<(Value, Vec<u8>), Refusal> {
    let bad = || Refusal::invalid("Malformed multipart body.");
    if asked.query.get("uploadType").map(String::as_str) != Some("multipart") {
        return Err(Refusal::invalid("Unsupported uploadType"));
    }
    let boundary = asked
        .content_type
        .strip_prefix("multipart/related; boundary=");
    let mark = format!("--{}", boundary.ok_or_else(bad)?);
    let body = String::from_utf8(asked.body.to_vec()).map_err(|_| bad())?;
    let pieces: Vec<&str> = body.split(mark.as_str()).collect();
    let ["", job, content, "--\r\n"] = pieces[..] else {
        return Err(bad());
    };
    let content_of = |part: &str| {
        let (_, content) = part.split_once("\r\n\r\n")?;
        content.strip_suffix("\r\n").map(str::to_owned)
    };
    let job = content_of(job).ok_or_else(bad)?;
    let content = content_of(content).ok_or_else(bad)?;
    let job = serde_json::from_str(&job).map_err(|_| bad())?;
    Ok((job, content.into_bytes()))
}
