use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};

use super::*;
use crate::event::schema::SCHEMA_VERSION;
use crate::event::uid::event_uid;
use crate::source::platform::kestra::mapping::{MAPPING_VERSION, PLATFORM, normalise};

pub(crate) fn context() -> RowContext {
    RowContext {
        ingested_at: DateTime::from_timestamp(1_795_000_000, 123_456_789).unwrap(),
        batch_id: "batch-7".to_owned(),
        source: "kestra-prod".to_owned(),
        platform: PLATFORM,
        mapping_version: MAPPING_VERSION,
    }
}

const RECORD: &str = r#"{"id":"a","tenantId":"main","type":"LOGIN_FAILURE","date":"1969-12-31T23:59:59.9999999Z","userId":"u","ipAddress":"10.0.0.1","detail":{"resourceType":"USER","id":"u","revision":1.0}}"#;

fn push(columns: &mut EventColumns, record: &str) {
    let event = normalise(record.as_bytes(), None).unwrap();
    let id = event.native_id.as_deref().unwrap();
    let uid = event_uid("kestra-prod", event.tenant.as_deref(), id);
    columns.push(&event, &uid).unwrap();
}

fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.is_valid(row).then(|| column.value(row))
}

#[test]
fn every_column_of_a_row() {
    let mut columns = EventColumns::new(context());
    push(&mut columns, RECORD);
    push(
        &mut columns,
        r#"{"id":"b","date":"2026-11-23T00:00:00+01:00"}"#,
    );
    assert_eq!(columns.len(), 2);
    let batch = columns.finish().unwrap();
    assert_eq!(batch.schema(), event_schema());
    for (name, first, second) in [
        (
            "event_uid",
            Some("kestra-prod/main/a"),
            Some("kestra-prod//b"),
        ),
        ("native_id", Some("a"), Some("b")),
        (
            "event_time_text",
            Some("1969-12-31T23:59:59.9999999Z"),
            Some("2026-11-23T00:00:00+01:00"),
        ),
        ("batch_id", Some("batch-7"), Some("batch-7")),
        ("platform", Some("kestra"), Some("kestra")),
        ("source", Some("kestra-prod"), Some("kestra-prod")),
        ("tenant", Some("main"), None),
        ("category", Some("authentication"), Some("other")),
        ("activity_name", Some("Logon"), Some("Unknown")),
        ("action", Some("LOGIN_FAILURE"), None),
        ("outcome", Some("failure"), Some("unknown")),
        ("outcome_code", None, None),
        ("outcome_detail", None, None),
        ("actor_uid", Some("u"), None),
        ("actor_name", None, None),
        ("actor_email", None, None),
        ("actor_type", Some("unknown"), Some("unknown")),
        ("actor_impersonated_by", None, None),
        ("src_ip", Some("10.0.0.1"), None),
        ("user_agent", None, None),
        ("resource_type", Some("USER"), None),
        ("resource_uid", Some("u"), None),
        ("resource_name", None, None),
        ("namespace", None, None),
        ("workflow", None, None),
        ("execution_uid", None, None),
        ("revision", Some("1.0"), None),
        ("correlation_uid", None, None),
        ("region", None, None),
        ("account", None, None),
        (
            "detail",
            Some(r#"{"resourceType":"USER","id":"u","revision":1.0}"#),
            None,
        ),
        (
            "raw",
            Some(RECORD),
            Some(r#"{"id":"b","date":"2026-11-23T00:00:00+01:00"}"#),
        ),
    ] {
        assert_eq!(text(&batch, name, 0), first, "{name}");
        assert_eq!(text(&batch, name, 1), second, "{name}");
    }
    let dates = batch
        .column_by_name("dt")
        .unwrap()
        .as_primitive::<Date32Type>();
    assert_eq!(dates.values(), &[-1, 20_779]);
    let time = |name| {
        let column = batch.column_by_name(name).unwrap();
        column
            .as_primitive::<TimestampMicrosecondType>()
            .values()
            .to_vec()
    };
    // Cut, not rounded, before 1970 too.
    assert_eq!(time("event_time"), [-1, 1_795_388_400_000_000]);
    assert_eq!(time("ingested_at"), [1_795_000_000_123_456; 2]);
    let number = |name| {
        let column = batch.column_by_name(name).unwrap();
        column.as_primitive::<Int64Type>().values().to_vec()
    };
    assert_eq!(number("class_uid"), [3002, 6003]);
    assert_eq!(number("activity_id"), [1, 0]);
    assert_eq!(number("severity_id"), [2, 1]);
    assert_eq!(number("schema_version"), [SCHEMA_VERSION; 2]);
    assert_eq!(number("mapping_version"), [MAPPING_VERSION; 2]);
}

#[test]
fn a_finished_batch_leaves_none_and_the_next_is_independent() {
    let mut columns = EventColumns::new(context());
    assert!(columns.is_empty());
    assert_eq!(columns.bytes(), 0);
    assert_eq!(columns.finish().unwrap().num_rows(), 0);
    push(&mut columns, RECORD);
    let one = columns.bytes();
    push(&mut columns, RECORD);
    assert_eq!(columns.bytes(), 2 * one);
    let first = columns.finish().unwrap();
    assert_eq!(
        (first.num_rows(), columns.len(), columns.bytes()),
        (2, 0, 0)
    );
    push(&mut columns, RECORD);
    let second = columns.finish().unwrap();
    assert_eq!(second, first.slice(0, 1));
}

#[test]
fn the_estimate_is_close_to_the_memory_taken() {
    let mut columns = EventColumns::new(context());
    for _ in 0..5000 {
        push(&mut columns, RECORD);
    }
    let estimate = columns.bytes();
    let taken = columns.finish().unwrap();
    let taken = taken.slice(0, taken.num_rows());
    let taken: usize = taken
        .columns()
        .iter()
        .map(|column| column.to_data().get_slice_memory_size().unwrap())
        .sum();
    assert!(estimate.abs_diff(taken) * 20 < taken, "{estimate} {taken}");
}
