//! Decides what the values of the file mean, and collects everything that cannot be meant.
//!
//! Each check returns `None` where it reported a problem, so that no failure becomes a default
//! value, and goes on with its neighbours, so that one reading shows all problems.

mod lake;
mod redaction;
mod retention;
mod source;
mod warehouse;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{
    DurationText, File, NetworkTable, RunTable, SecretTable, SigningTable, SizeText,
};
use super::problem::{Document, Place, Problem};
use super::{
    Config, Run, SecretRef, Signing, format_duration, format_size, parse_duration, parse_size,
};
use crate::ledger::digest::Digest;

/// What the checks have found so far.
pub(super) struct Checks<'d, 't> {
    document: &'d Document<'t>,
    folder: &'d Path,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
    /// What is allowed and probably not meant.
    pub(super) warnings: Vec<Problem>,
}

impl<'d, 't> Checks<'d, 't> {
    pub(super) fn new(
        document: &'d Document<'t>,
        folder: &'d Path,
        problems: Vec<Problem>,
    ) -> Self {
        Self {
            document,
            folder,
            problems,
            warnings: Vec::new(),
        }
    }

    fn problem(&mut self, place: &Place, what: impl Into<String>, action: impl Into<String>) {
        self.problems
            .push(self.document.problem(place, what, action));
    }

    fn warn(&mut self, place: &Place, what: impl Into<String>, action: impl Into<String>) {
        self.warnings
            .push(self.document.problem(place, what, action));
    }

    fn duration(
        &mut self,
        text: &DurationText,
        place: &Place,
        least: Duration,
    ) -> Option<Duration> {
        match parse_duration(&text.0) {
            Ok(duration) if duration < least => {
                let least = format_duration(least);
                self.problem(place, "is too short", format!("write at least \"{least}\""));
                None
            }
            Ok(duration) => Some(duration),
            Err(error) => {
                self.problem(
                    place,
                    format!("\"{}\" is not a length of time: {error}", text.0),
                    "write for example \"90s\", \"5m\", \"1h30m\" or \"7d\"",
                );
                None
            }
        }
    }

    fn size(&mut self, text: &SizeText, place: &Place, least: u64) -> Option<u64> {
        match parse_size(&text.0) {
            Ok(bytes) if bytes < least => {
                let least = format_size(least).replace(' ', "");
                self.problem(place, "is too small", format!("write at least \"{least}\""));
                None
            }
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.problem(
                    place,
                    format!("\"{}\" is not an amount of memory: {error}", text.0),
                    "write for example \"64MiB\" or \"1GiB\"",
                );
                None
            }
        }
    }

    fn secret(&mut self, table: &SecretTable, place: &Place) -> Option<SecretRef> {
        match (&table.env, &table.file) {
            (Some(name), None) => {
                if name.is_empty() || name.contains(['=', '\0']) {
                    self.problem(
                        &place.key("env"),
                        "is not the name of an environment variable",
                        "write the name alone, without `$` or `=`",
                    );
                    return None;
                }
                Some(SecretRef::Env(name.clone()))
            }
            (None, Some(path)) => {
                if path.is_empty() || path.contains('\0') {
                    self.problem(
                        &place.key("file"),
                        "is not a path",
                        "write the path of a file",
                    );
                    return None;
                }
                Some(SecretRef::File(self.folder.join(path)))
            }
            // The schema allows exactly one of them and has reported the rest.
            _ => None,
        }
    }
}

/// Checks a whole file.
pub(super) fn config(checks: &mut Checks<'_, '_>, file: File, sha256: Digest) -> Option<Config> {
    let lake = lake::check(checks, &file.lake);
    let signing = signing(checks, &file.signing);
    let sources = source::check_all(checks, &file.source);
    let run = run(checks, &file.run);
    let warehouses = warehouse::check_all(checks, &file.warehouse, lake.as_ref());
    let retention = match (&file.retention, &sources) {
        (None, _) => Some(None),
        (Some(table), Some(sources)) => retention::check(checks, table, sources).map(Some),
        // The sources have to be mended first; what else is wrong is said all the same.
        (Some(table), None) => retention::check(checks, table, &[]).and(None),
    };
    if let (Some(warehouses), Some(retention)) = (&warehouses, &retention) {
        warehouse::check_expiration(checks, warehouses, retention.as_ref());
    }
    let redaction = redaction::check(checks, &file.redaction, &file.source);
    let ca_file = network(checks, &file.network);
    if let (Some(run), Some(sources)) = (&run, &sources) {
        for (index, source) in sources.iter().enumerate() {
            // A record of this size is held three times over while it becomes rows and a file, and
            // so may be the next one.
            if source.requests.max_response > run.memory / 8 {
                checks.problem(
                    &Place::at("source").index(index).key("max_response"),
                    "is more than an eighth of the memory of a run",
                    "make it smaller, or `memory` in [run] larger",
                );
            }
        }
    }
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
                &Place::at("network").key("ca_file"),
                "is not a path",
                "write the path of a file with certificates in PEM form",
            );
            None
        }
        Some(path) => Some(Some(checks.folder.join(path))),
    }
}

fn signing(checks: &mut Checks<'_, '_>, table: &SigningTable) -> Option<Signing> {
    let place = Place::at("signing");
    let mut checked = |table: &Option<SecretTable>, name| {
        let table = table.as_ref()?;
        Some(checks.secret(table, &place.key(name)))
    };
    // Both are looked at, so that one reading reports what is wrong with either.
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
                "entries will not be signed, so that nobody can prove anything with this lake",
                "make a key with `trailhouse keygen` and name it as `key` before real data is read",
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

fn run(checks: &mut Checks<'_, '_>, table: &RunTable) -> Option<Run> {
    let place = Place::at("run");
    let second = Duration::from_secs(1);
    let deadline = checks.duration(&table.deadline, &place.key("deadline"), second);
    let memory = checks.size(&table.memory, &place.key("memory"), 64 << 20);
    let chunk_time = checks.duration(&table.chunk_time, &place.key("chunk_time"), second);
    Some(Run {
        deadline: deadline?,
        memory: memory?,
        chunk_rows: table.chunk_rows,
        chunk_time: chunk_time?,
    })
}
