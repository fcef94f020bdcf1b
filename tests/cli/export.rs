//! `export` over the lake of the demo: a selection, whole, in the form that was asked for.

use super::{code, told, trailhouse};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = trailhouse(folder.path())
        .args(["demo", "--events", "2000", "--days", "5"])
        .output()
        .unwrap();
    assert_eq!(code(&demo), 0, "{}", told(&demo));
    folder
}

fn ask(folder: &Path, command: &str, arguments: &[&str]) -> Output {
    trailhouse(folder)
        .args(["-c", "trailhouse-demo/trailhouse.toml", command])
        .args(arguments)
        .output()
        .unwrap()
}

fn number(folder: &Path, condition: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) AS n FROM audit_events WHERE {condition}");
    let output = ask(folder, "query", &["--format", "json", &sql]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    rows[0]["n"].as_u64().unwrap()
}

fn documents(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn exactly_the_selected_events_are_exported() {
    let demo = demo();
    let folder = demo.path();
    for (arguments, condition) in [
        (&[][..], "TRUE"),
        (
            &["--category", "authentication", "--outcome", "failure"][..],
            "category = 'authentication' AND outcome = 'failure'",
        ),
        (
            &["--category", "execution", "--category", "access_control"][..],
            "category IN ('execution', 'access_control')",
        ),
        (
            &[
                "--sql",
                "SELECT * FROM audit_events WHERE action = 'CREATE'",
            ][..],
            "action = 'CREATE'",
        ),
    ] {
        let arguments = [&["--format", "ocsf"], arguments].concat();
        let output = ask(folder, "export", &arguments);
        assert_eq!(code(&output), 0, "{}", told(&output));
        let found = documents(&output.stdout);
        assert_eq!(
            found.len() as u64,
            number(folder, condition),
            "{arguments:?}"
        );
        for document in &found {
            assert_eq!(document["metadata"]["version"], "1.8.0");
            assert_eq!(document["metadata"]["product"]["name"], "Kestra");
        }
    }
}

#[test]
fn a_file_appears_whole_and_is_not_replaced_unasked() {
    let demo = demo();
    let folder = demo.path();
    let arguments = ["--format", "ocsf", "-o", "events.ndjson"];
    let output = ask(folder, "export", &arguments);
    assert_eq!(code(&output), 0, "{}", told(&output));
    assert!(output.stdout.is_empty());
    let exported = fs::read(folder.join("events.ndjson")).unwrap();
    assert_eq!(documents(&exported).len() as u64, number(folder, "TRUE"));
    let again = ask(folder, "export", &arguments);
    assert_eq!(code(&again), 2, "{}", told(&again));
    assert!(told(&again).contains("events.ndjson` already exists"));
    // What fails leaves what was there, and nothing beside it.
    let wrong = ["--format", "ocsf", "--force", "-o", "events.ndjson"];
    let sql = ["--sql", "SELECT dt FROM audit_events"];
    let failed = ask(folder, "export", &[&wrong[..], &sql[..]].concat());
    assert_eq!(code(&failed), 2, "{}", told(&failed));
    assert!(told(&failed).contains("the rows have no column event_uid"));
    assert_eq!(fs::read(folder.join("events.ndjson")).unwrap(), exported);
    let names = folder.read_dir().unwrap();
    let left = names.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("events.ndjson")
    });
    assert_eq!(left.count(), 1);
    let replaced = ask(folder, "export", &wrong);
    assert_eq!(code(&replaced), 0, "{}", told(&replaced));
}
