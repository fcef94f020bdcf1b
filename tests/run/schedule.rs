//! Random schedules of everything that can happen between a platform, a store and a job. In the
//! end the lake holds what the platform ever showed, each record once.
//!
//! `TRAILHOUSE_SEED=N` runs the one schedule of that seed, `TRAILHOUSE_SCHEDULES=N` that many.

use super::dice::Dice;
use super::harness::{Rig, empty, quiet, run, run_well, sound_lake, try_run};
use super::lake::Lake;
use crate::faulty_store::{Fault, FaultyStore, On};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use trailhouse::ledger::entry::RecountVerdict;
use trailhouse::run::RunOptions;
use trailhouse_demo::kestra::{Change, NewEvent, Oddity, Options, Visible};
use trailhouse_demo::{Faults, RetryAfter};

/// A platform and a store in the middle of a schedule.
struct Schedule {
    dice: Dice,
    rig: Rig,
    store: FaultyStore,
    /// Ids that were pushed, were not purged, and may be found in the lake.
    pushed: Vec<String>,
    /// What records were before they were changed, by id.
    changed: BTreeMap<String, Vec<u8>>,
    poisoned: Vec<String>,
    /// Ids of one instant that may be too many for one page. Where such a row is stored twice,
    /// pages by offset cannot show that nothing is missing: the instant rightly stays a hole.
    crowded: BTreeSet<String>,
}

