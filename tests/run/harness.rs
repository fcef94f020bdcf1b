//! A platform, a store and a job between them, all in this process and at a time of the test's
//! choosing.

use super::lake::Lake;
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use trailhouse::clock::Clock;
use trailhouse::config::Start;
use trailhouse::event::redact::Redaction;
use trailhouse::lake::layout::RunId;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{Body, Receipt, Trust};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::log::EntryDraft;
use trailhouse::report::verify::{Verified, VerifyDepth, verify};
use trailhouse::run::{
    Job, JobBounds, JobSource, LedgerAccess, RunError, RunOptions, Seed, Summary, Unobserved,
    execute,
};
use trailhouse::source::http::{Auth, Client, ClockFn, HttpSettings, LazySecret, Retry};
use trailhouse::source::paged::Paged;
use trailhouse::source::platform::kestra::{Dialect, Kestra};
use trailhouse::source::{Tenant, Wording};
use trailhouse::store::{Bucket, Patience};
use trailhouse_demo::Serving;
use trailhouse_demo::kestra::{NewEvent, Options, Platform};

/// Id of the source.
pub(super) const SOURCE: &str = "kestra-test";

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Time as the platform tells it.
pub(super) struct PlatformClock(pub(super) Platform);

impl Clock for PlatformClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// An empty platform whose clock stands.
pub(super) fn quiet(now: &str) -> Options {
    Options {
        events: 0,
        days: 3,
        clock: Some(at(now)),
        end: Some(at(now)),
        oracle: true,
        ..Options::default()
    }
}

/// A platform being served.
pub(super) struct Rig {
    pub(super) platform: Platform,
    pub(super) serving: Serving,
}

impl Rig {
    pub(super) async fn new(options: &Options) -> Self {
        let platform = Platform::new(options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = platform.serve(listener).unwrap();
        Self { platform, serving }
    }

    /// Settings of a client that is in a hurry and lives in the platform's time.
    pub(super) fn settings(&self) -> HttpSettings {
        let platform = self.platform.clone();
        hasty(&self.serving, Arc::new(move || platform.now()))
    }

    /// The platform as a source that reads `tenants`, small page after small page.
    pub(super) fn source(&self, tenants: Vec<Tenant>) -> JobSource {
        self.source_with(self.settings(), Dialect::V2, tenants)
    }

    pub(super) fn source_with(
        &self,
        settings: HttpSettings,
        dialect: Dialect,
        tenants: Vec<Tenant>,
    ) -> JobSource {
        Self::source_of(settings, Wording::Kept, dialect, tenants)
    }

    pub(super) fn source_of(
        settings: HttpSettings,
        wording: Wording,
        dialect: Dialect,
        tenants: Vec<Tenant>,
    ) -> JobSource {
        let client = Client::new(settings, wording).unwrap();
        let kestra = Kestra::new(client, dialect, tenants).unwrap();
        JobSource {
            id: SOURCE.to_owned(),
            source: Arc::new(Paged::new(kestra.with_page_size(40))),
            redaction: Arc::new(Redaction::none()),
            start: Start::Earliest,
            settle: TimeDelta::minutes(5),
            overlap: TimeDelta::minutes(30),
            limits: Default::default(),
        }
    }

    /// A job that reads tenant `main` into `store`.
    pub(super) fn job(&self, store: &FaultyStore) -> Job {
        let source = self.source(vec![Tenant::Named("main".to_owned())]);
        self.job_of(store, vec![source])
    }

    pub(super) fn job_of(&self, store: &FaultyStore, sources: Vec<JobSource>) -> Job {
        job_at(
            Arc::new(PlatformClock(self.platform.clone())),
            store,
            sources,
        )
    }

    /// Adds `count` records of two categories, evenly spread over a span of time.
    pub(super) fn fill(&self, from: DateTime<Utc>, to: DateTime<Utc>, count: i32) {
        let step = (to - from) / count;
        for nth in 0..count {
            let (action, resource) = match nth % 3 {
                0 => ("LOGIN", "USER"),
                _ => ("CREATE", "EXECUTION"),
            };
            self.platform.push(NewEvent {
                action: action.to_owned(),
                resource: resource.to_owned(),
                ..NewEvent::at(from + step * nth)
            });
        }
    }
}

/// A job that reads `sources` into `store`, at the time of `clock`.
pub(super) fn job_at(clock: Arc<dyn Clock>, store: &FaultyStore, sources: Vec<JobSource>) -> Job {
    Job {
        bucket: Bucket::around(Arc::new(store.clone())),
        access: LedgerAccess::Write(key()),
        config_sha256: Digest::of(b"config"),
        sources,
        warehouses: Vec::new(),
        retention: None,
        retain: false,
        bounds: JobBounds {
            memory: 64 << 20,
            chunk_rows: 100,
            chunk_time: Duration::from_secs(3_600),
        },
        patience: Patience {
            attempts: 5,
            wait: Duration::from_millis(1),
        },
        clock,
    }
}

/// Settings of a client of a double: it is in a hurry, and lives in the time that the double tells.
pub(super) fn hasty(serving: &Serving, now: ClockFn) -> HttpSettings {
    HttpSettings {
        timeout: Duration::from_secs(60),
        retry: Retry {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(4),
            longest_told: Duration::from_millis(4),
            patience: Duration::from_secs(30),
            tries_of_failure: 3,
        },
        now,
        ..HttpSettings::new(serving.url().parse().unwrap(), bearer("demo-token"))
    }
}

pub(super) fn bearer(token: &'static str) -> Auth {
    Auth::Bearer(LazySecret::new(move || Ok(token.into())))
}

pub(super) fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed("test/writer", &[1; 32]).unwrap())
}

