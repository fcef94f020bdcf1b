//! What was deleted by rule is never read in again, and is still accounted for.

use super::harness::{Rig, SOURCE, at, empty, quiet, run, run_well, sound_lake, try_run, verified};
use super::lake::{Lake, objects};
use crate::faulty_store::{Fault, FaultyStore, On};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::time::Duration;
use trailhouse::config::Start;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{Body, RecountVerdict, Retention, VerdictBy};
use trailhouse::ledger::log::{Commit, EntryDraft};
use trailhouse::ledger::state::DayState;
use trailhouse::policy::{AsOf, Conditions, Policy, Rule};
use trailhouse::retention::plan;
use trailhouse::run::{Job, RunError, RunOptions, Summary};
use trailhouse_demo::kestra::{NewEvent, Oddity};

const HOUR: Duration = Duration::from_secs(3_600);

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Executions are kept so long, and everything else.
fn policy(executions: &str, default: &str) -> Policy {
    Policy {
        rules: vec![Rule {
            name: "executions".to_owned(),
            conditions: Conditions {
                category: vec!["execution".to_owned()],
                ..Conditions::default()
            },
            keep: executions.parse().unwrap(),
        }],
        default: default.parse().unwrap(),
        platforms: [(SOURCE.to_owned(), "kestra".to_owned())].into(),
    }
}

/// Decides that everything goes that is due under a policy now.
async fn decide(job: &Job, policy: &Policy) -> Retention {
    let log = job.log();
    let mut state = log.load().await.unwrap().unwrap();
    let now = job.clock.now();
    let as_of = now.date_naive();
    let decision = Retention {
        as_of,
        policy: policy.clone(),
        parts: plan(&state, policy, AsOf::date(as_of)).due,
        warehouses: vec![],
        plan: "plan".to_owned(),
        confirmed_by: Some("anna".to_owned()),
    };
    let draft = EntryDraft {
        run_id: "20251125T000000Z-00000000".into(),
        written_at: now,
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        body: Body::Retention(Box::new(decision.clone())),
    };
    let committed = log.commit(&mut state, &draft).await.unwrap();
    assert!(matches!(committed, Commit::Done));
    decision
}

fn push(rig: &Rig, time: &str, action: &str, resource: &str) {
    rig.platform.push(NewEvent {
        action: action.to_owned(),
        resource: resource.to_owned(),
        ..NewEvent::at(at(time))
    });
}

fn late_execution(rig: &Rig, time: &str) {
    push(rig, time, "CREATE", "EXECUTION");
}

/// A run that must find nothing missing: everything that was counted matches.
async fn run_matched(job: &Job, recount: Option<TimeDelta>) -> Summary {
    let options = RunOptions {
        recount,
        ..RunOptions::default()
    };
    let summary = try_run(job, &options).await.unwrap();
    let source = &summary.sources[0];
    assert!(source.failure.is_none() && source.complete, "{source:?}");
    assert!(source.holes.is_empty() && source.gaps.is_empty());
    assert_eq!((source.counts.changed, summary.superseded), (0, false));
    let off = source.recounts.iter();
    let off: Vec<_> = off
        .filter(|it| it.verdict != RecountVerdict::Matched)
        .collect();
    assert!(off.is_empty(), "{off:?}");
    assert_eq!(source.counts.returned, source.counts.accounted());
    summary
}

fn day(lake: &Lake, date: NaiveDate) -> DayState {
    lake.state.feed(SOURCE, "main").unwrap().days[&date].clone()
}

/// Fails unless the lake has nothing of what was decided to go.
fn assert_gone(lake: &Lake, decided: &Retention, when: &str) {
    let gone = &lake.state.retention.gone;
    for part in &decided.parts {
        let of_date = lake.state.files.get(&part.date);
        let back = of_date.into_iter().flatten().find(|live| {
            gone.has(
                live.file.table,
                live.file.date,
                live.file.category.as_deref(),
                &live.file.source,
                None,
            )
        });
        assert!(back.is_none(), "{when}: {back:?}");
    }
}

/// A lake of three days read a quarter of an hour into the fourth, whose overlap reaches into the third.
async fn filled() -> (Rig, FaultyStore, DateTime<Utc>) {
    let now = at("2026-11-19T00:15:00Z");
    let rig = Rig::new(&quiet("2026-11-19T00:15:00Z")).await;
    rig.fill(now - TimeDelta::days(3), now - TimeDelta::minutes(10), 240);
    // Close to midnight, whatever is spread how.
    for minute in 40..59 {
        late_execution(&rig, &format!("2026-11-18T23:{minute}:00Z"));
    }
    rig.platform.push(NewEvent {
        oddity: Some(Oddity::NoId),
        ..NewEvent::at(at("2026-11-18T23:50:30Z"))
    });
    let store = empty();
    run_well(&rig.job(&store)).await;
    (rig, store, now)
}

