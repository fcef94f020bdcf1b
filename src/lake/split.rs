//! The split of a batch into partitions, and of rows into steps that are encoded one by one.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;

use super::layout::{Partition, Table};
use super::rows::{RowError, Rows};

/// Rows are encoded in steps of at most so many rows and kept bytes; a row group or part ends
/// between two steps.
const STEP_ROWS: usize = 8 * 1024;
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// The rows of one partition within a batch of all.
#[derive(Debug)]
pub struct PartitionRows {
    /// The partition.
    pub partition: Partition,
    /// Which rows, in the order of the table; none where they are all of them as they stand.
    indices: Option<Vec<usize>>,
}

/// Finds the rows of each partition, in the order of their table. No row is copied before
/// [`PartitionRows::steps`] does so, step by step.
///
/// # Errors
/// Rows with other columns, an unknown category, or a source id that cannot be part of a name.
pub fn split(table: Table, batch: &RecordBatch) -> Result<Vec<PartitionRows>, RowError> {
    let rows = Rows::new(table, batch)?;
    if rows.len() == 0 {
        return Ok(Vec::new());
    }
    let one = (1..rows.len()).all(|row| rows.same_partition(row - 1, row));
    if one && rows.out_of_order().is_none() {
        return Ok(vec![PartitionRows {
            partition: rows.partition(0)?,
            indices: None,
        }]);
    }
    let mut parts: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
    let mut at = 0;
    while at < rows.len() {
        let end = (at + 1..rows.len())
            .find(|&row| !rows.same_partition(at, row))
            .unwrap_or(rows.len());
        parts
            .entry(rows.partition(at)?)
            .or_default()
            .extend(at..end);
        at = end;
    }
    let parts = parts.into_iter().map(|(partition, mut indices)| {
        indices.sort_unstable_by(|&a, &b| rows.compare(a, b));
        PartitionRows {
            partition,
            indices: Some(indices),
        }
    });
    Ok(parts.collect())
}

impl PartitionRows {
    /// The rows, taken out of the batch that was split, step by step.
    ///
    /// # Errors
    /// Another batch than the one that was split.
    pub fn steps<'a>(
        &'a self,
        batch: &'a RecordBatch,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, RowError>> + 'a, RowError> {
        let rows = Rows::new(self.partition.table(), batch)?;
        let all = self.indices.as_ref().map_or(rows.len(), Vec::len);
        let mut from = 0;
        Ok(std::iter::from_fn(move || {
            if from == all {
                return None;
            }
            let step = match &self.indices {
                None => {
                    let length = step_length(all - from, |length| rows.kept_bytes(from, length));
                    from += length;
                    Ok(batch.slice(from - length, length))
                }
                Some(indices) => {
                    let rest = &indices[from..];
                    let kept = |row: &usize| rows.kept(*row).len();
                    let bytes = |length: usize| rest[..length].iter().map(kept).sum();
                    let length = step_length(rest.len(), bytes);
                    from += length;
                    let taken = rest[..length].iter().map(|row| *row as u64);
                    let taken = UInt64Array::from_iter_values(taken);
                    take_record_batch(batch, &taken).map_err(RowError::Order)
                }
            };
            Some(step)
        }))
    }
}

/// A part of a batch that is encoded at once.
pub(super) struct Step {
    pub(super) batch: RecordBatch,
    pub(super) kept_bytes: usize,
}

/// Cuts a batch into steps. One record larger than a step is a step of its own.
pub(super) fn steps(table: Table, batch: &RecordBatch) -> Result<Vec<Step>, RowError> {
    let rows = Rows::new(table, batch)?;
    let mut steps = Vec::with_capacity(rows.len() / STEP_ROWS + 1);
    let mut from = 0;
    while from < rows.len() {
        let length = step_length(rows.len() - from, |length| rows.kept_bytes(from, length));
        steps.push(Step {
            batch: batch.slice(from, length),
            kept_bytes: rows.kept_bytes(from, length),
        });
        from += length;
    }
    Ok(steps)
}

/// How many of `rest` rows make a step; `bytes` are the kept bytes of so many of them.
fn step_length(rest: usize, bytes: impl Fn(usize) -> usize) -> usize {
    let mut length = STEP_ROWS.min(rest);
    while length > 1 && bytes(length) > STEP_BYTES {
        length = length.div_ceil(2);
    }
    length
}
