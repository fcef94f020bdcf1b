//! What others do to a warehouse is found, said, and mended; a warehouse of another lake is left alone.

use serde_json::{Value, json};

use super::place::{Cloud, Job};
use crate::missing::{Stop, Suite};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("warehouse::damage_is_found_and_mended", damage);
    suite.add(
        "warehouse::tables_that_were_dropped_or_restored_are_filled",
        tables_anew,
    );
    suite.add(
        "warehouse::a_service_that_forgets_its_jobs_doubles_nothing",
        forgotten_jobs,
    );
    suite.add(
        "warehouse::damage_during_a_rebuild_is_mended_by_it",
        damage_again,
    );
    suite.add("warehouse::another_lake_is_refused", another_lake);
}

const EVENTS: &str = "audit.audit_events";
const QUARANTINE: &str = "audit.audit_quarantine";
const LOAD: &[&str] = &["warehouse", "load"];

/// A job with a lake of eight days or so and a warehouse that is level with it.
fn level(cloud: &Cloud) -> Result<Job, Stop> {
    let job = Job::on_disk(8)?;
    job.configure(&cloud.warehouse("bq", "audit"))?;
    // The lake is founded by a run whose warehouse is not there yet.
    job.ends(4, &["run"])?;
    job.ends(0, &["warehouse", "init"])?;
    job.ends(0, &["run"])?;
    cloud.judge.assert_holds("audit", &job.lake, "at first")?;
    Ok(job)
}

/// A condition for all dates of a table but the one that a function chooses.
fn on(choice: &str, table: &str) -> String {
    format!("dt = (SELECT {choice}(dt) FROM {table} WHERE dt > '0001-01-01')")
}

/// Rows of one table that differ from the ledger: missing, too often, of no batch.
fn differing(said: &Value, table: usize, counted: &str) -> [u64; 3] {
    let counted = &said["warehouses"][0]["tables"][table][counted];
    ["missing", "surplus", "foreign"].map(|of| counted[of].as_u64().unwrap_or(0))
}

fn damage() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = level(&cloud)?;
    let judge = &cloud.judge;
    let of_last = on("MAX", EVENTS);
    // Each with the table it is done to and the rows that then differ: missing, too often, foreign.
    let cases: [(&str, usize, String, [u64; 3]); 6] = [
        (
            "rows deleted",
            0,
            format!("DELETE FROM {EVENTS} WHERE {}", on("MIN", EVENTS)),
            [1, 0, 0],
        ),
        (
            "one row deleted",
            1,
            format!("DELETE FROM {QUARANTINE} WHERE {}", on("MAX", QUARANTINE)),
            [1, 0, 0],
        ),
        (
            "rows doubled",
            0,
            format!("INSERT INTO {EVENTS} SELECT * FROM {EVENTS} WHERE {of_last}"),
            [0, 1, 0],
        ),
        (
            "foreign rows",
            0,
            format!(
                "INSERT INTO {EVENTS} SELECT * REPLACE ('of-nobody' AS batch_id) FROM {EVENTS} \
                 WHERE {of_last}"
            ),
            [0, 0, 1],
        ),
        (
            "foreign rows of a date that the lake has not",
            0,
            format!(
                "INSERT INTO {EVENTS} SELECT * REPLACE ('of-nobody' AS batch_id, \
                 DATE '2001-02-03' AS dt) FROM {EVENTS} WHERE {of_last}"
            ),
            [0, 0, 1],
        ),
        (
            "restored in place to before the last entry",
            0,
            format!(
                "DELETE FROM {EVENTS} WHERE dt > '0001-01-01' AND batch_id = \
                 (SELECT MAX(batch_id) FROM {EVENTS} WHERE dt > '0001-01-01')"
            ),
            [1, 0, 0],
        ),
    ];
    for (what, table, sql, kinds) in cases {
        let changed = judge.change(&sql)?;
        let expected = kinds.map(|kind| kind * changed);
        let reconciled = job.ends(10, &["warehouse", "reconcile"])?;
        assert_eq!(
            differing(&reconciled, table, "counted"),
            expected,
            "{what}: {reconciled:#}"
        );
        assert_eq!(differing(&reconciled, 1 - table, "counted"), [0; 3]);
        // Nothing that was read from the service is in the ledger before a run.
        job.ends(0, &["status"])?;
        let run = job.ends(10, &["run"])?;
        assert_eq!(differing(&run, table, "counted"), expected, "{what}");
        let happened = run["errors"][0]["happened"].as_str().unwrap_or_default();
        assert!(happened.contains("does not match the ledger"), "{run:#}");
        for command in [&["status"][..], &["warehouse", "status"]] {
            let status = job.ends(10, command)?;
            assert_eq!(
                differing(&status, table, "differs"),
                expected,
                "{what}: {status:#}"
            );
        }
        mend(&cloud, &job, what)?;
    }
    same_number(&cloud, &job)
}

