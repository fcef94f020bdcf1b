//! The bodies of golden entries of version 4: columns that were derived again.

use super::bodies::ingest;
use trailhouse::ledger::digest::Digest;
use trailhouse::ledger::entry::{
    Body, Done, DoneOutcome, FileEntry, FilesExpired, Remap, Remapped, RemappedWarehouse,
    ReplacedFile,
};

/// The decision about the first file of the golden `ingest`, which was entry 1; that a warehouse has the new rows; and
/// that the old file is removed.
pub(super) fn since_version_4() -> [(&'static str, Body); 3] {
    let Body::Ingest(ingest) = ingest() else {
        unreachable!("it is one");
    };
    let old = ingest.files[0].clone();
    let new = FileEntry {
        path: old
            .path
            .to_string()
            .replace("0a0b0c0d-00000", "0a0b0c0d-00001")
            .as_str()
            .into(),
        sha256: Digest::of(b"other columns"),
        bytes: 4_100,
        ..old.clone()
    };
    let remap = Remap {
        source: ingest.source.clone(),
        platform: ingest.platform.clone(),
        batch_id: "20260102T030405Z-0a0b0c0d-00001".into(),
        schema_version: 1,
        mapping_version: 2,
        changed: [("actor_name".to_owned(), 4), ("outcome".to_owned(), 2)].into(),
        redaction: ingest.redaction.clone(),
        replaced: vec![ReplacedFile {
            sequence: 1,
            date: old.date,
            path: old.path,
            by: Some(new.path.clone()),
        }],
        files: vec![new],
        warehouses: vec!["bq".into()],
        plan: "3f9a0c1d2e4b".into(),
    };
    let done = |remapped| {
        Body::Done(Box::new(Done {
            decision: 2,
            outcome: DoneOutcome::Remapped(Box::new(remapped)),
        }))
    };
    let in_warehouse = Remapped {
        warehouse: Some(RemappedWarehouse {
            warehouse: "bq".into(),
            target: "acme-audit.audit".into(),
            incarnation: Some(1_767_323_045_678),
            dates: 1,
            rows: 6,
        }),
        ..Remapped::default()
    };
    let removed = Remapped {
        files: Some(FilesExpired {
            removed: 1,
            bytes: 4096,
            ..FilesExpired::default()
        }),
        ..Remapped::default()
    };
    [
        ("entry-v4-remap.note", Body::Remap(Box::new(remap))),
        ("entry-v4-remapped.note", done(in_warehouse)),
        ("entry-v4-remapped-files.note", done(removed)),
    ]
}
