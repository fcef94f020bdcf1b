//! Golden files: what each version of each stored format looks like, byte for byte. This program reads
//! all versions of entries and writes the newest; a state cache of another version is passed over.

use std::path::PathBuf;
use trailhouse::clock::Witness;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::cache;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, Changed, ClockConfirmation, Counts, Covered, DayCount, Done, DoneOutcome, Entry,
    ExpiredPart, FailedLoad, FileEntry, FilesExpired, Future, Genesis, GivenUp, Hold, Hole,
    HoleReason, Horizon, Ingest, KeyGrant, Rebuild, Receipt, Recount, Recoverable, RecoverableBy,
    RedactionApplied, RefusedFile, Release, Retained, Retention, Role, RowsCounted, SourceOutcome,
    Span, StatedStatistics, StoreProof, Sweep, SweptObject, TableExpired, TableOutcome, TimeRange,
    Trust, Verdict, VerdictBy, WarehouseExpired, WarehouseOutcome,
};
use trailhouse::ledger::key::SigningKey;
use trailhouse::ledger::state::State;
use trailhouse::policy::{Conditions, Policy, Rule};
use trailhouse::window::Window;

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed("golden/writer", &[42; 32]).unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn entry(sequence: u64, previous: Option<Digest>, body: Body) -> Entry {
    Entry {
        sequence,
        previous,
        run_id: "20260102T030405Z-0a0b0c0d".into(),
        written_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        witnesses: Some(vec![Witness::Store, Witness::Source("kestra-prod".into())]),
        writer: "trailhouse 0.1.0".into(),
        config_sha256: Digest::of(b"a configuration"),
        body,
    }
}

fn genesis() -> Body {
    Body::Genesis(Genesis {
        lake_id: "lake-00112233aabbccdd".into(),
        keys: vec![KeyGrant {
            key: key().verifier().clone(),
            roles: vec![Role::Root, Role::Writer, Role::Officer],
        }],
        sources: vec!["kestra-prod".into()],
        store_proof: StoreProof {
            path: "ledger/proof/lake-00112233aabbccdd".into(),
            kept_sha256: Digest::of(b"first"),
            refused_sha256: Digest::of(b"second"),
        },
    })
}

fn ingest() -> Body {
    let covered = window("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let file = |table: Table, path: &str, category: Option<&str>, rows| FileEntry {
        path: path.into(),
        table,
        date: covered.from.date_naive(),
        category: category.map(Into::into),
        source: "kestra-prod".into(),
        bytes: 4096,
        sha256: Digest::of(path.as_bytes()),
        md5: None,
        rows,
        times: category.map(|_| TimeRange {
            first: "2026-01-01T08:00:00.000001Z".parse().unwrap(),
            last: "2026-01-01T09:30:00Z".parse().unwrap(),
        }),
        records_root: Digest::of(b"root"),
        statistics: StatedStatistics::default(),
    };
    Body::Ingest(Box::new(Ingest {
        source: "kestra-prod".into(),
        platform: "kestra".into(),
        batch_id: "20260102T030405Z-0a0b0c0d-00000".into(),
        schema_version: 1,
        mapping_version: 1,
        covered: vec![Covered {
            tenant: "main".into(),
            window: covered,
        }],
        reread: vec![Covered {
            tenant: "main".into(),
            window: window("2025-12-31T23:30:00Z", "2026-01-01T00:00:00Z"),
        }],
        holes: vec![Hole {
            tenant: "main".into(),
            window: window("2026-01-02T01:00:00Z", "2026-01-02T01:00:00.000001Z"),
            reason: HoleReason("unreadable".into()),
            detail: "the platform holds a record that it cannot read itself".into(),
        }],
        days: vec![DayCount {
            tenant: "main".into(),
            date: covered.from.date_naive(),
            counts: Counts {
                returned: 10,
                source_duplicates: 1,
                known: 2,
                added: 6,
                repaired: 0,
                quarantined: 1,
                expired: 0,
                late: 1,
                changed: 1,
                drifted: 1,
            },
            expected: None,
        }],
        changed: vec![Changed {
            event_uid: "kestra-prod/main/2YkiECb7oEsrdPgqwxFadW".into(),
            pointers: vec!["/detail/revision".into()],
            first_sha256: Digest::of(b"then"),
            now_sha256: Digest::of(b"now"),
            moved_from: None,
        }],
        redaction: vec![RedactionApplied {
            part: "record".into(),
            pointer: "/ipAddress".into(),
            action: "hmac".into(),
            rule: "column src_ip".into(),
            key_id: Some("0123456789abcdef".into()),
        }],
        files: vec![
            file(
                Table::Events,
                "events/date=2026-01-01/cat=execution/src=kestra-prod/20260102T030405Z-0a0b0c0d-00000-000.parquet",
                Some("execution"),
                6,
            ),
            file(
                Table::Quarantine,
                "quarantine/date=2026-01-01/src=kestra-prod/20260102T030405Z-0a0b0c0d-00000-000.parquet",
                None,
                2,
            ),
        ],
    }))
}

