//! Who we are to Google. Tokens come from `google-cloud-auth`, which keeps them until shortly before
//! they end; here they are handed to both clients, and fetched anew where the service refuses one.

use super::error::{Again, Failed};
use crate::foreign::Secrets;
use crate::http::{causes, lasting};
use crate::warehouse::Class;
use async_trait::async_trait;
use gcp_bigquery_client::auth::Authenticator;
use gcp_bigquery_client::error::BQError;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Builder, Credentials, external_account, impersonated, service_account,
    user_account,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// BigQuery reads the files of a load with the rights of the caller, so its own scope is not enough;
/// what the caller may do is said by IAM.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What the typed client sends to a service that asks for nothing.
const ANONYMOUS: &str = "anonymous";

/// How requests prove who sends them.
#[derive(Debug, Clone)]
pub enum BigQueryAuth {
    /// Application default credentials: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the
    /// one of `gcloud auth application-default login`, or the metadata server of the machine.
    Default,
    /// The JSON of a service account key, or of another kind that its `type` names:
    /// `external_account` (workload identity federation), `impersonated_service_account` or
    /// `authorized_user`.
    ServiceAccount(SecretString),
    /// Not at all: services on this machine that stand for BigQuery.
    None,
}

/// Gets tokens. Clones share what they have.
#[derive(Clone)]
pub(super) struct Signer(Arc<Inner>);

struct Inner {
    auth: BigQueryAuth,
    impersonate: Option<String>,
    patience: Duration,
    secrets: Secrets,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// How often credentials were made.
    making: u64,
    credentials: Option<AccessTokenCredentials>,
}

/// A token, and from which making of the credentials it is.
#[derive(Clone)]
pub(super) struct Token {
    making: u64,
    text: Option<SecretString>,
}

impl Token {
    /// The text, unless nothing is to be sent.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// Reads no credential and connects to nothing yet.
    pub(super) fn new(auth: BigQueryAuth, impersonate: Option<String>, patience: Duration) -> Self {
        let secrets = Secrets::default();
        if let BigQueryAuth::ServiceAccount(json) = &auth {
            learn(&secrets, json.expose_secret());
        }
        Self(Arc::new(Inner {
            auth,
            impersonate,
            patience,
            secrets,
            kept: Mutex::default(),
        }))
    }

    /// What the service may send back and nobody may see: what credentials hold, as far as we read them,
    /// and all tokens so far.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// A token that has not ended, as far as we know.
    ///
    /// # Errors
    /// The credentials are missing, are none, or are refused; or whoever gives tokens does not
    /// answer.
    pub(super) async fn token(&self) -> Result<Token, Failed> {
        self.newer_than(0).await
    }

    /// A token from newer credentials than those of `refused`. Where another request has made them
    /// anew in the meantime, these serve.
    pub(super) async fn renewed(&self, refused: &Token) -> Result<Token, Failed> {
        self.newer_than(refused.making).await
    }

    async fn newer_than(&self, making: u64) -> Result<Token, Failed> {
        let inner = &self.0;
        if matches!(inner.auth, BigQueryAuth::None) {
            return Ok(Token { making, text: None });
        }
        let (making, credentials) = self.credentials(making)?;
        let token = timeout(inner.patience, credentials.access_token()).await;
        let refused = match token {
            Ok(Ok(token)) => {
                inner.secrets.learn(&token.token);
                let text = Some(SecretString::from(token.token));
                return Ok(Token { making, text });
            }
            Ok(Err(refused)) => refused,
            Err(_) => {
                let waited = inner.patience.as_secs();
                let said = format!("signing in: no token within {waited} s");
                return Err(Failed {
                    again: Again::Patiently,
                    ..Failed::finally(Class::Transient, said)
                });
            }
        };
        let said = inner.secrets.line(&causes(&refused));
        let why = lasting(&refused);
        let said = match why {
            Some(why) => format!("{why}: {said}; {}", why.advice()),
            None => said,
        };
        let (class, again) = if refused.is_transient() && why.is_none() {
            (Class::Transient, Again::Patiently)
        } else {
            // The library has given up on these credentials; new ones are read the next time.
            self.forget(making);
            (Class::Denied, Again::No)
        };
        Err(Failed {
            again,
            ..Failed::finally(class, format!("signing in: {said}"))
        })
    }

    fn credentials(&self, newer_than: u64) -> Result<(u64, AccessTokenCredentials), Failed> {
        let mut kept = self.kept();
        if let Some(credentials) = &kept.credentials
            && kept.making > newer_than
        {
            return Ok((kept.making, credentials.clone()));
        }
        let credentials = self.0.make()?;
        kept.making += 1;
        kept.credentials = Some(credentials.clone());
        Ok((kept.making, credentials))
    }

