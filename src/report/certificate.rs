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

/// The type of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum CertificateType {
    /// A certificate of retention, the only type so far.
    #[default]
    #[serde(rename = "trailhouse retention certificate")]
    Retention,
}

/// What retention deleted, limited to what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Version of the format of certificates.
    pub version: u32,
    /// The type of the certificate.
    #[serde(rename = "type")]
    pub kind: CertificateType,
    /// When the certificate was made, by the clock of the machine that made it.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub made_at: DateTime<Utc>,
    /// Program and version that made it.
    pub writer: String,
    /// Id of the lake.
    pub lake_id: String,
    /// Whether the entries of the ledger are signed. An unsigned ledger proves nothing.
    pub signed: bool,
    /// The newest entry of the ledger when the certificate was made. It says nothing about later ones.
    pub head: EntryRef,
    /// What the certificate was asked to cover.
    pub asked: Asked,
    /// The decisions that deleted something of it, in order.
    pub decisions: Vec<CertifiedDecision>,
    /// What the lake still held of the dates asked for, under whatever rule; if no dates were given, of
    /// the dates of the deleted parts. Absent if nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<Stays>,
}

/// A reference to a ledger entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRef {
    /// Sequence of the entry.
    pub sequence: u64,
    /// SHA-256 of the entry's file, in hexadecimal.
    pub sha256: Digest,
    /// When the entry was written, as it states.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub written_at: DateTime<Utc>,
}

/// What a certificate covers: parts that satisfy all of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// First UTC date of the records; absent if there is no lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last UTC date of the records; absent if there is no upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// Name of the rule that deleted them, or `default`; absent for any rule.
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

/// A decision of retention, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedDecision {
    /// The `retention` entry.
    pub entry: EntryRef,
    /// The date for which the rules were applied.
    pub as_of: NaiveDate,
    /// Id of the plan that was decided.
    pub plan: String,
    /// Who confirmed the plan; absent if the rules alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// The rules that deleted the parts, as the decision states them.
    pub rules: Vec<CertifiedRule>,
    /// The parts that were asked for, in the order of the decision.
    pub parts: Vec<CertifiedPart>,
    /// What is recorded for the decision as a whole only.
    pub whole_decision: WholeDecision,
}

/// A rule as a decision states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedRule {
    /// Name of the rule, or `default`.
    pub rule: String,
    /// What the rule applies to; absent for the default, which applies to everything that no rule
    /// matches.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// How long the rule keeps records, as in `400d`.
    pub keep: Keep,
}

/// A deleted partition of the lake, or what some entries added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedPart {
    /// UTC date of the rows.
    pub date: NaiveDate,
    /// Table of the rows.
    pub table: Table,
    /// Category of the rows; absent for quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Id of the source.
    pub source: String,
    /// Id of the tenant that all rows have; absent if they have several or state none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Name of the rule that decided, or `default`.
    pub rule: String,
    /// Last date on which the rule kept the rows.
    pub last_day: NaiveDate,
    /// Number of rows in the files.
    pub rows: u64,
    /// Size of the files in bytes.
    pub bytes: u64,
    /// The files.
    pub files: Vec<CertifiedFile>,
}

/// A file that was decided to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertifiedFile {
    /// Name of the file in the bucket.
    pub path: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: Digest,
    /// Number of rows in the file.
    pub rows: u64,
    /// Root of the RFC 6962 tree over the salted leaves of the rows, in hexadecimal.
    pub records_root: Digest,
    /// The `ingest` entry that added the file.
    pub named_by: NamedBy,
    /// What has become of the file.
    pub standing: Standing,
}

/// The entry that added a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedBy {
    /// Sequence of the entry.
    pub sequence: u64,
    /// SHA-256 of the entry's file, in hexadecimal.
    pub sha256: Digest,
}

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FileStanding")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// The store was asked to remove the file and has nothing under its name. Whether it was removed then
    /// or missing before, and whether an older version remains, is counted for the whole decision only.
    Gone,
    /// A lock of the store still protects the file.
    Refused {
        /// Until when.
        #[serde(with = "unknown::until")]
        #[schemars(with = "unknown::Said<DateTime<Utc>>")]
        until: Option<DateTime<Utc>>,
    },
    /// The store has not been asked yet.
    Pending,
}

/// What is recorded for a decision as a whole, not part by part. A certificate about some of the parts
/// therefore states it for more than itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeDecision {
    /// Whether the certificate lists all parts of the decision, so that these numbers are about them
    /// alone.
    pub all_parts_listed: bool,
    /// Number of parts that the decision deletes.
    pub parts: u64,
    /// Number of files in all parts.
    pub files: u64,
    /// Number of rows in all parts.
    pub rows: u64,
    /// Size of the files of all parts in bytes.
    pub bytes: u64,
    /// The `done` entries of the decision, in order.
    pub done: Vec<EntryRef>,
    /// Warehouses that had nothing left of any part when their `done` entry was written; absent if there
    /// are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warehouses: Vec<EmptiedWarehouse>,
    /// Warehouses that were given up, so that it is unknown what they still hold; absent if there are
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUpWarehouse>,
    /// What has become of the files; absent if the store has not been asked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    /// What is still to be done; absent if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// From where it could be restored, as far as the entries say; absent if from nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recoverable: Vec<StillRecoverable>,
}

/// A warehouse that has nothing left of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptiedWarehouse {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// Sequence of the `done` entry that states it.
    pub done: u64,
    /// The tables; one that did not exist is left out.
    pub tables: Vec<EmptiedTable>,
}

/// A warehouse that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenUpWarehouse {
    /// Who gave it up, and why.
    pub said: GivenUp,
    /// Sequence of the `done` entry that states it.
    pub done: u64,
}

/// A table that has nothing left of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmptiedTable {
    /// The table.
    pub table: Table,
    /// When the table was created, in milliseconds of the Unix epoch; a table that was recreated has
    /// another value.
    pub incarnation: u64,
    /// Number of rows that were deleted for the whole decision, as the service reports it.
    #[serde(with = "unknown::rows")]
    #[schemars(with = "unknown::Said<u64>")]
    pub rows: Option<u64>,
}

/// What has become of the files of a decision, over all of its `done` entries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// Number of files that were removed.
    pub removed: u64,
    /// Size of the removed files in bytes.
    pub bytes: u64,
    /// Of the removed, files whose content the store still keeps as an older version.
    pub hidden: u64,
    /// Number of files that did not exist any more; an interrupted run may have removed them.
    pub missing: u64,
    /// Number of files that a lock of the store still protects.
    pub refused: u64,
}

/// What is still to be done for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Names of the warehouses that may still have rows of it.
    pub warehouses: Vec<String>,
    /// Number of files that are still to be removed.
    pub files: u64,
}

/// From where something that was deleted could still be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StillRecoverable {
    /// Name of the warehouse, or `lake`.
    pub place: String,
    /// By which mechanism.
    pub by: RecoverableBy,
    /// Until when.
    #[serde(with = "unknown::until")]
    #[schemars(with = "unknown::Said<DateTime<Utc>>")]
    pub until: Option<DateTime<Utc>>,
    /// Sequence of the `done` entry that states it.
    pub done: u64,
}

/// What the lake held of a date when the certificate was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stays {
    /// UTC date of the rows.
    pub date: NaiveDate,
    /// Table of the rows.
    pub table: Table,
    /// Number of files.
    pub files: u64,
    /// Number of rows in the files.
    pub rows: u64,
    /// Size of the files in bytes.
    pub bytes: u64,
    /// Names of the cases whose holds protect some of it; absent if none does.
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
