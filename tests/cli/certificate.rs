//! Certificates of retention, on a lake whose ledger was written by hand.

use super::retention::{book, run};
use super::status::{Book, at, draft};
use super::{code, json, told};
use std::path::Path;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::entry::{
    Body, Done, DoneOutcome, FilesExpired, Hold, Recoverable, RecoverableBy, RefusedFile, Retained,
    Retention, Span, TableExpired, WarehouseExpired,
};
use trailhouse::policy::{AsOf, Conditions, Keep, Policy, Rule};
use trailhouse::retention::plan;

const DECIDED: &str = "2026-04-02T05:00:00Z";

fn policy() -> Policy {
    Policy {
        rules: vec![Rule {
            name: "executions".to_owned(),
            conditions: Conditions {
                category: vec!["execution".to_owned()],
                ..Conditions::default()
            },
            keep: Keep::Days(90),
        }],
        default: Keep::Days(30),
        platforms: [("kestra-prod".to_owned(), "kestra".to_owned())].into(),
    }
}

/// Decides what is due, as `retention apply` does when somebody has confirmed it.
async fn decide(book: &mut Book, written_at: &str) -> u64 {
    let as_of = at(written_at).date_naive();
    let due = plan(&book.state, &policy(), AsOf::date(as_of)).due;
    let decision = Body::Retention(Box::new(Retention {
        as_of,
        policy: policy(),
        parts: due,
        warehouses: vec!["bq".to_owned()],
        plan: "3f9a0c1d2e4b".to_owned(),
        confirmed_by: Some("anna".to_owned()),
    }));
    book.commit(&draft(at(written_at), decision)).await;
    book.state.head.sequence
}

async fn done(book: &mut Book, decision: u64, written_at: &str, retained: Retained) {
    let outcome = DoneOutcome::Retained(Box::new(retained));
    let body = Body::Done(Box::new(Done { decision, outcome }));
    book.commit(&draft(at(written_at), body)).await;
}

fn emptied(rows: Option<u64>) -> Retained {
    Retained {
        warehouses: vec![WarehouseExpired {
            warehouse: "bq".to_owned(),
            target: "acme-prod.audit".to_owned(),
            tables: vec![TableExpired {
                table: Table::Events,
                incarnation: 1_767_323_045_678,
                rows,
                loaded: vec![Span { from: 1, to: 2 }],
            }],
        }],
        recoverable: vec![Recoverable {
            place: "bq".to_owned(),
            by: RecoverableBy::TimeTravel,
            until: Some(at("2026-04-09T05:00:10Z")),
        }],
        ..Retained::default()
    }
}

fn removed(removed: u64, refused: Vec<RefusedFile>) -> Retained {
    Retained {
        files: Some(FilesExpired {
            removed,
            bytes: removed << 20,
            hidden: removed,
            missing: 0,
            refused,
        }),
        recoverable: vec![Recoverable {
            place: "lake".to_owned(),
            by: RecoverableBy::Versions,
            until: None,
        }],
        ..Retained::default()
    }
}

/// A ledger with a decision about both dates that was carried out, and records of another category that came after it.
async fn carried_out() -> Book {
    carried_out_in(book().await).await
}

async fn carried_out_in(mut book: Book) -> Book {
    let decision = decide(&mut book, "2026-04-10T05:00:00Z").await;
    done(&mut book, decision, "2026-04-10T05:00:10Z", emptied(None)).await;
    done(
        &mut book,
        decision,
        "2026-04-10T05:00:20Z",
        removed(2, vec![]),
    )
    .await;
    assert!(book.state.retention.open.is_empty());
    book
}

