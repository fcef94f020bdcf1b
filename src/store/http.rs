//! What is observed of every HTTP exchange with a store: its clock, how many requests it cost, and what
//! answers say of locks. And what is added to it: a checksum.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::signed::Md5Sum;
use crate::foreign::Secrets;
use crate::waits::{Wait, Waits};
use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use md5::{Digest as _, Md5};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

use crate::http::{self, EncodingError, Encodings, lasting};

/// The clock of a store, as far as its answers show it: the `Date` header (RFC 9110, section 6.6.1)
/// of the newest response. Cheap to clone; clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct StoreClock(Arc<Mutex<Option<BodyReading>>>);

#[derive(Debug, Clone, Copy)]
struct BodyReading {
    date: DateTime<Utc>,
    at: Instant,
}

impl StoreClock {
    /// The time at the store now: its last `Date` plus the time passed since, measured without our
    /// own calendar clock. Up to a second early, because the header has no fraction. `None` until a
    /// response with a date came; always `None` where there is no server.
    pub fn now(&self) -> Option<DateTime<Utc>> {
        let reading = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let BodyReading { date, at } = reading?;
        date.checked_add_signed(TimeDelta::from_std(at.elapsed()).ok()?)
    }

    /// How far the store is ahead of our clock, negative if behind.
    pub fn offset(&self, ours: DateTime<Utc>) -> Option<TimeDelta> {
        self.now().map(|theirs| theirs - ours)
    }

    fn record(&self, header: &str) {
        let Some(date) = http::date(header) else {
            return;
        };
        let reading = BodyReading {
            date,
            at: Instant::now(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }
}

/// Counts requests to a store. Cheap to clone; clones share their counts.
#[derive(Debug, Clone, Default)]
pub struct RequestCounter(Arc<RequestCounts>);

#[derive(Debug, Default)]
struct RequestCounts {
    get: AtomicU64,
    head: AtomicU64,
    put: AtomicU64,
    post: AtomicU64,
    delete: AtomicU64,
    other: AtomicU64,
}

/// Number of requests by method, retries and requests for credentials included. A store without
/// HTTP counts what it would have taken: a listing is one `get`, however long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreRequests {
    /// Reads and listings.
    pub get: u64,
    /// Sizes.
    pub head: u64,
    /// Writes.
    pub put: u64,
    /// Tokens and bulk deletes.
    pub post: u64,
    /// Deletes.
    pub delete: u64,
    /// Everything else.
    pub other: u64,
}

impl StoreRequests {
    /// All together.
    pub fn total(&self) -> u64 {
        self.get + self.head + self.put + self.post + self.delete + self.other
    }
}

impl RequestCounter {
    /// The counts so far.
    pub fn requests(&self) -> StoreRequests {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StoreRequests {
            get: read(&self.0.get),
            head: read(&self.0.head),
            put: read(&self.0.put),
            post: read(&self.0.post),
            delete: read(&self.0.delete),
            other: read(&self.0.other),
        }
    }