/// A row gone and another one doubled leave the number of rows as it was, which is all that a run looks
/// at where everything is loaded: `reconcile` tells.
fn same_number(cloud: &Cloud, job: &Job) -> Result<(), Stop> {
    let of = |choice| {
        format!(
            "(SELECT {choice}(event_uid) FROM {EVENTS} WHERE {})",
            on("MAX", EVENTS)
        )
    };
    let dated = "dt > '0001-01-01' AND event_uid =";
    let judge = &cloud.judge;
    let deleted = judge.change(&format!("DELETE FROM {EVENTS} WHERE {dated} {}", of("MIN")))?;
    // A row of another batch than the one that went.
    let first = on("MIN", EVENTS);
    let uid = format!("(SELECT MIN(event_uid) FROM {EVENTS} WHERE {first})");
    let doubled = judge.change(&format!(
        "INSERT INTO {EVENTS} SELECT * FROM {EVENTS} WHERE {dated} {uid}"
    ))?;
    assert_eq!((deleted, doubled), (1, 1));
    job.ends(0, &["run"])?;
    let reconciled = job.ends(10, &["warehouse", "reconcile"])?;
    assert_eq!(differing(&reconciled, 0, "counted"), [1, 1, 0]);
    mend(cloud, job, "the same number of rows")
}

/// Shows the plan, refuses another, and carries it out.
fn mend(cloud: &Cloud, job: &Job, what: &str) -> Result<(), Stop> {
    let plan = job.plan()?;
    job.ends(8, &["warehouse", "rebuild", "--confirm", "000000000000"])?;
    job.ends(0, &["warehouse", "rebuild", "--confirm", &plan])?;
    cloud.judge.assert_holds("audit", &job.lake, what)?;
    job.ends(0, &["warehouse", "rebuild", "--confirm", &plan])?;
    job.ends(0, &["warehouse", "reconcile"])?;
    job.ends(0, &["warehouse", "status"])?;
    job.ends(0, &["status"])?;
    let again = job.ends(0, &["warehouse", "rebuild"])?;
    assert_eq!(again["tables"], json!([]), "{what}: {again:#}");
    Ok(())
}

/// A rebuild is killed after its transaction, and somebody is at the same dates again: the transaction has
/// happened, and yet the dates are not right.
fn damage_again() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = level(&cloud)?;
    let delete = format!("DELETE FROM {EVENTS} WHERE {}", on("MAX", EVENTS));
    cloud.judge.change(&delete)?;
    let plan = job.plan()?;
    let confirm = ["warehouse", "rebuild", "--confirm", &plan];
    job.dies("warehouse.replace.after", &confirm)?;
    cloud.judge.assert_holds("audit", &job.lake, "replaced")?;
    let status = job.ends(10, &["status"])?;
    let open = &status["warehouses"][0]["rebuilds"][0];
    assert_eq!(open["dates"], 1, "{status:#}");
    cloud.judge.change(&delete)?;
    job.ends(0, LOAD)?;
    cloud.judge.assert_holds("audit", &job.lake, "and again")?;
    job.ends(0, &["status"])?;
    Ok(())
}

fn tables_anew() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let mut job = level(&cloud)?;
    let judge = &cloud.judge;

    // Dropped: nothing is made but by who is told to.
    judge.ask(&json!({ "do": "drop", "table": EVENTS }))?;
    judge.ask(&json!({ "do": "drop", "table": "audit.audit_coverage" }))?;
    let run = job.ends(4, &["run"])?;
    let failure = &run["warehouses"][0]["failure"];
    assert_eq!(failure["code"], "no_table", "{run:#}");
    let action = failure["action"].as_str().unwrap_or_default();
    assert!(action.contains("warehouse init"), "{action}");
    job.ends(4, &["warehouse", "reconcile"])?;
    job.ends(4, &["warehouse", "status"])?;
    job.ends(4, &["status"])?;
    let made = job.ends(0, &["warehouse", "init"])?;
    let steps = made["warehouses"][0]["steps"].as_array().into_iter();
    let steps = steps.flatten().filter_map(|step| step["what"].as_str());
    // The emulator does not show views whose tables are missing.
    let steps: Vec<&str> = steps.filter(|what| !what.starts_with("view")).collect();
    assert_eq!(steps, ["table audit_events", "table audit_coverage"]);
    let run = job.ends(0, &["run"])?;
    let (events, _) = judge.assert_holds("audit", &job.lake, "dropped")?;
    assert_eq!(run["warehouses"][0]["tables"][0]["rows"], events);
    assert_eq!(run["warehouses"][0]["tables"][1]["rows"], 0);

    // Restored as another table from a copy of before the last entries: what is in it is not loaded
    // again, and what is not is.
    let copy = "audit.backup";
    judge.ask(&json!({ "do": "copy", "source": EVENTS, "target": copy }))?;
    job.add_source("kestra-other", 2)?;
    job.ends(0, &["run"])?;
    let (more, _) = judge.assert_holds("audit", &job.lake, "another source")?;
    assert!(more > events);
    judge.ask(&json!({ "do": "drop", "table": EVENTS }))?;
    judge.ask(&json!({ "do": "copy", "source": copy, "target": EVENTS }))?;
    let before = job.ends(0, &["warehouse", "reconcile"])?;
    let table = &before["warehouses"][0]["tables"][0];
    assert_eq!(table["found"], events, "{table}");
    assert_eq!(table["pending"], more - events, "{table}");
    let run = job.ends(0, &["run"])?;
    let table = &run["warehouses"][0]["tables"][0];
    assert_eq!(table["rows"], more - events, "{table}");
    assert!(
        table["adopted"].as_u64().is_some_and(|adopted| adopted > 0),
        "{table}"
    );
    judge.assert_holds("audit", &job.lake, "restored as another table")?;
    job.ends(0, &["warehouse", "reconcile"])?;

    // The same with a backup that is damaged itself.
    // The second date: depending on the time of day, the first has a single row.
    let first = on("MIN", copy);
    let half = format!(
        "dt = (SELECT MIN(dt) FROM {copy} WHERE dt > (SELECT MAX(dt) FROM {copy} WHERE {first}))"
    );
    let kept = format!("SELECT MIN(event_uid) FROM {copy} WHERE {half}");
    let lost = judge.change(&format!(
        "DELETE FROM {copy} WHERE {half} AND event_uid > ({kept})"
    ))?;
    judge.ask(&json!({ "do": "drop", "table": EVENTS }))?;
    judge.ask(&json!({ "do": "copy", "source": copy, "target": EVENTS }))?;
    let run = job.ends(10, &["run"])?;
    assert_eq!(differing(&run, 0, "counted"), [lost, 0, 0], "{run:#}");
    mend(&cloud, &job, "a damaged backup")
}

