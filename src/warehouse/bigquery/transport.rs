//! The one place that sends requests of ours: signs, limits in time, hands answers on to be judged,
//! and repeats where that is safe.

use super::auth::{Signer, Token};
use super::error::{Again, Answer, Effect, Failed};
use crate::foreign::Secrets;
use crate::http::{BodyError, chain, client, header, is_html, lasting, read_body};
use crate::retry::{self, Retry};
use crate::waits::{Wait, Waits};
use crate::warehouse::Class;
use bytes::Bytes;
use chrono::Utc;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, IF_MATCH, RETRY_AFTER};
use reqwest::{Method, Response, redirect};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

/// Most bytes of an answer. A page of results has some 5 MB.
const ANSWER_BYTES: u64 = 16 << 20;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: Method,
    url: Url,
    content: Option<(String, Bytes)>,
    if_match: Option<String>,
    effect: Effect,
    /// Whether the same request may be sent again although the first may have had its effect.
    repeatable: bool,
    /// Whether a success has a document.
    answered: bool,
}

impl Request {
    /// Reads.
    pub(super) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            content: None,
            if_match: None,
            effect: Effect::None,
            repeatable: true,
            answered: true,
        }
    }

    /// Changes something; whether it did is for the caller to find out where nobody says.
    pub(super) fn post(url: Url, body: &Value) -> Self {
        Self::content(url, "application/json", Bytes::from(body.to_string()))
    }

    /// The same with content of another type.
    pub(super) fn content(url: Url, kind: &str, content: Bytes) -> Self {
        Self {
            method: Method::POST,
            content: Some((kind.to_owned(), content)),
            effect: Effect::Some,
            repeatable: false,
            ..Self::get(url)
        }
    }

    /// Changes some properties of what still has this etag.
    pub(super) fn patch(url: Url, body: &Value, etag: &str) -> Self {
        Self {
            method: Method::PATCH,
            if_match: Some(etag.to_owned()),
            ..Self::post(url, body)
        }
    }

    /// Removes; to do so twice does no harm.
    pub(super) fn delete(url: Url) -> Self {
        Self {
            method: Method::DELETE,
            effect: Effect::Some,
            answered: false,
            ..Self::get(url)
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

/// How often and how long one thing has been tried.
pub(super) struct Patience<'a> {
    retry: &'a Retry,
    waits: &'a Waits,
    began: Instant,
    tries: u32,
}

impl Patience<'_> {
    /// Waits before another try.
    ///
    /// # Errors
    /// The failure itself, where trying again is of no use or takes too long.
    pub(super) async fn wait(&mut self, failed: Failed) -> Result<(), Failed> {
        self.tries += 1;
        let tries = self.tries;
        let hopeless = match failed.again {
            Again::No => true,
            Again::AFewTimes => tries >= self.retry.tries_of_failure,
            Again::Patiently => false,
        };
        let last = (failed.again == Again::AFewTimes).then_some(self.retry.tries_of_failure);
        let told = failed.told.as_deref();
        let wait = self.retry.wait(tries, told, Utc::now(), retry::chance());
        if hopeless || self.began.elapsed() + wait > self.retry.patience {
            return Err(failed);
        }
        tracing::debug!(
            tries,
            reason = failed.reason,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "asking the warehouse again"
        );
        self.waits.report(Some(&Wait {
            reason: match failed.reason.as_str() {
                "" => "no answer".to_owned(),
                reason => reason.to_owned(),
            },
            time: Some(wait),
            tries: Some((tries + 1, last)),
        }));
        sleep(wait).await;
        self.waits.report(None);
        Ok(())
    }
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    signer: Signer,
    timeout: Duration,
    retry: Retry,
    waits: Waits,
}

impl Transport {
    /// A client for the service at this address.
    ///
    /// # Errors
    /// The machine's certificates cannot be loaded.
    pub(super) fn new(
        base: &Url,
        signer: Signer,
        timeout: Duration,
        retry: Retry,
    ) -> Result<Self, String> {
        let builder = client(base)
            // BigQuery redirects nobody; whoever does is not BigQuery.
            .redirect(redirect::Policy::none())
            // For the requests of the typed client, which have no limit of their own.
            .timeout(timeout);
        Ok(Self {
            http: builder
                .build()
                .map_err(|error| chain(error, signer.secrets()))?,
            signer,
            timeout,
            retry,
            waits: Waits::default(),
        })
    }

