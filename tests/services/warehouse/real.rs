//! The same against BigQuery itself, where somebody has said which project may be used for it.

use std::env;

use serde_json::json;

use super::judge::Judge;
use super::place::Job;
use crate::missing::{Stop, Suite};
use crate::python::Environment;

/// Project, beginning of the dataset's name, location, and a `gs://` prefix for copies.
const SETTINGS: [&str; 4] = [
    "TRAILHOUSE_BIGQUERY_PROJECT",
    "TRAILHOUSE_BIGQUERY_DATASET_PREFIX",
    "TRAILHOUSE_BIGQUERY_LOCATION",
    "TRAILHOUSE_BIGQUERY_STAGING",
];

const NAME: &str = "warehouse::bigquery_itself";

pub(crate) fn add_to(suite: &mut Suite) {
    let said = SETTINGS.map(|name| env::var(name).unwrap_or_default());
    if said.iter().all(String::is_empty) {
        suite.ignore(NAME, "TRAILHOUSE_BIGQUERY_PROJECT and the like are not set");
        return;
    }
    suite.add(NAME, move || {
        // Half of them are a mistake, not a wish to leave it out.
        let missing = SETTINGS.iter().zip(&said).find(|(_, said)| said.is_empty());
        match missing {
            Some((name, _)) => Err(Stop::Failed(format!("{name} is not set"))),
            None => bigquery_itself(said),
        }
    });
}

/// A dataset of its own, which goes with this value, whatever came of the test.
struct Dataset {
    judge: Judge,
    name: String,
}

impl Drop for Dataset {
    fn drop(&mut self) {
        let drop = json!({ "do": "drop_dataset", "dataset": self.name });
        if self.judge.ask(&drop).is_err() {
            eprintln!("the dataset {} could not be removed", self.name);
        }
    }
}

fn bigquery_itself([project, prefix, location, staging]: [String; 4]) -> Result<(), Stop> {
    let script = Environment::new("local_bigquery")?.script("warehouse_judge.py");
    let dataset = Dataset {
        judge: Judge::start(script, &[&project, &location])?,
        name: format!(
            "{prefix}{}_{}",
            chrono::Utc::now().format("%Y%m%d_%H%M%S"),
            std::process::id()
        ),
    };
    let (judge, name) = (&dataset.judge, &dataset.name);
    let mut job = Job::on_disk(8)?;
    job.ends(0, &["run"])?;
    job.configure(&format!(
        "[[warehouse]]\nname = \"bq\"\nkind = \"bigquery\"\nproject = \"{project}\"\n\
         dataset = \"{name}\"\nlocation = \"{location}\"\nauth = {{ default = true }}\n\
         staging = {{ url = \"{staging}\" }}\n"
    ))?;
    job.ends(0, &["warehouse", "init"])?;
    let again = job.ends(0, &["warehouse", "init"])?;
    assert_eq!(again["warehouses"][0]["steps"], json!([]), "{again:#}");
    job.dies("warehouse.load.after=2", &["warehouse", "load"])?;
    job.ends(0, &["run"])?;
    judge.assert_holds(name, &job.lake, "killed and run again")?;
    job.ends(0, &["warehouse", "reconcile"])?;

    // Rows that are gone, and some that are there twice, are found and mended.
    let events = format!("{name}.audit_events");
    // The service wants dates that it knows before it runs a subquery.
    let on = |choice: &str| {
        let dated = "dt > '0001-01-01'";
        format!("{dated} AND dt = (SELECT {choice}(dt) FROM {events} WHERE {dated})")
    };
    judge.change(&format!("DELETE FROM {events} WHERE {}", on("MIN")))?;
    judge.change(&format!(
        "INSERT INTO {events} SELECT * FROM {events} WHERE {}",
        on("MAX")
    ))?;
    job.ends(10, &["run"])?;
    let plan = job.plan()?;
    job.ends(0, &["warehouse", "rebuild", "--confirm", &plan])?;
    judge.assert_holds(name, &job.lake, "rebuilt")?;

    job.add_source("kestra-other", 2)?;
    job.ends(0, &["run"])?;
    judge.assert_holds(name, &job.lake, "another source")?;
    job.ends(0, &["warehouse", "reconcile"])?;
    job.ends(0, &["status"])?;
    let made = judge.ask(&json!({ "do": "describe", "dataset": name }))?;
    for (view, table) in made["tables"].as_object().into_iter().flatten() {
        if table["kind"] == "VIEW" {
            judge.sql(&format!("SELECT * FROM {name}.{view}"))?;
        }
    }
    Ok(())
}
