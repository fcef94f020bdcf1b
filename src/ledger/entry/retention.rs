//! What entries say about what is kept and what may go: the release of holds, what is deleted by rule, and
//! what dead runs have left. A hold itself is a [`Hold`](crate::policy::Hold).

use super::span::Span;
use crate::lake::layout::Table;
use crate::policy::Policy;
use crate::window::{instant, some_instant};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body of a `release` entry: the holds of a case end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The case.
    pub case: String,
    /// Why.
    pub reason: String,
    /// Who released it.
    pub by: String,
}

/// An object that a sweep removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweptObject {
    /// Name of the object in the bucket.
    pub path: String,
    /// Size of the object in bytes.
    pub bytes: u64,
}

/// Body of a `sweep` entry: files that no entry names are to be removed. From here on no entry may name
/// them, however late the run that wrote them comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepBody {
    /// The files, in order of name, each once.
    pub objects: Vec<SweptObject>,
    /// All of them were written before this.
    #[serde(with = "instant")]
    pub older_than: DateTime<Utc>,
}

/// Body of a `retention` entry: what is due under the rules is to be deleted, everywhere. From here on
/// it is not part of the lake, and nothing of it is read in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The date as of which it is due; never after the entry was written.
    pub as_of: NaiveDate,
    /// The rules in force.
    pub policy: Policy,
    /// What goes, in order, each partition once for each rule and tenant.
    pub parts: Vec<ExpiredPart>,
    /// Configured names of the warehouses that it goes from, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warehouses: Vec<String>,
    /// Hash of the plan that it was taken from.
    pub plan: String,
    /// Who confirmed that plan; none where the rules alone decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
}

/// A partition of the lake that is due, or what some entries added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiredPart {
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
    /// Name of the rule that decides, or `default`.
    pub rule: String,
    /// Last date on which the rule keeps the rows.
    pub last_day: NaiveDate,
    /// The `ingest` entries whose files of this partition are due.
    pub entries: Vec<Span>,
    /// Number of files.
    pub files: u64,
    /// Number of rows in the files.
    pub rows: u64,
    /// Size of the files in bytes.
    pub bytes: u64,
}

/// What orders the parts of a decision: date, table, category, source, tenant, rule.
pub type StoredPlace<'a> = (
    NaiveDate,
    Table,
    Option<&'a str>,
    &'a str,
    Option<&'a str>,
    &'a str,
);

impl ExpiredPart {
    /// Its place in the order of a decision, which no other part has.
    pub fn place(&self) -> StoredPlace<'_> {
        (
            self.date,
            self.table,
            self.category.as_deref(),
            &self.source,
            self.tenant.as_deref(),
            &self.rule,
        )
    }

    /// Whether the files that an entry added to a partition are meant. Nothing is said of tenants: all
    /// files of an entry in a partition go together.
    pub fn takes(&self, sequence: u64, file: &super::FileEntry) -> bool {
        self.is_where(file) && self.entries.iter().any(|span| span.contains(sequence))
    }

    /// Whether a file belongs to the partition.
    pub fn is_where(&self, file: &super::FileEntry) -> bool {
        file.date == self.date
            && file.table == self.table
            && file.category.as_deref() == self.category.as_deref()
            && file.source == self.source
    }
}

/// What became of a `retention` decision, or of a part of it: one or several `done` entries, the last of
/// which leaves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retained {
    /// Warehouses that have nothing of it any more since now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warehouses: Vec<WarehouseExpired>,
    /// What became of the files of the lake; none where they were not tried now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesExpired>,
    /// Warehouses that nobody can reach any more, so that nobody can say what they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
    /// Warehouses that are still to be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// From where what is gone could be brought back, and until when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recoverable: Vec<Recoverable>,
}

/// A warehouse in which a decision is not carried out, because somebody states that it no longer can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenUp {
    /// Name under which the warehouse was configured.
    pub warehouse: String,
    /// Why it cannot be carried out, in that person's words.
    pub reason: String,
    /// Who stated it.
    pub by: String,
}

/// What retention deleted from a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarehouseExpired {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// The tables that rows were deleted from; a table that does not exist is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableExpired>,
}

/// What retention deleted from a table. A count afterwards found nothing left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableExpired {
    /// Table that the rows were deleted from.
    pub table: Table,
    /// When the table was created, in milliseconds of the Unix epoch; a table that was recreated has
    /// another value.
    pub incarnation: u64,
    /// Number of deleted rows, as the service reports it; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Entries whose loads had ended and whose other rows are in the table; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loaded: Vec<Span>,
}

/// What became of files of the lake that were to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesExpired {
    /// Number of files that were removed.
    pub removed: u64,
    /// Size of the removed files in bytes.
    pub bytes: u64,
    /// Of the removed, files whose content the store still keeps as an older version. Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u64,
    /// Number of files that did not exist any more. Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// Files that a lock of the store still protects, by name; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedFile>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A file that a lock of the store still protects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedFile {
    /// Name of the file in the bucket.
    pub path: String,
    /// When the lock ends; absent if the store does not say.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "some_instant"
    )]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub until: Option<DateTime<Utc>>,
}

/// From where something that was deleted could still be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recoverable {
    /// Name of the warehouse, or `lake`.
    pub place: String,
    /// By which mechanism.
    pub by: RecoverableBy,
    /// Until when; absent if that is not known.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "some_instant"
    )]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub until: Option<DateTime<Utc>>,
}

/// A mechanism that can restore what was deleted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RecoverableBy {
    /// BigQuery's time travel: anyone who may read the table can read it as it was.
    TimeTravel,
    /// BigQuery's fail-safe: Google's support can restore the table.
    FailSafe,
    /// The object store keeps older versions.
    Versions,
    /// A lock of the object store protects older versions: not even the owner can remove them before it
    /// ends.
    Lock,
    /// The object store keeps deleted objects for some time.
    SoftDelete,
}
