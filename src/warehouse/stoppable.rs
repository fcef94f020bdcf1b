//! A warehouse whose calls end when the program is asked to stop, whatever the service does.

use crate::event::schema::ColumnType;
use crate::stop::{Stop, Stopped};
use crate::waits::Waits;
use crate::warehouse::contract::{
    Class, DatasetFound, JobId, JobState, JobWork, Started, Statement, StatementLimits, TableFound,
    TableShape, ViewShape, Warehouse, WarehouseError,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// Waits between tries are among what is cut off. A job that was started goes on, and the next run adopts
/// it.
pub struct StoppableWarehouse {
    inner: Arc<dyn Warehouse>,
    stop: Stop,
}

impl std::fmt::Debug for StoppableWarehouse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stoppable")
            .field(&self.inner.target())
            .finish()
    }
}

impl StoppableWarehouse {
    /// The same warehouse, which hears a request to stop.
    pub fn new(inner: Arc<dyn Warehouse>, stop: Stop) -> Self {
        Self { inner, stop }
    }

    /// A call that changes nothing.
    async fn read<T>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, WarehouseError>>,
    ) -> Result<T, WarehouseError> {
        self.call(Class::Transient, action, call).await
    }

    /// A call that may have changed something when it is cut off.
    async fn change<T>(
        &self,
        action: &str,
        call: impl Future<Output = Result<T, WarehouseError>>,
    ) -> Result<T, WarehouseError> {
        self.call(Class::Unknown, action, call).await
    }

    async fn call<T>(
        &self,
        class: Class,
        action: &str,
        call: impl Future<Output = Result<T, WarehouseError>>,
    ) -> Result<T, WarehouseError> {
        let answer = self.stop.within_grace(call).await;
        answer.unwrap_or_else(|stopped: Stopped| {
            Err(WarehouseError {
                class,
                target: self.inner.target().to_owned(),
                action: action.to_owned(),
                said: stopped.to_string(),
                retry_after: None,
            })
        })
    }
}

#[async_trait]
impl Warehouse for StoppableWarehouse {
    fn waits(&self) -> Option<&Waits> {
        self.inner.waits()
    }

    fn target(&self) -> &str {
        self.inner.target()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn limits(&self) -> &'static StatementLimits {
        self.inner.limits()
    }

    fn sql(&self, statement: &Statement<'_>) -> String {
        self.inner.sql(statement)
    }

    fn views(&self) -> Vec<ViewShape> {
        self.inner.views()
    }

    fn type_name(&self, kind: ColumnType) -> &'static str {
        self.inner.type_name(kind)
    }

    async fn dataset(&self) -> Result<Option<DatasetFound>, WarehouseError> {
        self.read("look at the dataset", self.inner.dataset()).await
    }

    async fn create_dataset(
        &self,
        description: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.create_dataset(description, labels);
        self.change("create the dataset", call).await
    }

    async fn table(&self, name: &str) -> Result<Option<TableFound>, WarehouseError> {
        let action = format!("look at table {name}");
        self.read(&action, self.inner.table(name)).await
    }

    async fn create_table(
        &self,
        name: &str,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.create_table(name, shape, labels);
        self.change(&format!("create table {name}"), call).await
    }

    async fn extend_table(
        &self,
        found: &TableFound,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.extend_table(found, shape, labels);
        self.change("extend a table", call).await
    }

    async fn set_partition_expiration(
        &self,
        found: &TableFound,
        after: Option<u64>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.set_partition_expiration(found, after);
        self.change("set the expiration of partitions", call).await
    }

    async fn keep(&self, found: &TableFound) -> Result<(), WarehouseError> {
        let call = self.inner.keep(found);
        self.change("lift the expiration of a table", call).await
    }

    async fn drop_table(&self, name: &str) -> Result<(), WarehouseError> {
        let action = format!("remove table {name}");
        self.change(&action, self.inner.drop_table(name)).await
    }

    async fn put_view(
        &self,
        view: &ViewShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let call = self.inner.put_view(view, labels);
        self.change("make a view", call).await
    }

    async fn start(&self, id: &JobId, work: &JobWork) -> Result<Started, WarehouseError> {
        let call = self.inner.start(id, work);
        self.change(&work.describe(), call).await
    }

    async fn job(&self, id: &JobId) -> Result<Option<JobState>, WarehouseError> {
        let action = format!("look at job {id}");
        self.read(&action, self.inner.job(id)).await
    }

    async fn rows(&self, id: &JobId) -> Result<Vec<Vec<Option<String>>>, WarehouseError> {
        let action = format!("read the rows of job {id}");
        self.read(&action, self.inner.rows(id)).await
    }

    async fn dry_run(&self, sql: &str) -> Result<u64, WarehouseError> {
        self.read("estimate a query", self.inner.dry_run(sql)).await
    }
}
