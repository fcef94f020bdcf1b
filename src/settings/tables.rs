//! Values that many tables of the configuration have, as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where a secret is: an environment variable or a file, never the secret itself.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend("minProperties" = 1, "maxProperties" = 1),
    example = json!({ "env": "NAME" })
)]
pub(crate) struct SecretTable {
    /// Name of an environment variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"NAME")]
    pub env: Option<String>,
    /// Path of a file; a relative one starts at the folder of the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/etc/trailhouse/token")]
    pub file: Option<String>,
}

/// A length of time: whole numbers with the units w, d, h, m, s and ms.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"),
    example = "5m"
)]
pub(crate) struct DurationText(pub String);

/// An amount of memory: a whole number and a unit.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(
    inline,
    extend("pattern" = "^[0-9]+ ?(B|kB|MB|GB|KiB|MiB|GiB)$"),
    example = "64MiB"
)]
pub(crate) struct SizeText(pub String);

/// A length of time as a default.
pub(crate) fn lasting(text: &str) -> DurationText {
    DurationText(text.to_owned())
}
