//! Certificates of retention: what the ledger says of what was decided to go and what became of it, in
//! one signed note that is read without the lake.
//!
//! A certificate is a C2SP signed note whose text is one line of JSON, as a ledger entry is. What it
//! says is taken from entries alone ([`gather`] reads them, [`certify`] puts them together), but for
//! [`Stays`], which is how the state at the head stands. It names each entry that it rests on by
//! sequence and digest, so that whoever has the ledger can compare ([`compare`]).

mod build;
mod gather;
#[cfg(test)]
mod tests;
mod unknown;

pub use build::{Material, certify, staying};
pub use gather::{compare, gather, rules_used};

use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{ExpiredPart, GivenUp, RecoverableBy, Trust};
use crate::ledger::key::{SigningKey, VerifierKey};
use crate::ledger::log::LogError;
use crate::ledger::note::{self, Note, NoteError};
use crate::policy::{Conditions, Keep};
use crate::window::instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the form that this program writes.
pub const FORMAT_VERSION: u32 = 1;

/// What the text says that it is.
pub const TYPE: &str = "trailhouse retention certificate";

/// What a certificate says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum CertificateType {
    /// There is one type so far.
    #[default]
    #[serde(rename = "trailhouse retention certificate")]
    Retention,
}

/// What went by rule, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Version of its form.
    pub version: u32,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: CertificateType,
    /// When it was made, by the clock of who made it.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub made_at: DateTime<Utc>,
    /// Program and version that made it.
    pub writer: String,
    /// The lake.
    pub lake_id: String,
    /// Whether the entries of its ledger are signed. Nothing is proven by those of an experiment.
    pub signed: bool,
    /// The newest entry of the ledger when it was made; it says nothing of later ones.
    pub head: EntryRef,
    /// What was asked for.
    pub asked: Asked,
    /// The decisions of which something fits, in order.
    pub decisions: Vec<CertifiedDecision>,
    /// What the lake still held of the dates that were asked for, or of those of the parts where no
    /// dates were, under whatever rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<Stays>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRef {
    /// Its sequence.
    pub sequence: u64,
    /// Digest of its file.
    pub sha256: Digest,
    /// When it was written, as it says itself.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub written_at: DateTime<Utc>,
}

/// What a certificate is to be about; a part must satisfy all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// First date of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// The rule by which they went, or `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Asked {
    /// Whether it is about a date.
    pub fn has(&self, date: NaiveDate) -> bool {
        self.overlaps(date, date)
    }

    /// Whether it is about any of some dates.
    pub fn overlaps(&self, first: NaiveDate, last: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= last) && self.to.is_none_or(|to| first <= to)
    }

    /// Whether it is about a part of a decision.
    pub fn wants(&self, part: &ExpiredPart) -> bool {
        self.has(part.date) && self.rule.as_ref().is_none_or(|rule| *rule == part.rule)
    }

    /// Whether dates were asked for.
    pub fn names_dates(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }
}

/// A decision of retention, and what became of it up to the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedDecision {
    /// Its entry.
    pub entry: EntryRef,
    /// The date as of which it was due.
    pub as_of: NaiveDate,
    /// Hash of the plan that it was taken from.
    pub plan: String,
    /// Who confirmed that plan; none where the rules alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// The rules by which the parts went, as the decision states them.
    pub rules: Vec<CertifiedRule>,
    /// The parts that were asked for, in the order of the decision.
    pub parts: Vec<CertifiedPart>,
    /// What is known of the decision as a whole alone.
    pub whole_decision: WholeDecision,
}

/// A rule as a decision states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedRule {
    /// Its name, or `default`.
    pub rule: String,
    /// What it is about; none for the default, which is about everything that no rule fits.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// How long it keeps.
    pub keep: Keep,
}

/// What went of a partition of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedPart {
    /// UTC date of its rows.
    pub date: NaiveDate,
    /// The table.
    pub table: Table,
    /// Category; none for quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Source.
    pub source: String,
    /// The tenant of all its rows; none where there are several, or none is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The rule that decided, or `default`.
    pub rule: String,
    /// The last date on which it was kept.
    pub last_day: NaiveDate,
    /// Rows of its files.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub files: Vec<CertifiedFile>,
}

/// A file that was decided to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedFile {
    /// Its name in the bucket.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Its rows.
    pub rows: u64,
    /// RFC 6962 root over the salted leaves of its rows.
    pub records_root: Digest,
    /// The `ingest` entry that had named it.
    pub named_by: NamedBy,
    /// What became of it.
    pub standing: Standing,
}

/// The entry that had named a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedBy {
    /// Its sequence.
    pub sequence: u64,
    /// Digest of its file.
    pub sha256: Digest,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FileStanding")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// The store was asked to remove it, and holds nothing under its name. Whether it was removed then
    /// or gone before, and whether an older version stays, is counted for the whole decision alone.
    Gone,
    /// The store does not let it go yet.
    Refused {
        /// Until when.
        #[serde(with = "unknown::until")]
        #[schemars(with = "unknown::Said<DateTime<Utc>>")]
        until: Option<DateTime<Utc>>,
    },
    /// The store was not asked yet.
    Pending,
}

