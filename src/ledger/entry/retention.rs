//! What entries say about what is kept and what may go: holds, their release, and what dead runs have
//! left.

use crate::window::instant;
use chrono::{DateTime, NaiveDate, Utc};
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

/// An object that a sweep removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweptObject {
    /// Its name.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// Body of a `sweep` entry: files that no entry names are to be removed. From here on no entry may name
/// them, however late the run that wrote them comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The files, in order of name, each once.
    pub objects: Vec<SweptObject>,
    /// All of them were written before this.
    #[serde(with = "instant")]
    pub older_than: DateTime<Utc>,
}