/// A load has ended, its receipt was never written, and the service does not know it any more.
fn forgotten_jobs() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = Job::on_disk(8)?;
    job.ends(0, &["run"])?;
    job.configure(&cloud.warehouse("bq", "audit"))?;
    job.ends(0, &["warehouse", "init"])?;
    for at in ["warehouse.load.after=4", "ledger.commit.before=1"] {
        for table in [EVENTS, QUARANTINE] {
            cloud.judge.ask(&json!({ "do": "anew", "table": table }))?;
        }
        job.dies(at, LOAD)?;
        let left = cloud.judge.ask(&json!({ "do": "forget" }))?;
        assert_eq!(left, 0);
        let load = job.ends(0, LOAD)?;
        let adopted = load["warehouses"][0]["tables"][0]["adopted"].as_u64();
        assert!(adopted.is_some_and(|adopted| adopted > 0), "{at}: {load:#}");
        cloud.judge.assert_holds("audit", &job.lake, at)?;
        job.ends(0, &["warehouse", "reconcile"])?;
    }
    // The reverse: what a job has loaded is gone, and it is remembered that it was loaded.
    for table in [EVENTS, QUARANTINE] {
        cloud.judge.ask(&json!({ "do": "anew", "table": table }))?;
    }
    job.dies("ledger.commit.before=1", LOAD)?;
    let lost = cloud
        .judge
        .change(&format!("DELETE FROM {EVENTS} WHERE {}", on("MAX", EVENTS)))?;
    let load = job.ends(10, LOAD)?;
    assert_eq!(differing(&load, 0, "counted"), [lost, 0, 0], "{load:#}");
    mend(&cloud, &job, "what a job has loaded")?;
    // Everything is loaded and nothing is remembered: nothing is loaded again.
    cloud.judge.ask(&json!({ "do": "forget" }))?;
    job.ends(0, &["run"])?;
    cloud
        .judge
        .assert_holds("audit", &job.lake, "all forgotten")?;
    Ok(())
}

fn another_lake() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let job = level(&cloud)?;
    let other = Job::on_disk(8)?;
    other.ends(0, &["run"])?;
    other.configure(&cloud.warehouse("bq", "audit"))?;
    for command in [
        &["run"][..],
        LOAD,
        &["warehouse", "init"],
        &["warehouse", "status"],
        &["warehouse", "reconcile"],
        &["warehouse", "rebuild", "--all"],
    ] {
        let said = other.ends(4, command)?;
        let happened = said["errors"][0]["happened"].as_str().unwrap_or_default();
        assert!(happened.contains("belongs to"), "{command:?}: {said:#}");
        let action = said["errors"][0]["do"].as_str().unwrap_or_default();
        assert!(action.contains("two lakes cannot share one"), "{action}");
    }
    assert_eq!(cloud.copies()?, Vec::<std::path::PathBuf>::new());
    cloud
        .judge
        .assert_holds("audit", &job.lake, "the first lake's")?;
    // Tables that nobody has labelled are nobody's to load into, either.
    let unlabel = json!({ "do": "unlabel", "table": EVENTS, "label": "trailhouse-lake" });
    cloud.judge.ask(&unlabel)?;
    let run = job.ends(4, &["run"])?;
    let message = run["warehouses"][0]["failure"]["message"].as_str();
    assert!(
        message.is_some_and(|message| message.contains("belongs to no lake")),
        "{run:#}"
    );
    Ok(())
}
