//! Spans of sequences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of ledger entries, both ends included. It means the `ingest` entries in it; entries of other
/// kinds may lie between.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Sequence of the first entry.
    pub from: u64,
    /// Sequence of the last entry.
    pub to: u64,
}

impl Span {
    /// Whether a sequence lies inside.
    pub const fn contains(self, sequence: u64) -> bool {
        self.from <= sequence && sequence <= self.to
    }
}
