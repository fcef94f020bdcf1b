//! UiPath's three audit logs: the contract of feeds on their double, and whole runs into a lake.

use super::harness::{at, bearer, empty, hasty, job_at, run, run_well, sound_lake};
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
use trailhouse::source::http::{Auth, Client, HttpSettings};
use trailhouse::source::platform::uipath::{UiPath, UiPathFeed};
use trailhouse::source::{Tenant, Wording};
use trailhouse::window::Window;
use trailhouse_demo::uipath::{NewEvent, NewRecord, Options, Trouble, UiPath as Double};
use trailhouse_demo::{Faults, Serving};

use UiPathFeed::{LongTermStore, Orchestrator, Unified};

const NOW: &str = "2026-11-20T06:00:00Z";

/// Time as the organization tells it.
struct UiPathClock(Double);

impl Clock for UiPathClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// An organization being served.
struct Organization {
    double: Double,
    serving: Serving,
}

fn production() -> Tenant {
    Tenant::Named("production".to_owned())
}

fn window() -> Window {
    Window::new(at("2026-11-12T00:00:00Z"), at(NOW) + TimeDelta::hours(1)).unwrap()
}

impl Organization {
    async fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            now: Some(at(NOW)),
            ..Options::default()
        };
        change(&mut options);
        let double = Double::new(&options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = double.serve(listener).unwrap();
        Self { double, serving }
    }

    fn settings(&self) -> HttpSettings {
        let double = self.double.clone();
        let mut settings = hasty(&self.serving, Arc::new(move || double.now()));
        settings.base = format!("{}/acme", self.serving.url()).parse().unwrap();
        settings
    }

    fn source(&self, feed: UiPathFeed, tenants: Vec<Tenant>) -> Cursor<UiPath> {
        Self::source_with(self.settings(), feed, tenants)
    }

    fn source_with(
        settings: HttpSettings,
        feed: UiPathFeed,
        tenants: Vec<Tenant>,
    ) -> Cursor<UiPath> {
        let client = Client::new(settings, Wording::Kept).unwrap();
        let uipath = UiPath::new(client, feed, tenants).unwrap();
        Cursor::new(uipath.with_page_size(15).with_start(window().from))
    }

    fn job(&self, store: &FaultyStore, feed: UiPathFeed, tenants: Vec<Tenant>) -> Job {
        self.job_of(store, self.source(feed, tenants), feed)
    }

    fn job_of(&self, store: &FaultyStore, source: Cursor<UiPath>, feed: UiPathFeed) -> Job {
        let is_store = feed == LongTermStore;
        let source = JobSource {
            id: "uipath-test".to_owned(),
            source: Arc::new(source),
            redaction: Arc::new(Redaction::none()),
            start: match is_store {
                true => Start::At(window().from),
                false => Start::Earliest,
            },
            settle: match is_store {
                true => TimeDelta::days(2),
                false => TimeDelta::minutes(5),
            },
            overlap: TimeDelta::minutes(30),
            limits: Default::default(),
        };
        job_at(
            Arc::new(UiPathClock(self.double.clone())),
            store,
            vec![source],
        )
    }

    /// What a feed shows.
    fn known(&self, feed: UiPathFeed, tenant: &Tenant) -> KnownFeed {
        let mut records = match feed {
            Orchestrator => self.double.records(),
            Unified | LongTermStore => self.double.events(tenant.name()),
        };
        if feed == LongTermStore {
            let stored = self.double.stored_days(tenant.name());
            records.retain(|id, _| stored.contains_key(id));
        }
        KnownFeed {
            records,
            ..KnownFeed::default()
        }
    }

    fn texts(&self, feed: UiPathFeed, tenants: &[Tenant]) -> BTreeSet<String> {
        let texts = tenants.iter().flat_map(|tenant| match feed {
            Orchestrator => self.double.record_texts(),
            Unified => self.double.event_texts(tenant.name()),
            LongTermStore => self.double.stored_texts(tenant.name()),
        });
        texts.collect()
    }
}

