//! Collecting what is wrong with the values of a document.
//!
//! Each check returns `None` where it reported a problem, so that no failure becomes a default
//! value, and goes on with its neighbours, so that one reading shows all problems. Where a value was
//! reported before, an example stands in for it: nothing is reported about the example, and no other
//! value is compared with it ([`Checks::is_written`]).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::problem::{ConfigProblem, SettingPlace, SettingsDocument};
use super::tables::{DurationText, SecretTable, SizeText};
use super::{SecretRef, format_duration, format_size, parse_duration, parse_size};

/// What the checks have found so far.
pub(crate) struct Checks<'d, 't> {
    document: &'d SettingsDocument<'t>,
    folder: &'d Path,
    /// Places that were reported before; examples stand there.
    replaced: Vec<SettingPlace>,
    /// What is wrong.
    pub(crate) problems: Vec<ConfigProblem>,
    /// What is allowed and probably not meant.
    pub(crate) warnings: Vec<ConfigProblem>,
}

impl<'d, 't> Checks<'d, 't> {
    pub(crate) fn new(
        document: &'d SettingsDocument<'t>,
        folder: &'d Path,
        problems: Vec<ConfigProblem>,
        replaced: Vec<SettingPlace>,
    ) -> Self {
        Self {
            document,
            folder,
            replaced,
            problems,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn problem(
        &mut self,
        place: &SettingPlace,
        what: impl Into<String>,
        action: impl Into<String>,
    ) {
        // The example that stands there is not what anyone wrote.
        if !self.replaced.iter().any(|replaced| place.is_in(replaced)) {
            self.problems
                .push(self.document.problem(place, what, action));
        }
    }

    /// Whether the value at `place` is wholly as written, so that others can be compared with it.
    pub(crate) fn is_written(&self, place: &SettingPlace) -> bool {
        let mut replaced = self.replaced.iter();
        !replaced.any(|replaced| place.is_in(replaced) || replaced.is_in(place))
    }

    pub(crate) fn warn(
        &mut self,
        place: &SettingPlace,
        what: impl Into<String>,
        action: impl Into<String>,
    ) {
        self.warnings
            .push(self.document.problem(place, what, action));
    }

    pub(crate) fn duration(
        &mut self,
        text: &DurationText,
        place: &SettingPlace,
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

    pub(crate) fn size(
        &mut self,
        text: &SizeText,
        place: &SettingPlace,
        least: u64,
    ) -> Option<u64> {
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

    pub(crate) fn secret(
        &mut self,
        table: &SecretTable,
        place: &SettingPlace,
    ) -> Option<SecretRef> {
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

impl Checks<'_, '_> {
    /// The address of a service account of Google Cloud.
    pub(crate) fn service_account(&mut self, name: &str, place: &SettingPlace) -> Option<String> {
        if name.contains('@') {
            return Some(name.to_owned());
        }
        self.problem(
            place,
            "is not the address of a service account",
            "write for example \"loader@acme-audit.iam.gserviceaccount.com\"",
        );
        None
    }

    /// A path that the document names; a relative one starts at the folder of the document.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
