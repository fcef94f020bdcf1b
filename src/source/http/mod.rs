//! The HTTP client below the sources: reads one JSON document per request, within limits of size,
//! time and patience.

mod answer;
mod auth;
#[cfg(test)]
pub(super) mod script;
#[cfg(test)]
mod tests;

pub use crate::retry::Retry;
pub use answer::Misfit;
pub use auth::{Auth, Secret};

use super::{ClockReading, PlatformWords, SourceError, Tenant, Wording};
use crate::foreign::{MOST_BYTES, Secrets};
use crate::http::{Way, chain, client, header, hopeless, is_html, read_body, read_start};
use crate::retry;
use crate::stop::Stop;
use crate::waits::{Wait, Waits};
use answer::{Again, Failed, Refusal, of_status};
use auth::{Proof, Prover};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, DATE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode, redirect};
use std::collections::BTreeSet;
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
    /// Whether what the platform says about failures is kept.
    pub wording: Wording,
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
    /// Ends every request and every wait between two at once.
    pub stop: Stop,
    /// Where waits between two tries are reported.
    pub waits: Waits,
}

impl Settings {
    /// Usual limits: 2 minutes, 32 MiB, 4 at once, no deadline, the machine's clock.
    pub fn new(base: Url, auth: Auth, wording: Wording) -> Self {
        Self {
            base,
            auth,
            wording,
            timeout: Duration::from_secs(120),
            response_bytes: 32 * 1024 * 1024,
            concurrency: 4,
            retry: Retry::default(),
            deadline: None,
            now: Arc::new(Utc::now),
            stop: Stop::of_process(),
            waits: Waits::default(),
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
    known: Mutex<BTreeSet<Tenant>>,
    /// The proxy on the way.
    via: Option<String>,
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
            return Err(refuse(
                "the address must not contain a credential".to_owned(),
            ));
        }
        if settings.concurrency == 0 || settings.concurrency > Semaphore::MAX_PERMITS {
            return Err(refuse(
                "at least one concurrent request must be allowed".to_owned(),
            ));
        }
        let builder = client(base).redirect(redirect::Policy::custom(within_host));
        let via = match Way::to(base) {
            Way::Proxy { address, .. } => Some(address),
            Way::Straight | Way::Local | Way::Excepted(_) => None,
        };
        let prover = Prover::new(settings.auth.clone());
        let built = builder.build();
        let inner = built.map_err(|error| refuse(chain(error, prover.secrets())))?;
        Ok(Self {
            inner,
            prover,
            permits: Semaphore::new(settings.concurrency),
            requests: AtomicU64::new(0),
            clock: Mutex::new(None),
            known: Mutex::new(BTreeSet::new()),
            via,
            settings,
        })
    }

    /// Address of the platform.
    pub fn base(&self) -> &Url {
        &self.settings.base
    }

    /// Where waits between two tries are reported.
    pub fn waits(&self) -> &Waits {
        &self.settings.waits
    }

