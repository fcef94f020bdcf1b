//! Tokens that a service gives for a secret. One is kept until shortly before it ends, or until it is refused;
//! whoever needs another at the same time waits for the one that was asked for.

use super::proof::{CredentialError, Proof, Provider, bearer_text};
use crate::foreign::Secrets;
use crate::http::body::{BodyError, read_start};
use crate::http::causes::chain;
use crate::http::hopeless::{Hopeless, hopeless};
use crate::http::way::builder;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

/// A token is renewed so long before it ends, or a fifth of its time where that is less: a request that takes it
/// still has to arrive.
const BEFORE_END: Duration = Duration::from_secs(60);

/// How long a token that is still good is used after its renewal failed, before that is tried again.
const UNTIL_NEXT_TRY: Duration = Duration::from_secs(10);

/// Most bytes of a response that has a token.
const MOST_BYTES: usize = 256 * 1024;

/// How a token is asked for, and which settings that follows from.
pub(super) trait Grant: Send + Sync {
    /// Where tokens are given.
    fn url(&self) -> &Url;

    /// The request. Whatever nobody may see is added to `secrets`.
    ///
    /// # Errors
    /// The secret cannot be read.
    fn request(&self, secrets: &Secrets) -> Result<TokenRequest, CredentialError>;

    /// The setting with the address.
    fn url_setting(&self) -> &'static str;

    /// The settings that a refusal is about; `code` is that of RFC 6749 section 5.2, where there is one.
    fn refused_settings(&self, code: Option<&str>) -> &'static str;
}

/// A request for a token.
pub(super) struct TokenRequest {
    pub(super) content_type: &'static str,
    pub(super) body: SecretString,
}

/// Gets tokens and keeps them.
pub(super) struct IssuedTokens<G> {
    grant: G,
    patience: Duration,
    /// How often a token was asked for.
    asked: AtomicU64,
    kept: Mutex<KeptToken>,
}

#[derive(Default)]
struct KeptToken {
    client: Option<reqwest::Client>,
    /// The number of the newest token, from 1.
    reading: u64,
    token: Option<TimedProof>,
    /// How the newest request for a token failed, if it did.
    failure: Option<CredentialError>,
}