#[tokio::test]
async fn neither_overlap_nor_a_second_reading_nor_a_recount_brings_it_back() {
    let (rig, store, _) = filled().await;
    let rules = policy("0d", "forever");
    let mut job = rig.job(&store);
    job.retention = Some(rules.clone());
    let decided = decide(&job, &rules).await;
    assert_eq!(decided.parts.len(), 3, "{:?}", decided.parts);
    let third = date("2026-11-18");
    let before = sound_lake(&store).await;
    assert_gone(&before, &decided, "at once");
    assert!(!before.rows().is_empty());
    let had = day(&before, third).accounted;

    // An execution and a log-in come late, the one for what is gone.
    rig.platform.advance(HOUR / 4);
    late_execution(&rig, "2026-11-18T23:59:10Z");
    push(&rig, "2026-11-18T23:59:20Z", "LOGIN", "USER");
    let overlap = run_matched(&job, None).await;
    let counts = overlap.sources[0].counts;
    assert!(counts.expired > 19, "{counts:?}");
    assert_eq!((counts.added, counts.quarantined, counts.late), (1, 0, 1));
    let lake = sound_lake(&store).await;
    assert_gone(&lake, &decided, "overlap");
    assert_eq!(lake.rows().len(), before.rows().len() + 1);
    let known = day(&lake, third);
    // The one of what is gone is accounted for without being kept.
    assert_eq!((known.accounted, known.expected), (had + 2, Some(had + 2)));
    assert_eq!(known.recount.as_ref().unwrap().by, VerdictBy::Id);

    // Nothing new: no record is read for a count that takes the number over.
    rig.platform.advance(HOUR);
    let again = run_matched(&job, None).await;
    assert_eq!(
        (again.sources[0].entries, again.sources[0].counts.added),
        (1, 0)
    );
    let known = day(&sound_lake(&store).await, third);
    assert_eq!((known.accounted, known.expected), (had + 2, Some(had + 2)));
    assert_eq!(known.recount.unwrap().by, VerdictBy::Count);

    // Two days after its end it is read again, id by id.
    rig.platform.set_now(at("2026-11-21T00:30:00Z"));
    let second = run_matched(&job, None).await;
    assert!(second.sources[0].counts.expired > 60);
    let lake = sound_lake(&store).await;
    assert_gone(&lake, &decided, "two days after");
    let known = day(&lake, third);
    assert!(known.read_again.is_some());
    assert_eq!(known.matched.unwrap().records, had + 2);
    assert_eq!((known.accounted, known.expected), (had + 2, Some(had + 2)));

    // Much later another one comes, and everything is counted.
    rig.platform.set_now(at("2026-11-29T00:30:00Z"));
    late_execution(&rig, "2026-11-18T12:00:00.123Z");
    let asked = run_matched(&job, Some(TimeDelta::days(60))).await;
    let found = asked.sources[0].recounts.iter().find(|it| it.date == third);
    let found = found.unwrap();
    assert_eq!((found.expected, found.by), (Some(had + 3), VerdictBy::Id));
    assert_eq!((found.source_count, found.lake_count), (had + 3, had + 3));
    assert_eq!(asked.sources[0].counts.added, 0);
    let lake = sound_lake(&store).await;
    assert_gone(&lake, &decided, "counted");
    assert_eq!(lake.rows().len(), before.rows().len() + 1);
    let quiet = run_matched(&job, Some(TimeDelta::days(60))).await;
    assert_eq!(quiet.sources[0].entries, 0);
}

/// Whatever the rules say later: what was decided to go is gone, quarantine too.
#[tokio::test]
async fn longer_rules_bring_nothing_back() {
    let (rig, store, _) = filled().await;
    let mut job = rig.job(&store);
    job.retention = Some(policy("forever", "forever"));
    let decided = decide(&job, &policy("0d", "0d")).await;
    let before = sound_lake(&store).await;
    assert_gone(&before, &decided, "at once");
    assert!(before.unfit().is_empty());
    rig.platform.advance(HOUR);
    rig.platform.push(NewEvent {
        oddity: Some(Oddity::BadDate),
        ..NewEvent::at(at("2026-11-18T23:51:30Z"))
    });
    let options = Some(TimeDelta::days(60));
    let read = run_matched(&job, options).await;
    assert!(read.sources[0].counts.expired > 20);
    for now in ["2026-11-21T00:30:00Z", "2026-11-22T00:30:00Z"] {
        rig.platform.set_now(at(now));
        run_matched(&job, options).await;
    }
    let lake = sound_lake(&store).await;
    assert_gone(&lake, &decided, "in the end");
    assert!(lake.unfit().is_empty());
    // What happened since is kept.
    let kept = lake.rows();
    assert_eq!(kept.len(), before.rows().len(), "{kept:?}");
    let problems = verified(&store).await.problems;
    assert!(problems.is_empty(), "{problems:?}");
}

/// A run has compared and written its files when the decision is made: it compares again.
#[tokio::test]
async fn a_run_that_the_decision_overtakes_compares_again() {
    let (rig, store, _) = filled().await;
    rig.platform.advance(HOUR / 4);
    late_execution(&rig, "2026-11-18T23:59:10Z");
    push(&rig, "2026-11-18T23:59:20Z", "LOGIN", "USER");
    store.next(On::Put, "ledger/entry", Fault::Pause);
    let slow = rig.job(&store);
    let running = run(&slow);
    tokio::pin!(running);
    store.work_until_hung(running.as_mut()).await;
    let decided = decide(&rig.job(&store), &policy("0d", "forever")).await;
    store.resume();
    let summary = running.await;
    assert!(!summary.superseded);
    let counts = summary.sources[0].counts;
    assert!(counts.expired > 0, "{counts:?}");
    assert_eq!(counts.added, 1);
    assert_gone(&sound_lake(&store).await, &decided, "overtaken");
}

