//! Who we are to Google. Tokens come from `google-cloud-auth`, which keeps them until shortly before
//! they end; credentials are read again where the service refuses a token.

use super::proof::{CredentialError, Proof, Provider, bearer_text};
use super::ways::GoogleAuth;
use crate::foreign::Secrets;
use crate::http::causes::causes;
use crate::http::hopeless::lasting;
use async_trait::async_trait;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Builder, Credentials, external_account, impersonated, service_account,
    user_account,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Services read files with the rights of the caller, as BigQuery does those of a load, so their own scopes
/// are not enough; what the caller may do is said by IAM.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Gets tokens of Google Cloud.
pub(super) struct GoogleTokens {
    auth: GoogleAuth,
    patience: Duration,
    kept: Mutex<KeptToken>,
}

#[derive(Default)]
struct KeptToken {
    /// How often credentials were made: the number of a reading.
    making: u64,
    credentials: Option<AccessTokenCredentials>,
}

#[async_trait]
impl Provider for GoogleTokens {
    async fn newer_than(&self, making: u64, secrets: &Secrets) -> Result<Proof, CredentialError> {
        let (making, credentials) = self.credentials(making, secrets)?;
        let token = timeout(self.patience, credentials.access_token()).await;
        let refused = match token {
            Ok(Ok(token)) => {
                secrets.learn(&token.token);
                return Proof::new(making, &bearer_text(&token.token));
            }
            Ok(Err(refused)) => refused,
            Err(_) => {
                let waited = self.patience.as_secs();
                return Err(CredentialError {
                    said: format!("signing in: no token within {waited} s"),
                    passes: true,
                });
            }
        };
        let said = secrets.line(&causes(&refused));
        let why = lasting(&refused);
        let passes = refused.is_transient() && why.is_none();
        if !passes {
            // The library has given up on these credentials; new ones are read the next time.
            self.forget(making);
        }
        Err(CredentialError {
            said: match why {
                Some(why) => format!("signing in: {why}: {said}; {}", why.advice()),
                None => format!("signing in: {said}"),
            },
            passes,
        })
    }
}

impl GoogleTokens {
    pub(super) fn new(auth: GoogleAuth, patience: Duration) -> Self {
        Self {
            auth,
            patience,
            kept: Mutex::default(),
        }
    }

    fn credentials(
        &self,
        newer_than: u64,
        secrets: &Secrets,
    ) -> Result<(u64, AccessTokenCredentials), CredentialError> {
        let mut kept = self.kept();
        if let Some(credentials) = &kept.credentials
            && kept.making > newer_than
        {
            return Ok((kept.making, credentials.clone()));
        }
        let credentials = self.make(secrets)?;
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

    fn kept(&self) -> MutexGuard<'_, KeptToken> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, secrets: &Secrets) -> Result<AccessTokenCredentials, CredentialError> {
        name_what_encrypts();
        let made = match &self.auth.credentials {
            None => {
                if let Some(json) = default_credentials() {
                    learn(secrets, &json);
                }
                Builder::default()
                    .with_scopes([SCOPE])
                    .build_access_token_credentials()
                    .map_err(|error| causes(&error))
            }
            Some(json) => {
                let json = json.reveal()?;
                learn(secrets, json.expose_secret());
                of_json(json.expose_secret())
            }
        };
        let made = match (made, &self.auth.impersonate) {
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
            CredentialError::unusable(format!("signing in: {}", secrets.line(&said)))
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
