//! What tables are to look like, and what they look like.

use crate::event::schema::Column;
use crate::lake::layout::Table;
use crate::ledger::columns::{BATCH_COLUMNS, COVERAGE_COLUMNS};
use std::collections::BTreeMap;

/// The label that says which lake a dataset or table belongs to.
pub const LAKE_LABEL: &str = "trailhouse-lake";

/// The tables of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableKind {
    /// The events of the lake.
    Events,
    /// The quarantine of the lake.
    Quarantine,
    /// The objects that were read. No warehouse has it yet, so it is not in [`Self::ALL`].
    Objects,
    /// One row for each `ingest` entry.
    Batches,
    /// What has been read, and holes.
    Coverage,
}

impl TableKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Events,
        Self::Quarantine,
        Self::Batches,
        Self::Coverage,
    ];

    /// The one that mirrors a table of the lake, row by row.
    pub const fn of(table: Table) -> Self {
        match table {
            Table::Events => Self::Events,
            Table::Quarantine => Self::Quarantine,
            Table::Objects => Self::Objects,
        }
    }

    /// Name in the warehouse and in the embedded engine.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Events => "audit_events",
            Self::Quarantine => "audit_quarantine",
            Self::Objects => "audit_objects",
            Self::Batches => "audit_batches",
            Self::Coverage => "audit_coverage",
        }
    }

    /// Its columns in stored order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Events => Table::Events.columns(),
            Self::Quarantine => Table::Quarantine.columns(),
            Self::Objects => Table::Objects.columns(),
            Self::Batches => BATCH_COLUMNS,
            Self::Coverage => COVERAGE_COLUMNS,
        }
    }

    /// What it is, for people who find it in a catalogue.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Events => {
                "Audit events, one row each: who did what, when, from where, with what outcome"
            }
            Self::Quarantine => {
                "Audit records that could not become events, and other readings of known ones, byte for \
                 byte"
            }
            Self::Objects => "What was read of feeds that are delivered as objects",
            Self::Batches => {
                "What each ledger entry read and kept: the numbers behind audit_events"
            }
            Self::Coverage => "What has been read completely from each source, and the holes",
        }
    }
}

/// The tables with one row for each row of the lake.
pub(crate) const LOADED: [Table; 2] = [Table::Events, Table::Quarantine];

/// What a table is to look like.
#[derive(Debug, Clone)]
pub struct TableShape {
    /// What it is, for people.
    pub description: String,
    /// Its columns in order.
    pub columns: &'static [Column],
    /// The date column by whose days it is partitioned.
    pub partition: Option<&'static str>,
    /// The columns by which it is clustered, at most four.
    pub clustering: Vec<String>,
    /// Whether a query must name dates.
    pub require_partition_filter: bool,
    /// When the service may remove it, in milliseconds of the Unix epoch: tables that are left over
    /// where a rebuild was killed.
    pub expires_at: Option<i64>,
}

/// A column as a warehouse has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFound {
    /// Name.
    pub name: String,
    /// Type in GoogleSQL's words: `STRING`, `INT64`, `TIMESTAMP`.
    pub kind: String,
    /// `NULLABLE`, `REQUIRED` or `REPEATED`.
    pub mode: String,
    /// Its description; empty where it has none.
    pub description: String,
}

/// A table as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFound {
    /// Its name in the target.
    pub name: String,
    /// When it was made, in milliseconds of the Unix epoch. A table that was dropped and made again has
    /// another one: what was loaded before is not in it.
    pub incarnation: u64,
    /// Rows that it has, by the service's own books.
    pub rows: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its description.
    pub description: String,
    /// Its columns in order.
    pub columns: Vec<ColumnFound>,
    /// The column by whose days it is partitioned.
    pub partition: Option<String>,
    /// What partitions are expired after, in milliseconds; nothing where they stay.
    pub partition_expiration: Option<u64>,
    /// When the service removes the whole table or view, in milliseconds of the Unix epoch; `None` where
    /// it stays.
    pub expires_at: Option<i64>,
    /// The columns by which it is clustered.
    pub clustering: Vec<String>,
    /// Whether a query must name dates.
    pub require_partition_filter: bool,
    /// `TABLE`, `VIEW` or another kind of the service.
    pub kind: String,
    /// The whole of it as the service told it, so that a change keeps what this program does not know.
    pub told: serde_json::Value,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewShape {
    /// Name in the target.
    pub name: String,
    /// What it answers.
    pub description: String,
    /// GoogleSQL, with whole names of tables.
    pub sql: String,
}

/// A dataset as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFound {
    /// Where its data is, as the service names it (`EU`, `europe-west1`).
    pub location: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// For how many hours rows that were deleted from its tables can be read again; nothing where the
    /// service does not say. What BigQuery keeps beyond that, for seven days that nobody can change, it
    /// tells nobody.
    pub time_travel: Option<u32>,
    /// How many milliseconds after they were made its new tables and views are removed; `None` where they
    /// stay.
    pub table_expiration: Option<u64>,
    /// The same for partitions of new tables, by the day that they are for.
    pub partition_expiration: Option<u64>,
}
