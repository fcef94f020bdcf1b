//! Certificates as files, and what they rest on in the ledger.

use crate::golden;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, Done, DoneOutcome, Entry, ExpiredPart, FileEntry, FilesExpired, Ingest, Receipt,
    Recoverable, RecoverableBy, RefusedFile, Retained, Retention, Span, StatedStatistics,
    TableExpired, Trust, WarehouseExpired,
};
use trailhouse::ledger::log::{EntryDraft, Founding, Log, ReadEntry};
use trailhouse::ledger::state::State;
use trailhouse::policy::{Conditions, Keep, Policy, Rule};
use trailhouse::report::certificate::{
    Asked, Certificate, CertificateType, EntryRef, FORMAT_VERSION, Material, Stays, certify,
};
use trailhouse::store::Bucket;

fn read(sequence: u64, body: Body) -> ReadEntry {
    let entry = Entry {
        sequence,
        previous: None,
        run_id: "20260410T050000Z-0a0b0c0d".into(),
        written_at: "2026-04-10T05:00:00.25Z".parse().unwrap(),
        witnesses: Some(Vec::new()),
        writer: "trailhouse 0.1.0".into(),
        config_sha256: Digest::of(b"a configuration"),
        body,
    };
    // The golden certificate names the digests of entries that name no witness.
    let file = entry.encode(Some(&golden::key())).unwrap();
    let line = format!("{}\n", file.lines().next().unwrap());
    let line = line.replace("\"witnesses\":[],", "");
    let file = trailhouse::ledger::note::sign(line, Some(&golden::key())).unwrap();
    ReadEntry {
        entry,
        sha256: Digest::of(file.as_bytes()),
    }
}

fn ingest(sequence: u64, category: Option<&str>, rows: u64) -> (u64, ReadEntry) {
    let folder = match category {
        Some(category) => format!("events/date=2026-01-01/cat={category}"),
        None => "quarantine/date=2026-01-01".to_owned(),
    };
    let path =
        format!("{folder}/src=kestra-prod/20260102T030405Z-0a0b0c0d-{sequence:05}-000.parquet");
    let body = Body::Ingest(Box::new(Ingest {
        source: "kestra-prod".into(),
        platform: "kestra".into(),
        batch_id: format!("20260102T030405Z-0a0b0c0d-{sequence:05}"),
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
        files: vec![FileEntry {
            table: match category {
                Some(_) => Table::Events,
                None => Table::Quarantine,
            },
            date: "2026-01-01".parse().unwrap(),
            category: category.map(Into::into),
            source: "kestra-prod".into(),
            bytes: 4096,
            sha256: Digest::of(path.as_bytes()),
            md5: None,
            rows,
            times: None,
            records_root: Digest::of(b"root"),
            statistics: StatedStatistics::default(),
            path: path.into(),
        }],
    }));
    (sequence, read(sequence, body))
}

fn retention() -> Body {
    let part = |table, category: Option<&str>, rule: &str, sequence, rows| ExpiredPart {
        date: "2026-01-01".parse().unwrap(),
        table,
        category: category.map(str::to_owned),
        source: "kestra-prod".into(),
        tenant: category.map(|_| "main".to_owned()),
        rule: rule.into(),
        last_day: "2026-04-01".parse().unwrap(),
        entries: vec![Span {
            from: sequence,
            to: sequence,
        }],
        files: 1,
        rows,
        bytes: 4096,
    };
    let mut elsewhere = part(Table::Events, Some("execution"), "executions", 3, 5);
    elsewhere.date = "2026-01-02".parse().unwrap();
    Body::Retention(Box::new(Retention {
        as_of: "2026-04-10".parse().unwrap(),
        policy: Policy {
            rules: vec![Rule {
                name: "executions".into(),
                conditions: Conditions {
                    category: vec!["execution".into()],
                    source: vec!["kestra-prod".into()],
                    ..Conditions::default()
                },
                keep: Keep::Days(90),
            }],
            default: Keep::Months(3),
            platforms: BTreeMap::new(),
        },
        parts: vec![
            part(Table::Events, Some("execution"), "executions", 1, 6),
            part(Table::Quarantine, None, "default", 2, 2),
            elsewhere,
        ],
        warehouses: vec!["bq".into(), "other".into()],
        plan: "3f9a0c1d2e4b".into(),
        confirmed_by: Some("anna".into()),
    }))
}

