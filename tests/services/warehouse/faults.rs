//! A warehouse that is down, and one that answers as networks and services in trouble do.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use serde_json::Value;

use super::place::{Cloud, Job};
use super::proxy::{Fate, Proxy};
use crate::missing::{Stop, Suite};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("warehouse::one_of_two_is_down", one_down);
    suite.add("warehouse::faults_of_every_kind", faults);
}

const LOAD: &[&str] = &["warehouse", "load"];

fn rows(said: &Value, warehouse: usize) -> u64 {
    said["warehouses"][warehouse]["tables"][0]["rows"]
        .as_u64()
        .unwrap_or(0)
}

/// The lake commits and the other warehouse is filled; the one that was down catches up.
fn one_down() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let mut job = Job::on_disk(8)?;
    // A port on which nobody listens, for now.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let down = format!("http://127.0.0.1:{port}");
    let tables = cloud.warehouse_at("down", "audit_down", &down);
    job.configure(&tables.replace("\"20s\"", "\"1s\""))?;
    job.configure(&cloud.warehouse("up", "audit_up"))?;
    job.ends(4, &["run"])?;
    job.ends(0, &["warehouse", "init", "--warehouse", "up"])?;
    job.ends(4, &["warehouse", "init"])?;

    let run = job.ends(4, &["run"])?;
    let failure = &run["warehouses"][0]["failure"];
    assert_eq!(failure["code"], "transient", "{run:#}");
    assert!(run["warehouses"][1]["failure"].is_null(), "{run:#}");
    let (first, _) = cloud
        .judge
        .assert_holds("audit_up", &job.lake, "the one that is up")?;
    assert_eq!(rows(&run, 1), first);
    for command in [&["status"][..], &["warehouse", "status"]] {
        let status = job.ends(4, command)?;
        let down = &status["warehouses"][0];
        assert_eq!(down["failure"], "transient", "{status:#}");
        assert_eq!(down["tables"][0]["rows_behind"], first, "{status:#}");
        let up = &status["warehouses"][1];
        assert_eq!(up["tables"][0]["rows_behind"], 0, "{status:#}");
    }
    // More comes meanwhile: the lake takes it, and so does the one that is up.
    job.add_source("kestra-other", 2)?;
    job.ends(4, &["run"])?;
    let (second, _) =
        cloud
            .judge
            .assert_holds("audit_up", &job.lake, "the one that is up, again")?;
    assert!(second > first);
    job.ends(4, &["warehouse", "reconcile"])?;
    job.ends(0, &["warehouse", "reconcile", "--warehouse", "up"])?;

    let _back = Proxy::start(port, cloud.bigquery.url(), 0, 0)?;
    // It was impatient only to have a service that is down end soon.
    job.reconfigure("\"1s\"", "\"20s\"")?;
    job.ends(0, &["warehouse", "init"])?;
    let run = job.ends(0, &["run"])?;
    assert_eq!((rows(&run, 0), rows(&run, 1)), (second, 0), "{run:#}");
    cloud
        .judge
        .assert_holds("audit_down", &job.lake, "back again")?;
    job.ends(0, &["warehouse", "reconcile"])?;
    job.ends(0, &["status"])?;
    assert_eq!(cloud.copies()?, Vec::<std::path::PathBuf>::new());
    Ok(())
}

/// Whatever the network does, nothing is lost or doubled, and nothing is claimed that is not so.
fn faults() -> Result<(), Stop> {
    const TRIES: usize = 25;
    let cloud = Cloud::start()?;
    let job = Job::on_disk(8)?;
    job.ends(0, &["run"])?;
    job.configure(&cloud.warehouse_at("bq", "faulty_0", "http://127.0.0.1:1"))?;
    let mut before = ("faulty_0".to_owned(), "http://127.0.0.1:1".to_owned());
    let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
    // A program that is patient, and one that gives up at once, whose runs fail in the middle.
    for (seed, (percent, patience)) in (0..).zip([(15, "20s"), (6, "0s"), (6, "0s")]) {
        let proxy = Proxy::start(0, cloud.bigquery.url(), percent, seed)?;
        let now = (format!("faulty_{seed}"), proxy.url());
        job.reconfigure(&before.0, &now.0)?;
        job.reconfigure(&before.1, &now.1)?;
        if seed == 1 {
            job.reconfigure("\"20s\"", &format!("\"{patience}\""))?;
        }
        until_well(&job, TRIES, &["warehouse", "init"])?;
        until_well(&job, TRIES, LOAD)?;
        // A rebuild of what is right already changes nothing; one of what is wrong mends it.
        let table = format!("{}.audit_events", now.0);
        cloud.judge.change(&format!(
            "DELETE FROM {table} WHERE dt = (SELECT MAX(dt) FROM {table} WHERE dt > '0001-01-01')"
        ))?;
        let plan = plan(&job, TRIES)?;
        let confirm = job.tell(&["warehouse", "rebuild", "--confirm", &plan])?;
        if confirm.code != Some(0) {
            // Decided or not, it is no success. A plan that could not be made whole is not called another.
            assert_eq!(confirm.code, Some(4), "{confirm:?}");
            let said = confirm.said["errors"].to_string();
            assert!(!said.contains("confirmation"), "{confirm:?}");
            if !until(&job, TRIES, LOAD, |code| matches!(code, 0 | 10))? {
                let plan = self::plan(&job, TRIES)?;
                until_well(&job, TRIES, &["warehouse", "rebuild", "--confirm", &plan])?;
            }
        }
        until_well(&job, TRIES, &["warehouse", "reconcile"])?;
        let when = format!("seed {seed}");
        let held = cloud.judge.assert_holds(&now.0, &job.lake, &when)?;
        assert!(held.0 >= 300 && held.1 > 0, "{held:?}");
        for (fate, times) in proxy.fates() {
            *fates.entry(fate).or_default() += times;
        }
        before = now;
    }
    assert_eq!(fates.len(), 9, "{fates:?}");
    Ok(())
}

/// Runs the program again until it ends with code 0; until then it may only say that the destination
/// failed.
fn until_well(job: &Job, tries: usize, arguments: &[&str]) -> Result<(), Stop> {
    let well = until(job, tries, arguments, |code| code == 0)?;
    assert!(well, "{arguments:?}");
    Ok(())
}

/// Runs the program again until it ends with a code that is wanted; says whether that was 0.
fn until(
    job: &Job,
    tries: usize,
    arguments: &[&str],
    wanted: impl Fn(i32) -> bool,
) -> Result<bool, Stop> {
    for _ in 0..tries {
        let told = job.tell(arguments)?;
        let code = told.code.unwrap_or(-1);
        if wanted(code) {
            return Ok(code == 0);
        }
        assert_eq!(code, 4, "{told:?}");
    }
    Err(Stop::Failed(format!("{arguments:?} failed {tries} times")))
}

/// The plan of a rebuild, as soon as it can be made.
fn plan(job: &Job, tries: usize) -> Result<String, Stop> {
    for _ in 0..tries {
        let told = job.tell(&["warehouse", "rebuild"])?;
        if told.code == Some(8) {
            return Ok(told.said["plan"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(told.code, Some(4), "{told:?}");
    }
    Err(Stop::Failed(format!("no plan in {tries} tries")))
}