    /// The HTTP client, for the typed client.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Who signs.
    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Where waits between two tries are reported.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Begins to be patient.
    pub(super) fn patience(&self) -> Patience<'_> {
        Patience {
            retry: &self.retry,
            waits: &self.waits,
            began: Instant::now(),
            tries: 0,
        }
    }

    /// Sends a request until it is answered for good, or patience ends. Where it may have had its
    /// effect, only a request that may happen twice is sent again.
    pub(super) async fn send(&self, request: &Request) -> Result<Value, Failed> {
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
    pub(super) async fn once(&self, request: &Request) -> Result<Value, Failed> {
        let token = self.signer.token().await?;
        let answer = self.exchange(request, &token).await?;
        let answer = if answer.status == 401 && token.text().is_some() {
            let token = self.signer.renewed(&token).await?;
            self.exchange(request, &token).await?
        } else {
            answer
        };
        if !(200..300).contains(&answer.status) {
            return Err(answer.failure(request.effect, self.signer.secrets()));
        }
        if request.answered {
            answer.document()
        } else if answer.body.trim_ascii().is_empty() {
            Ok(Value::Null)
        } else {
            // Something was said where nothing is: a page of somebody else's, perhaps.
            answer.document()
        }
    }

    async fn exchange(&self, request: &Request, token: &Token) -> Result<Answer, Failed> {
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity");
        if let Some((kind, content)) = &request.content {
            builder = builder
                .header(CONTENT_TYPE, kind.as_str())
                .body(content.clone());
        }
        if let Some(etag) = &request.if_match {
            let etag = HeaderValue::from_str(etag)
                .map_err(|_| Failed::finally(Class::Refused, "the etag is no header"))?;
            builder = builder.header(IF_MATCH, etag);
        }
        if let Some(token) = token.text() {
            // Marks the header as sensitive.
            builder = builder.bearer_auth(token);
        }
        let effect = request.effect;
        let secrets = self.signer.secrets();
        let exchange = async {
            let response = builder
                .send()
                .await
                .map_err(|error| unsent(effect, error, secrets))?;
            read(response, effect, secrets).await
        };
        timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            let waited = self.timeout.as_secs();
            Err(Failed::unheard(
                effect,
                format!("no answer within {waited} s"),
            ))
        })
    }
}

/// A request that got no answer. Without a connection nothing was sent.
pub(super) fn unsent(effect: Effect, error: reqwest::Error, secrets: &Secrets) -> Failed {
    let connected = !error.is_connect();
    if let Some(why) = lasting(&error) {
        let said = format!("{why}: {}; {}", chain(error, secrets), why.advice());
        return Failed::finally(Class::Refused, said);
    }
    let failed = Failed::unheard(effect, chain(error, secrets));
    if connected {
        failed
    } else {
        Failed {
            class: Class::Transient,
            ..failed
        }
    }
}

async fn read(response: Response, effect: Effect, secrets: &Secrets) -> Result<Answer, Failed> {
    let html = is_html(&response);
    let told = header(&response, &RETRY_AFTER);
    let status = response.status().as_u16();
    let body = read_body(response, ANSWER_BYTES, 0, secrets).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge => Failed::not_understood(format!(
            "the answer ({status}) has more than {ANSWER_BYTES} bytes"
        )),
        BodyError::CutOff(said) => {
            Failed::unheard(effect, format!("the answer ({status}) broke off: {said}"))
        }
        error @ BodyError::Trickle => Failed::unheard(effect, error.to_string()),
        BodyError::Encoding(error) => Failed {
            again: Again::No,
            ..Failed::not_understood(format!("{error} ({status})"))
        },
    })?;
    Ok(Answer {
        status,
        html,
        told,
        body: body.into(),
    })
}
