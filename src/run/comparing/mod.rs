//! Comparing what was read with what the lake holds: which records are new, known, changed, unfit or
//! expired, and the rows and counts that follow. Pure: no I/O, and the same input makes the same
//! rows.
//!
//! A record is the one of the lake that has its id, and whose tenant is not another one. Its time says
//! nothing: one that came back under another time is known, and changed. A record that cannot be read is
//! known by its bytes or, where its id can be read, by that.

// The decision over each record.
mod comparison;

// The same over each object.
mod objects;

// What they work with: what they are given, the counts, evidence, what the lake holds, what redaction leaves
// out.
mod context;

mod compared;

mod evidence;

mod known;

mod redacted;

mod tally;

#[cfg(test)]
mod tests;

pub(super) use compared::Compared;
pub(super) use comparison::compare;
pub(super) use context::ComparisonContext;
pub(super) use known::{KnownRecords, Shelf};
pub(super) use redacted::Redacted;
pub(super) use tally::FeedDate;
