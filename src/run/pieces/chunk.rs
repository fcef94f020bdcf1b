//! A chunk: what one `ingest` entry commits. It holds rows of one UTC date that are new to the
//! lake, and is bounded in rows, bytes and time, so that a first catch-up of years survives being
//! killed.

use super::Piece;
use crate::ledger::entry::ImportedFile;
use crate::run::job::Job;
use crate::source::SHARES;
use chrono::NaiveDate;
use std::time::Duration;
use tokio::time::Instant;

/// How large a chunk may grow.
#[derive(Debug, Clone, Copy)]
pub(in crate::run) struct ChunkBounds {
    /// Records.
    pub(in crate::run) records: usize,
    /// Bytes of records as served.
    pub(in crate::run) bytes: u64,
    /// From its first piece to its commit.
    pub(in crate::run) time: Duration,
}

impl ChunkBounds {
    /// Those of a job.
    pub(in crate::run) fn of(job: &Job) -> Self {
        Self {
            records: usize::try_from(job.bounds.chunk_rows).unwrap_or(usize::MAX),
            bytes: job.bounds.memory / SHARES,
            time: job.bounds.chunk_time.max(Duration::from_secs(1)),
        }
    }
}

/// Pieces that are committed together.
#[derive(Debug, Default)]
pub(in crate::run) struct Chunk {
    pub(in crate::run) pieces: Vec<Piece>,
    /// The file that they are from, where they are imported.
    pub(in crate::run) imported: Option<ImportedFile>,
    date: Option<NaiveDate>,
    records: usize,
    bytes: u64,
    begun: Option<Instant>,
}

impl Chunk {
    /// Whether nothing was added yet.
    pub(in crate::run) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether a piece may be added without breaking the bounds or the rule of one date. A single
    /// piece is always taken: one response is the least there is.
    pub(in crate::run) fn takes(&self, piece: &Piece, bounds: &ChunkBounds) -> bool {
        let one_date = match (self.date, piece.date()) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        self.is_empty()
            || (one_date
                && self.records + piece.records.len() <= bounds.records
                && self.bytes + piece.bytes() <= bounds.bytes
                && self.begun.is_none_or(|begun| begun.elapsed() < bounds.time))
    }

    /// Whether no piece with a record will be taken any more.
    pub(in crate::run) fn is_full(&self, bounds: &ChunkBounds) -> bool {
        self.records >= bounds.records || self.bytes >= bounds.bytes
    }

    /// Whether it is larger than it may grow, by a single piece.
    pub(in crate::run) fn is_oversized(&self, bounds: &ChunkBounds) -> bool {
        self.bytes > bounds.bytes
    }

    /// Adds a piece.
    pub(in crate::run) fn push(&mut self, piece: Piece) {
        self.date = self.date.or(piece.date());
        self.records += piece.records.len();
        self.bytes += piece.bytes();
        self.begun.get_or_insert_with(Instant::now);
        self.pieces.push(piece);
    }
}
