//! A whole job: every row of the ledger is in the warehouse, once, and nothing else.

use std::path::Path;

use serde_json::{Value, json};
use trailhouse::event::schema::{EVENT_COLUMNS, QUARANTINE_COLUMNS};
use trailhouse::ledger::columns::{BATCH_COLUMNS, COVERAGE_COLUMNS};

use super::judge::Judge;
use super::place::{Cloud, Job, judge_of, platform, warehouse};
use crate::bigquery::BigQuery;
use crate::gcs::Account;
use crate::missing::{Stop, Suite};
use crate::sql::{Embedded, assert_same, described};
use crate::stores::{Place, double};

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("warehouse::a_lake_on_disk_is_staged_and_loaded", staged);
    suite.add(
        "warehouse::a_lake_on_gcs_is_loaded_from_where_it_is",
        in_place,
    );
}

/// Two tenants, records with odd bytes, and some that leave holes.
fn staged() -> Result<(), Stop> {
    let cloud = Cloud::start()?;
    let platform = crate::job::platform(
        &[
            &["--tenant", "main", "--tenant", "other"][..],
            &["--odd", "40", "--poison", "2"],
        ]
        .concat(),
    )?;
    let folder = tempfile::tempdir()?;
    let lake = folder.path().join("lake");
    std::fs::create_dir(&lake)?;
    let place = Place::on_disk(&lake);
    let job = Job::new(folder, lake, platform, &place)?;
    job.reconfigure("[\"main\"]", "[\"main\", \"other\"]")?;
    job.ends(5, &["run"])?;
    job.configure(&cloud.warehouse("bq", "audit"))?;

    let lacking = job.ends(10, &["warehouse", "status"])?;
    assert_eq!(lacking["warehouses"][0]["tables"][0]["rows"], 0);
    // Nobody makes tables but who was told to.
    let run = job.ends(5, &["run"])?;
    assert_eq!(
        run["warehouses"][0]["failure"]["code"], "no_table",
        "{run:#}"
    );
    let dry = job.ends(0, &["warehouse", "init", "--dry-run"])?;
    // The run that failed is what matters most.
    job.ends(4, &["warehouse", "status"])?;
    let made = job.ends(0, &["warehouse", "init"])?;
    assert_eq!(made["warehouses"], dry["warehouses"]);
    let again = job.ends(0, &["warehouse", "init"])?;
    assert_eq!(again["warehouses"][0]["steps"], json!([]), "{again:#}");

    let run = job.ends(5, &["run"])?;
    let (events, quarantined) = cloud.judge.assert_holds("audit", &job.lake, "first run")?;
    assert!(events > 6000 && quarantined > 0, "{events} {quarantined}");
    assert_eq!(run["warehouses"][0]["tables"][0]["rows"], events);
    assert_eq!(run["warehouses"][0]["tables"][1]["rows"], quarantined);
    assert_eq!(cloud.copies()?, Vec::<std::path::PathBuf>::new());
    assert_shape(&cloud.judge)?;
    assert_ledger(&cloud.judge, job.path())?;

    let loads = |table: &str| {
        let asked = json!({ "do": "loads", "dataset": "audit", "table": table });
        cloud.judge.ask(&asked)
    };
    let before = loads("audit_events")?;
    assert_eq!(before["failed"], json!([]));
    let run = job.ends(5, &["run"])?;
    assert_eq!(run["warehouses"][0]["tables"][0]["entries"], 0, "{run:#}");
    assert_eq!(loads("audit_events")?, before);
    cloud.judge.assert_holds("audit", &job.lake, "second run")?;
    let reconciled = job.ends(0, &["warehouse", "reconcile"])?;
    assert_reconciled(&cloud.judge, &reconciled)
}

