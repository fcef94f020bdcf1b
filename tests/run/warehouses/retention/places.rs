//! A place that refuses, or is down, keeps nothing else from being done, and is tried again.

use super::super::super::harness::{run_well, sound_lake};
use super::super::stand::{Stand, try_load};
use super::keeping::{apply, apply_confirmed, hold, place, policy};
use crate::bigquery_fake::{BigQueryFake, Call, Fault};
use crate::faulty_store::{Fault as StoreFault, On};
use object_store::ObjectStoreExt as _;
use trailhouse::ledger::entry::RecoverableBy;
use trailhouse::run::Job;
use trailhouse::warehouse::{Projection, carry_out_preparation, prepare};

/// A job whose two warehouses are level with the lake.
async fn filled(stand: &Stand, second: Projection) -> Job {
    let job = stand.rig.job(&stand.store);
    let job = job.with_warehouses(vec![second, stand.bq()]);
    run_well(&job).await;
    job
}

fn is_down(warehouse: &BigQueryFake) {
    for nth in 0..400 {
        warehouse.fault(Call::GetTable, nth, Fault::Unavailable);
    }
}

#[tokio::test]
async fn a_warehouse_that_is_down_is_pending_and_stops_nobody() {
    let stand = Stand::new().await;
    let (other, projection) = stand.second().await;
    let job = filled(&stand, projection).await;
    is_down(&other);
    let rules = policy(&[("execution", "1d")], "400d");
    let done = apply_confirmed(&job, &rules).await;
    let failed: Vec<&str> = done.failures.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(failed, ["second"]);
    let of = &done.carried_out[0];
    assert_eq!((of.done, &of.left[..]), (false, &["second".to_owned()][..]));
    // The lake and the other one are rid of it.
    stand
        .assert_warehouse_agrees("beside one that is down")
        .await;
    let state = stand.state().await;
    let open = state.retention.open.values().next().unwrap();
    assert!(open.tried && open.refused.is_empty());
    let live = state.live_files().count();
    assert_eq!(stand.data().await.len(), live);

    // Loads go on, and nothing of it is loaded there either.
    stand.go_on();
    other.calm();
    run_well(&job).await;
    let done = apply(&job, &rules).await;
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    stand.assert_one_story("after it is up again").await;
    run_well(&job).await;
    let mut rows = other.rows("audit_events");
    let mut others = stand.fake.rows("audit_events");
    rows.sort();
    others.sort();
    assert_eq!(rows, others);
}

#[tokio::test]
async fn what_a_lock_keeps_is_pending_and_tried_again() {
    let stand = Stand::new().await;
    stand.run().await;
    let job = stand.loader();
    let rules = policy(&[("execution", "1d")], "400d");
    stand.store.keep_all();
    let done = apply_confirmed(&job, &rules).await;
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    let files = done.carried_out[0].files.as_ref().unwrap();
    let decided = done.decided[0].amount.files;
    assert_eq!((files.removed, files.refused.len() as u64), (0, decided));
    stand
        .assert_warehouse_agrees("while the lake is locked")
        .await;
    sound_lake(&stand.store).await;
    let sequence = stand.state().await.head.sequence;
    // Asking again in vain is nothing to write down.
    apply(&job, &rules).await;
    assert_eq!(stand.state().await.head.sequence, sequence);
    // Nor is anything of it read or loaded, or swept as nobody's.
    stand.go_on();
    stand.run().await;
    stand
        .assert_warehouse_agrees("after a run under the lock")
        .await;

    stand.store.keep_nothing();
    let done = apply(&job, &rules).await;
    assert_eq!(done.carried_out[0].files.as_ref().unwrap().removed, decided);
    assert!(done.carried_out[0].done);
    stand.assert_one_story("when the lock has ended").await;
}

#[tokio::test]
async fn what_could_bring_it_back_is_said_as_the_service_says_it() {
    let stand = Stand::new().await;
    stand.run().await;
    let job = stand.loader();
    let rules = policy(&[("execution", "1d")], "400d");
    let done = apply_confirmed(&job, &rules).await;
    let now = stand.rig.platform.now();
    let recoverable = &done.carried_out[0].recoverable;
    let until = |by| {
        let found = recoverable.iter().find(|it| it.by == by).unwrap();
        found.until.map(|until| (until - now).num_days())
    };
    assert_eq!(until(RecoverableBy::TimeTravel), Some(7));
    assert_eq!(until(RecoverableBy::FailSafe), Some(14));
    assert!(
        recoverable.iter().all(|it| it.place == "bq"),
        "{recoverable:?}"
    );
}

