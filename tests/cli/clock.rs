//! What is said of the clock, on a lake on a disk whose newest entry is months old, and how somebody
//! confirms it.

use super::retention::{book, run};
use super::{code, json, told};
use chrono::{NaiveDate, TimeDelta, Utc};
use std::path::Path;

fn confirm(folder: &Path, today: NaiveDate) -> std::process::Output {
    let today = today.to_string();
    let arguments = [
        "clock", "confirm", "--today", &today, "--reason", "holidays",
    ];
    run(folder, &arguments)
}

fn document(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    json(&run(folder, &[&["--output", "json"], arguments].concat()))
}

/// The objections in a document, which name the time now.
fn objections(document: &serde_json::Value) -> Vec<String> {
    let found = document.as_array().into_iter().flatten();
    found.map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_nothing_bears_out_is_said_everywhere_until_somebody_confirms_it() {
    let book = book().await;
    let folder = book.path();
    let today = Utc::now().date_naive();
    let shown = run(folder, &["clock", "show"]);
    assert_eq!(code(&shown), 10, "{}", told(&shown));
    let said = "days after the last time that the ledger shows (2026-01-10T00:00:00Z), and neither";
    assert!(told(&shown).contains(said), "{}", told(&shown));
    assert!(told(&shown).contains("holds end by 2026-01-10T00:00:00Z"));

    let status = document(folder, &["status"]);
    assert_eq!(status["clock"]["standing"], "unproven");
    assert_eq!(objections(&status["clock"]["objections"]).len(), 1);
    let plan = document(folder, &["retention", "plan"]);
    assert_eq!(plan["holds_as_of"], "2026-01-10");
    assert!(objections(&plan["clock"])[0].contains(said));
    let applied = run(folder, &["retention", "apply"]);
    assert_eq!(code(&applied), 8, "{}", told(&applied));
    assert!(told(&applied).contains("trailhouse clock confirm"));
    let swept = run(folder, &["sweep"]);
    assert_eq!(code(&swept), 8, "{}", told(&swept));
    let doctor = told(&run(folder, &["doctor"]));
    assert!(doctor.contains("found  clock: the clock says"), "{doctor}");

    let wrong = confirm(folder, today - TimeDelta::days(1));
    assert_eq!(code(&wrong), 2, "{}", told(&wrong));
    assert!(told(&wrong).contains("and you say"));
    let confirmed = confirm(folder, today);
    assert_eq!(code(&confirmed), 0, "{}", told(&confirmed));
    let entry = document(folder, &["clock", "show"]);
    assert_eq!(entry["clock"]["standing"], "borne_out");
    assert!(entry["clock"].get("witnesses").is_none(), "by the ledger");
    assert!(
        document(folder, &["status"])["clock"]
            .get("objections")
            .is_none()
    );
    assert!(
        document(folder, &["retention", "plan"])
            .get("clock")
            .is_none()
    );
    let swept = run(folder, &["sweep"]);
    assert_eq!(code(&swept), 0, "{}", told(&swept));
    // The rule is still one that nobody has confirmed.
    let applied = run(folder, &["retention", "apply"]);
    assert!(!told(&applied).contains("clock"), "{}", told(&applied));
}
