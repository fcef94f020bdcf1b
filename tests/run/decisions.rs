//! What the driver of decisions promises, whatever the kind.

use super::harness::{Rig, empty, quiet, run_well};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::watch;
use trailhouse::clock::Now;
use trailhouse::decision::{
    Decision, DecisionContext, DecisionError, DecisionPlaces, KINDS, driver, plan_id,
};
use trailhouse::lake::layout::RunId;
use trailhouse::ledger::entry::{Body, SweepBody, SweptObject};
use trailhouse::ledger::writer::{Attempt, Writer};
use trailhouse::run::{Job, look_at_clocks, record};

/// A wish to remove one file, whose plan is how often it was planned. Others decide something about files
/// whenever it has been planned, so often.
struct Wish<'a> {
    job: &'a Job,
    others: u32,
    planned: AtomicU32,
}

fn sweep(name: &str) -> Body {
    Body::Sweep(Box::new(SweepBody {
        objects: vec![SweptObject {
            path: format!("events/{name}"),
            bytes: 1,
        }],
        older_than: DateTime::UNIX_EPOCH,
    }))
}

#[async_trait]
impl Decision for Wish<'_> {
    type Plan = u32;
    type Share = String;

    const PLANS_AGAIN: u32 = 3;

    async fn plan(&self, _: DecisionContext<'_>) -> Result<u32, DecisionError> {
        let nth = self.planned.fetch_add(1, Ordering::Relaxed);
        if nth < self.others {
            record(self.job, sweep(&format!("other-{nth}")))
                .await
                .unwrap();
        }
        Ok(nth)
    }

    fn all(&self, plan: &u32) -> Vec<String> {
        vec![format!("confirmed-{plan}")]
    }

    fn unattended(&self, plan: &u32, _: &Now) -> Result<Vec<String>, DecisionError> {
        Ok(vec![format!("unattended-{plan}")])
    }

    async fn entry(
        &self,
        _: DecisionContext<'_>,
        share: &String,
        _: &str,
    ) -> Result<Body, DecisionError> {
        Ok(sweep(share))
    }
}

async fn writer(job: &Job) -> Writer {
    let log = job.log();
    let state = log.load().await.unwrap().unwrap();
    let now = look_at_clocks(job.clock.now(), &job.bucket, &job.sources, Some(&state));
    let run_id = RunId::draw(Utc::now()).unwrap();
    Writer {
        attempt: Attempt::new(run_id, now, job.config_sha256),
        log,
        state,
    }
}

/// Decides, with others coming first so often. What was decided, and how often it was planned.
async fn decided(others: u32, confirm: Option<u32>) -> (Result<Vec<String>, DecisionError>, u32) {
    let rig = Rig::new(&quiet("2026-03-04T00:00:00Z")).await;
    let job = rig.job(&empty());
    run_well(&job).await;
    let mut ledger = writer(&job).await;
    let (_stop, stop) = watch::channel(false);
    let places = DecisionPlaces {
        warehouses: &[],
        lake: &job.bucket,
        stop: &stop,
        say: &|_| {},
    };
    let planned = AtomicU32::new(0);
    let wish = Wish {
        job: &job,
        others,
        planned,
    };
    let confirmed = confirm.map(|plan| plan_id(&ledger.state.lake_id, &plan).unwrap());
    let confirmed = confirmed.as_deref();
    let mut driver = driver(&mut ledger, places, &KINDS);
    let made = async {
        let planned = driver.plan(&wish).await?;
        let approved = driver.approve(&wish, planned, confirmed)?;
        let decided = driver.commit(&wish, approved, confirmed).await?;
        Ok(decided.entries.into_iter().map(|it| it.1).collect())
    };
    let made = made.await;
    (made, wish.planned.into_inner())
}

#[tokio::test]
async fn where_others_come_first_it_is_planned_again() {
    for others in 0..=3 {
        let (made, planned) = decided(others, None).await;
        assert_eq!(made.unwrap(), [format!("unattended-{others}")]);
        assert_eq!(planned, others + 1);
    }
}

#[tokio::test]
async fn where_others_come_first_again_and_again_it_ends() {
    let (made, planned) = decided(u32::MAX, None).await;
    assert!(matches!(made, Err(DecisionError::Overtaken)), "{made:?}");
    assert_eq!(planned, 4);
}

#[tokio::test]
async fn what_was_confirmed_is_decided_or_nothing_is() {
    let (made, _) = decided(0, Some(0)).await;
    assert_eq!(made.unwrap(), ["confirmed-0"]);
    // The plan that is made again is another one.
    for (others, confirmed) in [(0, 1), (1, 0)] {
        let (made, _) = decided(others, Some(confirmed)).await;
        let Err(DecisionError::Stale(stale)) = made else {
            panic!("{made:?}");
        };
        assert_ne!(stale.confirmed, stale.found);
    }
}
