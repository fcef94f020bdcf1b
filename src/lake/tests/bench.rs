//! Where the time of writing goes. Not a test: run it by name, with optimisation.

use std::time::{Duration, Instant};

use arrow::array::{Array as _, RecordBatch, StringArray};
use sha2::{Digest, Sha256};

use crate::event::Category;

use crate::lake::{EncodedFile, FileWriter, PART_BYTES, PartWriter};
use crate::merkle::RecordsRoot;

use super::sample;

fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (wall, before) = (Instant::now(), cpu());
    let done = work();
    println!(
        "{what:<44} cpu {:>7.2?} wall {:>7.2?}",
        cpu() - before,
        wall.elapsed()
    );
    done
}

fn raw(batch: &RecordBatch) -> &StringArray {
    let raw = batch.column_by_name("raw").unwrap();
    raw.as_any().downcast_ref().unwrap()
}

#[test]
#[ignore = "a measurement"]
fn encode_half_a_million() {
    let rows = std::env::var("ROWS").map_or(500_000, |rows| rows.parse().unwrap());
    let batch = timed("make rows", || sample::events(sample::date(), rows, 1));
    let kept = raw(&batch).value_data();
    println!(
        "rows {rows}, kept {} MB, peak so far {} MiB",
        kept.len() / 1_000_000,
        peak_mib()
    );

    timed("floor: sha-256", || Sha256::digest(kept));
    let mut packed = vec![0; 1024 * 1024 * 2];
    for level in [1, 3] {
        let mut size = 0;
        let mut compressor = zstd::bulk::Compressor::new(level).unwrap();
        timed(&format!("floor: zstd -{level}"), || {
            for chunk in kept.chunks(1024 * 1024) {
                size += compressor
                    .compress_to_buffer(chunk, &mut packed[..])
                    .unwrap();
            }
        });
        println!("  {} MB", size / 1_000_000);
    }
    timed("records root alone", || {
        let mut root = RecordsRoot::new(&[7; 32]);
        for value in raw(&batch) {
            root.push(value.unwrap().as_bytes());
        }
        root.root()
    });
    let files = timed("encode and hash, all", || encode(&batch));
    let bytes: u64 = files.iter().map(|file| file.facts.bytes).sum();
    println!(
        "{} files, {} MB, peak {} MiB",
        files.len(),
        bytes / 1_000_000,
        peak_mib()
    );
    if std::env::var_os("COLUMNS").is_some() {
        columns(&batch);
    }
}

fn writer() -> PartWriter {
    PartWriter::new(
        sample::execution_file().partition,
        sample::run(),
        0,
        sample::belonging(),
        [9; 32],
        PART_BYTES,
    )
}

fn encode(batch: &RecordBatch) -> Vec<EncodedFile> {
    let mut writer = writer();
    let mut files = writer.push(batch).unwrap();
    files.extend(writer.finish().unwrap());
    files
}

/// Memory of a writer that is fed slice by slice and whose files are let go.
#[test]
#[ignore = "a measurement"]
fn stream_half_a_million() {
    let (total, slice) = (500_000, 1_000);
    let mut writer = writer();
    let (mut largest, mut files) = (0, 0);
    for from in (0..total).step_by(slice) {
        let range = from..from + slice;
        let seed = from as u64;
        let batch =
            sample::events_from(sample::date(), range, total, seed, |_| Category::Execution);
        files += writer.push(&batch).unwrap().len();
        largest = largest.max(writer.memory_size());
    }
    files += usize::from(writer.finish().unwrap().is_some());
    println!(
        "{files} files, writer up to {} MiB, process peak {} MiB",
        largest >> 20,
        peak_mib()
    );
}

/// What it costs to check a file on disk before it is read in part: the first reading hashes it, the second
/// finds it checked.
#[tokio::test]
#[ignore = "a measurement"]
async fn check_before_reading() {
    use crate::lake::FileReader;
    use crate::store::Bucket;
    use futures::TryStreamExt as _;
    let rows = std::env::var("ROWS").map_or(500_000, |rows| rows.parse().unwrap());
    let files = encode(&sample::events(sample::date(), rows, 1));
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let all: Vec<&str> = crate::event::schema::EVENT_COLUMNS
        .iter()
        .map(|column| column.name)
        .collect();
    let writer = Bucket::open(&url, &Default::default()).unwrap();
    for file in &files {
        let name = file.facts.file.to_string();
        writer.create(&name, file.content.clone()).await.unwrap();
    }
    let bytes: u64 = files.iter().map(|file| file.facts.bytes).sum();
    println!("{} files, {} MB", files.len(), bytes / 1_000_000);
    for columns in [
        &["event_uid", "event_time"][..],
        &["event_time", "raw"],
        &all,
    ] {
        let bucket = Bucket::open(&url, &Default::default()).unwrap();
        for checked in ["with the check", "checked before"] {
            let (wall, before) = (Instant::now(), cpu());
            for file in &files {
                let reader = FileReader::new(&bucket, file.facts.signed()).unwrap();
                let mut batches = reader.columns(columns, None).await.unwrap();
                while batches.try_next().await.unwrap().is_some() {}
            }
            let columns = columns.len();
            println!(
                "{columns:>2} columns {checked:<16} cpu {:>7.2?} wall {:>7.2?}",
                cpu() - before,
                wall.elapsed()
            );
        }
    }
}

/// Size and time of every column.
fn columns(batch: &RecordBatch) {
    let one = {
        let mut writer = FileWriter::new(sample::execution_file(), sample::belonging(), [0; 32]);
        writer
            .push(&batch.slice(0, 120_000.min(batch.num_rows())))
            .unwrap();
        writer.finish().unwrap()
    };
    let reader = parquet::file::serialized_reader::SerializedFileReader::new(one.content).unwrap();
    let metadata = parquet::file::reader::FileReader::metadata(&reader);
    for column in metadata.row_group(0).columns() {
        let bloom = column.bloom_filter_length().unwrap_or_default();
        println!(
            "{:<24} {:>9} of {:>9} bytes, filter {bloom}, {:?}",
            column.column_path().string(),
            column.compressed_size(),
            column.uncompressed_size(),
            column.encodings().collect::<Vec<_>>(),
        );
    }
}
