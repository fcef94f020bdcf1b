//! What it costs to turn records into rows: pages taken apart, records checked and normalised,
//! columns built; up to, and not including, the writing of Parquet. Beside it, in the same process
//! and over the same bytes, the floor that no lake can go below: `zstd -3` and SHA-256.
//!
//! `cargo bench --bench conversion -- [RECORDS]`, by default 500,000, about 260 MB. It runs on one
//! thread and prints CPU time. `ONLY=lines`
//! in the environment leaves out other stages, for a profiler.

mod records;

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use trailhouse::event::RowContext;
use trailhouse::event::columns::EventColumns;
use trailhouse::event::uid::push_event_uid;
use trailhouse::source::platform::kestra::client::page;
use trailhouse::source::platform::kestra::mapping::{
    MAPPING_VERSION, PLATFORM, identify, normalise,
};

use records::Random;

const SOURCE: &str = "kestra-prod";
/// Records on a page, the most that Kestra serves.
const PAGE: usize = 1000;
/// Rows in a batch of columns.
const BATCH: usize = 16_384;
/// Each stage is run so often, and the fastest run counts: other load only ever slows one down.
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(500_000);
    let only = std::env::var("ONLY").unwrap_or_default();
    let made = Made::new(count)?;
    let size = made.lines.len();
    let mut out = std::io::stdout();
    writeln!(out, "{count} records, {} MB", size / 1_000_000)?;
    writeln!(out, "{:40} {:>8} {:>8}", "", "CPU s", "MB/s")?;
    let mut report = |what: &str, seconds: f64| {
        let rate = size as f64 / 1e6 / seconds;
        writeln!(out, "{what:40} {seconds:8.3} {rate:8.0}")
    };

    let stages: [(&str, Stage); 8] = [
        ("floor: zstd -3", compress),
        ("floor: SHA-256", hash),
        ("pages taken apart", split),
        ("  and identified", split_identify),
        ("  and normalised", split_normalise),
        ("  and columns built", split_columns),
        ("lines identified, normalised, columns", lines_columns),
        ("(leaf hashes, for the lake)", lines_leaves),
    ];
    let (mut floor, mut whole) = (0.0, 0.0);
    for (name, stage) in stages {
        if !name.contains(&only) {
            continue;
        }
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            let start = cpu_seconds()?;
            stage(&made)?;
            best = best.min(cpu_seconds()? - start);
        }
        report(name, best)?;
        if name.starts_with("floor") {
            floor += best;
        }
        if name.starts_with("lines") {
            whole = best;
        }
    }
    writeln!(
        out,
        "conversion without Parquet / floor: {:.2}",
        whole / floor
    )?;
    Ok(())
}

fn compress(made: &Made) -> Result<(), Box<dyn Error>> {
    zstd::stream::copy_encode(&*made.lines, std::io::sink(), 3)?;
    Ok(())
}

fn hash(made: &Made) -> Result<(), Box<dyn Error>> {
    black_box(Sha256::digest(&made.lines));
    Ok(())
}

type Stage = fn(&Made) -> Result<(), Box<dyn Error>>;

fn split(made: &Made) -> Result<(), Box<dyn Error>> {
    for body in &made.pages {
        black_box(page::parse(body, 1000)?);
    }
    Ok(())
}

fn split_identify(made: &Made) -> Result<(), Box<dyn Error>> {
    for body in &made.pages {
        for returned in page::parse(body, 1000)?.records {
            black_box(identify(&returned.record).map_err(|it| it.unfit)?);
        }
    }
    Ok(())
}

fn split_normalise(made: &Made) -> Result<(), Box<dyn Error>> {
    for body in &made.pages {
        for returned in page::parse(body, 1000)?.records {
            black_box(identify(&returned.record).map_err(|it| it.unfit)?);
            black_box(normalise(&returned.record, returned.actor.as_deref())?);
        }
    }
    Ok(())
}

