use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};

use super::*;
use crate::event::columns::context;
use crate::event::unfit::Reason;

fn slice() -> Window {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    Window::new(at(86_400 * 3), at(86_400 * 3 + 60)).unwrap()
}

fn quarantined(record: &[u8]) -> Quarantined<'_> {
    Quarantined {
        record,
        withheld: false,
        unfit: Unfit::because(Reason::NotUtf8),
        native_id: None,
        time: None,
        tenant: None,
        slice: slice(),
    }
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().collect()
}

fn numbers(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).unwrap();
    column.as_primitive::<Int64Type>().values().to_vec()
}

fn content(batch: &RecordBatch) -> Vec<u8> {
    let column = batch.column_by_name("content").unwrap().as_binary::<i32>();
    column.iter().flatten().flatten().copied().collect()
}

const SHA256_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn every_column_of_a_row() {
    let mut columns = QuarantineColumns::new(context());
    columns.push(&quarantined(b"abc")).unwrap();
    columns
        .push(&Quarantined {
            native_id: Some("n"),
            time: DateTime::from_timestamp(-1, 999_999_999),
            tenant: Some("main"),
            ..quarantined(b"\xff\0")
        })
        .unwrap();
    assert_eq!(columns.len(), 2);
    assert!(columns.bytes() > 0);
    let batch = columns.finish().unwrap();
    assert!(columns.is_empty());
    assert_eq!(batch.schema(), quarantine_schema());
    let uid = format!("kestra-prod//{SHA256_ABC}");
    assert_eq!(text(&batch, "record_uid")[0], Some(&*uid));
    assert_eq!(text(&batch, "record_sha256")[0], Some(SHA256_ABC));
    assert_eq!(text(&batch, "native_id"), [None, Some("n")]);
    assert_eq!(text(&batch, "tenant"), [None, Some("main")]);
    assert_eq!(text(&batch, "reason"), [Some("not_utf8"); 2]);
    assert_eq!(
        text(&batch, "reason_detail"),
        [Some("the record is not UTF-8"); 2]
    );
    assert_eq!(text(&batch, "batch_id"), [Some("batch-7"); 2]);
    assert_eq!(text(&batch, "source"), [Some("kestra-prod"); 2]);
    assert_eq!(text(&batch, "platform"), [Some("kestra"); 2]);
    assert_eq!(numbers(&batch, "record_bytes"), [3, 2]);
    assert_eq!(numbers(&batch, "part"), [0, 0]);
    assert_eq!(numbers(&batch, "parts"), [1, 1]);
    assert_eq!(content(&batch), b"abc\xff\0");
    let dates = batch
        .column_by_name("dt")
        .unwrap()
        .as_primitive::<Date32Type>();
    assert_eq!(dates.values(), &[3, -1]);
    let times = batch.column_by_name("event_time").unwrap();
    let times = times.as_primitive::<TimestampMicrosecondType>();
    assert_eq!((times.is_null(0), times.value(1)), (true, -1));
    let from = batch.column_by_name("slice_from").unwrap();
    let from = from.as_primitive::<TimestampMicrosecondType>();
    assert_eq!(from.value(0), 86_400_000_000 * 3);
}

#[test]
fn a_large_record_is_kept_in_parts() {
    for (size, parts) in [
        (0, 1),
        (1, 1),
        (PART_BYTES, 1),
        (PART_BYTES + 1, 2),
        (PART_BYTES * 2 + 5, 3),
    ] {
        let record: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let mut columns = QuarantineColumns::new(context());
        columns.push(&quarantined(&record)).unwrap();
        let batch = columns.finish().unwrap();
        assert_eq!(batch.num_rows(), parts);
        let size = i64::try_from(size).unwrap();
        let of = i64::try_from(parts).unwrap();
        assert_eq!(numbers(&batch, "part"), (0..of).collect::<Vec<_>>());
        assert_eq!(numbers(&batch, "parts"), vec![of; parts]);
        assert_eq!(numbers(&batch, "record_bytes"), vec![size; parts]);
        assert!(content(&batch) == record);
    }
}

#[test]
fn withheld_content_is_not_there() {
    let mut columns = QuarantineColumns::new(context());
    columns
        .push(&Quarantined {
            withheld: true,
            ..quarantined(b"abc")
        })
        .unwrap();
    let batch = columns.finish().unwrap();
    assert_eq!(batch.num_rows(), 1);
    assert_eq!(content(&batch), b"");
    assert_eq!(numbers(&batch, "record_bytes"), [3]);
    assert_eq!(text(&batch, "record_sha256"), [Some(SHA256_ABC)]);
    assert_eq!(text(&batch, "reason"), [Some("not_utf8")]);
    assert_eq!(
        text(&batch, "reason_detail"),
        [Some(
            "the record is not UTF-8; its content is withheld, since redaction could not be applied to it"
        )]
    );
}
