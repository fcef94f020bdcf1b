//! Cloud Logging, read by arrival: the contract of feeds on its double, and whole runs into a lake.

use super::harness::{Rig, at, empty, hasty, job_at, quiet, run, run_well, sound_lake};
use crate::faulty_store::FaultyStore;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::net::TcpListener;
use trailhouse::clock::Clock;
use trailhouse::config::Start;
use trailhouse::event::redact::Redaction;
use trailhouse::ledger::entry::CoverageAxis;
use trailhouse::run::{Job, JobSource};
use trailhouse::source::conformance::{KnownFeed, check_feed, check_under_faults};
use trailhouse::source::cursor::Cursor;
use trailhouse::source::http::Client;
use trailhouse::source::platform::composer::{Composer, ComposerSettings};
use trailhouse::source::{Tenant, Wording};
use trailhouse::window::Window;
use trailhouse_demo::Serving;
use trailhouse_demo::composer::{CloudLogging, NewEntry, Options};

const NOW: &str = "2026-11-20T06:00:00Z";

/// Time as the log tells it.
struct LoggingClock(CloudLogging);

impl Clock for LoggingClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// A project's log being served, and the feed that reads it.
struct Project {
    logging: CloudLogging,
    serving: Serving,
}

fn project() -> Tenant {
    Tenant::Named("acme-data".to_owned())
}

