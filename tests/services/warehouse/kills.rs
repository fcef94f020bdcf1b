//! The program dies at every failpoint of the way into a warehouse, and the next run makes good.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::place::{Cloud, Job};
use crate::missing::{Stop, Suite};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("warehouse::killed_anywhere_while_loading", loading);
    suite.add("warehouse::killed_anywhere_while_rebuilding", rebuilding);
}

const LOAD: &[&str] = &["warehouse", "load"];
const RUN: &[&str] = &["run"];

/// A job with a lake of some entries and a warehouse that is level with it.
fn level(cloud: &Cloud) -> Result<Job, Stop> {
    let job = Job::on_disk(8)?;
    job.ends(0, &["run"])?;
    job.configure(&cloud.warehouse("bq", "audit"))?;
    job.ends(0, &["warehouse", "init"])?;
    job.ends(0, LOAD)?;
    cloud
        .judge
        .assert_holds("audit", &job.lake, "before any kill")?;
    Ok(job)
}

/// Makes all tables anew, so that everything has to be loaded again.
fn empty(cloud: &Cloud) -> Result<(), Stop> {
    for table in [
        "audit_events",
        "audit_quarantine",
        "audit_batches",
        "audit_coverage",
    ] {
        let table = format!("audit.{table}");
        cloud.judge.ask(&json!({ "do": "anew", "table": table }))?;
    }
    Ok(())
}

/// Leaves rows out, doubles some and brings in others, in both tables.
fn damage(cloud: &Cloud) -> Result<(), Stop> {
    let judge = &cloud.judge;
    judge.change(
        "DELETE FROM audit.audit_events WHERE dt = (SELECT MIN(dt) FROM audit.audit_events \
         WHERE dt > '0001-01-01')",
    )?;
    judge.change(
        "INSERT INTO audit.audit_events SELECT * FROM audit.audit_events WHERE dt = \
         (SELECT MAX(dt) FROM audit.audit_events WHERE dt > '0001-01-01')",
    )?;
    judge.change("DELETE FROM audit.audit_quarantine WHERE dt > '0001-01-01'")?;
    Ok(())
}

/// How often each failpoint is hit, of those that matter to a warehouse.
fn hits(job: &Job, arguments: &[&str]) -> Result<BTreeMap<String, usize>, Stop> {
    let log = job.path().join("failpoints");
    let mut command = job.command(arguments);
    let done = command.env("TRAILHOUSE_FAILPOINT_LOG", &log).output()?;
    assert!(done.status.success(), "{done:?}");
    let mut hits = BTreeMap::new();
    for name in fs::read_to_string(&log)?.lines() {
        if name.starts_with("warehouse.") || name.starts_with("ledger.commit.") {
            *hits.entry(name.to_owned()).or_default() += 1;
        }
    }
    fs::remove_file(&log)?;
    Ok(hits)
}

/// At the first hit, in the middle, and at the last.
fn places(hits: &BTreeMap<String, usize>) -> Vec<String> {
    let mut places = Vec::new();
    for (name, times) in hits {
        let mut at = vec![1, times / 2 + 1, *times];
        at.dedup();
        places.extend(at.iter().map(|hit| format!("{name}={hit}")));
    }
    places
}

/// What is left over from a run that died is finished by the next one, be it a run or only a load.
fn is_mended(cloud: &Cloud, job: &Job, at: &str, by: &[&str]) -> Result<(), Stop> {
    job.ends(0, by)?;
    cloud.judge.assert_holds("audit", &job.lake, at)?;
    job.ends(0, &["warehouse", "reconcile"])?;
    assert_eq!(cloud.copies()?, Vec::<std::path::PathBuf>::new(), "{at}");
    Ok(())
}

fn loading() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = level(&cloud)?;
    empty(&cloud)?;
    let hits = hits(&job, LOAD)?;
    for name in [
        "warehouse.staged",
        "warehouse.load.before",
        "warehouse.load.after",
        "warehouse.tell.before",
        "warehouse.tell.after",
        "ledger.commit.before",
        "ledger.commit.after",
    ] {
        assert!(hits.contains_key(name), "{name}: {hits:?}");
    }
    for (at, by) in places(&hits).iter().zip([LOAD, RUN].iter().cycle()) {
        empty(&cloud)?;
        job.dies(at, LOAD)?;
        is_mended(&cloud, &job, at, by)?;
    }
    Ok(())
}

fn rebuilding() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = level(&cloud)?;
    damage(&cloud)?;
    let plan = job.plan()?;
    let hits = hits(&job, &["warehouse", "rebuild", "--confirm", &plan])?;
    for name in [
        "warehouse.staged",
        "warehouse.stage.table",
        "warehouse.stage.loaded",
        "warehouse.replace.before",
        "warehouse.replace.after",
        "ledger.commit.before",
        "ledger.commit.after",
    ] {
        assert!(hits.contains_key(name), "{name}: {hits:?}");
    }
    is_mended(&cloud, &job, "never killed", LOAD)?;
    // There is one decision for each of the two tables.
    let undecided = [
        "ledger.commit.before=1",
        "ledger.commit.after=1",
        "ledger.commit.before=2",
    ];
    for (at, by) in places(&hits).iter().zip([RUN, LOAD].iter().cycle()) {
        damage(&cloud)?;
        let plan = job.plan()?;
        job.dies(at, &["warehouse", "rebuild", "--confirm", &plan])?;
        if undecided.contains(&at.as_str()) {
            // What was not decided yet is as if nobody had asked, and is still told of.
            job.ends(10, by)?;
            let plan = job.plan()?;
            job.ends(0, &["warehouse", "rebuild", "--confirm", &plan])?;
        }
        is_mended(&cloud, &job, at, by)?;
    }
    // Tables of copies are gone, too, or go by themselves: nobody looks for them once all is done.
    let made = cloud
        .judge
        .ask(&json!({ "do": "describe", "dataset": "audit" }))?;
    for (name, table) in made["tables"].as_object().into_iter().flatten() {
        let left = name.contains("rebuild");
        assert_eq!(table["expires_at"].is_string(), left, "{name}: {table}");
    }
    Ok(())
}
