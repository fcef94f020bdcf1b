//! What entries say about what is kept and what may go: holds and their release.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Body of a `hold` entry: what is not to be deleted, whatever any rule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The case that it is for; a case may have several holds.
    pub case: String,
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// Categories; empty for all. What has no category that says anything is held in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Sources; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub by: String,
    /// Last date on which it holds; without one it holds until it is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// Body of a `release` entry: the holds of a case end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The case.
    pub case: String,
    /// Why.
    pub reason: String,
    /// Who released it.
    pub by: String,
}
