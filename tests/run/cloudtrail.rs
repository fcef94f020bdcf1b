//! CloudTrail: event history over its double, and trails as they are delivered, into a lake.

mod digests;

use super::harness::{at, empty, hasty, job_at, run, run_well, sound_lake};
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::aws::AwsCredential;
use object_store::client::StaticCredentialProvider;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore as _, PutOptions, PutPayload};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use trailhouse::clock::Clock;
use trailhouse::config::{Config, Start};
use trailhouse::event::redact::Redaction;
use trailhouse::ledger::entry::CoverageAxis;
use trailhouse::run::{Asking, Job, JobSource, open_sources};
use trailhouse::source::conformance::{KnownFeed, check_feed, check_under_faults};
use trailhouse::source::cursor::Cursor;
use trailhouse::source::http::{Auth, AwsAuth, Client, HttpSettings};
use trailhouse::source::objects::ObjectFeed;
use trailhouse::source::platform::cloudtrail::client::api;
use trailhouse::source::platform::cloudtrail::{CloudTrail, EventHistory, EventSources};
use trailhouse::source::{Source, SourceError, Tenant, Wording};
use trailhouse::store::Bucket;
use trailhouse::window::Window;
use trailhouse_demo::Serving;
use trailhouse_demo::cloudtrail::{
    CloudTrailApi, Delivered, DigestChain, DigestKey, NewRecord, Options, STEP_FUNCTIONS, Trail,
};

const NOW: &str = "2026-11-20T06:00:00Z";
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

/// Time as the service tells it.
struct ServiceClock(CloudTrailApi);

impl Clock for ServiceClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

fn feed() -> Tenant {
    Tenant::Named(format!("{ACCOUNT}/{REGION}"))
}

/// A client of the service in a region, with a key.
fn client(api: &CloudTrailApi, serving: &Serving, key: &str, region: &str) -> Client {
    let credential = AwsCredential {
        key_id: key.to_owned(),
        secret_key: "demo-secret".to_owned(),
        token: None,
    };
    let api = api.clone();
    let settings = HttpSettings {
        auth: Auth::Aws(AwsAuth {
            credentials: Arc::new(StaticCredentialProvider::new(credential)),
            service: api::SERVICE.to_owned(),
            region: region.to_owned(),
        }),
        ..hasty(serving, Arc::new(move || api.now()))
    };
    api::client(settings, Wording::Kept).unwrap()
}

/// Event history being served.
struct History {
    api: CloudTrailApi,
    serving: Serving,
}

