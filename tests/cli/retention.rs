//! Holds and plans of retention, on a lake whose ledger was written by hand.

use super::status::Book;
use super::{code, json, told, trailhouse};
use secrecy::ExposeSecret as _;
use std::path::Path;
use std::process::Output;
use trailhouse::ledger::key::SigningKey;

const RULES: &str = r#"
[retention]
default = "30d"

[[retention.rule]]
name = "executions"
match = { category = ["execution"] }
keep = "90d"
"#;

/// A lake with two dates, and a configuration that may write to it.
pub(super) async fn book() -> Book {
    let mut book = Book::open().await;
    book.add("2026-01-01", 10, true).await;
    book.add("2026-01-05", 4, true).await;
    let key = SigningKey::from_seed("test/writer", &[1; 32]).unwrap();
    let key = key.to_note_private();
    let file = book.path().join("lake.key");
    std::fs::write(&file, key.expose_secret()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let config = book.path().join("trailhouse.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[signing]", "[signing]\nkey = { file = \"lake.key\" }");
    std::fs::write(&config, text + RULES).unwrap();
    book
}

pub(super) fn run(folder: &Path, arguments: &[&str]) -> Output {
    trailhouse(folder)
        .args(arguments)
        .env("USER", "anna")
        .output()
        .unwrap()
}

fn plan(folder: &Path, as_of: &str) -> serde_json::Value {
    let arguments = ["--output", "json", "retention", "plan", "--as-of", as_of];
    let output = run(folder, &arguments);
    assert_eq!(code(&output), 0, "{}", told(&output));
    json(&output)
}

#[tokio::test]
async fn a_plan_says_what_is_due_and_a_hold_keeps_it() {
    let book = book().await;
    let folder = book.path();
    // The category says nothing, so the longest rule that could be about it counts.
    assert_eq!(
        plan(folder, "2026-04-01")["due"].as_array().unwrap().len(),
        0
    );
    let due = plan(folder, "2026-04-02");
    assert_eq!(due["due"][0]["date"], "2026-01-01");
    assert_eq!(due["due"][0]["rule"], "executions");
    assert_eq!(due["rules"][0]["next_due"], "2026-04-06");
    let shown = run(folder, &["retention", "plan", "--as-of", "2026-04-02"]);
    // The id is that of the lake, too, which nobody chooses.
    let shown = told(&shown).replace(due["plan"].as_str().unwrap(), "<plan>");
    insta::assert_snapshot!("plan", shown);

    let dates = ["--from", "2026-01-01", "--to", "2026-01-03"];
    let reason = ["--reason", "letter of 2 April"];
    let add = [&["hold", "add", "CASE-17"][..], &dates, &reason].concat();
    let added = run(folder, &add);
    insta::assert_snapshot!("hold-add", told(&added));
    let held = plan(folder, "2026-04-10");
    assert_eq!(held["held"][0]["cases"][0], "CASE-17");
    assert_eq!(held["held"][0]["date"], "2026-01-01");
    assert_eq!(held["due"][0]["date"], "2026-01-05");
    let listed = json(&run(folder, &["--output", "json", "hold", "list"]));
    assert_eq!(listed["holds"][0]["hold"]["by"], "anna");
    assert_eq!(listed["holds"][0]["protects"]["rows"], 10);
    let status = json(&run(folder, &["--output", "json", "status"]));
    assert_eq!(status["holds"][0]["hold"]["case"], "CASE-17");
    assert_eq!(status["retention"]["held_rows"], 10);
    let verified = run(
        folder,
        &["verify", "--copy", "lake", "--public-key", "lake.pub"],
    );
    // The files were never there; everything that the ledger says by itself is right.
    assert!(!told(&verified).contains("INV-"), "{}", told(&verified));

    let released = run(
        folder,
        &["hold", "release", "CASE-17", "--reason", "settled"],
    );
    assert_eq!(code(&released), 0, "{}", told(&released));
    assert_eq!(
        plan(folder, "2026-04-10")["held"].as_array().unwrap().len(),
        0
    );
    let none = json(&run(folder, &["--output", "json", "hold", "list"]));
    assert_eq!(none["holds"].as_array().unwrap().len(), 0);
    let all = json(&run(folder, &["--output", "json", "hold", "list", "--all"]));
    assert_eq!(all["holds"][0]["released"]["reason"], "settled");
}

#[tokio::test]
async fn what_cannot_be_held_or_released_is_refused_in_words() {
    let book = book().await;
    let folder = book.path();
    let hold = [
        "hold",
        "add",
        "A",
        "--from",
        "2026-02-02",
        "--to",
        "2026-02-01",
    ];
    for (name, arguments) in [
        ("dates", [&hold[..], &["--reason", "why"]].concat()),
        (
            "category",
            [
                &hold[..6],
                &["2026-02-03", "--reason", "why", "--category", "executions"],
            ]
            .concat(),
        ),
        ("release", vec!["hold", "release", "A", "--reason", "why"]),
    ] {
        let refused = run(folder, &arguments);
        assert_eq!(code(&refused), 2, "{name}: {}", told(&refused));
        insta::assert_snapshot!(format!("refused-{name}"), told(&refused));
    }
}

/// Whoever only reads can plan, and cannot hold.
#[tokio::test]
async fn a_hold_needs_the_signing_key() {
    let book = book().await;
    let folder = book.path();
    std::fs::remove_file(folder.join("lake.key")).unwrap();
    plan(folder, "2026-04-02");
    let dates = [
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-03",
        "--reason",
        "why",
    ];
    let refused = run(folder, &[&["hold", "add", "A"][..], &dates].concat());
    assert_eq!(code(&refused), 2, "{}", told(&refused));
}
