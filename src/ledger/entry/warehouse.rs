//! What entries say about warehouses: how far each has been filled, and what was decided and done to
//! bring one back to what the ledger says.

use super::remap::Remapped;
use super::retention::Retained;
use super::span::Span;
use crate::lake::layout::Table;
use crate::window::instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one warehouse stands, in a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarehouseOutcome {
    /// Its configured name.
    pub warehouse: String,
    /// What it is: project and dataset.
    pub target: String,
    /// Where its data is.
    pub location: String,
    /// Stable code of what failed; none where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What became of its tables; those that could not be looked at are absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableOutcome>,
    /// The entry up to which `audit_batches` and `audit_coverage` tell the ledger, where they were
    /// written anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_tables: Option<u64>,
    /// Tables and views that the service was about to remove by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expiring: Vec<ExpiringTable>,
}

/// A table or view that the service will remove by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiringTable {
    /// Name of the table or view in the dataset.
    pub table: String,
    /// When the service removes it.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
}

/// What became of one table of a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableOutcome {
    /// The table.
    pub table: Table,
    /// When the warehouse's table was made, in milliseconds of the Unix epoch: another number, another
    /// table, and nothing that was said of the old one counts.
    pub incarnation: u64,
    /// Entries whose rows are all in the table, besides those that receipts named before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loaded: Vec<Span>,
    /// Rows of these entries.
    pub rows: u64,
    /// Loads that ended with an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedLoad>,
    /// How the rows were found to differ from the ledger, where they were counted by batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<RowsCounted>,
}

/// A load that ended with an error; all of its rows are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailedLoad {
    /// Sequence of the entry.
    pub sequence: u64,
    /// Number of load jobs that failed; the next one has this number.
    pub attempts: u32,
    /// Code that the service gave for the newest failure.
    pub reason: String,
}

/// How the rows of a table differ from the ledger, counted by batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowsCounted {
    /// Number of rows that the ledger counts as loaded and the table lacks.
    pub missing: u64,
    /// Number of rows that the table has on top of those that the ledger names for their batch.
    pub surplus: u64,
    /// Number of rows of batches that the ledger does not know.
    pub foreign: u64,
}

impl RowsCounted {
    /// Whether the table holds exactly what the ledger says.
    pub const fn fits(&self) -> bool {
        self.missing == 0 && self.surplus == 0 && self.foreign == 0
    }
}

/// Body of a `rebuild` entry: all rows of some dates of a table are to be replaced by those of the
/// files that the entries before this one have put into the lake. Until it is done, nobody else loads
/// rows of these dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RebuildBody {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// What it is.
    pub target: String,
    /// Where its data is.
    pub location: String,
    /// The table.
    pub table: Table,
    /// Its incarnation: a table that was made anew meanwhile is not touched.
    pub incarnation: u64,
    /// The dates, in order, each once.
    pub dates: Vec<NaiveDate>,
    /// Hash of what was shown to whoever confirmed it.
    pub plan: String,
}

/// Body of a `done` entry: what became of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Sequence of the decision.
    pub decision: u64,
    /// What happened.
    pub outcome: DoneOutcome,
}

/// How a decision ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "result")]
pub enum DoneOutcome {
    /// The dates hold exactly the rows of the ledger, by a count after the replacement.
    Rebuilt {
        /// Rows of these dates now.
        rows: u64,
    },
    /// The table is gone or was made anew, so there is nothing to replace.
    Void,
    /// What a sweep named is gone, but for what the store refused to remove.
    Swept {
        /// Objects that are gone.
        removed: u64,
        /// Objects that stay.
        refused: u64,
    },
    /// What a decision of retention named is gone, or a part of it.
    Retained(Box<Retained>),
    /// A part of what replacing files by a decision left to be done.
    Remapped(Box<Remapped>),
}
