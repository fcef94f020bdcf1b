//! What is read of data files, and what it costs.

use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch, StringArray};
use chrono::TimeDelta;
use futures::TryStreamExt as _;

use crate::lake::{FileReader, KnownRows, ReadError, verify_file};
use crate::store::SignedFile;
use crate::store::{Bucket, StoreError};
use crate::window::{Window, midnight};

use super::files::{encode, reader, stored, with_column};
use super::sample::{self, belonging, date, execution_file};

async fn known(reader: &FileReader, window: &Window) -> Vec<KnownRows> {
    let stream = reader.known_rows(window).await.unwrap();
    stream.try_collect().await.unwrap()
}

#[tokio::test]
async fn known_rows_are_those_of_the_window_and_cost_little() {
    let rows = sample::events(date(), 40_000, 5);
    let file = encode(std::slice::from_ref(&rows));
    let bucket = stored(&file).await;
    let reader = reader(&bucket, &file);
    let times = rows.column_by_name("event_time").unwrap();
    let times = times.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    let uids = rows.column_by_name("event_uid").unwrap().as_string::<i32>();
    let start = midnight(date());
    let windows = [
        (start + TimeDelta::hours(5), start + TimeDelta::hours(6)),
        (
            start - TimeDelta::days(1),
            start + TimeDelta::microseconds(1),
        ),
        (start + TimeDelta::hours(23), start + TimeDelta::days(9)),
        (start, start + TimeDelta::days(1)),
        (
            start + TimeDelta::milliseconds(1),
            start + TimeDelta::milliseconds(2),
        ),
        (start + TimeDelta::days(2), start + TimeDelta::days(3)),
    ];
    for (from, to) in windows {
        let window = Window { from, to };
        let found: Vec<(String, i64)> = known(&reader, &window)
            .await
            .iter()
            .flat_map(|batch| {
                batch
                    .iter()
                    .map(|row| (row.event_uid.to_owned(), row.event_time))
            })
            .collect();
        let inside = |time: i64| window.contains(crate::lake::stored_instant(time).unwrap());
        let expected: Vec<(String, i64)> = (0..40_000)
            .filter(|&row| inside(times.value(row)))
            .map(|row| (uids.value(row).to_owned(), times.value(row)))
            .collect();
        assert_eq!(found, expected, "{window}");
    }

    let hour = Window {
        from: start + TimeDelta::hours(5),
        to: start + TimeDelta::hours(6),
    };
    let before = bucket.requests().total();
    let batches = known(&reader, &hour).await;
    assert!(
        batches
            .iter()
            .all(|batch| !batch.is_empty() && batch.len() <= 1024)
    );
    let row = batches[0].iter().next().unwrap();
    assert!(row.raw.starts_with("{\"id\":"));
    // Footer, then all selected pages of the one row group, in two pieces that lie far apart. The file was
    // checked when it was first read.
    assert_eq!(bucket.requests().total() - before, 3);

    let small = encode(&[rows.slice(0, 500)]);
    let bucket = stored(&small).await;
    let before = bucket.requests().total();
    let reader = FileReader::new(&bucket, small.facts.signed()).unwrap();
    assert!(
        !known(&reader, &Window::of_date(date()).unwrap())
            .await
            .is_empty()
    );
    assert_eq!(bucket.requests().total() - before, 1);
}

#[tokio::test]
async fn columns_are_read_alone() {
    let rows = sample::events(date(), 3_000, 5);
    let file = encode(std::slice::from_ref(&rows));
    let bucket = stored(&file).await;
    let reader = reader(&bucket, &file);
    let batches = reader.columns(&["native_id"], None).await.unwrap();
    let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!((count, batches[0].num_columns()), (3_000, 1));
    let window = Window {
        from: midnight(date()),
        to: midnight(date()) + TimeDelta::hours(1),
    };
    for (names, window) in [(vec!["nope"], None), (vec!["raw"], Some(&window))] {
        let error = reader.columns(&names, window).await.err().unwrap();
        assert!(matches!(error, ReadError::Column { .. }), "{error}");
    }
    let absent = FileReader::new(
        &Bucket::memory(),
        SignedFile {
            name: execution_file().to_string(),
            bytes: 4_000,
            sha256: [0; 32],
            md5: None,
        },
    )
    .unwrap();
    let error = absent.columns(&["raw"], None).await.err().unwrap();
    assert!(
        matches!(error, ReadError::Store(StoreError::Missing { .. })),
        "{error}"
    );
}

/// A record of several megabytes among ordinary ones: pages and batches stay bounded, nothing is
/// lost.
#[tokio::test]
async fn a_huge_record_does_not_make_huge_batches() {
    let rows = sample::events(date(), 3_000, 6);
    let raws = rows.column_by_name("raw").unwrap().as_string::<i32>();
    let huge = "z".repeat(9 * 1024 * 1024);
    let raws: StringArray = raws
        .iter()
        .enumerate()
        .map(|(row, raw)| {
            if row % 1000 == 500 {
                Some(huge.as_str())
            } else {
                raw
            }
        })
        .collect();
    let rows = with_column(&rows, "raw", Arc::new(raws));
    let file = encode(std::slice::from_ref(&rows));
    let bucket = stored(&file).await;
    let all = Window::of_date(date()).unwrap();
    let batches = known(&reader(&bucket, &file), &all).await;
    let most = batches
        .iter()
        .map(|batch| batch.iter().map(|row| row.raw.len()).sum::<usize>());
    assert!(most.max().unwrap() < 20 * 1024 * 1024);
    let mut read = batches.iter().flat_map(KnownRows::iter);
    let stored = rows.column_by_name("raw").unwrap().as_string::<i32>();
    assert!(
        stored
            .iter()
            .all(|raw| raw == read.next().map(|row| row.raw))
    );
    let mismatches = verify_file(&bucket, &file.facts, &belonging())
        .await
        .unwrap();
    assert_eq!(mismatches, []);
}
