//! Random rules, holds, times, trouble, and clocks that are wrong: nothing held by the true time is ever
//! deleted, nothing goes unattended by a wrong clock, nothing due survives, and lake and warehouse agree.

use super::super::super::clock::Machine;
use super::super::super::dice::Dice;
use super::super::super::harness::{run, sound_lake, try_run};
use super::super::stand::{Stand, try_load};
use super::keeping::{confirmation, hold, place, policy, try_apply};
use crate::faulty_store::Fault as StoreFault;
use crate::faulty_warehouse::Fault;
use chrono::{NaiveDate, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use trailhouse::ledger::entry::{Body, Hold, Release};
use trailhouse::ledger::state::State;
use trailhouse::policy::{AsOf, Policy};
use trailhouse::retention::plan;
use trailhouse::run::{Job, RunOptions, record};

fn rules(dice: &mut Dice) -> Policy {
    let keeps = ["1d", "2d", "3d", "5d", "1mo", "forever"];
    let mut rules = Vec::new();
    for category in ["execution", "authentication"] {
        if dice.below(2) == 0 {
            rules.push((category, dice.pick(&keeps)));
        }
    }
    policy(&rules, dice.pick(&keeps))
}

/// Files that are protected now.
fn held(state: &State, as_of: NaiveDate) -> BTreeMap<String, String> {
    let files = state.live_files().map(|live| &live.file);
    files
        .filter(|file| !state.protection(&file.subject(), as_of).cases.is_empty())
        .map(|file| (file.path.to_string(), file.sha256.to_string()))
        .collect()
}

/// One thing that somebody does, killed at random or not.
async fn step(stand: &Stand, dice: &mut Dice, rules: &mut Policy, job: &Job, nth: u64) {
    match dice.below(10) {
        0 => *rules = self::rules(dice),
        1 => {
            let now = stand.rig.platform.now().date_naive();
            let from = now - TimeDelta::days(i64::try_from(dice.below(5)).unwrap());
            let to = from + TimeDelta::days(i64::try_from(dice.below(3)).unwrap());
            let categories: &[&str] = dice.pick(&[&[][..], &["execution"], &["authentication"]]);
            let case = format!("C{nth}");
            let days = i64::try_from(dice.below(9)).unwrap();
            let until = dice.pick(&[None, Some(now + TimeDelta::days(days))]);
            let hold = Hold {
                until,
                ..hold(&case, &from.to_string(), &to.to_string(), categories)
            };
            place(job, hold).await;
        }
        2 => {
            let state = stand.state().await;
            let open = state.holds.values().find(|it| it.released.is_none());
            if let Some(held) = open {
                let release = Release {
                    case: held.hold.case.clone(),
                    reason: "over".to_owned(),
                    by: "anna".to_owned(),
                };
                record(job, Body::Release(Box::new(release))).await.unwrap();
            }
        }
        3 => {
            let before = stand.rig.platform.now();
            stand.rig.platform.advance(Duration::from_secs(86_400));
            let after = stand.rig.platform.now();
            stand.rig.fill(before, after, 20);
        }
        4 => {
            stand.go_on();
        }
        _ => {}
    }
    let at = usize::try_from(dice.below(12)).unwrap();
    match dice.below(8) {
        0 => {
            let fault = dice.pick(&[Fault::HangBefore, Fault::HangAfter, Fault::LoseAnswer]);
            stand.faulty.stop_at(stand.faulty.changes() + at, fault);
        }
        1 => {
            let fault = dice.pick(&[
                StoreFault::HangBefore,
                StoreFault::HangAfter,
                StoreFault::LoseAnswer,
            ]);
            stand.store.stop_at(stand.store.changes() + at, fault);
        }
        2 => stand.faulty.weather(dice.next(), 15),
        // What was done is forgotten, as after half a year.
        3 if nth > 6 => stand.fake.forget_jobs(),
        _ => {}
    }
    // The clock of the machine that does it: right, behind, weeks ahead, years ahead; another one each time.
    let work = dice.below(6);
    let offset = match work {
        1 | 5 => 0,
        _ => dice.pick(&[0, 0, 0, -3_650, -9, 25, 3_650]),
    };
    let machine = Machine::new(&stand.rig);
    machine.set(TimeDelta::days(offset));
    let before = decisions(stand).await;
    let work = async {
        match work {
            0 => drop(try_load(&machine.with(stand.loader()), &[]).await),
            1 => drop(run(&stand.job()).await),
            2 => drop(try_apply(&machine.with(stand.loader()), rules, None).await),
            // A run that deletes what is due, beside a source that tells the time or that is down.
            3 | 4 => {
                let source = match dice.below(2) {
                    0 => machine.reachable(&stand.rig),
                    _ => machine.down(&stand.rig),
                };
                let job = Job {
                    retention: Some(rules.clone()),
                    retain: true,
                    ..machine.job(&stand.rig, &stand.store, vec![source])
                };
                let job = job.with_warehouses(vec![stand.bq()]);
                drop(try_run(&job, &RunOptions::default()).await);
            }
            _ => {
                let confirmed = confirmation(job, rules).await;
                let others = stand.loader();
                // Somebody else is at it, too.
                let (one, two) = tokio::join!(
                    try_apply(job, rules, Some(&confirmed)),
                    try_apply(&others, rules, None)
                );
                drop((one, two));
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = stand.faulty.hung() => {}
        () = stand.store.hung() => {}
    }
    stand.faulty.calm();
    stand.store.calm();
    if offset != 0 {
        let unattended = decisions(stand).await - before;
        let when = format!("step {nth}, a clock {offset} days off");
        assert_eq!(unattended, 0, "{when}: nobody has confirmed that");
    }
}

/// How many decisions there are that nobody has confirmed.
async fn decisions(stand: &Stand) -> usize {
    let log = stand.loader().log();
    let state = log.load().await.unwrap().unwrap();
    let open = state.retention.open.keys();
    let all = open.chain(state.retention.closed.keys()).copied().collect();
    let entries = log.entries(&state, &all).await.unwrap();
    let unconfirmed = entries.values().filter(|read| match &read.entry.body {
        Body::Retention(decision) => decision.confirmed_by.is_none(),
        _ => false,
    });
    unconfirmed.count()
}

#[tokio::test]
async fn nothing_held_goes_and_nothing_due_survives() {
    let seeds = std::env::var("TRAILHOUSE_SEEDS").ok();
    let seeds: u64 = seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(6);
    let first = std::env::var("TRAILHOUSE_SEED").ok();
    let first: u64 = first.and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + seeds {
        let mut dice = Dice(seed);
        let stand = Stand::new().await;
        let job = stand.loader();
        let mut rules = rules(&mut dice);
        for nth in 0..14 {
            let state = stand.state().await;
            let today = stand.rig.platform.now().date_naive();
            let held_before = held(&state, today);
            assert!(state.clock.reached() <= stand.rig.platform.now());
            Box::pin(step(&stand, &mut dice, &mut rules, &job, nth)).await;
            // Whatever was held before, and is held still, is there.
            let state = stand.state().await;
            let data = stand.data().await;
            let live: BTreeSet<String> = state
                .live_files()
                .map(|live| live.file.path.to_string())
                .collect();
            let holds_now = |path: &str| {
                // A release in between lifts it.
                let now = held(&state, today);
                now.contains_key(path)
            };
            let released = state.holds.values().any(|it| it.released.is_some());
            for path in held_before.keys() {
                let there = live.contains(path) && data.contains(path);
                assert!(there || released, "seed {seed} step {nth}: {path} is gone");
                assert!(there || !holds_now(path), "seed {seed} step {nth}");
            }
        }
        // In fair weather and with the right clock it comes to rest.
        assert!(stand.run().await.clock.objections.is_empty());
        let confirmed = confirmation(&job, &rules).await;
        let done = try_apply(&job, &rules, Some(&confirmed)).await.unwrap();
        assert!(done.failures.is_empty(), "seed {seed}: {:?}", done.failures);
        stand.run().await;
        stand.run().await;
        let when = format!("seed {seed}");
        let lake = sound_lake(&stand.store).await;
        let today = stand.rig.platform.now().date_naive();
        let due = plan(&lake.state, &rules, AsOf::date(today)).due;
        assert!(due.is_empty(), "{when}: {due:?}");
        let live: BTreeSet<String> = lake
            .state
            .live_files()
            .map(|live| live.file.path.to_string())
            .collect();
        // Killed runs leave files that no entry names, which a sweep removes.
        assert!(stand.data().await.is_superset(&live), "{when}");
        assert!(lake.state.retention.open.is_empty(), "{when}");
        stand.assert_warehouse_agrees(&when).await;
    }
}
