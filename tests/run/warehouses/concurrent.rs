//! Several loaders at once.

use super::super::harness::{run, run_well};
use super::stand::{Stand, try_load};
use crate::bigquery_fake::Call;
use crate::faulty_warehouse::{Fault, On};
use trailhouse::warehouse::RebuildChoice;

#[tokio::test]
async fn loaders_at_once_meet_at_the_same_jobs() {
    let stand = Stand::new().await;
    let (one, two, three) = (stand.job(), stand.loader(), stand.loader());
    let (ran, loaded, again) =
        tokio::join!(run_well(&one), try_load(&two, &[]), try_load(&three, &[]));
    loaded.unwrap();
    again.unwrap();
    assert!(ran.warehouses[0].failure.is_none(), "{:?}", ran.warehouses);
    stand.assert_level("after three loaders at once").await;
    let state = stand.state().await;
    let loads = stand.fake.job_ids();
    let loads: Vec<&String> = loads.iter().filter(|id| id.contains("_load_")).collect();
    let with_rows: usize = state.batches.iter().filter(|batch| batch.files > 0).count();
    assert!(loads.len() <= with_rows + 2, "{loads:?}");
    assert!(
        stand.fake.count(Call::StartLoad) > loads.len(),
        "they did meet"
    );
}

/// A loader that was slow to begin starts its job when everything is over: it finds the job of the
/// other one.
#[tokio::test]
async fn a_loader_that_comes_late_doubles_nothing() {
    let stand = Stand::new().await;
    stand.faulty.next(On::Start, "load_events", Fault::Pause);
    let slow = stand.loader();
    let loading = try_load(&slow, &[]);
    tokio::pin!(loading);
    stand.faulty.work_until_hung(loading.as_mut()).await;
    stand.load(&[]).await;
    stand.assert_level("before the slow one goes on").await;
    stand.faulty.resume();
    loading.await.unwrap();
    stand.assert_level("after it").await;
}

/// The same where the rows were replaced meanwhile: whoever rebuilds waits for what was begun before
/// the decision, so that nothing can come after it.
#[tokio::test]
async fn a_loader_that_began_before_a_rebuild_doubles_nothing() {
    let stand = Stand::new().await;
    stand.run().await;
    stand.go_on();
    run(&stand.rig.job(&stand.store)).await;
    stand.faulty.next(On::Start, "load_events", Fault::Pause);
    let slow = stand.loader();
    let loading = try_load(&slow, &[]);
    tokio::pin!(loading);
    stand.faulty.work_until_hung(loading.as_mut()).await;
    let decisions = stand.decisions(RebuildChoice::All).await;
    assert!(!decisions.is_empty());
    stand.load(&decisions).await;
    stand.assert_level("after the rebuild").await;
    stand.faulty.resume();
    loading.await.unwrap();
    stand.assert_level("after the slow one").await;
}

/// Two that carry out one decision at once.
#[tokio::test]
async fn two_runs_finish_one_rebuild() {
    let stand = Stand::new().await;
    stand.run().await;
    stand
        .fake
        .edit_rows("audit_events", |rows| rows.truncate(100));
    let decisions = stand.decisions(RebuildChoice::Differing).await;
    stand
        .faulty
        .next(On::Change, "audit_events_rebuild", Fault::HangBefore);
    assert!(!stand.load_until_hung(&decisions).await);
    stand.faulty.calm();
    let (one, two) = (stand.loader(), stand.loader());
    let (first, second) = tokio::join!(try_load(&one, &[]), try_load(&two, &[]));
    for loaded in [first.unwrap(), second.unwrap()] {
        let failure = &loaded.warehouses[0].failure;
        assert!(failure.is_none(), "{failure:?}");
    }
    stand.load(&[]).await;
    stand.assert_level("after both").await;
}

/// One of two that carry out a decision stands still at some step until the other one is done and has removed
/// the copies.
#[tokio::test]
async fn whoever_comes_late_to_a_rebuild_finds_it_done() {
    for (on, step) in [
        (On::Change, "create table audit_events_rebuild"),
        (On::Look, "table audit_events_rebuild"),
        (On::Start, "stage-0"),
        (On::Start, "replace-0"),
    ] {
        let stand = Stand::new().await;
        stand.run().await;
        stand
            .fake
            .edit_rows("audit_events", |rows| rows.truncate(100));
        let decisions = stand.decisions(RebuildChoice::Differing).await;
        stand.faulty.next(on, step, Fault::Pause);
        let slow = stand.loader();
        let loading = try_load(&slow, &decisions);
        tokio::pin!(loading);
        tokio::select! {
            _ = &mut loading => panic!("it waits"),
            () = stand.faulty.hung() => {}
        }
        stand.load(&[]).await;
        stand.faulty.resume();
        let loaded = loading.await.unwrap();
        let failure = &loaded.warehouses[0].failure;
        assert!(failure.is_none(), "{step}: {failure:?}");
        stand.assert_level(step).await;
    }
}

/// The same where the other one was killed before it could say that it was done.
#[tokio::test]
async fn copies_that_a_killed_run_has_removed_are_not_missed() {
    let stand = Stand::new().await;
    stand.run().await;
    stand
        .fake
        .edit_rows("audit_events", |rows| rows.truncate(100));
    let decisions = stand.decisions(RebuildChoice::Differing).await;
    let copies = "table audit_events_rebuild";
    stand.faulty.next(On::Look, copies, Fault::Pause);
    let slow = stand.loader();
    let loading = try_load(&slow, &decisions);
    tokio::pin!(loading);
    tokio::select! {
        _ = &mut loading => panic!("it waits"),
        () = stand.faulty.hung() => {}
    }
    let drop = "drop table audit_events_rebuild";
    stand.faulty.next(On::Change, drop, Fault::HangAfter);
    assert!(!stand.load_until_hung(&[]).await);
    stand.faulty.resume();
    let loaded = loading.await.unwrap();
    let failure = &loaded.warehouses[0].failure;
    assert!(failure.is_none(), "{failure:?}");
    stand.assert_level("after both").await;
}

/// Two decisions are open and two runs carry them out: whoever comes second to one of them goes on to
/// the other.
#[tokio::test]
async fn two_runs_finish_two_rebuilds() {
    let stand = Stand::new().await;
    stand.run().await;
    let decisions = stand.decisions(RebuildChoice::All).await;
    assert_eq!(decisions.len(), 2);
    stand.faulty.next(On::Rows, "count", Fault::HangBefore);
    assert!(!stand.load_until_hung(&decisions).await);
    stand.faulty.calm();
    assert_eq!(stand.state().await.rebuilds.len(), 2);
    let (one, two) = (stand.loader(), stand.loader());
    let (first, second) = tokio::join!(try_load(&one, &[]), try_load(&two, &[]));
    for loaded in [first.unwrap(), second.unwrap()] {
        let failure = &loaded.warehouses[0].failure;
        assert!(failure.is_none(), "{failure:?}");
    }
    stand.assert_level("after both").await;
}
