//! One dataset, as the contract asks for it.

use super::error::FailedCall;
use super::labels::check_labels;
use super::limits::LIMITS;
use super::settings::BigQuerySettings;
use super::sql::to_sql;
use super::transport::{BigQueryRequest, Tokens, Transport};
use super::types::type_name;
use super::{load, tables, views};
use crate::event::schema::ColumnType;
use crate::http::{AskAgain, causes};
use crate::waits::Waits;
use crate::warehouse::contract::{
    Class, DatasetFound, JobId, JobState, JobWork, Started, Statement, StatementLimits, TableFound,
    TableShape, ViewShape, Warehouse, WarehouseError,
};
use async_trait::async_trait;
use chrono::Utc;
use gcp_bigquery_client::Client;
use gcp_bigquery_client::client_builder::ClientBuilder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// One dataset of BigQuery.
pub struct BigQuery {
    pub(super) settings: BigQuerySettings,
    pub(super) target: String,
    pub(super) base: Url,
    pub(super) transport: Transport,
    pub(super) client: Client,
}

impl std::fmt::Debug for BigQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BigQuery")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl BigQuery {
    /// Makes the adapter; connects to nothing yet and reads no credential.
    ///
    /// # Errors
    /// [`Class::Refused`] where the settings cannot be right or the machine's certificates cannot be
    /// loaded.
    pub async fn open(settings: BigQuerySettings) -> Result<Self, WarehouseError> {
        let target = format!("{}.{}", settings.project, settings.dataset);
        let refuse = |said: String| {
            FailedCall::finally(Class::Refused, said).about(&target, "open it", Utc::now())
        };
        let base = settings.checked().map_err(refuse)?;
        let transport =
            Transport::new(&base, &settings).map_err(|error| refuse(error.to_string()))?;
        let client = ClientBuilder::new()
            .with_v2_base_url(format!("{base}bigquery/v2"))
            .with_client(transport.library().clone())
            .build_from_authenticator(Arc::new(Tokens(transport.signer().clone())))
            .await
            .map_err(|error| refuse(transport.secrets().line(&causes(&error))))?;
        Ok(Self {
            settings,
            target,
            base,
            transport,
            client,
        })
    }

    pub(super) fn url(&self, segments: &[&str]) -> Url {
        self.below(&["bigquery", "v2"], segments)
    }

    pub(super) fn below(&self, root: &[&str], segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // The address is http or https, which have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(root).extend(segments);
        }
        url
    }

    pub(super) fn dataset_url(&self) -> Url {
        let (project, dataset) = (&self.settings.project, &self.settings.dataset);
        self.url(&["projects", project, "datasets", dataset])
    }

    pub(super) fn tables_url(&self) -> Url {
        let (project, dataset) = (&self.settings.project, &self.settings.dataset);
        self.url(&["projects", project, "datasets", dataset, "tables"])
    }

    pub(super) fn table_url(&self, name: &str) -> Url {
        let (project, dataset) = (&self.settings.project, &self.settings.dataset);
        self.url(&["projects", project, "datasets", dataset, "tables", name])
    }

    /// The name by which SQL knows a table of the dataset, quoted.
    fn sql_name(&self, table: &str) -> String {
        format!("`{}.{table}`", self.target)
    }

    pub(super) fn reference(&self, table: &str) -> Value {
        json!({
            "projectId": self.settings.project,
            "datasetId": self.settings.dataset,
            "tableId": table,
        })
    }

    /// A table as it is; `None` where the service says that it, or its dataset, does not exist.
    async fn table_told(&self, name: &str) -> Result<Option<Value>, FailedCall> {
        match self
            .transport
            .send(&BigQueryRequest::get(self.table_url(name)))
            .await
        {
            Ok(told) => Ok(Some(told)),
            Err(failed) if absent(&failed) => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// The dataset as the service tells it.
    async fn dataset_told(&self) -> Result<Value, FailedCall> {
        self.transport
            .send(&BigQueryRequest::get(self.dataset_url()))
            .await
    }

    /// Makes something. After an answer that does not say what happened, it is looked for; whose it
    /// is cannot be told then, so it exists.
    async fn create(
        &self,
        request: &BigQueryRequest,
        made: MadeTable<'_>,
    ) -> Result<(), FailedCall> {
        let mut patience = self.transport.patience();
        loop {
            let failed = match self.transport.once(request).await {
                Ok(_) => return Ok(()),
                Err(failed) => failed,
            };
            if failed.class == Class::Unknown && self.is_there(made).await? {
                let said = "it exists, perhaps by this request, whose answer was lost";
                return Err(FailedCall::finally(Class::Exists, said));
            }
            patience.wait(failed).await?;
        }
    }

    async fn is_there(&self, made: MadeTable<'_>) -> Result<bool, FailedCall> {
        match made {
            MadeTable::Table(name) => Ok(self.table_told(name).await?.is_some()),
            MadeTable::Dataset => match self.dataset_told().await {
                Ok(_) => Ok(true),
                Err(failed) if absent(&failed) => Ok(false),
                Err(failed) => Err(failed),
            },
        }
    }

    /// Changes what still has the etag that it was told with. After an answer that does not say what
    /// happened, the thing itself tells.
    async fn change(
        &self,
        name: &str,
        told: &Value,
        changes: impl Fn(&Value) -> Option<Value> + Sync,
    ) -> Result<(), FailedCall> {
        let Some(body) = changes(told) else {
            return Ok(());
        };
        let etag = etag(told).ok_or_else(|| {
            let said = "the service gave no etag, so others' changes could be lost";
            FailedCall::finally(Class::Refused, said)
        })?;
        let request = BigQueryRequest::patch(self.table_url(name), &body, etag)?;
        let mut patience = self.transport.patience();
        let mut unclear = false;
        loop {
            let failed = match self.transport.once(&request).await {
                Ok(_) => return Ok(()),
                Err(failed) => failed,
            };
            unclear |= failed.class == Class::Unknown;
            if unclear && matches!(failed.class, Class::Unknown | Class::Conflict) {
                let now = self.table_told(name).await?.ok_or_else(|| {
                    FailedCall::finally(Class::Conflict, "it is gone since it was read")
                })?;
                if changes(&now).is_none() {
                    return Ok(());
                }
                if self::etag(&now) != Some(etag) {
                    let said = "it has changed since it was read";
                    return Err(FailedCall::finally(Class::Conflict, said));
                }
            }
            patience.wait(failed).await?;
        }
    }

    async fn view_put(
        &self,
        view: &ViewShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), FailedCall> {
        let mut patience = self.transport.patience();
        loop {
            let tried = match self.table_told(&view.name).await? {
                None => {
                    let body = tables::to_create_view(&self.reference(&view.name), view, labels);
                    let request = BigQueryRequest::post(self.tables_url(), &body);
                    self.transport.once(&request).await.map(drop)
                }
                Some(told) if told["type"] == "VIEW" => {
                    let changes = |told: &Value| tables::to_replace_view(told, view, labels);
                    self.change(&view.name, &told, changes).await
                }
                Some(_) => {
                    let said = "what has this name is not a view";
                    return Err(FailedCall::finally(Class::Refused, said));
                }
            };
            let failed = match tried {
                Ok(()) => return Ok(()),
                // Another one has put it meanwhile: look again.
                Err(failed) if matches!(failed.class, Class::Exists | Class::Conflict) => {
                    FailedCall {
                        again: AskAgain::AFewTimes,
                        ..failed
                    }
                }
                Err(failed) => failed,
            };
            patience.wait(failed).await?;
        }
    }

    /// The error of a call, with what was tried.
    fn failed(&self, action: &str) -> impl Fn(FailedCall) -> WarehouseError {
        move |failed| failed.about(&self.target, action, Utc::now())
    }

    fn refused(&self, action: &str) -> impl Fn(String) -> WarehouseError {
        move |said| self.failed(action)(FailedCall::finally(Class::Refused, said))
    }
}

/// What is to be made.
#[derive(Debug, Clone, Copy)]
enum MadeTable<'a> {
    Dataset,
    Table(&'a str),
}

/// Whether a refusal says that the table or dataset that was asked for does not exist.
fn absent(failed: &FailedCall) -> bool {
    failed.class == Class::NotFound
        && ["Not found: Table", "Not found: Dataset", "Not found: View"]
            .iter()
            .any(|words| failed.said.starts_with(words))
}

fn etag(told: &Value) -> Option<&str> {
    let etag = told.get("etag").and_then(Value::as_str);
    etag.filter(|etag| !etag.is_empty())
}

#[async_trait]
impl Warehouse for BigQuery {
    fn target(&self) -> &str {
        &self.target
    }

    fn location(&self) -> &str {
        &self.settings.location
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.transport.waits())
    }

    fn limits(&self) -> &'static StatementLimits {
        &LIMITS
    }

    fn sql(&self, statement: &Statement<'_>) -> String {
        to_sql(statement, |table| self.sql_name(table))
    }

    fn views(&self) -> Vec<ViewShape> {
        views::all(|table| self.sql_name(table))
    }

    fn type_name(&self, kind: ColumnType) -> &'static str {
        type_name(kind)
    }

    async fn dataset(&self) -> Result<Option<DatasetFound>, WarehouseError> {
        let failed = self.failed("read the dataset");
        let told = match self.dataset_told().await {
            Ok(told) => told,
            Err(refused) if absent(&refused) => return Ok(None),
            Err(refused) => return Err(failed(refused)),
        };
        let found = tables::dataset(&told).map_err(FailedCall::not_understood);
        found.map(Some).map_err(failed)
    }

    async fn create_dataset(
        &self,
        description: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let action = "create the dataset";
        check_labels(labels).map_err(self.refused(action))?;
        let body = json!({
            "datasetReference": {
                "projectId": self.settings.project,
                "datasetId": self.settings.dataset,
            },
            "location": self.settings.location,
            "description": description,
            "labels": labels,
        });
        let url = self.url(&["projects", &self.settings.project, "datasets"]);
        let created = self
            .create(&BigQueryRequest::post(url, &body), MadeTable::Dataset)
            .await;
        created.map_err(self.failed(action))
    }

    async fn table(&self, name: &str) -> Result<Option<TableFound>, WarehouseError> {
        let action = format!("read table {name}");
        load::table_name(name).map_err(self.refused(&action))?;
        let failed = self.failed(&action);
        let Some(told) = self.table_told(name).await.map_err(&failed)? else {
            return Ok(None);
        };
        let found = tables::found(name, told).map_err(FailedCall::not_understood);
        found.map(Some).map_err(failed)
    }

    async fn create_table(
        &self,
        name: &str,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let action = format!("create table {name}");
        load::table_name(name).map_err(self.refused(&action))?;
        check_labels(labels).map_err(self.refused(&action))?;
        let body = tables::to_create(&self.reference(name), shape, labels);
        let request = BigQueryRequest::post(self.tables_url(), &body);
        let created = self.create(&request, MadeTable::Table(name)).await;
        created.map_err(self.failed(&action))
    }

    async fn extend_table(
        &self,
        found: &TableFound,
        shape: &TableShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let action = format!("extend table {}", found.name);
        load::table_name(&found.name).map_err(self.refused(&action))?;
        check_labels(labels).map_err(self.refused(&action))?;
        let changes = |told: &Value| tables::to_extend(told, shape, labels);
        let changed = self.change(&found.name, &found.told, changes).await;
        changed.map_err(self.failed(&action))
    }

    async fn set_partition_expiration(
        &self,
        found: &TableFound,
        after: Option<u64>,
    ) -> Result<(), WarehouseError> {
        let action = format!("set when partitions of table {} expire", found.name);
        load::table_name(&found.name).map_err(self.refused(&action))?;
        tables::may_expire(found, after).map_err(self.refused(&action))?;
        let changes = |told: &Value| tables::to_expire(told, after);
        let changed = self.change(&found.name, &found.told, changes).await;
        changed.map_err(self.failed(&action))
    }

    async fn keep(&self, found: &TableFound) -> Result<(), WarehouseError> {
        let action = format!("let {} not expire", found.name);
        load::table_name(&found.name).map_err(self.refused(&action))?;
        let changed = self.change(&found.name, &found.told, tables::to_keep).await;
        changed.map_err(self.failed(&action))
    }

    async fn drop_table(&self, name: &str) -> Result<(), WarehouseError> {
        let action = format!("remove table {name}");
        load::table_name(name).map_err(self.refused(&action))?;
        match self.table_removed(name).await {
            Err(failed) if !absent(&failed) => Err(self.failed(&action)(failed)),
            _ => Ok(()),
        }
    }

    async fn put_view(
        &self,
        view: &ViewShape,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), WarehouseError> {
        let action = format!("put view {}", view.name);
        load::table_name(&view.name).map_err(self.refused(&action))?;
        check_labels(labels).map_err(self.refused(&action))?;
        let put = self.view_put(view, labels).await;
        put.map_err(self.failed(&action))
    }

    async fn start(&self, id: &JobId, work: &JobWork) -> Result<Started, WarehouseError> {
        let action = format!("start job {id} to {}", work.describe());
        let request = self.to_start(id, work).map_err(self.refused(&action))?;
        let started = self.started(id, &request).await;
        started.map_err(self.failed(&action))
    }

    async fn job(&self, id: &JobId) -> Result<Option<JobState>, WarehouseError> {
        let state = self.job_state(id).await;
        state.map_err(self.failed(&format!("read job {id}")))
    }

    async fn rows(&self, id: &JobId) -> Result<Vec<Vec<Option<String>>>, WarehouseError> {
        let rows = self.rows_told(id.as_str()).await;
        rows.map_err(self.failed(&format!("read the rows of job {id}")))
    }

    async fn dry_run(&self, sql: &str) -> Result<u64, WarehouseError> {
        let bytes = self.bytes_of(sql).await;
        bytes.map_err(self.failed("ask what a query reads"))
    }
}
