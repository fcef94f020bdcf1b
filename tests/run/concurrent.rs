//! Two runs at once: one stands still in the middle of each change it makes while the other does
//! all it has to do, and then goes on with what it knew before.

use super::harness::{Rig, around, at, quiet, run_well, sound_lake};
use crate::faulty_store::{Fault, FaultyStore};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::Duration;
use trailhouse::config::Start;
use trailhouse::run::{Job, Summary};
use trailhouse::source::Tenant;
use trailhouse_demo::kestra::{Change, NewEvent, Options};

fn sharing(memory: &Arc<InMemory>) -> FaultyStore {
    FaultyStore::around(Arc::clone(memory) as Arc<dyn ObjectStore>)
}

/// Runs `slow` until its change number `pause`, then all of `fast`, then the rest of `slow`.
/// Returns how `slow` ended, or none where it never came to that change.
async fn overtaken(slow: &Job, store: &FaultyStore, pause: usize, fast: &Job) -> Option<Summary> {
    store.stop_at(store.changes() + pause, Fault::Pause);
    let slow_run = run_well(slow);
    tokio::pin!(slow_run);
    tokio::select! {
        _ = &mut slow_run => return None,
        () = store.hung() => {}
    }
    Box::pin(run_well(fast)).await;
    store.resume();
    Some(slow_run.await)
}

async fn rig() -> Rig {
    let rig = Rig::new(&Options {
        tenants: vec!["main".to_owned(), "other".to_owned()],
        ..quiet("2026-11-20T06:00:00Z")
    })
    .await;
    rig.fill(at("2026-11-18T22:00:00Z"), at("2026-11-20T05:54:00Z"), 40);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn overtaken_on_the_same_windows_nothing_is_lost_and_nothing_doubled() {
    let mut superseded = 0;
    for pause in 0.. {
        let rig = rig().await;
        let memory = Arc::new(InMemory::new());
        let (ours, theirs) = (sharing(&memory), sharing(&memory));
        let ended = overtaken(&rig.job(&ours), &ours, pause, &rig.job(&theirs)).await;
        let when = format!("overtaken at change {pause}");
        let lake = sound_lake(&ours).await;
        lake.assert_holds_what_was_shown(&rig.platform, &when);
        assert_eq!(lake.rows().len(), 40, "{when}");
        match ended {
            Some(summary) => superseded += usize::from(summary.superseded),
            None => {
                assert!(pause > 8, "{pause}");
                break;
            }
        }
    }
    assert!(superseded > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn overtaken_by_a_run_that_saw_more_the_lake_has_all_of_it() {
    for pause in 0.. {
        let rig = rig().await;
        let platform = &rig.platform;
        let changing = platform.push(NewEvent::at(at("2026-11-20T05:40:00Z")));
        let memory = Arc::new(InMemory::new());
        let (ours, theirs) = (sharing(&memory), sharing(&memory));
        run_well(&rig.job(&ours)).await;
        rig.fill(at("2026-11-20T06:00:00Z"), at("2026-11-20T06:50:00Z"), 6);
        platform.advance(Duration::from_secs(3_600));
        ours.stop_at(ours.changes() + pause, Fault::Pause);
        let job = rig.job(&ours);
        let slow = run_well(&job);
        tokio::pin!(slow);
        tokio::select! {
            _ = &mut slow => break,
            () = ours.hung() => {}
        }
        platform.push(NewEvent::at(at("2026-11-20T05:45:00Z")));
        platform.push(NewEvent::at(at("2026-11-20T06:45:00Z")));
        platform.change(&[&changing], &Change::Value);
        run_well(&rig.job(&theirs)).await;
        ours.resume();
        slow.await;
        let when = format!("overtaken at change {pause}");
        let lake = sound_lake(&ours).await;
        lake.assert_holds_what_was_shown(platform, &when);
        assert_eq!(lake.rows().len(), 49, "{when}");
        assert_eq!(lake.evidence().len(), 1, "{when}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overtaken_on_disjoint_windows_of_one_source_nothing_is_compared_again() {
    let border = at("2026-11-19T12:00:00Z");
    for pause in 0.. {
        let rig = rig().await;
        let memory = Arc::new(InMemory::new());
        let (ours, theirs) = (sharing(&memory), sharing(&memory));
        let main = || rig.source(vec![Tenant::Named("main".to_owned())]);
        let mut until = main();
        until.settle = rig.platform.now() - border;
        let mut from = main();
        from.start = Start::At(border);
        let until = rig.job_of(&ours, vec![until]);
        let ended = overtaken(&until, &ours, pause, &rig.job_of(&theirs, vec![from])).await;
        let Some(summary) = ended else {
            assert!(pause > 5, "{pause}");
            break;
        };
        let when = format!("overtaken at change {pause}");
        assert!(!summary.superseded, "{when}");
        let lake = sound_lake(&ours).await;
        lake.assert_holds_what_was_shown(&rig.platform, &when);
        assert_eq!(lake.rows().len(), 40, "{when}");
        let coverage = lake.coverage().into_values().next().unwrap();
        assert_eq!(coverage.windows().len(), 1, "{when}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_do_not_hinder_each_other() {
    for pause in 0.. {
        let rig = rig().await;
        for minute in 0..20 {
            rig.platform.push(NewEvent {
                tenant: Some("other".to_owned()),
                ..NewEvent::at(at("2026-11-20T05:00:00Z") + chrono::TimeDelta::minutes(minute))
            });
        }
        let memory = Arc::new(InMemory::new());
        let (ours, theirs) = (sharing(&memory), sharing(&memory));
        let mut other = rig.source(vec![Tenant::Named("other".to_owned())]);
        other.id = "kestra-other".to_owned();
        let other = rig.job_of(&theirs, vec![other]);
        let ended = overtaken(&rig.job(&ours), &ours, pause, &other).await;
        let Some(summary) = ended else {
            assert!(pause > 8, "{pause}");
            break;
        };
        assert!(!summary.superseded);
        let lake = sound_lake(&ours).await;
        let when = format!("overtaken at change {pause}");
        lake.assert_holds_what_was_shown(&rig.platform, &when);
        assert_eq!(lake.rows().len(), 60, "{when}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_runs_at_once_make_one_lake() {
    let rig = Arc::new(rig().await);
    let memory = Arc::new(InMemory::new());
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let (rig, store) = (Arc::clone(&rig), sharing(&memory));
            tokio::spawn(async move { run_well(&rig.job(&store)).await })
        })
        .collect();
    for run in runs {
        run.await.unwrap();
    }
    let lake = sound_lake(&sharing(&memory)).await;
    lake.assert_holds_what_was_shown(&rig.platform, "four runs");
    assert_eq!(lake.rows().len(), 40);
    let fresh = around(InMemory::new());
    run_well(&rig.job(&fresh)).await;
    assert_eq!(lake.coverage(), sound_lake(&fresh).await.coverage());
}
