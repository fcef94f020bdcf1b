//! Whole runs over a strict double of Google Cloud Storage: by an account that may only create, in a
//! bucket with a retention policy, with every answer lost, and two at once.

use super::harness::{Rig, empty, quiet, run_well, sound_lake};
use crate::faulty_store::FaultyStore;
use crate::gcs::Account;
use crate::stores::Cloud;
use axum::http::Method;
use chrono::{TimeDelta, Utc};
use std::sync::Arc;
use std::time::Duration;
use trailhouse::run::Job;

const RECORDS: usize = 40;

/// A platform in the present, since the clock of the store is compared.
async fn rig() -> Rig {
    let now = Utc::now();
    let rig = Rig::new(&quiet(&now.to_rfc3339())).await;
    rig.fill(
        now - TimeDelta::hours(30),
        now - TimeDelta::minutes(10),
        i32::try_from(RECORDS).unwrap(),
    );
    rig
}

fn job(rig: &Rig, cloud: &Cloud, account: Account) -> Job {
    Job {
        bucket: cloud.bucket(account),
        ..rig.job(&empty())
    }
}

async fn assert_sound(rig: &Rig, cloud: &Cloud, when: &str) {
    let reader = cloud.bucket(Account::ReadOnly);
    let lake = sound_lake(&FaultyStore::around(Arc::clone(reader.store()))).await;
    lake.assert_holds_what_was_shown(&rig.platform, when);
    assert_eq!(lake.rows().len(), RECORDS, "{when}");
}

/// Nothing is ever written over but by the create that proves the store, and nothing has to be.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_only_create_and_a_bucket_that_keeps_all_are_enough() {
    for (account, retention) in [
        (Account::All, None),
        (Account::CreateOnly, None),
        (Account::All, Some(Duration::from_secs(3_600))),
    ] {
        let rig = rig().await;
        let cloud = Cloud::start();
        cloud.server.behaviour().retention = retention;
        let job = job(&rig, &cloud, account);
        run_well(&job).await;
        run_well(&job).await;
        let when = format!("{account:?} {retention:?}");
        assert_sound(&rig, &cloud, &when).await;
        let puts = cloud.puts();
        let refused: Vec<_> = puts.iter().filter(|put| put.status != 200).collect();
        assert!(
            refused.len() == 1 && refused[0].target.contains("proof"),
            "{when}: {refused:?}"
        );
        assert!(puts.iter().all(|put| put.with_checksum), "{puts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_answer_lost_the_lake_is_the_same() {
    let rig = rig().await;
    for (account, status) in [
        (Account::All, 503),
        (Account::All, 429),
        (Account::CreateOnly, 503),
        (Account::CreateOnly, 403),
    ] {
        let cloud = Cloud::start();
        for _ in 0..100 {
            cloud.server.answer_instead(Method::PUT, status, true);
        }
        run_well(&job(&rig, &cloud, account)).await;
        let puts = cloud.puts();
        assert!(puts.iter().all(|put| put.status != 200), "{puts:?}");
        assert_sound(&rig, &cloud, &format!("{account:?} {status}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_make_one_lake() {
    let rig = rig().await;
    let cloud = Cloud::start();
    cloud.server.behaviour().pause = Duration::from_millis(5);
    let jobs = [
        job(&rig, &cloud, Account::All),
        job(&rig, &cloud, Account::CreateOnly),
    ];
    tokio::join!(run_well(&jobs[0]), run_well(&jobs[1]));
    assert_sound(&rig, &cloud, "two at once").await;
}
