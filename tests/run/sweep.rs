//! What dead runs leave is removed, and nothing else, whenever it is and whoever comes back.

use super::harness::{Rig, empty, quiet, run, run_until_hung, run_well, sound_lake};
use crate::faulty_store::{Fault, FaultyStore, On};
use chrono::TimeDelta;
use futures::TryStreamExt as _;
use object_store::ObjectStore;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use trailhouse::decision::DecisionError;
use trailhouse::decision::sweep::Swept;
use trailhouse::ledger::entry::ClockConfirmation;
use trailhouse::policy::{Keep, Policy};
use trailhouse::run::{Job, RunError, Unobserved, confirm_clock, sweep};

const DEADLINE: TimeDelta = TimeDelta::minutes(50);

/// Names of all data files of a store.
async fn data(store: &FaultyStore) -> BTreeSet<String> {
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    let names = all.into_iter().map(|object| object.location.to_string());
    names.filter(|name| name.ends_with(".parquet")).collect()
}

async fn swept(job: &Job, dry_run: bool) -> Result<Swept, RunError> {
    sweep(job, DEADLINE, dry_run, &Unobserved).await
}

/// A lake with rows, and the files of a run that died before it could commit them.
async fn left() -> (Rig, FaultyStore, BTreeSet<String>) {
    let rig = Rig::new(&quiet("2026-03-04T00:00:00Z")).await;
    let now = rig.platform.now();
    rig.fill(now - TimeDelta::days(2), now - TimeDelta::hours(1), 60);
    let store = empty();
    run_well(&rig.job(&store)).await;
    let named = data(&store).await;
    rig.platform.advance(Duration::from_secs(3 * 3_600));
    rig.fill(now, now + TimeDelta::hours(2), 30);
    store.next(On::Put, "ledger/entry", Fault::HangBefore);
    assert!(run_until_hung(&rig.job(&store), &store).await.is_none());
    store.calm();
    let orphans: BTreeSet<String> = data(&store).await.difference(&named).cloned().collect();
    assert!(!orphans.is_empty());
    (rig, store, orphans)
}

/// The store's own times are those of this machine, so what was written a moment ago is old once the
/// clock of the job is days ahead of both. Somebody confirms it, since no run has seen that time.
async fn days_later(rig: &Rig, store: &FaultyStore) {
    let later = chrono::Utc::now() + TimeDelta::days(3);
    rig.platform.set_now(later);
    let confirmation = ClockConfirmation {
        by: "anna".to_owned(),
        reason: "by the calendar".to_owned(),
    };
    let job = rig.job_of(store, Vec::new());
    let confirmed = confirm_clock(&job, later.date_naive(), confirmation).await;
    assert!(confirmed.unwrap().now.is_borne_out());
}

#[tokio::test]
async fn orphans_go_and_nothing_else_does() {
    let (rig, store, orphans) = left().await;
    let job = rig.job(&store);
    // Too young: their run may still go on.
    let early = swept(&job, false).await.unwrap();
    assert_eq!((early.found.len(), early.removed), (0, 0));
    // Old only by a clock that nothing bears out.
    let now = rig.platform.now();
    rig.platform
        .set_now(chrono::Utc::now() + TimeDelta::days(3));
    let look = swept(&job, true).await.unwrap();
    assert_eq!(
        (look.found.len(), look.clock.len()),
        (orphans.len(), 1),
        "{look:?}"
    );
    let refused = swept(&job, false).await;
    assert!(matches!(
        refused,
        Err(RunError::Decision(DecisionError::UnprovenClock(_)))
    ));
    rig.platform.set_now(now);
    days_later(&rig, &store).await;
    let all = data(&store).await;
    let look = swept(&job, true).await.unwrap();
    let found: BTreeSet<String> = look
        .found
        .iter()
        .map(|object| object.path.clone())
        .collect();
    assert_eq!(found, orphans);
    assert_eq!(data(&store).await, all, "a dry run removes nothing");
    let done = swept(&job, false).await.unwrap();
    assert_eq!(done.removed, orphans.len() as u64);
    let kept: BTreeSet<String> = all.difference(&orphans).cloned().collect();
    assert_eq!(data(&store).await, kept);
    assert!(swept(&job, false).await.unwrap().found.is_empty());
    sound_lake(&store).await;
    run_well(&job).await;
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "after the sweep");
    assert!(lake.state.sweeps.is_empty());
}

