//! Data files from rows to bytes to rows.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use chrono::TimeDelta;
use futures::TryStreamExt as _;
use parquet::basic::{ConvertedType, LogicalType};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::event::Category;
use crate::lake::layout::{Partition, Table};
use crate::lake::{
    EncodedFile, FileReader, FileWriter, PartWriter, WriteError, split, upload, verify_file,
};
use crate::merkle::{RecordsRoot, file_salt};
use crate::store::tests::faulty::{Fault, Faulty};
use crate::store::{Bucket, CreateError, Patience};
use crate::window::midnight;

use super::sample::{self, belonging, date, execution_file};

pub(super) const SALT: [u8; 32] = [7; 32];

pub(super) fn encode(batches: &[RecordBatch]) -> EncodedFile {
    let mut writer = FileWriter::new(execution_file(), belonging(), SALT);
    for batch in batches {
        writer.push(batch).unwrap();
    }
    writer.finish().unwrap()
}

pub(super) fn quarantine_file() -> crate::lake::layout::DataFile {
    sample::file(Partition::quarantine(date(), "kestra-prod").unwrap())
}

pub(super) async fn stored(file: &EncodedFile) -> Bucket {
    let bucket = Bucket::memory();
    upload(&bucket, file, Patience::default()).await.unwrap();
    bucket
}

pub(super) fn reader(bucket: &Bucket, file: &EncodedFile) -> FileReader {
    FileReader::new(bucket, file.facts.signed()).unwrap()
}

/// The same batch with one column replaced.
pub(super) fn with_column(batch: &RecordBatch, name: &str, array: ArrayRef) -> RecordBatch {
    let index = batch.schema().index_of(name).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[index] = array;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[tokio::test]
async fn rows_come_back_as_they_went_in() {
    let events = sample::events(date(), 12_000, 1);
    let quarantine = sample::quarantine(date(), 300);
    let mut writer = FileWriter::new(quarantine_file(), belonging(), SALT);
    writer.push(&quarantine).unwrap();
    let cases = [
        (encode(std::slice::from_ref(&events)), events),
        (writer.finish().unwrap(), quarantine),
    ];
    for (file, rows) in cases {
        let bucket = stored(&file).await;
        let schema = rows.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let batches = reader(&bucket, &file).columns(&names, None).await.unwrap();
        let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
        assert_eq!(concat_batches(&schema, &batches).unwrap(), rows);
        let mismatches = verify_file(&bucket, &file.facts, &belonging())
            .await
            .unwrap();
        assert_eq!(mismatches, []);
    }
}

#[test]
fn the_same_rows_are_the_same_bytes() {
    let batches = [sample::events(date(), 11_000, 2)];
    let (first, second) = (encode(&batches), encode(&batches));
    assert_eq!(first.content, second.content);
    assert_eq!(first.facts, second.facts);
    let other = FileWriter::new(execution_file(), belonging(), [8; 32]);
    let mut other = other;
    other.push(&batches[0]).unwrap();
    let other = other.finish().unwrap();
    assert_ne!(other.facts.records_root, first.facts.records_root);
}

#[test]
fn facts_are_those_of_the_rows() {
    let rows = sample::events(date(), 500, 3);
    let file = encode(&[rows.slice(0, 200), rows.slice(200, 300)]);
    let raws = rows.column_by_name("raw").unwrap().as_string::<i32>();
    let mut root = RecordsRoot::new(&SALT);
    for raw in raws {
        root.push(raw.unwrap().as_bytes());
    }
    let facts = &file.facts;
    assert_eq!(facts.records_root, root.root());
    assert_eq!((facts.rows, facts.bytes), (500, file.content.len() as u64));
    assert_eq!(facts.statistics.kept_bytes, raws.value_data().len() as u64);
    let times = facts.times.unwrap();
    assert_eq!(times.first, midnight(date()));
    assert_eq!(
        times.last,
        midnight(date()) + TimeDelta::milliseconds(499 * 172_800)
    );
    let actions = &facts.statistics.columns["action"];
    assert_eq!(actions.min.as_deref(), Some("CREATE"));
    assert_eq!(actions.max.as_deref(), Some("UPDATE"));
    assert_eq!(actions.nulls, 0);
    assert!(!facts.statistics.columns.contains_key("actor_name"));
    let json = serde_json::to_string(&facts.statistics).unwrap();
    assert_eq!(facts.statistics, serde_json::from_str(&json).unwrap());
}

#[test]
fn a_long_value_is_not_stated() {
    let rows = sample::events(date(), 3, 3);
    let long = "x".repeat(65);
    let values = StringArray::from(vec![Some("a"), None, Some(long.as_str())]);
    let file = encode(&[with_column(&rows, "namespace", Arc::new(values))]);
    let range = &file.facts.statistics.columns["namespace"];
    assert_eq!(
        (range.min.as_deref(), range.max.as_deref(), range.nulls),
        (Some("a"), None, 1)
    );
}

#[test]
fn the_footer_says_what_readers_need() {
    let file = encode(&[sample::events(date(), 12_000, 1)]);
    let small = encode(&[sample::events(date(), 100, 1)]);
    let reader = SerializedFileReader::new(file.content).unwrap();
    let metadata = reader.metadata();
    assert_eq!(
        metadata.file_metadata().created_by(),
        Some("trailhouse version 1")
    );
    let entries = metadata.file_metadata().key_value_metadata().unwrap();
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "trailhouse.schema_version",
            "trailhouse.lake_id",
            "trailhouse.batch_id",
            "trailhouse.salt"
        ]
    );
    let schema = metadata.file_metadata().schema_descr();
    for column in schema.columns() {
        assert!(column.path().parts().len() == 1 && column.max_rep_level() == 0);
        assert!(!matches!(
            column.logical_type_ref(),
            Some(LogicalType::Json)
        ));
        assert_ne!(column.converted_type(), ConvertedType::JSON);
    }
    let of = |name: &str| {
        schema
            .columns()
            .iter()
            .position(|column| column.name() == name)
    };
    let raw = schema.column(of("raw").unwrap());
    assert_eq!(raw.logical_type_ref(), Some(&LogicalType::String));
    let time = schema.column(of("event_time").unwrap());
    assert!(matches!(
        time.logical_type_ref(),
        Some(LogicalType::Timestamp(t)) if t.is_adjusted_to_u_t_c
    ));

    let group = metadata.row_group(0);
    let order: Vec<usize> = group
        .sorting_columns()
        .unwrap()
        .iter()
        .map(|column| usize::try_from(column.column_idx).unwrap())
        .collect();
    assert_eq!(order, [of("event_time").unwrap(), of("event_uid").unwrap()]);
    assert!(
        group
            .column(of("event_uid").unwrap())
            .bloom_filter_offset()
            .is_some()
    );
    assert!(group.column(of("raw").unwrap()).statistics().is_none());
    assert!(group.column(of("dt").unwrap()).statistics().is_some());

    let small = SerializedFileReader::new(small.content).unwrap();
    let group = small.metadata().row_group(0);
    assert!(
        group
            .column(of("event_uid").unwrap())
            .bloom_filter_offset()
            .is_none()
    );
}