impl Schedule {
    async fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let share = |dice: &mut Dice| dice.below(8) as f64 / 100.0;
        let faults = Faults {
            rate_limit: share(&mut dice),
            unavailable: share(&mut dice),
            cut: share(&mut dice),
            duplicate: share(&mut dice),
            missing: share(&mut dice),
            insert: share(&mut dice) / 2.0,
            retry_after: RetryAfter::Mixed,
            unstable_ties: dice.chance(50),
            total_cap: dice.chance(30).then_some(10_000),
            ..Faults::default()
        };
        let rig = Rig::new(&Options {
            faults,
            seed,
            ..quiet("2026-11-10T06:00:00Z")
        })
        .await;
        Self {
            dice,
            rig,
            store: empty(),
            pushed: Vec::new(),
            changed: BTreeMap::new(),
            poisoned: Vec::new(),
            crowded: BTreeSet::new(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.rig.platform.now()
    }

    /// A moment of the last `hours`, to the second, the millisecond or the nanosecond.
    fn moment(&mut self, hours: u64) -> DateTime<Utc> {
        let unit = self.dice.pick(&[1_000_000_000, 1_000_000, 1]);
        let back = self.dice.below(hours * 3_600 * (1_000_000_000 / unit)) * unit;
        self.now() - TimeDelta::nanoseconds(back as i64)
    }

    fn event(&mut self, time: DateTime<Utc>) -> NewEvent {
        let kinds = [
            ("CREATE", "EXECUTION"),
            ("LOGIN", "USER"),
            ("READ", "SECRET"),
        ];
        let (action, resource) = self.dice.pick(&kinds);
        NewEvent {
            digits: self.dice.pick(&[0, 3, 6, 9]),
            action: action.to_owned(),
            resource: resource.to_owned(),
            ip: Some("192.0.2.7".to_owned()),
            ..NewEvent::at(time)
        }
    }

    /// New records: most of the last hours, some late, some that appear while the run reads, some
    /// crowded into one instant, some odd.
    fn push(&mut self) {
        for _ in 0..self.dice.below(60) {
            // Late by up to the time that a date takes to settle.
            let hours = self.dice.pick(&[8, 8, 8, 40]);
            let time = self.moment(hours);
            let mut event = self.event(time);
            if self.dice.chance(10) {
                event.visible = Visible::AfterRequests(self.dice.below(30));
            }
            if self.dice.chance(4) {
                let odd = [
                    Oddity::InvalidUtf8,
                    Oddity::Nested4000,
                    Oddity::EscapedNul,
                    Oddity::LoneSurrogate,
                    Oddity::DoubledKey,
                    Oddity::DetailText,
                ];
                event.oddity = Some(self.dice.pick(&odd));
                self.rig.platform.push(event);
                continue;
            }
            let id = self.rig.platform.push(event);
            self.pushed.push(id);
        }
        if self.dice.chance(30) {
            let time = self.moment(6);
            for _ in 0..self.dice.below(90) {
                let event = self.event(time);
                let id = self.rig.platform.push(event);
                self.crowded.insert(id.clone());
                self.pushed.push(id);
            }
        }
    }

    fn some_pushed(&mut self) -> Option<String> {
        let at = self.dice.below(self.pushed.len().max(1) as u64) as usize;
        self.pushed.get(at).cloned()
    }

    /// Trouble with records that are there.
    fn meddle(&mut self, held: &BTreeSet<String>) {
        let platform = self.rig.platform.clone();
        for _ in 0..self.dice.below(4) {
            let Some(id) = self.some_pushed() else { return };
            let settled = self.changed.contains_key(&id) || self.poisoned.contains(&id);
            match self.dice.below(4) {
                0 if !settled => {
                    let change = self
                        .dice
                        .pick(&[&Change::Value, &Change::Gone, &Change::Added]);
                    if let Some(before) = platform.current(&id) {
                        platform.change(&[&id], change);
                        self.changed.insert(id, before);
                    }
                }
                1 if !settled => {
                    platform.poison(&[&id]);
                    self.poisoned.push(id);
                }
                2 if !self.crowded.contains(&id) => drop(platform.double(&[&id])),
                // What was never read is nobody's loss but the customer's.
                3 if held.contains(&id) && !settled => {
                    platform.purge(&[&id]);
                    self.pushed.retain(|other| *other != id);
                }
                _ => {}
            }
        }
        if self.dice.chance(40) {
            platform.cure(&self.poisoned);
            self.poisoned.clear();
        }
    }

    /// One run, perhaps over a store in trouble, perhaps killed.
    async fn run(&mut self) {
        let job = self.rig.job(&self.store);
        let faults = [
            Fault::None,
            Fault::HangBefore,
            Fault::HangAfter,
            Fault::LoseAnswer,
            Fault::SayExists,
        ];
        let number = self.store.changes() + self.dice.below(25) as usize;
        self.store.stop_at(number, self.dice.pick(&faults));
        if self.dice.chance(10) {
            self.store.next(On::Put, "ledger/entry", Fault::LoseAnswer);
            self.store.next(On::Get, "ledger/entry", Fault::Reject);
        }
        let options = RunOptions::default();
        let ended = tokio::select! {
            ended = try_run(&job, &options) => Some(ended),
            () = self.store.hung() => None,
        };
        if let Some(Err(error)) = ended {
            assert!(error.to_string().contains("by order"), "{error}");
        }
        self.store.calm();
    }

    async fn held(&self) -> BTreeSet<String> {
        if self
            .rig
            .job(&self.store)
            .log()
            .load()
            .await
            .unwrap()
            .is_none()
        {
            return BTreeSet::new();
        }
        ids(&sound_lake(&self.store).await)
    }

    /// Ends all trouble, lets everything settle, and compares.
    async fn end(mut self) {
        let platform = self.rig.platform.clone();
        platform.set_faults(|faults| *faults = Faults::default());
        platform.cure(&self.poisoned);
        for _ in 0..5 {
            platform.advance(Duration::from_secs(24 * 3_600));
            run(&self.rig.job(&self.store)).await;
        }
        let last = run_well(&self.rig.job(&self.store)).await;
        let source = &last.sources[0];
        let gap = source
            .recounts
            .iter()
            .find(|it| it.verdict == RecountVerdict::Gap);
        assert!(gap.is_none(), "{gap:?}");
        assert_eq!((source.counts.added, source.counts.quarantined), (0, 0));

        let lake = sound_lake(&self.store).await;
        lake.assert_holds_what_was_shown(&platform, "in the end");
        let held = ids(&lake);
        let missing = self.pushed.iter().find(|id| !held.contains(*id));
        assert_eq!(missing, None, "is on the platform and not in the lake");
        let raws: BTreeMap<&str, &str> = lake
            .rows()
            .into_iter()
            .map(|(uid, raw)| (uid.rsplit('/').next().unwrap(), raw))
            .collect();
        for (id, before) in std::mem::take(&mut self.changed) {
            let now = platform.current(&id).unwrap();
            let is_drift = now.ends_with(br#""retentionClass":"standard"}"#);
            let was_read_before = raws[&*id].as_bytes() == before;
            let kept = lake.evidence().iter().any(|it| it.content == now);
            assert_eq!(kept, was_read_before && !is_drift, "evidence of {id}");
        }
    }
}

fn ids(lake: &Lake) -> BTreeSet<String> {
    let rows = lake.rows().into_keys();
    rows.map(|uid| uid.rsplit('/').next().unwrap().to_owned())
        .collect()
}

async fn play(seed: u64) {
    let mut schedule = Schedule::new(seed).await;
    for _ in 0..8 {
        schedule.push();
        let held = schedule.held().await;
        schedule.meddle(&held);
        schedule.run().await;
        let hours = 1 + schedule.dice.below(14);
        let platform = &schedule.rig.platform;
        platform.advance(Duration::from_secs(hours * 3_600));
    }
    schedule.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_lake_holds_what_was_shown() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let seeds = match number("TRAILHOUSE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRAILHOUSE_SCHEDULES").unwrap_or(10),
    };
    for seed in seeds {
        let played = tokio::spawn(play(seed)).await;
        assert!(played.is_ok(), "replay with TRAILHOUSE_SEED={seed}");
    }
}
