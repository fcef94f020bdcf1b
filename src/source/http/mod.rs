//! The HTTP client below the sources: reads one JSON document per request, within limits of size,
//! time and patience.

mod auth;
#[cfg(test)]
pub(super) mod script;
#[cfg(test)]
mod tests;

pub use crate::retry::Retry;
pub use auth::{Auth, Secret};

use super::{ClockReading, SourceError, Tenant};
use crate::foreign::{MOST_BYTES, Secrets};
use crate::http::{chain, header, is_loopback};
use crate::retry;
use auth::{Proof, Prover};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode, redirect};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

/// Bytes reserved for a body. Only those that are written take memory; none is copied because a
/// buffer grew, and the allocator of the C library gives blocks above 32 MiB back at once, where
/// it would keep smaller ones for later.
const ROOM: usize = 33 << 20;

/// Most redirects within the same host that are followed.
const REDIRECTS: usize = 5;

/// Reads the wall clock; tests give another.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a client needs to know.
#[derive(Clone)]
pub struct Settings {
    /// Address of the platform, `http` or `https`, without credentials; a path is a prefix.
    pub base: Url,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Longest time for one try, from connecting to the last byte.
    pub timeout: Duration,
    /// Most bytes of one response.
    pub response_bytes: u64,
    /// Most requests under way at once, waits between tries included.
    pub concurrency: usize,
    /// When to ask again.
    pub retry: Retry,
    /// When to give up altogether.
    pub deadline: Option<Instant>,
    /// Wall clock.
    pub now: Now,
}

impl Settings {
    /// Usual limits: 2 minutes, 32 MiB, 4 at once, no deadline, the machine's clock.
    pub fn new(base: Url, auth: Auth) -> Self {
        Self {
            base,
            auth,
            timeout: Duration::from_secs(120),
            response_bytes: 32 * 1024 * 1024,
            concurrency: 4,
            retry: Retry::default(),
            deadline: None,
            now: Arc::new(Utc::now),
        }
    }
}

/// A client for one platform.
pub struct Client {
    inner: reqwest::Client,
    settings: Settings,
    prover: Prover,
    permits: Semaphore,
    requests: AtomicU64,
    clock: Mutex<Option<ClockReading>>,
}

/// Why one try did not give a body.
enum Failed {
    /// The credential was refused.
    Unauthorised { message: String },
    /// Asking again is of no use.
    Finally(SourceError),
    /// The platform wants us to wait.
    Throttled { status: u16, told: Option<String> },
    /// 5xx.
    Server {
        status: u16,
        told: Option<String>,
        message: String,
    },
    /// No connection, or no answer in time.
    Network { message: String },
    /// The body ended early.
    CutOff { message: String },
}

impl Client {
    /// Makes the client; connects to nothing yet and reads no secret.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when the address is not usable or the machine's certificates
    /// cannot be loaded.
    pub fn new(settings: Settings) -> Result<Self, SourceError> {
        let refuse = |message: String| SourceError::Settings { message };
        let base = &settings.base;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(refuse("the address must be http or https".to_owned()));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(refuse("the address must not hold a credential".to_owned()));
        }
        if settings.concurrency == 0 || settings.concurrency > Semaphore::MAX_PERMITS {
            return Err(refuse(
                "at least one request must be allowed at once".to_owned(),
            ));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("trailhouse/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::custom(within_host));
        if is_loopback(base) {
            // A proxy would look for this address on its own machine.
            builder = builder.no_proxy();
        }
        let prover = Prover::new(settings.auth.clone());
        let built = builder.build();
        let inner = built.map_err(|error| refuse(chain(error, prover.secrets())))?;
        Ok(Self {
            inner,
            prover,
            permits: Semaphore::new(settings.concurrency),
            requests: AtomicU64::new(0),
            clock: Mutex::new(None),
            settings,
        })
    }

    /// Address of the platform.
    pub fn base(&self) -> &Url {
        &self.settings.base
    }

    /// How many requests were sent, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Their clock beside ours, from the newest response with a `Date`.
    pub fn clock(&self) -> Option<ClockReading> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a JSON document of at most so many bytes, or as many as the settings allow: asks
    /// again where that may help, reads a refused credential once more, and ends in one clear
    /// error. `tenant` is named in errors only.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn get(
        &self,
        url: &Url,
        tenant: &Tenant,
        bytes: Option<u64>,
    ) -> Result<Bytes, SourceError> {
        let most = self.settings.response_bytes;
        let most = bytes.map_or(most, |bytes| bytes.min(most));
        let whole = async {
            // The semaphore is never closed.
            let _permit = self.permits.acquire().await;
            self.get_patiently(url, tenant, most).await
        };
        match self.settings.deadline {
            Some(deadline) => timeout_at(deadline, whole)
                .await
                .unwrap_or(Err(SourceError::Deadline)),
            None => whole.await,
        }
    }

