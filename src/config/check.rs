//! Decides what the values of the file mean, and collects every value that is not valid.
//!
//! See [`Checks`] for how.

mod lake;
mod redaction;
mod retention;
mod source;
mod warehouse;

use std::path::PathBuf;
use std::time::Duration;

use super::file::{File, NetworkTable, RunTable, SigningTable};
use super::{Config, Run, Signing};
use crate::ledger::digest::Digest;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::tables::SecretTable;

/// Checks a whole file.
pub(super) fn config(checks: &mut Checks<'_, '_>, file: File, sha256: Digest) -> Option<Config> {
    let lake = lake::check(checks, &file.lake);
    let store_kind = lake::store_kind(checks, &file.lake);
    let signing = signing(checks, &file.signing);
    let (memory, run) = run(checks, &file.run);
    let sources = source::check_all(checks, &file.source, memory);
    let warehouses = warehouse::check_all(checks, &file.warehouse, store_kind);
    let retention = match (&file.retention, &sources) {
        (None, _) => Some(None),
        (Some(table), Some(sources)) => retention::check(checks, table, sources).map(Some),
        (Some(table), None) => retention::check(checks, table, &[]).and(None),
    };
    warehouse::check_expiration(checks, &file.warehouse, file.retention.as_ref());
    let redaction = redaction::check(
        checks,
        &file.redaction,
        &file.source,
        sources.as_deref().unwrap_or_default(),
    );
    let ca_file = network(checks, &file.network);
    Some(Config {
        sha256,
        lake: lake?,
        signing: signing?,
        sources: sources?,
        run: run?,
        warehouses: warehouses?,
        retention: retention?,
        retain_in_run: file.retention.as_ref().is_some_and(|table| table.in_run),
        redaction: redaction?,
        ca_file: ca_file?,
        warnings: Vec::new(),
    })
}

fn network(checks: &mut Checks<'_, '_>, table: &NetworkTable) -> Option<Option<PathBuf>> {
    match table.ca_file.as_deref() {
        None => Some(None),
        Some(path) if path.is_empty() || path.contains('\0') => {
            checks.problem(
                &SettingPlace::at("network").key("ca_file"),
                "is not a path",
                "write the path of a file with certificates in PEM form",
            );
            None
        }
        Some(path) => Some(Some(checks.path(path))),
    }
}

fn signing(checks: &mut Checks<'_, '_>, table: &SigningTable) -> Option<Signing> {
    let place = SettingPlace::at("signing");
    let mut checked = |table: &Option<SecretTable>, name| {
        let table = table.as_ref()?;
        Some(checks.secret(table, &place.key(name)))
    };
    // Both are checked, so that one reading reports what is wrong with either.
    let key = checked(&table.key, "key");
    let public_key = checked(&table.public_key, "public_key");
    match (key, public_key, table.unsigned) {
        (Some(key), None, None) => Some(Signing::Key {
            key: key?,
            public_key: None,
        }),
        (Some(key), Some(public_key), None) => Some(Signing::Key {
            key: key?,
            public_key: Some(public_key?),
        }),
        (None, Some(public_key), None) => public_key.map(Signing::PublicKey),
        (None, None, Some(true)) => {
            checks.warn(
                &place.key("unsigned"),
                "entries will not be signed, so this lake proves nothing",
                "create a key with `trailhouse keygen` and name it as `key` before reading real data",
            );
            Some(Signing::Unsigned)
        }
        (None, None, Some(false)) => {
            checks.problem(
                &place.key("unsigned"),
                "is false and no key is named",
                "remove it and write for example key = { file = \"trailhouse.key\" }",
            );
            None
        }
        // The schema lets nothing stand beside `unsigned`, nor the table be empty, and has reported it.
        _ => None,
    }
}

/// The memory of a run as far as it is known, and all of its bounds.
fn run(checks: &mut Checks<'_, '_>, table: &RunTable) -> (Option<u64>, Option<Run>) {
    let place = SettingPlace::at("run");
    let second = Duration::from_secs(1);
    let deadline = checks.duration(&table.deadline, &place.key("deadline"), second);
    let memory_place = place.key("memory");
    let memory = checks.size(&table.memory, &memory_place, 64 << 20);
    let chunk_time = checks.duration(&table.chunk_time, &place.key("chunk_time"), second);
    let known = memory.filter(|_| checks.is_written(&memory_place));
    let whole =
        (deadline.zip(memory).zip(chunk_time)).map(|((deadline, memory), chunk_time)| Run {
            deadline,
            memory,
            chunk_rows: table.chunk_rows,
            chunk_time,
        });
    (known, whole)
}
