//! A lake of many live files: what its state weighs, in memory and in the cache, how long it takes to
//! load, and how long planning and applying retention take.
//!
//! ```text
//! cargo bench --no-default-features --bench retention -- 1000000
//! ```
//!
//! The lake is a ledger in a temporary folder whose entries name files as real ones do; only the files that
//! are due are there. Each step is a process of its own, so that the memory of one is not that of
//! another. Nothing is loaded into a warehouse.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use trailhouse::clock::Clock;
use trailhouse::decision::plan_id;
use trailhouse::decision::retention::Confirmation;
use trailhouse::lake::layout::{RunId, Table};
use trailhouse::lake::{ColumnStatistics, FileStatistics};
use trailhouse::ledger::digest::{Digest, Md5};
use trailhouse::ledger::entry::{
    Body, Counts, Covered, DayCount, FileEntry, Ingest, InstantRange, Trust,
};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::{EntryDraft, Founding, Log};
use trailhouse::ledger::state::{State, StateSize};
use trailhouse::policy::{AsOf, Conditions, Policy, Rule};
use trailhouse::retention::{RetentionPlan, plan};
use trailhouse::run::{Job, JobBounds, LedgerAccess, Unobserved, retain};
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
const FILES: usize = 250;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [step, folder, files] = words[..] {
        let lake = Lake::in_folder(folder)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()?;
        return runtime.block_on(async {
            match step {
                "make" => lake.make(files.parse()?).await,
                "load" => lake.load().await,
                "due" => lake.make_due().await,
                "apply" => lake.apply().await,
                other => Err(format!("there is no step {other}").into()),
            }
        });
    }
    // `cargo bench` without words, and `cargo test`, run every bench once.
    let Some(files) = words.iter().find(|word| word.parse::<usize>().is_ok()) else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    for step in ["make", "load", "due", "apply"] {
        let mut child = Command::new(std::env::current_exe()?);
        let status = child.arg(step).arg(folder.path()).arg(files).status()?;
        if !status.success() {
            return Err(format!("{step} ended with {status}").into());
        }
    }
    Ok(())
}

/// A clock that stands.
struct Stands(DateTime<Utc>);

impl Clock for Stands {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

struct Lake {
    bucket: Bucket,
    key: Arc<SigningKey>,
    now: DateTime<Utc>,
    first: NaiveDate,
}

impl Lake {
    fn in_folder(folder: &str) -> Result<Self, Box<dyn Error>> {
        let first: NaiveDate = "2025-01-01".parse()?;
        let end = first + Days::new(DAYS);
        Ok(Self {
            bucket: Bucket::open(&format!("file://{folder}"), &BTreeMap::new())?,
            key: Arc::new(SigningKey::from_seed("bench/writer", &[1; 32])?),
            now: end.and_time(chrono::NaiveTime::MIN).and_utc(),
            first,
        })
    }

    async fn make(&self, files: usize) -> Result<(), Box<dyn Error>> {
        let log = Log::new(self.bucket.clone(), Some(Arc::clone(&self.key)));
        let founding = Founding {
            run_id: RunId::new(self.now, 0).to_string(),
            now: self.now,
            witnesses: vec![],
            config_sha256: Digest::of(b"config"),
            sources: vec![SOURCE.to_owned()],
        };
        let mut state = log.found(&founding).await?;
        let entries = files.div_ceil(FILES);
        let watch = Watch::start();
        for number in 0..entries {
            let date = self.first + Days::new(number as u64 * DAYS / entries as u64);
            let draft = EntryDraft {
                run_id: RunId::new(self.now, nonce(number)).to_string(),
                written_at: self.now,
                witnesses: vec![],
                config_sha256: Digest::of(b"config"),
                body: Body::Ingest(Box::new(ingest(u32::try_from(number)?, date, self.now)?)),
            };
            log.commit(&mut state, &draft).await?;
        }
        watch.said("entries committed");
        let watch = Watch::start();
        log.save_cache(&state).await?;
        watch.said("state cache saved");
        let listed = self.bucket.list("ledger/state/", None);
        let sizes: Vec<u64> = listed.map_ok(|object| object.bytes).try_collect().await?;
        let bytes: u64 = sizes.iter().sum();
        let files = state.live_files().count() as u64;
        println!(
            "{files} live files; in the cache {} bytes for each",
            bytes / files.max(1)
        );
        Ok(())
    }

    async fn state(&self) -> Result<State, Box<dyn Error>> {
        let trust = Trust::Keys(vec![self.key.verifier().clone()]);
        let state = Log::read_only(self.bucket.clone(), trust).load().await?;
        Ok(state.ok_or("no state")?)
    }

    async fn load(&self) -> Result<(), Box<dyn Error>> {
        let before = resident("VmRSS:");
        let watch = Watch::start();
        let state = self.state().await?;
        watch.said("state loaded");
        let size = StateSize::of(&state, u64::MAX);
        println!(
            "in memory {} bytes for each file, {} by the books; peak while it was loaded {} MiB",
            (resident("VmRSS:") - before) / size.files.max(1),
            size.bytes / size.files.max(1),
            resident("VmHWM:") >> 20
        );
        let watch = Watch::start();
        let planned = self.planned(&state)?;
        watch.said("retention planned");
        println!(
            "{} files of {} partitions are due",
            planned.total().files,
            planned.due.len()
        );
        Ok(())
    }

