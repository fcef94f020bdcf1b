//! The bodies of the golden entries.

use super::key;
use trailhouse::clock::Witness;
use trailhouse::lake::layout::Table;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, Changed, ClockConfirmation, Counts, CoverageAxis, Covered, DayCount, DayObjects, Done,
    DoneOutcome, Entry, ExpiredPart, FailedLoad, FileEntry, FilesExpired, Future, Genesis, GivenUp,
    Hold, HoleEntry, HoleReasonCode, Horizon, ImportedFile, Ingest, InstantRange, KeyGrant,
    ObjectSet, ObjectsCompared, OriginChain, OriginCheck, OriginFault, OriginFinding, RebuildBody,
    Receipt, Recount, RecountVerdict, Recoverable, RecoverableBy, RedactionApplied, RefusedFile,
    Release, Retained, Retention, Role, RowsCounted, SourceOutcome, Span, StatedStatistics,
    StoreProof, SweepBody, SweptObject, TableExpired, TableOutcome, VerdictBy, WarehouseExpired,
    WarehouseOutcome,
};
use trailhouse::policy::{Conditions, Policy, Rule};
use trailhouse::window::Window;

pub(super) fn window(from: &str, to: &str) -> Window {
    Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

pub(super) fn entry(sequence: u64, previous: Option<Digest>, body: Body) -> Entry {
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

pub(super) fn genesis() -> Body {
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

pub(super) fn ingest() -> Body {
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
        times: category.map(|_| InstantRange {
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
        axis: None,
        imported: None,
        covered: vec![Covered {
            tenant: "main".into(),
            window: covered,
        }],
        reread: vec![Covered {
            tenant: "main".into(),
            window: window("2025-12-31T23:30:00Z", "2026-01-01T00:00:00Z"),
        }],
        holes: vec![HoleEntry {
            tenant: "main".into(),
            window: window("2026-01-02T01:00:00Z", "2026-01-02T01:00:00.000001Z"),
            reason: HoleReasonCode("unreadable".into()),
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
            objects: None,
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

pub(super) fn recount(date: &str, by: VerdictBy, records: u64) -> Recount {
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
        objects: None,
        verdict: RecountVerdict::Matched,
    }
}

pub(super) fn receipt() -> Body {
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
        origins: vec![],
    }))
}

/// What a receipt says of warehouses: one that took everything but one load, and one that is down.
pub(super) fn receipt_of_warehouses() -> Body {
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

pub(super) fn rebuild() -> Body {
    Body::Rebuild(Box::new(RebuildBody {
        warehouse: "bq".into(),
        target: "acme-bq.audit".into(),
        location: "EU".into(),
        table: Table::Quarantine,
        incarnation: 1_767_323_045_679,
        dates: vec!["2026-01-01".parse().unwrap(), "2026-01-02".parse().unwrap()],
        plan: "3f9a0c1d2e4b".into(),
    }))
}

pub(super) fn done() -> Body {
    Body::Done(Box::new(Done {
        decision: 4,
        outcome: DoneOutcome::Rebuilt { rows: 2 },
    }))
}

pub(super) fn hold() -> Body {
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

pub(super) fn release() -> Body {
    Body::Release(Box::new(Release {
        case: "CASE-17".into(),
        reason: "settled".into(),
        by: "ben".into(),
    }))
}

pub(super) fn sweep() -> Body {
    Body::Sweep(Box::new(SweepBody {
        objects: vec![SweptObject {
            path: "events/date=2026-01-01/cat=execution/src=kestra-prod/20260101T000000Z-0000000d-00000-000.parquet"
                .into(),
            bytes: 4096,
        }],
        older_than: "2026-01-01T12:00:00Z".parse().unwrap(),
    }))
}

pub(super) fn swept() -> Body {
    Body::Done(Box::new(Done {
        decision: 8,
        outcome: DoneOutcome::Swept {
            removed: 1,
            refused: 0,
        },
    }))
}

pub(super) fn retention() -> Body {
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

pub(super) fn retained_in_part() -> Body {
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

pub(super) fn retained() -> Body {
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

pub(super) fn given_up() -> Body {
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
pub(super) fn since_version_2() -> [(&'static str, Body); 2] {
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
        objects: None,
    });
    read.changed[0].moved_from = Some("2025-12-31".parse().unwrap());
    let Body::Receipt(mut counted) = receipt() else {
        unreachable!("it is one");
    };
    for recount in &mut counted.recounts {
        recount.expected = Some(recount.lake_count);
    }
    counted.recounts[1].lake_count += 1;
    counted.recounts[1].verdict = RecountVerdict::Purged;
    [
        ("entry-v2-ingest-of-changes.note", Body::Ingest(read)),
        (
            "entry-v2-receipt-of-expectations.note",
            Body::Receipt(counted),
        ),
    ]
}

/// What version 3 can say beyond version 2: of objects and their origin, of imported files, and of coverage by arrival.
pub(super) fn since_version_3() -> [(&'static str, Body); 5] {
    let Body::Ingest(mut read) = ingest() else {
        unreachable!("it is one");
    };
    read.platform = "cloudtrail".into();
    read.days[0].objects = Some(DayObjects {
        rows: 3,
        count: 2,
        digest: Digest::of(b"objects"),
    });
    let of_objects = FileEntry {
        path: "objects/date=2026-01-01/src=kestra-prod/20260102T030405Z-0a0b0c0d-00000-000.parquet"
            .into(),
        table: Table::Objects,
        category: None,
        ..read.files[0].clone()
    };
    read.files.push(of_objects);
    let Body::Ingest(mut arrived) = ingest() else {
        unreachable!("it is one");
    };
    arrived.platform = "composer".into();
    arrived.axis = Some(CoverageAxis::Arrival);
    let Body::Receipt(mut listed) = receipt() else {
        unreachable!("it is one");
    };
    let set = |count, digest: &[u8]| ObjectSet {
        count,
        digest: Digest::of(digest),
    };
    listed.recounts[0] = Recount {
        by: VerdictBy::Listing,
        source_count: 3,
        lake_count: 2,
        expected: Some(2),
        objects: Some(ObjectsCompared {
            source: set(3, b"listed"),
            lake: set(2, b"read"),
        }),
        verdict: RecountVerdict::Gap,
        ..listed.recounts[0].clone()
    };
    let Body::Ingest(mut imported) = ingest() else {
        unreachable!("it is one");
    };
    (imported.covered, imported.reread, imported.holes) = Default::default();
    imported.imported = Some(ImportedFile {
        name: "2025.ndjson.gz".into(),
        bytes: 40_960,
        sha256: Digest::of(b"file"),
    });
    [
        ("entry-v3-ingest-of-a-file.note", Body::Ingest(imported)),
        ("entry-v3-ingest-of-objects.note", Body::Ingest(read)),
        ("entry-v3-receipt-of-listings.note", Body::Receipt(listed)),
        ("entry-v3-ingest-by-arrival.note", Body::Ingest(arrived)),
        ("entry-v3-receipt-of-origins.note", receipt_of_origins()),
    ]
}

/// What a receipt says of the origin of objects: a chain that was followed, and a file that was altered.
fn receipt_of_origins() -> Body {
    let Body::Receipt(mut receipt) = receipt() else {
        unreachable!("it is one");
    };
    let until = "2026-01-02T02:01:31Z".parse().unwrap();
    let mut check = OriginCheck::new("kestra-prod", "123456789012/eu-central-1");
    check.follow(OriginChain {
        name: "main@eu-central-1".into(),
        until,
        key: "AWSLogs/123456789012/CloudTrail-Digest/eu-central-1/2026/01/02/digest.json.gz".into(),
        sha256: Digest::of(b"digest"),
    });
    check.find(OriginFinding {
        fault: OriginFault::ObjectAltered,
        object: "AWSLogs/123456789012/CloudTrail/eu-central-1/2026/01/02/file.json.gz".into(),
        until,
    });
    (check.lists, check.objects, check.unread) = (24, 288, 2);
    receipt.origins.push(check);
    Body::Receipt(receipt)
}

pub(super) fn clock() -> Body {
    Body::Clock(ClockConfirmation {
        by: "anna".into(),
        reason: "the job was off since December".into(),
    })
}
