//! A failure is about the smallest thing that it may be about: a record, a window, a feed, a source; and
//! a question whose answer only informs can only warn.

use super::harness::{Rig, SOURCE, at, empty, quiet, run, run_well, sound_lake, try_run};
use chrono::TimeDelta;
use std::time::Duration;
use trailhouse::config::Start;
use trailhouse::run::{RunOptions, Summary};
use trailhouse::source::Tenant;
use trailhouse::source::platform::kestra::Dialect;
use trailhouse_demo::kestra::{NewEvent, Options};
use trailhouse_demo::{Fault, RetryAfter};

const NOW: &str = "2026-11-20T06:00:00Z";

fn speaking(dialect: Dialect) -> Options {
    Options {
        dialect: match dialect {
            Dialect::V1 => trailhouse_demo::kestra::Dialect::V1,
            Dialect::V2 => trailhouse_demo::kestra::Dialect::V2,
        },
        ..quiet(NOW)
    }
}

fn named(names: &[&str]) -> Vec<Tenant> {
    names
        .iter()
        .map(|name| Tenant::Named((*name).to_owned()))
        .collect()
}

/// Records of a tenant at instants, with ids that begin alike.
fn fill(rig: &Rig, tenant: &str, prefix: &str, instants: &[&str]) -> Vec<String> {
    let push = |(nth, instant): (usize, &&str)| {
        rig.platform.push(NewEvent {
            id: Some(format!("{prefix}{nth}")),
            tenant: Some(tenant.to_owned()),
            ..NewEvent::at(at(instant))
        })
    };
    instants.iter().enumerate().map(push).collect()
}

const WEEK: [&str; 4] = [
    "2026-11-16T10:00:00Z",
    "2026-11-17T10:00:00Z",
    "2026-11-18T10:00:00Z",
    "2026-11-19T10:00:00Z",
];

fn assert_read(summary: &Summary, added: u64, when: &str) {
    let source = &summary.sources[0];
    assert!(source.failure.is_none(), "{when}: {:?}", source.failure);
    assert!(source.complete, "{when}");
    assert_eq!(source.counts.added, added, "{when}");
}

/// Records of long ago that cannot be read, or whose time cannot, in both dialects and for both ways to
/// begin.
#[tokio::test]
async fn the_oldest_records_judge_no_source() {
    let bad_dates = [
        r#"{"id":"ID","tenantId":"main","date":5}"#,
        r#"{"id":"ID","tenantId":"main","date":null}"#,
        r#"{"id":"ID","tenantId":"main"}"#,
        r#"{"id":"ID","tenantId":"main","date":"2019-01-01T00:00:10"}"#,
    ];
    for dialect in [Dialect::V1, Dialect::V2] {
        for poisoned in [true, false] {
            let rig = Rig::new(&speaking(dialect)).await;
            let mut old = Vec::new();
            for nth in 0..17_usize {
                let id = format!("old{nth}");
                let record = bad_dates[nth % 4].replace("ID", &id).into_bytes();
                old.push(rig.platform.push(NewEvent {
                    id: Some(id),
                    record: (!poisoned).then_some(record),
                    ..NewEvent::at(at(&format!("2019-01-01T00:00:{}Z", 10 + nth)))
                }));
            }
            if poisoned {
                rig.platform.poison(&old);
            }
            fill(&rig, "main", "r", &WEEK);
            let when = format!("{dialect:?} {poisoned}");
            for start in [Start::At(at("2026-11-15T00:00:00Z")), Start::Earliest] {
                let store = empty();
                let mut source = rig.source_with(rig.settings(), dialect, named(&["main"]));
                source.start = start;
                let job = rig.job_of(&store, vec![source]);
                let summary = run(&job).await;
                let source = &summary.sources[0];
                assert!(source.failure.is_none(), "{when}: {:?}", source.failure);
                assert!(source.complete);
                match start {
                    Start::At(_) => {
                        assert_read(&summary, 4, &when);
                        assert!(source.holes.is_empty(), "{when}");
                    }
                    // All of them are kept or named.
                    // At a closed edge a hole begins before its record.
                    Start::Earliest if poisoned => assert!(source.holes.len() >= 17, "{when}"),
                    Start::Earliest => assert_eq!(source.counts.quarantined, 17, "{when}"),
                }
                assert_eq!(sound_lake(&store).await.rows().len(), 4);
            }
        }
    }
}

/// An unreadable record must not keep later dates from being counted: in v1 a count comes with rows.
#[tokio::test]
async fn an_unreadable_record_keeps_no_other_date_from_being_counted() {
    for dialect in [Dialect::V1, Dialect::V2] {
        let rig = Rig::new(&speaking(dialect)).await;
        let ids = fill(&rig, "main", "r", &WEEK);
        rig.platform.poison(&ids[..1]);
        let store = empty();
        let mut source = rig.source_with(rig.settings(), dialect, named(&["main"]));
        source.start = Start::At(at("2026-11-15T00:00:00Z"));
        let job = rig.job_of(&store, vec![source]);
        let first = run(&job).await;
        assert_read(&first, 3, "at first");
        assert_eq!(first.sources[0].holes.len(), 1);
        fill(&rig, "main", "late", &["2026-11-18T20:00:00Z"]);
        rig.platform.advance(Duration::from_secs(600));
        let options = RunOptions {
            recount: Some(TimeDelta::days(10)),
            ..RunOptions::default()
        };
        let late = try_run(&job, &options).await.unwrap();
        assert_read(&late, 1, "late");
        assert!(late.sources[0].gaps.is_empty());

        // One alone on its date, which came late and cannot be read: its date is read, and it is named.
        let alone = fill(&rig, "main", "alone", &["2026-11-15T20:00:00Z"]);
        rig.platform.poison(&alone);
        rig.platform.advance(Duration::from_secs(600));
        let named = try_run(&job, &options).await.unwrap();
        assert!(named.sources[0].failure.is_none());
        assert_eq!(named.sources[0].holes.len(), 2, "{dialect:?}");
    }
}

