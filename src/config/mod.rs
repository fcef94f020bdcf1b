//! The configuration: one TOML file that says what to read and where to keep it.
//!
//! One reading reports everything that is wrong, in three steps: names of keys (`names`), then
//! kinds of values against the JSON Schema (`shape`), then what the values mean together
//! (`check`). What one step finds wrong is corrected or replaced for the next one, which ignores
//! the replaced places. Only a file that is not TOML ends at the first step. The result is a
//! [`Config`] in which every choice has been made; the rest of the program never sees the file.
//! Secrets are references ([`SecretRef`]) that are read when needed.

mod check;
mod error;
mod file;
mod reference;
mod template;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use toml::de::DeTable;

pub use error::ConfigError;
pub use file::json_schema;
pub use reference::{Section, Setting, sections, settings};
pub use template::{ChoiceError, SourceChoices, Template};

pub use crate::http::{Auth, ClientCredentials, GoogleAuth, PasswordLogin};
pub use crate::settings::{
    ConfigProblem, DurationError, Secret, SecretError, SecretRef, SizeError, StoreLocation,
    StoreOption, format_duration, format_size, parse_duration, parse_size,
};
pub use crate::text::{TextFault, TextKind};

use crate::event::redact;
use crate::ledger::digest::Digest;
use crate::policy::Policy;
use crate::settings::checks::Checks;
use crate::settings::problem::{SettingPlace, SettingsDocument};
use crate::settings::{names, shape};
use crate::source::platform::{Platform, RequestBounds};
use crate::warehouse::ServiceConfig;
use std::sync::Arc;

/// A configuration in which every choice has been made.
#[derive(Debug, Clone)]
pub struct Config {
    /// SHA-256 of the file's bytes; ledger entries carry it.
    pub sha256: Digest,
    /// Where the lake is kept.
    pub lake: StoreLocation,
    /// How ledger entries are signed.
    pub signing: Signing,
    /// The audit feeds, at least one, with distinct ids.
    pub sources: Vec<SourceConfig>,
    /// Bounds of one run.
    pub run: Run,
    /// Where the lake is projected to, with distinct names.
    pub warehouses: Vec<WarehouseConfig>,
    /// How long what is kept; without it everything is.
    pub retention: Option<Policy>,
    /// Whether `run` applies the rules, or only `retention apply` does.
    pub retain_in_run: bool,
    /// What is removed or hidden before anything is written.
    pub redaction: RedactionConfig,
    /// Certificates of authorities that are trusted beside those of the machine.
    pub ca_file: Option<PathBuf>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<ConfigProblem>,
}

/// How ledger entries are signed, and by whose signature they are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// With a key of ours.
    Key {
        /// Where it is: a signed-note private key (C2SP).
        key: SecretRef,
        /// Where its verifier key is, for commands that only read. No secret, but kept at the same
        /// kinds of places.
        public_key: Option<SecretRef>,
    },
    /// By others. Whoever has this configuration only reads the lake, and believes what the
    /// verifier key at this place has signed.
    PublicKey(SecretRef),
    /// Not at all: an experiment.
    Unsigned,
}

/// One audit feed.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Its name for ever: lower-case letters, digits and hyphens, at most 63.
    pub id: String,
    /// The platform and how to reach it.
    pub platform: Arc<dyn Platform>,
    /// Where reading begins.
    pub start: Start,
    /// Age that a record must have before it is read for the first time.
    pub settle: Duration,
    /// How much of what was read before is read again.
    pub overlap: Duration,
    /// Bounds of the requests.
    pub requests: RequestBounds,
}

/// Where reading of a source begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record that the platform still has.
    Earliest,
    /// At this instant.
    At(DateTime<Utc>),
}

/// Bounds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// When a run stops starting new work.
    pub deadline: Duration,
    /// Bytes that records and files in the making may take.
    pub memory: u64,
    /// Most rows that one ledger entry commits.
    pub chunk_rows: u32,
    /// Longest time that a run collects before it commits what it has.
    pub chunk_time: Duration,
}

