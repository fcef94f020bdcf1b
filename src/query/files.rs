//! `audit_events` and `audit_quarantine`: Parquet files that the ledger lists as live.
//!
//! A scan is made from what the entries say of each file, its size included, so nothing in the
//! bucket is listed or asked for before it is read. Files are left out in two ways:
//!
//! - All rows of a file have one date, one source and (events) one category. A condition on these
//!   columns alone is therefore true for all rows of a file or for none, and is decided here for
//!   good; `COUNT(*)` under such conditions opens no file.
//! - Any other condition leaves out the files that cannot have a matching row by their times and
//!   ranges of texts; what remains of it is left to the engine and the Parquet reader.

mod pruning;
mod reader;

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::error::QueryError;
use crate::event::schema::{event_schema, object_schema, quarantine_schema};
use crate::lake::layout::Table;
use crate::ledger::entry::FileEntry;
use crate::ledger::state::State;
use crate::ledger::tables::LedgerTableError;
use crate::store::Bucket;
use reader::Readers;

/// Up to this many files of a scan each bring their own statistics, by which the engine skips files
/// while it runs (`ORDER BY event_time DESC LIMIT 10`). They take about 15 KB a file.
const FILES_WITH_STATISTICS: usize = 1000;

/// One stored table of the lake.
#[derive(Debug)]
pub(super) struct FileTable {
    table: Table,
    schema: SchemaRef,
    state: Arc<State>,
    url: ObjectStoreUrl,
    readers: Arc<Readers>,
}

impl FileTable {
    pub(super) fn new(
        table: Table,
        state: Arc<State>,
        url: ObjectStoreUrl,
        bucket: Bucket,
    ) -> Self {
        let schema = match table {
            Table::Events => event_schema(),
            Table::Quarantine => quarantine_schema(),
            Table::Objects => object_schema(),
        };
        Self {
            table,
            schema,
            state,
            url,
            readers: Arc::new(Readers(bucket)),
        }
    }

    fn files(&self) -> Vec<&FileEntry> {
        self.state
            .live_files()
            .map(|live| &live.file)
            .filter(|file| file.table == self.table)
            .collect()
    }

    /// Names of the columns that have one value in each file.
    fn whole_file_columns(&self) -> &'static [&'static str] {
        match self.table {
            Table::Events => &["dt", "source", "category"],
            Table::Quarantine | Table::Objects => &["dt", "source"],
        }
    }

    /// Whether a condition is true for all rows of a file or for none.
    fn decides_whole_files(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        !columns.is_empty()
            && !filter.is_volatile()
            && columns
                .iter()
                .all(|column| self.whole_file_columns().contains(&column.name.as_str()))
    }

    /// What is known of some files together, or of one.
    fn statistics_of(&self, files: &[&FileEntry]) -> Result<Statistics> {
        let columns = self.schema.fields().iter().map(|field| {
            let mut column = ColumnStatistics::new_unknown();
            let range = match field.name().as_str() {
                "dt" => files
                    .iter()
                    .map(|file| Some((date(file.date), date(file.date))))
                    .collect::<Option<Vec<_>>>(),
                // Rows of quarantine without a time leave least and greatest as they are, but only
                // events all have one.
                "event_time" if self.table == Table::Events => files
                    .iter()
                    .map(|file| {
                        let times = file.times?;
                        Some((instant(times.first), instant(times.last)))
                    })
                    .collect(),
                "source" => one_value(files.iter().map(|file| Some(file.source.as_str()))),
                "category" => one_value(files.iter().map(|file| file.category.as_deref())),
                _ => None,
            };
            let least = range.iter().flatten().map(|(least, _)| least);
            let least = least.min_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            let most = range.iter().flatten().map(|(_, most)| most);
            let most = most.max_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            if let (Some(least), Some(most)) = (least, most) {
                column.min_value = Precision::Exact(least.clone());
                column.max_value = Precision::Exact(most.clone());
            }
            if !field.is_nullable() {
                column.null_count = Precision::Exact(0);
            }
            column
        });
        let sum = |of: fn(&FileEntry) -> u64| -> Result<usize> {
            let total = files
                .iter()
                .map(|file| of(file))
                .try_fold(0, u64::checked_add);
            total
                .and_then(|total| usize::try_from(total).ok())
                .ok_or_else(|| {
                    external(QueryError::Ledger(LedgerTableError::TooLarge {
                        column: "rows",
                    }))
                })
        };
        Ok(Statistics {
            num_rows: Precision::Exact(sum(|file| file.rows)?),
            total_byte_size: Precision::Inexact(sum(|file| file.bytes)?),
            column_statistics: columns.collect(),
        })
    }

    fn partitioned(&self, file: &FileEntry, with_statistics: bool) -> Result<PartitionedFile> {
        let location = Path::parse(file.path.to_string()).map_err(|_| {
            external(QueryError::Path {
                path: file.path.to_string(),
            })
        })?;
        let part = PartitionedFile::new_from_meta(ObjectMeta {
            location,
            last_modified: DateTime::<Utc>::UNIX_EPOCH,
            size: file.bytes,
            e_tag: None,
            version: None,
        })
        .with_extension(file.signed());
        if !with_statistics {
            return Ok(part);
        }
        let statistics = self.statistics_of(&[file])?;
        Ok(part.with_statistics(Arc::new(statistics)))
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| {
            Ok(if asks_elsewhere(filter)? {
                TableProviderFilterPushDown::Unsupported
            } else if self.decides_whole_files(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            })
        };
        filters.iter().map(answer).collect()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (whole, partly): (Vec<Expr>, Vec<Expr>) = filters
            .iter()
            .cloned()
            .partition(|filter| self.decides_whole_files(filter));
        let files = pruning::with_rows(
            self.files(),
            self.whole_file_columns(),
            &self.schema,
            &whole,
            session,
        )?;
        let files = pruning::with_possible_rows(files, &self.schema, &partly, session)?;
        if files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }

        let with_statistics = files.len() <= FILES_WITH_STATISTICS;
        let parts = files
            .iter()
            .map(|file| self.partitioned(file, with_statistics))
            .collect::<Result<Vec<PartitionedFile>>>()?;
        let groups = FileGroup::new(parts).split_files(session.config().target_partitions());
        let options = TableParquetOptions {
            global: session.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::clone(&self.readers) as _);
        let scan = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.statistics_of(&files)?)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }

    fn statistics(&self) -> Option<Statistics> {
        self.statistics_of(&self.files()).ok()
    }
}

/// Whether a condition needs the answer to another query.
fn asks_elsewhere(filter: &Expr) -> Result<bool> {
    filter.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    })
}

fn external(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Ranges of a text column with one value in each file.
fn one_value<'f>(
    values: impl Iterator<Item = Option<&'f str>>,
) -> Option<Vec<(ScalarValue, ScalarValue)>> {
    values
        .map(|value| {
            let value = ScalarValue::from(value?);
            Some((value.clone(), value))
        })
        .collect()
}

/// A date as a value of `dt`.
fn date(date: NaiveDate) -> ScalarValue {
    ScalarValue::Date32(Some(date.to_epoch_days()))
}

/// An instant as a value of `event_time`.
fn instant(instant: DateTime<Utc>) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), Some("UTC".into()))
}

/// The type of `event_time`.
fn instant_type() -> DataType {
    crate::event::schema::ColumnType::Timestamp.arrow()
}
