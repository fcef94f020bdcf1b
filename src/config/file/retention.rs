//! `[retention]` as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long what is kept, in the lake and in every warehouse.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RetentionTable {
    /// How long everything is kept that no rule is about.
    #[schemars(example = &"400d")]
    pub default: KeepText,
    /// Whether each run applies the rules after it has loaded the warehouses. It then needs the permission
    /// to delete. Without this only `trailhouse retention apply` deletes.
    #[serde(default)]
    pub in_run: bool,
    /// Rules; of several that fit the first counts.
    #[serde(default)]
    pub rule: Vec<RetentionRuleTable>,
}

/// One rule of retention.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RetentionRuleTable {
    /// Its name in plans and in the ledger; otherwise its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"executions")]
    pub name: Option<String>,
    /// What it is about.
    #[schemars(example = json!({ "category": ["execution"] }))]
    pub r#match: MatchTable,
    /// How long that is kept.
    #[schemars(example = &"90d")]
    pub keep: KeepText,
}

/// What a rule is about; what it names must all fit.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1), example = json!({ "category": ["execution"] }))]
pub(in crate::config) struct MatchTable {
    /// Categories: authentication, access_control, resource_management, execution, data_access,
    /// system_configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["execution"])]
    pub category: Vec<String>,
    /// Platforms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["kestra"])]
    pub platform: Vec<String>,
    /// Ids of sources, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["kestra-prod"])]
    pub source: Vec<String>,
    /// Tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["finance"])]
    pub tenant: Vec<String>,
}

/// How long to keep something: a whole number with d, mo or y, or `forever`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = "^([0-9]+ ?(d|days?|mo|months?|y|years?)|forever)$"),
    example = "400d"
)]
pub(in crate::config) struct KeepText(pub String);
