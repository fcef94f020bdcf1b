//! HTTP: routes, credentials, errors in Micronaut's form, and the faults of transport.

use super::answer::{Page, Search, decoded, seen};
use super::error::error;
use super::platform::Platform;
use super::query::{Refusal, parse};
use super::store::Scope;
use crate::faults::{Fault, RetryAfter};
use crate::gate::{Denied, Reach};
use crate::instant::SECOND;
use crate::respond::{deliver, html};
use crate::server::{self, ServeError, Serving, Stopping};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::get;
use std::time::Duration;
use tokio::net::TcpListener;

impl Platform {
    /// Serves the platform on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let desk = Desk {
                platform: self.clone(),
                stopping,
            };
            Router::new()
                .route("/api/v1/{tenant}/auditlogs/search", get(search_tenant))
                .route("/api/v1/auditlogs/search", get(search_all))
                .fallback(nothing_here)
                .layer(map_response_with_state(desk.clone(), dated))
                .with_state(desk)
        })
    }
}

#[derive(Debug, Clone)]
struct Desk {
    platform: Platform,
    stopping: Stopping,
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
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

impl Desk {
    /// Answers a search of a scope; none is an unknown tenant.
    async fn search(self, scope: Option<Scope>, headers: &HeaderMap, uri: &Uri) -> Response {
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
                Fault::Slow(by) => self.stopping.pause(*by).await,
                Fault::Hang => self.stopping.pause(Duration::MAX).await,
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
        let reach = match search.scope {
            Scope::Tenant(_) => Reach::Part,
            Scope::All => Reach::Whole,
        };
        match inner.desk().gate.admit(credentials, reach) {
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