    async fn get_patiently(
        &self,
        url: &Url,
        tenant: &Tenant,
        most: u64,
    ) -> Result<Bytes, SourceError> {
        let retry = &self.settings.retry;
        let began = Instant::now();
        let mut proof = self.prover.proof()?;
        let mut renewed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let failed = match self.try_once(url, tenant, &proof, most).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            let told = match &failed {
                Failed::Unauthorised { .. } if !renewed => {
                    renewed = true;
                    proof = self.prover.renewed(&proof)?;
                    continue;
                }
                Failed::Unauthorised { .. } | Failed::Finally(_) => None,
                Failed::Server { status: 500, .. } | Failed::CutOff { .. }
                    if tries >= retry.tries_of_failure =>
                {
                    None
                }
                Failed::Throttled { told, .. } | Failed::Server { told, .. } => Some(told.clone()),
                Failed::Network { .. } | Failed::CutOff { .. } => Some(None),
            };
            let waited = began.elapsed();
            let Some(told) = told else {
                return Err(failed.into_error(tries, waited));
            };
            let now = (self.settings.now)();
            let wait = retry.wait(tries, told.as_deref(), now, retry::chance());
            if waited + wait > retry.patience {
                return Err(failed.into_error(tries, waited));
            }
            tracing::debug!(
                tries,
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "asking the source again"
            );
            sleep(wait).await;
        }
    }

    async fn try_once(
        &self,
        url: &Url,
        tenant: &Tenant,
        proof: &Proof,
        most: u64,
    ) -> Result<Bytes, Failed> {
        let mut request = self
            .inner
            .get(url.clone())
            .header(ACCEPT, "application/json");
        if let Some(header) = &proof.header {
            request = request.header(AUTHORIZATION, header.clone());
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let secrets = self.prover.secrets();
        let exchange = async {
            let response = request.send().await.map_err(|error| Failed::Network {
                message: chain(error, secrets),
            })?;
            self.note_clock(&response);
            if response.status() == StatusCode::OK {
                read_document(response, most, secrets).await
            } else {
                Err(refusal(response, tenant, secrets).await)
            }
        };
        let limit = Instant::now() + self.settings.timeout;
        timeout_at(limit, exchange).await.unwrap_or_else(|_| {
            Err(Failed::Network {
                message: format!("no answer within {} s", self.settings.timeout.as_secs()),
            })
        })
    }

    fn note_clock(&self, response: &Response) {
        if let Some(theirs) = header(response, &DATE).and_then(|text| retry::http_date(&text)) {
            let ours = (self.settings.now)();
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ClockReading { theirs, ours });
        }
    }
}

impl Failed {
    fn into_error(self, tries: u32, waited: Duration) -> SourceError {
        match self {
            Self::Unauthorised { message } => SourceError::Unauthorised { message },
            Self::Finally(error) => error,
            Self::Throttled { status, .. } => SourceError::Throttled {
                status,
                tries,
                waited,
            },
            Self::Server {
                status, message, ..
            } => SourceError::ServerFailure {
                status,
                tries,
                message,
            },
            Self::Network { message } => SourceError::Unreachable { tries, message },
            Self::CutOff { message } => SourceError::CutOff { tries, message },
        }
    }
}

/// The body of a 200.
async fn read_document(response: Response, cap: u64, secrets: &Secrets) -> Result<Bytes, Failed> {
    let html = header(&response, &CONTENT_TYPE).is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("text/html")
    });
    let body = match read_body(response, cap, secrets).await {
        Ok(body) => body,
        Err(Body::TooLarge) => return Err(Failed::Finally(SourceError::TooLarge { cap })),
        Err(Body::CutOff(message)) => return Err(Failed::CutOff { message }),
    };
    if html || body.trim_ascii_start().starts_with(b"<") {
        return Err(Failed::Finally(SourceError::NotTheInterface {
            message: "a web page".to_owned(),
        }));
    }
    Ok(body)
}

/// Why a body was not read to its end.
enum Body {
    TooLarge,
    CutOff(String),
}

async fn read_body(mut response: Response, cap: u64, secrets: &Secrets) -> Result<Bytes, Body> {
    let announced = response.content_length().unwrap_or(0);
    if announced > cap {
        return Err(Body::TooLarge);
    }
    let mut body = BytesMut::with_capacity(ROOM);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > cap => {
                return Err(Body::TooLarge);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => return Err(Body::CutOff(chain(error, secrets))),
        }
    }
}

/// What a status other than 200 means.
async fn refusal(response: Response, tenant: &Tenant, secrets: &Secrets) -> Failed {
    let status = response.status();
    let told = header(&response, &RETRY_AFTER);
    if status.is_redirection() {
        let target = header(&response, &LOCATION).unwrap_or_default();
        let host = response.url().join(&target).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or("nowhere");
        return Failed::Finally(SourceError::NotTheInterface {
            message: secrets.line(&format!("a redirect ({status}) to {host}")),
        });
    }
    let message = message_of(response, secrets).await;
    let tenant = tenant.to_string();
    match status.as_u16() {
        401 => Failed::Unauthorised { message },
        403 => Failed::Finally(SourceError::Forbidden { tenant, message }),
        404 => Failed::Finally(SourceError::NotFound { tenant, message }),
        423 => Failed::Finally(SourceError::UnreadableRecord { message }),
        status @ (429 | 503) => Failed::Throttled { status, told },
        status @ (400..=499 | 501) if status != 408 => {
            Failed::Finally(SourceError::Refused { status, message })
        }
        status @ (408 | 500..) => Failed::Server {
            status,
            told,
            message,
        },
        status => Failed::Finally(SourceError::NotTheInterface {
            message: format!("an answer with status {status}"),
        }),
    }
}

/// The message in the body of an error: Kestra's is the `message` of a JSON object. The body is a
/// courtesy: what cannot be read of it is left out.
async fn message_of(mut response: Response, secrets: &Secrets) -> String {
    #[derive(serde::Deserialize)]
    struct JsonError {
        message: String,
    }
    let mut body = BytesMut::new();
    let cut = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break false,
            Err(_) => break true,
        }
        if body.len() > MOST_BYTES {
            break true;
        }
    };
    match serde_json::from_slice::<JsonError>(&body) {
        Ok(error) => secrets.line(&error.message),
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => secrets.line_of_bytes(&body, cut),
    }
}

/// Follows redirects only to the same scheme, host and port: the credential goes nowhere else.
fn within_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let same = attempt
        .previous()
        .last()
        .is_some_and(|from| from.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}
