//! Which files a query must open, by what the ledger says of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;

use super::{instant, instant_type};
use crate::ledger::entry::FileEntry;

/// The files whose rows meet conditions on `columns`, which have one value in each file.
pub(super) fn with_rows<'f>(
    files: Vec<&'f FileEntry>,
    columns: &[&str],
    schema: &SchemaRef,
    conditions: &[Expr],
    session: &dyn Session,
) -> Result<Vec<&'f FileEntry>> {
    let Some(condition) = conjunction(conditions.iter().cloned()) else {
        return Ok(files);
    };
    let mut fields = Vec::with_capacity(columns.len());
    let mut values: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for name in columns {
        let field = schema.field_with_name(name)?;
        fields.push(field.clone().with_nullable(true));
        values.push(match *name {
            "dt" => dates(&files),
            "source" => Arc::new(sources(&files)),
            _ => Arc::new(categories(&files)),
        });
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)?;
    let known = DFSchema::try_from(rows.schema())?;
    let answer = session
        .create_physical_expr(condition, &known)?
        .evaluate(&rows)?
        .into_array(files.len())?;
    let answer = as_boolean_array(&answer)?;
    let keep = answer.iter().map(|answer| answer == Some(true));
    Ok(chosen(files, keep))
}

/// The files that may have a row that meets the conditions.
pub(super) fn with_possible_rows<'f>(
    files: Vec<&'f FileEntry>,
    schema: &SchemaRef,
    conditions: &[Expr],
    session: &dyn Session,
) -> Result<Vec<&'f FileEntry>> {
    let Some(condition) = conjunction(conditions.iter().cloned()) else {
        return Ok(files);
    };
    let known = DFSchema::try_from(Arc::clone(schema))?;
    let condition = session.create_physical_expr(condition, &known)?;
    let predicate = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .try_build(condition)?;
    let keep = predicate.prune(&ColumnRanges(&files))?;
    Ok(chosen(files, keep))
}

fn chosen(files: Vec<&FileEntry>, keep: impl IntoIterator<Item = bool>) -> Vec<&FileEntry> {
    let pairs = files.into_iter().zip(keep);
    pairs
        .filter_map(|(file, keep)| keep.then_some(file))
        .collect()
}

fn dates(files: &[&FileEntry]) -> ArrayRef {
    let dates = files.iter().map(|file| file.date.to_epoch_days());
    Arc::new(Date32Array::from_iter_values(dates))
}

fn sources(files: &[&FileEntry]) -> StringArray {
    StringArray::from_iter_values(files.iter().map(|file| file.source.as_str()))
}

fn categories(files: &[&FileEntry]) -> StringArray {
    files.iter().map(|file| file.category.as_deref()).collect()
}

/// What the ledger says of the values in files; NULL stands for what it does not say.
struct ColumnRanges<'f>(&'f [&'f FileEntry]);

#[derive(Clone, Copy)]
enum RangeEnd {
    Least,
    Greatest,
}

impl ColumnRanges<'_> {
    fn values(&self, column: &str, end: RangeEnd) -> Option<ArrayRef> {
        match column {
            "dt" => Some(dates(self.0)),
            "source" => Some(Arc::new(sources(self.0))),
            "category" => Some(Arc::new(categories(self.0))),
            "event_time" => {
                let times = self.0.iter().map(|file| {
                    let time = file.times.map(|times| match end {
                        RangeEnd::Least => times.first,
                        RangeEnd::Greatest => times.last,
                    });
                    match time {
                        Some(time) => Ok(instant(time)),
                        None => ScalarValue::try_from(&instant_type()),
                    }
                });
                let times = times.collect::<Result<Vec<_>>>().ok()?;
                ScalarValue::iter_to_array(times).ok()
            }
            _ if self.knows(column) => {
                let texts = self.0.iter().map(|file| {
                    let range = file.statistics.range(column)?;
                    match end {
                        RangeEnd::Least => range.min,
                        RangeEnd::Greatest => range.max,
                    }
                });
                Some(Arc::new(texts.collect::<StringArray>()))
            }
            _ => None,
        }
    }

    /// Whether any file has a range of this column.
    fn knows(&self, column: &str) -> bool {
        self.0
            .iter()
            .any(|file| file.statistics.range(column).is_some())
    }
}

impl PruningStatistics for ColumnRanges<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(&column.name, RangeEnd::Least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(&column.name, RangeEnd::Greatest)
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        match column.name.as_str() {
            "dt" | "source" => Some(Arc::new(UInt64Array::from(vec![0; self.0.len()]))),
            name if self.knows(name) => {
                let counts = self.0.iter().map(|file| {
                    let range = file.statistics.range(name);
                    range.map(|range| range.nulls)
                });
                Some(Arc::new(counts.collect::<UInt64Array>()))
            }
            _ => None,
        }
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.0.iter().map(|file| file.rows);
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    /// Lets equality with one of many texts leave out files by their ranges: longer lists than the
    /// engine turns into comparisons come here only.
    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let least = self.min_values(column)?;
        let greatest = self.max_values(column)?;
        let answers = (0..self.0.len()).map(|at| {
            if least.is_null(at) || greatest.is_null(at) {
                return None;
            }
            let least = ScalarValue::try_from_array(&least, at).ok()?;
            let greatest = ScalarValue::try_from_array(&greatest, at).ok()?;
            // Only values of one type can be compared; anything else may be inside.
            let outside = values.iter().all(|value| {
                matches!(value.partial_cmp(&least), Some(std::cmp::Ordering::Less))
                    || matches!(
                        value.partial_cmp(&greatest),
                        Some(std::cmp::Ordering::Greater)
                    )
            });
            if outside {
                return Some(false);
            }
            let single = least == greatest && values.contains(&least);
            let complete = matches!(column.name.as_str(), "dt" | "source" | "category");
            (single && complete).then_some(true)
        });
        Some(answers.collect())
    }
}