/// What differs from one run of the test to the next.
fn plain(text: &str, book: &Book) -> String {
    let text = text.replace(&book.state.lake_id, "LAKE ID");
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with("made ") {
            return "  made         NOW".to_owned();
        }
        let word = |word: &str| {
            let digest = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if digest {
                "SHA256".to_owned()
            } else {
                word.to_owned()
            }
        };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Makes the certificate of a date, in the file `one`.
fn certify_one(folder: &Path) {
    let date = ["--date", "2026-01-01"];
    let make = [&["retention", "certificate"], &date[..], &["-o", "one"]].concat();
    assert_eq!(code(&run(folder, &make)), 0);
}

fn check(folder: &Path, file: &str, more: &[&str]) -> std::process::Output {
    let check = ["retention", "certificate", "--check", file];
    run(
        folder,
        &[&check[..], &["--public-key", "lake.pub"], more].concat(),
    )
}

#[tokio::test]
async fn a_certificate_is_made_and_read_by_whoever_has_the_key() {
    let mut book = carried_out().await;
    book.add_as("2026-01-01", "execution", 3, false).await;
    let folder = book.path();
    let make = ["retention", "certificate", "--date", "2026-01-01"];
    let made = run(folder, &[&make[..], &["-o", "one.certificate"]].concat());
    assert_eq!(code(&made), 0, "{}", told(&made));
    insta::assert_snapshot!("made", plain(&told(&made), &book));

    // Offline and without a configuration.
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["one.certificate", "lake.pub"] {
        std::fs::copy(folder.join(name), elsewhere.path().join(name)).unwrap();
    }
    let checked = check(elsewhere.path(), "one.certificate", &[]);
    assert_eq!(code(&checked), 0, "{}", told(&checked));
    insta::assert_snapshot!("checked", plain(&told(&checked), &book));
    let document = json(&check(
        elsewhere.path(),
        "one.certificate",
        &["--output", "json"],
    ));
    let certificate = &document["certificate"];
    assert_eq!(certificate["lake_id"], book.state.lake_id);
    assert_eq!(certificate["head"]["sequence"], book.state.head.sequence);
    assert_eq!(
        certificate["head"]["sha256"],
        book.state.head.sha256.to_string()
    );
    let decision = &certificate["decisions"][0];
    assert_eq!(decision["whole_decision"]["all_parts_listed"], false);
    assert_eq!(
        decision["whole_decision"]["warehouses"][0]["tables"][0]["rows"],
        "unknown"
    );
    assert_eq!(decision["parts"][0]["files"][0]["standing"], "gone");
    assert_eq!(certificate["stays"][0]["rows"], 3);

    let again = check(folder, "one.certificate", &["--against-ledger"]);
    assert_eq!(code(&again), 0, "{}", told(&again));
    assert!(told(&again).contains("its entries say the same"));

    let refused = run(folder, &[&make[..], &["-o", "one.certificate"]].concat());
    assert_eq!(code(&refused), 2);
    insta::assert_snapshot!("exists", told(&refused));
    let forced = [&make[..], &["-o", "one.certificate", "--force"]].concat();
    assert_eq!(code(&run(folder, &forced)), 0);
}

/// The note itself on stdout is what a file would hold.
#[tokio::test]
async fn without_a_file_the_note_goes_to_stdout_as_it_is() {
    let book = carried_out().await;
    let folder = book.path();
    let make = ["retention", "certificate", "--rule", "executions"];
    let made = run(folder, &make);
    assert_eq!(code(&made), 0, "{}", told(&made));
    assert!(made.stderr.is_empty());
    std::fs::write(folder.join("piped"), &made.stdout).unwrap();
    assert_eq!(code(&check(folder, "piped", &["--against-ledger"])), 0);
    let document = json(&run(folder, &[&["--output", "json"], &make[..]].concat()));
    let note = document["note"].as_str().unwrap();
    std::fs::write(folder.join("from-json"), note).unwrap();
    assert_eq!(code(&check(folder, "from-json", &[])), 0);
    let first = note.lines().next().unwrap();
    let said: serde_json::Value = serde_json::from_str(first).unwrap();
    assert_eq!(said, document["certificate"]);
    assert_eq!(said["type"], "trailhouse retention certificate");
    assert_eq!(
        said["decisions"][0]["whole_decision"]["all_parts_listed"],
        true
    );
}

/// Twice by the program itself: what came late for a date goes by a decision of its own.
#[tokio::test]
async fn what_apply_has_deleted_is_certified() {
    let mut book = book().await;
    for late in [false, true] {
        if late {
            book.add_as("2026-01-01", "execution", 3, false).await;
        }
        let paths = book
            .state
            .live_files()
            .map(|live| live.file.path.to_string());
        for path in paths.collect::<Vec<_>>() {
            let path = book.path().join("lake").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "rows").unwrap();
        }
        let plan = json(&run(
            book.path(),
            &["--output", "json", "retention", "plan"],
        ));
        let id = plan["plan"].as_str().unwrap();
        let applied = run(book.path(), &["retention", "apply", "--confirm", id]);
        assert_eq!(code(&applied), 0, "{}", told(&applied));
        book.catch_up().await;
    }
    let make = [
        "--output",
        "json",
        "retention",
        "certificate",
        "--date",
        "2026-01-01",
    ];
    let made = json(&run(book.path(), &make));
    let decisions = made["certificate"]["decisions"].as_array().unwrap();
    let rows = decisions.iter().map(|decision| {
        let whole = &decision["whole_decision"];
        assert!(whole.get("pending").is_none(), "{decision}");
        assert_eq!(whole["removal"]["removed"], whole["files"]);
        assert_eq!(decision["confirmed_by"], "anna");
        decision["parts"][0]["rows"].as_u64().unwrap()
    });
    assert_eq!(rows.collect::<Vec<_>>(), [10, 3]);
    assert!(made["certificate"].get("stays").is_none());
    certify_one(book.path());
    let compared = check(book.path(), "one", &["--against-ledger"]);
    assert_eq!(code(&compared), 0, "{}", told(&compared));
}

