//! The whole conversion as a process of its own, to be timed from outside: NDJSON to partitioned
//! Parquet in our schema, raw text kept, every record hashed, rows sorted by time.
//!
//! ```text
//! cargo bench --bench convert -- make FILE [RECORDS]      500,000 records, about 260 MB
//! cargo bench --bench convert -- convert FILE FOLDER
//! cargo bench --bench convert -- floor FILE               zstd -3 and SHA-256 of the same bytes
//! ```

mod records;

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use sha2::{Digest as _, Sha256};
use trailhouse::event::columns::{EventColumns, RowContext};
use trailhouse::event::uid::push_event_uid;
use trailhouse::lake::layout::{RunId, Table};
use trailhouse::lake::{Belonging, EncodedFile, PART_BYTES, PartWriter, split};
use trailhouse::source::kestra::normalise::{MAPPING_VERSION, PLATFORM, identify, normalise};

use records::Random;

const SOURCE: &str = "kestra-prod";
/// Bytes of records in one chunk, as a run with 256 MiB of memory has.
const CHUNK: usize = 32 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["make", file] => make(file, 500_000),
        ["make", file, records] => make(file, records.parse()?),
        ["convert", file, folder] => convert(file, folder),
        ["floor", file] => floor(file),
        // `cargo bench` without words, and `cargo test`, run every bench once.
        _ => Ok(()),
    }
}

fn make(file: &str, records: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Random::new(42);
    let mut time = DateTime::parse_from_rfc3339("2026-09-01T00:00:00Z")?.to_utc();
    let mut out = BufWriter::new(File::create(file)?);
    for _ in 0..records {
        time += TimeDelta::milliseconds(i64::try_from(random.below(10_000))?);
        // One in a hundred is out of order, as late records are.
        let late = i64::from(random.below(100) == 0) * i64::try_from(random.below(60_000))?;
        let written = time - TimeDelta::milliseconds(late);
        let (record, _) = random.record(&written.to_rfc3339_opts(SecondsFormat::Millis, true))?;
        writeln!(out, "{record}")?;
    }
    Ok(out.flush()?)
}

fn floor(file: &str) -> Result<(), Box<dyn Error>> {
    let mut input = BufReader::with_capacity(1 << 20, File::open(file)?);
    let mut hash = Sha256::new();
    let mut packed = zstd::Encoder::new(std::io::sink(), 3)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        packed.write_all(&buffer[..read])?;
    }
    packed.finish()?;
    println!("{}", hex::encode(hash.finalize()));
    Ok(())
}

fn convert(file: &str, folder: &str) -> Result<(), Box<dyn Error>> {
    let run = RunId::new(DateTime::UNIX_EPOCH, 0);
    let mut input = BufReader::with_capacity(1 << 20, File::open(file)?);
    let (mut line, mut uid) = (Vec::new(), String::new());
    let (mut rows, mut files, mut number) = (0_u64, 0_u64, 0);
    let mut columns = columns(number);
    let mut bytes = 0;
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line)?;
        if read > 0 {
            let record = line.strip_suffix(b"\n").unwrap_or(&line);
            // As in a run, where the reader has looked at id and time before.
            identify(record)?;
            let event = normalise(record, None)?;
            uid.clear();
            let id = event.native_id.as_deref().unwrap_or_default();
            push_event_uid(&mut uid, SOURCE, event.tenant.as_deref(), id);
            columns.push(&event, &uid, std::str::from_utf8(record)?)?;
            bytes += record.len();
            rows += 1;
        }
        if bytes >= CHUNK || (read == 0 && !columns.is_empty()) {
            let batch = columns.finish()?;
            for part in split(Table::Events, &batch)? {
                let belonging = Belonging {
                    lake_id: "lake-0000000000000000".to_owned(),
                    batch_id: format!("{run}-{number:05}"),
                };
                let partition = part.partition.clone();
                let mut writer =
                    PartWriter::new(partition, run, number, belonging, [7; 32], PART_BYTES);
                let mut done = Vec::new();
                for step in part.steps(&batch)? {
                    done.extend(writer.push(&step?)?);
                }
                for file in done.into_iter().chain(writer.finish()?) {
                    write(folder, &file)?;
                    files += 1;
                }
            }
            number += 1;
            columns = self::columns(number);
            bytes = 0;
        }
        if read == 0 {
            break;
        }
    }
    println!("{rows} rows in {files} files");
    Ok(())
}

fn columns(chunk: u32) -> EventColumns {
    EventColumns::new(RowContext {
        ingested_at: DateTime::UNIX_EPOCH,
        batch_id: format!("chunk-{chunk}"),
        source: SOURCE.to_owned(),
        platform: PLATFORM,
        mapping_version: MAPPING_VERSION,
    })
}

fn write(folder: &str, file: &EncodedFile) -> Result<(), Box<dyn Error>> {
    let path = Path::new(folder).join(file.facts.file.to_string());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, &file.content)?)
}
