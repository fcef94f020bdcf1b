//! The client for one service: signs, limits, repeats, and hands responses on to be judged.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, DATE, HeaderValue, IF_MATCH};
use reqwest::{Response, redirect};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::answer::{BodyBounds, HttpAnswer, NoAnswer, header};
use super::auth::{Auth, Proof, Signer};
use super::causes::chain;
use super::date::date;
use super::hopeless::hopeless;
use super::patience::{ClockFn, HttpFailure, HttpPatience};
use super::quota::{RequestQuota, RequestTurns};
use super::request::HttpRequest;
use super::retry::Retry;
use super::way::{Way, builder};
use crate::foreign::{MOST_BYTES, Secrets};
use crate::stop::Stop;
use crate::waits::Waits;

/// Most redirects within the same host that are followed.
const REDIRECTS: usize = 5;

/// What a client needs to know.
#[derive(Clone)]
pub struct HttpSettings {
    /// Address of the service, `http` or `https`, without credentials; a path is a prefix.
    pub base: Url,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Longest time for one try, from connecting to the last byte.
    pub timeout: Duration,
    /// Most bytes of one response.
    pub response_bytes: u64,
    /// Bytes reserved for a response. Only those that are written take memory; none is copied because a
    /// buffer grew, and the allocator of the C library gives blocks above 32 MiB back at once, where it
    /// would keep smaller ones for later.
    pub room: usize,
    /// Most bytes that are read of a response which is not a success.
    pub failure_bytes: usize,
    /// Whether redirects are followed within the same scheme, host and port. The credential never goes
    /// anywhere else.
    pub redirects: bool,
    /// Most requests under way at once, waits between tries included.
    pub concurrency: usize,
    /// How many requests the service allows in a span of time, where it says so.
    pub quota: Option<RequestQuota>,
    /// When to ask again.
    pub retry: Retry,
    /// When to give up altogether.
    pub deadline: Option<Instant>,
    /// Wall clock.
    pub now: ClockFn,
    /// Ends every request and every wait between two at once.
    pub stop: Stop,
    /// Where waits between two tries are reported.
    pub waits: Waits,
}

impl HttpSettings {
    /// Usual limits: 2 minutes, 32 MiB, 4 at once, no deadline, the machine's clock.
    pub fn new(base: Url, auth: Auth) -> Self {
        Self {
            base,
            auth,
            timeout: Duration::from_secs(120),
            response_bytes: 32 * 1024 * 1024,
            room: 0,
            failure_bytes: MOST_BYTES,
            redirects: true,
            concurrency: 4,
            quota: None,
            retry: Retry::default(),
            deadline: None,
            now: Arc::new(Utc::now),
            stop: Stop::of_process(),
            waits: Waits::default(),
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the address must be http or https")]
    Scheme,
    #[error("the address must not contain a credential")]
    Credential,
    #[error("at least one concurrent request must be allowed")]
    Concurrency,
    /// The machine's certificates cannot be loaded.
    #[error("{0}")]
    Certificates(String),
}

/// Their clock beside ours at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The `Date` header, which has whole seconds.
    pub theirs: DateTime<Utc>,
    /// Our clock when the response came.
    pub ours: DateTime<Utc>,
}

impl ClockReading {
    /// Theirs less ours.
    pub fn offset(&self) -> TimeDelta {
        self.theirs - self.ours
    }
}

/// Why [`Client::send`] ended without success.
#[derive(Debug)]
pub(crate) enum RequestGivenUp<F> {
    /// The last try failed like this.
    Failed {
        failure: F,
        /// How often it was tried.
        tries: u32,
        /// From the first try to the last.
        waited: Duration,
    },
    /// [`HttpSettings::deadline`] came first.
    Deadline,
    /// The program is ending.
    Stopped,
}

/// A client for one service.
pub(crate) struct Client {
    inner: reqwest::Client,
    settings: HttpSettings,
    signer: Signer,
    permits: Semaphore,
    turns: RequestTurns,
    requests: AtomicU64,
    clock: Mutex<Option<ClockReading>>,
    via: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Makes the client; connects to nothing yet and reads no secret.
    ///
    /// # Errors
    /// The address is not usable, or the machine's certificates cannot be loaded.
    pub(crate) fn new(settings: HttpSettings) -> Result<Self, SettingsError> {
        let base = &settings.base;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(SettingsError::Scheme);
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(SettingsError::Credential);
        }
        if settings.concurrency == 0 || settings.concurrency > Semaphore::MAX_PERMITS {
            return Err(SettingsError::Concurrency);
        }
        let via = match Way::to(base) {
            Way::Proxy { address, .. } => Some(address),
            Way::Straight | Way::Local | Way::Excepted(_) => None,
        };
        let signer = Signer::new(&settings.auth, settings.timeout);
        let redirects = match settings.redirects {
            true => redirect::Policy::custom(within_host),
            false => redirect::Policy::none(),
        };
        let built = builder(base).redirect(redirects).build();
        let inner =
            built.map_err(|error| SettingsError::Certificates(chain(error, signer.secrets())))?;
        Ok(Self {
            inner,
            signer,
            permits: Semaphore::new(settings.concurrency),
            turns: RequestTurns::new(settings.quota),
            requests: AtomicU64::new(0),
            clock: Mutex::new(None),
            via,
            settings,
        })
    }

