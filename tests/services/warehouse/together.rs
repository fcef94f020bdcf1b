//! Several loaders at once fill a warehouse exactly once.

use std::process::Stdio;

use serde_json::{Value, json};

use super::place::{Cloud, Job, Told};
use crate::missing::{Stop, Suite};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("warehouse::loaders_at_once_load_once", at_once);
}

const RUN: &[&str] = &["run"];
const LOAD: &[&str] = &["warehouse", "load"];

/// `run` beside `warehouse load`, three of them, and three while there is more to read, each time on a
/// warehouse that is empty.
fn at_once() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let mut job = Job::on_disk(24)?;
    job.ends(0, &["run"])?;
    job.configure(&cloud.warehouse("bq", "fresh_0"))?;
    let rounds = [vec![RUN, LOAD], vec![RUN, LOAD, LOAD], vec![RUN, RUN, LOAD]];
    let (mut said_loaded, mut to_load) = (0, 0);
    for (number, loaders) in rounds.into_iter().enumerate() {
        let dataset = format!("fresh_{number}");
        if number > 0 {
            let before = format!("fresh_{}", number - 1);
            job.reconfigure(&before, &dataset)?;
        }
        job.ends(0, &["warehouse", "init"])?;
        let more_to_read = number == 2;
        if more_to_read {
            job.add_source("kestra-other", 2)?;
        }
        let mut running = Vec::new();
        for arguments in &loaders {
            let mut command = job.command(arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            running.push((arguments, command.spawn()?));
        }
        for (arguments, child) in running {
            let told = Told::of(arguments, child.wait_with_output()?)?;
            // Of two that read the same, one may have nothing left to do.
            let code = if more_to_read && told.code == Some(7) {
                7
            } else {
                0
            };
            let said = told.ends(code)?;
            said_loaded += loaded(&said);
        }
        let when = format!("{} at once", loaders.len());
        if more_to_read {
            // What one has committed while another was loading is left to the next.
            said_loaded += loaded(&job.ends(0, LOAD)?);
        }
        let (events, quarantined) = cloud.judge.assert_holds(&dataset, &job.lake, &when)?;
        assert!(events >= 300 && quarantined > 0, "{events} {quarantined}");
        let loads = |table: &str| -> Result<Value, Stop> {
            let asked = json!({ "do": "loads", "dataset": dataset, "table": table });
            cloud.judge.ask(&asked)
        };
        let status = job.ends(0, &["warehouse", "status"])?;
        let entries = entries_with_rows(&job)?;
        assert!(entries >= 20, "{entries}");
        for table in ["audit_events", "audit_quarantine"] {
            let loads = loads(table)?;
            assert_eq!(loads["failed"], json!([]), "{when}: {table}");
            if table == "audit_events" {
                assert_eq!(loads["well"], entries, "{when}: {status:#}");
            }
        }
        to_load += entries;
        job.ends(0, &["warehouse", "reconcile"])?;
        let after = job.ends(0, LOAD)?;
        assert_eq!(after["warehouses"][0]["tables"][0]["entries"], 0);
    }
    // They met at the same jobs: more was waited for than there was to load.
    assert!(said_loaded > to_load, "{said_loaded} of {to_load}");
    assert_eq!(cloud.copies()?, Vec::<std::path::PathBuf>::new());
    Ok(())
}

/// Entries that a loader says it has loaded into the events.
fn loaded(said: &Value) -> u64 {
    let table = &said["warehouses"][0]["tables"][0];
    table["entries"].as_u64().unwrap_or(0)
}

/// Entries of the ledger with files of events.
fn entries_with_rows(job: &Job) -> Result<u64, Stop> {
    let output = job
        .command(&[
            "query",
            "SELECT COUNT(DISTINCT batch_id) AS n FROM audit_events",
        ])
        .output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    Ok(said[0]["n"].as_u64().unwrap_or(0))
}