impl Project {
    async fn new(entries: u32) -> Self {
        let logging = CloudLogging::new(&Options {
            entries,
            now: Some(at(NOW)),
            ..Options::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = logging.serve(listener).unwrap();
        Self { logging, serving }
    }

    fn source(&self) -> Cursor<Composer> {
        let logging = self.logging.clone();
        let settings = hasty(&self.serving, Arc::new(move || logging.now()));
        let client = Client::new(settings, Wording::Kept).unwrap();
        let settings = ComposerSettings {
            page_size: 15,
            ..ComposerSettings::new(vec!["acme-data".to_owned()])
        };
        Cursor::new(Composer::new(client, &settings).unwrap())
    }

    fn job(&self, store: &FaultyStore) -> Job {
        let source = JobSource {
            id: "composer-test".to_owned(),
            source: Arc::new(self.source()),
            redaction: Arc::new(Redaction::none()),
            start: Start::Earliest,
            settle: TimeDelta::minutes(5),
            overlap: TimeDelta::minutes(30),
            limits: Default::default(),
        };
        let clock = Arc::new(LoggingClock(self.logging.clone()));
        job_at(clock, store, vec![source])
    }

    fn known(&self) -> KnownFeed {
        let received = self.logging.received().into_iter();
        KnownFeed {
            records: received
                .map(|((log, time, id), received)| (format!("{log} {time} {id}"), received))
                .collect(),
            ..KnownFeed::default()
        }
    }
}

fn window() -> Window {
    Window::new(at("2026-11-10T00:00:00Z"), at(NOW) + TimeDelta::hours(1)).unwrap()
}

#[tokio::test]
async fn it_keeps_the_contract_of_feeds() {
    for entries in [0, 200] {
        let project_log = Project::new(entries).await;
        let source = project_log.source();
        check_feed(&source, &project(), window(), &project_log.known())
            .await
            .unwrap_or_else(|broken| panic!("{entries}: {broken}"));
    }
}

#[tokio::test]
async fn it_keeps_it_under_every_switch() {
    let project_log = Project::new(200).await;
    let known = project_log.known();
    project_log.logging.set_trouble(|faults, tokens| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.05;
        faults.duplicate = 0.1;
        faults.missing = 0.01;
        tokens.empty = 0.3;
        tokens.dead = 0.05;
    });
    let source = project_log.source();
    for _ in 0..3 {
        check_under_faults(&source, &project(), window(), &known)
            .await
            .unwrap();
    }
    let counts = project_log.logging.counts();
    for status in [400, 429] {
        assert!(counts.status(status) > 0, "no {status} came");
    }
}

#[tokio::test]
async fn filters_that_are_ignored_are_found_out() {
    let project_log = Project::new(20).await;
    project_log
        .logging
        .set_trouble(|faults, _| faults.ignore_filters = true);
    let broken = check_feed(
        &project_log.source(),
        &project(),
        window(),
        &project_log.known(),
    )
    .await
    .unwrap_err();
    assert!(broken.what.contains("ignores the filters"), "{broken}");
}

/// The lake holds every entry that is there, once and to the byte.
async fn holds_all(store: &FaultyStore, logging: &CloudLogging) {
    let lake = sound_lake(store).await;
    let rows = lake.rows();
    let kept: BTreeSet<&str> = rows.values().copied().collect();
    let texts = logging.texts();
    let there: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(kept, there);
    assert_eq!(rows.len(), there.len());
    assert!(lake.quarantine.is_empty());
}

/// Rows in the files of a date.
async fn rows_of(store: &FaultyStore, date: &str) -> u64 {
    let lake = sound_lake(store).await;
    let date: NaiveDate = date.parse().unwrap();
    let files = lake.state.live_files();
    let files = files.filter(|live| live.file.date == date);
    files.map(|live| live.file.rows).sum()
}

#[tokio::test]
async fn every_entry_is_in_the_lake_once() {
    let project_log = Project::new(250).await;
    let logging = &project_log.logging;
    let store = empty();
    let job = project_log.job(&store);
    // Nothing that arrived within the last minutes is settled.
    logging.set_now(at(NOW) + TimeDelta::minutes(10));
    run_well(&job).await;
    holds_all(&store, logging).await;
    let known = sound_lake(&store).await.state;
    let axis = known.sources["composer-test"].axis;
    assert_eq!(axis, Some(CoverageAxis::Arrival));
    let again = run_well(&job).await;
    assert_eq!(again.sources[0].counts.added, 0);
    holds_all(&store, logging).await;
    // More arrives, of acts of days before; and what was read is read again by id.
    logging.set_now(at(NOW) + TimeDelta::days(5));
    let later = run_well(&job).await;
    assert!(later.sources[0].counts.added > 0);
    logging.set_now(at(NOW) + TimeDelta::days(9));
    let last = run_well(&job).await;
    assert_eq!(last.sources[0].counts.added, 0);
    holds_all(&store, logging).await;
}

#[tokio::test]
async fn an_act_of_days_before_is_filed_under_its_day_and_known_again() {
    let project_log = Project::new(40).await;
    let logging = &project_log.logging;
    let store = empty();
    let job = project_log.job(&store);
    logging.set_now(at(NOW) + TimeDelta::minutes(10));
    run_well(&job).await;
    let act = at("2026-11-02T10:00:00Z");
    let received = logging.now() + TimeDelta::minutes(1);
    for n in 0..3 {
        logging.push(NewEntry {
            received,
            ..NewEntry::at(format!("late{n}"), act + TimeDelta::seconds(n))
        });
    }
    logging.set_now(received + TimeDelta::minutes(8));
    let first = run_well(&job).await;
    let counts = &first.sources[0].counts;
    assert_eq!((counts.added, counts.changed), (3, 0));
    assert_eq!(rows_of(&store, "2026-11-02").await, 3);
    // The overlap returns them again.
    logging.set_now(received + TimeDelta::minutes(20));
    let second = run_well(&job).await;
    let counts = &second.sources[0].counts;
    assert_eq!((counts.added, counts.changed), (0, 0));
    assert!(counts.known >= 3, "{counts:?}");
    // Days later, each date of arrival is read by id once more.
    logging.set_now(received + TimeDelta::days(4));
    let third = run_well(&job).await;
    let counts = &third.sources[0].counts;
    assert_eq!((counts.added, counts.changed), (0, 0));
    assert_eq!(rows_of(&store, "2026-11-02").await, 3);
    holds_all(&store, logging).await;
}

#[tokio::test]
async fn trouble_loses_nothing() {
    let project_log = Project::new(200).await;
    let logging = &project_log.logging;
    logging.set_trouble(|faults, tokens| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.05;
        faults.cut = 0.03;
        faults.duplicate = 0.1;
        tokens.empty = 0.3;
        tokens.dead = 0.02;
    });
    logging.set_now(at(NOW) + TimeDelta::minutes(10));
    let store = empty();
    let job = project_log.job(&store);
    run(&job).await;
    // What could not be read is tried again.
    logging.set_trouble(|faults, tokens| {
        *faults = Default::default();
        *tokens = Default::default();
    });
    run_well(&job).await;
    holds_all(&store, logging).await;
}

#[tokio::test]
async fn coverage_by_arrival_is_no_coverage_by_the_time_of_acts() {
    let project_log = Project::new(20).await;
    let store = empty();
    project_log
        .logging
        .set_now(at(NOW) + TimeDelta::minutes(10));
    run_well(&project_log.job(&store)).await;
    // The same id, as if it had always been read by the time of the acts.
    let rig = Rig::new(&quiet(NOW)).await;
    rig.platform.set_now(project_log.logging.now());
    let mut other = rig.source(vec![Tenant::Named("main".to_owned())]);
    other.id = "composer-test".to_owned();
    let summary = run(&rig.job_of(&store, vec![other])).await;
    let failure = summary.sources[0].failure.as_ref().unwrap();
    assert_eq!(failure.code, "settings");
    assert!(failure.message.contains("id of its own"), "{failure:?}");
}
