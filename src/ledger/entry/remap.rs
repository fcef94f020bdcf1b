//! What entries say about columns that were derived again from kept records.

use super::body::RedactionApplied;
use super::file::FileEntry;
use super::retention::{FilesExpired, GivenUp};
use crate::lake::layout::FilePath;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Body of a `remap` entry: files whose columns were derived by older mapping rules are replaced by files with the
/// same records, whose columns the rules in force have derived. The entry replaces them; the old files are removed and
/// the warehouses are changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remap {
    /// Source.
    pub source: String,
    /// Its platform.
    pub platform: String,
    /// The rows of the new files carry this id.
    pub batch_id: String,
    /// Version of the event schema.
    pub schema_version: i64,
    /// Version of the rules that made the columns now.
    pub mapping_version: i64,
    /// Number of rows that have another value now, by column.
    pub changed: BTreeMap<String, u64>,
    /// Redaction in force, which is that under which the records were kept.
    pub redaction: Vec<RedactionApplied>,
    /// The files that are replaced.
    pub replaced: Vec<ReplacedFile>,
    /// The files that replace them.
    pub files: Vec<FileEntry>,
    /// Configured names of the warehouses whose rows are to be replaced, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warehouses: Vec<String>,
    /// Hash of the plan that was confirmed.
    pub plan: String,
}

/// A file that another one replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplacedFile {
    /// The entry that added it.
    pub sequence: u64,
    /// UTC date of its rows.
    pub date: NaiveDate,
    /// Name in the bucket.
    pub path: FilePath,
    /// The file that has the same records in the same order under the same salt, and so the same root; absent where
    /// rows of it belong to another category now, which takes several files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<FilePath>,
}

/// What was done now of a `remap` decision: one `done` entry for each warehouse, and one or more for the old files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remapped {
    /// The warehouse that has the new rows since now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<RemappedWarehouse>,
    /// What became of the old files; absent where they were not tried now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesExpired>,
    /// A warehouse that nobody can reach any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
}

/// A warehouse whose rows were replaced by those of the new files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemappedWarehouse {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// When the table was created, in milliseconds of the Unix epoch; absent where there is no table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// Number of dates whose rows were replaced.
    pub dates: u64,
    /// Number of rows that the dates have now.
    pub rows: u64,
}
