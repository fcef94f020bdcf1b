use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::record_batch::RecordBatch;

use super::*;

fn batch() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "who",
            Arc::new(StringArray::from(vec![
                Some("a\u{1b}[2J,\"b\""),
                Some(""),
                None,
            ])),
        ),
        (
            "n",
            Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(-1), None])),
        ),
        (
            "x",
            Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None])),
        ),
        (
            "ok",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        (
            "dt",
            Arc::new(Date32Array::from(vec![Some(0), Some(20_000), None])),
        ),
        (
            "at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(0), Some(1_500_000), None])
                    .with_timezone("UTC"),
            ),
        ),
        (
            "fine",
            Arc::new(TimestampNanosecondArray::from(vec![Some(1), Some(0), None])),
        ),
        (
            "raw",
            Arc::new(BinaryArray::from(vec![
                Some(&b"\xff\x00"[..]),
                Some(b""),
                None,
            ])),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn written(form: RowFormat, batches: &[RecordBatch]) -> String {
    let mut writer = RowWriter::new(form, Style::PLAIN, batch().schema());
    let mut out = Vec::new();
    for batch in batches {
        writer.batch(batch, &mut out).unwrap();
    }
    writer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn csv_quotes_by_its_standard_and_ends_lines_as_pipes_need_it() {
    assert_eq!(
        written(RowFormat::Csv, &[batch()]),
        "who,n,x,ok,dt,at,fine,raw\n\
         \"a\u{1b}[2J,\"\"b\"\"\",9223372036854775807,1.5,true,1970-01-01,1970-01-01T00:00:00Z,\
         1970-01-01T00:00:00.000000001,/wA=\n\
         \"\",-1,NaN,false,2024-10-04,1970-01-01T00:00:01.500Z,1970-01-01T00:00:00,\"\"\n\
         ,,,,,,,\n"
    );
    assert_eq!(written(RowFormat::Csv, &[]), "who,n,x,ok,dt,at,fine,raw\n");
}

#[test]
fn json_is_one_document_in_the_order_of_the_columns() {
    let text = written(
        RowFormat::Json,
        &[batch(), batch().slice(0, 0), batch().slice(2, 1)],
    );
    assert!(text.starts_with("[\n{\"who\":\"a\\u001b[2J,\\\"b\\\"\",\"n\":9223372036854775807,"));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0]["n"], i64::MAX);
    assert_eq!(rows[0]["at"], "1970-01-01T00:00:00Z");
    assert_eq!(rows[1]["x"], "NaN");
    assert_eq!(rows[1]["ok"], false);
    assert_eq!(rows[1]["dt"], "2024-10-04");
    assert!(
        rows[2]
            .as_object()
            .unwrap()
            .values()
            .all(|value| value.is_null())
    );
    assert_eq!(written(RowFormat::Json, &[]), "[]\n");
}

#[test]
fn a_table_is_aligned_and_harmless() {
    let narrow = batch().project(&[0, 1, 4]).unwrap();
    let mut writer = RowWriter::new(RowFormat::Table, Style::PLAIN, narrow.schema());
    let mut out = Vec::new();
    writer.batch(&narrow, &mut out).unwrap();
    writer.finish(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "who                               n  dt\n\
         a\\u{1b}[2J,\"b\"  9223372036854775807  1970-01-01\n\
         \x20                                -1  2024-10-04\n\
         NULL                           NULL  NULL\n"
    );
}

#[test]
fn the_form_follows_from_the_arguments() {
    let args = |format| Args {
        sql: Some("SELECT 1".to_owned()),
        public_key: None,
        file: None,
        format,
    };
    for (format, output, form) in [
        (None, Format::Text, RowFormat::Table),
        (None, Format::Json, RowFormat::Json),
        (Some(RowFormat::Csv), Format::Json, RowFormat::Csv),
    ] {
        assert_eq!(args(format).form(output), form);
    }
    assert_eq!(args(None).statement().unwrap(), "SELECT 1");
}

#[test]
fn a_statement_in_a_file_is_read_or_said_to_be_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q.sql");
    std::fs::write(&path, "SELECT 2").unwrap();
    let mut args = Args {
        sql: None,
        public_key: None,
        file: Some(path),
        format: None,
    };
    assert_eq!(args.statement().unwrap(), "SELECT 2");
    args.file = Some(directory.path().join("missing.sql"));
    assert_eq!(args.statement().unwrap_err().kind, ExitKind::Usage);
}
