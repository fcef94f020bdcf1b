//! Founding a lake without a run, as `warehouse init` does.

use super::harness::{Rig, at, empty, quiet, run_well, sound_lake};
use trailhouse::cli::failure::Failure;
use trailhouse::config::Start;
use trailhouse::ledger::entry::Trust;
use trailhouse::run::{Job, LedgerAccess, found};

async fn rig() -> Rig {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    rig.fill(at("2026-11-18T22:00:00Z"), at("2026-11-20T05:54:00Z"), 40);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_was_founded_before_the_first_run_is_read_into() {
    let (rig, store) = (rig().await, empty());
    let job = rig.job(&store);
    let state = Box::pin(found(&job)).await.unwrap();
    assert_eq!(state.head.sequence, 0);
    // Once more it is the same one.
    assert_eq!(Box::pin(found(&job)).await.unwrap(), state);
    let summary = run_well(&job).await;
    assert!(!summary.founded);
    assert_eq!(summary.lake_id, state.lake_id);
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "after founding");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_refuses_is_refused_here_too() {
    let (rig, store) = (rig().await, empty());
    let mut job = rig.job(&store);
    job.sources[0].start = Start::At(at("2020-01-01T00:00:00Z"));
    job.retention = Some(trailhouse::policy::Policy {
        rules: Vec::new(),
        default: "30d".parse().unwrap(),
        platforms: Default::default(),
    });
    let failure = Failure::from(Box::pin(found(&job)).await.unwrap_err());
    assert_eq!(failure.exit_code, 2, "{failure:?}");
    assert!(
        store.listed() == 0 && store.changes() == 0,
        "nothing was written"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_signing_key_nothing_is_founded() {
    let (rig, store) = (rig().await, empty());
    let job = Job {
        access: LedgerAccess::Read(Trust::Keys(Vec::new())),
        ..rig.job(&store)
    };
    let failure = Failure::from(Box::pin(found(&job)).await.unwrap_err());
    assert_eq!(failure.exit_code, 2, "{failure:?}");
    assert_eq!(store.changes(), 0);
}
