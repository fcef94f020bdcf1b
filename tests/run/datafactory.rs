//! Azure's three feeds: the contract of feeds on their double, and whole runs into a lake.

use super::harness::{at, empty, hasty, job_at, run, run_well, sound_lake};
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use trailhouse::clock::Clock;
use trailhouse::config::Start;
use trailhouse::event::redact::Redaction;
use trailhouse::run::{Job, JobSource};
use trailhouse::source::conformance::{KnownFeed, check_feed, check_under_faults};
use trailhouse::source::cursor::Cursor;
use trailhouse::source::http::{Auth, Client, ClientCredentials, HttpSettings, LazySecret};
use trailhouse::source::objects::ObjectFeed;
use trailhouse::source::platform::datafactory::{ActivityExport, AzureFeed, ResourceManager};
use trailhouse::source::{Source, Tenant, Wording};
use trailhouse::store::Bucket;
use trailhouse::window::Window;
use trailhouse_demo::Serving;
use trailhouse_demo::azure::{Azure, NewActivity, NewRun, Options};

use AzureFeed::{ActivityLog, PipelineRuns};

const NOW: &str = "2026-11-20T06:00:00Z";

/// Time as the service tells it.
struct AzureClock(Azure);

impl Clock for AzureClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// A subscription being served.
struct Subscription {
    azure: Azure,
    serving: Serving,
}

fn window() -> Window {
    Window::new(at("2026-11-12T00:00:00Z"), at(NOW) + TimeDelta::hours(1)).unwrap()
}

impl Subscription {
    async fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            now: Some(at(NOW)),
            page: 15,
            ..Options::default()
        };
        change(&mut options);
        let azure = Azure::new(&options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = azure.serve(listener).unwrap();
        Self { azure, serving }
    }

    fn tenant(&self, feed: AzureFeed) -> Tenant {
        let subscription = self.azure.subscription();
        Tenant::Named(match feed {
            PipelineRuns => format!("{subscription}/Data/Sales"),
            _ => subscription.to_owned(),
        })
    }

    fn settings(&self) -> HttpSettings {
        let azure = self.azure.clone();
        hasty(&self.serving, Arc::new(move || azure.now()))
    }

    fn source(&self, feed: AzureFeed) -> Cursor<ResourceManager> {
        self.source_with(self.settings(), feed)
    }

    fn source_with(&self, settings: HttpSettings, feed: AzureFeed) -> Cursor<ResourceManager> {
        let client = Client::new(settings, Wording::Kept).unwrap();
        let tenants = vec![self.tenant(feed)];
        Cursor::new(ResourceManager::new(client, feed, tenants).unwrap())
    }

    fn job(&self, store: &FaultyStore, feed: AzureFeed) -> Job {
        self.job_of(store, Arc::new(self.source(feed)))
    }

    fn job_of(&self, store: &FaultyStore, source: Arc<dyn Source>) -> Job {
        let source = JobSource {
            id: "azure-test".to_owned(),
            source,
            redaction: Arc::new(Redaction::none()),
            start: Start::Earliest,
            settle: TimeDelta::minutes(20),
            overlap: TimeDelta::hours(1),
            limits: Default::default(),
        };
        job_at(
            Arc::new(AzureClock(self.azure.clone())),
            store,
            vec![source],
        )
    }

    fn known(&self, feed: AzureFeed) -> KnownFeed {
        let records = match feed {
            PipelineRuns => {
                let updated = self.azure.updated().into_iter();
                updated.map(|(id, at)| (run_id(&id, at), at)).collect()
            }
            _ => self.azure.happened(),
        };
        KnownFeed {
            records,
            ..KnownFeed::default()
        }
    }

    /// Copies the export into a container, and returns it.
    async fn exported(&self, bucket: &Bucket, copies: usize) {
        for (name, content) in self.azure.export(copies) {
            bucket.replace(&name, content).await.unwrap();
        }
    }

    fn export(&self, bucket: &Bucket) -> ObjectFeed<ActivityExport> {
        let tenants = vec![self.tenant(AzureFeed::Export)];
        let export = ActivityExport::new(bucket.clone(), Wording::Kept, tenants);
        ObjectFeed::new(export.unwrap())
    }
}

/// The id of a state of a run.
fn run_id(id: &str, updated: DateTime<Utc>) -> String {
    format!("{id} {}", trailhouse::window::format_instant(updated))
}

async fn holds(store: &FaultyStore, there: Vec<String>) {
    let lake = sound_lake(store).await;
    let rows = lake.rows();
    let kept: BTreeSet<&str> = rows.values().copied().collect();
    let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    assert_eq!(kept, there);
    assert_eq!(rows.len(), there.len());
    assert!(lake.quarantine.is_empty());
}

#[tokio::test]
async fn events_and_runs_keep_the_contract() {
    for (events, runs) in [(0, 0), (300, 80)] {
        let subscription = Subscription::new(|options| {
            (options.events, options.runs) = (events, runs);
        })
        .await;
        for feed in [ActivityLog, PipelineRuns] {
            let tenant = subscription.tenant(feed);
            let known = subscription.known(feed);
            check_feed(&subscription.source(feed), &tenant, window(), &known)
                .await
                .unwrap_or_else(|broken| panic!("{feed:?}: {broken}"));
        }
    }
}

