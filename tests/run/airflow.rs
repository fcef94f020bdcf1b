//! Airflow's event log, with what its lists leave out: the contract of feeds on its double, and whole runs into a
//! lake.

use super::harness::{at, empty, hasty, job_at, run, run_well, sound_lake};
use crate::cli::{told, trailhouse};
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::net::TcpListener;
use trailhouse::clock::Clock;
use trailhouse::config::Start;
use trailhouse::event::redact::Redaction;
use trailhouse::run::{Job, JobSource, Summary};
use trailhouse::source::conformance::{KnownFeed, check_feed, check_under_faults};
use trailhouse::source::http::{Auth, Client, LazySecret, PasswordLogin};
use trailhouse::source::platform::airflow::{Airflow, AirflowDialect, AirflowFeed, AirflowMapping};
use trailhouse::source::{Mapping as _, Source as _, Tenant, Wording};
use trailhouse::window::Window;
use trailhouse_demo::airflow::{AirflowServer, Dialect, NewEvent, Options, Totals};
use trailhouse_demo::{Fault, Faults, RetryAfter, Serving};

const NOW: &str = "2026-11-20T06:00:00Z";

/// Time as the server tells it.
struct AirflowClock(AirflowServer);

impl Clock for AirflowClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// An Airflow being served, and the feed that reads it.
struct Installation {
    server: AirflowServer,
    serving: Serving,
    dialect: AirflowDialect,
}

