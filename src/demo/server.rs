//! HTTP: routes, credentials, errors in Micronaut's form, and the faults of transport.

use super::answer::{Page, Search, decoded, seen};
use super::faults::{Fault, RetryAfter};
use super::gate::Denied;
use super::instant::{SECOND, http_date};
use super::options::Options;
use super::platform::{OptionsError, Platform};
use super::query::{Refusal, parse};
use super::respond::{deliver, error, html};
use super::store::Scope;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long open requests may take after a stop before their connections are dropped.
const GRACE: Duration = Duration::from_secs(2);

/// Why the demo platform cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The settings make no platform.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Accepting connections failed for good.
    #[error("the demo platform stopped serving")]
    Serve(#[source] io::Error),
}

/// A platform being served. Dropping it stops the server as well, without waiting.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// The address bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, as a source's `url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, ends delays, lets open requests finish for a moment, and returns.
    ///
    /// # Errors
    /// Accepting connections had failed.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        // Nobody listens any more where the server has already ended.
        let _ = self.stop.send(true);
        match tokio::time::timeout(GRACE, &mut self.task).await {
            Ok(Ok(served)) => served.map_err(ServeError::Serve),
            Ok(Err(_)) => Ok(()),
            Err(_) => {
                self.task.abort();
                Ok(())
            }
        }
    }
}

impl Platform {
    /// Serves the platform on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        let address = listener.local_addr().map_err(ServeError::Serve)?;
        let (stop, stopping) = watch::channel(false);
        let desk = Desk {
            platform: self.clone(),
            stopping: stopping.clone(),
        };
        let routes = Router::new()
            .route("/api/v1/{tenant}/auditlogs/search", get(search_tenant))
            .route("/api/v1/auditlogs/search", get(search_all))
            .fallback(nothing_here)
            .layer(map_response_with_state(desk.clone(), dated))
            .with_state(desk);
        // Without this, answers wait for the acknowledgement of their first packet.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let served = axum::serve(listener, routes).with_graceful_shutdown(stopped(stopping));
        let task = tokio::spawn(async move { served.await });
        Ok(Serving {
            address,
            stop,
            task,
        })
    }
}

/// Makes a platform, serves it on [`Options::listen`] until `shutdown` resolves, and prints
/// nothing: `bound` is told the address and the platform once it listens.
///
/// # Errors
/// The settings make no platform, the address cannot be listened on, or accepting fails.
pub async fn serve_forever(
    options: Options,
    bound: impl FnOnce(SocketAddr, &Platform),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let platform = Platform::new(&options)?;
    let address = options.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })?;
    let mut serving = platform.serve(listener)?;
    bound(serving.address(), &platform);
    tokio::select! {
        () = shutdown => serving.shutdown().await,
        ended = &mut serving.task => match ended {
            Ok(served) => served.map_err(ServeError::Serve),
            Err(_) => Ok(()),
        },
    }
}

