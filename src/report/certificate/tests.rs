mod text;

use super::*;
use crate::ledger::entry::{
    Body, Done, DoneOutcome, Entry, FileEntry, FilesExpired, Hold, Ingest, Recoverable,
    RefusedFile, Retained, Retention, Span, StatedStatistics, TableExpired, WarehouseExpired,
};
use crate::ledger::log::ReadEntry;
use crate::ledger::state::{HoldState, LiveFile, State};
use crate::policy::{Policy, Rule};
use std::collections::{BTreeMap, BTreeSet};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn read(sequence: u64, body: Body) -> ReadEntry {
    let entry = Entry {
        sequence,
        previous: None,
        run_id: "run".to_owned(),
        written_at: at("2026-05-01T00:00:00Z"),
        witnesses: Some(Vec::new()),
        writer: "trailhouse".to_owned(),
        config_sha256: Digest::of(b"config"),
        body,
    };
    ReadEntry {
        entry,
        sha256: Digest::of(&sequence.to_be_bytes()),
    }
}

fn file(day: &str, category: Option<&str>, name: &str, rows: u64) -> FileEntry {
    FileEntry {
        path: format!("{day}/{name}").into(),
        table: match category {
            Some(_) => Table::Events,
            None => Table::Quarantine,
        },
        date: date(day),
        category: category.map(Into::into),
        source: "s".into(),
        bytes: rows * 100,
        sha256: Digest::of(name.as_bytes()),
        md5: None,
        rows,
        times: None,
        records_root: Digest::of(b"root"),
        statistics: StatedStatistics::default(),
    }
}

fn ingest(sequence: u64, files: Vec<FileEntry>) -> (u64, ReadEntry) {
    let body = Body::Ingest(Box::new(Ingest {
        source: "s".to_owned(),
        platform: "kestra".to_owned(),
        batch_id: format!("batch-{sequence}"),
        schema_version: 1,
        mapping_version: 1,
        axis: None,
        imported: None,
        covered: vec![],
        reread: vec![],
        holes: vec![],
        days: vec![],
        changed: vec![],
        redaction: vec![],
        files,
    }));
    (sequence, read(sequence, body))
}

/// A part of events that takes what these entries have added, and counts so many files and rows.
fn part(day: &str, rule: &str, entries: &[(u64, u64)], files: u64, rows: u64) -> ExpiredPart {
    ExpiredPart {
        date: date(day),
        table: Table::Events,
        category: Some("execution".to_owned()),
        source: "s".to_owned(),
        tenant: None,
        rule: rule.to_owned(),
        last_day: date("2026-04-01"),
        entries: entries
            .iter()
            .map(|(from, to)| Span {
                from: *from,
                to: *to,
            })
            .collect(),
        files,
        rows,
        bytes: rows * 100,
    }
}

fn policy() -> Policy {
    let rule = |name: &str, category: &str| Rule {
        name: name.to_owned(),
        conditions: Conditions {
            category: vec![category.to_owned()],
            ..Conditions::default()
        },
        keep: Keep::Days(90),
    };
    Policy {
        rules: vec![
            rule("log-ins", "authentication"),
            rule("executions", "execution"),
        ],
        default: Keep::Days(30),
        platforms: BTreeMap::new(),
    }
}

fn decision(sequence: u64, parts: Vec<ExpiredPart>, warehouses: &[&str]) -> ReadEntry {
    let body = Body::Retention(Box::new(Retention {
        as_of: date("2026-05-01"),
        policy: policy(),
        parts,
        warehouses: warehouses.iter().map(|it| (*it).to_owned()).collect(),
        plan: "3f9a0c1d2e4b".to_owned(),
        confirmed_by: None,
    }));
    read(sequence, body)
}

fn done(sequence: u64, decision: u64, retained: Retained) -> ReadEntry {
    let outcome = DoneOutcome::Retained(Box::new(retained));
    read(sequence, Body::Done(Box::new(Done { decision, outcome })))
}

fn asked(day: Option<&str>, rule: Option<&str>) -> Asked {
    Asked {
        from: day.map(date),
        to: day.map(date),
        rule: rule.map(str::to_owned),
    }
}

fn certified(
    asked: &Asked,
    decision: &ReadEntry,
    done: &[ReadEntry],
    ingests: impl IntoIterator<Item = (u64, ReadEntry)>,
    earlier: impl IntoIterator<Item = ReadEntry>,
) -> Result<Option<CertifiedDecision>, CertificateError> {
    let earlier = earlier.into_iter();
    certify(
        asked,
        &Material {
            decision,
            done,
            ingests: &ingests.into_iter().collect(),
            earlier: &earlier.map(|it| (it.entry.sequence, it)).collect(),
            replaced: &BTreeMap::new(),
        },
    )
}

