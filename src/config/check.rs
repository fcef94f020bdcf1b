//! Decides what the values of the file mean, and collects every value that is not valid.
//!
//! Each check returns `None` where it reported a problem, so that no failure becomes a default
//! value, and goes on with its neighbours, so that one reading shows all problems. Where a value was
//! reported before, an example stands in for it: nothing is reported about the example, and no other
//! value is compared with it ([`Checks::is_written`]).

mod lake;
mod redaction;
mod retention;
mod source;
mod warehouse;

pub(super) use lake::option_kind;

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
    /// Places that were reported before; examples stand there.
    replaced: Vec<Place>,
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
        replaced: Vec<Place>,
    ) -> Self {
        Self {
            document,
            folder,
            replaced,
            problems,
            warnings: Vec::new(),
        }
    }

    fn problem(&mut self, place: &Place, what: impl Into<String>, action: impl Into<String>) {
        // The example that stands there is not what anyone wrote.
        if !self.replaced.iter().any(|replaced| place.is_in(replaced)) {
            self.problems
                .push(self.document.problem(place, what, action));
        }
    }

    /// Whether the value at `place` is wholly as written, so that others can be compared with it.
    fn is_written(&self, place: &Place) -> bool {
        let mut replaced = self.replaced.iter();
        !replaced.any(|replaced| place.is_in(replaced) || replaced.is_in(place))
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
                    format!("\"{}\" is not a duration: {error}", text.0),
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
    let scheme = lake::scheme(checks, &file.lake);
    let signing = signing(checks, &file.signing);
    let (memory, run) = run(checks, &file.run);
    let sources = source::check_all(checks, &file.source, memory);
    let warehouses = warehouse::check_all(checks, &file.warehouse, scheme.as_deref());
    let retention = match (&file.retention, &sources) {
        (None, _) => Some(None),
        (Some(table), Some(sources)) => retention::check(checks, table, sources).map(Some),
        (Some(table), None) => retention::check(checks, table, &[]).and(None),
    };
    warehouse::check_expiration(checks, &file.warehouse, file.retention.as_ref());
    let redaction = redaction::check(checks, &file.redaction, &file.source);
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
    let place = Place::at("run");
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
