//! Decisions of retention that are not done, in brief.

use crate::ledger::state::State;
use crate::window::some_instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// A decision that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenDecision {
    /// Its entry.
    pub decision: u64,
    /// The date as of which it was made.
    pub as_of: NaiveDate,
    /// Rows that go by it.
    pub rows: u64,
    /// Files that are still to be removed.
    pub files_left: u64,
    /// Of these, the ones that the store does not let go yet, and that are not asked for before their time.
    pub refused: u64,
    /// Until when it keeps the last of them, as far as it says.
    #[serde(skip_serializing_if = "Option::is_none", with = "some_instant")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    pub refused_until: Option<DateTime<Utc>>,
    /// Warehouses that are not rid of it.
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
            files_left: open.files_left().count() as u64,
            refused: open.waits_for_store(now).count() as u64,
            refused_until: open
                .waits_for_store(now)
                .map(|(_, until)| until)
                .max()
                .flatten(),
            warehouses_left: open.warehouses.iter().cloned().collect(),
        })
        .collect()
    }
}
