//! Why nothing could be decided, or carried out.

use super::remap::RemapError;
use crate::ledger::log::LogError;

/// A plan was confirmed that is not what would be decided now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plan {confirmed} was confirmed, but the current plan is {found}")]
pub struct StalePlan {
    /// What was confirmed.
    pub confirmed: String,
    /// What would be decided.
    pub found: String,
}

/// Why a decision could not be made or receipted. What fails at a place is no such error: it is part of what is
/// returned, and tried again later.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LogError),
    /// Nothing bears out this machine's clock, and the kind needs that.
    #[error("{0}")]
    UnprovenClock(String),
    /// Another plan was confirmed.
    #[error(transparent)]
    Stale(#[from] StalePlan),
    /// Others have decided the same, or something about it each time that it was planned.
    #[error("another process has made the same decision meanwhile")]
    Overtaken,
    /// Columns could not be derived again.
    #[error(transparent)]
    Remap(#[from] RemapError),
    /// A plan has no id.
    #[error("the plan cannot be written: {0}")]
    Plan(#[from] serde_json::Error),
}