/// Dataset, tables and views are made as asked.
fn assert_shape(judge: &Judge) -> Result<(), Stop> {
    let made = judge.ask(&json!({ "do": "describe", "dataset": "audit" }))?;
    let lake_id = made["labels"]["trailhouse-lake"].clone();
    assert!(lake_id.is_string(), "{made:#}");
    let labels = json!({ "trailhouse-lake": lake_id, "team": "security" });
    assert_eq!(made["labels"], labels);
    let mut views = 0;
    for (name, table) in made["tables"].as_object().into_iter().flatten() {
        assert_eq!(table["labels"], labels, "{name}");
        let description = table["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "{name}");
        let (columns, dated) = match name.as_str() {
            "audit_events" => (EVENT_COLUMNS, true),
            "audit_quarantine" => (QUARANTINE_COLUMNS, true),
            "audit_batches" => (BATCH_COLUMNS, false),
            "audit_coverage" => (COVERAGE_COLUMNS, false),
            _ => {
                assert_eq!(table["kind"], "VIEW", "{name}");
                let answer = judge.sql(&format!("SELECT * FROM audit.{name}"))?;
                assert_ne!(answer["rows"], json!([]), "{name}");
                views += 1;
                continue;
            }
        };
        assert_eq!(table["kind"], "TABLE", "{name}");
        let columns: Vec<Value> = columns.iter().map(described).collect();
        assert_eq!(table["columns"], Value::from(columns), "{name}");
        assert_eq!(table["filter"], dated, "{name}");
        let partition = if dated {
            json!(["DAY", "dt"])
        } else {
            Value::Null
        };
        assert_eq!(table["partition"], partition, "{name}");
        assert_eq!(table["expires"], Value::Null, "{name}");
        let clustering: &[&str] = match name.as_str() {
            "audit_events" => &["category", "source", "actor_name", "resource_type"],
            _ => &[],
        };
        assert_eq!(table["clustering"], json!(clustering), "{name}");
    }
    assert_eq!(views, 7);
    Ok(())
}

/// The tables that tell of the ledger say what the embedded engine says.
fn assert_ledger(judge: &Judge, folder: &Path) -> Result<(), Stop> {
    for (table, columns) in [
        ("audit_batches", BATCH_COLUMNS),
        ("audit_coverage", COVERAGE_COLUMNS),
    ] {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let names = names.join(", ");
        let ours = Embedded(folder).sql(&format!("SELECT {names} FROM {table}"))?;
        assert!(!ours.is_empty(), "{table}");
        let theirs = judge.sql(&format!("SELECT {names} FROM audit.{table}"))?;
        assert_same(table, &ours, &theirs);
    }
    Ok(())
}

/// What `reconcile` says of each date, category and source is what the judge counts.
fn assert_reconciled(judge: &Judge, said: &Value) -> Result<(), Stop> {
    for table in said["warehouses"][0]["tables"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let name = table["table"].as_str().unwrap_or_default();
        let category = match name {
            "audit_events" => "category",
            _ => "CAST(NULL AS STRING)",
        };
        let counted = judge.sql(&format!(
            "SELECT CAST(dt AS STRING), {category}, source, COUNT(*) FROM audit.{name} \
             WHERE dt >= '0001-01-01' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ))?;
        let partitions = table["partitions"].as_array().into_iter().flatten();
        let partitions: Vec<Value> = partitions
            .map(|it| {
                assert_eq!(it["found"], it["expected"], "{name} {it}");
                json!([it["date"], it["category"], it["source"], it["found"]])
            })
            .collect();
        assert!(!partitions.is_empty(), "{name}");
        assert_eq!(counted["rows"], Value::from(partitions), "{name}");
    }
    Ok(())
}

/// Files are loaded under the names that the ledger has for them, `date=` and all.
fn in_place() -> Result<(), Stop> {
    let (root, gcs) = double()?;
    let bigquery = BigQuery::start(root.path())?;
    let judge = judge_of(&bigquery)?;
    let lake = gcs.folder("lake").join("trailhouse");
    // The account that keeps the lake, which cannot delete or write over anything, is enough.
    let place = Place::on_double(&gcs, Account::CreateOnly);
    let mut job = Job::new(tempfile::tempdir()?, lake, platform(1, 8)?, &place)?;
    job.configure(&warehouse("bq", "audit", bigquery.url()))?;
    // Filled by the run that reads the source.
    job.ends(4, &["run"])?;
    job.ends(0, &["warehouse", "init"])?;
    job.ends(0, &["warehouse", "load"])?;
    let first = judge.assert_holds("audit", &job.lake, "loaded")?;
    job.add_source("kestra-other", 2)?;
    let run = job.ends(0, &["run"])?;
    let second = judge.assert_holds("audit", &job.lake, "run")?;
    assert!(second.0 > first.0 && second.1 > first.1, "{run:#}");
    let asked = json!({ "do": "loads", "dataset": "audit", "table": "audit_events" });
    let loads = judge.ask(&asked)?;
    let uris = loads["uris"].as_array().into_iter().flatten();
    let uris: Vec<&str> = uris.filter_map(Value::as_str).collect();
    let of_lake = |uri: &&str| uri.starts_with("gs://lake/trailhouse/events/date=");
    assert!(!uris.is_empty() && uris.iter().all(of_lake), "{uris:?}");
    job.ends(0, &["warehouse", "reconcile"])?;
    job.ends(0, &["warehouse", "status"])?;
    job.ends(0, &["status"])?;
    Ok(())
}