/// What was done, in a warehouse that did not say how many rows it deleted, and in a bucket with a lock.
fn done(refused: &str) -> Vec<ReadEntry> {
    let emptied = |table, rows| TableExpired {
        table,
        incarnation: 1_767_323_045_678,
        rows,
        loaded: vec![],
    };
    let recoverable = |place: &str, by, until: Option<&str>| Recoverable {
        place: place.into(),
        by,
        until: until.map(|until| until.parse().unwrap()),
    };
    let of_warehouse = Retained {
        warehouses: vec![WarehouseExpired {
            warehouse: "bq".into(),
            target: "acme-bq.audit".into(),
            tables: vec![
                emptied(Table::Events, Some(11)),
                emptied(Table::Quarantine, None),
            ],
        }],
        left: vec!["other".into()],
        recoverable: vec![recoverable(
            "bq",
            RecoverableBy::TimeTravel,
            Some("2026-04-17T05:00:00Z"),
        )],
        ..Retained::default()
    };
    let of_files = Retained {
        files: Some(FilesExpired {
            removed: 1,
            bytes: 4096,
            hidden: 1,
            missing: 1,
            refused: vec![RefusedFile {
                path: refused.into(),
                until: Some("2027-01-01T00:00:00Z".parse().unwrap()),
            }],
        }),
        left: vec!["other".into()],
        recoverable: vec![recoverable("lake", RecoverableBy::Versions, None)],
        ..Retained::default()
    };
    [of_warehouse, of_files]
        .into_iter()
        .zip(5..)
        .map(|(retained, sequence)| {
            let outcome = DoneOutcome::Retained(Box::new(retained));
            let body = Done {
                decision: 4,
                outcome,
            };
            read(sequence, Body::Done(Box::new(body)))
        })
        .collect()
}

/// A certificate with everything that one may have.
fn certificate() -> Certificate {
    let ingests: BTreeMap<u64, ReadEntry> =
        [ingest(1, Some("execution"), 6), ingest(2, None, 2)].into();
    let Body::Ingest(second) = &ingests[&2].entry.body else {
        panic!("an ingest entry");
    };
    let date = "2026-01-01".parse().unwrap();
    let asked = Asked {
        from: Some(date),
        to: Some(date),
        rule: None,
    };
    let decision = read(4, retention());
    let done = done(&second.files[0].path.to_string());
    let material = Material {
        decision: &decision,
        done: &done,
        ingests: &ingests,
        earlier: &BTreeMap::new(),
        replaced: &BTreeMap::new(),
    };
    let decision = certify(&asked, &material).unwrap().unwrap();
    Certificate {
        version: FORMAT_VERSION,
        kind: CertificateType::Retention,
        made_at: "2026-04-11T00:00:00Z".parse().unwrap(),
        writer: "trailhouse 0.1.0".into(),
        lake_id: "lake-00112233aabbccdd".into(),
        signed: true,
        head: EntryRef {
            sequence: 7,
            sha256: Digest::of(b"head"),
            written_at: "2026-04-10T05:01:00Z".parse().unwrap(),
        },
        asked,
        decisions: vec![decision],
        stays: vec![Stays {
            date,
            table: Table::Events,
            files: 1,
            rows: 3,
            bytes: 2048,
            held_by: vec!["CASE-17".into()],
        }],
    }
}

fn trust() -> Trust {
    Trust::Keys(vec![golden::key().verifier().clone()])
}

#[test]
fn certificates_of_version_1_are_read_and_written_byte_for_byte() {
    let certificate = certificate();
    let note = certificate.encode(Some(&golden::key())).unwrap();
    // It names entries by their digests, and these are of version 2.
    let stored = golden::read("certificate-v1-of-entries-v2.note", note.as_bytes());
    assert_eq!(String::from_utf8_lossy(&stored), note);
    let (decoded, signer) = Certificate::decode(&stored, &trust()).unwrap();
    assert_eq!(decoded, certificate);
    assert_eq!(signer.as_ref(), Some(golden::key().verifier()));
    assert!(!certificate.is_carried_out());
}

#[test]
fn a_certificate_about_entries_of_version_1_is_read() {
    let stored = golden::read("certificate-v1.note", b"");
    let (decoded, signer) = Certificate::decode(&stored, &trust()).unwrap();
    let names = |certificate: &Certificate| -> Vec<String> {
        let parts = certificate.decisions.iter().flat_map(|it| &it.parts);
        let files = parts.flat_map(|part| &part.files);
        files.map(|file| file.path.clone()).collect()
    };
    assert_eq!(names(&decoded), names(&certificate()));
    assert_eq!(signer.as_ref(), Some(golden::key().verifier()));
}