    /// Address of the service.
    pub(crate) fn base(&self) -> &Url {
        &self.settings.base
    }

    /// The HTTP library's client, for libraries that send requests themselves.
    pub(crate) fn library(&self) -> &reqwest::Client {
        &self.inner
    }

    /// Longest time for one try.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Who signs.
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// What the service may send back and nobody may see.
    pub(crate) fn secrets(&self) -> &Secrets {
        self.signer.secrets()
    }

    /// The proxy on the way.
    pub(crate) fn via(&self) -> Option<&str> {
        self.via.as_deref()
    }

    /// Where waits between two tries are reported.
    pub(crate) fn waits(&self) -> &Waits {
        &self.settings.waits
    }

    /// How many requests were sent, repeated ones included.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Their clock beside ours, from the newest response with a `Date`.
    pub(crate) fn clock(&self) -> Option<ClockReading> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to be patient with one thing, for callers that do more between two tries than wait.
    pub(crate) fn patience(&self) -> HttpPatience<'_> {
        HttpPatience::new(
            &self.settings.retry,
            &self.settings.waits,
            &self.settings.now,
        )
    }

    /// Sends a request until `judge` accepts what came of it, or sending it again is of no use. Waits for
    /// its turn, and ends at the deadline or when the program stops.
    ///
    /// # Errors
    /// See [`RequestGivenUp`].
    pub(crate) async fn send<T, F: HttpFailure>(
        &self,
        request: &HttpRequest,
        judge: impl Fn(Result<HttpAnswer, NoAnswer>) -> Result<T, F>,
    ) -> Result<T, RequestGivenUp<F>> {
        self.limited(async {
            let mut patience = self.patience();
            loop {
                let failure = match judge(self.exchange(request).await) {
                    Ok(taken) => return Ok(taken),
                    Err(failure) => failure,
                };
                if let Err(failure) = patience.wait(failure).await {
                    return Err(RequestGivenUp::Failed {
                        failure,
                        tries: patience.tries(),
                        waited: patience.waited(),
                    });
                }
            }
        })
        .await
    }

    async fn limited<T, F>(
        &self,
        work: impl Future<Output = Result<T, RequestGivenUp<F>>>,
    ) -> Result<T, RequestGivenUp<F>> {
        let in_turn = async {
            // The semaphore is never closed.
            let _permit = self.permits.acquire().await;
            work.await
        };
        let in_time = async {
            match self.settings.deadline {
                Some(deadline) => timeout_at(deadline, in_turn)
                    .await
                    .unwrap_or(Err(RequestGivenUp::Deadline)),
                None => in_turn.await,
            }
        };
        let done = self.settings.stop.or_stopped(in_time).await;
        done.unwrap_or(Err(RequestGivenUp::Stopped))
    }

    /// Sends a request once, and once more with a renewed credential if the first one is refused with 401.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    pub(crate) async fn exchange(&self, request: &HttpRequest) -> Result<HttpAnswer, NoAnswer> {
        let proof = self.signer.proof().await?;
        let answer = self.exchange_as(request, &proof).await?;
        if answer.status != 401 || proof.is_none() {
            return Ok(answer);
        }
        let proof = self.signer.renewed(&proof).await?;
        self.exchange_as(request, &proof).await
    }

    async fn exchange_as(
        &self,
        request: &HttpRequest,
        proof: &Proof,
    ) -> Result<HttpAnswer, NoAnswer> {
        self.turns.next().await;
        let mut headers = request.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(etag) = &request.if_match {
            headers.insert(IF_MATCH, etag.clone());
        }
        proof.sign(request, &mut headers)?;
        let mut builder = self
            .inner
            .request(request.method.clone(), request.url.clone());
        if let Some((kind, content)) = &request.content {
            builder = builder
                .header(CONTENT_TYPE, kind.as_str())
                .body(content.clone());
        }
        let builder = builder.headers(headers);
        let most = self.settings.response_bytes;
        let bounds = BodyBounds {
            success: request.most_bytes.map_or(most, |bytes| bytes.min(most)),
            room: self.settings.room,
            failure: self.settings.failure_bytes,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let exchange = async {
            let response = builder.send().await.map_err(|error| NoAnswer::Network {
                connected: !error.is_connect(),
                hopeless: hopeless(&error),
                said: chain(error, self.secrets()),
            })?;
            self.note_clock(&response);
            Ok(HttpAnswer::read(response, &bounds, self.secrets()).await)
        };
        let limit = self.settings.timeout;
        timeout(limit, Box::pin(exchange))
            .await
            .unwrap_or(Err(NoAnswer::Timeout(limit)))
    }

    fn note_clock(&self, response: &Response) {
        if let Some(theirs) = header(response, &DATE).and_then(|text| date(&text)) {
            let ours = (self.settings.now)();
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ClockReading { theirs, ours });
        }
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