#[test]
fn a_file_takes_only_its_own_rows_in_order_and_not_none() {
    let rows = sample::events(date(), 4, 1);
    let new = || FileWriter::new(execution_file(), belonging(), SALT);

    assert!(matches!(new().finish(), Err(WriteError::Empty { .. })));

    let mut twice = new();
    twice.push(&rows).unwrap();
    let error = twice.push(&rows.slice(3, 1)).unwrap_err();
    assert!(matches!(error, WriteError::Order { row: 4, .. }), "{error}");

    let swapped = take_record_batch(&rows, &UInt32Array::from(vec![0, 2, 1])).unwrap();
    let error = new().push(&swapped).unwrap_err();
    assert!(matches!(error, WriteError::Order { row: 2, .. }), "{error}");

    let tomorrow = sample::events(date().succ_opt().unwrap(), 2, 1);
    let login = sample::events_of(date(), 2, 1, |_| Category::Authentication);
    let other: ArrayRef = Arc::new(StringArray::from(vec!["kestra-prod", "x", "x", "x"]));
    let moved = Arc::clone(tomorrow.column_by_name("dt").unwrap());
    let cases = [
        (tomorrow, 0, "dt"),
        (login, 0, "category"),
        (with_column(&rows, "source", other), 1, "source"),
    ];
    for (batch, at, by) in cases {
        match new().push(&batch).unwrap_err() {
            WriteError::Partition { row, column, .. } => assert_eq!((row, column), (at, by)),
            error => panic!("{error}"),
        }
    }
    let mut later = FileWriter::new(
        sample::file(
            Partition::events(
                date().succ_opt().unwrap(),
                Category::Execution,
                "kestra-prod",
            )
            .unwrap(),
        ),
        belonging(),
        SALT,
    );
    let error = later
        .push(&with_column(&rows.slice(0, 2), "dt", moved))
        .unwrap_err();
    assert!(
        matches!(
            error,
            WriteError::Partition {
                column: "event_time",
                ..
            }
        ),
        "{error}"
    );

    let error = new().push(&sample::quarantine(date(), 1)).unwrap_err();
    assert!(matches!(error, WriteError::Rows { .. }), "{error}");
}