    /// How many requests were sent, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Their clock beside ours, from the newest response with a `Date`.
    pub fn clock(&self) -> Option<ClockReading> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a JSON document of at most so many bytes, or as many as the settings allow, and has it
    /// read: asks again where that may help, reads a refused credential once more, and ends in one
    /// clear error.
    ///
    /// What answers at an address where the interface has answered before in this run, for the same
    /// tenant, is taken for the interface: a web page, a redirect to a log-in or JSON of something else is
    /// then as transient as a 502, and final only if it stays. `tenant` is also named in errors.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn get<T>(
        &self,
        url: &Url,
        tenant: &Tenant,
        bytes: Option<u64>,
        read: impl Fn(Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<T, SourceError>
    where
        T: Send,
    {
        let most = self.settings.response_bytes;
        let most = bytes.map_or(most, |bytes| bytes.min(most));
        let whole = async {
            // The semaphore is never closed.
            let _permit = self.permits.acquire().await;
            self.get_patiently(url, tenant, most, read).await
        };
        let whole = async {
            match self.settings.deadline {
                Some(deadline) => timeout_at(deadline, whole)
                    .await
                    .unwrap_or(Err(SourceError::Deadline)),
                None => whole.await,
            }
        };
        let answer = self.settings.stop.or_stopped(whole).await;
        answer.unwrap_or(Err(SourceError::Stopped))
    }

    async fn get_patiently<T>(
        &self,
        url: &Url,
        tenant: &Tenant,
        most: u64,
        read: impl Fn(Bytes) -> Result<T, Misfit>,
    ) -> Result<T, SourceError> {
        let retry = &self.settings.retry;
        let began = Instant::now();
        let mut proof = self.prover.proof()?;
        let mut renewed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = self.try_once(url, tenant, &proof, most).await;
            let failed = match answer.and_then(|body| Ok(read(body)?)) {
                Ok(answer) => {
                    self.know(tenant);
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            let again = match failed.again {
                Again::WithNewCredential if !renewed => {
                    renewed = true;
                    proof = self.prover.renewed(&proof)?;
                    continue;
                }
                Again::No | Again::WithNewCredential => false,
                Again::AFewTimes => tries < retry.tries_of_failure,
                Again::Patiently => true,
                Again::WhereKnown => self.knows(tenant),
            };
            let last = (failed.again == Again::AFewTimes).then_some(retry.tries_of_failure);
            let waited = began.elapsed();
            let now = (self.settings.now)();
            let wait = retry.wait(tries, failed.told.as_deref(), now, retry::chance());
            if !again || waited + wait > retry.patience {
                return Err(failed.after(tries, waited));
            }
            tracing::debug!(
                tries,
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "retrying the request to the source"
            );
            self.settings.waits.report(Some(&Wait {
                reason: failed.in_short(),
                time: Some(wait),
                tries: Some((tries + 1, last)),
            }));
            sleep(wait).await;
            self.settings.waits.report(None);
        }
    }

    /// Notes that the interface has answered for a tenant.
    fn know(&self, tenant: &Tenant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(tenant) {
            known.insert(tenant.clone());
        }
    }

    fn knows(&self, tenant: &Tenant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(tenant)
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
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity");
        if let Some(header) = &proof.header {
            request = request.header(AUTHORIZATION, header.clone());
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (secrets, wording) = (self.prover.secrets(), self.settings.wording);
        let exchange = async {
            let response = request.send().await;
            let response = response.map_err(|error| {
                let why = hopeless(&error);
                let message = chain(error, secrets);
                match why {
                    Some(why) => Failed::hopeless(why, wording.of(&message, secrets)),
                    None => Failed::network(message),
                }
            })?;
            self.note_clock(&response);
            if response.status() == StatusCode::OK {
                read_document(response, most, secrets).await
            } else {
                Err(self.refusal(response, tenant).await)
            }
        };
        let limit = Instant::now() + self.settings.timeout;
        timeout_at(limit, exchange).await.unwrap_or_else(|_| {
            let seconds = self.settings.timeout.as_secs();
            Err(Failed::network(format!("no response within {seconds} s")))
        })
    }

    /// What a status other than 200 means.
    async fn refusal(&self, response: Response, tenant: &Tenant) -> Failed {
        let (secrets, wording) = (self.prover.secrets(), self.settings.wording);
        let status = response.status();
        let told = header(&response, &RETRY_AFTER);
        if status.is_redirection() {
            let target = header(&response, &LOCATION).unwrap_or_default();
            let host = response.url().join(&target).ok();
            let host = host.as_ref().and_then(Url::host_str).unwrap_or("nowhere");
            let host = wording.of(host, secrets);
            return Failed::foreign(format!("a redirect ({status}){host}"));
        }
        let html = is_html(&response);
        let (message, is_markup) = message_of(response, wording, secrets).await;
        of_status(Refusal {
            status: status.as_u16(),
            message,
            told,
            is_page: html || is_markup,
            tenant: tenant.to_string(),
            via: self.via.clone(),
        })
    }

    fn note_clock(&self, response: &Response) {
        if let Some(theirs) = header(response, &DATE).and_then(|text| crate::http::date(&text)) {
            let ours = (self.settings.now)();
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ClockReading { theirs, ours });
        }
    }
}

/// The body of a 200.
async fn read_document(response: Response, cap: u64, secrets: &Secrets) -> Result<Bytes, Failed> {
    let html = is_html(&response);
    let body = read_body(response, cap, ROOM, secrets).await;
    let body = body.map_err(|error| Failed::of_body(error, cap))?;
    if html || is_markup(&body) {
        return Err(Failed::foreign("a web page".to_owned()));
    }
    Ok(body)
}

fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// The message in the body of an error: Kestra's is the `message` of a JSON object. The body is a
/// courtesy: what cannot be read of it is left out. Also whether it is a web page.
async fn message_of(
    response: Response,
    wording: Wording,
    secrets: &Secrets,
) -> (PlatformWords, bool) {
    #[derive(serde::Deserialize)]
    struct JsonError {
        message: String,
    }
    let (body, cut) = read_start(response, MOST_BYTES, secrets).await;
    match serde_json::from_slice::<JsonError>(&body) {
        Ok(error) => (wording.of(&error.message, secrets), false),
        Err(_) if is_markup(&body) => (PlatformWords::default(), true),
        Err(_) => (wording.of_bytes(&body, cut, secrets), false),
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
