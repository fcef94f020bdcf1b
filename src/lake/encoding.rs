//! How the columns of a data file are encoded: a pure function of table and number of rows, so that
//! the same rows always become the same bytes.
//!
//! Only encodings that every reader of the lake has had for years are used: plain, dictionary, and
//! `DELTA_BINARY_PACKED` for instants. Text is annotated `STRING` and never `JSON`, which BigQuery
//! cannot load.

use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{BloomFilterProperties, EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::layout::Table;

/// Readers parse this field as `<program> version <number>`; the number is that of these rules, not
/// of the program, so that a new release writes the same bytes.
const CREATED_BY: &str = "trailhouse version 1";

/// On audit records level 3 costs twice the time of level 1 and saves one per cent.
const ZSTD_LEVEL: i32 = 1;
/// Rows in a row group: many enough to compress, few enough that a reader can skip.
pub(super) const ROW_GROUP_ROWS: usize = 122_880;
/// Encoded bytes in a row group; BigQuery asks for at least this much.
pub(super) const ROW_GROUP_BYTES: usize = 16 * 1024 * 1024;
const PAGE_ROWS: usize = 16 * 1024;
/// A page of raw text is then some 500 records, which is what reading one window costs; and it stays
/// in the processor's cache while it is compressed.
const PAGE_BYTES: usize = 256 * 1024;
/// Below this number of rows a filter costs more than reading the rows.
pub(super) const BLOOM_ROWS: usize = 10_000;
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// What is known of a file's rows before the first is encoded.
#[derive(Debug, Default)]
pub(super) struct ForeseenSize {
    /// Whether filters are worth their bytes.
    pub(super) with_bloom: bool,
    /// Columns in which no row of the file has a value.
    pub(super) empty: Vec<String>,
}

/// Writer properties for a table.
pub(super) fn properties(
    table: Table,
    foreseen: &ForeseenSize,
    metadata: Vec<KeyValue>,
) -> Result<WriterProperties, ParquetError> {
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(metadata))
        .set_sorting_columns(Some(sorting(table)?));
    for column in table.columns() {
        let path = || ColumnPath::from(column.name);
        if column.storage.unique {
            builder = builder.set_column_dictionary_enabled(path(), false);
        }
        if column.storage.compact {
            builder = builder.set_column_compression(path(), Compression::UNCOMPRESSED);
        }
        if column.storage.without_range {
            builder = builder.set_column_statistics_enabled(path(), EnabledStatistics::None);
        }
        if column.storage.searched && foreseen.with_bloom {
            let filter = BloomFilterProperties::builder()
                .with_fpp(BLOOM_FALSE_POSITIVES)
                .with_max_ndv(ROW_GROUP_ROWS as u64)
                .build();
            builder = builder.set_column_bloom_filter_properties(path(), filter);
        }
    }
    for name in &foreseen.empty {
        let path = ColumnPath::from(name.as_str());
        builder = builder.set_column_compression(path, Compression::UNCOMPRESSED);
    }
    builder = builder
        .set_column_dictionary_enabled(ColumnPath::from(table.time_column()), false)
        .set_column_encoding(
            ColumnPath::from(table.time_column()),
            Encoding::DELTA_BINARY_PACKED,
        );
    Ok(builder.build())
}

/// What the footer says about the order of rows.
fn sorting(table: Table) -> Result<Vec<SortingColumn>, ParquetError> {
    let schema = table.schema();
    let mut columns = Vec::new();
    for name in table.order_columns() {
        let index = schema.index_of(name)?;
        let column_idx = i32::try_from(index)
            .map_err(|_| ParquetError::General(format!("column {name} has no small index")))?;
        columns.push(SortingColumn {
            column_idx,
            descending: false,
            nulls_first: false,
        });
    }
    Ok(columns)
}

/// The Parquet schema of a table.
pub(super) fn parquet_schema(schema: &Arc<Schema>) -> Result<SchemaDescriptor, ParquetError> {
    ArrowSchemaConverter::new()
        .schema_root("trailhouse")
        .convert(schema)
}