#[test]
fn rows_of_all_kinds_are_split_and_put_in_order() {
    let next = date().succ_opt().unwrap();
    let category = |row: usize| [Category::Execution, Category::Authentication][row % 2];
    let parts = [
        sample::events_of(next, 50, 1, category),
        sample::events_of(date(), 50, 2, category),
    ];
    let split_rows = split(Table::Events, parts.to_vec()).unwrap();
    let names: Vec<String> = split_rows
        .iter()
        .map(|(part, _)| part.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "events/date=2026-11-23/cat=authentication/src=kestra-prod",
            "events/date=2026-11-23/cat=execution/src=kestra-prod",
            "events/date=2026-11-24/cat=authentication/src=kestra-prod",
            "events/date=2026-11-24/cat=execution/src=kestra-prod",
        ]
    );
    for (partition, batches) in split_rows {
        let file = sample::file(partition);
        let mut writer = FileWriter::new(file, belonging(), SALT);
        for batch in batches {
            writer.push(&batch).unwrap();
        }
        assert_eq!(writer.finish().unwrap().facts.rows, 25);
    }

    let ordered = sample::events(date(), 10, 1);
    let raw = |batch: &RecordBatch| batch.column_by_name("raw").unwrap().to_data();
    let halves = vec![ordered.slice(0, 5), ordered.slice(5, 5)];
    let same = split(Table::Events, halves.clone()).unwrap();
    assert_eq!(same.len(), 1);
    for (half, kept) in halves.iter().zip(&same[0].1) {
        assert!(raw(half).ptr_eq(&raw(kept)), "rows in order are not copied");
    }
    let swapped = vec![halves[1].clone(), halves[0].clone()];
    let sorted = split(Table::Events, swapped).unwrap();
    assert_eq!(sorted[0].1, std::slice::from_ref(&ordered));
    let none = vec![ordered.slice(0, 0)];
    assert_eq!(split(Table::Events, none).unwrap().len(), 0);
    assert_eq!(split(Table::Events, Vec::new()).unwrap().len(), 0);

    let unknown: ArrayRef = Arc::new(StringArray::from(vec!["mystery"; 10]));
    let mystery = with_column(&ordered, "category", unknown);
    assert!(split(Table::Events, vec![mystery]).is_err());
}

#[test]
fn parts_end_at_their_size_and_have_their_own_salts() {
    let rows = sample::events(date(), 60_000, 4);
    let (partition, seed) = (execution_file().partition, [3; 32]);
    let limit = 2 * 1024 * 1024;
    let mut writer = PartWriter::new(partition, sample::run(), 0, belonging(), seed, limit);
    let mut files = Vec::new();
    for from in (0..60_000).step_by(1_000) {
        files.extend(writer.push(&rows.slice(from, 1_000)).unwrap());
    }
    files.extend(writer.finish().unwrap());
    assert!(files.len() > 3, "{} files", files.len());
    let total: u64 = files.iter().map(|file| file.facts.rows).sum();
    assert_eq!(total, 60_000);
    for (index, file) in files.iter().enumerate() {
        assert_eq!(file.facts.file.part as usize, index);
        assert!(
            file.content.len() < limit + limit / 2,
            "{}",
            file.content.len()
        );
        let salt = file_salt(&seed, &file.facts.file.to_string());
        let reader = SerializedFileReader::new(file.content.clone()).unwrap();
        let metadata = reader.metadata().file_metadata();
        let stored = metadata.key_value_metadata().unwrap()[3].value.clone();
        assert_eq!(stored, Some(hex::encode(salt)));
    }
    let partition = execution_file().partition;
    let none = PartWriter::new(partition, sample::run(), 0, belonging(), seed, limit);
    assert!(none.finish().unwrap().is_none());
}

/// A large record may come when a part is nearly full.
#[test]
fn a_part_never_becomes_a_third_larger_than_parts_are() {
    let limit = 24 << 20;
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'0' + (state >> 58) as u8)
    };
    let text: String = (0..10 << 20).map(|_| noise()).collect();
    let rows = sample::events(date(), 12, 1);
    // In two columns, of six bits for each byte: three of four nearly fill a part.
    let texts = (0..12).map(|row| &text[row * 1_000..][..[5 << 20, 9 << 20][row % 4 / 3]]);
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let rows = with_column(&with_column(&rows, "raw", texts.clone()), "detail", texts);
    let partition = execution_file().partition;
    let mut writer = PartWriter::new(partition, sample::run(), 0, belonging(), [1; 32], limit);
    let mut files = writer.push(&rows).unwrap();
    files.extend(writer.finish().unwrap());
    assert!(files.len() > 4, "{}", files.len());
    let sizes: Vec<usize> = files.iter().map(|file| file.content.len()).collect();
    assert!(
        sizes.iter().all(|size| *size < limit + limit / 3),
        "{sizes:?}"
    );
    assert_eq!(files.iter().map(|file| file.facts.rows).sum::<u64>(), 12);
    // Those of the program stay below 64 MiB.
    const { assert!(crate::lake::PART_BYTES * 4 / 3 <= 64 << 20) };
}

#[tokio::test]
async fn an_upload_that_falls_short_is_found_out() {
    let file = encode(&[sample::events(date(), 10, 1)]);
    let bucket = Bucket::around(Arc::new(Faulty::new([Fault::Truncate])));
    let error = upload(&bucket, &file, Patience::default())
        .await
        .unwrap_err();
    assert!(matches!(error, CreateError::Size { .. }), "{error}");
}
