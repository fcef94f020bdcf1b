//! The split of rows into partitions, and into steps that are encoded one by one.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};

use super::layout::{Partition, Table};
use super::rows::{RowError, SortKey, TableRows};

/// Rows are encoded in steps of at most so many rows and kept bytes; a row group or part ends
/// between two steps.
const STEP_ROWS: usize = 8 * 1024;
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// Splits rows into their partitions, each in the order of its table. Rows that are all of one
/// partition and in order are not copied.
///
/// # Errors
/// Rows with other columns, an unknown category, or a source id that cannot be part of a name.
pub fn split(
    table: Table,
    batches: Vec<RecordBatch>,
) -> Result<Vec<(Partition, Vec<RecordBatch>)>, RowError> {
    if let Some(partition) = stand_as_written(table, &batches)? {
        return Ok(vec![(partition, batches)]);
    }
    let all = concat_batches(&table.schema(), &batches).map_err(RowError::Order)?;
    drop(batches);
    let rows = TableRows::new(table, &all)?;
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
    parts
        .into_iter()
        .map(|(partition, mut indices)| {
            indices.sort_unstable_by(|&a, &b| rows.compare(a, b));
            let indices: UInt32Array = indices
                .into_iter()
                .map(|row| u32::try_from(row).ok())
                .collect();
            let part = take_record_batch(&all, &indices).map_err(RowError::Order)?;
            Ok((partition, vec![part]))
        })
        .collect()
}

/// The partition of all rows, if they are of one, and in order.
fn stand_as_written(table: Table, batches: &[RecordBatch]) -> Result<Option<Partition>, RowError> {
    let mut found: Option<(Partition, SortKey)> = None;
    for batch in batches {
        let rows = TableRows::new(table, batch)?;
        let Some(last) = rows.len().checked_sub(1) else {
            return Ok(None);
        };
        let partition = rows.partition(0)?;
        let follows = found
            .as_ref()
            .is_none_or(|(before, key)| *before == partition && *key < rows.key(0));
        let one = (1..rows.len()).all(|row| rows.same_partition(0, row));
        if !follows || !one || rows.out_of_order().is_some() {
            return Ok(None);
        }
        found = Some((partition, rows.key(last)));
    }
    Ok(found.map(|(partition, _)| partition))
}

/// A part of a batch that is encoded at once.
pub(super) struct EncodingStep {
    pub(super) batch: RecordBatch,
    pub(super) kept_bytes: usize,
}

/// Cuts a batch into steps. One record larger than a step is a step of its own.
pub(super) fn steps(table: Table, batch: &RecordBatch) -> Result<Vec<EncodingStep>, RowError> {
    let rows = TableRows::new(table, batch)?;
    let mut steps = Vec::with_capacity(rows.len() / STEP_ROWS + 1);
    let mut from = 0;
    while from < rows.len() {
        let length = step_length(rows.len() - from, |length| rows.kept_bytes(from, length));
        steps.push(EncodingStep {
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