fn recount(date: &str, by: VerdictBy, records: u64) -> Recount {
    Recount {
        source: "kestra-prod".into(),
        tenant: "main".into(),
        date: date.parse().unwrap(),
        at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        whole: true,
        by,
        source_count: records,
        lake_count: records,
        expected: None,
        expired: 0,
        verdict: Verdict::Matched,
    }
}

fn receipt() -> Body {
    Body::Receipt(Box::new(Receipt {
        started_at: "2026-01-02T03:04:00Z".parse().unwrap(),
        sources: vec![SourceOutcome {
            source: "kestra-prod".into(),
            failure: Some("throttled".into()),
            complete: false,
        }],
        recounts: vec![
            recount("2025-12-31", VerdictBy::Id, 4),
            recount("2026-01-01", VerdictBy::Count, 7),
        ],
        future: vec![Future {
            source: "kestra-prod".into(),
            tenant: "main".into(),
            records: 3,
        }],
        horizons: vec![Horizon {
            source: "kestra-prod".into(),
            tenant: "main".into(),
            oldest: Some("2025-06-01T00:00:00Z".parse().unwrap()),
        }],
        warehouses: vec![],
    }))
}

/// What a receipt says of warehouses: one that took everything but one load, and one that is down.
fn receipt_of_warehouses() -> Body {
    let outcome =
        |warehouse: &str, failure: Option<&str>, tables, ledger_tables| WarehouseOutcome {
            warehouse: warehouse.into(),
            target: format!("acme-{warehouse}.audit"),
            location: "EU".into(),
            failure: failure.map(str::to_owned),
            tables,
            ledger_tables,
            expiring: vec![],
        };
    let events = TableOutcome {
        table: Table::Events,
        incarnation: 1_767_323_045_678,
        loaded: vec![Span { from: 1, to: 1 }],
        rows: 6,
        failed: vec![],
        counted: Some(RowsCounted {
            missing: 1,
            surplus: 2,
            foreign: 3,
        }),
    };
    let quarantine = TableOutcome {
        table: Table::Quarantine,
        incarnation: 1_767_323_045_679,
        loaded: vec![],
        rows: 0,
        failed: vec![FailedLoad {
            sequence: 1,
            attempts: 3,
            reason: "backendError".into(),
        }],
        counted: None,
    };
    Body::Receipt(Box::new(Receipt {
        started_at: "2026-01-02T03:04:00Z".parse().unwrap(),
        warehouses: vec![
            outcome("bq", None, vec![events, quarantine], Some(2)),
            outcome("other", Some("transient"), vec![], None),
        ],
        ..Receipt::default()
    }))
}

fn rebuild() -> Body {
    Body::Rebuild(Box::new(Rebuild {
        warehouse: "bq".into(),
        target: "acme-bq.audit".into(),
        location: "EU".into(),
        table: Table::Quarantine,
        incarnation: 1_767_323_045_679,
        dates: vec!["2026-01-01".parse().unwrap(), "2026-01-02".parse().unwrap()],
        plan: "3f9a0c1d2e4b".into(),
    }))
}

fn done() -> Body {
    Body::Done(Box::new(Done {
        decision: 4,
        outcome: DoneOutcome::Rebuilt { rows: 2 },
    }))
}