#[derive(Debug, Clone)]
struct Desk {
    platform: Platform,
    stopping: watch::Receiver<bool>,
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn search_tenant(
    State(desk): State<Desk>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let scope = desk.platform.inner.tenant(&tenant);
    desk.search(scope, &headers, &uri).await
}

async fn search_all(State(desk): State<Desk>, headers: HeaderMap, uri: Uri) -> Response {
    desk.search(Some(Scope::All), &headers, &uri).await
}

async fn nothing_here(State(desk): State<Desk>, uri: Uri) -> Response {
    let mut desk = desk.platform.inner.desk();
    desk.counts.requests += 1;
    *desk.counts.by_status.entry(404).or_default() += 1;
    error(404, "Not Found", &[], &uri)
}

/// Sets `Date` from the platform's clock, as far ahead of it as the settings say.
async fn dated(State(desk): State<Desk>, mut response: Response) -> Response {
    let inner = &desk.platform.inner;
    let skew = inner.desk().faults.skew.saturating_mul(SECOND);
    let date = http_date(inner.clock.now().saturating_add(skew));
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

impl Desk {
    /// Answers a search of a scope; none is an unknown tenant.
    async fn search(mut self, scope: Option<Scope>, headers: &HeaderMap, uri: &Uri) -> Response {
        let inner = self.platform.inner.clone();
        let query = uri.query().unwrap_or_default();
        let (number, faults, standing) = {
            let mut desk = inner.desk();
            desk.counts.requests += 1;
            desk.counts.searches += 1;
            if query.split('&').any(|pair| pair == "size=1") {
                desk.counts.counts += 1;
            }
            let asked = format!("{}?{}", uri.path(), decoded(query));
            let standing = desk.faults.clone();
            let faults = desk.source.decide(inner.seed, &standing, &asked);
            (desk.counts.searches, faults, standing)
        };
        for fault in &faults {
            match fault {
                Fault::Slow(by) => self.pause(*by).await,
                Fault::Hang => self.pause(Duration::MAX).await,
                _ => {}
            }
        }
        let search = |scope| Search {
            number,
            scope,
            faults: &faults,
            standing: &standing,
        };
        let (status, page, response) = match self.decide(scope, headers, uri, search) {
            Ok(page) => {
                let response = deliver(&page.body, &faults);
                (200, Some(page), response)
            }
            Err(Turned::Faulty { code, retry_after }) => {
                let response = self.faulty(code, retry_after, number, uri);
                (code, None, response)
            }
            Err(Turned::Html) => (200, None, html()),
            Err(Turned::Away(refusal)) => {
                let response = error(refusal.status, &refusal.message, &refusal.errors, uri);
                (refusal.status, None, response)
            }
        };
        let mut desk = inner.desk();
        *desk.counts.by_status.entry(status).or_default() += 1;
        if let Some(page) = &page {
            desk.counts.rows += page.rows;
            desk.counts.bytes += page.body.len() as u64;
        }
        if let Some(oracle) = &mut desk.oracle {
            oracle.see(seen(uri.path(), query, status, page.as_ref()));
        }
        response
    }

    /// The page, or why there is none: faults first, as of a proxy, then credentials, tenant,
    /// parameters and data.
    fn decide<'a>(
        &self,
        scope: Option<Scope>,
        headers: &HeaderMap,
        uri: &Uri,
        search: impl FnOnce(Scope) -> Search<'a>,
    ) -> Result<Page, Turned> {
        let inner = &self.platform.inner;
        // An unknown tenant is found out after the credentials.
        let search = search(scope.unwrap_or(Scope::Tenant(usize::MAX)));
        for fault in search.faults {
            match fault {
                Fault::Status { code, retry_after } => {
                    return Err(Turned::Faulty {
                        code: *code,
                        retry_after: *retry_after,
                    });
                }
                Fault::HtmlPage => return Err(Turned::Html),
                Fault::Hang => return Err(Turned::refusal(503, "Service Unavailable")),
                _ => {}
            }
        }
        let credentials = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        match inner.desk().gate.admit(credentials, search.scope) {
            Ok(()) => {}
            Err(Denied::Unknown) => return Err(Turned::refusal(401, "Unauthorized")),
            Err(Denied::Forbidden) => return Err(Turned::refusal(403, "Forbidden")),
        }
        if scope.is_none() {
            return Err(Turned::refusal(404, "Not Found: tenant does not exist"));
        }
        let query = uri.query().unwrap_or_default();
        let query = parse(&inner.world, query, search.standing.reject_legacy)?;
        Ok(inner.answer(&search, query)?)
    }

    fn faulty(&self, code: u16, retry_after: RetryAfter, nth: u64, uri: &Uri) -> Response {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reason = status.canonical_reason().unwrap_or("Error");
        let mut response = error(status.as_u16(), reason, &[], uri);
        if code == 429 || code == 503 {
            let value = retry_after.header(self.platform.inner.clock.now(), nth);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }

    async fn pause(&mut self, by: Duration) {
        tokio::select! {
            () = tokio::time::sleep(by) => {}
            () = stopped(self.stopping.clone()) => {}
        }
    }
}

/// Why a search gets no page.
enum Turned {
    Faulty { code: u16, retry_after: RetryAfter },
    Html,
    Away(Refusal),
}

impl Turned {
    fn refusal(status: u16, message: &str) -> Self {
        Self::Away(Refusal {
            status,
            message: message.to_owned(),
            errors: Vec::new(),
        })
    }
}

impl From<Refusal> for Turned {
    fn from(refusal: Refusal) -> Self {
        Self::Away(refusal)
    }
}
