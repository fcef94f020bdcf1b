//! The whole conversion as a process of its own, to be timed from outside: NDJSON to partitioned
//! Parquet in our schema, raw text kept, every record hashed, rows sorted by time.
//!
//! ```text
//! cargo bench --bench convert -- make FILE [RECORDS]      500,000 records, about 260 MB
//! cargo bench --bench convert -- convert FILE FOLDER
//! cargo bench --bench convert -- floor FILE               zstd -3 and SHA-256 of the same bytes
//! ```

mod records;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use trailhouse::event::RowContext;
use trailhouse::event::columns::EventBatches;
use trailhouse::event::uid::push_event_uid;
use trailhouse::lake::layout::{RunId, Table};
use trailhouse::lake::{Belonging, EncodedFile, PART_BYTES, PartWriter, split};
use trailhouse::source::platform::kestra::mapping::{
    MAPPING_VERSION, PLATFORM, identify, normalise,
};

use records::Random;

const SOURCE: &str = "kestra-prod";
/// Bytes read at once, about as much as a response of 1,000 records has.
const BLOCK: usize = 1 << 20;

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
    let mut input = File::open(file)?;
    let mut converter = Converter {
        folder,
        run: RunId::new(DateTime::UNIX_EPOCH, 0),
        chunk: 0,
        rows: 0,
        files: 0,
    };
    let mut dates: BTreeMap<NaiveDate, Vec<Line>> = BTreeMap::new();
    let mut rest = Vec::new();
    loop {
        // Records are slices of what was read, as those of a run are slices of a response.
        let mut block = std::mem::replace(&mut rest, Vec::with_capacity(BLOCK + BLOCK / 4));
        let ended = (&mut input).take(BLOCK as u64).read_to_end(&mut block)? == 0;
        let whole = memchr::memrchr(b'\n', &block).map_or(0, |last| last + 1);
        rest.extend_from_slice(&block[whole..]);
        let block = Bytes::from(block);
        let mut newest = DateTime::<Utc>::MIN_UTC;
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', &block[..whole]) {
            let record = block.slice(from..end);
            from = end + 1;
            // As in a run, where the reader looks at id and time first.
            let identity = identify(&record).map_err(|it| it.unfit)?;
            let (time, id) = (identity.time, identity.native_id.into());
            newest = newest.max(time);
            let line = Line { time, id, record };
            dates.entry(time.date_naive()).or_default().push(line);
        }
        if ended {
            break;
        }
        // A run knows when it has all of a date; here nothing is later than this.
        let open = (newest - TimeDelta::minutes(2)).date_naive();
        while let Some(first) = dates.first_entry()
            && *first.key() < open
        {
            converter.chunk(first.remove())?;
        }
    }
    for lines in dates.into_values() {
        converter.chunk(lines)?;
    }
    println!("{} rows in {} files", converter.rows, converter.files);
    Ok(())
}

/// A record with what tells its place.
struct Line {
    time: DateTime<Utc>,
    id: Box<str>,
    record: Bytes,
}

struct Converter<'a> {
    folder: &'a str,
    run: RunId,
    chunk: u32,
    rows: u64,
    files: u64,
}

impl Converter<'_> {
    /// Writes the records of one date.
    fn chunk(&mut self, mut lines: Vec<Line>) -> Result<(), Box<dyn Error>> {
        lines.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        let batch_id = format!("{}-{:05}", self.run, self.chunk);
        let mut rows = EventBatches::new(RowContext {
            ingested_at: DateTime::UNIX_EPOCH,
            batch_id: batch_id.clone(),
            source: SOURCE.to_owned(),
            platform: PLATFORM,
            mapping_version: MAPPING_VERSION,
        });
        let mut uid = String::new();
        for line in &lines {
            let event = normalise(&line.record, None)?;
            uid.clear();
            let id = event.native_id.as_deref().unwrap_or_default();
            push_event_uid(&mut uid, SOURCE, event.tenant.as_deref(), id);
            rows.push(&event, &uid)?;
        }
        self.rows += lines.len() as u64;
        drop(lines);
        for batches in rows.finish()? {
            for (partition, batches) in split(Table::Events, batches)? {
                let belonging = Belonging {
                    lake_id: "lake-0000000000000000".to_owned(),
                    batch_id: batch_id.clone(),
                };
                let (run, chunk) = (self.run, self.chunk);
                let mut writer =
                    PartWriter::new(partition, run, chunk, belonging, [7; 32], PART_BYTES);
                let mut files = Vec::new();
                for batch in batches {
                    files.extend(writer.push(&batch)?);
                }
                files.extend(writer.finish()?);
                for file in files {
                    write(self.folder, &file)?;
                    self.files += 1;
                }
            }
        }
        self.chunk += 1;
        Ok(())
    }
}

fn write(folder: &str, file: &EncodedFile) -> Result<(), Box<dyn Error>> {
    let path = Path::new(folder).join(file.facts.file.to_string());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, &file.content)?)
}