fn hold() -> Body {
    Body::Hold(Box::new(Hold {
        case: "CASE-17".into(),
        from: "2026-01-01".parse().unwrap(),
        to: "2026-01-31".parse().unwrap(),
        categories: vec!["authentication".into()],
        sources: vec!["kestra-prod".into()],
        reason: "letter of 2 February".into(),
        by: "anna".into(),
        until: Some("2027-06-30".parse().unwrap()),
    }))
}

fn release() -> Body {
    Body::Release(Box::new(Release {
        case: "CASE-17".into(),
        reason: "settled".into(),
        by: "ben".into(),
    }))
}

fn sweep() -> Body {
    Body::Sweep(Box::new(Sweep {
        objects: vec![SweptObject {
            path: "events/date=2026-01-01/cat=execution/src=kestra-prod/20260101T000000Z-0000000d-00000-000.parquet"
                .into(),
            bytes: 4096,
        }],
        older_than: "2026-01-01T12:00:00Z".parse().unwrap(),
    }))
}

fn swept() -> Body {
    Body::Done(Box::new(Done {
        decision: 8,
        outcome: DoneOutcome::Swept {
            removed: 1,
            refused: 0,
        },
    }))
}

fn retention() -> Body {
    Body::Retention(Box::new(Retention {
        as_of: "2026-01-02".parse().unwrap(),
        policy: Policy {
            rules: vec![Rule {
                name: "executions".into(),
                conditions: Conditions {
                    category: vec!["execution".into()],
                    platform: vec!["kestra".into()],
                    ..Conditions::default()
                },
                keep: "0d".parse().unwrap(),
            }],
            default: "18mo".parse().unwrap(),
            platforms: [("kestra-prod".to_owned(), "kestra".to_owned())].into(),
        },
        parts: vec![ExpiredPart {
            date: "2026-01-01".parse().unwrap(),
            table: Table::Events,
            category: Some("execution".into()),
            source: "kestra-prod".into(),
            tenant: None,
            rule: "executions".into(),
            last_day: "2026-01-01".parse().unwrap(),
            entries: vec![Span { from: 1, to: 1 }],
            files: 1,
            rows: 6,
            bytes: 4096,
        }],
        warehouses: vec!["bq".into()],
        plan: "3f9a0c1d2e4b".into(),
        confirmed_by: Some("anna".into()),
    }))
}

fn retained_in_part() -> Body {
    let until = |text: &str| Some(text.parse().unwrap());
    let recoverable = |place: &str, by, until| Recoverable {
        place: place.into(),
        by,
        until,
    };
    let refused = RefusedFile {
        path: "events/date=2026-01-01/cat=execution/src=kestra-prod/20260102T030405Z-0a0b0c0d-00000-000.parquet"
            .into(),
        until: until("2026-06-01T00:00:00Z"),
    };
    Body::Done(Box::new(Done {
        decision: 10,
        outcome: DoneOutcome::Retained(Box::new(Retained {
            warehouses: vec![WarehouseExpired {
                warehouse: "bq".into(),
                target: "acme-audit.audit".into(),
                tables: vec![TableExpired {
                    table: Table::Events,
                    incarnation: 1_767_225_600_000,
                    rows: Some(6),
                    loaded: vec![Span { from: 1, to: 1 }],
                }],
            }],
            files: Some(FilesExpired {
                refused: vec![refused],
                ..FilesExpired::default()
            }),
            given_up: vec![],
            left: vec![],
            recoverable: vec![
                recoverable(
                    "bq",
                    RecoverableBy::TimeTravel,
                    until("2026-01-09T03:04:05.678Z"),
                ),
                recoverable(
                    "bq",
                    RecoverableBy::FailSafe,
                    until("2026-01-16T03:04:05.678Z"),
                ),
            ],
        })),
    }))
}

fn retained() -> Body {
    let recoverable = |by| Recoverable {
        place: "lake".into(),
        by,
        until: None,
    };
    Body::Done(Box::new(Done {
        decision: 10,
        outcome: DoneOutcome::Retained(Box::new(Retained {
            files: Some(FilesExpired {
                removed: 1,
                bytes: 4096,
                hidden: 1,
                ..FilesExpired::default()
            }),
            recoverable: vec![
                recoverable(RecoverableBy::Versions),
                recoverable(RecoverableBy::Lock),
                recoverable(RecoverableBy::SoftDelete),
            ],
            ..Retained::default()
        })),
    }))
}