impl History {
    async fn new(options: Options) -> Self {
        let api = CloudTrailApi::new(&Options {
            now: Some(at(NOW)),
            ..options
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = api.serve(listener).unwrap();
        Self { api, serving }
    }

    async fn with(records: u32) -> Self {
        Self::new(Options {
            records,
            ..Options::default()
        })
        .await
    }

    /// Reads regions with a key, of the service that is usual or of all.
    fn source(&self, key: &str, regions: &[&str], wanted: &EventSources) -> Cursor<EventHistory> {
        let clients = regions.iter().map(|region| {
            (
                (*region).to_owned(),
                client(&self.api, &self.serving, key, region),
            )
        });
        Cursor::new(EventHistory::new(ACCOUNT, clients.collect(), wanted).unwrap())
    }

    fn usual(&self) -> Cursor<EventHistory> {
        self.source("AKIADEMO", &[REGION], &EventSources::default())
    }

    fn known(&self) -> KnownFeed {
        KnownFeed {
            records: self.api.happened(REGION, STEP_FUNCTIONS),
            ..KnownFeed::default()
        }
    }

    fn job(&self, store: &FaultyStore, source: impl Source + 'static) -> Job {
        let clock = Arc::new(ServiceClock(self.api.clone()));
        job_at(clock, store, vec![job_source(source)])
    }

    /// The lake holds every record that is there, once and to the byte.
    async fn is_held(&self, store: &FaultyStore) {
        let lake = sound_lake(store).await;
        let rows = lake.rows();
        let kept: BTreeSet<&str> = rows.values().copied().collect();
        let records = self.api.records(REGION, STEP_FUNCTIONS);
        let there: BTreeSet<&str> = records.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(kept, there);
        assert_eq!(rows.len(), there.len());
        assert!(lake.quarantine.is_empty());
    }
}

fn job_source(source: impl Source + 'static) -> JobSource {
    JobSource {
        id: "aws-test".to_owned(),
        source: Arc::new(source),
        redaction: Arc::new(Redaction::none()),
        start: Start::Earliest,
        settle: TimeDelta::minutes(15),
        overlap: TimeDelta::hours(2),
        limits: Default::default(),
    }
}

fn window() -> Window {
    Window::new(at("2026-11-12T00:00:00Z"), at(NOW)).unwrap()
}

#[tokio::test]
async fn event_history_keeps_the_contract_of_feeds() {
    for records in [0, 200] {
        let history = History::with(records).await;
        check_feed(&history.usual(), &feed(), window(), &history.known())
            .await
            .unwrap_or_else(|broken| panic!("{records}: {broken}"));
    }
}

#[tokio::test]
async fn event_history_keeps_it_under_every_switch() {
    let history = History::with(200).await;
    let known = history.known();
    history.api.set_trouble(|faults, trouble| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.05;
        faults.duplicate = 0.1;
        faults.missing = 0.01;
        trouble.empty = 0.3;
        trouble.dead = 0.05;
    });
    let source = history.usual();
    for _ in 0..3 {
        check_under_faults(&source, &feed(), window(), &known)
            .await
            .unwrap();
    }
    assert!(history.api.counts().status(400) > 0);
}

#[tokio::test]
async fn filters_that_event_history_ignores_are_found_out() {
    let history = History::with(20).await;
    history
        .api
        .set_trouble(|faults, _| faults.ignore_filters = true);
    let broken = check_feed(&history.usual(), &feed(), window(), &history.known())
        .await
        .unwrap_err();
    assert!(broken.what.contains("ignores the filters"), "{broken}");
}

#[tokio::test]
async fn every_event_of_history_is_in_the_lake_once() {
    let history = History::with(250).await;
    let store = empty();
    let job = history.job(&store, history.usual());
    history.api.set_now(at(NOW) + TimeDelta::hours(2));
    run_well(&job).await;
    history.is_held(&store).await;
    let known = sound_lake(&store).await.state;
    assert_ne!(known.sources["aws-test"].axis, Some(CoverageAxis::Arrival));
    let again = run_well(&job).await;
    assert_eq!(again.sources[0].counts.added, 0);
    // One that history shows an hour after it happened.
    let now = history.api.now();
    history.api.push(NewRecord {
        visible: now + TimeDelta::minutes(30),
        ..NewRecord::at("late-1", REGION, now - TimeDelta::minutes(30))
    });
    history.api.set_now(now + TimeDelta::minutes(20));
    run_well(&job).await;
    history.api.set_now(now + TimeDelta::minutes(40));
    let late = run_well(&job).await;
    assert_eq!(late.sources[0].counts.added, 1);
    history.is_held(&store).await;
}

#[tokio::test]
async fn trouble_with_event_history_loses_nothing() {
    let history = History::with(200).await;
    history.api.set_trouble(|faults, trouble| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.03;
        faults.duplicate = 0.1;
        trouble.empty = 0.3;
        trouble.dead = 0.02;
        trouble.spacing = Some(Duration::from_millis(2));
    });
    history.api.set_now(at(NOW) + TimeDelta::hours(2));
    let store = empty();
    let job = history.job(&store, history.usual());
    run(&job).await;
    history.api.set_trouble(|faults, trouble| {
        *faults = Default::default();
        *trouble = Default::default();
    });
    run_well(&job).await;
    history.is_held(&store).await;
}

/// From a configuration to the signature of each request.
#[tokio::test]
async fn event_history_is_read_as_it_is_configured() {
    let history = History::with(40).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "demo-secret\n").unwrap();
    let text = format!(
        "version = 1\n[lake]\nurl = \"memory:///\"\n[signing]\nunsigned = true\n[[source]]\nid = \"aws\"\n\
         platform = \"cloudtrail\"\nstart = \"earliest\"\naccounts = [\"{ACCOUNT}\"]\n\
         [source.lookup]\nregion = \"{REGION}\"\nendpoint = \"{}\"\n[source.lookup.options]\naws_access_key_id = \"AKIADEMO\"\n\
         aws_secret_access_key = {{ file = \"secret\" }}\n",
        history.serving.url()
    );
    let path = folder.path().join("trailhouse.toml");
    let config = Config::parse(text.as_bytes(), &path).unwrap();
    let sources = open_sources(&config, &[], Asking::Briefly).unwrap();
    let source = &sources[0].source;
    let begun = std::time::Instant::now();
    source.control_request(&feed()).await.unwrap();
    let oldest = source.oldest(&feed(), at(NOW)).await.unwrap();
    let known = history.known().records;
    assert_eq!(oldest, known.values().min().copied());
    // Twice a second and no more often.
    let requests = u32::try_from(source.requests()).unwrap();
    let least = Duration::from_millis(500) * (requests - 1);
    assert!(requests > 1 && begun.elapsed() >= least, "{requests}");
}

