//! How tables, views and the dataset are to be, and how they are.

#[cfg(doc)]
use super::statement::StatementLimits;
use crate::event::schema::Column;
use std::collections::BTreeMap;

/// The label that says which lake a dataset or table belongs to.
pub const LAKE_LABEL: &str = "trailhouse-lake";

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
    /// Its type, in the words of [`Warehouse::type_name`](super::Warehouse::type_name).
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
    /// The statement of a view.
    pub view: Option<String>,
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
    /// Its statement in the SQL of the service, with whole names of tables.
    pub sql: String,
}

/// A dataset as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFound {
    /// Where its data is, as the service names it (`EU`, `europe-west1`).
    pub location: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// For how many hours rows that were deleted from its tables can be read again; `None` where the
    /// service does not say. What it keeps beyond that is in [`StatementLimits::fail_safe_days`].
    pub time_travel: Option<u32>,
    /// How many milliseconds after they were made its new tables and views are removed; `None` where they
    /// stay.
    pub table_expiration: Option<u64>,
    /// The same for partitions of new tables, by the day that they are for.
    pub partition_expiration: Option<u64>,
}
