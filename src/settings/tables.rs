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
    #[schemars(example = &"KESTRA_TOKEN")]
    pub env: Option<String>,
    /// Path of a file; a relative one starts at the folder of the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/etc/trailhouse/token")]
    pub file: Option<String>,
}

/// How to sign in to a platform.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    extend("minProperties" = 1, "maxProperties" = 1),
    example = json!({ "bearer": { "env": "NAME" } })
)]
pub(crate) struct AuthTable {
    /// An API token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "env": "KESTRA_TOKEN" }))]
    pub bearer: Option<SecretTable>,
    /// A user name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "username": "auditor", "password": { "env": "NAME" } }))]
    pub basic: Option<BasicTable>,
    /// No authentication; for demo and tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub none: Option<bool>,
}

/// A user name and password.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicTable {
    /// User name.
    #[schemars(example = "auditor@example.com")]
    pub username: String,
    /// Where the password is.
    #[schemars(example = json!({ "env": "KESTRA_PASSWORD" }))]
    pub password: SecretTable,
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
