//! What entries say: the bodies by kind.

use super::clock::ClockConfirmation;
use super::file::FileEntry;
use super::objects::DayObjects;
use super::receipt::Receipt;
use super::remap::Remap;
use super::retention::{Release, Retention, SweepBody, is_zero};
use super::warehouse::{Done, RebuildBody};
use crate::ledger::digest::Digest;
use crate::ledger::key::VerifierKey;
use crate::policy::Hold;
use crate::window::Window;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The kinds of entry that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Entry 0: what lake this is and whose signatures count.
    Genesis,
    /// One chunk of one source was read and kept.
    Ingest,
    /// One run ended: what it counted and how its destinations stand.
    Receipt,
    /// Decision: dates of a warehouse are to be replaced.
    Rebuild,
    /// A decision was carried out.
    Done,
    /// Something is not to be deleted.
    Hold,
    /// The holds of a case end.
    Release,
    /// Decision: files that no entry names are to be removed.
    Sweep,
    /// Decision: what is due under the rules is to be deleted.
    Retention,
    /// A person says that the time of this entry is right.
    Clock,
    /// Decision: files are replaced by files with the same records and other columns.
    Remap,
}

impl EntryKind {
    const ALL: [Self; 11] = [
        Self::Genesis,
        Self::Ingest,
        Self::Receipt,
        Self::Rebuild,
        Self::Done,
        Self::Hold,
        Self::Release,
        Self::Sweep,
        Self::Retention,
        Self::Clock,
        Self::Remap,
    ];

    /// The name in the `kind` field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Ingest => "ingest",
            Self::Receipt => "receipt",
            Self::Rebuild => "rebuild",
            Self::Done => "done",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Sweep => "sweep",
            Self::Retention => "retention",
            Self::Clock => "clock",
            Self::Remap => "remap",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The body of an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// See [`Genesis`].
    Genesis(Genesis),
    /// See [`Ingest`].
    Ingest(Box<Ingest>),
    /// See [`Receipt`].
    Receipt(Box<Receipt>),
    /// See [`RebuildBody`].
    Rebuild(Box<RebuildBody>),
    /// See [`Done`].
    Done(Box<Done>),
    /// See [`Hold`].
    Hold(Box<Hold>),
    /// See [`Release`].
    Release(Box<Release>),
    /// See [`SweepBody`].
    Sweep(Box<SweepBody>),
    /// See [`Retention`].
    Retention(Box<Retention>),
    /// See [`ClockConfirmation`].
    Clock(ClockConfirmation),
    /// See [`Remap`].
    Remap(Box<Remap>),
}

impl Body {
    /// Whether it says that a chunk was read by arrival.
    pub(super) fn states_axis(&self) -> bool {
        matches!(self, Self::Ingest(ingest) if ingest.axis.is_some())
    }

    /// Whether it says that records came from a file.
    pub(super) fn states_import(&self) -> bool {
        matches!(self, Self::Ingest(ingest) if ingest.imported.is_some())
    }