/// A token as a header, and when it ends, as far as that is known.
struct TimedProof {
    proof: Proof,
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

/// What a service answered to a request for a token.
struct TokenAnswer {
    status: u16,
    body: Bytes,
    cut: Option<BodyError>,
}

/// A token as it was given.
struct GivenToken {
    token: SecretString,
    lifetime: Option<Duration>,
}

#[async_trait]
impl<G: Grant> Provider for IssuedTokens<G> {
    async fn newer_than(&self, reading: u64, secrets: &Secrets) -> Result<Proof, CredentialError> {
        let asked = self.asked.load(Ordering::Acquire);
        let mut kept = self.kept.lock().await;
        let good = |time: Option<Instant>| time.is_none_or(|time| Instant::now() < time);
        let usable = (kept.token.as_ref()).filter(|_| kept.reading > reading);
        if let Some(token) = usable.filter(|token| good(token.renew_at)) {
            return Ok(token.proof.clone());
        }
        let usable = usable.filter(|token| good(token.ends_at));
        let usable = usable.map(|token| token.proof.clone());
        if self.asked.load(Ordering::Acquire) != asked
            && let Some(failure) = &kept.failure
        {
            // It was asked for while this request waited.
            return Err(failure.clone());
        }
        let began = Instant::now();
        let given = self.ask(&mut kept, secrets).await;
        self.asked.fetch_add(1, Ordering::AcqRel);
        let failure = match given.and_then(|given| kept.keep(given, began)) {
            Ok(proof) => return Ok(proof),
            Err(failure) => kept.failure.insert(failure).clone(),
        };
        match (usable, &mut kept.token) {
            (Some(proof), Some(token)) => {
                token.renew_at = Some(Instant::now() + UNTIL_NEXT_TRY);
                Ok(proof)
            }
            _ => Err(failure),
        }
    }
}

impl KeptToken {
    fn keep(&mut self, given: GivenToken, began: Instant) -> Result<Proof, CredentialError> {
        let proof = Proof::new(self.reading + 1, &bearer_text(given.token.expose_secret()))?;
        let after = |time: Duration| began.checked_add(time);
        let early = |time: Duration| time.saturating_sub(BEFORE_END.min(time / 5));
        self.reading += 1;
        self.failure = None;
        self.token = Some(TimedProof {
            proof: proof.clone(),
            renew_at: given.lifetime.map(early).and_then(after),
            ends_at: given.lifetime.and_then(after),
        });
        Ok(proof)
    }
}

impl<G: Grant> IssuedTokens<G> {
    pub(super) fn new(grant: G, patience: Duration) -> Self {
        Self {
            grant,
            patience,
            asked: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }

    async fn ask(
        &self,
        kept: &mut KeptToken,
        secrets: &Secrets,
    ) -> Result<GivenToken, CredentialError> {
        let request = self.grant.request(secrets)?;
        let client = match &kept.client {
            Some(client) => client.clone(),
            None => {
                // A secret goes nowhere but to the address that was configured for it.
                let built = builder(self.grant.url()).redirect(redirect::Policy::none());
                let client = built.build().map_err(|error| {
                    CredentialError::unusable(format!("signing in: {}", chain(error, secrets)))
                })?;
                kept.client.insert(client).clone()
            }
        };
        let known = kept.reading > 0;
        let answer = timeout(
            self.patience,
            Box::pin(self.send(&client, request, secrets)),
        )
        .await;
        match answer {
            Ok(Ok(answer)) => {
                let given = self.judge(&answer, known, secrets)?;
                secrets.learn(given.token.expose_secret());
                Ok(given)
            }
            Ok(Err(error)) => Err(self.unreachable(error, known, secrets)),
            Err(_) => Err(CredentialError {
                said: format!(
                    "signing in: no token from {} within {} s",
                    self.address(),
                    self.patience.as_secs()
                ),
                passes: true,
            }),
        }
    }

    async fn send(
        &self,
        client: &reqwest::Client,
        request: TokenRequest,
        secrets: &Secrets,
    ) -> Result<TokenAnswer, reqwest::Error> {
        let response = client
            .post(self.grant.url().clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, request.content_type)
            .body(request.body.expose_secret().to_owned())
            .send()
            .await?;
        let status = response.status().as_u16();
        let (body, cut) = read_start(response, MOST_BYTES, secrets).await;
        Ok(TokenAnswer { status, body, cut })
    }

    fn unreachable(
        &self,
        error: reqwest::Error,
        known: bool,
        secrets: &Secrets,
    ) -> CredentialError {
        let why = hopeless(&error);
        let address = self.address();
        let said = chain(error, secrets);
        CredentialError {
            said: match why {
                Some(why) => format!("signing in at {address}: {why}: {said}; {}", why.advice()),
                None => format!("signing in at {address}: {said}"),
            },
            passes: match why {
                None => true,
                // Name servers have bad moments, too.
                Some(Hopeless::NoSuchHost) => known,
                Some(_) => false,
            },
        }
    }

    /// What a response means:
    ///
    /// | response | means | may pass |
    /// |---|---|---|
    /// | a success with a token | the token | |
    /// | a success that breaks off, 408, 425, 429, 5xx but 501 | not now | yes |
    /// | a success without a token, a redirect, 404, 405, 410, 501, any web page | another service answers | where tokens came before |
    /// | 407 | the proxy wants credentials | no |
    /// | any other | refused | no |
    fn judge(
        &self,
        answer: &TokenAnswer,
        known: bool,
        secrets: &Secrets,
    ) -> Result<GivenToken, CredentialError> {
        let TokenAnswer { status, body, cut } = answer;
        let address = self.address();
        let document: Option<Value> = serde_json::from_slice(body).ok();
        let is_page = body.trim_ascii_start().starts_with(b"<");
        let failure = |said: String, passes: bool| Err(CredentialError { said, passes });
        match *status {
            200..=299 => {
                if let Some(given) = document.as_ref().and_then(GivenToken::read) {
                    return match document.as_ref().and_then(foreign_type) {
                        None => Ok(given),
                        Some(kind) => failure(
                            format!(
                                "signing in: {address} gives tokens of the type `{}`, and only bearer tokens are \
                                 supported",
                                secrets.line(kind)
                            ),
                            false,
                        ),
                    };
                }
                if let Some(cut) = cut {
                    return failure(format!("signing in at {address}: {cut}"), true);
                }
            }
            407 => {
                let why = Hopeless::ProxyCredentials;
                let said = format!("signing in at {address}: {why}; {}", why.advice());
                return failure(said, false);
            }
            408 | 425 | 429 | 500 | 502..=599 => {
                let said = format!("signing in: {address} failed with status {status}");
                return failure(said, true);
            }
            300..=399 | 404 | 405 | 410 | 501 => {}
            _ if is_page => {}
            _ => {
                let code = document.as_ref().and_then(|it| it.get("error")?.as_str());
                let words = words(document.as_ref(), body, cut.is_some(), secrets);
                let said = format!(
                    "signing in: {address} refused with status {status}{words}; check {}",
                    self.grant.refused_settings(code)
                );
                return failure(said, false);
            }
        }
        failure(
            format!(
                "signing in: {address} answered with status {status} and no token; check {}",
                self.grant.url_setting()
            ),
            known,
        )
    }

    /// The address for people: a query may hold anything.
    fn address(&self) -> String {
        let mut url = self.grant.url().clone();
        url.set_query(None);
        url.to_string()
    }
}

impl GivenToken {
    fn read(document: &Value) -> Option<Self> {
        let token = document.get("access_token")?.as_str()?;
        let seconds = match document.get("expires_in") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(number) => number.as_f64(),
            None => lifetime_of_jwt(token),
        };
        let lifetime = seconds.filter(|seconds| *seconds > 0.0);
        (!token.is_empty()).then(|| Self {
            token: SecretString::from(token),
            lifetime: lifetime.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        })
    }
}

/// The type of a token, where it is not one of a bearer.
fn foreign_type(document: &Value) -> Option<&str> {
    let kind = document.get("token_type")?.as_str()?;
    (!kind.eq_ignore_ascii_case("bearer")).then_some(kind)
}

/// For how many seconds a token says that it is good, if it is a JWT (RFC 7519) that says so. Only the length
/// counts, so that no clock but ours does.
fn lifetime_of_jwt(token: &str) -> Option<f64> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("exp")?.as_f64()? - claims.get("iat")?.as_f64()?)
}

/// What a refusal says, as the rest of a sentence: foreign text, censored.
fn words(document: Option<&Value>, body: &[u8], cut: bool, secrets: &Secrets) -> String {
    let member = |name| document.and_then(|it| it.get(name)?.as_str());
    let members = ["error", "error_description", "detail", "message"].map(member);
    let parts: Vec<&str> = members.into_iter().flatten().collect();
    let line = match parts.is_empty() {
        true => secrets.line_of_bytes(body, cut),
        false => secrets.line(&parts.join(": ")),
    };
    match line.is_empty() {
        true => line,
        false => format!(": {line}"),
    }
}

#[cfg(test)]
mod tests;
