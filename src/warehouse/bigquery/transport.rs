//! The one place that sends requests of ours: says what may be sent twice, and hands answers on to be judged.

use super::error::{self, Effect, FailedCall};
use super::settings::BigQuerySettings;
use crate::foreign::Secrets;
use crate::http::auth::Signer;
use crate::http::{self, Client, HttpPatience, HttpSettings, SettingsError};
use crate::waits::Waits;
use crate::warehouse::contract::Class;
use async_trait::async_trait;
use bytes::Bytes;
use gcp_bigquery_client::auth::Authenticator;
use gcp_bigquery_client::error::BQError;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Most bytes of an answer. A page of results has some 5 MB.
const ANSWER_BYTES: usize = 16 << 20;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct BigQueryRequest {
    http: http::HttpRequest,
    effect: Effect,
    /// Whether the same request may be sent again although the first may have had its effect.
    repeatable: bool,
    /// Whether a success has a document.
    answered: bool,
}

impl BigQueryRequest {
    /// Reads.
    pub(super) fn get(url: Url) -> Self {
        Self {
            http: http::HttpRequest::get(url),
            effect: Effect::None,
            repeatable: true,
            answered: true,
        }
    }

    /// Changes something; whether it did is for the caller to find out where nobody says.
    pub(super) fn post(url: Url, body: &Value) -> Self {
        Self::changing(http::HttpRequest::post_json(url, body))
    }

    /// The same with content of another type.
    pub(super) fn content(url: Url, kind: &str, content: Bytes) -> Self {
        Self::changing(http::HttpRequest::post(url, kind, content))
    }

    /// Changes some properties of what still has this etag.
    pub(super) fn patch(url: Url, body: &Value, etag: &str) -> Result<Self, FailedCall> {
        let request = http::HttpRequest::patch_json(url, body, etag);
        let request =
            request.map_err(|_| FailedCall::finally(Class::Refused, "the etag is no header"))?;
        Ok(Self::changing(request))
    }

    /// Removes; to do so twice does no harm.
    pub(super) fn delete(url: Url) -> Self {
        Self {
            repeatable: true,
            answered: false,
            ..Self::changing(http::HttpRequest::delete(url))
        }
    }

    fn changing(http: http::HttpRequest) -> Self {
        Self {
            http,
            effect: Effect::Some,
            repeatable: false,
            answered: true,
        }
    }

    /// A POST that changes nothing.
    pub(super) fn without_effect(self) -> Self {
        Self {
            effect: Effect::None,
            repeatable: true,
            ..self
        }
    }
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Transport(Client);

impl Transport {
    /// A client for the service at this address.
    ///
    /// # Errors
    /// The machine's certificates cannot be loaded.
    pub(super) fn new(base: &Url, settings: &BigQuerySettings) -> Result<Self, SettingsError> {
        Client::new(HttpSettings {
            timeout: settings.timeout,
            retry: settings.retry,
            response_bytes: ANSWER_BYTES as u64,
            failure_bytes: ANSWER_BYTES,
            // BigQuery redirects nobody; whoever does is not BigQuery.
            redirects: false,
            ..HttpSettings::new(base.clone(), settings.auth.clone())
        })
        .map(Self)
    }

    /// The HTTP library's client, for the typed client.
    pub(super) fn library(&self) -> &reqwest::Client {
        self.0.library()
    }

    /// Longest time for one try.
    pub(super) fn timeout(&self) -> Duration {
        self.0.timeout()
    }

    /// Who signs.
    pub(super) fn signer(&self) -> &Signer {
        self.0.signer()
    }

    /// What the service may send back and nobody may see.
    pub(super) fn secrets(&self) -> &Secrets {
        self.0.secrets()
    }

    /// Where waits between two tries are reported.
    pub(super) fn waits(&self) -> &Waits {
        self.0.waits()
    }

    /// Begins to be patient.
    pub(super) fn patience(&self) -> HttpPatience<'_> {
        self.0.patience()
    }

    /// Sends a request until it is answered for good, or patience ends. Where it may have had its
    /// effect, only a request that may happen twice is sent again.
    pub(super) async fn send(&self, request: &BigQueryRequest) -> Result<Value, FailedCall> {
        let mut patience = self.patience();
        loop {
            let failed = match self.once(request).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            if failed.class == Class::Unknown && !request.repeatable {
                return Err(failed);
            }
            patience.wait(failed).await?;
        }
    }

    /// Sends a request once, and once more with a new token where the first is refused.
    pub(super) async fn once(&self, request: &BigQueryRequest) -> Result<Value, FailedCall> {
        let effect = request.effect;
        let answer = self.0.exchange(&request.http).await;
        let answer = answer.map_err(|unanswered| error::unanswered(unanswered, effect))?;
        if let Some(cut) = &answer.cut {
            return Err(error::of_body(&answer, cut, effect));
        }
        if !answer.status.is_success() {
            return Err(error::failure(&answer, effect, self.secrets()));
        }
        if !request.answered && answer.body.trim_ascii().is_empty() {
            return Ok(Value::Null);
        }
        // What says something where nothing is to be said is perhaps a page of somebody else's.
        error::document(&answer)
    }
}

/// What the typed client sends to a service that asks for nothing.
const ANONYMOUS: &str = "anonymous";

/// Tokens for the typed client.
#[derive(Clone)]
pub(super) struct Tokens(pub(super) Signer);

#[async_trait]
impl Authenticator for Tokens {
    async fn access_token(&self) -> Result<String, BQError> {
        // Who asks has just been given this token: the reason of a failure was heard there.
        let proof = self.0.proof().await.map_err(|_| BQError::NoToken)?;
        Ok(proof.token().unwrap_or(ANONYMOUS).to_owned())
    }
}
