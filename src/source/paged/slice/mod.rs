//! Deciding which windows to ask for, so that every slice is held whole by one response.
//!
//! A [`SlicePlan`] is a list of pieces of a window in order of time. It says what to ask next, takes
//! answers in whatever order they come, replaces a piece that holds too much or cannot be read by
//! smaller ones in its place, and hands finished pieces out from the front. It does no I/O and
//! reads no clock: the pieces are a function of the answers alone.

mod plan;
mod verdict;
mod walk;

#[cfg(test)]
mod tests;

pub(super) use plan::SlicePlan;
pub(super) use verdict::SeenPage;

pub(super) use crate::source::reading::ROW_BYTES;

use crate::source::SourceError;
use crate::window::Window;

/// What to ask a source for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// The first page of a window.
    Page {
        /// The window.
        window: Window,
        /// Rows at most.
        size: u32,
        /// Bytes of the response at most.
        bytes: u64,
    },
    /// Everything that can be had of one instant, in as many requests as it takes.
    Instant {
        /// The instant, one tick long.
        window: Window,
        /// Why one response did not do.
        trouble: Trouble,
    },
}

/// Why a window was not read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The source failed.
    Failed(SourceError),
    /// The source counts other rows than it returns, time and again.
    Disagrees {
        /// Rows by count.
        total: Option<u64>,
        /// Different records returned.
        distinct: u64,
    },
    /// More rows at one instant than could be united into a whole.
    Crowded {
        /// Rows by count.
        total: Option<u64>,
        /// Different records returned.
        distinct: u64,
    },
}

/// What a source said, with its records as `P`.
#[derive(Debug)]
pub(super) enum Answer<P> {
    /// To [`Ask::Page`].
    Page(Result<(SeenPage, P), SourceError>),
    /// To [`Ask::Instant`].
    Instant(Result<Instant<P>, SourceError>),
}

/// What could be had of one instant.
#[derive(Debug)]
pub(super) struct Instant<P> {
    /// The records.
    pub(super) payload: P,
    /// Why they may not be all.
    pub(super) trouble: Option<Trouble>,
    /// Requests it took.
    pub(super) requests: u32,
}

/// A finished piece.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<P> {
    /// Read whole.
    Whole {
        window: Window,
        payload: P,
        duplicates: u64,
        requests: u32,
    },
    /// Not read whole; `payload` is what was seen of it.
    Hole {
        window: Window,
        payload: Option<P>,
        trouble: Trouble,
        requests: u32,
    },
    /// The source failed here; nothing follows.
    Failed(SourceError),
}

/// How much may be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Questions without an answer, at most.
    pub(super) flying: usize,
    /// Pieces whose answer is held or awaited, at most. Only the first unfinished piece may go
    /// beyond, since all others wait for it.
    pub(super) held: usize,
    /// Bytes that those pieces may take, the first unfinished one not counted.
    pub(super) ahead: u64,
    /// Bytes of a response of more than the fewest rows, at most.
    pub(super) response: u64,
    /// Bytes of any response, at most.
    pub(super) largest: u64,
}
