//! One record is in the lake once, whatever time, feed or form it comes back under, and both sides of a
//! count are the same set of records.

use super::harness::{Rig, SOURCE, at, empty, quiet, run, run_well, sound_lake, try_run};
use super::lake::{Lake, objects};
use crate::faulty_store::{Fault, FaultyStore, On};
use chrono::{NaiveDate, TimeDelta};
use object_store::ObjectStoreExt as _;
use std::time::Duration;
use trailhouse::config::Start;
use trailhouse::ledger::entry::{Body, Entry, RecountVerdict};
use trailhouse::ledger::state::DayState;
use trailhouse::run::{Job, RunOptions, Summary};
use trailhouse::source::Tenant;
use trailhouse_demo::kestra::{NewEvent, Options};

const NOW: &str = "2026-11-20T06:00:00Z";
const OLD: &str = "2026-11-16T10:00:00Z";
const NEW: &str = "2026-11-17T11:00:00Z";

/// A record of an id, dated and found at an instant, with more members after its date.
fn show(rig: &Rig, id: &str, instant: &str, more: &str) {
    let tenant = if more.contains("tenantId") {
        ""
    } else {
        r#","tenantId":"main""#
    };
    show_bytes(
        rig,
        id,
        instant,
        &format!(r#"{{"id":"{id}"{tenant},"type":"CREATE","date":"{instant}"{more}}}"#),
    );
}

/// The bytes of a record of an id, found at an instant.
fn show_bytes(rig: &Rig, id: &str, instant: &str, record: &str) {
    rig.platform.push(NewEvent {
        id: Some(id.to_owned()),
        record: Some(record.as_bytes().to_vec()),
        ..NewEvent::at(at(instant))
    });
}

fn date(instant: &str) -> NaiveDate {
    at(instant).date_naive()
}

/// Counts everything of ten days, whatever the schedule says.
async fn recount(job: &Job) -> Summary {
    let options = RunOptions {
        recount: Some(TimeDelta::days(10)),
        ..RunOptions::default()
    };
    try_run(job, &options).await.unwrap()
}

fn job_since(rig: &Rig, store: &FaultyStore, start: &str) -> Job {
    let mut job = rig.job(store);
    job.sources[0].start = Start::At(at(start));
    job
}

fn day(lake: &Lake, tenant: &str, instant: &str) -> DayState {
    let feed = lake.state.feed(SOURCE, tenant).unwrap();
    feed.days[&date(instant)].clone()
}

async fn entries(store: &FaultyStore) -> Vec<Entry> {
    let all = objects(store).await;
    let entries = all
        .iter()
        .filter(|(name, _)| name.starts_with("ledger/entry/"));
    entries
        .map(|(_, bytes)| Entry::decode_unverified(bytes).unwrap())
        .collect()
}

fn verdicts(summary: &Summary) -> Vec<(NaiveDate, RecountVerdict)> {
    let recounts = summary.sources[0].recounts.iter();
    let all = recounts.map(|recount| (recount.date, recount.verdict));
    all.filter(|(_, verdict)| *verdict != RecountVerdict::Matched)
        .collect()
}

fn uids(lake: &Lake) -> Vec<&str> {
    lake.rows().keys().map(|uid| &**uid).collect()
}

/// The date of a record was changed at the source, and a new record took its place.
#[tokio::test]
async fn a_record_that_comes_back_under_another_date_is_changed_and_hides_nothing() {
    let rig = Rig::new(&quiet(NOW)).await;
    show(&rig, "a", OLD, "");
    show(&rig, "b", "2026-11-16T11:00:00Z", "");
    show(&rig, "c", NEW, "");
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    run_well(&job).await;

    rig.platform.purge(&["b"]);
    show(&rig, "b", "2026-11-17T12:00:00Z", "");
    rig.platform.advance(Duration::from_secs(600));
    let moved = recount(&job).await;
    let counts = moved.sources[0].counts;
    assert_eq!((counts.added, counts.changed), (0, 1), "{counts:?}");
    assert_eq!(verdicts(&moved), []);
    let lake = sound_lake(&store).await;
    let source = "kestra-test/main";
    assert_eq!(
        uids(&lake),
        ["a", "b", "c"].map(|id| format!("{source}/{id}"))
    );
    let entries = entries(&store).await;
    let changed = entries.iter().find_map(|entry| match &entry.body {
        Body::Ingest(ingest) => ingest.changed.first(),
        _ => None,
    });
    let changed = changed.unwrap();
    assert_eq!(changed.pointers, ["/date"]);
    assert_eq!(changed.moved_from, Some(date(OLD)));
    assert_eq!(lake.quarantine.len(), 1);
    for (instant, records) in [(OLD, 1), (NEW, 2)] {
        let day = day(&lake, "main", instant);
        assert_eq!(
            (day.accounted, day.expected),
            (records, Some(records)),
            "{instant}"
        );
    }

    // As many records as before, and one of them is new.
    show(&rig, "n", "2026-11-16T15:00:00Z", "");
    rig.platform.advance(Duration::from_secs(600));
    let found = recount(&job).await;
    assert_eq!(
        (
            found.sources[0].counts.added,
            found.sources[0].counts.changed
        ),
        (1, 0)
    );
    assert_eq!(verdicts(&found), []);
    assert_eq!(sound_lake(&store).await.rows().len(), 4);
    // It goes back: nothing is new, nothing missing.
    rig.platform.purge(&["b"]);
    show(&rig, "b", "2026-11-16T11:00:00Z", "");
    for _ in 0..3 {
        rig.platform.advance(Duration::from_secs(600));
        let back = recount(&job).await;
        assert_eq!(back.sources[0].counts.added, 0);
        assert!(back.sources[0].gaps.is_empty());
    }
    assert_eq!(sound_lake(&store).await.rows().len(), 4);
}

/// Without the index of an earlier run, with one of a while ago, and with one that nobody could write.
#[tokio::test]
async fn the_id_is_found_whatever_became_of_the_index() {
    for (gone, refuse) in [(false, false), (true, false), (false, true)] {
        let rig = Rig::new(&quiet(NOW)).await;
        show(&rig, "a", OLD, "");
        show(&rig, "b", "2026-11-16T11:00:00Z", "");
        let store = empty();
        let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
        run_well(&job).await;
        if gone || refuse {
            for name in objects(&store).await.keys() {
                if name.starts_with("ledger/index/") {
                    store.delete(&name.as_str().into()).await.unwrap();
                }
            }
        }
        if refuse {
            store.next(On::Put, "ledger/index/", Fault::Reject);
        }
        rig.platform.purge(&["a", "b"]);
        show(&rig, "a", "2026-11-19T10:00:00Z", "");
        show(&rig, "b", "2026-11-20T05:54:00Z", "");
        rig.platform.advance(Duration::from_secs(600));
        let summary = recount(&job).await;
        let counts = summary.sources[0].counts;
        assert_eq!((counts.added, counts.changed), (0, 2), "{gone} {refuse}");
        assert_eq!(summary.notes.is_empty(), !refuse, "{:?}", summary.notes);
        assert_eq!(sound_lake(&store).await.rows().len(), 2);
    }
}

/// The same id under two dates in one reading.
#[tokio::test]
async fn an_id_that_is_shown_twice_is_one_row() {
    let rig = Rig::new(&quiet(NOW)).await;
    for instant in [OLD, "2026-11-16T12:00:00Z", NEW] {
        show(&rig, "twice", instant, "");
    }
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    let first = run(&job).await;
    assert_eq!(
        (
            first.sources[0].counts.added,
            first.sources[0].counts.changed
        ),
        (1, 2)
    );
    assert_eq!(verdicts(&first), []);
    let lake = sound_lake(&store).await;
    assert_eq!((lake.rows().len(), lake.quarantine.len()), (1, 2));
    rig.platform.advance(Duration::from_secs(600));
    let again = recount(&job).await;
    assert_eq!(again.sources[0].counts.changed, 0);
    assert_eq!(verdicts(&again), []);
}

/// A record that could not be read is repaired; it was counted, and is counted once.
#[tokio::test]
async fn a_repaired_record_is_counted_once_and_hides_nothing() {
    for repaired_at in ["2026-11-20T05:35:00Z", "2026-11-18T05:35:00Z"] {
        let rig = Rig::new(&quiet(NOW)).await;
        let found_at = "2026-11-20T05:35:00Z";
        show_bytes(
            &rig,
            "u",
            found_at,
            r#"{"id":"u","tenantId":"main","type":"CREATE","date":"not a date"}"#,
        );
        show(&rig, "a", "2026-11-20T05:40:00Z", "");
        let store = empty();
        let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
        let first = run_well(&job).await;
        let counts = first.sources[0].counts;
        assert_eq!((counts.added, counts.quarantined), (1, 1));

        rig.platform.purge(&["u"]);
        show(&rig, "u", repaired_at, "");
        rig.platform.advance(Duration::from_secs(600));
        let repaired = recount(&job).await;
        let counts = repaired.sources[0].counts;
        assert_eq!((counts.added, counts.repaired), (1, 1), "{repaired_at}");
        assert_eq!(verdicts(&repaired), []);

        show(&rig, "late", "2026-11-20T02:00:00Z", "");
        rig.platform.advance(Duration::from_secs(600));
        let late = recount(&job).await;
        assert_eq!(late.sources[0].counts.added, 1, "{repaired_at}");
        assert_eq!(verdicts(&late), []);
        let lake = sound_lake(&store).await;
        assert_eq!((lake.rows().len(), lake.quarantine.len()), (3, 1));
    }
}

/// And the other way round: what was read cannot be read any more, and is known all the same.
#[tokio::test]
async fn a_record_that_becomes_unreadable_is_changed_and_counted_once() {
    let rig = Rig::new(&quiet(NOW)).await;
    show(&rig, "a", "2026-11-20T05:40:00Z", "");
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    run_well(&job).await;
    for (nth, bytes) in [
        r#"{"id":"a","tenantId":"main","date":"yesterday"}"#,
        r#"{"id":"a","tenantId":"main"}"#,
    ]
    .iter()
    .enumerate()
    {
        rig.platform.purge(&["a"]);
        show_bytes(&rig, "a", "2026-11-20T05:40:00Z", bytes);
        rig.platform.advance(Duration::from_secs(60));
        let summary = run(&job).await;
        let counts = summary.sources[0].counts;
        assert_eq!(
            (counts.known, counts.changed, counts.quarantined),
            (1, 1, 0)
        );
        assert_eq!(verdicts(&summary), []);
        let lake = sound_lake(&store).await;
        assert_eq!((lake.rows().len(), lake.quarantine.len()), (1, nth + 1));
    }
}

/// Two records are purged and a third one comes late: the numbers agree with those of the first time.
#[tokio::test]
async fn a_late_record_does_not_hide_behind_purged_ones() {
    let rig = Rig::new(&quiet(NOW)).await;
    for (nth, id) in ["a", "b", "c", "d"].iter().enumerate() {
        show(&rig, id, &format!("2026-11-16T1{nth}:00:00Z"), "");
    }
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    run_well(&job).await;
    rig.platform.purge(&["a", "b"]);
    for verdict in [
        RecountVerdict::Fewer,
        RecountVerdict::Purged,
        RecountVerdict::Purged,
    ] {
        rig.platform.advance(Duration::from_secs(600));
        assert_eq!(verdicts(&recount(&job).await), [(date(OLD), verdict)]);
    }
    let lake = sound_lake(&store).await;
    let known = day(&lake, "main", OLD);
    assert_eq!((known.accounted, known.expected), (4, Some(2)));
    for id in ["e", "f"] {
        show(&rig, id, "2026-11-16T20:00:00Z", "");
    }
    rig.platform.advance(Duration::from_secs(600));
    let found = recount(&job).await;
    assert_eq!(found.sources[0].counts.added, 2);
    assert_eq!(sound_lake(&store).await.rows().len(), 6);
}

/// Records of a hole are no part of what the source is asked to count.
#[tokio::test]
async fn a_hole_among_kept_neighbours_purges_nothing_and_hides_nothing() {
    let rig = Rig::new(&quiet(NOW)).await;
    show(&rig, "a", OLD, "");
    for id in ["p", "q", "r"] {
        show(&rig, id, "2026-11-16T11:00:00.123Z", "");
    }
    show(&rig, "b", "2026-11-16T12:00:00Z", "");
    rig.platform.poison(&["p"]);
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    let first = run(&job).await;
    assert_eq!(first.sources[0].holes.len(), 1);
    assert_eq!(first.sources[0].counts.added, 4);
    for _ in 0..2 {
        rig.platform.advance(Duration::from_secs(600));
        assert_eq!(verdicts(&recount(&job).await), []);
    }
    for (nth, id) in ["l1", "l2"].iter().enumerate() {
        show(&rig, id, &format!("2026-11-16T2{nth}:00:00Z"), "");
    }
    rig.platform.advance(Duration::from_secs(600));
    let late = recount(&job).await;
    assert_eq!(late.sources[0].counts.late, 2);
    assert_eq!(verdicts(&late), []);

    // It is healed: all of its records count again, and none twice.
    rig.platform.cure(&["p"]);
    rig.platform.advance(Duration::from_secs(600));
    let healed = recount(&job).await;
    assert!(healed.sources[0].holes.is_empty());
    assert_eq!(verdicts(&healed), []);
    let lake = sound_lake(&store).await;
    assert_eq!(lake.rows().len(), 7);
    assert_eq!(day(&lake, "main", OLD).expected, Some(7));
}

/// A record that was read whole becomes unreadable where it lies, and so do its neighbours' counts.
#[tokio::test]
async fn a_hole_that_opens_amid_what_was_read_is_left_out_of_counts_until_it_closes() {
    let rig = Rig::new(&quiet(NOW)).await;
    for (nth, id) in ["a", "b", "c"].iter().enumerate() {
        show(&rig, id, &format!("2026-11-20T05:4{nth}:00Z"), "");
    }
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    run_well(&job).await;
    rig.platform.poison(&["b"]);
    for _ in 0..3 {
        rig.platform.advance(Duration::from_secs(60));
        let summary = run(&job).await;
        assert_eq!(summary.sources[0].holes.len(), 1);
        assert_eq!(verdicts(&summary), []);
    }
    show(&rig, "late", "2026-11-20T01:00:00Z", "");
    rig.platform.advance(Duration::from_secs(60));
    assert_eq!(run(&job).await.sources[0].counts.added, 1);
    rig.platform.cure(&["b"]);
    for _ in 0..2 {
        rig.platform.advance(Duration::from_secs(60));
        let summary = run_well(&job).await;
        assert_eq!(verdicts(&summary), []);
    }
    let lake = sound_lake(&store).await;
    assert_eq!(lake.rows().len(), 4);
    assert_eq!(day(&lake, "main", NOW).expected, Some(4));
}

fn several() -> Options {
    Options {
        tenants: vec!["acme".to_owned(), "main".to_owned()],
        ..quiet(NOW)
    }
}

/// From one tenant to all of them and back, with records that state a tenant, another one and none.
#[tokio::test]
async fn a_change_of_feeds_knows_what_the_lake_has() {
    let rig = Rig::new(&several()).await;
    show(&rig, "a", OLD, "");
    show_bytes(
        &rig,
        "n",
        NEW,
        &format!(r#"{{"id":"n","type":"LOGIN","date":"{NEW}"}}"#),
    );
    show_bytes(&rig, "odd", NEW, r#"{"id":"odd","date":"?"}"#);
    let store = empty();
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|it| Tenant::Named((*it).to_owned()))
            .collect()
    };
    let job = |tenants: Vec<Tenant>| {
        let mut source = rig.source(tenants);
        source.start = Start::At(at("2026-11-15T00:00:00Z"));
        rig.job_of(&store, vec![source])
    };
    run_well(&job(named(&["main"]))).await;
    let lake = sound_lake(&store).await;
    assert_eq!(uids(&lake), ["kestra-test//n", "kestra-test/main/a"]);
    for (nth, tenants) in [
        vec![Tenant::All],
        vec![Tenant::All],
        named(&["main"]),
        named(&["main", "acme"]),
        vec![Tenant::All],
    ]
    .into_iter()
    .enumerate()
    {
        rig.platform.advance(Duration::from_secs(7_200));
        let summary = recount(&job(tenants)).await;
        let source = &summary.sources[0];
        assert!(source.gaps.is_empty() && source.failure.is_none(), "{nth}");
        let counts = source.counts;
        assert_eq!(
            (counts.added, counts.quarantined, counts.changed),
            (0, 0, 0),
            "{nth}"
        );
        assert_eq!(verdicts(&summary), [], "{nth}");
    }
    let lake = sound_lake(&store).await;
    assert_eq!((lake.rows().len(), lake.quarantine.len()), (2, 1));
}

/// What the platform adds to old records in an upgrade is drift, the tenant too.
#[tokio::test]
async fn a_tenant_that_is_added_makes_no_other_record() {
    let rig = Rig::new(&several()).await;
    let instant = "2026-11-20T05:40:00Z";
    show_bytes(
        &rig,
        "x",
        instant,
        &format!(r#"{{"id":"x","date":"{instant}"}}"#),
    );
    let store = empty();
    let job = job_since(&rig, &store, "2026-11-15T00:00:00Z");
    run_well(&job).await;
    rig.platform.purge(&["x"]);
    show(&rig, "x", instant, "");
    rig.platform.advance(Duration::from_secs(60));
    let counts = run_well(&job).await.sources[0].counts;
    assert_eq!((counts.added, counts.known), (0, 1));
    let lake = sound_lake(&store).await;
    assert_eq!(uids(&lake), ["kestra-test//x"]);
}