fn split_columns(made: &Made) -> Result<(), Box<dyn Error>> {
    let mut rows = Rows::new();
    for body in &made.pages {
        for returned in page::parse(body, 1000)?.records {
            rows.push(&returned.record, returned.actor.as_deref())?;
        }
    }
    Ok(())
}

fn lines_columns(made: &Made) -> Result<(), Box<dyn Error>> {
    let mut rows = Rows::new();
    for line in lines(&made.lines) {
        rows.push(line, None)?;
    }
    Ok(())
}

/// RFC 6962 leaves with a salt for each row, as the roots in the ledger are made of.
fn lines_leaves(made: &Made) -> Result<(), Box<dyn Error>> {
    let salts = Hmac::<Sha256>::new_from_slice(&[7; 32])?;
    for (row, line) in lines(&made.lines).enumerate() {
        let mut salt = salts.clone();
        salt.update(&(row as u64).to_be_bytes());
        let salt = salt.finalize().into_bytes();
        let mut leaf = Sha256::new();
        leaf.update([0]);
        leaf.update(&salt[..16]);
        leaf.update(line);
        black_box(leaf.finalize());
    }
    Ok(())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', text).map(move |at| {
        let line = &text[from..at];
        from = at + 1;
        line
    })
}

/// What a run does with each record, writing aside.
struct Rows {
    columns: EventColumns,
    uid: String,
}

impl Rows {
    fn new() -> Self {
        Self {
            columns: EventColumns::new(RowContext {
                ingested_at: DateTime::UNIX_EPOCH,
                batch_id: "01JD3Q4".to_owned(),
                source: SOURCE.to_owned(),
                platform: PLATFORM,
                mapping_version: MAPPING_VERSION,
            }),
            uid: String::new(),
        }
    }

    fn push(&mut self, record: &[u8], user: Option<&[u8]>) -> Result<(), Box<dyn Error>> {
        black_box(identify(record).map_err(|it| it.unfit)?);
        let event = normalise(record, user)?;
        self.uid.clear();
        let id = event.native_id.as_deref().unwrap_or_default();
        push_event_uid(&mut self.uid, SOURCE, event.tenant.as_deref(), id);
        self.columns.push(&event, &self.uid)?;
        if self.columns.len() == BATCH {
            black_box(self.columns.finish()?);
        }
        Ok(())
    }
}

/// CPU time of this thread so far.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    // Nanoseconds on a CPU come first; a clock tick, as in /proc/self/stat, is too coarse.
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos / 1e9)
}

/// The same records in both forms.
struct Made {
    lines: Vec<u8>,
    pages: Vec<Bytes>,
}

impl Made {
    fn new(count: usize) -> Result<Self, Box<dyn Error>> {
        let mut random = Random::new(42);
        let mut time = DateTime::parse_from_rfc3339("2026-09-01T00:00:00Z")?.to_utc();
        let mut lines = Vec::new();
        let mut pages = Vec::new();
        let mut page = String::new();
        let mut on_page = 0;
        for _ in 0..count {
            time += TimeDelta::milliseconds(i64::try_from(random.below(30_000))?);
            let (record, user) =
                random.record(&time.to_rfc3339_opts(SecondsFormat::Millis, true))?;
            lines.extend_from_slice(record.as_bytes());
            lines.push(b'\n');
            page.push_str(if page.is_empty() {
                "{\"results\":["
            } else {
                ","
            });
            write!(page, "{{\"auditLog\":{record},\"user\":{user}}}")?;
            on_page += 1;
            if on_page == PAGE {
                write!(page, "],\"total\":{on_page}}}")?;
                pages.push(Bytes::from(std::mem::take(&mut page)));
                on_page = 0;
            }
        }
        if on_page > 0 {
            write!(page, "],\"total\":{on_page}}}")?;
            pages.push(Bytes::from(page));
        }
        Ok(Self { lines, pages })
    }
}