fn two_dates() -> (ReadEntry, Vec<(u64, ReadEntry)>) {
    let first = part("2026-01-01", "executions", &[(1, 2)], 2, 7);
    let second = part("2026-01-02", "default", &[(2, 2)], 1, 5);
    let ingests = vec![
        ingest(
            1,
            vec![
                file("2026-01-01", Some("execution"), "a", 3),
                file("2026-01-01", Some("authentication"), "other", 9),
            ],
        ),
        ingest(
            2,
            vec![
                file("2026-01-01", Some("execution"), "b", 4),
                file("2026-01-02", Some("execution"), "c", 5),
                file("2026-01-01", None, "unfit", 1),
            ],
        ),
        // It came after the decision.
        ingest(9, vec![file("2026-01-01", Some("execution"), "late", 1)]),
    ];
    (decision(5, vec![first, second], &["bq", "other"]), ingests)
}

#[test]
fn parts_that_were_asked_for_are_listed_and_no_others() {
    let (decision, ingests) = two_dates();
    for (asked, parts, files, whole) in [
        (asked(None, None), 2, vec!["a", "b", "c"], true),
        (asked(Some("2026-01-01"), None), 1, vec!["a", "b"], false),
        (asked(None, Some("default")), 1, vec!["c"], false),
        (asked(Some("2026-01-01"), Some("default")), 0, vec![], false),
        (asked(Some("2026-01-03"), None), 0, vec![], false),
    ] {
        let made = certified(&asked, &decision, &[], ingests.clone(), []).unwrap();
        let Some(made) = made else {
            assert_eq!(parts, 0);
            continue;
        };
        assert_eq!(made.parts.len(), parts);
        let listed = made.parts.iter().flat_map(|part| &part.files);
        let named: Vec<&str> = listed
            .map(|file| file.path.rsplit('/').next().unwrap())
            .collect();
        assert_eq!(named, files);
        assert_eq!(made.whole_decision.all_parts_listed, whole);
        assert_eq!(
            (made.whole_decision.parts, made.whole_decision.rows),
            (2, 12)
        );
        assert_eq!(made.rules.len(), parts);
    }
}

#[test]
fn a_file_names_the_entry_that_had_named_it() {
    let (decision, ingests) = two_dates();
    let asked = asked(Some("2026-01-01"), None);
    let made = certified(&asked, &decision, &[], ingests.clone(), []);
    let made = made.unwrap().unwrap();
    for (file, sequence) in made.parts[0].files.iter().zip([1, 2]) {
        assert_eq!(file.named_by.sequence, sequence);
        let (_, read) = &ingests[usize::try_from(sequence).unwrap() - 1];
        assert_eq!(file.named_by.sha256, read.sha256);
        assert_eq!(file.standing, Standing::Pending);
    }
    let [rule] = made.rules.as_slice() else {
        panic!("one rule");
    };
    assert_eq!(rule.rule, "executions");
    let conditions = rule.conditions.as_ref().unwrap();
    assert_eq!(
        (conditions.category[0].as_str(), rule.keep),
        ("execution", Keep::Days(90))
    );
    assert_eq!(made.entry.sha256, decision.sha256);
}

#[test]
fn what_was_done_is_added_up_and_what_is_left_is_named() {
    let (decision, ingests) = two_dates();
    let locked = at("2026-06-01T00:00:00Z");
    let refused = |path: &str, until| RefusedFile {
        path: path.to_owned(),
        until,
    };
    let done = [
        done(
            6,
            5,
            Retained {
                warehouses: vec![WarehouseExpired {
                    warehouse: "bq".to_owned(),
                    target: "acme.audit".to_owned(),
                    tables: vec![TableExpired {
                        table: Table::Events,
                        incarnation: 1,
                        rows: None,
                        loaded: vec![],
                    }],
                }],
                left: vec!["other".to_owned()],
                recoverable: vec![Recoverable {
                    place: "bq".to_owned(),
                    by: RecoverableBy::TimeTravel,
                    until: Some(locked),
                }],
                ..Retained::default()
            },
        ),
        done(
            7,
            5,
            Retained {
                files: Some(FilesExpired {
                    removed: 1,
                    bytes: 300,
                    hidden: 1,
                    missing: 0,
                    refused: vec![
                        refused("2026-01-01/b", Some(locked)),
                        refused("2026-01-02/c", None),
                    ],
                }),
                ..Retained::default()
            },
        ),
        done(
            8,
            5,
            Retained {
                files: Some(FilesExpired {
                    missing: 1,
                    refused: vec![refused("2026-01-02/c", None)],
                    ..FilesExpired::default()
                }),
                ..Retained::default()
            },
        ),
    ];
    let everything = asked(None, None);
    // So far as entry 7 says, and all of it.
    for (until, standing, left) in [
        (
            2,
            [
                Standing::Gone,
                Standing::Refused {
                    until: Some(locked),
                },
            ],
            2,
        ),
        (3, [Standing::Gone, Standing::Gone], 1),
    ] {
        let made = certified(&everything, &decision, &done[..until], ingests.clone(), []);
        let made = made.unwrap().unwrap();
        let files = made.parts[0].files.iter().map(|file| file.standing);
        assert_eq!(files.collect::<Vec<_>>(), standing);
        let last = made.parts[1].files[0].standing;
        assert_eq!(last, Standing::Refused { until: None });
        let whole = &made.whole_decision;
        let pending = whole.pending.as_ref().unwrap();
        assert_eq!((&*pending.warehouses[0], pending.files), ("other", left));
        assert_eq!(whole.done.len(), until);
        assert_eq!(whole.warehouses[0].tables[0].rows, None);
        let removal = whole.removal.as_ref().unwrap();
        assert_eq!((removal.removed, removal.hidden), (1, 1));
        assert_eq!((removal.missing, removal.refused), (until as u64 - 2, left));
        assert_eq!(whole.recoverable[0].done, 6);
    }
}