/// The lake holds every record that the feed shows, once and to the byte.
async fn holds(store: &FaultyStore, there: &BTreeSet<String>) {
    let lake = sound_lake(store).await;
    let rows = lake.rows();
    let kept: BTreeSet<String> = rows.values().map(|row| (*row).to_owned()).collect();
    assert_eq!(&kept, there);
    assert_eq!(rows.len(), there.len());
    assert!(lake.quarantine.is_empty());
}

async fn keeps_the_contract(organization: &Organization, feed: UiPathFeed, tenant: Tenant) {
    let known = organization.known(feed, &tenant);
    let source = organization.source(feed, vec![tenant.clone()]);
    check_feed(&source, &tenant, window(), &known)
        .await
        .unwrap_or_else(|broken| panic!("{feed:?}: {broken}"));
}

#[tokio::test]
async fn every_log_keeps_the_contract() {
    for (records, events) in [(0, 0), (200, 300)] {
        let organization = Organization::new(|options| {
            (options.records, options.events) = (records, events);
        })
        .await;
        keeps_the_contract(&organization, Orchestrator, production()).await;
        for tenant in [production(), Tenant::All] {
            keeps_the_contract(&organization, Unified, tenant.clone()).await;
            keeps_the_contract(&organization, LongTermStore, tenant).await;
        }
    }
}

/// What a server of Orchestrator may do that a reader could be careless about.
#[tokio::test]
async fn orchestrator_keeps_it_whatever_the_server_cannot_do() {
    let trouble = |change: fn(&mut Trouble)| {
        let mut trouble = Trouble::default();
        change(&mut trouble);
        trouble
    };
    for (sql_datetime, trouble) in [
        (true, trouble(|_| {})),
        (false, trouble(|it| it.no_count = true)),
        (true, trouble(|it| it.no_id_filter = true)),
        (
            false,
            trouble(|it| (it.no_id_filter, it.no_count) = (true, true)),
        ),
        (true, trouble(|it| it.unordered = true)),
    ] {
        let organization = Organization::new(|options| {
            options.sql_datetime = sql_datetime;
            options.trouble = trouble.clone();
        })
        .await;
        let known = organization.known(Orchestrator, &production());
        let source = organization.source(Orchestrator, vec![production()]);
        match trouble.unordered {
            // Which windows have more than a page differs by chance.
            true => check_under_faults(&source, &production(), window(), &known).await,
            false => check_feed(&source, &production(), window(), &known).await,
        }
        .unwrap_or_else(|broken| panic!("{trouble:?}: {broken}"));
    }
}

#[tokio::test]
async fn the_unified_audit_keeps_it_wherever_continuations_lead() {
    for change in [
        (|it: &mut Trouble| it.keeps_from = true) as fn(&mut Trouble),
        |it| it.names_ids = true,
        |it| it.leads_astray = true,
    ] {
        let organization = Organization::new(|options| change(&mut options.trouble)).await;
        keeps_the_contract(&organization, Unified, production()).await;
    }
    let organization = Organization::new(|options| options.trouble.flat_files = true).await;
    keeps_the_contract(&organization, LongTermStore, production()).await;
}

#[tokio::test]
async fn every_log_keeps_it_under_faults() {
    let organization = Organization::new(|_| {}).await;
    organization.double.set_trouble(|faults, trouble| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.05;
        faults.duplicate = 0.1;
        faults.missing = 0.01;
        trouble.empty = 0.3;
        trouble.dead = 0.05;
    });
    for feed in [Orchestrator, Unified, LongTermStore] {
        let known = organization.known(feed, &production());
        let source = organization.source(feed, vec![production()]);
        for _ in 0..3 {
            check_under_faults(&source, &production(), window(), &known)
                .await
                .unwrap_or_else(|broken| panic!("{feed:?}: {broken}"));
        }
    }
    let counts = organization.double.counts();
    for status in [400, 429] {
        assert!(counts.status(status) > 0, "no {status} came");
    }
}

#[tokio::test]
async fn filters_that_are_ignored_are_found_out() {
    let organization = Organization::new(|options| options.faults.ignore_filters = true).await;
    for feed in [Orchestrator, Unified] {
        let known = organization.known(feed, &production());
        let source = organization.source(feed, vec![production()]);
        let broken = check_feed(&source, &production(), window(), &known).await;
        let broken = broken.unwrap_err();
        assert!(broken.what.contains("ignores the filters"), "{broken}");
    }
}

