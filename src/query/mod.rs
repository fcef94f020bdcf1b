//! SQL over a lake: the embedded engine, for one machine without any cloud.
//!
//! The tables are made from the folded state of the ledger and from nothing else:
//!
//! | table | rows |
//! |---|---|
//! | `audit_events` | the events of exactly the files that the ledger lists as live |
//! | `audit_quarantine` | records that could not become events, likewise |
//! | `audit_batches` | one row for each `ingest` entry |
//! | `audit_coverage` | what has been read completely, and the holes |
//!
//! The bucket is never listed, so a file that no entry names is never seen. What the ledger says of
//! a file (date, category, source, times, ranges of texts) decides whether it is opened at all
//! (`files`); inside a file, the Parquet reader skips row groups and pages.
//!
//! The dialect is that of BigQuery: `dialect` reads a statement, `analyze` checks it by the rules of GoogleSQL and puts
//! it into the words of the engine, `functions` has what it may call. One statement serves both, or is refused.
//! Statements only read: there is no way from SQL to files, to URLs or to settings.
//!
//! All instants are in UTC. Memory for sorting, grouping and joining is bounded ([`Limits`]);
//! sorts and groups that need more go through files in the temporary directory of the system,
//! which are gone when the query ends.

mod analyze;
mod asked;
mod coverage;
mod dialect;
pub mod error;
mod files;
mod functions;
mod limits;
mod selection;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::config::Dialect;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use futures::StreamExt;

use crate::lake::layout::Table;
use crate::ledger::state::State;
use crate::ledger::tables;
use crate::store::Bucket;
use asked::AskedDates;
pub use coverage::CoverageNote;
pub use error::QueryError;
use files::FileTable;
use limits::BYTES_PER_PART;
pub use limits::Limits;
pub use selection::Selection;

/// The name under which the engine knows the lake's store; nothing else can be reached.
const STORE_URL: &str = "lake://files";

/// Rows per batch. Rows hold whole records, so batches are smaller than usual.
const BATCH_ROWS: usize = 2048;

/// A lake as its ledger says it is at one moment, ready to be asked.
pub struct Lake {
    context: SessionContext,
    state: Arc<State>,
    limits: Limits,
}

impl Lake {
    /// The lake in this bucket as `state` says it is.
    ///
    /// # Errors
    /// Numbers of the ledger that no column can hold; an engine that cannot be set up.
    pub fn new(bucket: &Bucket, state: Arc<State>, limits: Limits) -> Result<Self, QueryError> {
        let context = context(limits).map_err(|error| QueryError::from_engine(error, limits))?;
        let register = |name: &str, table: Arc<dyn TableProvider>| {
            context
                .register_table(name, table)
                .map_err(|error| QueryError::from_engine(error, limits))
        };
        let url = ObjectStoreUrl::parse(STORE_URL)
            .map_err(|error| QueryError::from_engine(error, limits))?;
        context.register_object_store(url.as_ref(), Arc::clone(bucket.store()));
        for (name, table) in [
            ("audit_events", Table::Events),
            ("audit_quarantine", Table::Quarantine),
        ] {
            let files = FileTable::new(table, Arc::clone(&state), url.clone(), bucket.clone());
            register(name, Arc::new(files))?;
        }
        for (name, rows) in [
            ("audit_batches", tables::batches(&state)?),
            ("audit_coverage", tables::coverage(&state)?),
        ] {
            let table = MemTable::try_new(rows.schema(), vec![vec![rows]])
                .map_err(|error| QueryError::from_engine(error, limits))?;
            register(name, Arc::new(table))?;
        }
        Ok(Self {
            context,
            state,
            limits,
        })
    }

    /// Plans one statement and starts it. Rows come as they are asked for.
    ///
    /// # Errors
    /// Anything that is not one statement that reads, or that names what is not there.
    pub async fn sql(&self, sql: &str) -> Result<Rows, QueryError> {
        let read = dialect::read(sql)?;
        let engine = |error: DataFusionError| QueryError::from_engine(error, self.limits);
        let context = if read.may_fail {
            // The Parquet reader would take what a condition does not take for a fault of a file.
            let mut state = self.context.state();
            let options = state.config_mut().options_mut();
            options.execution.parquet.pushdown_filters = false;
            SessionContext::new_with_state(state)
        } else {
            self.context.clone()
        };
        let statement = Statement::Statement(Box::new(read.statement));
        let plan = context.state().statement_to_plan(statement).await;
        let plan = plan.map_err(engine)?;
        // The statement was checked as it was written; here it is checked as it was understood.
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(|_| QueryError::NotReading {
                statement: "this statement".to_owned(),
            })?;
        let session = context.state();
        let plan = session.optimize(&plan).map_err(engine)?;
        let sources: Vec<&str> = self.state.sources.keys().map(String::as_str).collect();
        let asked = AskedDates::of(&plan, &sources, &session).map_err(engine)?;
        let planner = session.query_planner();
        let plan = planner.create_physical_plan(&plan, &session).await;
        let stream = execute_stream(plan.map_err(engine)?, context.task_ctx());
        Ok(Rows {
            stream: stream.map_err(engine)?,
            state: Arc::clone(&self.state),
            asked,
            limits: self.limits,
        })
    }
}

/// The rows of a statement, in batches.
pub struct Rows {
    stream: SendableRecordBatchStream,
    state: Arc<State>,
    asked: Option<AskedDates>,
    limits: Limits,
}

impl Rows {
    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// Whether the lake has all records of the dates that the statement asks for; `None` where it asks for none.
    /// `has_rows` says whether it was answered with any row. Reads nothing.
    pub fn coverage(&self, has_rows: bool) -> Option<CoverageNote> {
        let asked = self.asked.as_ref()?;
        Some(CoverageNote::of(&self.state, asked, has_rows))
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// A file that cannot be read, values that a function does not take, or too little memory.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let batch = self.stream.next().await.transpose();
        batch.map_err(|error| QueryError::from_engine(error, self.limits))
    }
}

fn context(limits: Limits) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.parts())
        .with_batch_size(BATCH_ROWS)
        .with_default_catalog_and_schema("trailhouse", "audit");
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::BigQuery;
    options.sql_parser.map_string_types_to_utf8view = false;
    // BigQuery puts NULL first in ascending order.
    options.sql_parser.default_null_ordering = "nulls_min".to_owned();
    options.execution.time_zone = Some("UTC".to_owned());
    options.execution.sort_spill_reservation_bytes = BYTES_PER_PART / 16;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.parquet.schema_force_view_types = false;

    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
        .with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory),
        )
        .build_arc()?;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .build();
    let context = SessionContext::new_with_state(state);
    // `file://` is there by default; SQL has no way to it, and this takes away what it would find.
    let local = ObjectStoreUrl::local_filesystem();
    context.deregister_object_store(local.as_ref())?;
    for function in functions::natives() {
        context.register_udf(function);
    }
    Ok(context)
}
