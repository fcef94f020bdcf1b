//! The ways to sign in, as they are configured.

use super::aws::AwsAuth;
use super::proof::CredentialError;
use reqwest::header::HeaderName;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// Where Google gives tokens for credentials that are not the machine's.
const GOOGLE_TOKENS: &str = "https://oauth2.googleapis.com/";

/// A secret by reference: each call of `reveal` reads it where it is kept.
#[derive(Clone)]
pub struct LazySecret(Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>);

impl LazySecret {
    /// A secret that `read` fetches; its error names the place and the reason, never the value.
    pub fn new(read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn reveal(&self) -> Result<SecretString, CredentialError> {
        (self.0)().map_err(CredentialError::unusable)
    }
}

impl fmt::Debug for LazySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How requests prove who sends them. `S` is a secret: the configuration has its place, a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth<S = LazySecret> {
    /// Not at all.
    None,
    /// `Authorization: Bearer` (RFC 6750), an API token.
    Bearer(S),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// User name, without a colon.
        username: String,
        /// Password.
        password: S,
    },
    /// An API key in a header that the platform names.
    Header {
        /// The header.
        name: HeaderName,
        /// Its value.
        key: S,
    },
    /// A token that the platform gives for a user name and password.
    Password(PasswordLogin<S>),
    /// Tokens by the client credentials grant of OAuth 2.0 (RFC 6749 section 4.4).
    ClientCredentials(ClientCredentials<S>),
    /// Tokens of Google Cloud.
    Google(GoogleAuth<S>),
    /// Each request is signed as a whole, as AWS asks for it.
    Aws(AwsAuth),
}

/// How to get a token for a user name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordLogin<S = LazySecret> {
    /// Where the platform gives tokens.
    pub url: Url,
    /// User name.
    pub username: String,
    /// Password.
    pub password: S,
}

/// How to get tokens for the id and secret of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials<S = LazySecret> {
    /// The token endpoint.
    pub token_url: Url,
    /// Id of the application.
    pub client_id: String,
    /// Secret of the application.
    pub client_secret: S,
    /// What the token is for: scopes, separated by spaces.
    pub scope: Option<String>,
    /// Further fields of the request, none of which the grant has itself.
    pub extra: BTreeMap<String, String>,
}

/// How to sign in to Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleAuth<S = LazySecret> {
    /// The JSON of a service account key, or of another kind that its `type` names: `external_account`
    /// (workload identity federation), `impersonated_service_account` or `authorized_user`. `None` means
    /// application default credentials: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the one of
    /// `gcloud auth application-default login`, or the metadata server of the machine.
    pub credentials: Option<S>,
    /// Service account to act as afterwards.
    pub impersonate: Option<String>,
}

impl<S> Auth<S> {
    /// Where it gets credentials, if a service gives them.
    pub fn sign_in_url(&self) -> Option<Url> {
        match self {
            Self::None
            | Self::Bearer(_)
            | Self::Basic { .. }
            | Self::Header { .. }
            | Self::Aws(_) => None,
            Self::Password(login) => Some(login.url.clone()),
            Self::ClientCredentials(client) => Some(client.token_url.clone()),
            Self::Google(_) => Url::parse(GOOGLE_TOKENS).ok(),
        }
    }
}
