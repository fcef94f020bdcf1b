//! What a run says at its end: recounts, and how sources and warehouses stand.

use super::objects::ObjectsCompared;
use super::retention::is_zero;
use super::warehouse::WarehouseOutcome;
use crate::window::instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a recount ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecountVerdict {
    /// Both sides agree.
    Matched,
    /// The source has records that the lake has not, although the date was read again.
    Gap,
    /// The source has fewer, for the first time: not yet called anything else.
    Fewer,
    /// The source has fewer than the lake accounts for, as at the recount before: purged at source.
    Purged,
}

/// What a recount compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictBy {
    /// Numbers only.
    Count,
    /// The ids of all records.
    Id,
    /// Listings of objects.
    Listing,
}

/// One recount of one tenant and date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recount {
    /// Source.
    pub source: String,
    /// Tenant.
    pub tenant: String,
    /// UTC date.
    pub date: NaiveDate,
    /// When the source was asked.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// Whether the whole date was closed by then, or only a part of it was counted.
    pub whole: bool,
    /// What was compared.
    pub by: VerdictBy,
    /// Records that the source has.
    pub source_count: u64,
    /// Records that the lake accounts for: all that the source ever showed of the date, as it counts them,
    /// live, in quarantine or lawfully deleted.
    pub lake_count: u64,
    /// Records that the source was expected to have. A reading by id finds how many are left of those
    /// that the lake accounts for, and later counts are held against that number: else a record that
    /// appears late would hide behind one that was purged. Absent in version 1, where it is `lake_count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Version 1 only: records that the lake never had, since they came too late for what was deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired: u64,
    /// The objects that were compared, where the feed is read in objects. By [`VerdictBy::Listing`] the counts
    /// are those of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsCompared>,
    /// How they compare.
    pub verdict: RecountVerdict,
}

/// Records dated after the run's now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Future {
    /// Source.
    pub source: String,
    /// Tenant.
    pub tenant: String,
    /// How many there are.
    pub records: u64,
}

/// The oldest record a source still has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Horizon {
    /// Source.
    pub source: String,
    /// Tenant.
    pub tenant: String,
    /// Time of the oldest record; none where the source has no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<DateTime<Utc>>,
}

/// How a source fared in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceOutcome {
    /// Source.
    pub source: String,
    /// Stable code of what failed; none where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Whether everything that the plan named was read.
    pub complete: bool,
}

/// Body of a `receipt` entry: one per run, and one where warehouses were loaded without a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// When the run began.
    #[serde(with = "instant")]
    pub started_at: DateTime<Utc>,
    /// How each source fared.
    pub sources: Vec<SourceOutcome>,
    /// Recounts of this run.
    pub recounts: Vec<Recount>,
    /// Records dated in the future.
    pub future: Vec<Future>,
    /// Horizons.
    pub horizons: Vec<Horizon>,
    /// How the warehouses stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warehouses: Vec<WarehouseOutcome>,
}