#[tokio::test]
async fn a_certificate_of_an_experiment_says_that_it_proves_nothing() {
    let mut book = Book::open_unsigned().await;
    book.add("2026-01-01", 10, true).await;
    let book = carried_out_in(book).await;
    let make = ["retention", "certificate", "--date", "2026-01-01"];
    let piped = run(book.path(), &make);
    assert_eq!(code(&piped), 0, "{}", told(&piped));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("UNSIGNED"));
    assert!(piped.stdout.ends_with(b"}\n\n"));
    let made = run(book.path(), &[&make[..], &["-o", "one"]].concat());
    assert!(told(&made).contains("UNSIGNED"), "{}", told(&made));
    assert_eq!(code(&check(book.path(), "one", &[])), 6);
}

#[tokio::test]
async fn a_decision_that_is_open_is_certified_as_that() {
    let mut book = book().await;
    let decision = decide(&mut book, "2026-04-10T05:00:00Z").await;
    let before = ["retention", "certificate", "--to", "2026-01-31"];
    let made = run(book.path(), &[&before[..], &["-o", "open"]].concat());
    insta::assert_snapshot!("made-open", plain(&told(&made), &book));
    let refused = book.state.retention.open[&decision].files[1]
        .file
        .path
        .to_string();
    let locked = vec![RefusedFile {
        path: refused,
        until: Some(at("2026-07-01T00:00:00Z")),
    }];
    done(
        &mut book,
        decision,
        "2026-04-10T05:00:20Z",
        removed(1, locked),
    )
    .await;
    let make = [
        "retention",
        "certificate",
        "--from",
        "2026-01-05",
        "-o",
        "locked",
    ];
    assert_eq!(code(&run(book.path(), &make)), 0);
    insta::assert_snapshot!(
        "checked-open",
        plain(&told(&check(book.path(), "locked", &[])), &book)
    );
    // The first one speaks of its own time, which the ledger still tells.
    for file in ["open", "locked"] {
        let compared = check(book.path(), file, &["--against-ledger"]);
        assert_eq!(code(&compared), 0, "{}", told(&compared));
    }
}

#[tokio::test]
async fn nothing_is_certified_that_was_not_decided() {
    let mut book = book().await;
    let hold = Body::Hold(Box::new(Hold {
        case: "CASE-17".to_owned(),
        from: "2026-01-05".parse().unwrap(),
        to: "2026-01-05".parse().unwrap(),
        categories: vec![],
        sources: vec![],
        reason: "letter of 2 April".to_owned(),
        by: "anna".to_owned(),
        until: None,
    }));
    fn make<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["retention", "certificate"], more].concat()
    }
    let none = run(book.path(), &make(&["--date", "2026-01-01"]));
    assert_eq!(code(&none), 2);
    insta::assert_snapshot!("none-ever", told(&none));
    book.commit(&draft(at(DECIDED), hold)).await;
    decide(&mut book, "2026-04-10T05:00:00Z").await;
    for (name, asked) in [
        ("held", &["--date", "2026-01-05"][..]),
        ("rule", &["--date", "2026-01-01", "--rule", "default"]),
        ("other-rule", &["--rule", "log-ins"]),
        ("no-rows", &["--from", "2020-01-01", "--to", "2020-12-31"]),
        ("dates", &["--date", "2026-01-01", "--from", "2026-01-02"]),
    ] {
        let refused = run(book.path(), &make(asked));
        assert_eq!(code(&refused), 2, "{name}: {}", told(&refused));
        insta::assert_snapshot!(format!("none-{name}"), told(&refused));
    }
    let document = json(&run(
        book.path(),
        &[&["--output", "json"], &*make(&["--date", "2026-01-05"])].concat(),
    ));
    assert_eq!(document["exit_code"], 2);
}