fn given_up() -> Body {
    Body::Done(Box::new(Done {
        decision: 10,
        outcome: DoneOutcome::Retained(Box::new(Retained {
            given_up: vec![GivenUp {
                warehouse: "bq".into(),
                reason: "the project is gone".into(),
                by: "anna".into(),
            }],
            ..Retained::default()
        })),
    }))
}

/// What version 2 can say beyond version 1.
fn since_version_2() -> [(&'static str, Body); 2] {
    let Body::Ingest(mut read) = ingest() else {
        unreachable!("it is one");
    };
    read.days[0].counts.repaired = 1;
    read.days[0].expected = Some(10);
    read.days.push(DayCount {
        tenant: "main".into(),
        date: "2025-12-31".parse().unwrap(),
        counts: Counts::default(),
        expected: Some(-2),
    });
    read.changed[0].moved_from = Some("2025-12-31".parse().unwrap());
    let Body::Receipt(mut counted) = receipt() else {
        unreachable!("it is one");
    };
    for recount in &mut counted.recounts {
        recount.expected = Some(recount.lake_count);
    }
    counted.recounts[1].lake_count += 1;
    counted.recounts[1].verdict = Verdict::Purged;
    [
        ("entry-v2-ingest-of-changes.note", Body::Ingest(read)),
        (
            "entry-v2-receipt-of-expectations.note",
            Body::Receipt(counted),
        ),
    ]
}

fn clock() -> Body {
    Body::Clock(ClockConfirmation {
        by: "anna".into(),
        reason: "the job was off since December".into(),
    })
}

/// The entries as files, each naming the one before it.
fn chain() -> Vec<(&'static str, Entry, String)> {
    let mut previous = None;
    let bodies = [
        ("entry-v2-genesis.note", genesis()),
        ("entry-v2-ingest.note", ingest()),
        ("entry-v2-receipt.note", receipt()),
        ("entry-v2-receipt-warehouses.note", receipt_of_warehouses()),
        ("entry-v2-rebuild.note", rebuild()),
        ("entry-v2-done.note", done()),
        ("entry-v2-hold.note", hold()),
        ("entry-v2-release.note", release()),
        ("entry-v2-sweep.note", sweep()),
        ("entry-v2-swept.note", swept()),
        ("entry-v2-retention.note", retention()),
        ("entry-v2-retained-in-part.note", retained_in_part()),
        ("entry-v2-retained.note", retained()),
        ("entry-v2-given-up.note", given_up()),
        ("entry-v2-clock.note", clock()),
    ];
    let mut chain = Vec::new();
    for (sequence, (name, body)) in (0..).zip(bodies) {
        let entry = entry(sequence, previous, body);
        let file = entry.encode(Some(&key())).unwrap();
        previous = Some(Digest::of(file.as_bytes()));
        chain.push((name, entry, file));
    }
    chain
}

/// The state after so many entries.
fn state(entries: usize) -> State {
    let chain = chain();
    let digest = |file: &str| Digest::of(file.as_bytes());
    let mut state = State::begin(&chain[0].1, digest(&chain[0].2)).unwrap();
    for (_, entry, file) in &chain[1..entries] {
        state.apply(entry, digest(file)).unwrap();
    }
    state
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// Reads a golden file; with `TRAILHOUSE_GOLDEN=write` one that is missing is made first.
pub(crate) fn read(name: &str, made: &[u8]) -> Vec<u8> {
    let path = golden(name);
    if !path.exists() && std::env::var("TRAILHOUSE_GOLDEN").is_ok_and(|word| word == "write") {
        std::fs::write(&path, made).unwrap();
    }
    std::fs::read(&path).unwrap()
}

#[test]
fn entries_of_version_2_are_read_and_written_byte_for_byte() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    for (name, entry, file) in chain() {
        let stored = read(name, file.as_bytes());
        assert_eq!(String::from_utf8_lossy(&stored), file, "{name}");
        let (decoded, signer) = Entry::decode(&stored, &trust).unwrap();
        assert_eq!(decoded, entry, "{name}");
        assert_eq!(signer.as_ref(), Some(key().verifier()), "{name}");
    }
    for (name, body) in since_version_2() {
        let entry = entry(1, Some(Digest::of(b"before")), body);
        let file = entry.encode(Some(&key())).unwrap();
        let stored = read(name, file.as_bytes());
        assert_eq!(String::from_utf8_lossy(&stored), file, "{name}");
        assert_eq!(Entry::decode(&stored, &trust).unwrap().0, entry, "{name}");
    }
}

/// Version 1 is what version 2 is without the fields that came since. Its files name each other, so they
/// are folded as the ledger that they are.
#[test]
fn entries_of_version_1_are_read_and_folded() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let mut folded: Option<State> = None;
    for (name, entry, _) in chain() {
        if name == "entry-v2-clock.note" {
            // Version 1 has no such entry.
            continue;
        }
        let name = name.replace("-v2-", "-v1-");
        let stored = std::fs::read(golden(&name)).unwrap();
        let (decoded, signer) = Entry::decode(&stored, &trust).unwrap();
        assert_eq!(decoded.body, entry.body, "{name}");
        assert_eq!(decoded.witnesses, None, "{name}");
        assert_eq!(signer.as_ref(), Some(key().verifier()), "{name}");
        if name.contains("given-up") {
            // The decision that it is about is done before.
            continue;
        }
        let sha256 = Digest::of(&stored);
        match &mut folded {
            None => folded = Some(State::begin(&decoded, sha256).unwrap()),
            Some(state) => state.apply(&decoded, sha256).unwrap(),
        }
    }
    let folded = folded.unwrap();
    let newest = state(chain().len() - 2);
    // Versions differ in their bytes, so in the digest of the head; and version 1 names no witness.
    assert_eq!(folded.clock.witnessed(), None);
    assert_eq!(folded.clock.reached(), newest.clock.reached());
    assert_eq!(
        folded,
        State {
            head: folded.head,
            clock: folded.clock.clone(),
            ..newest
        }
    );
}