/// Nothing is asked for that would not be kept, and what cannot be mended any more rings nobody.
#[tokio::test]
async fn dates_past_retention_are_left_alone() {
    let (rig, store, _) = filled().await;
    rig.platform.advance(HOUR);
    let from = at("2026-11-19T00:30:00Z");
    rig.fill(from, from + TimeDelta::minutes(30), 20);
    let ids = rig.platform.ids(Some("main"));
    rig.platform.poison(&ids[ids.len() - 1..]);
    let mut job = rig.job(&store);
    job.retention = Some(policy("7d", "30d"));
    let broken = run(&job).await;
    assert_eq!(broken.sources[0].holes.len(), 1);
    assert!(broken.sources[0].past_holes.is_empty());

    // The job was down until after that, and the platform has more by now.
    rig.platform.set_now(at("2026-12-25T06:00:00Z"));
    let from = at("2026-11-19T02:00:00Z");
    rig.fill(from, at("2026-12-25T05:00:00Z"), 360);
    late_execution(&rig, "2026-11-18T12:00:00.123Z");
    let asked = rig.platform.requests().len();
    let clamped = run_matched(&job, Some(TimeDelta::days(60))).await;
    let source = &clamped.sources[0];
    assert_eq!(source.past_holes.len(), 1);
    assert_eq!(source.warnings.len(), 1, "{:?}", source.warnings);
    assert!(source.warnings[0].contains("2026-11-25T00:00:00Z"));
    assert_eq!(source.covered[0].1.from, at("2026-11-25T00:00:00Z"));
    assert!(
        source
            .recounts
            .iter()
            .all(|it| it.date >= date("2026-11-25"))
    );
    for request in &rig.platform.requests()[asked..] {
        let text = format!("{request:?}");
        assert!(!text.contains("2026-11-18") && !text.contains("2026-11-24"));
    }
    let lake = sound_lake(&store).await;
    let feed = lake.state.feed(SOURCE, "main").unwrap();
    // The hole parts what was read before it from what was after.
    assert_eq!((feed.coverage.windows().len(), feed.holes.len()), (3, 1));

    // Said once; and without rules, or with a hold, the hole would be tried again.
    rig.platform.advance(HOUR);
    let next = run_matched(&job, None).await;
    assert!(next.sources[0].warnings.is_empty());
    assert_eq!(next.sources[0].past_holes.len(), 1);
    rig.platform.cure(&ids);
    job.retention = None;
    let mended = run_well(&job).await;
    assert!(mended.sources[0].past_holes.is_empty());
}

#[tokio::test]
async fn a_source_that_would_begin_where_nothing_is_kept_is_refused() {
    let rig = Rig::new(&quiet("2026-01-21T06:00:00Z")).await;
    rig.fill(at("2025-09-01T00:00:00Z"), at("2026-01-21T05:00:00Z"), 200);
    let store = empty();
    let mut job = rig.job(&store);
    job.retention = Some(policy("7d", "90d"));
    job.sources[0].start = Start::At(at("2024-01-01T00:00:00Z"));
    let options = RunOptions::default();
    let refused = try_run(&job, &options).await.unwrap_err();
    let RunError::PastRetention(starts) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(starts[0].kept_from, date("2025-10-23"));
    assert_eq!(
        refused.to_string(),
        "source kestra-test would read from 2024-01-01 on, and nothing of it from before 2025-10-23 is kept"
    );
    let planned = trailhouse::run::plan(&job, &options).await;
    assert!(matches!(planned, Err(RunError::PastRetention(_))));
    assert!(objects(&store).await.is_empty(), "no lake was founded");

    // Who asks for the earliest gets what is kept; so does who names the first date.
    for start in [Start::Earliest, Start::At(at("2025-10-23T00:00:00Z"))] {
        let store = empty();
        let mut job = rig.job(&store);
        job.retention = Some(policy("7d", "90d"));
        job.sources[0].start = start;
        let read = run_well(&job).await;
        let source = &read.sources[0];
        assert_eq!(source.covered[0].1.from, at("2025-10-23T00:00:00Z"));
        assert!(source.warnings.is_empty(), "{:?}", source.warnings);
        // Reading has begun there, so that it may fall behind.
        rig.platform.advance(24 * HOUR);
        run_well(&job).await;
        // Somebody wants more than is kept.
        job.sources[0].start = Start::At(at("2025-10-01T00:00:00Z"));
        let refused = try_run(&job, &options).await;
        assert!(matches!(refused, Err(RunError::PastRetention(_))));
        job.retention = Some(policy("7d", "forever"));
        run_well(&job).await;
        rig.platform.set_now(at("2026-01-21T06:00:00Z"));
    }
}
