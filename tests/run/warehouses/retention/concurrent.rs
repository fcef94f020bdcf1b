//! Beside loaders, runs and holds that know nothing of a decision yet.

use super::super::super::harness::run_well;
use super::super::stand::{Stand, try_load};
use super::keeping::{apply, apply_confirmed, confirmation, date, hold, place, policy, try_apply};
use crate::faulty_store::{Fault as StoreFault, On as StoreOn};
use crate::faulty_warehouse::{Fault, On};
use trailhouse::decision::DecisionError;
use trailhouse::run::RunError;

/// A loader that has not heard of the decision starts its job when everything is over: nothing of what
/// is gone comes back, and what is left of its entry is loaded once.
#[tokio::test]
async fn a_loader_that_comes_late_brings_nothing_back() {
    for pause in ["load_events", "load_quarantine"] {
        let stand = Stand::new().await;
        stand.faulty.next(On::Start, pause, Fault::Pause);
        let slow = stand.loader();
        let loading = try_load(&slow, &[]);
        tokio::pin!(loading);
        stand.faulty.work_until_hung(loading.as_mut()).await;
        let rules = policy(&[("execution", "1d")], "2d");
        let done = apply_confirmed(&stand.loader(), &rules).await;
        assert!(done.failures.is_empty(), "{:?}", done.failures);
        stand.faulty.resume();
        // It finds that its job did nothing.
        loading.await.unwrap();
        stand.load(&[]).await;
        stand.load(&[]).await;
        stand.assert_one_story(pause).await;
    }
}

/// The same where the load was started and nobody knows how it ended.
#[tokio::test]
async fn a_load_that_was_under_way_is_waited_for() {
    let stand = Stand::new().await;
    stand.faulty.next(On::Job, "load_events", Fault::HangBefore);
    assert!(!stand.load_until_hung(&[]).await);
    stand.faulty.calm();
    let rules = policy(&[("execution", "1d")], "2d");
    apply_confirmed(&stand.loader(), &rules).await;
    let jobs = stand.fake.job_ids().len();
    stand.run().await;
    stand.assert_one_story("after the next run").await;
    assert!(stand.fake.job_ids().len() > jobs);
}

/// A rebuild that was decided before is finished first, one that is carried out late changes nothing.
#[tokio::test]
async fn a_rebuild_on_the_same_dates_brings_nothing_back() {
    let stand = Stand::new().await;
    stand.run().await;
    stand
        .fake
        .edit_rows("audit_events", |rows| rows.truncate(100));
    let decisions = stand
        .decisions(trailhouse::warehouse::RebuildChoice::All)
        .await;
    stand.faulty.next(On::Start, "replace", Fault::Pause);
    let slow = stand.loader();
    let rebuilding = try_load(&slow, &decisions);
    tokio::pin!(rebuilding);
    stand.faulty.work_until_hung(rebuilding.as_mut()).await;
    let rules = policy(&[("execution", "1d")], "2d");
    let done = apply_confirmed(&stand.loader(), &rules).await;
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    stand.assert_one_story("before the slow one goes on").await;
    stand.faulty.resume();
    rebuilding.await.unwrap();
    stand.load(&[]).await;
    stand.assert_one_story("after it").await;
}

#[tokio::test]
async fn several_that_apply_the_rules_at_once_delete_once() {
    let stand = Stand::new().await;
    stand.run().await;
    let rules = policy(&[("execution", "1d")], "2d");
    let confirmed = confirmation(&stand.loader(), &rules).await;
    let (one, two, three) = (stand.loader(), stand.loader(), stand.job());
    let (first, second, ran) = tokio::join!(
        try_apply(&one, &rules, Some(&confirmed)),
        try_apply(&two, &rules, Some(&confirmed)),
        run_well(&three)
    );
    assert!(ran.warehouses[0].failure.is_none(), "{:?}", ran.warehouses);
    // Who came second was told that the plan is not true any more, or found nothing left to do.
    assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
    for ended in [first, second] {
        assert!(
            matches!(
                ended,
                Ok(_) | Err(RunError::Decision(DecisionError::Stale(_)))
            ),
            "{ended:?}"
        );
    }
    apply(&stand.loader(), &rules).await;
    stand.run().await;
    stand.assert_one_story("after all of them").await;
    assert_eq!(stand.state().await.retention.closed.len(), 1);
}

/// A hold that is committed while a decision is on its way wins; the rest goes.
#[tokio::test]
async fn a_hold_that_comes_first_wins() {
    let stand = Stand::new().await;
    stand.run().await;
    let rules = policy(&[("execution", "2d")], "400d");
    let job = stand.loader();
    apply_confirmed(&job, &rules).await;
    // Two dates more are due, by a rule that is known; on both a run has seen the time at the source.
    for _ in 0..2 {
        let day = std::time::Duration::from_secs(86_400);
        stand.rig.platform.advance(day);
        stand.run().await;
    }
    stand
        .store
        .next(StoreOn::Put, "ledger/entry", StoreFault::Pause);
    let slow = stand.loader();
    let applying = apply(&slow, &rules);
    tokio::pin!(applying);
    stand.store.work_until_hung(applying.as_mut()).await;
    place(&job, hold("A", "2026-03-02", "2026-03-02", &[])).await;
    stand.store.resume();
    let done = applying.await;
    assert_eq!(done.decided.len(), 1);
    assert!(done.held.rows > 0, "{done:?}");
    stand.assert_one_story("after both").await;
    let left = stand.partitions().await;
    assert!(left.contains(&(date("2026-03-02"), "execution".to_owned())));
    assert!(!left.contains(&(date("2026-03-03"), "execution".to_owned())));
}

/// Loads of newer entries wait while dates are being emptied, and nothing is lost of them.
#[tokio::test]
async fn what_comes_in_meanwhile_is_loaded_afterwards() {
    let stand = Stand::new().await;
    stand.run().await;
    let rules = policy(&[("execution", "0d")], "400d");
    stand.faulty.next(On::Start, "expire", Fault::Pause);
    let slow = stand.loader();
    let confirmed = confirmation(&slow, &rules).await;
    let applying = try_apply(&slow, &rules, Some(&confirmed));
    tokio::pin!(applying);
    stand.faulty.work_until_hung(applying.as_mut()).await;
    stand.go_on();
    // It carries out what the other one began.
    let job = stand.job();
    run_well(&job).await;
    stand.faulty.resume();
    applying.await.unwrap();
    stand.run().await;
    stand.assert_one_story("after both").await;
}
