//! What a run says at its end: recounts, and how sources and warehouses stand.

use super::objects::ObjectsCompared;
use super::retention::is_zero;
use super::warehouse::WarehouseOutcome;
use crate::origin::OriginCheck;
use crate::window::instant;
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of a recount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecountVerdict {
    /// Source and lake agree.
    Matched,
    /// The source has records that the lake lacks, although the date was read again.
    Gap,
    /// The source has fewer records than expected, for the first time. The next recount decides whether
    /// they were purged.
    Fewer,
    /// The source has fewer records than the lake in two recounts running: they were purged at the
    /// source.
    Purged,
}

/// What a recount compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictBy {
    /// Numbers of records.
    Count,
    /// The ids of all records, which were read again.
    Id,
    /// Lists of objects, for feeds that are read in objects.
    Listing,
}

/// One recount of one tenant and date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recount {
    /// Id of the source.
    pub source: String,
    /// Id of the tenant, or `*` for the feed across all tenants.
    pub tenant: String,
    /// UTC date that was counted.
    pub date: NaiveDate,
    /// When the source was asked.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// Whether the whole date was compared; false if part of it is a hole, has not been read or is too
    /// recent.
    pub whole: bool,
    /// What was compared.
    pub by: VerdictBy,
    /// Records that the source has of the date; objects if `by` is `listing`.
    pub source_count: u64,
    /// Records of the date that the source has ever shown: in the lake, in quarantine, or deleted by
    /// retention. Objects if `by` is `listing`.
    pub lake_count: u64,
    /// Records that the source should still have: `lake_count`, less what an earlier reading by id no
    /// longer found there. Absent in entries of version 1, where it equals `lake_count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Only in entries of version 1: records that the lake never had, because retention had deleted their
    /// date. Absent if 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expired: u64,
    /// The objects that were compared; absent if the feed is not read in objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsCompared>,
    /// The result.
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
    /// What was checked of what platforms prove of their objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<OriginCheck>,
}