/// The service's own expiration is set only where it is asked for, and not while it would drop anything
/// that the ledger keeps.
#[tokio::test]
async fn partitions_expire_by_themselves_only_where_nothing_needs_them() {
    const DAY: u64 = 86_400_000;
    let stand = Stand::new().await;
    stand.run().await;
    let expiration = || stand.fake.partition_expiration("audit_events");
    assert_eq!(expiration(), None);
    // Nobody has asked for this one.
    stand.fake.edit("audit_events", |told| {
        told["timePartitioning"]["expirationMs"] = serde_json::json!((90 * DAY).to_string());
    });
    stand.run().await;
    assert_eq!(expiration(), Some(90 * DAY), "a run leaves it alone");
    let bq = stand.bq();
    let lake_id = stand.state().await.lake_id;
    let preparing = prepare(&bq, &lake_id).await.unwrap();
    assert!(!preparing.is_nothing());
    carry_out_preparation(&bq, &lake_id, &preparing)
        .await
        .unwrap();
    assert_eq!(expiration(), None, "init lifts it");

    let asked = |stand: &Stand| {
        let mut bq = stand.bq();
        bq.settings.partition_expiration = Some(20);
        stand.loader().with_warehouses(vec![bq])
    };
    let job = asked(&stand);
    try_load(&job, &[]).await.unwrap();
    assert_eq!(expiration(), Some(20 * DAY));
    // The oldest date is 2026-03-01, and a hold keeps it beyond what the service would.
    place(&job, hold("A", "2026-03-01", "2026-03-01", &[])).await;
    stand
        .rig
        .platform
        .set_now("2026-03-18T00:00:00Z".parse().unwrap());
    // A fortnight after the newest entry nothing but the source bears the clock out.
    try_load(&asked(&stand), &[]).await.unwrap();
    assert_eq!(expiration(), None, "by a clock that nothing confirms");
    stand.run().await;
    try_load(&asked(&stand), &[]).await.unwrap();
    assert_eq!(expiration(), None, "it is needed");
    let rules = policy(&[], "5d");
    apply_confirmed(&asked(&stand), &rules).await;
    assert_eq!(expiration(), None, "it is held");
    let release = trailhouse::ledger::entry::Release {
        case: "A".to_owned(),
        reason: "settled".to_owned(),
        by: "anna".to_owned(),
    };
    let body = trailhouse::ledger::entry::Body::Release(Box::new(release));
    trailhouse::run::record(&job, body).await.unwrap();
    try_load(&asked(&stand), &[]).await.unwrap();
    assert_eq!(
        expiration(),
        None,
        "nothing is dropped before it is decided"
    );
    apply_confirmed(&asked(&stand), &rules).await;
    try_load(&asked(&stand), &[]).await.unwrap();
    assert_eq!(expiration(), Some(20 * DAY));
    stand.assert_one_story("after it expires again").await;
}

/// A warehouse that is gone for good is given up by somebody, and the ledger says so.
#[tokio::test]
async fn a_warehouse_that_is_given_up_is_waited_for_no_more() {
    let stand = Stand::new().await;
    let (other, projection) = stand.second().await;
    let job = filled(&stand, projection).await;
    is_down(&other);
    let rules = policy(&[("execution", "1d")], "400d");
    apply_confirmed(&job, &rules).await;
    let job = stand.loader();
    apply(&job, &rules).await;
    assert_eq!(stand.state().await.retention.open.len(), 1);
    let given_up = |warehouse: &str| trailhouse::ledger::entry::GivenUp {
        warehouse: warehouse.to_owned(),
        reason: "the project is gone".to_owned(),
        by: "anna".to_owned(),
    };
    let nothing = trailhouse::run::give_up(&job, &given_up("third")).await;
    assert!(nothing.unwrap().is_empty());
    let decisions = trailhouse::run::give_up(&job, &given_up("second")).await;
    assert_eq!(decisions.unwrap().len(), 1);
    stand.assert_one_story("without it").await;
    assert_eq!(stand.state().await.retention.closed.len(), 1);
}

/// A file that is missing while it is to be loaded: deleted by rule meanwhile, or by somebody.
#[tokio::test]
async fn a_file_that_went_meanwhile_is_told_from_one_that_was_taken() {
    for by_rule in [true, false] {
        let stand = Stand::new().await;
        stand
            .store
            .next(On::Get, "events/date=2026-03-01", StoreFault::Pause);
        let loader = stand.loader();
        let loading = try_load(&loader, &[]);
        let deleting = async {
            stand.store.hung().await;
            if by_rule {
                let job = stand.rig.job_of(&stand.store, Vec::new());
                apply_confirmed(&job, &policy(&[], "1d")).await;
            } else {
                for name in stand.data().await {
                    let name = object_store::path::Path::from(name);
                    stand.store.delete(&name).await.unwrap();
                }
            }
            stand.store.resume();
        };
        let (loaded, ()) = tokio::join!(loading, deleting);
        let failure = loaded.unwrap().warehouses[0].failure.clone().unwrap();
        let expected = if by_rule { "gone_meanwhile" } else { "missing" };
        assert_eq!(failure.code, expected, "{failure:?}");
        assert_eq!(failure.integrity, !by_rule, "{failure:?}");
        assert!(failure.message.contains("date=2026-03-01"), "{failure:?}");
    }
}
