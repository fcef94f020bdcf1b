//! What entries say about time.

use serde::{Deserialize, Serialize};

/// Body of a `clock` entry: a person confirms that the time of this entry is right, whatever the entries
/// before it say. From here on the ledger goes by it; see [`crate::clock::LedgerTime`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfirmation {
    /// Who confirms it.
    pub by: String,
    /// How they know, or what was wrong before.
    pub reason: String,
}