    pub(super) fn count(&self, method: &str) {
        let count = match method {
            "GET" => &self.0.get,
            "HEAD" => &self.0.head,
            "PUT" => &self.0.put,
            "POST" => &self.0.post,
            "DELETE" => &self.0.delete,
            _ => &self.0.other,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Connects like [`ReqwestConnector`], observes every exchange and adds checksums to puts.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestObserver {
    pub(super) clock: StoreClock,
    pub(super) counter: RequestCounter,
    pub(super) secrets: Secrets,
    pub(super) waits: Waits,
}

impl RequestObserver {
    /// Reports an answer after which the client waits and sends the request again; for how long, it does
    /// not tell.
    fn tell_of_wait(&self, response: &Result<HttpResponse, HttpError>) {
        let reason = match response {
            Ok(response) => match response.status().as_u16() {
                status @ (408 | 429 | 500..=599) => status.to_string(),
                _ => return self.waits.report(None),
            },
            Err(error) if lasting(error).is_some() => return,
            Err(_) => "no connection".to_owned(),
        };
        self.waits.report(Some(&Wait {
            reason,
            time: None,
            tries: None,
        }));
    }
}

impl HttpConnector for RequestObserver {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Observed {
            inner: ReqwestConnector::default().connect(options)?,
            observer: self.clone(),
        }))
    }
}

/// The checksum of what a put sends, base64 of its MD5. It travels with the options of the put as an
/// extension. The clients of GCS and Azure send none by themselves; that of S3 sends SHA-256, but some
/// stores with object lock ask for this one or for a header that it does not send.
#[derive(Debug, Clone)]
pub(super) struct ContentMd5(String);

impl ContentMd5 {
    pub(super) fn of(content: &[u8]) -> Self {
        Self(BASE64_STANDARD.encode(Md5::digest(content)))
    }
}

/// Adds the checksum to a put that has one. A signature with the account key of Azure covers the
/// place where the header would be, and is made by now, so there it is left out.
fn add_checksum(request: &mut HttpRequest) {
    let Some(ContentMd5(sum)) = request.extensions_mut().remove() else {
        return;
    };
    let signed = request.headers().get("authorization");
    if signed.is_some_and(|signed| signed.as_bytes().starts_with(b"SharedKey ")) {
        return;
    }
    if let Ok(sum) = sum.parse() {
        request.headers_mut().insert("content-md5", sum);
    }
}

/// What the answer to a request says beside what the client hands on: its status, and until when the
/// object is locked. It travels with the options of a get as an extension, and is filled once there is
/// an answer; clones share what they hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Aside(Arc<Mutex<RetryTold>>);

#[derive(Debug, Clone, Copy, Default)]
struct RetryTold {
    status: Option<u16>,
    locked_until: Option<DateTime<Utc>>,
    held: bool,
    md5: Option<Md5Sum>,
}

/// Where S3, GCS and Azure say until when an object is locked.
const LOCKED_UNTIL: [&str; 3] = [
    "x-amz-object-lock-retain-until-date",
    "x-goog-object-lock-retain-until-date",
    "x-ms-immutability-policy-until-date",
];

/// Where S3 and Azure say that it is held until somebody lets it go, and the word for yes.
const HELD: [(&str, &str); 2] = [
    ("x-amz-object-lock-legal-hold", "ON"),
    ("x-ms-legal-hold", "true"),
];

impl Aside {
    /// The status of the newest answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.told().status
    }

    /// The date of its lock, passed or not.
    pub(super) fn locked_until(&self) -> Option<DateTime<Utc>> {
        self.told().locked_until
    }

    /// Whether it is held without a date.
    pub(super) fn is_held(&self) -> bool {
        self.told().held
    }

    /// The MD5 of the whole object, as GCS itself has computed it.
    pub(super) fn md5(&self) -> Option<Md5Sum> {
        self.told().md5
    }

    fn told(&self) -> RetryTold {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, response: &HttpResponse) {
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let told = RetryTold {
            status: Some(response.status().as_u16()),
            locked_until: LOCKED_UNTIL
                .iter()
                .find_map(|name| parse_instant(header(name)?)),
            held: HELD
                .iter()
                .any(|(name, yes)| header(name).is_some_and(|told| told.eq_ignore_ascii_case(yes))),
            md5: response
                .headers()
                .get_all("x-goog-hash")
                .iter()
                .find_map(|hashes| parse_md5(hashes.to_str().ok()?)),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }
}

/// The MD5 among hashes such as `crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`.
fn parse_md5(hashes: &str) -> Option<Md5Sum> {
    let mut hashes = hashes.split(',').map(str::trim);
    let md5 = hashes.find_map(|hash| hash.strip_prefix("md5="))?;
    BASE64_STANDARD.decode(md5).ok()?.try_into().ok()
}

/// S3 and GCS write RFC 3339, Azure writes dates as HTTP does.
fn parse_instant(header: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(header.trim());
    let instant = instant.map(|instant| instant.with_timezone(&Utc)).ok();
    instant.or_else(|| http::date(header))
}

/// Headers with a token that a client has fetched by itself, so that nobody has told it to us. The others
/// prove without saying.
const TOKENS: [&str; 2] = ["authorization", "x-amz-security-token"];

fn learn_tokens(request: &HttpRequest, secrets: &Secrets) {
    for name in TOKENS {
        let value = request.headers().get(name);
        let value = value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => secrets.learn(token),
            Some(_) => {}
            None => secrets.learn(value),
        }
    }
}

/// An answer that came encoded although nothing of ours is stored so. What a gateway has encoded has
/// another size and another digest than the object, so it must not be taken for a damaged one.
#[derive(Debug, thiserror::Error)]
enum EncodedError {
    #[error(
        "the response is encoded as {0}, which was not requested: configure any proxy in front of the \
         store to pass responses through unchanged"
    )]
    Known(Encodings),
    #[error(transparent)]
    Unknown(#[from] EncodingError),
}

