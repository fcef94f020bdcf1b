//! A first catch-up of two years that is killed again and again.

use super::harness::{Rig, at, empty, quiet, run_until_hung, run_well, sound_lake};
use crate::faulty_store::Fault;
use chrono::{DateTime, TimeDelta, Utc};
use trailhouse::run::Job;
use trailhouse_demo::kestra::NewEvent;

/// How far the ledger covers, or none before it covers anything.
async fn covered_to(job: &Job) -> Option<DateTime<Utc>> {
    let state = job.log().load().await.unwrap()?;
    state.feed(super::harness::SOURCE, "main")?.coverage.end()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_still_ends_with_everything() {
    let rig = Rig::new(&quiet("2026-11-20T06:00:00Z")).await;
    let begin = at("2024-11-20T00:00:00Z");
    for day in (0..730).step_by(5) {
        for hour in [3, 9, 20] {
            let time = begin + TimeDelta::days(day) + TimeDelta::hours(hour);
            rig.platform.push(NewEvent::at(time));
        }
    }
    let store = empty();
    let job = rig.job(&store);
    let mut kills = 0;
    let mut reached = None;
    loop {
        store.stop_at(store.changes() + 20, Fault::HangBefore);
        if run_until_hung(&job, &store).await.is_some() {
            break;
        }
        kills += 1;
        let now = covered_to(&job).await;
        assert!(now > reached, "killed {kills} times without progress");
        reached = now;
    }
    store.calm();
    assert!(kills > 5, "{kills}");
    run_well(&job).await;
    let lake = sound_lake(&store).await;
    lake.assert_holds_what_was_shown(&rig.platform, "after all kills");
    assert_eq!(lake.rows().len(), 438);
    let coverage = lake.coverage().into_values().next().unwrap();
    assert_eq!(coverage.windows().len(), 1);
    assert_eq!(coverage.start(), Some(begin));
}
