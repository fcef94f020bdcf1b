//! What comes of a comparison.

use super::tally::FeedDate;
use crate::event::columns::{Full, PushError};
use crate::index::Fingerprint;
use crate::ledger::entry::{Changed, Covered, DayCount, HoleEntry};
use crate::run::error::RunError;
use crate::run::pieces::Piece;
use crate::source::objects::ListedSet;
use crate::window::{Coverage, Window};
use arrow::array::RecordBatch;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// What became of the records of a chunk.
#[derive(Debug, Default)]
pub(in crate::run) struct Compared {
    /// New rows of `audit_events`, the batches of each category in the order read.
    pub(in crate::run) events: Vec<Vec<RecordBatch>>,
    /// New rows of `audit_quarantine`.
    pub(in crate::run) quarantine: Option<RecordBatch>,
    /// New rows of the table of objects.
    pub(in crate::run) objects: Option<RecordBatch>,
    /// Windows covered first.
    pub(in crate::run) covered: Vec<Covered>,
    /// Windows read again.
    pub(in crate::run) reread: Vec<Covered>,
    /// Windows that could not be read.
    pub(in crate::run) holes: Vec<HoleEntry>,
    /// Counts by tenant and date.
    pub(in crate::run) days: Vec<DayCount>,
    /// Of each of these, records of windows read whole, as the source counts them.
    pub(in crate::run) read: Vec<u64>,
    /// Objects of windows read whole.
    pub(in crate::run) listed: BTreeMap<FeedDate, ListedSet>,
    /// Evidence of changes.
    pub(in crate::run) changed: Vec<Changed>,
    /// Ids of the new rows, and their dates.
    pub(in crate::run) ids: Vec<(Fingerprint, NaiveDate)>,
}

/// A chunk that does not fit into one batch of rows, or rows that do not fit the schema.
#[derive(Debug, thiserror::Error)]
pub(in crate::run) enum CompareError {
    /// Too many bytes.
    #[error("the records of one chunk are larger than a batch of rows can be")]
    Full,
    /// The rows could not be put together.
    #[error("rows cannot be put together: {0}")]
    Rows(#[from] arrow::error::ArrowError),
}

impl From<Full> for CompareError {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

impl From<PushError> for CompareError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Full(full) => full.into(),
            PushError::Schema(error) => error.into(),
        }
    }
}

impl From<CompareError> for RunError {
    fn from(error: CompareError) -> Self {
        Self::Compare(error.to_string())
    }
}

/// The windows that were read whole: those covered first, and those read again.
pub(in crate::run) fn windows(
    pieces: &[Piece],
    coverage: &BTreeMap<String, Coverage>,
) -> (Vec<Covered>, Vec<Covered>) {
    let nothing = Coverage::new();
    let mut first: BTreeMap<&str, Coverage> = BTreeMap::new();
    let mut again: BTreeMap<&str, Coverage> = BTreeMap::new();
    for piece in pieces.iter().filter(|piece| piece.is_whole()) {
        let before = coverage.get(&piece.tenant).unwrap_or(&nothing);
        for window in before.missing(&piece.window) {
            first.entry(&piece.tenant).or_default().insert(window);
        }
        for window in before.inside(&piece.window) {
            again.entry(&piece.tenant).or_default().insert(window);
        }
    }
    (listed(first), listed(again))
}

fn listed(sets: BTreeMap<&str, Coverage>) -> Vec<Covered> {
    sets.into_iter()
        .flat_map(|(tenant, set)| {
            let windows: Vec<Window> = set.into();
            windows.into_iter().map(move |window| Covered {
                tenant: tenant.to_owned(),
                window,
            })
        })
        .collect()
}