/// Whatever byte of it is changed, added or lost.
#[test]
fn no_byte_of_a_certificate_can_be_changed() {
    let note = certificate().encode(Some(&golden::key())).unwrap();
    let trust = trust();
    let refused = |bytes: &[u8]| Certificate::decode(bytes, &trust).is_err();
    for at in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        for flip in [0x01, 0x20, 0x80] {
            bytes[at] ^= flip;
            assert!(refused(&bytes), "byte {at} ^ {flip:#x}");
            bytes[at] ^= flip;
        }
        assert!(refused(&bytes[..at]), "cut off at {at}");
        bytes.remove(at);
        assert!(refused(&bytes), "without byte {at}");
        bytes.insert(at, b' ');
        bytes.insert(at, note.as_bytes()[at]);
        assert!(refused(&bytes), "one more at {at}");
    }
    for more in ["\n", " ", "x", "\n\n"] {
        assert!(refused(format!("{note}{more}").as_bytes()), "{more:?}");
    }
}

/// The independent judge: another implementation of signed notes.
#[test]
fn an_independent_implementation_accepts_a_certificate() {
    let note = certificate().encode(Some(&golden::key())).unwrap();
    let theirs = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let key = golden::key().verifier().to_string();
    let verifier = signed_note::StandardVerifier::new(&key).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (verified, unverified) = theirs.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
}

/// A ledger of five entries in a folder.
async fn ledger(folder: &std::path::Path) -> (Log, State) {
    let url = format!("file://{}", folder.display());
    let bucket = Bucket::open(&url, &BTreeMap::new()).unwrap();
    let log = Log::new(bucket, Some(Arc::new(golden::key())));
    let now = "2026-01-10T00:00:00Z".parse().unwrap();
    let founding = Founding {
        run_id: "20260110T000000Z-00000000".to_owned(),
        now,
        witnesses: Vec::new(),
        config_sha256: Digest::of(b"config"),
        sources: vec![],
    };
    let mut state = log.found(&founding).await.unwrap();
    let draft = EntryDraft {
        run_id: founding.run_id,
        written_at: now,
        witnesses: Vec::new(),
        config_sha256: founding.config_sha256,
        body: Body::Receipt(Box::new(Receipt {
            started_at: now,
            ..Receipt::default()
        })),
    };
    for _ in 0..4 {
        log.commit(&mut state, &draft).await.unwrap();
    }
    (log, state)
}

#[tokio::test]
async fn entries_are_read_again_with_their_digests() {
    let folder = tempfile::tempdir().unwrap();
    let (log, state) = ledger(folder.path()).await;
    let all = log.entries(&state, &BTreeSet::from([0, 1, 2, 3, 4])).await;
    let all = all.unwrap();
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(all[&4].sha256, state.head.sha256);
    for sequence in 1..5 {
        assert_eq!(
            all[&sequence].entry.previous,
            Some(all[&(sequence - 1)].sha256)
        );
    }
    let some = log.entries(&state, &BTreeSet::from([1, 3])).await.unwrap();
    assert_eq!(some.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert!(
        log.entries(&state, &BTreeSet::new())
            .await
            .unwrap()
            .is_empty()
    );
    let beyond = log.entries(&state, &BTreeSet::from([5])).await;
    assert!(beyond.unwrap_err().is_integrity());
}

/// Entries that were exchanged behind the state's back, also for others that the right key has signed.
#[tokio::test]
async fn an_entry_that_is_not_the_one_of_the_chain_is_refused() {
    for sequence in [1_u64, 4] {
        let folder = tempfile::tempdir().unwrap();
        let (log, state) = ledger(folder.path()).await;
        let wanted = BTreeSet::from([sequence]);
        let read = log.entries(&state, &wanted).await.unwrap();
        let path = |sequence: u64| {
            let name = format!("ledger/entry/{sequence:020}.note");
            folder.path().join(name)
        };
        let mut other = read[&sequence].entry.clone();
        other.run_id = "another".to_owned();
        let forged = other.encode(None).unwrap();
        let resigned = other.encode(Some(&golden::key())).unwrap();
        let elsewhere = std::fs::read_to_string(path(2)).unwrap();
        for bytes in [forged, resigned, elsewhere, "junk".to_owned()] {
            std::fs::write(path(sequence), bytes).unwrap();
            let error = log.entries(&state, &wanted).await.unwrap_err();
            assert!(error.is_integrity(), "{sequence}: {error}");
        }
        std::fs::remove_file(path(sequence)).unwrap();
        let error = log.entries(&state, &wanted).await.unwrap_err();
        assert!(error.is_integrity(), "{sequence}: {error}");
    }
}