#[tokio::test]
async fn what_was_altered_or_is_none_is_refused() {
    let book = carried_out().await;
    let folder = book.path();
    certify_one(folder);
    let note = std::fs::read_to_string(folder.join("one")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("altered", &note.replace("\"rows\":10", "\"rows\":11"));
    write("bare", &format!("{}\n\n", note.lines().next().unwrap()));
    write("junk", "junk");
    let other = trailhouse::ledger::key::SigningKey::from_seed("test/writer", &[2; 32]).unwrap();
    let line = format!("{}\n", note.lines().next().unwrap());
    write(
        "foreign",
        &trailhouse::ledger::note::sign(line, Some(&other)).unwrap(),
    );
    for name in ["altered", "bare", "junk", "foreign"] {
        let refused = check(folder, name, &[]);
        assert_eq!(code(&refused), 6, "{name}: {}", told(&refused));
        insta::assert_snapshot!(format!("refused-{name}"), told(&refused));
    }
    let entry = "lake/ledger/entry/00000000000000000001.note";
    let refused = check(folder, entry, &[]);
    assert_eq!(code(&refused), 2, "{}", told(&refused));
    insta::assert_snapshot!("refused-entry", told(&refused));
    assert_eq!(code(&check(folder, "nowhere", &[])), 2);
    for arguments in [
        &["retention", "certificate"][..],
        &["retention", "certificate", "--check", "one"],
        &[
            "retention",
            "certificate",
            "--date",
            "2026-01-01",
            "--force",
        ],
        &[
            "retention",
            "certificate",
            "--rule",
            "x",
            "--public-key",
            "lake.pub",
        ],
    ] {
        assert_eq!(code(&run(folder, arguments)), 2, "{arguments:?}");
    }
}

/// A ledger that was exchanged for another, or cut off, is not the one of the certificate.
#[tokio::test]
async fn another_ledger_does_not_say_the_same() {
    let book = carried_out().await;
    certify_one(book.path());
    let other = carried_out().await;
    std::fs::copy(book.path().join("one"), other.path().join("one")).unwrap();
    let refused = check(other.path(), "one", &["--against-ledger"]);
    assert_eq!(code(&refused), 6, "{}", told(&refused));
    assert!(
        told(&refused).contains("it is for lake"),
        "{}",
        told(&refused)
    );

    let entries = book.path().join("lake/ledger/entry");
    let newest = format!("{:020}.note", book.state.head.sequence);
    std::fs::remove_file(entries.join(newest)).unwrap();
    let refused = check(book.path(), "one", &["--against-ledger"]);
    assert_eq!(code(&refused), 6, "{}", told(&refused));
    assert!(
        told(&refused).contains("the ledger ends at"),
        "{}",
        told(&refused)
    );
}

#[tokio::test]
async fn who_only_reads_makes_no_certificate() {
    let book = carried_out().await;
    std::fs::remove_file(book.path().join("lake.key")).unwrap();
    let make = ["retention", "certificate", "--date", "2026-01-01"];
    let refused = run(book.path(), &make);
    assert_eq!(code(&refused), 2, "{}", told(&refused));
    let config = book.path().join("trailhouse.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("key = { file = \"lake.key\" }\n", "");
    std::fs::write(&config, text).unwrap();
    let refused = run(book.path(), &make);
    assert_eq!(code(&refused), 2, "{}", told(&refused));
    insta::assert_snapshot!("no-key", told(&refused));
}
