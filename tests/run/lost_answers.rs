//! Answers of the store that are lost or lie, at every change that a run makes.

use super::harness::{Rig, at, empty, quiet, run_well, sound_lake, try_run};
use crate::faulty_store::Fault;
use trailhouse::run::RunOptions;

async fn rig() -> Rig {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    rig.fill(at("2026-11-18T22:00:00Z"), at("2026-11-20T05:54:00Z"), 40);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_any_change_is_no_failure() {
    let rig = rig().await;
    let undisturbed = empty();
    run_well(&rig.job(&undisturbed)).await;
    run_well(&rig.job(&undisturbed)).await;
    let expected = sound_lake(&undisturbed).await;
    for fault in [Fault::LoseAnswer, Fault::SayExists] {
        for number in 0..undisturbed.changes() {
            let store = empty();
            store.stop_at(number, fault);
            run_well(&rig.job(&store)).await;
            run_well(&rig.job(&store)).await;
            let when = format!("{fault:?} at change {number}");
            sound_lake(&store).await.assert_same(&expected, &when);
        }
    }
}

/// A store that refuses once may end a run, since nothing is known of a store that is yet to prove
/// itself; but it is never taken for one that lost or doubled anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_once_is_repeated_or_left_to_the_next_run() {
    let rig = rig().await;
    let undisturbed = empty();
    run_well(&rig.job(&undisturbed)).await;
    run_well(&rig.job(&undisturbed)).await;
    let expected = sound_lake(&undisturbed).await;
    for number in 0..undisturbed.changes() {
        let store = empty();
        store.stop_at(number, Fault::Reject);
        let when = format!("refused at change {number}");
        if let Err(error) = try_run(&rig.job(&store), &RunOptions::default()).await {
            assert!(number < 2, "{when}: {error}");
            assert!(error.to_string().contains("refused by order"), "{error}");
        }
        run_well(&rig.job(&store)).await;
        run_well(&rig.job(&store)).await;
        sound_lake(&store).await.assert_same(&expected, &when);
    }
}
