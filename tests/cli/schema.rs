//! `schema` and `completions`: what documents itself.

use super::{code, json, root, trailhouse};

fn text(args: &[&str]) -> String {
    let output = trailhouse(root()).args(args).output().unwrap();
    assert_eq!(code(&output), 0);
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn tables_for_people() {
    insta::assert_snapshot!("config", text(&["schema", "config"]));
    insta::assert_snapshot!("events", text(&["schema", "events"]));
}

#[test]
fn documents_for_programs() {
    let output = trailhouse(root())
        .args(["schema", "config", "--output", "json"])
        .output()
        .unwrap();
    assert_eq!(json(&output), trailhouse::config::json_schema());
    let output = trailhouse(root())
        .args(["schema", "events", "--output", "json"])
        .output()
        .unwrap();
    let json = json(&output);
    assert_eq!(json["schema_version"], 1);
    let first = &json["tables"]["audit_events"][0];
    assert_eq!(first["name"], "event_uid");
    assert_eq!(first["type"], "STRING");
    assert_eq!(first["required"], true);
    assert_eq!(first["classification"], "public");
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&["completions", shell]);
        assert!(
            script.contains("trailhouse") && script.contains("TRAILHOUSE_COMPLETE"),
            "{shell}"
        );
    }
    let output = trailhouse(root())
        .args(["completions", "bash", "--output", "json"])
        .output()
        .unwrap();
    assert_eq!(json(&output)["shell"], "bash");
}