    fn planned(&self, state: &State) -> Result<RetentionPlan, Box<dyn Error>> {
        Ok(plan(state, &policy()?, AsOf::date(self.now.date_naive())))
    }

    /// Puts something under the name of each file that is due.
    async fn make_due(&self) -> Result<(), Box<dyn Error>> {
        let state = self.state().await?;
        let mut names = Vec::new();
        for part in &self.planned(&state)?.due {
            let of_date = state.files.get(&part.date).into_iter().flatten();
            let due = of_date.filter(|live| part.takes(live.sequence, &live.file));
            names.extend(due.map(|live| live.file.path.to_string()));
        }
        let rows = Bytes::from_static(b"rows");
        let made = futures::stream::iter(&names).map(|name| self.bucket.create(name, rows.clone()));
        let made: Vec<_> = made.buffer_unordered(16).collect().await;
        for made in made {
            made?;
        }
        Ok(())
    }

    async fn apply(&self) -> Result<(), Box<dyn Error>> {
        let watch = Watch::start();
        let state = self.state().await?;
        let id = plan_id(&state.lake_id, &self.planned(&state)?)?;
        drop(state);
        let policy = policy()?;
        let job = Job {
            bucket: self.bucket.clone(),
            access: LedgerAccess::Write(Arc::clone(&self.key)),
            config_sha256: Digest::of(b"config"),
            sources: Vec::new(),
            warehouses: Vec::new(),
            retention: Some(policy.clone()),
            retain: false,
            bounds: JobBounds {
                memory: 256 << 20,
                chunk_rows: 1,
                chunk_time: Duration::from_secs(1),
            },
            patience: Patience::default(),
            clock: Arc::new(Stands(self.now)),
        };
        let confirmation = Confirmation {
            plan: id,
            by: "bench".to_owned(),
        };
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let done = retain(&job, &policy, Some(&confirmation), stopped, &Unobserved).await?;
        watch.said("planned and applied, from loading the state to saving it");
        let removed = done.carried_out.iter().flat_map(|it| &it.files);
        let removed: u64 = removed.map(|files| files.removed).sum();
        println!(
            "{} decisions, {removed} files removed; peak memory of all that {} MiB",
            done.decided.len(),
            resident("VmHWM:") >> 20
        );
        Ok(())
    }
}

/// A number of a run, as unlike the next as those of real ones.
fn nonce(number: usize) -> u32 {
    let digest = Digest::of(&number.to_le_bytes()).0;
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
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
    let run = RunId::new(now, nonce(number as usize));
    let from =
        date.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::milliseconds(number.into());
    let window = Window::new(from, from + TimeDelta::milliseconds(1)).ok_or("no window")?;
    let text = |value: &str| Some(value.to_owned());
    let files = (0..FILES).map(|part| {
        let category = CATEGORIES[part % CATEGORIES.len()];
        let path =
            format!("events/date={date}/cat={category}/src={SOURCE}/{run}-00000-{part:03}.parquet");
        let sha256 = Digest::of(path.as_bytes());
        let root = Digest::of(&sha256.0);
        // As unlike as those of real files.
        let vary = |nth: usize| u64::from(root.0[nth]) << 8 | u64::from(root.0[nth + 1]);
        let column = |min: &str, max: &str, nulls| ColumnStatistics {
            min: text(min),
            max: text(max),
            nulls,
        };
        let micros = |number: u64| TimeDelta::microseconds(number.cast_signed());
        FileEntry {
            sha256,
            md5: root.0.first_chunk().copied().map(Md5),
            records_root: root,
            path: path.into(),
            table: Table::Events,
            date,
            category: Some(category.into()),
            source: SOURCE.into(),
            bytes: 40_000 + vary(0),
            rows: 500 + vary(2) % 256,
            times: Some(InstantRange {
                first: window.from + micros(vary(4)),
                last: window.from + micros(vary(4) + vary(6) * vary(8)),
            }),
            statistics: FileStatistics {
                kept_bytes: 300_000 + vary(10),
                columns: [
                    ("action".to_owned(), column("CREATE", "UPDATE", 0)),
                    (
                        "namespace".to_owned(),
                        column("company.finance", "company.sales", vary(12) % 100),
                    ),
                    ("outcome".to_owned(), column("failure", "success", 0)),
                    ("resource_type".to_owned(), column("EXECUTION", "FLOW", 0)),
                    ("tenant".to_owned(), column("main", "main", 0)),
                    (
                        "workflow".to_owned(),
                        column("daily-report", "weekly-sync", vary(14) % 100),
                    ),
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
        axis: None,
        imported: None,
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
            objects: None,
        }],
        changed: Vec::new(),
        redaction: Vec::new(),
        files,
    })
}

/// How long something takes: on the wall, and of the processor.
struct Watch {
    wall: Instant,
    processor: f64,
}

impl Watch {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            processor: processor_seconds(),
        }
    }

    fn said(&self, what: &str) {
        println!(
            "{what}: {:.2} s, of the processor {:.2} s",
            self.wall.elapsed().as_secs_f64(),
            processor_seconds() - self.processor
        );
    }
}

/// Seconds that this process has had of the processor, where the system tells.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name of the program, which may have spaces.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Bytes of memory that the process has, where the system tells.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
