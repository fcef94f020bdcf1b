//! Told to stop, the program commits what it has begun, says that it is not done, and the next run
//! goes on from there.

#![cfg(unix)]

use super::harness::Rig;
use super::process::{Place, rig};
use crate::cli::{code, json, told};
use chrono::{TimeDelta, Utc};
use std::process::{Command, Output};
use std::time::Duration;
use trailhouse_demo::kestra::NewEvent;

/// A platform with a record on each of so many dates, and a place to read it from.
async fn years(days: i64) -> (Rig, Place) {
    let rig = rig().await;
    let now = Utc::now();
    for day in 1..=days {
        rig.platform.push(NewEvent::at(now - TimeDelta::days(day)));
    }
    let place = Place::new(&rig, "");
    (rig, place)
}

/// Stopped in the middle: something is committed, the end is not reached, and nothing is wrong.
async fn is_stopped_in_the_middle(place: &Place, output: &Output, days: usize) {
    assert_eq!(code(output), 3, "{}", told(output));
    let summary = json(output);
    assert_eq!(summary["stopped"], true);
    assert_eq!(summary["sources"][0]["complete"], false);
    assert!(summary["sources"][0]["failure"].is_null());
    let lake = place.sound_lake().await;
    let rows = lake.rows().len();
    assert!(rows > 0 && rows < days, "{rows}");
    let added = summary["sources"][0]["counts"]["added"].as_u64();
    assert_eq!(added, Some(rows as u64), "what it says is what is there");
    // The receipt is written all the same.
    let last_run = lake.state.sources["kestra-test"].last_run.as_ref().unwrap();
    assert_eq!(summary["run_id"], last_run.run_id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_finishes_what_it_has_begun() {
    let (rig, place) = years(300).await;
    let mut child = place.run().spawn().unwrap();
    while place.entries() < 5 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let kill = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    is_stopped_in_the_middle(&place, &output, 300).await;
    place.run_well();
    let lake = place.sound_lake().await;
    lake.assert_holds_what_was_shown(&rig.platform, "after the rest");
    assert_eq!(lake.rows().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_deadline_it_starts_nothing_new() {
    let (_rig, place) = years(1_500).await;
    let output = place.run().args(["--deadline", "1s"]).output().unwrap();
    is_stopped_in_the_middle(&place, &output, 1_500).await;
}
