//! The views in `sql/views` and the statements of the documentation, asked about the lake of the demo: what
//! views say is what plain questions say.

use super::{code, root, told, trailhouse};
use crate::docs::pages;
use crate::sql_in_docs::statements;
use serde_json::Value;
use std::fs;

struct Demo(tempfile::TempDir);

impl Demo {
    fn new() -> Self {
        Self::of("3000")
    }

    fn of(events: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = trailhouse(folder.path())
            .args(["demo", "--events", events, "--days", "5"])
            .output()
            .unwrap();
        assert_eq!(code(&demo), 0, "{}", told(&demo));
        Self(folder)
    }

    fn query(&self, arguments: &[&str]) -> Vec<Value> {
        let output = trailhouse(self.0.path())
            .args(["-c", "trailhouse-demo/trailhouse.toml", "query"])
            .args(["--format", "json"])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn view(&self, name: &str) -> Vec<Value> {
        let path = root().join("sql/views").join(format!("{name}.sql"));
        self.query(&["-f", path.to_str().unwrap()])
    }

    /// The one number that a statement gives.
    fn number(&self, sql: &str) -> u64 {
        let rows = self.query(&[&format!("SELECT {sql} AS n FROM audit_events")]);
        rows[0]["n"].as_u64().unwrap()
    }
}

fn sum(rows: &[Value], columns: &[&str]) -> u64 {
    let cells = rows
        .iter()
        .flat_map(|row| columns.iter().map(move |column| &row[*column]));
    cells.map(|cell| cell.as_u64().unwrap()).sum()
}

#[test]
fn views_say_what_plain_questions_say() {
    let demo = Demo::new();
    for file in root().join("sql/views").read_dir().unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(!demo.view(name).is_empty(), "{name}");
    }
    let failed = demo.view("failed_logins");
    assert!(!failed.is_empty());
    assert_eq!(
        sum(&failed, &["failures", "locks"]),
        demo.number("COUNTIF(category = 'authentication' AND outcome = 'failure')")
    );
    assert_eq!(
        demo.view("privilege_changes").len() as u64,
        demo.number("COUNTIF(category = 'access_control')")
    );
    assert_eq!(
        sum(&demo.view("executions_by_trigger"), &["executions"]),
        demo.number("COUNTIF(category = 'execution' AND action = 'CREATE')")
    );
    let changes = demo.view("recent_changes_by_person");
    assert!(sum(&changes, &["changes"]) >= sum(&changes, &["created", "updated", "deleted"]));
    assert!(sum(&changes, &["deleted"]) > 0);
    last_changes(&demo);
    sources(&demo);
}

/// Each workflow once, and with its last change.
fn last_changes(demo: &Demo) {
    let view = demo.view("last_workflow_change");
    let plain = demo.query(&[
        "SELECT namespace, workflow, MAX(event_time) AS event_time FROM audit_events \
         WHERE resource_type = 'FLOW' AND action != 'READ' GROUP BY namespace, workflow",
    ]);
    assert!(!view.is_empty());
    assert_eq!(view.len(), plain.len());
    for row in &view {
        let same = |other: &&Value| {
            ["namespace", "workflow", "event_time"]
                .iter()
                .all(|column| row[*column] == other[*column])
        };
        assert_eq!(plain.iter().filter(same).count(), 1, "{row}");
    }
}

fn sources(demo: &Demo) {
    let lag = demo.view("source_lag");
    assert_eq!(lag.len(), 1);
    assert_eq!(
        (&lag[0]["windows"], &lag[0]["holes"]),
        (&1.into(), &0.into())
    );
    // What is five minutes old has been read, and a test takes no hour.
    assert!((4..60).contains(&lag[0]["lag_minutes"].as_i64().unwrap()));
    let dates = demo.view("source_completeness");
    assert!(dates.len() >= 4, "{dates:?}");
    assert!(
        dates.iter().all(|date| date["complete"] == true),
        "{dates:?}"
    );
    assert_eq!(
        sum(&dates, &["events"]),
        demo.number(&format!("COUNTIF(dt <= DATE {})", dates[0]["dt"]))
    );
}

/// What the documentation shows is taken by the embedded engine. The analyzer of GoogleSQL has its say in
/// `tests/services`.
#[test]
fn statements_in_the_docs_are_answered() {
    let demo = Demo::of("200");
    let mut asked = 0;
    for page in pages() {
        for sql in statements(&fs::read_to_string(&page).unwrap()) {
            // A statement may begin with a comment, which is no option.
            demo.query(&["--", &sql]);
            asked += 1;
        }
    }
    assert!(asked >= 7, "{asked}");
}

/// Beside the rows, on stderr: how many there are, and that dates without coverage have none.
#[test]
fn a_query_says_what_its_answer_rests_on() {
    let demo = Demo::new();
    let ask = |arguments: &[&str]| {
        trailhouse(demo.0.path())
            .args(["-c", "trailhouse-demo/trailhouse.toml", "query"])
            .args(arguments)
            .output()
            .unwrap()
    };
    let stderr = |output: &std::process::Output| String::from_utf8(output.stderr.clone()).unwrap();
    let early = "SELECT dt FROM audit_events WHERE dt < '2020-01-01'";
    let none = ask(&[early]);
    assert_eq!(code(&none), 0);
    let said = stderr(&none);
    assert!(
        said.starts_with("0 rows\nno rows: coverage starts on 20"),
        "{said}"
    );
    assert!(
        said.ends_with("(kestra-demo), after the dates asked for (to 2019-12-31)\n"),
        "{said}"
    );
    assert_eq!(stderr(&ask(&[early, "-q"])), "");
    // Elsewhere than on a terminal, what is in order is not told.
    let count = ask(&["SELECT COUNT(*) FROM audit_events"]);
    assert_eq!(stderr(&count), "1 row\n");

    // A pipe that is closed ends the query without a number of rows.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = trailhouse(demo.0.path())
        .args(["-c", "trailhouse-demo/trailhouse.toml", "query"])
        .arg("SELECT * FROM audit_events")
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!((code(&closed), stderr(&closed)), (0, String::new()));
}
