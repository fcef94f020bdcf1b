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
    /// Its name.
    pub path: String,
    /// Its size.
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

/// A partition of the lake that goes, or some entries' share of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiredPart {
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
    /// The rule that decides, or `default`.
    pub rule: String,
    /// The last date on which it was kept.
    pub last_day: NaiveDate,
    /// The `ingest` entries whose files of this partition go.
    pub entries: Vec<Span>,
    /// Files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
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

/// A warehouse that a decision is not carried out in, because somebody says that it cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenUp {
    /// Its name when it was configured.
    pub warehouse: String,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: String,
}

/// What went from a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarehouseExpired {
    /// Its configured name.
    pub warehouse: String,
    /// What it is.
    pub target: String,
    /// Its tables; those that are not there are absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableExpired>,
}

/// What went from a table, which was counted to have nothing of it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableExpired {
    /// The table.
    pub table: Table,
    /// Its incarnation.
    pub incarnation: u64,
    /// Rows that were deleted, as the service counted them; none where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Entries whose loads had ended, and of which everything else is in the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loaded: Vec<Span>,
}

/// What became of files of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesExpired {
    /// Files that were removed.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of the removed, those whose content the store keeps as an older version.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden: u64,
    /// Files that were gone already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// Files that the store does not let go yet, in order of name.
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

/// A file that the store does not let go yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedFile {
    /// Its name.
    pub path: String,
    /// Until when; none where the store does not say.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "some_instant"
    )]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub until: Option<DateTime<Utc>>,
}

/// From where something that is gone could be brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recoverable {
    /// The place: a warehouse by its configured name, or `lake`.
    pub place: String,
    /// By what.
    pub by: RecoverableBy,
    /// Until when; none where nobody says.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "some_instant"
    )]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub until: Option<DateTime<Utc>>,
}

/// What brings something back that is gone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RecoverableBy {
    /// BigQuery: whoever may read the table reads it as it was.
    TimeTravel,
    /// BigQuery: Google's support brings the table back.
    FailSafe,
    /// An object store that keeps older versions.
    Versions,
    /// An object store with a lock on these versions: until then not even its owner can remove them.
    Lock,
    /// An object store that keeps deleted objects for some time.
    SoftDelete,
}
