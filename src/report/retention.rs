//! Decisions about the lake that are not done, in brief.

use crate::ledger::state::State;
use crate::window::some_instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// A decision of retention that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenDecision {
    /// Sequence of the `retention` entry.
    pub decision: u64,
    /// The date for which the rules were applied.
    pub as_of: NaiveDate,
    /// Number of rows that the decision deletes.
    pub rows: u64,
    /// Number of files that are still to be removed.
    pub files_left: u64,
    /// Of `files_left`, files that a lock of the store still protects. They are not tried before it ends.
    pub refused: u64,
    /// When the last of the locks ends, as far as the store says; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none", with = "some_instant")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub refused_until: Option<DateTime<Utc>>,
    /// Names of the warehouses that still have rows to delete.
    pub warehouses_left: Vec<String>,
}

impl OpenDecision {
    /// All of a ledger at an instant, in order.
    pub fn all(state: &State, now: DateTime<Utc>) -> Vec<Self> {
        let open = state.retention.open.iter();
        open.map(|(decision, open)| Self {
            decision: *decision,
            as_of: open.decision.as_of,
            rows: open.decision.parts.iter().map(|part| part.rows).sum(),
            files_left: open.going().left().count() as u64,
            refused: open.going().waits_for_store(now).count() as u64,
            refused_until: open
                .going()
                .waits_for_store(now)
                .map(|(_, until)| until)
                .max()
                .flatten(),
            warehouses_left: open.warehouses.iter().cloned().collect(),
        })
        .collect()
    }
}

/// A decision to derive columns again that is not done yet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OpenRemapStatus {
    /// Sequence of the `remap` entry.
    pub decision: u64,
    /// Id of the source.
    pub source: String,
    /// Number of files that were replaced and are still to be removed.
    pub files_left: u64,
    /// Names of the warehouses whose rows are still to be replaced.
    pub warehouses_left: Vec<String>,
}

impl OpenRemapStatus {
    /// All of a ledger, in order.
    pub fn all(state: &State) -> Vec<Self> {
        let open = state.remaps.iter();
        open.map(|(decision, open)| Self {
            decision: *decision,
            source: open.source.clone(),
            files_left: open.going().left().count() as u64,
            warehouses_left: open.warehouses.iter().cloned().collect(),
        })
        .collect()
    }
}