#[test]
fn a_state_cache_of_version_1_is_passed_over() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let stored = std::fs::read(golden("state-v1.json.zst")).unwrap();
    let error = cache::decode(&stored, &trust).unwrap_err();
    assert!(matches!(error, cache::CacheError::Version(1)), "{error}");
}

#[test]
fn the_state_cache_of_version_2_is_read() {
    // Without any warehouse, with a decision that is open, with all of that; with holds.
    for (name, entries) in [
        ("state-v2.json.zst", 3),
        ("state-v2-rebuild.json.zst", 5),
        ("state-v2-warehouses.json.zst", 6),
        ("state-v2-hold.json.zst", 7),
        ("state-v2-released.json.zst", 8),
        ("state-v2-sweep.json.zst", 9),
        ("state-v2-swept.json.zst", 10),
        ("state-v2-retention.json.zst", 11),
        ("state-v2-retained-in-part.json.zst", 12),
        ("state-v2-retained.json.zst", 13),
    ] {
        let made = cache::encode(&state(entries), Some(&key())).unwrap();
        let stored = read(name, &made);
        let trust = Trust::Keys(vec![key().verifier().clone()]);
        // The compression may differ between versions of zstd; what it holds may not.
        assert_eq!(cache::decode(&stored, &trust).unwrap(), state(entries));
        assert_eq!(
            zstd::decode_all(&*stored).unwrap(),
            zstd::decode_all(&*made).unwrap()
        );
    }
}

#[test]
fn what_a_newer_program_wrote_is_named_as_that() {
    let trust = Trust::Keys(vec![key().verifier().clone()]);
    let (_, _, file) = &chain()[0];
    let sign = |text: String| trailhouse::ledger::note::sign(text, Some(&key())).unwrap();
    let line = format!("{}\n", file.lines().next().unwrap());
    let newer = sign(line.replace("\"version\":2", "\"version\":3"));
    let error = Entry::decode(newer.as_bytes(), &trust).unwrap_err();
    assert!(error.to_string().contains("newer"), "{error}");
    let other = sign(line.replace("\"kind\":\"genesis\"", "\"kind\":\"erase\""));
    let error = Entry::decode(other.as_bytes(), &trust).unwrap_err();
    assert!(error.to_string().contains("too old"), "{error}");
    let more = sign(line.replace("\"sequence\":0", "\"sequence\":0,\"extra\":1"));
    assert!(Entry::decode(more.as_bytes(), &trust).is_err());
}