impl Installation {
    async fn new(options: Options) -> Self {
        let server = AirflowServer::new(&Options {
            now: Some(at(NOW)),
            ..options
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = server.serve(listener).unwrap();
        let dialect = match options.dialect {
            Dialect::V1 => AirflowDialect::V1,
            Dialect::V2 => AirflowDialect::V2,
        };
        Self {
            server,
            serving,
            dialect,
        }
    }

    /// Airflow 3 with so many events.
    async fn with(events: u32) -> Self {
        Self::new(Options {
            events,
            ..Options::default()
        })
        .await
    }

    fn source(&self) -> AirflowFeed {
        self.source_as(None)
    }

    fn source_as(&self, auth: Option<Auth>) -> AirflowFeed {
        let server = self.server.clone();
        let mut settings = hasty(&self.serving, Arc::new(move || server.now()));
        if let Some(auth) = auth {
            settings.auth = auth;
        }
        let client = Client::new(settings, Wording::Kept).unwrap();
        AirflowFeed::new(Airflow::new(client, self.dialect).unwrap())
    }

    fn job(&self, store: &FaultyStore) -> Job {
        self.job_of(store, self.source())
    }

    fn job_of(&self, store: &FaultyStore, source: AirflowFeed) -> Job {
        let source = JobSource {
            id: "airflow-test".to_owned(),
            source: Arc::new(source),
            redaction: Arc::new(Redaction::none()),
            start: Start::Earliest,
            settle: TimeDelta::minutes(5),
            overlap: TimeDelta::minutes(30),
            limits: Default::default(),
        };
        let clock = Arc::new(AirflowClock(self.server.clone()));
        job_at(clock, store, vec![source])
    }

    /// Everything that is in the log, hidden or not.
    fn known(&self) -> KnownFeed {
        KnownFeed {
            records: self.events().into_iter().collect(),
            ..KnownFeed::default()
        }
    }

    /// Native ids and times.
    fn events(&self) -> BTreeMap<String, DateTime<Utc>> {
        let written = self.server.written().into_iter();
        let events = written.map(|event| {
            let identity = AirflowMapping.identify(event.text.as_bytes()).unwrap();
            (identity.native_id.into_owned(), event.when)
        });
        events.collect()
    }

    fn minutes_later(&self, minutes: i64) {
        self.server.set_now(at(NOW) + TimeDelta::minutes(minutes));
    }
}

/// The code with which the source or its feed failed.
fn failure_of(summary: &Summary) -> Option<String> {
    let source = &summary.sources[0];
    let of_source = source.failure.as_ref().map(|failure| &failure.code);
    let of_feed = source
        .failed_feeds
        .first()
        .map(|failed| &failed.failure.code);
    of_source.or(of_feed).map(ToString::to_string)
}

fn whole() -> Window {
    Window::new(at("2026-11-16T00:00:00Z"), at(NOW) + TimeDelta::hours(1)).unwrap()
}

/// Native ids of what the lake holds, each once.
async fn kept(store: &FaultyStore) -> BTreeSet<String> {
    let lake = sound_lake(store).await;
    assert!(lake.quarantine.is_empty(), "{:?}", lake.quarantine);
    let rows = lake.rows();
    let ids = rows.values().map(|raw| {
        let identity = AirflowMapping.identify(raw.as_bytes()).unwrap();
        identity.native_id.into_owned()
    });
    let ids: BTreeSet<String> = ids.collect();
    assert_eq!(ids.len(), rows.len());
    ids
}

/// The lake holds every event that was ever in the log.
async fn holds(store: &FaultyStore, events: &BTreeMap<String, DateTime<Utc>>) {
    let ids: BTreeSet<String> = events.keys().cloned().collect();
    assert_eq!(kept(store).await, ids);
}

#[tokio::test]
async fn it_keeps_the_contract_of_feeds() {
    for dialect in [Dialect::V1, Dialect::V2] {
        for (seed, events) in [(1, 0), (2, 1), (3, 300), (4, 300), (5, 900)] {
            let airflow = Installation::new(Options {
                seed,
                dialect,
                events,
                ..Options::default()
            })
            .await;
            airflow.minutes_later(10);
            let known = airflow.known();
            check_feed(&airflow.source(), &Tenant::All, whole(), &known)
                .await
                .unwrap_or_else(|broken| panic!("{dialect:?} {seed}: {broken}"));
        }
    }
}

#[tokio::test]
async fn a_window_within_the_log_has_its_hidden_events_and_no_others() {
    let airflow = Installation::with(600).await;
    airflow.minutes_later(10);
    let hidden = airflow.server.written();
    assert!(hidden.iter().filter(|event| event.is_hidden).count() > 40);
    let source = airflow.source();
    for hour in 0..20 {
        let from = at("2026-11-18T00:00:00Z") + TimeDelta::minutes(hour * 137);
        let window = Window::new(from, from + TimeDelta::minutes(73)).unwrap();
        let mut known = airflow.known();
        known.records.retain(|_, when| window.contains(*when));
        let there = known.records.len() as u64;
        let counted = source.count(&Tenant::All, window).await.unwrap();
        assert_eq!((counted.rows, counted.exact), (there, true), "{window}");
        check_under_faults(&source, &Tenant::All, window, &known)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn it_keeps_it_under_every_switch() {
    for (dialect, totals) in [
        (Dialect::V1, Totals::Selected),
        (Dialect::V1, Totals::Table),
        (Dialect::V2, Totals::Selected),
        (Dialect::V2, Totals::Table),
    ] {
        let airflow = Installation::new(Options {
            dialect,
            ..Options::default()
        })
        .await;
        airflow.minutes_later(10);
        airflow.server.set_trouble(|_, trouble| {
            trouble.page_limit = 17;
            trouble.totals = totals;
        });
        let (source, known) = (airflow.source(), airflow.known());
        source.control_request(&Tenant::All).await.unwrap();
        airflow.server.set_trouble(|faults, _| {
            *faults = Faults {
                rate_limit: 0.1,
                unavailable: 0.05,
                cut: 0.03,
                duplicate: 0.05,
                unstable_ties: true,
                ..Faults::default()
            };
        });
        for _ in 0..3 {
            check_under_faults(&source, &Tenant::All, whole(), &known)
                .await
                .unwrap_or_else(|broken| panic!("{dialect:?} {totals:?}: {broken}"));
        }
        assert!(airflow.server.counts().status(429) > 0);
    }
}

#[tokio::test]
async fn pages_that_are_cut_and_totals_of_the_table_hide_nothing() {
    for dialect in [Dialect::V1, Dialect::V2] {
        let airflow = Installation::new(Options {
            dialect,
            ..Options::default()
        })
        .await;
        airflow.minutes_later(10);
        airflow.server.set_trouble(|_, trouble| {
            trouble.page_limit = 7;
            trouble.totals = Totals::Table;
        });
        let known = airflow.known();
        check_feed(&airflow.source(), &Tenant::All, whole(), &known)
            .await
            .unwrap();
    }
}

/// As in early versions of Airflow 2, whose totals are also those of the table.
#[tokio::test]
async fn bounds_that_count_themselves_in_give_nothing_twice() {
    for totals in [Totals::Selected, Totals::Table] {
        let airflow = Installation::new(Options {
            dialect: Dialect::V1,
            events: 150,
            ..Options::default()
        })
        .await;
        airflow.server.set_trouble(|_, trouble| {
            trouble.inclusive_bounds = true;
            trouble.totals = totals;
        });
        // Some at the edges of what is read.
        for when in [
            whole().from,
            at("2026-11-19T00:00:00Z"),
            at("2026-11-20T00:00:00Z"),
        ] {
            airflow
                .server
                .push(NewEvent::at(when - TimeDelta::microseconds(1)));
            airflow.server.push(NewEvent::at(when));
        }
        airflow.minutes_later(10);
        let mut known = airflow.known();
        known.records.retain(|_, when| whole().contains(*when));
        check_under_faults(&airflow.source(), &Tenant::All, whole(), &known)
            .await
            .unwrap_or_else(|broken| panic!("{totals:?}: {broken}"));
        let store = empty();
        run_well(&airflow.job(&store)).await;
        airflow.minutes_later(3 * 24 * 60);
        run_well(&airflow.job(&store)).await;
        holds(&store, &airflow.events()).await;
    }
}

/// A hidden event is written three hours after it was made, and its id says nothing of its time.
#[tokio::test]
async fn an_event_that_breaks_the_rule_of_order_is_found() {
    let airflow = Installation::with(0).await;
    let late = at("2026-11-18T10:00:00Z");
    for n in 0..300 {
        let when = at("2026-11-17T00:00:00Z") + TimeDelta::minutes(15 * n);
        if when == late + TimeDelta::hours(3) {
            airflow.server.push(NewEvent::of_dag("never_was", late));
        }
        airflow.server.push(NewEvent::at(when));
    }
    airflow
        .server
        .set_trouble(|_, trouble| trouble.page_limit = 7);
    let store = empty();
    let job = airflow.job(&store);
    let first = run(&job).await;
    assert_eq!(failure_of(&first).as_deref(), Some("contradicts"));
    run_well(&job).await;
    holds(&store, &airflow.events()).await;
    // Read as a date from the start, it is where it belongs.
    let window = Window::new(at("2026-11-18T00:00:00Z"), at("2026-11-19T00:00:00Z")).unwrap();
    let mut known = airflow.known();
    known.records.retain(|_, when| window.contains(*when));
    assert_eq!(known.records.len(), 97);
    check_under_faults(&airflow.source(), &Tenant::All, window, &known)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_event_is_in_the_lake_once() {
    for dialect in [Dialect::V1, Dialect::V2] {
        let airflow = Installation::new(Options {
            dialect,
            ..Options::default()
        })
        .await;
        airflow.minutes_later(15);
        let store = empty();
        let job = airflow.job(&store);
        run_well(&job).await;
        holds(&store, &airflow.events()).await;
        let again = run_well(&job).await;
        assert_eq!(again.sources[0].counts.added, 0);
        // Dates are read again by id, and counted.
        airflow.minutes_later(5 * 24 * 60);
        let later = run_well(&job).await;
        let counts = &later.sources[0].counts;
        assert_eq!((counts.added, counts.changed), (0, 0));
        assert!(!later.sources[0].recounts.is_empty());
        holds(&store, &airflow.events()).await;
    }
}

/// The events of a DAG vanish from the list when it is deleted, its deletion among them, before anything was
/// read and after.
#[tokio::test]
async fn a_dag_that_is_deleted_takes_nothing_along() {
    let airflow = Installation::with(0).await;
    let minute = |n: i64| at(NOW) - TimeDelta::minutes(60 - n);
    for n in 0..40 {
        let dag = ["exports", "reports_weekly"][usize::try_from(n % 2).unwrap()];
        airflow.server.push(NewEvent::of_dag(dag, minute(n)));
    }
    airflow.server.push(NewEvent::at(minute(41)));
    airflow.server.delete_dag("exports", minute(42));
    let store = empty();
    let job = airflow.job(&store);
    run_well(&job).await;
    holds(&store, &airflow.events()).await;
    assert_eq!(airflow.events().len(), 42);
    airflow.server.delete_dag("reports_weekly", minute(56));
    airflow.minutes_later(10);
    let summary = run_well(&job).await;
    // What is shown beside an event is that of today, and no part of it.
    let counts = &summary.sources[0].counts;
    assert_eq!((counts.added, counts.changed), (1, 0));
    holds(&store, &airflow.events()).await;
    // Nothing is listed but what belongs to no DAG, and all is counted.
    airflow.minutes_later(3 * 24 * 60);
    let summary = run_well(&job).await;
    assert_eq!(summary.sources[0].counts.changed, 0);
    let counted = summary.sources[0].recounts.iter();
    let counted: u64 = counted.map(|it| it.source_count).sum();
    assert_eq!(counted, 43);
}

#[tokio::test]
async fn a_log_of_which_nothing_is_listed_is_read() {
    let airflow = Installation::with(0).await;
    for n in 0..150 {
        let when = at(NOW) - TimeDelta::hours(3) + TimeDelta::seconds(n * 40);
        airflow.server.push(NewEvent::of_dag("never_was", when));
    }
    let store = empty();
    run_well(&airflow.job(&store)).await;
    assert_eq!(airflow.events().len(), 150);
    holds(&store, &airflow.events()).await;
}

/// Ids that no event has hide the end of the log, where nothing listed comes after them.
#[tokio::test]
async fn an_event_beyond_the_end_of_the_log_is_found_by_counting() {
    let airflow = Installation::with(0).await;
    let minute = |n: i64| at(NOW) + TimeDelta::minutes(n);
    airflow.server.push(NewEvent::at(minute(-50)));
    assert_eq!(airflow.server.written().len(), 1);
    airflow.server.skip_ids(30);
    airflow
        .server
        .push(NewEvent::of_dag("never_was", minute(-40)));
    let store = empty();
    let job = airflow.job(&store);
    run_well(&job).await;
    assert_eq!(kept(&store).await.len(), 1);
    airflow.server.push(NewEvent::at(minute(50)));
    airflow.minutes_later(60);
    run_well(&job).await;
    holds(&store, &airflow.events()).await;
}

#[tokio::test]
async fn events_that_the_account_may_not_read_end_the_feed() {
    let airflow = Installation::with(300).await;
    airflow.minutes_later(15);
    airflow.server.set_trouble(|_, trouble| {
        trouble.denied_dags.insert("exports".to_owned());
    });
    let store = empty();
    let summary = run(&airflow.job(&store)).await;
    assert_eq!(failure_of(&summary).as_deref(), Some("record_denied"));
    // Once it may, nothing is missing.
    airflow
        .server
        .set_trouble(|_, trouble| trouble.denied_dags.clear());
    run_well(&airflow.job(&store)).await;
    holds(&store, &airflow.events()).await;
}

/// Airflow 3.4 leaves out what belongs to no DAG where a permission is missing, of list and total.
#[tokio::test]
async fn the_permission_for_all_audit_logs_is_proven_first() {
    let airflow = Installation::with(300).await;
    airflow
        .server
        .set_trouble(|_, trouble| trouble.denies_without_dag = true);
    let source = airflow.source();
    let refused = source.control_request(&Tenant::All).await.unwrap_err();
    assert_eq!(refused.code(), "record_denied");
    assert!(refused.advice().contains("every audit record"));
    let store = empty();
    let summary = run(&airflow.job(&store)).await;
    assert_eq!(failure_of(&summary).as_deref(), Some("record_denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_permission_that_is_missing() {
    // The program has its own clock.
    let server = AirflowServer::new(&Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = server.serve(listener).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lake")).unwrap();
    std::fs::write(folder.path().join("token"), "demo-token").unwrap();
    let config = format!(
        "version = 1\n[lake]\nurl = \"{}\"\n[signing]\nunsigned = true\n[[source]]\nid = \"a\"\n\
         platform = \"airflow\"\nurl = \"{}\"\ndialect = \"v2\"\nstart = \"earliest\"\n\
         auth = {{ bearer = {{ file = \"token\" }} }}\n",
        url::Url::from_directory_path(folder.path().join("lake")).unwrap(),
        serving.url()
    );
    std::fs::write(folder.path().join("trailhouse.toml"), config).unwrap();
    let doctor = || {
        let output = trailhouse(folder.path()).arg("doctor").output().unwrap();
        told(&output)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let said = tokio::task::block_in_place(doctor);
    assert!(
        said.contains("applies filters; the oldest record is of"),
        "{said}"
    );
    server.set_trouble(|_, trouble| trouble.denies_without_dag = true);
    let said = tokio::task::block_in_place(doctor);
    assert!(said.contains("refuses access to the record 0"), "{said}");
    assert!(
        said.contains("permission to read every audit record"),
        "{said}"
    );
}

#[tokio::test]
async fn ids_without_an_event_are_no_hole_and_very_many_are_one() {
    let airflow = Installation::with(0).await;
    let hour = |n: i64| at("2026-11-19T00:00:00Z") + TimeDelta::hours(n);
    for n in 0..8 {
        airflow.server.push(NewEvent::at(hour(n)));
        airflow.server.push(NewEvent::of_dag(
            "never_was",
            hour(n) + TimeDelta::seconds(1),
        ));
        airflow.server.skip_ids(if n == 5 { 20_000 } else { 30 });
    }
    // The end of the log is listed.
    airflow.server.push(NewEvent::at(hour(9)));
    let store = empty();
    let summary = run(&airflow.job(&store)).await;
    let holes = &summary.sources[0].holes;
    assert!(summary.sources[0].failure.is_none());
    assert!(!holes.is_empty());
    for hole in holes {
        assert_eq!(hole.reason, "unlisted");
        let around = Window::new(
            hour(5) - TimeDelta::minutes(5),
            hour(6) + TimeDelta::minutes(6),
        );
        assert!(around.unwrap().covers(&hole.window), "{}", hole.window);
    }
    // The event that nobody can name is missing, and all else is there.
    let mut events = airflow.events();
    events.retain(|_, when| *when != hour(5) + TimeDelta::seconds(1));
    holds(&store, &events).await;
}

#[tokio::test]
async fn an_event_that_cannot_be_served_is_a_hole() {
    let airflow = Installation::with(0).await;
    for n in 0..30 {
        let when = at("2026-11-19T00:00:00Z") + TimeDelta::minutes(n * 20);
        airflow.server.push(NewEvent::at(when));
        airflow
            .server
            .push(NewEvent::of_dag("never_was", when + TimeDelta::seconds(1)));
    }
    let failure = Fault::Status {
        code: 500,
        retry_after: RetryAfter::Seconds,
    };
    airflow.server.queue(failure, 100, Some("eventLogs/20?"));
    let store = empty();
    let summary = run(&airflow.job(&store)).await;
    let holes = &summary.sources[0].holes;
    assert!(!holes.is_empty());
    for hole in holes {
        assert_eq!(hole.reason, "server_failure");
        assert!(hole.detail.contains("event 20"), "{}", hole.detail);
    }
    let mut events = airflow.events();
    events.retain(|id, _| !id.starts_with("20 "));
    assert_eq!(events.len(), 59);
    holds(&store, &events).await;
}

#[tokio::test]
async fn ids_that_begin_again_are_other_events() {
    let airflow = Installation::with(100).await;
    airflow.minutes_later(15);
    let store = empty();
    let job = airflow.job(&store);
    run_well(&job).await;
    let mut events = airflow.events();
    airflow.server.rebuild();
    for n in 0..20 {
        let when = at(NOW) + TimeDelta::minutes(20) + TimeDelta::seconds(n * 5);
        airflow.server.push(NewEvent::at(when));
        airflow.server.push(NewEvent::of_dag("never_was", when));
    }
    airflow.minutes_later(40);
    let summary = run(&job).await;
    assert!(summary.sources[0].failure.is_none());
    events.extend(airflow.events());
    holds(&store, &events).await;
}

#[tokio::test]
async fn a_database_that_is_cleaned_leaves_the_lake_whole() {
    let airflow = Installation::with(400).await;
    airflow.minutes_later(15);
    let store = empty();
    let job = airflow.job(&store);
    run_well(&job).await;
    let events = airflow.events();
    airflow
        .server
        .clean(|when, _| when < at("2026-11-19T00:00:00Z"));
    airflow.minutes_later(40);
    let summary = run(&job).await;
    assert!(summary.sources[0].failure.is_none());
    holds(&store, &events).await;
}

#[tokio::test]
async fn tokens_for_a_password_are_renewed() {
    let airflow = Installation::with(300).await;
    airflow.minutes_later(15);
    airflow
        .server
        .set_trouble(|_, trouble| trouble.token_requests = Some(9));
    let login = PasswordLogin {
        url: format!("{}/auth/token", airflow.serving.url())
            .parse()
            .unwrap(),
        username: "demo@acme.example".to_owned(),
        password: LazySecret::new(|| Ok("demo-password".into())),
    };
    let store = empty();
    let source = airflow.source_as(Some(Auth::Password(login)));
    run_well(&airflow.job_of(&store, source)).await;
    holds(&store, &airflow.events()).await;
    assert!(airflow.server.counts().status(401) > 3);
}
