//! Spans of sequences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of sequences, both ends inclusive. It stands for every `ingest` entry inside; entries of
/// other kinds have no rows, so they may lie inside too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// First sequence.
    pub from: u64,
    /// Last sequence.
    pub to: u64,
}

impl Span {
    /// Whether a sequence lies inside.
    pub const fn contains(self, sequence: u64) -> bool {
        self.from <= sequence && sequence <= self.to
    }
}
