//! `auth` of a `[[source]]` as it is written, with every way that any platform knows.

use crate::settings::tables::SecretTable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// How to sign in to a platform.
///
/// The schema of a platform's table keeps the ways that it knows, [`SignInWay`](super::SignInWay).
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(crate) struct AuthTable {
    /// An API token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bearer: Option<SecretTable>,
    /// A user name and password, sent with each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) basic: Option<UserTable>,
    /// An API key in a header that the platform names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<HeaderTable>,
    /// A user name and password, for which the platform gives a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<UserTable>,
    /// The id and secret of an application, for which a token endpoint gives tokens (OAuth 2.0 client
    /// credentials).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_credentials: Option<ClientCredentialsTable>,
    /// With application default credentials: those of the environment, `gcloud` or the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<bool>,
    /// With a credentials file: a service account key, or the configuration of workload identity
    /// federation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_account: Option<SecretTable>,
    /// Service account to impersonate after signing in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "reader@acme-audit.iam.gserviceaccount.com")]
    pub(crate) impersonate: Option<String>,
    /// No authentication; for demo and tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) none: Option<bool>,
}

/// An API key in a header.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderTable {
    /// Name of the header.
    #[schemars(example = "X-Api-Key")]
    pub(crate) name: String,
    /// Where the key is.
    #[schemars(example = json!({ "env": "NAME" }))]
    pub(crate) key: SecretTable,
}

/// A user name and password.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserTable {
    /// User name.
    #[schemars(example = "auditor@example.com")]
    pub(crate) username: String,
    /// Where the password is.
    #[schemars(example = json!({ "env": "NAME" }))]
    pub(crate) password: SecretTable,
}

/// The id and secret of an application.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientCredentialsTable {
    /// Address of the token endpoint.
    #[schemars(example = "https://login.example.com/oauth2/token")]
    pub(crate) token_url: String,
    /// Id of the application.
    #[schemars(example = "b1c6a2f4-3a53-4a8e-9f2c-3d1f6f0f6f10")]
    pub(crate) client_id: String,
    /// Where the secret of the application is.
    #[schemars(example = json!({ "env": "NAME" }))]
    pub(crate) client_secret: SecretTable,
    /// What the token is for: scopes, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "audit.read")]
    pub(crate) scope: Option<String>,
    /// Further fields of the token request, such as `audience` or `resource`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({ "audience": "https://api.example.com" }))]
    pub(crate) extra: BTreeMap<String, String>,
}