    fn forget(&self, making: u64) {
        let mut kept = self.kept();
        if kept.making == making {
            kept.credentials = None;
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Authenticator for Signer {
    async fn access_token(&self) -> Result<String, BQError> {
        // Who asks has just been given this token: the reason of a failure was heard there.
        let token = self.token().await.map_err(|_| BQError::NoToken)?;
        Ok(token.text().unwrap_or(ANONYMOUS).to_owned())
    }
}

impl Inner {
    fn make(&self) -> Result<AccessTokenCredentials, Failed> {
        name_what_encrypts();
        let made = match &self.auth {
            BigQueryAuth::Default => {
                if let Some(json) = default_credentials() {
                    learn(&self.secrets, &json);
                }
                Builder::default()
                    .with_scopes([SCOPE])
                    .build_access_token_credentials()
                    .map_err(|error| causes(&error))
            }
            BigQueryAuth::ServiceAccount(json) => of_json(json.expose_secret()),
            BigQueryAuth::None => Err("there are no credentials".to_owned()),
        };
        let made = match (made, &self.impersonate) {
            (Ok(source), Some(principal)) => {
                impersonated::Builder::from_source_credentials(Credentials::from(source))
                    .with_target_principal(principal)
                    .with_scopes([SCOPE])
                    .build_access_token_credentials()
                    .map_err(|error| causes(&error))
            }
            (made, _) => made,
        };
        made.map_err(|said| {
            let said = format!("signing in: {}", self.secrets.line(&said));
            Failed::finally(Class::Denied, said)
        })
    }
}

/// The JSON of application default credentials where they are a file; whoever signs in says what is wrong
/// with it. Here it is only read for what must not be shown.
fn default_credentials() -> Option<String> {
    let named = std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    let of_gcloud = || {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        Some(home.join(".config/gcloud/application_default_credentials.json"))
    };
    let bytes = std::fs::read(named.or_else(of_gcloud)?).ok()?;
    crate::text::decode(&bytes).ok().map(str::to_owned)
}

/// Adds what nobody may see of credentials: a parser may quote what it could not take.
fn learn(known: &Secrets, json: &str) {
    let Ok(value) = serde_json::from_str(json) else {
        return;
    };
    for secret in secrets(&value) {
        known.learn(secret);
    }
}

/// Credentials of the kind that the JSON names. A user's own are not narrowed: the refresh token
/// says what they are for.
fn of_json(json: &str) -> Result<AccessTokenCredentials, String> {
    let value: Value =
        serde_json::from_str(json).map_err(|_| "the credentials are not JSON".to_owned())?;
    let Some(kind) = value.get("type").and_then(Value::as_str) else {
        return Err("the credentials do not name their `type`".to_owned());
    };
    let built = match kind {
        "service_account" => service_account::Builder::new(value)
            .with_access_specifier(service_account::AccessSpecifier::from_scopes([SCOPE]))
            .build_access_token_credentials(),
        "external_account" => external_account::Builder::new(value)
            .with_scopes([SCOPE])
            .build_access_token_credentials(),
        "impersonated_service_account" => impersonated::Builder::new(value)
            .with_scopes([SCOPE])
            .build_access_token_credentials(),
        "authorized_user" => user_account::Builder::new(value).build_access_token_credentials(),
        other => {
            return Err(format!(
                "credentials of the type `{other}` are not known; known are service_account, \
                 external_account, impersonated_service_account and authorized_user"
            ));
        }
    };
    built.map_err(|error| causes(&error))
}

/// The values in credentials that nobody may see, the longest first.
fn secrets(value: &Value) -> Vec<&str> {
    fn collect<'a>(value: &'a Value, secret: bool, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let named = ["key", "secret", "token"]
                        .iter()
                        .any(|word| key.contains(word));
                    collect(value, named, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, secret, found)),
            // `token_uri` and `subject_token_type` are no secrets, and errors need them.
            Value::String(text)
                if secret && !text.starts_with("http") && !text.starts_with("urn:") =>
            {
                found.push(text);
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(value, false, &mut found);
    found.retain(|text| text.len() >= 4);
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found
}

/// `google-cloud-auth` is built without a library that encrypts and takes the one of the process.
fn name_what_encrypts() {
    static NAMED: Once = Once::new();
    NAMED.call_once(|| {
        // It fails where the process has named one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests;
