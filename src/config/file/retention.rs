//! `[retention]` as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long records are kept, in the lake and in every warehouse.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RetentionTable {
    /// How long to keep records that no rule applies to.
    #[schemars(example = &"400d")]
    pub default: KeepText,
    /// Whether each run applies the rules after it has loaded the warehouses. It then needs the permission
    /// to delete. Without this only `trailhouse retention apply` deletes.
    #[serde(default)]
    pub in_run: bool,
    /// Rules; the first one that applies wins.
    #[serde(default)]
    pub rule: Vec<RetentionRuleTable>,
}

/// One retention rule.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RetentionRuleTable {
    /// Name of the rule in plans and in the ledger; its number by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"executions")]
    pub name: Option<String>,
    /// What it applies to.
    #[schemars(example = json!({ "category": ["execution"] }))]
    pub r#match: MatchTable,
    /// How long to keep these records.
    #[schemars(example = &"90d")]
    pub keep: KeepText,
}

/// What a rule applies to; all conditions must hold.
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
    /// Complete ids of sources.
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
