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

/// A hold that is in force nowhere is not placed, one whose source nobody knows is said to be, and what has
/// ended is shown as that.
#[tokio::test]
async fn holds_are_shown_as_they_decide() {
    let mut book = book().await;
    book.confirm_clock().await;
    let folder = book.path().to_owned();
    let add = |case: &str, more: &[&str]| {
        let hold = [
            "hold",
            "add",
            case,
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-03",
        ];
        run(&folder, &[&hold[..], &["--reason", "why"], more].concat())
    };
    let over = add("A", &["--until", "2026-02-01"]);
    assert_eq!(code(&over), 2, "{}", told(&over));
    assert!(
        told(&over).contains("the hold would end on 2026-02-01, which is in the past: today is")
    );
    assert_eq!(code(&add("B", &["--until", "2126-01-01"])), 0);
    let unknown = add("C", &["--source", "kestra-pord"]);
    assert_eq!(code(&unknown), 10, "{}", told(&unknown));
    assert!(
        told(&unknown)
            .contains("neither the configuration nor the ledger knows source kestra-pord")
    );
    assert!(told(&unknown).contains("protects     0 rows in 0 files today"));

    // One that has ended, as the ledger has it.
    book.catch_up().await;
    let ended = trailhouse::ledger::entry::Hold {
        case: "D".to_owned(),
        from: "2026-01-01".parse().unwrap(),
        to: "2026-01-03".parse().unwrap(),
        categories: vec![],
        sources: vec![],
        reason: "why".to_owned(),
        by: "anna".to_owned(),
        until: Some("2026-02-01".parse().unwrap()),
    };
    let body = trailhouse::ledger::entry::Body::Hold(Box::new(ended));
    let at = book.state.head.written_at;
    book.commit(&super::status::draft(at, body)).await;
    let cases = |document: &serde_json::Value, case: &str| -> Vec<String> {
        let holds = document["holds"].as_array().unwrap().iter();
        holds
            .map(|it| it.pointer(case).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    let document =
        |arguments: &[&str]| json(&run(&folder, &[&["--output", "json"], arguments].concat()));
    let list = document(&["hold", "list"]);
    assert_eq!(cases(&list, "/hold/case"), ["B", "C"]);
    assert_eq!(cases(&list, "/standing"), ["in_force", "in_force"]);
    assert_eq!(list["holds"][1]["unknown_sources"][0], "kestra-pord");
    let all = document(&["hold", "list", "--all"]);
    assert_eq!(cases(&all, "/standing"), ["in_force", "in_force", "ended"]);
    assert_eq!(all["holds"][2]["protects"]["rows"], 0);
    assert_eq!(cases(&document(&["status"]), "/hold/case"), ["B", "C"]);
    assert_eq!(
        cases(&document(&["retention", "plan"]), "/case"),
        ["B", "C"]
    );
}

#[tokio::test]
async fn a_rule_that_cannot_do_anything_is_named() {
    let book = book().await;
    let folder = book.path();
    let config = folder.join("trailhouse.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let rule = r#"
[[retention.rule]]
name = "finance"
match = { tenant = ["finance"], category = ["execution"] }
keep = "10d"
"#;
    std::fs::write(&config, text + rule).unwrap();
    let said =
        "rule finance does nothing: the earlier rule executions covers everything that it covers";
    for command in [&["status"][..], &["retention", "plan"]] {
        let output = run(folder, command);
        assert!(
            told(&output).contains(said),
            "{command:?}: {}",
            told(&output)
        );
        // No source of the configuration reads the tenant either.
        assert!(told(&output).contains("no source reads the tenant `finance`"));
        let document = json(&run(folder, &[&["--output", "json"], command].concat()));
        let findings = match command[0] {
            "status" => &document["retention"]["rule_findings"],
            _ => &document["rule_findings"],
        };
        assert_eq!(findings[0]["rule"], "finance");
        assert_eq!(findings[0]["idle"], true);
    }
    let doctor = run(folder, &["doctor"]);
    assert_eq!(code(&doctor), 10);
    assert!(
        told(&doctor).contains("found  rule finance of [retention]: the earlier rule executions")
    );
}

/// A name that stands in the ledger for good is never made up.
#[tokio::test]
async fn what_a_person_decides_names_that_person() {
    let book = book().await;
    let folder = book.path();
    let dates = ["--from", "2026-01-01", "--to", "2026-01-03"];
    let reason = ["--reason", "why"];
    for arguments in [
        vec!["retention", "apply", "--confirm", "3f9a0c1d2e4b"],
        [&["retention", "apply", "--give-up", "bq"][..], &reason].concat(),
        [&["hold", "add", "CASE-17"][..], &dates, &reason].concat(),
        [&["hold", "release", "CASE-17"][..], &reason].concat(),
    ] {
        for user in [None, Some(""), Some(" ")] {
            let mut command = trailhouse(folder);
            match user {
                None => command.env_remove("USER"),
                Some(user) => command.env("USER", user),
            };
            let output = command.args(&arguments).output().unwrap();
            assert_eq!(code(&output), 2, "{}", told(&output));
            assert!(told(&output).contains("--by"), "{}", told(&output));
        }
    }
    // Nothing is decided, so nobody is asked for.
    let output = trailhouse(folder)
        .args(["retention", "apply"])
        .env("USER", "")
        .output()
        .unwrap();
    assert!(!told(&output).contains("--by"), "{}", told(&output));
}
