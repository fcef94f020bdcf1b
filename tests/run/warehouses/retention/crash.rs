//! Killed before, in and after every change of a warehouse or the lake; any later run finishes it.

use super::super::stand::Stand;
use super::keeping::{apply, confirmation, hold, place, policy, try_apply};
use crate::faulty_store::Fault as StoreFault;
use crate::faulty_warehouse::Fault;
use chrono::NaiveDate;
use std::collections::BTreeSet;
use trailhouse::decision::retention::Confirmation;
use trailhouse::policy::Policy;
use trailhouse::run::Job;

/// Dates and categories of a lake.
type Partitions = BTreeSet<(NaiveDate, String)>;

/// A stand where whole dates, single categories and parts are due, and something is held.
async fn due() -> (Stand, Job, Policy, Confirmation) {
    let stand = Stand::new().await;
    stand.run().await;
    let job = stand.loader();
    place(
        &job,
        hold("A", "2026-03-02", "2026-03-02", &["authentication"]),
    )
    .await;
    let rules = policy(&[("execution", "1d")], "2d");
    let confirmed = confirmation(&job, &rules).await;
    (stand, job, rules, confirmed)
}

/// What it comes to if nothing happens.
async fn undisturbed() -> Partitions {
    let (stand, job, rules, confirmed) = due().await;
    try_apply(&job, &rules, Some(&confirmed)).await.unwrap();
    stand.assert_one_story("undisturbed").await;
    stand.partitions().await
}

/// Goes on as scheduled runs do, after somebody has confirmed what was not decided yet.
async fn go_on(stand: &Stand, job: &Job, rules: &Policy) {
    let first = apply(job, rules).await;
    assert!(first.failures.is_empty(), "{:?}", first.failures);
    if first.to_confirm.is_some() {
        let confirmed = confirmation(job, rules).await;
        try_apply(job, rules, Some(&confirmed)).await.unwrap();
    }
    // And loads go on as if nothing had been.
    stand.go_on();
    stand.run().await;
}

/// Later runs bring it to what was expected.
async fn comes_to(stand: &Stand, job: &Job, rules: &Policy, expected: &Partitions, when: &str) {
    go_on(stand, job, rules).await;
    stand.assert_one_story(when).await;
    let mut found = stand.partitions().await;
    // What came in since is on other dates.
    found.retain(|(date, _)| expected.iter().any(|(other, _)| other == date));
    assert_eq!(&found, expected, "{when}");
}

#[tokio::test]
async fn killed_at_every_change_of_the_warehouse_any_later_run_finishes_it() {
    let expected = undisturbed().await;
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for at in 0.. {
            let (stand, job, rules, confirmed) = due().await;
            stand.faulty.stop_at(stand.faulty.changes() + at, fault);
            let ended = tokio::select! {
                done = try_apply(&job, &rules, Some(&confirmed)) => { done.unwrap(); true }
                () = stand.faulty.hung() => false,
            };
            stand.faulty.calm();
            let when = format!("{fault:?} at {at}");
            // Some of them when the service has forgotten what it was asked.
            if at % 3 == 1 {
                stand.fake.forget_jobs();
            }
            comes_to(&stand, &job, &rules, &expected, &when).await;
            if ended {
                assert!(at > 1, "there are more changes than {at}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn killed_at_every_change_of_the_lake_any_later_run_finishes_it() {
    let expected = undisturbed().await;
    for fault in [StoreFault::HangBefore, StoreFault::HangAfter] {
        for at in 0.. {
            let (stand, job, rules, confirmed) = due().await;
            stand.store.stop_at(stand.store.changes() + at, fault);
            let ended = tokio::select! {
                done = try_apply(&job, &rules, Some(&confirmed)) => { done.unwrap(); true }
                () = stand.store.hung() => false,
            };
            stand.store.calm();
            let when = format!("{fault:?} at {at}");
            comes_to(&stand, &job, &rules, &expected, &when).await;
            if ended {
                assert!(at > 5, "there are more changes than {at}");
                break;
            }
        }
    }
}

/// A commit whose answer is lost is no second decision.
#[tokio::test]
async fn lost_answers_of_the_lake_change_nothing() {
    let expected = undisturbed().await;
    for at in 0..12 {
        for fault in [
            StoreFault::LoseAnswer,
            StoreFault::SayExists,
            StoreFault::Reject,
        ] {
            let (stand, job, rules, confirmed) = due().await;
            stand.store.stop_at(stand.store.changes() + at, fault);
            // Whatever it says of it.
            let _said = try_apply(&job, &rules, Some(&confirmed)).await;
            stand.store.calm();
            let when = format!("{fault:?} at {at}");
            comes_to(&stand, &job, &rules, &expected, &when).await;
        }
    }
}
