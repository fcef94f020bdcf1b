use super::*;
use crate::event::schema::EVENT_COLUMNS;

fn table(name: &str) -> Value {
    json!({"projectId": "p", "datasetId": "d", "tableId": name})
}

fn files() -> Vec<String> {
    vec!["gs://lake/x/events/date=2026-01-01/cat=a/src=b/r-000.parquet".to_owned()]
}

fn good() -> Value {
    let files = files();
    configuration(
        &table("audit_events"),
        EVENT_COLUMNS,
        &LoadFrom::Files(&files),
        Write::Append,
    )
}

#[test]
fn a_load_says_everything_itself() {
    let load = good();
    check(&load).unwrap();
    assert_eq!(load["sourceFormat"], "PARQUET");
    assert_eq!(load["createDisposition"], "CREATE_NEVER");
    assert_eq!(load["writeDisposition"], "WRITE_APPEND");
    assert_eq!(load["autodetect"], false);
    assert_eq!(load["sourceUris"], json!(files()));
    let fields = load["schema"]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), EVENT_COLUMNS.len());
    let raw = fields.iter().find(|field| field["name"] == "raw").unwrap();
    assert_eq!(raw["type"], "STRING", "the payload is text, never JSON");
    assert!(load.get("schemaUpdateOptions").is_none());
}

#[test]
fn to_replace_rows_keeps_the_schema_of_the_table() {
    let load = configuration(&table("t"), EVENT_COLUMNS, &LoadFrom::Lines, Write::Replace);
    check(&load).unwrap();
    assert_eq!(load["writeDisposition"], "WRITE_TRUNCATE_DATA");
    assert_eq!(load["sourceFormat"], "NEWLINE_DELIMITED_JSON");
    assert!(load.get("sourceUris").is_none());
}

/// Each of these is a success with an emulator and a failure, or another thing, with BigQuery.
#[test]
fn what_only_emulators_take_is_not_sent() {
    let spoilt = |pointer: &str, value: Value| {
        let mut load = good();
        *load.pointer_mut(pointer).unwrap() = value;
        check(&load).unwrap_err()
    };
    for (kind, mode) in [
        ("JSON", "NULLABLE"),
        ("RECORD", "NULLABLE"),
        ("STRUCT", "NULLABLE"),
        ("GEOGRAPHY", "NULLABLE"),
        ("STRING", "REPEATED"),
        ("STRING", ""),
        ("", "NULLABLE"),
    ] {
        let said = spoilt(
            "/schema/fields/3",
            json!({"name": "c", "type": kind, "mode": mode}),
        );
        assert!(said.starts_with("column c: "), "{said}");
    }
    spoilt("/schema/fields", json!([]));
    for name in [
        "audit_events$20261101",
        "audit_events@-3600000",
        "",
        "a.b",
        "a`b",
        "a/b",
    ] {
        spoilt("/destinationTable/tableId", json!(name));
    }
    for name in [
        "gs://lake/events/*",
        "gs://lake/events/date=2026-01-01/*.parquet",
        "gs://lake/events/[ab].parquet",
        "gs://lake/a.parquet#1730000000000000",
        "s3://lake/a.parquet",
        "file:///lake/a.parquet",
        "/lake/a.parquet",
        "gs://lake",
        "gs://lake/",
        "gs:///a.parquet",
        "",
    ] {
        spoilt("/sourceUris", json!([files()[0], name]));
    }
    spoilt("/sourceUris", json!([]));
    spoilt("/sourceUris", json!(vec![files()[0].clone(); FILES + 1]));
    for option in ["schemaUpdateOptions", "hivePartitioningOptions"] {
        let mut load = good();
        load[option] = json!(["ALLOW_FIELD_ADDITION"]);
        check(&load).unwrap_err();
    }
}

#[test]
fn a_date_in_the_path_is_only_a_name() {
    let load = good();
    assert!(files()[0].contains("/date=2026-01-01/"));
    assert!(load.get("hivePartitioningOptions").is_none());
}
