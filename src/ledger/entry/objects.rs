//! What entries say of objects: which there are, in a few bytes.

use super::retention::is_zero;
use crate::ledger::digest::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of versions of objects: how many, and a digest that does not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectSet {
    /// Number of versions of objects.
    pub count: u64,
    /// The digests of all of them, combined by exclusive or.
    pub digest: Digest,
}

impl Default for ObjectSet {
    /// No object.
    fn default() -> Self {
        Self {
            count: 0,
            digest: NOTHING,
        }
    }
}

/// The digest of no object.
const NOTHING: Digest = Digest([0; 32]);

impl ObjectSet {
    /// Joins what an entry says of a date.
    pub fn join(&mut self, day: &DayObjects) {
        self.count = self.count.saturating_add_signed(day.count);
        self.digest = self.digest.xor(day.digest);
    }
}

/// What a chunk found of the objects of one tenant and date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DayObjects {
    /// Rows that it adds to the table of objects.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows: u64,
    /// How many more objects there are in windows that were read whole.
    pub count: i64,
    /// By what the digest of these changes.
    pub digest: Digest,
}

impl Default for DayObjects {
    fn default() -> Self {
        Self {
            rows: 0,
            count: 0,
            digest: NOTHING,
        }
    }
}

impl DayObjects {
    /// Whether it says nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The objects that source and lake have of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectsCompared {
    /// Objects that the source lists; if `by` is `id`, those that were read.
    pub source: ObjectSet,
    /// Objects that were read according to earlier ledger entries.
    pub lake: ObjectSet,
}
