//! Events that the files of a lake hold more than once.

use super::error::VerifyError;
use crate::lake::layout::Table;
use crate::lake::{FileReader, ReadError};
use crate::ledger::state::LiveFile;
use crate::store::{Bucket, StoreError};
use arrow::array::{Array as _, AsArray as _};
use futures::{StreamExt as _, TryStreamExt as _};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Most doubled events that are named.
pub const MOST_NAMED: usize = 1_000;
/// Hashes that are held at once, eight bytes each. Where a lake has more events, its files are read again
/// for the next part of them.
const MOST_AT_ONCE: u64 = 4 << 20;
/// Files that are read at the same time.
const FETCHES: usize = 4;

/// An event that the lake has more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Doubled {
    /// Id of the event.
    pub event_uid: String,
    /// Number of rows with this id.
    pub rows: u64,
    /// Names of the files that hold these rows, each once.
    pub files: Vec<String>,
}

/// The events of which some files hold several rows, in order of id, [`MOST_NAMED`] at most.
///
/// Rows of one event may lie anywhere, since the time of a record may change, so the ids of all files are
/// compared: by hashes first, which takes a bounded number of bytes and as many readings of one column as
/// that needs, and then by themselves.
///
/// # Errors
/// A store or a file that cannot be read.
pub(super) async fn doubled(
    bucket: &Bucket,
    files: &[&LiveFile],
) -> Result<Vec<Doubled>, VerifyError> {
    doubled_within(bucket, files, MOST_AT_ONCE).await
}

async fn doubled_within(
    bucket: &Bucket,
    files: &[&LiveFile],
    at_once: u64,
) -> Result<Vec<Doubled>, VerifyError> {
    let events = files.iter().copied();
    let events: Vec<&LiveFile> = events
        .filter(|live| live.file.table == Table::Events)
        .collect();
    let rows: u64 = events.iter().map(|live| live.file.rows).sum();
    let parts = rows.div_ceil(at_once).max(1);
    let mut seen_twice = HashSet::new();
    for part in 0..parts {
        let mut hashes = Vec::new();
        each_uid(bucket, &events, |uid, _| {
            let hash = hash(uid);
            if hash % parts == part {
                hashes.push(hash);
            }
        })
        .await?;
        hashes.sort_unstable();
        let pairs = hashes.windows(2).filter(|pair| pair[0] == pair[1]);
        let room = MOST_NAMED - seen_twice.len();
        let twice: HashSet<u64> = pairs.map(|pair| pair[0]).take(room).collect();
        seen_twice.extend(twice);
        if seen_twice.len() == MOST_NAMED {
            break;
        }
    }
    if seen_twice.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    each_uid(bucket, &events, |uid, live| {
        if seen_twice.contains(&hash(uid)) {
            let (rows, files) = found.entry(uid.to_owned()).or_default();
            *rows += 1;
            let path = live.file.path.to_string();
            if files.last() != Some(&path) {
                files.push(path);
            }
        }
    })
    .await?;
    let several = found.into_iter().filter(|(_, (rows, _))| *rows > 1);
    let several = several.map(|(event_uid, (rows, mut files))| {
        files.sort_unstable();
        files.dedup();
        Doubled {
            event_uid,
            rows,
            files,
        }
    });
    Ok(several.collect())
}

fn hash(uid: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    hasher.finish()
}