#[tokio::test]
async fn events_keep_it_where_the_future_is_refused_and_the_horizon_is_near() {
    let subscription = Subscription::new(|options| options.trouble.refuses_future = true).await;
    let tenant = subscription.tenant(ActivityLog);
    // The window begins where questions are refused already.
    subscription.azure.set_now(at(NOW) + TimeDelta::days(84));
    let known = subscription.known(ActivityLog);
    assert!(!known.records.is_empty() && known.records.len() < 300);
    check_feed(&subscription.source(ActivityLog), &tenant, window(), &known)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_served_is_a_hole_of_its_own() {
    let subscription = Subscription::new(|_| {}).await;
    let azure = &subscription.azure;
    azure.set_now(at(NOW) + TimeDelta::days(5));
    let (id, time) = azure.happened().pop_first().unwrap();
    azure.poison(&id);
    let store = empty();
    let mut job = subscription.job(&store, ActivityLog);
    // The search for the oldest event cannot pass this one.
    job.sources[0].start = Start::At(window().from);
    let holes = run(&job).await.sources.remove(0).holes;
    assert!(!holes.is_empty());
    for hole in &holes {
        // Edges are inclusive, so the instants beside it cannot be served either.
        let around = (hole.window.from - time)
            .abs()
            .max((hole.window.to - time).abs());
        assert!(around <= TimeDelta::microseconds(4), "{hole:?}");
    }
    let texts = azure.texts().into_iter();
    holds(&store, texts.filter(|text| !text.contains(&id)).collect()).await;
}

#[tokio::test]
async fn both_keep_it_under_faults() {
    let subscription = Subscription::new(|_| {}).await;
    subscription.azure.set_trouble(|faults, trouble| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.05;
        faults.duplicate = 0.1;
        faults.missing = 0.01;
        trouble.empty = 0.3;
        trouble.dead = 0.05;
    });
    for feed in [ActivityLog, PipelineRuns] {
        let tenant = subscription.tenant(feed);
        let known = subscription.known(feed);
        for _ in 0..3 {
            check_under_faults(&subscription.source(feed), &tenant, window(), &known)
                .await
                .unwrap_or_else(|broken| panic!("{feed:?}: {broken}"));
        }
    }
    let counts = subscription.azure.counts();
    for status in [400, 429] {
        assert!(counts.status(status) > 0, "no {status} came");
    }
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_is_found_out() {
    let subscription = Subscription::new(|options| options.faults.ignore_filters = true).await;
    for feed in [ActivityLog, PipelineRuns] {
        let (tenant, known) = (subscription.tenant(feed), subscription.known(feed));
        let broken = check_feed(&subscription.source(feed), &tenant, window(), &known).await;
        let broken = broken.unwrap_err();
        assert!(broken.what.contains("ignores the filters"), "{broken}");
    }
    // A link to another host is not followed, whoever names it.
    let elsewhere = Some("http://198.51.100.99".to_owned());
    let subscription = Subscription::new(|options| options.trouble.elsewhere = elsewhere).await;
    let mut settings = subscription.settings();
    settings.retry.patience = Duration::from_millis(30);
    let source = Arc::new(subscription.source_with(settings, ActivityLog));
    let summary = run(&subscription.job_of(&empty(), source)).await;
    let failure = summary.sources[0].failure.as_ref().unwrap();
    assert_eq!(failure.code, "not_the_interface");
}

#[tokio::test]
async fn an_export_keeps_the_contract() {
    let subscription = Subscription::new(|_| {}).await;
    let bucket = Bucket::memory();
    subscription.exported(&bucket, 1).await;
    bucket
        .replace(
            "resourceId=/SUBSCRIPTIONS/X/y=2026/m=11/d=20/h=01/m=00/PT1H.json",
            "{}".into(),
        )
        .await
        .unwrap();
    let source = subscription.export(&bucket);
    let tenant = subscription.tenant(AzureFeed::Export);
    let mut known = KnownFeed::default();
    for (name, content) in subscription.azure.export(1) {
        let number = |key: &str| -> u32 {
            let rest = name.rsplit(&format!("/{key}=")).next().unwrap();
            rest.split('/').next().unwrap().parse().unwrap()
        };
        // The month comes before the minute.
        let date = name.split("/y=").nth(1).unwrap();
        let month: u32 = date[7..9].parse().unwrap();
        let hour = format!(
            "2026-{month:02}-{:02}T{:02}:00:00Z",
            number("d"),
            number("h")
        );
        let position = at(&hour) + TimeDelta::hours(1) - TimeDelta::microseconds(1);
        for line in std::str::from_utf8(&content).unwrap().lines() {
            let identity = source.mapping().identify(line.as_bytes()).unwrap();
            known
                .records
                .insert(identity.native_id.into_owned(), position);
        }
    }
    let days = Window::new(at("2026-11-12T00:00:00Z"), at("2026-11-23T00:00:00Z")).unwrap();
    check_feed(&source, &tenant, days, &known).await.unwrap();
    check_under_faults(&source, &tenant, days, &known)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_record_is_in_the_lake_once() {
    for feed in [ActivityLog, PipelineRuns] {
        let subscription = Subscription::new(|_| {}).await;
        let azure = &subscription.azure;
        let store = empty();
        let job = subscription.job(&store, feed);
        azure.set_now(at(NOW) + TimeDelta::days(5));
        run_well(&job).await;
        let there = match feed {
            PipelineRuns => azure.run_texts(),
            _ => azure.texts(),
        };
        assert!(there.len() > 50, "{feed:?}");
        holds(&store, there.clone()).await;
        for days in [5, 9] {
            azure.set_now(at(NOW) + TimeDelta::days(days));
            let again = run_well(&job).await;
            let counts = &again.sources[0].counts;
            assert_eq!((counts.added, counts.changed), (0, 0), "{feed:?}");
        }
        holds(&store, there).await;
    }
}

/// A run that goes on is another record, and what was read of it before stays.
#[tokio::test]
async fn every_state_of_a_run_that_was_seen_is_kept() {
    let subscription = Subscription::new(|options| options.runs = 0).await;
    let azure = &subscription.azure;
    let store = empty();
    let job = subscription.job(&store, PipelineRuns);
    let minutes = |minutes| at(NOW) + TimeDelta::minutes(minutes);
    let states = [
        (minutes(0), "Queued"),
        (minutes(1), "InProgress"),
        (minutes(90), "Succeeded"),
    ];
    azure.push_run(NewRun::through("r1", &states));
    azure.set_now(minutes(30));
    let first = run_well(&job).await;
    assert_eq!(first.sources[0].counts.added, 1);
    azure.set_now(minutes(120));
    let second = run_well(&job).await;
    let counts = &second.sources[0].counts;
    assert_eq!((counts.added, counts.changed), (1, 0));
    let lake = sound_lake(&store).await;
    let statuses = |text: &&&str| text.contains("\"InProgress\"") || text.contains("\"Succeeded\"");
    assert_eq!(lake.rows().values().filter(statuses).count(), 2);
}

#[tokio::test]
async fn an_event_that_is_late_is_found() {
    let subscription = Subscription::new(|options| options.events = 0).await;
    let azure = &subscription.azure;
    let store = empty();
    let job = subscription.job(&store, ActivityLog);
    for (id, late) in [("soon", 5), ("later", 50), ("days", 30 * 60)] {
        azure.push(NewActivity {
            submitted: at(NOW) + TimeDelta::minutes(late),
            ..NewActivity::at(id, at(NOW))
        });
    }
    let mut found = Vec::new();
    for minutes in [30, 70, 6 * 24 * 60] {
        azure.set_now(at(NOW) + TimeDelta::minutes(minutes));
        found.push(run_well(&job).await.sources[0].counts.added);
    }
    assert_eq!(found, [1, 1, 1]);
    holds(&store, azure.texts()).await;
}

#[tokio::test]
async fn blobs_that_grow_and_lines_that_come_twice_are_read_once() {
    let subscription = Subscription::new(|_| {}).await;
    let azure = &subscription.azure;
    let (store, bucket) = (empty(), Bucket::memory());
    let job = subscription.job_of(&store, Arc::new(subscription.export(&bucket)));
    for hours in [0, 1, 30, 24 * 5] {
        azure.set_now(at(NOW) + TimeDelta::hours(hours));
        // Two settings export the same.
        subscription.exported(&bucket, 2).await;
        run_well(&job).await;
    }
    holds(&store, azure.lines()).await;
    let again = run_well(&job).await;
    assert_eq!(again.sources[0].counts.added, 0);
}

#[tokio::test]
async fn trouble_loses_nothing() {
    let subscription = Subscription::new(|options| options.token_requests = Some(5)).await;
    let azure = &subscription.azure;
    azure.set_now(at(NOW) + TimeDelta::days(5));
    azure.set_trouble(|faults, trouble| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.03;
        faults.duplicate = 0.1;
        trouble.empty = 0.3;
        trouble.dead = 0.02;
        trouble.refuses_future = true;
    });
    let mut settings = subscription.settings();
    // One request after the other, since a token that is used up by others is refused twice.
    settings.concurrency = 1;
    let (client_id, secret) = Azure::application();
    settings.auth = Auth::ClientCredentials(ClientCredentials {
        token_url: format!("{}{}", subscription.serving.url(), Azure::token_path())
            .parse()
            .unwrap(),
        client_id: client_id.to_owned(),
        client_secret: LazySecret::new(move || Ok(secret.into())),
        scope: Some("https://management.azure.com/.default".to_owned()),
        extra: Default::default(),
    });
    let source = Arc::new(subscription.source_with(settings, ActivityLog));
    let store = empty();
    let job = subscription.job_of(&store, source);
    run(&job).await;
    assert!(azure.tokens_given() > 3);
    azure.set_trouble(|faults, trouble| {
        *faults = Default::default();
        *trouble = Default::default();
    });
    run_well(&job).await;
    holds(&store, azure.texts()).await;
}