/// What entries say of a decision as a whole, and do not divide among its parts: a certificate about
/// some of them says this of more than itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeDecision {
    /// Whether all of its parts are listed, so that this is about them alone.
    pub all_parts_listed: bool,
    /// Its parts.
    pub parts: u64,
    /// Their files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Its `done` entries, in order.
    pub done: Vec<EntryRef>,
    /// Warehouses that had nothing of it any more, nor of any part, when their `done` was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warehouses: Vec<EmptiedWarehouse>,
    /// Warehouses that somebody gave up, so that nobody can say what they hold of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUpWarehouse>,
    /// What became of its files; none where the store was not asked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    /// What is still to be done; none where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// From where it could be brought back, as far as the entries say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recoverable: Vec<StillRecoverable>,
}

/// A warehouse that is rid of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptiedWarehouse {
    /// Its configured name.
    pub warehouse: String,
    /// What it is.
    pub target: String,
    /// The `done` entry that says so.
    pub done: u64,
    /// Its tables; those that were not there are absent.
    pub tables: Vec<EmptiedTable>,
}

/// A warehouse that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenUpWarehouse {
    /// What was said of it, and by whom.
    pub said: GivenUp,
    /// The `done` entry that says so.
    pub done: u64,
}

/// A table that is rid of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptiedTable {
    /// The table.
    pub table: Table,
    /// Its incarnation.
    pub incarnation: u64,
    /// Rows that were deleted for the whole decision, as the service counted them.
    #[serde(with = "unknown::rows")]
    #[schemars(with = "unknown::Said<u64>")]
    pub rows: Option<u64>,
}

/// What became of the files of a decision, in all of its `done` entries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// Files that were removed.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of the removed, those whose content the store keeps as an older version.
    pub hidden: u64,
    /// Files that were gone already, which a run that died may have removed.
    pub missing: u64,
    /// Files that the store does not let go yet.
    pub refused: u64,
}

/// What is still to be done of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Warehouses that are not known to be rid of it.
    pub warehouses: Vec<String>,
    /// Files that are still to be removed.
    pub files: u64,
}

/// From where something that is gone could be brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StillRecoverable {
    /// A warehouse by its configured name, or `lake`.
    pub place: String,
    /// By what.
    pub by: RecoverableBy,
    /// Until when.
    #[serde(with = "unknown::until")]
    #[schemars(with = "unknown::Said<DateTime<Utc>>")]
    pub until: Option<DateTime<Utc>>,
    /// The `done` entry that says so.
    pub done: u64,
}

/// What the lake held of a date at the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stays {
    /// The date.
    pub date: NaiveDate,
    /// The table.
    pub table: Table,
    /// Files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Cases whose holds protect any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// Why there is no certificate to be made of what the ledger says.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The ledger.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry says something else than the state does.
    #[error("the state says that entry {sequence} is {what}, but it is not")]
    Entry {
        /// The entry.
        sequence: u64,
        /// What it should be.
        what: &'static str,
    },
    /// The files that entries name are not those that a decision counts.
    #[error(
        "the files of {source_id} on {date} that entry {sequence} counts are not those in the ingest \
         entries"
    )]
    Files {
        /// The decision.
        sequence: u64,
        /// The date.
        date: NaiveDate,
        /// The source.
        source_id: String,
    },
}

/// Why bytes are not a certificate.
#[derive(Debug, thiserror::Error)]
pub enum NotACertificate {
    /// The signed note around it is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The JSON is not that of a certificate.
    #[error("the text is not a certificate: {0}")]
    Json(#[from] serde_json::Error),
    /// Something else that was signed.
    #[error("the text is not a {TYPE}")]
    Type,
    /// Written by a program that knows more.
    #[error("format version {0} is newer than the {FORMAT_VERSION} that this program supports")]
    Version(u32),
    /// More or less than one line.
    #[error("the text of a certificate must be exactly one line")]
    Lines,
}

/// What is read before anything else, whatever stands beside it.
#[derive(Deserialize)]
struct Probe {
    version: Option<u32>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Certificate {
    /// The certificate as a note signed by `key`, or unsigned without one.
    ///
    /// # Errors
    /// [`NoteError::TooLong`] for one that nobody would read again; the encoder's own, which no
    /// certificate of ours has.
    pub fn encode(&self, key: Option<&SigningKey>) -> Result<String, NotACertificate> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        Ok(note::sign(text, key)?)
    }

    /// Reads a certificate that `trust` accepts, and says who signed it.
    ///
    /// # Errors
    /// A signature that is missing, foreign or forged; or a text that is no certificate of a version
    /// that this program knows.
    pub fn decode(
        bytes: &[u8],
        trust: &Trust,
    ) -> Result<(Self, Option<VerifierKey>), NotACertificate> {
        let note = Note::parse(bytes)?;
        let signer = trust.check(&note)?;
        let line = note
            .text
            .strip_suffix('\n')
            .filter(|line| !line.contains('\n'));
        let line = line.ok_or(NotACertificate::Lines)?;
        let probe: Probe = serde_json::from_str(line)?;
        if probe.kind.as_deref() != Some(TYPE) {
            return Err(NotACertificate::Type);
        }
        if let Some(newer) = probe.version.filter(|version| *version > FORMAT_VERSION) {
            return Err(NotACertificate::Version(newer));
        }
        Ok((serde_json::from_str(line)?, signer))
    }

    /// Whether everything that it names is gone from lake and warehouses, as far as entries say.
    pub fn is_carried_out(&self) -> bool {
        let mut wholes = self.decisions.iter().map(|it| &it.whole_decision);
        wholes.all(|whole| whole.pending.is_none() && whole.given_up.is_empty())
    }
}