/// The span of the part runs over entry 2, of which an earlier decision took the files.
#[test]
fn what_an_earlier_decision_took_is_not_certified_twice() {
    let ingests = || {
        [1, 2, 3].map(|sequence| {
            let name = format!("f{sequence}");
            ingest(
                sequence,
                vec![file("2026-01-01", Some("execution"), &name, 2)],
            )
        })
    };
    let earlier = decision(4, vec![part("2026-01-01", "log-ins", &[(2, 2)], 1, 2)], &[]);
    let later = decision(
        5,
        vec![part("2026-01-01", "executions", &[(1, 3), (3, 3)], 2, 4)],
        &[],
    );
    let everything = asked(None, None);
    let made = certified(&everything, &later, &[], ingests(), [earlier.clone()]);
    let made = made.unwrap().unwrap();
    let paths = made.parts[0].files.iter().map(|file| file.path.as_str());
    assert_eq!(
        paths.collect::<Vec<_>>(),
        ["2026-01-01/f1", "2026-01-01/f3"]
    );
    // Itself and what came after it are not earlier.
    let made = certified(
        &everything,
        &earlier,
        &[],
        ingests(),
        [earlier.clone(), later.clone()],
    );
    assert_eq!(made.unwrap().unwrap().parts[0].files.len(), 1);
    // Nobody is told of a number of files that is not that of the decision.
    let error = certified(&everything, &later, &[], ingests(), []).unwrap_err();
    assert!(
        matches!(error, CertificateError::Files { sequence: 5, .. }),
        "{error}"
    );
}

#[test]
fn entries_that_are_something_else_are_refused() {
    let (decision, ingests) = two_dates();
    let everything = asked(None, None);
    let refused = |decision: &ReadEntry, done: &[ReadEntry], ingests: Vec<(u64, ReadEntry)>| {
        certified(&everything, decision, done, ingests, []).unwrap_err()
    };
    let of_another = done(6, 4, Retained::default());
    let rebuilt = read(
        6,
        Body::Done(Box::new(Done {
            decision: 5,
            outcome: DoneOutcome::Void,
        })),
    );
    let mut mixed = ingests.clone();
    mixed[0].1 = of_another.clone();
    for error in [
        refused(&of_another, &[], ingests.clone()),
        refused(&decision, &[of_another], ingests.clone()),
        refused(&decision, &[rebuilt], ingests.clone()),
        refused(&decision, &[], mixed),
    ] {
        assert!(matches!(error, CertificateError::Entry { .. }), "{error}");
    }
    // One is missing.
    let error = refused(&decision, &[], ingests[1..].to_vec());
    assert!(matches!(error, CertificateError::Files { .. }), "{error}");
}

#[test]
fn what_stays_is_said_of_the_dates_that_were_asked_for() {
    let mut state = State::empty();
    for (day, category, name) in [
        ("2026-01-01", Some("execution"), "a"),
        ("2026-01-01", None, "b"),
        ("2026-01-02", Some("execution"), "c"),
    ] {
        let file = file(day, category, name, 3);
        let files = state.files.entry(file.date).or_default();
        files.push(LiveFile { sequence: 1, file });
    }
    let hold = Hold {
        case: "CASE-17".to_owned(),
        from: date("2026-01-01"),
        to: date("2026-01-01"),
        categories: vec![],
        sources: vec![],
        reason: "why".to_owned(),
        by: "anna".to_owned(),
        until: None,
    };
    let held = HoldState {
        hold,
        at: at("2026-01-01T00:00:00Z"),
        released: None,
    };
    state.holds.insert(1, held);
    let today = date("2026-05-01");
    let stays = |asked: &Asked, parts: &[&str]| {
        let parts: BTreeSet<NaiveDate> = parts.iter().map(|day| date(day)).collect();
        staying(&state, asked, &parts, today)
    };
    let first = stays(&asked(Some("2026-01-01"), None), &[]);
    assert_eq!(first.len(), 2);
    assert_eq!(first[1].table, Table::Quarantine);
    assert_eq!(
        (first[0].rows, &*first[0].held_by),
        (3, &["CASE-17".to_owned()][..])
    );
    let by_rule = stays(
        &asked(None, Some("executions")),
        &["2026-01-02", "2026-01-05"],
    );
    assert_eq!(by_rule.len(), 1);
    assert!(by_rule[0].held_by.is_empty());
}