/// Shows the id of each row of some files. One that went meanwhile has none.
async fn each_uid(
    bucket: &Bucket,
    files: &[&LiveFile],
    mut show: impl FnMut(&str, &LiveFile),
) -> Result<(), VerifyError> {
    let reads: Vec<_> = files.iter().map(|live| read(bucket, live)).collect();
    let mut reads = futures::stream::iter(reads).buffer_unordered(FETCHES);
    while let Some(read) = reads.next().await {
        let (live, mut batches) = match read {
            Ok(read) => read,
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        loop {
            match batches.try_next().await {
                Ok(Some(batch)) => {
                    let uids = batch.column(0).as_string::<i32>();
                    for row in (0..uids.len()).filter(|row| uids.is_valid(*row)) {
                        show(uids.value(row), live);
                    }
                }
                Ok(None) => break,
                Err(error) if is_gone(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Whether a file is not there any more: it was when it was checked, or is a problem already.
const fn is_gone(error: &ReadError) -> bool {
    use StoreError::{Missing, NotFound};
    matches!(error, ReadError::Store(Missing { .. } | NotFound { .. }))
}

type DoubledBatches = crate::lake::FileBatches<arrow::array::RecordBatch>;

async fn read<'l>(
    bucket: &Bucket,
    live: &'l LiveFile,
) -> Result<(&'l LiveFile, DoubledBatches), ReadError> {
    // What has another name was named as a problem already.
    let Ok(reader) = FileReader::new(bucket, live.file.signed()) else {
        return Ok((live, futures::stream::empty().boxed()));
    };
    Ok((live, reader.columns(&["event_uid"], None).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::digest::Digest;
    use crate::ledger::entry::{FileEntry, StatedStatistics};
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    /// A file with these ids, on the date with this number.
    async fn file(bucket: &Bucket, day: u32, uids: &[&str]) -> LiveFile {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let path = format!(
            "events/date={date}/cat=execution/src=k/20260101T000000Z-{day:08x}-00000-000.parquet"
        );
        let column: ArrayRef = Arc::new(StringArray::from(uids.to_vec()));
        let batch = RecordBatch::try_from_iter([("event_uid", column)]).unwrap();
        let mut content = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut content, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = FileEntry {
            path: path.as_str().into(),
            table: Table::Events,
            date,
            category: Some("execution".into()),
            source: "k".into(),
            bytes: content.len() as u64,
            sha256: Digest::of(&content),
            md5: None,
            rows: uids.len() as u64,
            times: None,
            records_root: Digest::of(b"root"),
            statistics: StatedStatistics::default(),
        };
        bucket.create(&path, content.into()).await.unwrap();
        LiveFile { sequence: 1, file }
    }

    async fn lake() -> (Bucket, Vec<LiveFile>) {
        let bucket = Bucket::memory();
        let files = vec![
            file(&bucket, 1, &["a", "b", "c"]).await,
            // Under another date, and twice in one file.
            file(&bucket, 2, &["c", "d", "e", "e"]).await,
            file(&bucket, 3, &["f", "a", "g", "a"]).await,
        ];
        (bucket, files)
    }

    fn said(found: &[Doubled]) -> Vec<(&str, u64, usize)> {
        let said = found.iter();
        said.map(|it| (it.event_uid.as_str(), it.rows, it.files.len()))
            .collect()
    }

    #[tokio::test]
    async fn doubled_events_are_found_in_one_file_and_across_dates_in_bounded_parts() {
        let (bucket, files) = lake().await;
        let files: Vec<&LiveFile> = files.iter().collect();
        for at_once in [1, 2, 5, 1_000] {
            let found = doubled_within(&bucket, &files, at_once).await.unwrap();
            assert_eq!(
                said(&found),
                [("a", 3, 2), ("c", 2, 2), ("e", 2, 1)],
                "{at_once}"
            );
        }
        let found = doubled(&bucket, &files[..1]).await.unwrap();
        assert_eq!(found, []);
    }

    #[tokio::test]
    async fn files_that_are_broken_or_gone_are_left_out() {
        let (bucket, mut files) = lake().await;
        bucket
            .delete(&files[2].file.path.to_string())
            .await
            .unwrap();
        files[0].file.bytes = 3;
        files.push(LiveFile {
            sequence: 1,
            file: FileEntry {
                path: "elsewhere".into(),
                ..files[1].file.clone()
            },
        });
        let broken = files[0].file.path.clone();
        let is_whole = |live: &&LiveFile| live.file.path != broken;
        let files: Vec<&LiveFile> = files.iter().filter(is_whole).collect();
        let found = doubled(&bucket, &files).await.unwrap();
        assert_eq!(said(&found), [("e", 2, 1)]);
    }
}