#[tokio::test]
async fn every_record_is_in_the_lake_once() {
    for (feed, tenants) in [
        (Orchestrator, vec![production()]),
        (Unified, vec![Tenant::All, production()]),
        (LongTermStore, vec![Tenant::All, production()]),
    ] {
        let organization = Organization::new(|options| options.sql_datetime = true).await;
        let double = &organization.double;
        let store = empty();
        let job = organization.job(&store, feed, tenants.clone());
        // Late enough that everything is there and has settled.
        double.set_now(at(NOW) + TimeDelta::days(4));
        run_well(&job).await;
        let there = organization.texts(feed, &tenants);
        assert!(there.len() > 50, "{feed:?}");
        holds(&store, &there).await;
        let again = run_well(&job).await;
        assert_eq!(again.sources[0].counts.added, 0, "{feed:?}");
        double.set_now(at(NOW) + TimeDelta::days(9));
        let later = run_well(&job).await;
        let counts = &later.sources[0].counts;
        assert_eq!((counts.added, counts.changed), (0, 0), "{feed:?}");
        holds(&store, &there).await;
    }
}

/// Ids follow the end of a call, and times its beginning: neither order shows what is still to come.
#[tokio::test]
async fn a_call_that_took_long_is_found_later() {
    let organization = Organization::new(|options| options.records = 30).await;
    let double = &organization.double;
    let store = empty();
    let job = organization.job(&store, Orchestrator, vec![production()]);
    let begun = at(NOW) + TimeDelta::minutes(1);
    double.push_record(&NewRecord {
        written: begun + TimeDelta::minutes(12),
        ..NewRecord::at(begun)
    });
    double.set_now(begun + TimeDelta::minutes(8));
    run_well(&job).await;
    double.push_record(&NewRecord::at(begun + TimeDelta::minutes(9)));
    double.set_now(begun + TimeDelta::minutes(20));
    let second = run_well(&job).await;
    assert_eq!(second.sources[0].counts.added, 2);
    // One that is later than any overlap is found when its date is read again.
    let event_begun = begun + TimeDelta::minutes(21);
    double.push_record(&NewRecord {
        written: event_begun + TimeDelta::hours(7),
        ..NewRecord::at(event_begun)
    });
    double.set_now(event_begun + TimeDelta::hours(3));
    run_well(&job).await;
    double.set_now(event_begun + TimeDelta::hours(8));
    run_well(&job).await;
    double.set_now(event_begun + TimeDelta::days(4));
    run_well(&job).await;
    holds(&store, &organization.texts(Orchestrator, &[production()])).await;
}

/// Every record of the user says so from then on, which is no change of what was done.
#[tokio::test]
async fn a_deleted_user_changes_no_record() {
    let organization = Organization::new(|options| options.records = 0).await;
    let double = &organization.double;
    let store = empty();
    let job = organization.job(&store, Orchestrator, vec![production()]);
    for minute in 0..3 {
        double.push_record(&NewRecord::at(at(NOW) + TimeDelta::minutes(minute)));
    }
    double.set_now(at(NOW) + TimeDelta::minutes(10));
    run_well(&job).await;
    double.delete_user("anna");
    double.set_now(at(NOW) + TimeDelta::minutes(20));
    let second = run_well(&job).await;
    let counts = &second.sources[0].counts;
    assert_eq!((counts.added, counts.known, counts.changed), (0, 3, 0));
    assert_eq!(sound_lake(&store).await.rows().len(), 3);
}

#[tokio::test]
async fn trouble_loses_nothing() {
    for feed in [Orchestrator, Unified, LongTermStore] {
        let organization = Organization::new(|_| {}).await;
        let double = &organization.double;
        double.set_now(at(NOW) + TimeDelta::days(4));
        double.set_trouble(|faults, trouble| {
            faults.rate_limit = 0.1;
            faults.unavailable = 0.05;
            faults.cut = 0.03;
            faults.duplicate = 0.1;
            trouble.empty = 0.3;
            trouble.dead = 0.02;
        });
        let store = empty();
        let job = organization.job(&store, feed, vec![production()]);
        run(&job).await;
        double.set_trouble(|faults, trouble| {
            *faults = Faults::default();
            *trouble = Trouble::default();
        });
        run_well(&job).await;
        holds(&store, &organization.texts(feed, &[production()])).await;
    }
}