    /// Its kind.
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::Genesis(_) => EntryKind::Genesis,
            Self::Ingest(_) => EntryKind::Ingest,
            Self::Receipt(_) => EntryKind::Receipt,
            Self::Rebuild(_) => EntryKind::Rebuild,
            Self::Done(_) => EntryKind::Done,
            Self::Hold(_) => EntryKind::Hold,
            Self::Release(_) => EntryKind::Release,
            Self::Sweep(_) => EntryKind::Sweep,
            Self::Retention(_) => EntryKind::Retention,
            Self::Clock(_) => EntryKind::Clock,
            Self::Remap(_) => EntryKind::Remap,
        }
    }

    pub(super) fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error> {
        match self {
            Self::Genesis(body) => serde_json::value::to_raw_value(body),
            Self::Ingest(body) => serde_json::value::to_raw_value(body),
            Self::Receipt(body) => serde_json::value::to_raw_value(body),
            Self::Rebuild(body) => serde_json::value::to_raw_value(body),
            Self::Done(body) => serde_json::value::to_raw_value(body),
            Self::Hold(body) => serde_json::value::to_raw_value(body),
            Self::Release(body) => serde_json::value::to_raw_value(body),
            Self::Sweep(body) => serde_json::value::to_raw_value(body),
            Self::Retention(body) => serde_json::value::to_raw_value(body),
            Self::Clock(body) => serde_json::value::to_raw_value(body),
            Self::Remap(body) => serde_json::value::to_raw_value(body),
        }
    }

    pub(super) fn from_json(kind: EntryKind, json: &RawValue) -> Result<Self, serde_json::Error> {
        let text = json.get();
        Ok(match kind {
            EntryKind::Genesis => Self::Genesis(serde_json::from_str(text)?),
            EntryKind::Ingest => Self::Ingest(serde_json::from_str(text)?),
            EntryKind::Receipt => Self::Receipt(serde_json::from_str(text)?),
            EntryKind::Rebuild => Self::Rebuild(serde_json::from_str(text)?),
            EntryKind::Done => Self::Done(serde_json::from_str(text)?),
            EntryKind::Hold => Self::Hold(serde_json::from_str(text)?),
            EntryKind::Release => Self::Release(serde_json::from_str(text)?),
            EntryKind::Sweep => Self::Sweep(serde_json::from_str(text)?),
            EntryKind::Retention => Self::Retention(serde_json::from_str(text)?),
            EntryKind::Clock => Self::Clock(serde_json::from_str(text)?),
            EntryKind::Remap => Self::Remap(serde_json::from_str(text)?),
        })
    }
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Changes of keys.
    Root,
    /// What scheduled runs write.
    Writer,
    /// What people decide: holds, confirmations, erasure.
    Officer,
}

/// A key and what it may sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyGrant {
    /// The public key.
    pub key: VerifierKey,
    /// Its roles, sorted.
    pub roles: Vec<Role>,
}

/// How the store showed that a second create of one name fails and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreProof {
    /// The object that was created twice with different content.
    pub path: String,
    /// Digest of what the first create wrote and a read after the second returned.
    pub kept_sha256: Digest,
    /// Digest of what the second create tried to write.
    pub refused_sha256: Digest,
}

/// Body of entry 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Random, never changes: what warehouses and anchors know the lake by.
    pub lake_id: String,
    /// Keys in force from the start; empty only for an unsigned experiment.
    pub keys: Vec<KeyGrant>,
    /// Ids of the sources configured at the start.
    pub sources: Vec<String>,
    /// How the store was found fit.
    pub store_proof: StoreProof,
}

/// A window of one tenant's feed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    /// Tenant, or `*` for a source read across tenants.
    pub tenant: String,
    /// The window.
    pub window: Window,
}

/// Stable code of why a window could not be read, such as `server_failure`. Later versions may add codes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HoleReasonCode(pub String);

/// A window that could not be read, named so that it can be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoleEntry {
    /// Tenant.
    pub tenant: String,
    /// The window.
    pub window: Window,
    /// Stable code of the reason.
    pub reason: HoleReasonCode,
    /// The reason in words. What the platform said of it comes last, at most 400 characters; nothing of that
    /// where redaction is in force.
    pub detail: String,
}

/// What became of the records of one tenant and date in one chunk. Every record is in exactly one group:
/// `returned = source_duplicates + known + added + quarantined + expired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Records that the source returned, repetitions included.
    pub returned: u64,
    /// Of the returned, repetitions of a record within the same reading.
    pub source_duplicates: u64,
    /// Of the returned, records that the lake already had.
    pub known: u64,
    /// Of the returned, records that became new rows of `audit_events`.
    pub added: u64,
    /// Of the added, records that the lake had only in quarantine, because they could not be understood
    /// before. Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repaired: u64,
    /// Of the returned, records that became new rows of `audit_quarantine`.
    pub quarantined: u64,
    /// Of the returned, records of dates that retention had deleted. They are not kept. Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired: u64,
    /// Of the added and quarantined, records that appeared after their time had been read.
    pub late: u64,
    /// Of the known, records in which a value changed or disappeared for the first time, that came back
    /// under another time, or that can no longer be understood.
    pub changed: u64,
    /// Of the known, records that only gained fields.
    pub drifted: u64,
}

/// The smallest share of records in quarantine that is worth a warning, in percent.
const MANY_PERCENT: u64 = 5;
/// Fewer records in quarantine than this are no pattern.
const MANY_RECORDS: u64 = 3;

