//! Retention over many live files: how long planning and applying take, and what the state weighs.
//!
//! ```text
//! cargo bench --no-default-features --bench retention -- 1000000
//! ```
//!
//! The lake is a ledger in memory whose entries name files as real ones do; only the files that are due
//! are there. Nothing is loaded into a warehouse.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use futures::StreamExt as _;
use object_store::memory::InMemory;
use tokio::sync::watch;
use trailhouse::clock::Clock;
use trailhouse::decision::plan_id;
use trailhouse::decision::retention::Confirmation;
use trailhouse::lake::layout::{RunId, Table};
use trailhouse::lake::{ColumnStatistics, FileStatistics};
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, Counts, Covered, DayCount, FileEntry, Ingest, TimeRange, Trust,
};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::{Draft, Founding, Log};
use trailhouse::ledger::state::State;
use trailhouse::policy::{AsOf, Conditions, Policy, Rule};
use trailhouse::retention::plan;
use trailhouse::run::{Access, Bounds, Job, Unobserved, retain};
use trailhouse::store::{Bucket, Patience};
use trailhouse::window::Window;

const SOURCE: &str = "kestra-prod";
const CATEGORIES: [&str; 5] = [
    "execution",
    "authentication",
    "resource_management",
    "access_control",
    "data_access",
];
/// Dates of the lake.
const DAYS: u64 = 400;
/// Files of one entry.
const FILES: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` without words, and `cargo test`, run every bench once.
    let Some(files) = arguments.iter().find_map(|word| word.parse().ok()) else {
        return Ok(());
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?
        .block_on(measure(files))
}

/// A clock that stands.
struct Stands(DateTime<Utc>);

impl Clock for Stands {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

async fn measure(files: usize) -> Result<(), Box<dyn Error>> {
    let first: NaiveDate = "2025-01-01".parse()?;
    let now = (first + Days::new(DAYS))
        .and_time(chrono::NaiveTime::MIN)
        .and_utc();
    let key = Arc::new(SigningKey::from_seed("bench/writer", &[1; 32])?);
    let bucket = Bucket::around(Arc::new(InMemory::new()));
    let log = Log::new(bucket.clone(), Some(Arc::clone(&key)));
    let founding = Founding {
        run_id: RunId::new(now, 0).to_string(),
        now,
        witnesses: vec![],
        config_sha256: Digest::of(b"config"),
        sources: vec![SOURCE.to_owned()],
    };
    let mut state = log.found(&founding).await?;
    let entries = files.div_ceil(FILES);
    let started = Instant::now();
    for number in 0..entries {
        let date = first + Days::new(number as u64 * DAYS / entries as u64);
        let draft = Draft {
            run_id: RunId::new(now, u32::try_from(number)?).to_string(),
            written_at: now,
            witnesses: vec![],
            config_sha256: Digest::of(b"config"),
            body: Body::Ingest(Box::new(ingest(u32::try_from(number)?, date, now)?)),
        };
        log.commit(&mut state, &draft).await?;
    }
    said("entries committed", started);
    let started = Instant::now();
    log.save_cache(&state).await?;
    said("state cache saved", started);
    drop(state);
    memory("after that");

    let trust = Trust::Keys(vec![key.verifier().clone()]);
    let started = Instant::now();
    let state = Log::read_only(bucket.clone(), trust).load().await?;
    let state = state.ok_or("no state")?;
    said("state loaded", started);
    memory("with the state");
    println!("{} live files", state.live_files().count());

    let policy = policy()?;
    let started = Instant::now();
    let planned = plan(&state, &policy, AsOf::date(now.date_naive()));
    let id = plan_id(&state.lake_id, &planned)?;
    said("planned", started);
    println!(
        "{} files of {} partitions are due",
        planned.total().files,
        planned.due.len()
    );
    make_due(&bucket, &state, &planned).await?;
    drop((state, planned));

    let job = Job {
        bucket,
        access: Access::Write(key),
        config_sha256: Digest::of(b"config"),
        sources: Vec::new(),
        warehouses: Vec::new(),
        retention: Some(policy.clone()),
        retain: false,
        bounds: Bounds {
            memory: 256 << 20,
            chunk_rows: 1,
            chunk_time: Duration::from_secs(1),
        },
        patience: Patience::default(),
        clock: Arc::new(Stands(now)),
    };
    let confirmation = Confirmation {
        plan: id,
        by: "bench".to_owned(),
    };
    let (_stop, stopped) = watch::channel(false);
    let started = Instant::now();
    let done = retain(&job, &policy, Some(&confirmation), stopped, &Unobserved).await?;
    said("applied, from loading the state to saving it", started);
    let removed = done.carried_out.iter().flat_map(|it| &it.files);
    let removed: u64 = removed.map(|files| files.removed).sum();
    println!("{} decisions, {removed} files removed", done.decided.len());
    memory("at most");
    Ok(())
}

/// Rules by which some percent of the lake are due.
fn policy() -> Result<Policy, Box<dyn Error>> {
    Ok(Policy {
        rules: vec![Rule {
            name: "executions".to_owned(),
            conditions: Conditions {
                category: vec!["execution".to_owned()],
                ..Conditions::default()
            },
            keep: "350d".parse()?,
        }],
        default: "395d".parse()?,
        platforms: [(SOURCE.to_owned(), "kestra".to_owned())].into(),
    })
}

fn ingest(number: u32, date: NaiveDate, now: DateTime<Utc>) -> Result<Ingest, Box<dyn Error>> {
    let run = RunId::new(now, number);
    let from =
        date.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::milliseconds(number.into());
    let window = Window::new(from, from + TimeDelta::milliseconds(1)).ok_or("no window")?;
    let text = |value: &str| Some(value.to_owned());
    let files = (0..FILES).map(|part| {
        let category = CATEGORIES[part % CATEGORIES.len()];
        let column = |min: &str, max: &str| ColumnStatistics {
            min: text(min),
            max: text(max),
            nulls: 0,
        };
        let path =
            format!("events/date={date}/cat={category}/src={SOURCE}/{run}-00000-{part:03}.parquet");
        FileEntry {
            sha256: Digest::of(path.as_bytes()),
            md5: None,
            records_root: Digest::of(b"root"),
            path: path.into(),
            table: Table::Events,
            date,
            category: Some(category.into()),
            source: SOURCE.into(),
            bytes: 40_000,
            rows: 500,
            times: Some(TimeRange {
                first: window.from,
                last: window.from,
            }),
            statistics: FileStatistics {
                kept_bytes: 300_000,
                columns: [
                    ("action".to_owned(), column("CREATE", "UPDATE")),
                    (
                        "namespace".to_owned(),
                        column("company.finance", "company.sales"),
                    ),
                    ("outcome".to_owned(), column("failure", "success")),
                    ("resource_type".to_owned(), column("EXECUTION", "FLOW")),
                    ("tenant".to_owned(), column("main", "main")),
                    ("workflow".to_owned(), column("daily-report", "weekly-sync")),
                ]
                .into(),
            }
            .into(),
        }
    });
    let files: Vec<FileEntry> = files.collect();
    let rows = files.iter().map(|file| file.rows).sum();
    Ok(Ingest {
        source: SOURCE.to_owned(),
        platform: "kestra".to_owned(),
        batch_id: format!("{run}-00000"),
        schema_version: 1,
        mapping_version: 1,
        covered: vec![Covered {
            tenant: "main".to_owned(),
            window,
        }],
        reread: Vec::new(),
        holes: Vec::new(),
        days: vec![DayCount {
            tenant: "main".to_owned(),
            date,
            counts: Counts {
                returned: rows,
                added: rows,
                ..Counts::default()
            },
            expected: None,
        }],
        changed: Vec::new(),
        redaction: Vec::new(),
        files,
    })
}

/// Puts something under the name of each file that is due.
async fn make_due(
    bucket: &Bucket,
    state: &State,
    planned: &trailhouse::retention::RetentionPlan,
) -> Result<(), Box<dyn Error>> {
    let mut names = Vec::new();
    for part in &planned.due {
        let of_date = state.files.get(&part.date).into_iter().flatten();
        let due = of_date.filter(|live| part.takes(live.sequence, &live.file));
        names.extend(due.map(|live| live.file.path.to_string()));
    }
    let made = futures::stream::iter(names)
        .map(|name| async move { bucket.create(&name, Bytes::from_static(b"rows")).await });
    let made: Vec<_> = made.buffer_unordered(16).collect().await;
    for made in made {
        made?;
    }
    Ok(())
}

fn said(what: &str, started: Instant) {
    println!("{what}: {:.2} s", started.elapsed().as_secs_f64());
}

/// What the process has taken, where the system tells.
fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("unknown").trim().to_owned()
    };
    println!("memory {when}: {}, peak {}", of("VmRSS:"), of("VmHWM:"));
}