#[tokio::test]
async fn a_key_that_may_not_look_says_so() {
    let history = History::with(10).await;
    let usual = EventSources::default();
    let asked = |key| history.source(key, &[REGION], &usual);
    for (key, code) in [("AKIAPOWERLESS", "forbidden"), ("AKIANOBODY", "forbidden")] {
        let error = asked(key).control_request(&feed()).await.unwrap_err();
        assert_eq!(error.code(), code, "{key}");
    }
    history.api.set_trouble(|_, trouble| trouble.expired = true);
    let error = asked("AKIADEMO").control_request(&feed()).await;
    assert!(
        matches!(error, Err(SourceError::Unauthorised { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn all_services_and_several_regions_can_be_looked_up() {
    let regions = [REGION, "us-east-1"];
    let history = History::new(Options {
        regions: regions.map(str::to_owned).to_vec(),
        ..Options::default()
    })
    .await;
    history.api.set_now(at(NOW) + TimeDelta::hours(2));
    let store = empty();
    let all = history.source("AKIADEMO", &regions, &EventSources::All);
    run_well(&history.job(&store, all)).await;
    let lake = sound_lake(&store).await;
    let there = regions.map(|region| {
        [STEP_FUNCTIONS, "s3.amazonaws.com"]
            .map(|service| history.api.records(region, service).len())
    });
    assert!(there.iter().flatten().all(|count| *count > 0));
    assert_eq!(lake.rows().len(), there.iter().flatten().sum::<usize>());
}

/// A bucket with the files of a trail, those of another account, and digests between them.
struct Delivery {
    bucket: Bucket,
    api: CloudTrailApi,
    trail: Trail,
    /// False for a trail that was copied.
    keeps_metadata: bool,
    /// The log files, and the digests.
    files: Vec<Delivered>,
    digests: Vec<Delivered>,
}

impl Delivery {
    async fn new(organisation: Option<&str>) -> Self {
        Self::made(organisation, true).await
    }

    async fn made(organisation: Option<&str>, keeps_metadata: bool) -> Self {
        let key = DigestKey::of_service().unwrap();
        let api = CloudTrailApi::new(&Options {
            records: 200,
            now: Some(at(NOW)),
            keys: vec![key.clone(), key.clone().wrapped()],
            ..Options::default()
        });
        let trail = Trail {
            organisation: organisation.map(str::to_owned),
            ..Trail::new("trails", ACCOUNT, REGION, "main")
        };
        let mut delivery = Self {
            bucket: Bucket::memory(),
            api,
            trail,
            keeps_metadata,
            files: Vec::new(),
            digests: Vec::new(),
        };
        delivery.api.set_now(at(NOW) + TimeDelta::hours(2));
        let mut files = BTreeMap::new();
        for service in [STEP_FUNCTIONS, "s3.amazonaws.com"] {
            for (record, text) in delivery.api.records(REGION, service) {
                let minute = record.visible.timestamp() / 300;
                files.entry(minute).or_insert_with(Vec::new).push(text);
            }
        }
        let mut delivered = Vec::new();
        for (minute, texts) in &files {
            let when = DateTime::from_timestamp((minute + 1) * 300, 0).unwrap();
            let file = delivery.trail.log_file(when, "a1B2c3D4e5F6g7H8", texts);
            delivery.put(&file).await;
            delivered.push((when, file));
        }
        let begin = at("2026-11-13T00:30:00Z");
        let mut chain = DigestChain::begin(&delivery.trail, &key, begin);
        delivery.digests = chain.hourly(at(NOW), &delivered);
        for digest in &delivery.digests {
            delivery.put(digest).await;
        }
        delivery.files = delivered.into_iter().map(|(_, file)| file).collect();
        let other = Trail {
            account: "210987654321".to_owned(),
            ..delivery.trail.clone()
        };
        delivery.put(&other.log_file(begin, "x", &[])).await;
        delivery
    }

    async fn put(&self, file: &Delivered) {
        let metadata = match self.keeps_metadata {
            true => file.metadata.clone(),
            false => BTreeMap::new(),
        };
        let mut attributes = Attributes::new();
        for (name, value) in metadata {
            attributes.insert(Attribute::Metadata(name.into()), value.into());
        }
        let options = PutOptions {
            attributes,
            ..PutOptions::default()
        };
        let path = Path::parse(&file.key).unwrap();
        let stored = PutPayload::from(file.stored.clone());
        let store = self.bucket.store();
        store.put_opts(&path, stored, options).await.unwrap();
    }

    fn source(&self, tenant: &Tenant) -> ObjectFeed<CloudTrail> {
        let wanted = EventSources::default();
        let tenants = vec![tenant.clone()];
        ObjectFeed::new(
            CloudTrail::new(self.bucket.clone(), wanted, Wording::Kept, tenants).unwrap(),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_is_read_whole_from_between_digests() {
    for organisation in [None, Some("o-abc123")] {
        let delivery = Delivery::new(organisation).await;
        let tenant = match organisation {
            Some(id) => Tenant::Named(format!("{id}/{ACCOUNT}/{REGION}")),
            None => feed(),
        };
        let store = empty();
        let clock = Arc::new(ServiceClock(delivery.api.clone()));
        let job = job_at(clock, &store, vec![job_source(delivery.source(&tenant))]);
        let summary = run_well(&job).await;
        let warnings = &summary.sources[0].warnings;
        let unread = "1 other feed that this source does not read: ";
        assert!(
            warnings.iter().any(|said| said.contains(unread)),
            "{warnings:?}"
        );
        let lake = sound_lake(&store).await;
        let records = delivery.api.records(REGION, STEP_FUNCTIONS);
        let there: BTreeSet<&str> = records.iter().map(|(_, text)| text.as_str()).collect();
        let rows = lake.rows();
        assert_eq!(rows.values().copied().collect::<BTreeSet<_>>(), there);
        assert!(!there.is_empty() && lake.quarantine.is_empty());
    }
}
