//! Rows of `audit_events` in batches as they are written.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::{EventColumns, Full};
use crate::event::context::RowContext;
use crate::event::{Category, Event};

/// Rows and bytes at which a batch ends: what is built then stays in the processor's cache.
const BATCH_ROWS: usize = 2048;
const BATCH_BYTES: usize = 2 << 20;

/// Builds batches of `audit_events`, by category.
///
/// Rows of one date that are pushed in the order of time then stand as they are written: the
/// batches of a category are one partition of the lake, in order, and nothing has to be sorted or
/// copied again.
#[derive(Debug)]
pub struct EventBatches {
    context: RowContext,
    categories: BTreeMap<Category, EventRows>,
}

#[derive(Debug, Default)]
struct EventRows {
    ended: Vec<RecordBatch>,
    current: Option<EventColumns>,
}

/// A row that cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It is too large.
    #[error(transparent)]
    Full(#[from] Full),
    /// The batch that it ends does not fit the schema, which would be a mistake in this module.
    #[error(transparent)]
    Schema(#[from] ArrowError),
}

impl EventBatches {
    /// No rows yet.
    pub fn new(context: RowContext) -> Self {
        Self {
            context,
            categories: BTreeMap::new(),
        }
    }

    /// Adds the row of `event`, as [`EventColumns::push`] does.
    ///
    /// # Errors
    /// [`PushError`], and no row is added.
    pub fn push(&mut self, event: &Event<'_>, event_uid: &str) -> Result<(), PushError> {
        let rows = self.categories.entry(event.category).or_default();
        if let Some(current) = &mut rows.current
            && (current.len() >= BATCH_ROWS || current.bytes() + event.raw.len() > BATCH_BYTES)
        {
            rows.ended.push(current.finish()?);
            rows.current = None;
        }
        let begin = || EventColumns::with_room(self.context.clone(), BATCH_ROWS);
        let current = rows.current.get_or_insert_with(begin);
        Ok(current.push(event, event_uid)?)
    }

    /// The batches of each category that has rows, in the order pushed.
    ///
    /// # Errors
    /// As for [`EventColumns::finish`].
    pub fn finish(self) -> Result<Vec<Vec<RecordBatch>>, ArrowError> {
        let categories = self.categories.into_values();
        categories
            .map(|mut rows| {
                if let Some(mut current) = rows.current {
                    rows.ended.push(current.finish()?);
                }
                Ok(rows.ended)
            })
            .collect()
    }
}
