//! What a service has to do so that the lake can be projected into it.

#[cfg(doc)]
use super::error::Class;
use super::error::WarehouseError;
use super::job::{JobId, JobState, JobWork, Started};
use super::statement::{Statement, StatementLimits};
#[cfg(doc)]
use super::table::ColumnFound;
use super::table::{DatasetFound, TableFound, TableShape, ViewShape};
use crate::event::schema::ColumnType;
use crate::waits::Waits;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// One warehouse, as far as a projection of the lake needs it.
///
/// **Durable** is what a job did once its state is [`JobState::Done`] without a failure; what a call
/// about datasets, tables and views did once it returned. **Atomic**: a job happens as a whole or not
/// at all. **Unique** is a job's id within the target's project and location: a second
/// [`start`](Self::start) of one id starts nothing, whoever asks and however the first one ended.
/// **Forgotten**: a service may forget jobs (some months later), and then takes the id again;
/// so nobody may conclude from an id that it never ran. **Who retries**: an implementation repeats,
/// within its own patience, calls that can be repeated safely; a caller repeats none, but looks again
/// at the next run.
///
/// An answer that cannot be understood is [`Class::Unknown`], never success: what was asked for may
/// have happened.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// What it is, for people and the ledger, such as `acme-audit.audit`.
    fn target(&self) -> &str;

    /// Where its data is; jobs run there.
    fn location(&self) -> &str;

    /// Where waits between two tries of a request are reported, where there are any.
    fn waits(&self) -> Option<&Waits> {
        None
    }

    /// How much it takes at once.
    fn limits(&self) -> &'static StatementLimits;

    /// A statement in the SQL of the service.
    fn sql(&self, statement: &Statement<'_>) -> String;

    /// The views of a projection, in the SQL of the service. Their names and what they answer are the same in
    /// every warehouse: those of `sql/views`.
    fn views(&self) -> Vec<ViewShape>;

    /// The name of a column's type, as [`ColumnFound::kind`] has it.
    fn type_name(&self, kind: ColumnType) -> &'static str;

    /// The dataset; `None` where there is none.
    async fn dataset(&self) -> Result<Option<DatasetFound>, WarehouseError>;

    /// Makes the dataset at the configured location with these labels. One that exists is
    /// [`Class::Exists`].
    async fn create_dataset(
        &self,
        description: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError>;

    /// A table as it is; `None` where there is none, or no dataset.
    async fn table(&self, name: &str) -> Result<Option<TableFound>, WarehouseError>;

    /// Makes a table. One that exists is [`Class::Exists`]. It may expire, or its partitions may, where the
    /// dataset has such a default: whoever makes one that is to stay looks at it afterwards.
    async fn create_table(
        &self,
        name: &str,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError>;

    /// Adds to a table what `shape` and `labels` have and it has not: columns, descriptions, labels,
    /// the demand for a partition filter. Keeps every property that this program does not know, and
    /// removes none. Changes nothing if the table has changed since it was read
    /// ([`Class::Conflict`]).
    async fn extend_table(
        &self,
        found: &TableFound,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError>;

    /// Has the service remove partitions so many milliseconds after the day that they are for, the ones
    /// that are there too; with nothing, never. Changes nothing else, and nothing at all if the table
    /// has changed since it was read ([`Class::Conflict`]). Zero, or a table that is not partitioned by
    /// days of a column, is [`Class::Refused`].
    async fn set_partition_expiration(
        &self,
        found: &TableFound,
        after: Option<u64>,
    ) -> Result<(), WarehouseError>;

    /// Has the service keep a table or view until somebody removes it. Changes nothing else, and nothing at
    /// all if it has changed since it was read ([`Class::Conflict`]). A default of the dataset gives each new
    /// table and view a time at which it is removed, and no request that makes one can say "never".
    async fn keep(&self, found: &TableFound) -> Result<(), WarehouseError>;

    /// Removes a table, if it is there.
    async fn drop_table(&self, name: &str) -> Result<(), WarehouseError>;

    /// Makes a view, or replaces the one of that name.
    async fn put_view(
        &self,
        view: &ViewShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError>;

    /// Starts a job, unless there is one of this id already: then [`Started::Exists`], which says
    /// nothing about what that one is or how it ends.
    async fn start(&self, id: &JobId, work: &JobWork) -> Result<Started, WarehouseError>;

    /// How a job stands; `None` where the service knows no such job at the target's location.
    async fn job(&self, id: &JobId) -> Result<Option<JobState>, WarehouseError>;

    /// All rows that a finished query returned, each value as text or null.
    async fn rows(&self, id: &JobId) -> Result<Vec<Vec<Option<String>>>, WarehouseError>;

    /// Bytes that a query would read and be billed for, without running it.
    async fn dry_run(&self, sql: &str) -> Result<u64, WarehouseError>;
}