/// Records of the future are only counted.
#[tokio::test]
async fn what_cannot_be_counted_of_the_future_is_a_warning() {
    for dialect in [Dialect::V1, Dialect::V2] {
        let rig = Rig::new(&speaking(dialect)).await;
        fill(&rig, "main", "r", &WEEK);
        let future = fill(&rig, "main", "f", &["2027-01-01T00:00:00Z"]);
        rig.platform.poison(&future);
        let store = empty();
        let mut source = rig.source_with(rig.settings(), dialect, named(&["main"]));
        source.start = Start::At(at("2026-11-15T00:00:00Z"));
        let summary = run_well(&rig.job_of(&store, vec![source])).await;
        assert_read(&summary, 4, "read");
        let warnings = &summary.sources[0].warnings;
        assert!(
            warnings.iter().any(|it| it.contains("in the future")),
            "{dialect:?}: {warnings:?}"
        );
    }
}

/// Before 1970 too.
#[tokio::test]
async fn records_of_other_centuries_are_read_and_counted() {
    for dialect in [Dialect::V1, Dialect::V2] {
        let rig = Rig::new(&speaking(dialect)).await;
        // The platform of the tests knows no others.
        let ends = [
            "1700-01-01T00:00:00Z",
            "1800-09-21T00:12:43Z",
            "1969-12-31T23:59:59.999Z",
            "1970-01-01T00:00:00Z",
        ];
        fill(&rig, "main", "old", &ends);
        fill(&rig, "main", "r", &WEEK);
        fill(
            &rig,
            "main",
            "f",
            &["2100-04-12T00:00:00Z", "2262-01-01T00:00:00Z"],
        );
        let store = empty();
        let mut source = rig.source_with(rig.settings(), dialect, named(&["main"]));
        source.start = Start::Earliest;
        let job = rig.job_of(&store, vec![source]);
        let summary = run_well(&job).await;
        assert_read(&summary, 8, "read");
        assert_eq!(summary.sources[0].future, 2, "{dialect:?}");
        assert_eq!(sound_lake(&store).await.rows().len(), 8);
        rig.platform.advance(Duration::from_secs(600));
        assert_eq!(run_well(&job).await.sources[0].counts.added, 0);
    }
}

/// One tenant of several is not there: from the start, and from the middle of a run on.
#[tokio::test]
async fn a_tenant_that_cannot_be_read_keeps_no_other_from_being_read() {
    let rig = Rig::new(&Options {
        tenants: vec!["acme".to_owned(), "main".to_owned()],
        ..quiet(NOW)
    })
    .await;
    fill(&rig, "main", "m", &WEEK);
    fill(&rig, "acme", "a", &WEEK[..2]);
    let store = empty();
    let job = |tenants: &[&str]| {
        let mut source = rig.source(named(tenants));
        source.start = Start::At(at("2026-11-15T00:00:00Z"));
        rig.job_of(&store, vec![source])
    };
    let summary = run(&job(&["main", "gone", "acme"])).await;
    let source = &summary.sources[0];
    assert_eq!(source.counts.added, 6);
    assert!(!source.complete);
    let failed: Vec<&str> = source.failed_feeds.iter().map(|it| &*it.tenant).collect();
    assert_eq!(failed, ["gone"]);
    assert_eq!(source.failure.as_ref().unwrap().code, "not_found");
    let lake = sound_lake(&store).await;
    for tenant in ["main", "acme"] {
        let feed = lake.state.feed(SOURCE, tenant).unwrap();
        assert!(feed.coverage.end() > Some(at("2026-11-20T05:00:00Z")));
        assert!(
            feed.days.values().any(|day| day.recount.is_some()),
            "{tenant}"
        );
    }
    assert!(lake.state.feed(SOURCE, "gone").is_none());

    // Access is withdrawn after the first question.
    fill(&rig, "main", "n", &["2026-11-20T05:30:00Z"]);
    fill(&rig, "acme", "b", &["2026-11-20T05:30:00Z"]);
    rig.platform.advance(Duration::from_secs(600));
    let window = "/acme/auditlogs/search?page=1&size=40";
    rig.platform.queue_for(
        window,
        Fault::Status {
            code: 403,
            retry_after: RetryAfter::Absent,
        },
        1,
    );
    let summary = run(&job(&["acme", "main"])).await;
    let source = &summary.sources[0];
    let failed: Vec<&str> = source.failed_feeds.iter().map(|it| &*it.tenant).collect();
    assert_eq!((failed, source.counts.added), (vec!["acme"], 1));
    rig.platform.advance(Duration::from_secs(600));
    assert_eq!(
        run_well(&job(&["acme", "main"])).await.sources[0]
            .counts
            .added,
        1
    );

    // Where none can be read, the source has failed.
    let summary = run(&job(&["gone", "away"])).await;
    assert!(summary.sources[0].failed_feeds.is_empty());
    assert_eq!(
        summary.sources[0].failure.as_ref().unwrap().code,
        "not_found"
    );
}