/// What the proxy answered, in the words by which [`lasting`] knows it.
#[derive(Debug, thiserror::Error)]
#[error("proxy authorization required")]
struct ProxyWantsCredentials;

fn refuse_encoded(response: &HttpResponse) -> Result<(), HttpError> {
    let encoded = match Encodings::of(response.headers()) {
        Ok(encodings) if encodings.is_identity() => return Ok(()),
        Ok(encodings) => EncodedError::Known(encodings),
        Err(error) => error.into(),
    };
    Err(HttpError::new(HttpErrorKind::Decode, encoded))
}

#[derive(Debug)]
struct Observed {
    inner: HttpClient,
    observer: RequestObserver,
}

#[async_trait]
impl HttpService for Observed {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        add_checksum(&mut request);
        learn_tokens(&request, &self.observer.secrets);
        let aside = request.extensions().get::<Aside>().cloned();
        let has_body = request.method() != "HEAD";
        self.observer.counter.count(request.method().as_str());
        let response = self.inner.execute(request).await;
        self.observer.tell_of_wait(&response);
        let response = response.map_err(|error| match lasting(&error) {
            // Of a kind that is not tried again.
            Some(_) => HttpError::new(HttpErrorKind::Unknown, error),
            None => error,
        })?;
        if response.status() == 407 {
            let proxy = ProxyWantsCredentials;
            return Err(HttpError::new(HttpErrorKind::Unknown, proxy));
        }
        if let Some(date) = response.headers().get("date")
            && let Ok(date) = date.to_str()
        {
            self.observer.clock.record(date);
        }
        if let Some(aside) = aside {
            aside.record(&response);
        }
        if has_body {
            refuse_encoded(&response)?;
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_have_dates_of_two_forms() {
        let expected = "2026-10-09T08:49:37Z".parse().unwrap();
        for header in [
            "2026-10-09T08:49:37Z",
            "2026-10-09T08:49:37.000000Z",
            "2026-10-09T01:49:37-07:00",
            "Fri, 09 Oct 2026 08:49:37 GMT",
        ] {
            assert_eq!(parse_instant(header), Some(expected), "{header}");
        }
        assert_eq!(parse_instant("soon"), None);
    }

    #[test]
    fn tokens_that_a_client_fetched_are_known() {
        let mut request = HttpRequest::new(Vec::new().into());
        let headers = request.headers_mut();
        headers.insert("authorization", "Bearer ya29.token".parse().unwrap());
        headers.insert("x-amz-security-token", "session-token".parse().unwrap());
        let secrets = Secrets::default();
        learn_tokens(&request, &secrets);
        let said = secrets.line("ya29.token and session-token");
        assert_eq!(said, "[credential] and [credential]");
        let signature = "AWS4-HMAC-SHA256 Credential=key/20260101, Signature=00ff".parse();
        request
            .headers_mut()
            .insert("authorization", signature.unwrap());
        learn_tokens(&request, &secrets);
        assert_eq!(secrets.line("Signature=00ff"), "Signature=00ff");
    }

    #[test]
    fn the_md5_is_found_among_other_hashes() {
        let md5 = Some(crate::store::md5_of(b"x"));
        for hashes in [
            "md5=ndTkYSaMgDT1yFZOFVxnpg==",
            "crc32c=AAAAAA==,md5=ndTkYSaMgDT1yFZOFVxnpg==",
            "md5=ndTkYSaMgDT1yFZOFVxnpg==, crc32c=AAAAAA==",
        ] {
            assert_eq!(parse_md5(hashes), md5, "{hashes}");
        }
        for other in ["", "crc32c=AAAAAA==", "md5=", "md5=AAAA"] {
            assert_eq!(parse_md5(other), None, "{other}");
        }
    }

    #[test]
    fn the_clock_goes_on_from_the_last_answer() {
        let clock = StoreClock::default();
        assert_eq!(clock.now(), None);
        clock.record("Sun, 06 Nov 1994 08:49:37 GMT");
        clock.record("nonsense");
        let first = clock.now().unwrap();
        let second = clock.now().unwrap();
        assert!(first.timestamp() >= 784_111_777 && first <= second);
        assert!(clock.offset(Utc::now()).unwrap() < TimeDelta::days(-365));
    }
}