/// The names of files of a run whose clock was ahead say a time that has not come: the store's own times
/// say that they are old.
#[tokio::test]
async fn orphans_of_a_clock_that_was_ahead_go_too() {
    let (rig, store, before) = left().await;
    let now = rig.platform.now();
    rig.platform.set_now(now + TimeDelta::days(3_650));
    let ahead = |names: BTreeSet<String>| names.into_iter().any(|it| it.contains("/2036"));
    // It reads again what has settled by its clock, before it writes any file.
    for at in 0.. {
        store.stop_at(store.changes() + at, Fault::HangBefore);
        let ended = run_until_hung(&rig.job(&store), &store).await;
        store.calm();
        assert!(ended.is_none(), "{at}");
        if ahead(data(&store).await) {
            break;
        }
    }
    days_later(&rig, &store).await;
    let done = swept(&rig.job(&store), false).await.unwrap();
    assert!(done.removed > before.len() as u64);
    assert!(!ahead(data(&store).await));
    sound_lake(&store).await;
}

/// Killed between any two steps, the next one finishes it.
#[tokio::test]
async fn killed_anywhere_the_next_sweep_finishes_it() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for at in 0.. {
            let (rig, store, orphans) = left().await;
            days_later(&rig, &store).await;
            let job = rig.job(&store);
            store.stop_at(store.changes() + at, fault);
            let ended = tokio::select! {
                done = swept(&job, false) => { done.unwrap(); true }
                () = store.hung() => false,
            };
            store.calm();
            swept(&job, false).await.unwrap();
            assert!(
                data(&store).await.is_disjoint(&orphans),
                "{fault:?} at {at}"
            );
            assert!(sound_lake(&store).await.state.sweeps.is_empty());
            if ended {
                assert!(at > 2, "{at}");
                break;
            }
        }
    }
}

/// A run that may delete finishes what a killed sweep has decided; one that may not leaves it.
#[tokio::test]
async fn a_run_that_applies_retention_finishes_a_sweep() {
    let (rig, store, orphans) = left().await;
    days_later(&rig, &store).await;
    store.next(On::Change, "events", Fault::HangBefore);
    let sweeper = rig.job(&store);
    tokio::select! {
        _ = swept(&sweeper, false) => panic!("it hangs"),
        () = store.hung() => {}
    }
    store.calm();
    let mut job = rig.job(&store);
    run(&job).await;
    assert_eq!(sound_lake(&store).await.state.sweeps.len(), 1);
    job.retention = Some(Policy {
        rules: Vec::new(),
        default: Keep::Forever,
        platforms: BTreeMap::new(),
    });
    job.retain = true;
    let summary = run(&job).await;
    let notes = summary.retention.unwrap().notes;
    assert!(notes[0].contains("of dead runs removed"), "{notes:?}");
    assert!(data(&store).await.is_disjoint(&orphans));
    assert!(sound_lake(&store).await.state.sweeps.is_empty());
}

/// A run that was taken for dead, and comes back with files that were swept meanwhile, writes them anew.
#[tokio::test]
async fn a_run_that_comes_back_does_not_name_what_was_swept() {
    let rig = Rig::new(&quiet("2026-03-04T00:00:00Z")).await;
    let now = rig.platform.now();
    rig.fill(now - TimeDelta::days(2), now - TimeDelta::hours(1), 60);
    let store = empty();
    run_well(&rig.job(&store)).await;
    rig.platform.advance(Duration::from_secs(3 * 3_600));
    rig.fill(now, now + TimeDelta::hours(2), 30);
    store.next(On::Put, "ledger/entry", Fault::Pause);
    let slow = rig.job(&store);
    let running = run(&slow);
    tokio::pin!(running);
    store.work_until_hung(running.as_mut()).await;
    days_later(&rig, &store).await;
    let job = rig.job(&store);
    assert!(swept(&job, false).await.unwrap().removed > 0);
    store.resume();
    running.await;
    let lake = sound_lake(&store).await;
    assert_eq!(lake.rows().len(), 90);
}

/// A store that refuses is believed, and asked again the next time.
#[tokio::test]
async fn what_a_store_refuses_to_remove_is_named_and_tried_again() {
    let (rig, store, orphans) = left().await;
    days_later(&rig, &store).await;
    let job = rig.job(&store);
    store.keep_all();
    let refused = swept(&job, false).await.unwrap();
    assert_eq!((refused.removed, refused.refused.len()), (0, orphans.len()));
    store.keep_nothing();
    let done = swept(&job, false).await.unwrap();
    assert_eq!(done.removed, orphans.len() as u64);
}