/// A warehouse into which the lake is projected.
#[derive(Debug, Clone)]
pub struct WarehouseConfig {
    /// Its name in the ledger.
    pub name: String,
    /// The service that holds it.
    pub service: ServiceConfig,
    /// Where files are copied to for loading; `None` where the service loads from the store of the lake.
    pub staging: Option<StoreLocation>,
    /// Labels of dataset, tables and jobs.
    pub labels: BTreeMap<String, String>,
    /// Columns by which the events are clustered.
    pub clustering: Vec<String>,
    /// Whether queries must name dates.
    pub require_partition_filter: bool,
    /// Most load jobs at the same time, from 1.
    pub concurrency: u32,
    /// How long to wait for one response.
    pub timeout: Duration,
    /// How long to go on asking when the service fails or says that it is busy.
    pub retry_for: Duration,
    /// After how many days the service itself drops partitions that the ledger does not keep; never where it
    /// is absent.
    pub partition_expiration: Option<u32>,
}

/// What is removed or hidden before anything is written.
#[derive(Debug, Clone, Default)]
pub struct RedactionConfig {
    /// Key of [`redact::RedactionAction::Hmac`]; present where that action is used.
    pub hmac_key: Option<SecretRef>,
    /// Rules in the order written; of two that meet at one place the earlier counts.
    pub rules: Vec<redact::RedactionRule>,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// A file that cannot be read, or everything that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let bytes = std::fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => ConfigError::NotFound {
                path: path.to_owned(),
            },
            _ => ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            },
        })?;
        Self::parse(&bytes, path)
    }

    /// Checks a configuration that was read from `path`. Relative paths of secrets start at its
    /// folder.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let problems = |problems| ConfigError::Problems {
            path: path.to_owned(),
            problems: in_order(problems),
        };
        let text = crate::text::decode(bytes).map_err(|fault| ConfigError::NotText {
            path: path.to_owned(),
            fault,
        })?;
        let mut document =
            SettingsDocument::parse(text).map_err(|problems| ConfigError::Syntax {
                path: path.to_owned(),
                problems: in_order(problems),
            })?;
        if let Some(found) = other_version(document.root.get_ref()) {
            return Err(ConfigError::OtherVersion {
                path: path.to_owned(),
                found,
                known: file::VERSION,
            });
        }
        let schema = json_schema();
        let mut found = names::correct(&mut document, &schema);
        let shape = shape::compare(&document, &schema);
        found.extend(shape.problems);
        let mut values = document.to_json();
        let mut replaced = Vec::new();
        for (place, value) in shape.stand_ins {
            place.put(&mut values, value);
            replaced.push(place);
        }
        let file = match file::File::deserialize(values) {
            Ok(file) => file,
            Err(_) => {
                found.push(unforeseen(&document));
                return Err(problems(found));
            }
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut checks = Checks::new(&document, folder, found, replaced);
        let sha256 = Digest::of(bytes);
        let config = check::config(&mut checks, file, sha256);
        match config {
            Some(mut config) if checks.problems.is_empty() => {
                config.warnings = in_order(checks.warnings);
                Ok(config)
            }
            _ => Err(problems(checks.problems)),
        }
    }
}

fn in_order(mut problems: Vec<ConfigProblem>) -> Vec<ConfigProblem> {
    problems.sort_by_key(|problem| problem.line.unwrap_or(0));
    problems
}

/// The version a file declares, where that is a number and not ours: its keys may mean anything,
/// so nothing else is said about it.
fn other_version(root: &DeTable<'_>) -> Option<String> {
    let (_, version) = root.iter().find(|(name, _)| name.get_ref() == "version")?;
    let version = version.get_ref().as_integer()?;
    let ours = version.radix() == 10 && version.as_str() == file::VERSION.to_string();
    (!ours).then(|| version.as_str().to_owned())
}

/// What the schema allowed and serde refused. The message of serde may repeat a value, so it is not
/// passed on.
fn unforeseen(document: &SettingsDocument<'_>) -> ConfigProblem {
    document.problem(
        &SettingPlace::default(),
        "a value is not of the kind that is expected",
        "compare the file with `trailhouse schema config`",
    )
}

#[cfg(test)]
mod tests;