impl Counts {
    /// Whether so many of the new records went to quarantine that it says something about the source
    /// rather than about single records.
    pub const fn has_many_in_quarantine(&self) -> bool {
        let new = self.added + self.quarantined;
        self.quarantined >= MANY_RECORDS && self.quarantined * 100 >= new * MANY_PERCENT
    }

    /// What the counts of single fates add up to: all that was returned.
    pub const fn accounted(&self) -> u64 {
        self.source_duplicates + self.known + self.added + self.quarantined + self.expired
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &Self) {
        self.returned += other.returned;
        self.source_duplicates += other.source_duplicates;
        self.known += other.known;
        self.added += other.added;
        self.repaired += other.repaired;
        self.quarantined += other.quarantined;
        self.expired += other.expired;
        self.late += other.late;
        self.changed += other.changed;
        self.drifted += other.drifted;
    }
}

/// [`Counts`] of one tenant and date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayCount {
    /// Tenant.
    pub tenant: String,
    /// UTC date of the records; of their slice where a record has no readable time.
    pub date: NaiveDate,
    /// The counts.
    pub counts: Counts,
    /// What these records add to the number that the source is expected to count on the date: all of
    /// windows that are read whole for the first time, and of windows read again those that the lake
    /// did not have. Less where a record of the date turned out to be one of another date. Records of
    /// holes add nothing, since holes are left out when the source counts.
    ///
    /// Absent in version 1, where it is `added` and `quarantined` together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<i64>,
    /// What was found of its objects, where the feed is read in objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<DayObjects>,
}

impl DayCount {
    /// What is added to the number that the source is expected to count, in whatever version it was
    /// written.
    pub fn added_to_expected(&self) -> i64 {
        let first = || i64::try_from(self.counts.added + self.counts.quarantined);
        self.expected.unwrap_or_else(|| first().unwrap_or(i64::MAX))
    }
}

/// A known record that came back with other content. The other content is kept in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// The event.
    pub event_uid: String,
    /// JSON pointers of what is different or gone. Under redaction names that a record brings itself are
    /// `*`.
    pub pointers: Vec<String>,
    /// Digest of the record as first kept, under the redaction that was in force then.
    pub first_sha256: Digest,
    /// Digest of the record as it came now, after the redaction in force now.
    pub now_sha256: Digest,
    /// The date under which the lake holds it, where it came back under another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<NaiveDate>,
}

/// One place that was redacted, without any secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactionApplied {
    /// `record`, or `user` for what the platform joins to it.
    pub part: String,
    /// JSON pointer of the place.
    pub pointer: String,
    /// How: `drop`, `mask` or `hmac`.
    pub action: String,
    /// The configured rule that says so.
    pub rule: String,
    /// Tells keys of `hmac` apart without telling anything of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// The time by which a source is read, if it is not the time of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageAxis {
    /// The time at which a record reached the platform's log. The events in a window may be older.
    Arrival,
}

/// Body of an `ingest` entry: one chunk of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Source.
    pub source: String,
    /// Its platform.
    pub platform: String,
    /// The rows that this entry adds carry this id.
    pub batch_id: String,
    /// Version of the event schema.
    pub schema_version: i64,
    /// Version of the rules that made the columns.
    pub mapping_version: i64,
    /// What the windows are intervals of; absent where it is the time of the acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axis: Option<CoverageAxis>,
    /// The file that the records are from; absent where the platform gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFile>,
    /// Windows read completely that were not covered before.
    pub covered: Vec<Covered>,
    /// Windows read completely again.
    pub reread: Vec<Covered>,
    /// Windows that could not be read.
    pub holes: Vec<HoleEntry>,
    /// What became of every record.
    pub days: Vec<DayCount>,
    /// Known records that changed.
    pub changed: Vec<Changed>,
    /// Redaction in force.
    pub redaction: Vec<RedactionApplied>,
    /// Files added to the lake.
    pub files: Vec<FileEntry>,
}

/// A file from which a person imported records. It says nothing of which records there were beside those in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedFile {
    /// Its name, without the folder it was in.
    pub name: String,
    /// Its size in bytes, as stored.
    pub bytes: u64,
    /// SHA-256 of it, as stored.
    #[schemars(with = "String")]
    pub sha256: Digest,
}

impl Ingest {
    /// The counts of all tenants and dates together.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for day in &self.days {
            totals.add(&day.counts);
        }
        totals
    }
}
