//! The conformance suite of feeds against Kestra on the demo platform.

use super::harness::{Rig, at, quiet};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use trailhouse::source::Tenant;
use trailhouse::source::conformance::{KnownFeed, check_feed, check_under_faults};
use trailhouse::source::platform::kestra::Dialect;
use trailhouse::window::Window;
use trailhouse_demo::kestra::{self as demo, NewEvent, Options};

const NOW: &str = "2026-11-20T06:00:00Z";

fn main() -> Tenant {
    Tenant::Named("main".to_owned())
}

fn window() -> Window {
    Window::new(at("2026-11-19T00:00:00Z"), at("2026-11-20T05:00:00Z")).unwrap()
}

/// Records of a day and a half: rare ones, a crowd at one instant, and some at both edges.
async fn filled(dialect: Dialect) -> (Rig, KnownFeed) {
    let options = Options {
        dialect: match dialect {
            Dialect::V1 => demo::Dialect::V1,
            Dialect::V2 => demo::Dialect::V2,
        },
        ..quiet(NOW)
    };
    let rig = Rig::new(&options).await;
    let mut records = BTreeMap::new();
    let mut push = |time| {
        let id = rig.platform.push(NewEvent::at(time));
        records.insert(id, time);
    };
    for n in 0..200 {
        push(window().from + TimeDelta::seconds(n * 331));
    }
    for _ in 0..130 {
        push(at("2026-11-19T12:00:00Z"));
    }
    for _ in 0..3 {
        push(window().to);
        push(window().to - TimeDelta::milliseconds(1));
    }
    let known = KnownFeed {
        records,
        ..KnownFeed::default()
    };
    (rig, known)
}

#[tokio::test]
async fn kestra_keeps_the_contract() {
    for dialect in [Dialect::V1, Dialect::V2] {
        let (rig, known) = filled(dialect).await;
        let source = rig.source_with(rig.settings(), dialect, vec![main()]);
        check_feed(&*source.source, &main(), window(), &known)
            .await
            .unwrap_or_else(|broken| panic!("{dialect:?}: {broken}"));
    }
}

#[tokio::test]
async fn a_record_that_kestra_cannot_serve_is_a_hole_of_its_own() {
    let (rig, mut known) = filled(Dialect::V2).await;
    let id = known.records.keys().next().unwrap().clone();
    rig.platform.poison(&[&id]);
    let time = known.records.remove(&id).unwrap();
    known.unreadable = Vec::from_iter(Window::new(time, time + TimeDelta::microseconds(1)));
    known.longest_hole = TimeDelta::microseconds(1);
    let source = rig.source(vec![main()]);
    check_feed(&*source.source, &main(), window(), &known)
        .await
        .unwrap();
}

#[tokio::test]
async fn kestra_keeps_it_under_every_fault() {
    let (rig, known) = filled(Dialect::V2).await;
    rig.platform.set_faults(|faults| {
        faults.rate_limit = 0.1;
        faults.unavailable = 0.1;
        faults.cut = 0.05;
        faults.duplicate = 0.05;
        faults.missing = 0.05;
        faults.unstable_ties = true;
    });
    let source = rig.source(vec![main()]);
    for _ in 0..3 {
        check_under_faults(&*source.source, &main(), window(), &known)
            .await
            .unwrap();
    }
}
