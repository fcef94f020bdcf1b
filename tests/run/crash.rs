//! Killed at every step: whatever a run was doing to the store when it died, a rerun makes the
//! same lake.

use super::harness::{
    Rig, around, at, empty, fixed, quiet, run_until_hung, run_well, sound_lake, try_run,
};
use super::lake::{Lake, objects};
use crate::faulty_store::{Fault, FaultyStore};
use chrono::TimeDelta;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::Duration;
use trailhouse::ledger::names::entry_name;
use trailhouse_demo::kestra::{Change, NewEvent};

/// Three runs an hour apart: a first catch-up, one with late, changed and new records, and one
/// with nothing new. A run that is killed is started again before the next one. Returns the lake
/// and whether any run was killed.
async fn three_runs(store: &FaultyStore) -> (Lake, bool) {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    let platform = &rig.platform;
    rig.fill(at("2026-11-18T22:00:00Z"), at("2026-11-20T05:54:00Z"), 60);
    let changing = platform.push(NewEvent::at(at("2026-11-20T05:40:00Z")));
    let mut killed = false;
    for hour in 0..3 {
        if hour == 1 {
            platform.push(NewEvent::at(at("2026-11-20T05:41:00Z")));
            platform.push(NewEvent {
                record: Some(b"no record at all".to_vec()),
                ..NewEvent::at(at("2026-11-20T06:20:00Z"))
            });
            rig.fill(at("2026-11-20T06:00:00Z"), at("2026-11-20T06:50:00Z"), 6);
            platform.change(&[&changing], &Change::Value);
        }
        if run_until_hung(&rig.job(store), store).await.is_none() {
            killed = true;
            run_well(&rig.job(store)).await;
        }
        platform.advance(Duration::from_secs(3_600));
    }
    (sound_lake(store).await, killed)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_of_the_store_a_rerun_makes_the_same_lake() {
    let store = empty();
    let (undisturbed, killed) = three_runs(&store).await;
    assert!(!killed);
    assert_eq!(
        (undisturbed.rows().len(), undisturbed.quarantine.len()),
        (68, 2)
    );
    let changes = store.changes();
    assert!(changes > 20, "{changes}");
    let undisturbed = Arc::new(undisturbed);
    let kills = (0..changes).flat_map(|n| [(n, Fault::HangBefore), (n, Fault::HangAfter)]);
    let tried = futures::stream::iter(kills)
        .map(|(number, fault)| {
            let undisturbed = Arc::clone(&undisturbed);
            tokio::spawn(async move {
                let store = empty();
                store.stop_at(number, fault);
                let (lake, killed) = three_runs(&store).await;
                let when = format!("{fault:?} of change {number}");
                assert!(killed, "{when}");
                lake.assert_same(&undisturbed, &when);
            })
        })
        .buffer_unordered(3);
    tried.try_collect::<Vec<_>>().await.unwrap();
}

/// A copy of everything in a store. A lake's id is random, so runs whose bytes are compared must
/// extend one lake.
async fn copy(store: &FaultyStore) -> FaultyStore {
    let copy = InMemory::new();
    for (name, bytes) in objects(store).await {
        object_store::ObjectStoreExt::put(&copy, &name.into(), bytes.into())
            .await
            .unwrap();
    }
    around(copy)
}

/// Rows, names, roots, entries and state caches: all of them, to the byte. The id index is written by runs
/// that need it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_a_rerun_by_the_same_plan_makes_the_same_bytes() {
    let rig = Rig::new(&quiet("2026-11-20T18:00:00Z")).await;
    let now = rig.platform.now();
    let founded = empty();
    try_run(&rig.job(&founded), &fixed(now, 1)).await.unwrap();
    // One chunk, since a plan is for what is still to be done.
    rig.fill(now - TimeDelta::hours(9), now - TimeDelta::minutes(40), 60);
    let plan = fixed(now, 2);
    let store = copy(&founded).await;
    let summary = try_run(&rig.job(&store), &plan).await.unwrap();
    assert_eq!(summary.sources[0].entries, 1);
    let receipt = entry_name(summary.sequence);
    let undisturbed = objects(&store).await;
    for number in 0..store.changes() {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            let store = copy(&founded).await;
            store.stop_at(number, fault);
            let when = format!("{fault:?} of change {number}");
            let job = rig.job(&store);
            tokio::select! {
                ended = try_run(&job, &plan) => panic!("{when}: {ended:?}"),
                () = store.hung() => {}
            }
            // After the receipt all was done but the state cache, and a rerun writes a receipt too.
            let was_done = objects(&store).await.contains_key(&receipt);
            try_run(&job, &plan).await.unwrap();
            let again = objects(&store).await;
            let is_index = |name: &&String| name.starts_with("ledger/index/");
            if !was_done {
                let names = again.keys().filter(|name| !is_index(name));
                let expected = undisturbed.keys().filter(|name| !is_index(name));
                assert!(names.eq(expected), "{when}");
            }
            let lasting = undisturbed.iter().filter(|(name, _)| !is_index(name));
            let lasting =
                lasting.filter(|(name, _)| !was_done || !name.starts_with("ledger/state/"));
            for (name, bytes) in lasting {
                assert!(again[name] == *bytes, "{name} has other bytes, {when}");
            }
        }
    }
}

#[tokio::test]
async fn the_same_plan_and_the_same_answers_make_the_same_bytes() {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    let now = rig.platform.now();
    let founded = empty();
    try_run(&rig.job(&founded), &fixed(now, 1)).await.unwrap();
    rig.fill(
        now - TimeDelta::hours(50),
        now - TimeDelta::minutes(10),
        500,
    );
    let mut made = Vec::new();
    for _ in 0..2 {
        let store = copy(&founded).await;
        try_run(&rig.job(&store), &fixed(now, 2)).await.unwrap();
        made.push(objects(&store).await);
    }
    assert!(made[0].len() > 10);
    assert_eq!(
        made[0].keys().collect::<Vec<_>>(),
        made[1].keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &made[0] {
        assert!(made[1][name] == *bytes, "{name} has other bytes");
    }
}