#[tokio::test]
async fn a_day_that_the_store_cannot_gather_is_a_hole_until_it_can() {
    let organization = Organization::new(|_| {}).await;
    let double = &organization.double;
    double.set_now(at(NOW) + TimeDelta::days(4));
    let slow = at("2026-11-16T00:00:00Z");
    double.set_trouble(|_, trouble| trouble.slow_days = vec![slow.date_naive()]);
    let mut settings = organization.settings();
    settings.retry.patience = Duration::from_millis(30);
    let source = Organization::source_with(settings, LongTermStore, vec![production()]);
    let store = empty();
    let job = organization.job_of(&store, source, LongTermStore);
    let summary = run(&job).await;
    let [hole] = &summary.sources[0].holes[..] else {
        panic!("{:?}", summary.sources[0].holes);
    };
    assert_eq!(hole.window, Window::of_date(slow.date_naive()).unwrap());
    assert!(hole.detail.contains("in time (504)"), "{}", hole.detail);
    double.set_trouble(|_, trouble| trouble.slow_days.clear());
    run_well(&job).await;
    holds(&store, &organization.texts(LongTermStore, &[production()])).await;
}

/// An event that is late by less than the overlap, at an edge between two runs.
#[tokio::test]
async fn a_late_event_is_found_by_the_next_run() {
    let organization = Organization::new(|options| options.events = 20).await;
    let double = &organization.double;
    let store = empty();
    let job = organization.job(&store, Unified, vec![production()]);
    let created = at(NOW) + TimeDelta::microseconds(1_234_567);
    double.push_event(NewEvent {
        visible: created + TimeDelta::minutes(20),
        ..NewEvent::at("late", Some("production"), created)
    });
    double.set_now(at(NOW) + TimeDelta::minutes(10));
    run_well(&job).await;
    double.set_now(at(NOW) + TimeDelta::minutes(25));
    assert_eq!(run_well(&job).await.sources[0].counts.added, 1);
    double.set_now(at(NOW) + TimeDelta::days(4));
    run_well(&job).await;
    holds(&store, &organization.texts(Unified, &[production()])).await;
}

#[tokio::test]
async fn tokens_are_renewed_and_a_refusal_is_of_one_tenant() {
    let organization = Organization::new(|options| options.trouble.token_requests = Some(3)).await;
    let double = &organization.double;
    double.set_now(at(NOW) + TimeDelta::days(4));
    let mut settings = organization.settings();
    settings.auth = client_credentials(&organization.serving, "PM.Audit.Read");
    // One request after the other, since a token that is used up by others is refused twice.
    settings.concurrency = 1;
    let missing = Tenant::Named("missing".to_owned());
    let source = Organization::source_with(settings, Unified, vec![missing, production()]);
    let store = empty();
    let job = organization.job_of(&store, source, Unified);
    let summary = run(&job).await;
    // The other tenant was read all the same.
    let failure = summary.sources[0].failure.as_ref().unwrap();
    assert_eq!(failure.code, "not_found");
    assert!(double.tokens() > 3, "{}", double.tokens());
    holds(&store, &organization.texts(Unified, &[production()])).await;
    // And of the whole source where it is the only one.
    let mut settings = organization.settings();
    settings.auth = bearer("demo-powerless-token");
    let source = Organization::source_with(settings, Orchestrator, vec![production()]);
    let summary = run(&organization.job_of(&empty(), source, Orchestrator)).await;
    let failure = summary.sources[0].failure.as_ref().unwrap();
    assert_eq!(failure.code, "forbidden");
}

fn client_credentials(serving: &Serving, scope: &str) -> Auth {
    Auth::ClientCredentials(trailhouse::source::http::ClientCredentials {
        token_url: format!("{}/identity_/connect/token", serving.url())
            .parse()
            .unwrap(),
        client_id: "demo-application".to_owned(),
        client_secret: trailhouse::source::http::LazySecret::new(|| Ok("demo-secret".into())),
        scope: Some(scope.to_owned()),
        extra: Default::default(),
    })
}
