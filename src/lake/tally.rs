//! What holds for the rows of one file: the same sums are taken when a file is written and when it
//! is checked.

use arrow::array::RecordBatch;

use super::facts::{FileStatistics, InstantRange};
use super::layout::Partition;
use super::rows::{SortKey, TableRows};
use crate::merkle::{FileSalt, Hash, RecordsRoot};

/// A row that cannot stand where it is, counted from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TallyFault {
    /// The row belongs to another partition by this column.
    Partition { row: u64, column: &'static str },
    /// The row does not come after the row before it.
    Order { row: u64 },
}

#[derive(Debug)]
pub(super) struct FileTally {
    records: RecordsRoot,
    last: Option<SortKey>,
    times: Option<InstantRange>,
    statistics: FileStatistics,
}

impl FileTally {
    pub(super) fn new(salt: &FileSalt) -> Self {
        Self {
            records: RecordsRoot::new(salt),
            last: None,
            times: None,
            statistics: FileStatistics::default(),
        }
    }

    /// Adds the next rows of a file of this partition.
    pub(super) fn add(
        &mut self,
        partition: &Partition,
        rows: &TableRows<'_>,
        batch: &RecordBatch,
    ) -> Result<(), TallyFault> {
        if rows.len() == 0 {
            return Ok(());
        }
        let before = self.records.rows();
        let place = |row: usize| before + row as u64;
        let outside = rows.outside(partition).or_else(|| {
            rows.off_date()
                .map(|row| (row, partition.table().time_column()))
        });
        if let Some((row, column)) = outside {
            let row = place(row);
            return Err(TallyFault::Partition { row, column });
        }
        let first = rows.key(0);
        let follows = self.last.as_ref().is_none_or(|last| *last < first);
        let unordered = if follows {
            rows.out_of_order()
        } else {
            Some(0)
        };
        if let Some(row) = unordered {
            return Err(TallyFault::Order { row: place(row) });
        }
        self.last = Some(rows.key(rows.len() - 1));
        self.times = join(self.times, rows.times());
        let kept_bytes = rows.kept_bytes(0, rows.len());
        self.statistics.add(partition.table(), batch, kept_bytes);
        for row in 0..rows.len() {
            self.records.push(rows.kept(row));
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> u64 {
        self.records.rows()
    }

    pub(super) fn root(&self) -> Hash {
        self.records.root()
    }

    pub(super) fn times(&self) -> Option<InstantRange> {
        self.times
    }

    pub(super) fn statistics(&self) -> FileStatistics {
        self.statistics.clone().stated()
    }
}

fn join(a: Option<InstantRange>, b: Option<InstantRange>) -> Option<InstantRange> {
    match (a, b) {
        (Some(a), Some(b)) => Some(InstantRange {
            first: a.first.min(b.first),
            last: a.last.max(b.last),
        }),
        (a, b) => a.or(b),
    }
}
