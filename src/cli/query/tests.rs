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

fn look(form: RowFormat, width: Option<usize>) -> QueryLook {
    QueryLook {
        form,
        style: Style::PLAIN,
        room: width.map(|width| TableRoom {
            width,
            may_be_blocks: true,
        }),
    }
}

fn written(form: RowFormat, batches: &[RecordBatch]) -> String {
    let mut writer = RowWriter::new(look(form, None), batch().schema());
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
    let mut writer = RowWriter::new(look(RowFormat::Table, None), narrow.schema());
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
fn the_end_of_a_statement_asks_for_blocks() {
    for (sql, rest, asks) in [
        ("SELECT 1", "SELECT 1", false),
        ("SELECT 1;\n", "SELECT 1;\n", false),
        ("SELECT 1 \\G", "SELECT 1 ", true),
        ("SELECT 1;\\G\n", "SELECT 1;", true),
        ("SELECT 1\\G;", "SELECT 1", true),
        ("SELECT r'\\G'", "SELECT r'\\G'", false),
        ("", "", false),
    ] {
        assert_eq!(without_blocks(sql), (rest, asks), "{sql}");
    }
}

fn people(rows: usize) -> RecordBatch {
    let names = ["anna", "größe 日本語のユーザー名", "x\u{1b}[31m"];
    let detail = "a long text that says what happened, and to what it happened";
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "actor",
            Arc::new(StringArray::from_iter_values(
                (0..rows).map(|row| names[row % names.len()]),
            )),
        ),
        (
            "number_of_events",
            Arc::new(Int64Array::from_iter_values(
                (0..rows).map(|row| row as i64 * 1000),
            )),
        ),
        (
            "detail",
            Arc::new(StringArray::from_iter(
                (0..rows).map(|row| (row % 2 == 0).then_some(detail)),
            )),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn on_terminal(form: RowFormat, width: Option<usize>, batch: &RecordBatch) -> String {
    let mut writer = RowWriter::new(look(form, width), batch.schema());
    let mut out = Vec::new();
    writer.batch(batch, &mut out).unwrap();
    writer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_fits_the_terminal_and_says_what_was_cut() {
    assert_eq!(
        on_terminal(RowFormat::Table, Some(50), &people(6)),
        "actor             number_of_even…  detail\n\
         anna                            0  a long text th…\n\
         größe 日本語の…              1000  NULL\n\
         x\\u{1b}[31m                  2000  a long text th…\n\
         anna                         3000  NULL\n\
         größe 日本語の…              4000  a long text th…\n\
         x\\u{1b}[31m                  5000  NULL\n\
         3 columns cut; --format vertical, or \\G at the end of the SQL, shows whole rows\n"
    );
}

#[test]
fn a_few_rows_that_do_not_fit_are_blocks() {
    assert_eq!(
        on_terminal(RowFormat::Table, Some(50), &people(2)),
        "row 1\n\
         \x20 actor             anna\n\
         \x20 number_of_events  0\n\
         \x20 detail            a long text that says what happened, and to what it happened\n\
         row 2\n\
         \x20 actor             größe 日本語のユーザー名\n\
         \x20 number_of_events  1000\n\
         \x20 detail            NULL\n"
    );
    let blocks = on_terminal(RowFormat::Vertical, None, &people(2));
    assert_eq!(blocks, on_terminal(RowFormat::Table, Some(50), &people(2)));
}

#[test]
fn nothing_is_cut_where_no_terminal_is() {
    let table = on_terminal(RowFormat::Table, None, &people(6));
    assert!(table.contains("to what it happened") && !table.contains('…'));
    assert!(!table.contains("cut;"));
    // A later row that is wider than all rows before it is cut on a terminal.
    let narrow = people(1100).project(&[1]).unwrap();
    let table = on_terminal(RowFormat::Table, Some(80), &narrow);
    assert!(table.ends_with("1099000\n"), "{table}");
}

#[test]
fn the_form_follows_from_the_arguments() {
    let args = |format| QueryArgs {
        sql: Some("SELECT 1".to_owned()),
        public_key: None,
        file: None,
        format,
        no_pager: false,
    };
    for (format, output, blocks, form) in [
        (None, Format::Text, false, RowFormat::Table),
        (None, Format::Text, true, RowFormat::Vertical),
        (None, Format::Json, true, RowFormat::Json),
        (Some(RowFormat::Csv), Format::Json, true, RowFormat::Csv),
    ] {
        assert_eq!(args(format).form(output, blocks), form);
    }
    assert_eq!(args(None).statement().unwrap(), "SELECT 1");
}

#[test]
fn a_statement_in_a_file_is_read_or_said_to_be_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q.sql");
    std::fs::write(&path, "SELECT 2").unwrap();
    let mut args = QueryArgs {
        sql: None,
        public_key: None,
        file: Some(path),
        format: None,
        no_pager: false,
    };
    assert_eq!(args.statement().unwrap(), "SELECT 2");
    args.file = Some(directory.path().join("missing.sql"));
    assert_eq!(args.statement().unwrap_err().kind, ExitKind::Usage);
}