/// An empty store in memory.
pub(super) fn empty() -> FaultyStore {
    around(InMemory::new())
}

pub(super) fn around(store: impl ObjectStore) -> FaultyStore {
    FaultyStore::around(Arc::new(store))
}

/// Runs a job to its end.
pub(super) async fn try_run(job: &Job, options: &RunOptions) -> Result<Summary, RunError> {
    // The sender must live as long as the run: without it, nobody could tell it to stop.
    let (_stop, stopped) = watch::channel(false);
    execute(job, options, stopped, &Unobserved).await
}

pub(super) async fn run(job: &Job) -> Summary {
    try_run(job, &RunOptions::default()).await.unwrap()
}

/// Runs a job that must end well: nothing failed, no hole, no gap.
pub(super) async fn run_well(job: &Job) -> Summary {
    let summary = run(job).await;
    for source in &summary.sources {
        assert!(source.failure.is_none(), "{:?}", source.failure);
        assert!(source.complete, "told to stop");
        assert!(source.holes.is_empty(), "{:?}", source.holes);
        assert!(source.gaps.is_empty(), "{:?}", source.recounts);
    }
    summary
}

/// A run whose names and salts are fixed.
pub(super) fn fixed(now: DateTime<Utc>, nonce: u32) -> RunOptions {
    RunOptions {
        identity: Some((RunId::new(now, nonce), Seed([7; 32]))),
        ..RunOptions::default()
    }
}

/// Runs a job until it ends (`Some`) or an operation of the store hangs, at which it is killed.
pub(super) async fn run_until_hung(job: &Job, store: &FaultyStore) -> Option<Summary> {
    tokio::select! {
        summary = run(job) => Some(summary),
        () = store.hung() => None,
    }
}

/// Verifies everything there is to verify.
pub(super) async fn verified(store: &FaultyStore) -> Verified {
    let depth = VerifyDepth {
        deep: true,
        since: None,
    };
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let bucket = Bucket::around(Arc::new(store.clone()));
    verify(&bucket, trust, depth, &|_, _| {}).await.unwrap()
}

/// Reads the lake back after verifying it.
pub(super) async fn sound_lake(store: &FaultyStore) -> Lake {
    let verified = verified(store).await;
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    Lake::read(store).await
}

/// An entry that says nothing.
pub(super) fn receipt(now: DateTime<Utc>) -> EntryDraft {
    EntryDraft {
        run_id: "20251125T000000Z-00000000".into(),
        written_at: now,
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        body: Body::Receipt(Box::new(Receipt {
            started_at: now,
            sources: vec![],
            recounts: vec![],
            future: vec![],
            horizons: vec![],
            warehouses: vec![],
            origins: vec![],
        })),
    }
}
