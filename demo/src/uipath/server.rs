//! HTTP: the interfaces, credentials, and the faults of transport.

use super::archive::NoFile;
use super::events::{DeadContinuation, EventsQuestion};
use super::list::ListQuestion;
use super::platform::UiPath;
use crate::faults::{Fault, RetryAfter};
use crate::gate::Denied;
use crate::instant::SECOND;
use crate::respond::{deliver, html, json};
use crate::server::{self, ServeError, Serving, Stopping};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::json as value;
use std::time::Duration;
use tokio::net::TcpListener;
use url::form_urlencoded;

/// The application whose credentials are known.
const CLIENT: (&str, &str) = ("demo-application", "demo-secret");

impl UiPath {
    /// Serves the organization on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let counter = Counter {
                platform: self.clone(),
                stopping,
            };
            Router::new()
                .route("/identity_/connect/token", post(token))
                // On premises, the tenant is that of the token.
                .route("/odata/AuditLogs", get(list))
                .route("/{organization}/{tenant}/orchestrator_/odata/AuditLogs", get(list_of))
                .route("/{organization}/orgaudit_/api/query/events", get(events_of_organization))
                .route("/{organization}/{tenant}/tenantaudit_/api/query/events", get(events_of_tenant))
                .route(
                    "/{organization}/orgaudit_/api/query/downloadeventsfromlongtermstore",
                    get(events_of_organization),
                )
                .route(
                    "/{organization}/{tenant}/tenantaudit_/api/query/downloadeventsfromlongtermstore",
                    get(events_of_tenant),
                )
                .fallback(nothing_here)
                .layer(map_response_with_state(counter.clone(), dated))
                .with_state(counter)
        })
    }
}

#[derive(Debug, Clone)]
struct Counter {
    platform: UiPath,
    stopping: Stopping,
}

/// What is asked for.
enum Asked {
    Records,
    Events(Option<String>),
    /// A file of the long-term store.
    File(Option<String>),
    Nothing,
}

impl Asked {
    fn of_audit(tenant: Option<String>, uri: &Uri) -> Self {
        match uri.path().ends_with("/events") {
            true => Self::Events(tenant),
            false => Self::File(tenant),
        }
    }
}

async fn list(State(counter): State<Counter>, headers: HeaderMap, uri: Uri) -> Response {
    let tenant = headers.get("x-uipath-tenantname");
    let tenant = tenant.and_then(|name| name.to_str().ok());
    let asked = match tenant.is_none_or(|name| counter.has_orchestrator(name)) {
        true => Asked::Records,
        false => Asked::Nothing,
    };
    counter.answer(asked, &headers, &uri).await
}

async fn list_of(
    State(counter): State<Counter>,
    Path((organization, tenant)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let is_known = counter.is_organization(&organization) && counter.has_orchestrator(&tenant);
    let asked = if is_known {
        Asked::Records
    } else {
        Asked::Nothing
    };
    counter.answer(asked, &headers, &uri).await
}

async fn events_of_organization(
    State(counter): State<Counter>,
    Path(organization): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let asked = match counter.is_organization(&organization) {
        true => Asked::of_audit(None, &uri),
        false => Asked::Nothing,
    };
    counter.answer(asked, &headers, &uri).await
}

async fn events_of_tenant(
    State(counter): State<Counter>,
    Path((organization, tenant)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let tenants = &counter.platform.inner.tenants;
    let is_known = counter.is_organization(&organization) && tenants.contains(&tenant);
    let asked = match is_known {
        true => Asked::of_audit(Some(tenant), &uri),
        false => Asked::Nothing,
    };
    counter.answer(asked, &headers, &uri).await
}

async fn nothing_here() -> Response {
    error(404, "Not Found")
}

/// Sets `Date` from the clock, as far ahead of it as the settings say.
async fn dated(State(counter): State<Counter>, mut response: Response) -> Response {
    let inner = &counter.platform.inner;
    let skew = inner.desk().faults.skew.saturating_mul(SECOND);
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

/// The token endpoint: the client credentials grant of OAuth 2.0.
async fn token(State(counter): State<Counter>, body: Bytes) -> Response {
    let pairs = pairs_of(&body);
    let field = |name: &str| {
        let mut found = pairs.iter().filter(|pair| pair.0 == name);
        found.next().map(|pair| pair.1.as_str())
    };
    let mut desk = counter.platform.inner.desk();
    let refuse = |code: &str| {
        let body = value!({ "error": code });
        json(StatusCode::BAD_REQUEST, Body::from(body.to_string()))
    };
    if field("grant_type") != Some("client_credentials") {
        return refuse("unsupported_grant_type");
    }
    let client = (field("client_id"), field("client_secret"));
    if desk.trouble.no_tokens || client != (Some(CLIENT.0), Some(CLIENT.1)) {
        return refuse("invalid_client");
    }
    let scopes = field("scope").unwrap_or_default().split(' ');
    let known = ["OR.Audit", "OR.Audit.Read", "PM.Audit", "PM.Audit.Read"];
    if scopes.clone().any(|scope| !known.contains(&scope)) {
        return refuse("invalid_scope");
    }
    let token = desk.give();
    let body = value!({
        "access_token": token,
        "expires_in": 3_600,
        "token_type": "Bearer",
        "scope": field("scope"),
    });
    json(StatusCode::OK, Body::from(body.to_string()))
}

impl Counter {
    fn is_organization(&self, name: &str) -> bool {
        self.platform.inner.organization == name
    }

    fn has_orchestrator(&self, tenant: &str) -> bool {
        let tenants = &self.platform.inner.tenants;
        tenants.first().is_some_and(|first| first == tenant)
    }

    async fn answer(&self, asked: Asked, headers: &HeaderMap, uri: &Uri) -> Response {
        let inner = self.platform.inner.clone();
        let pairs = pairs_of(uri.query().unwrap_or_default().as_bytes());
        let line = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        let line = format!("{}?{}", uri.path(), line.collect::<Vec<_>>().join("&"));
        let (faults, nth) = {
            let mut desk = inner.desk();
            desk.counts.requests += 1;
            desk.counts.searches += 1;
            desk.asked.push(line.clone());
            let standing = desk.faults.clone();
            let faults = desk.source.decide(inner.seed, &standing, &line);
            (faults, desk.counts.searches)
        };
        for fault in &faults {
            match fault {
                Fault::Slow(by) => self.stopping.pause(*by).await,
                Fault::Hang => self.stopping.pause(Duration::MAX).await,
                _ => {}
            }
        }
        let answered = self.decide(&asked, headers, (uri.path(), &pairs), &faults, nth);
        let mut desk = inner.desk();
        let status = match &answered {
            Ok(_) => StatusCode::OK,
            Err(refusal) => refusal.status(),
        };
        *desk.counts.by_status.entry(status.as_u16()).or_default() += 1;
        match answered {
            Ok((body, rows)) => {
                desk.counts.rows += rows;
                desk.counts.bytes += body.len() as u64;
                deliver(&body, &faults)
            }
            Err(refusal) => *refusal,
        }
    }

    /// The page, or why there is none: faults first, as of a proxy, then credentials and parameters.
    fn decide(
        &self,
        asked: &Asked,
        headers: &HeaderMap,
        (path, pairs): (&str, &[(String, String)]),
        faults: &[Fault],
        nth: u64,
    ) -> Result<(Bytes, u64), Box<Response>> {
        let inner = &self.platform.inner;
        for fault in faults {
            match fault {
                Fault::Status { code, retry_after } => {
                    return Err(Box::new(self.faulty(*code, *retry_after, nth)));
                }
                Fault::HtmlPage => return Err(Box::new(html())),
                Fault::Hang => return refuse(503, "Service Unavailable"),
                _ => {}
            }
        }
        let credentials = headers.get(header::AUTHORIZATION);
        let credentials = credentials.and_then(|value| value.to_str().ok());
        let mut desk = inner.desk();
        match desk.admit(credentials) {
            Ok(()) => {}
            Err(Denied::Unknown) => return refuse(401, "You are not authenticated!"),
            Err(Denied::Forbidden) => return refuse(403, "You are not authorized!"),
        }
        match asked {
            Asked::Nothing => refuse(404, "The tenant does not exist."),
            Asked::Records => match ListQuestion::parse(pairs, desk.trouble.no_id_filter) {
                Ok(question) => {
                    let (page, rows) = desk.list(inner.seed, inner.clock.now(), &question, faults);
                    Ok((Bytes::from(page), rows))
                }
                Err(message) => refuse(400, &message),
            },
            Asked::File(tenant) => match desk.archive(inner, tenant.as_deref(), pairs) {
                Ok((file, rows)) => Ok((Bytes::from(file), rows)),
                Err(NoFile::Refused(message)) => refuse(400, &message),
                Err(NoFile::TooLong) => refuse(504, "Gateway Timeout"),
            },
            Asked::Events(tenant) => {
                let question = match EventsQuestion::parse(pairs) {
                    Ok(question) => question,
                    Err(message) => return refuse(400, &message),
                };
                match desk.events(inner, tenant.as_deref(), path, &question, faults) {
                    Ok((page, rows)) => Ok((Bytes::from(page), rows)),
                    Err(DeadContinuation) => refuse(400, "The continuation is not valid."),
                }
            }
        }
    }

    fn faulty(&self, code: u16, retry_after: RetryAfter, nth: u64) -> Response {
        let mut response = error(code, "Too many requests, or a service is not available");
        if code == 429 || code == 503 {
            let value = retry_after.header(self.platform.inner.clock.now(), nth);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

fn pairs_of(query: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(query).into_owned().collect()
}

fn refuse<T>(status: u16, message: &str) -> Result<T, Box<Response>> {
    Err(Box::new(error(status, message)))
}

/// An error as Orchestrator writes it.
fn error(code: u16, message: &str) -> Response {
    let body =
        value!({"message": message, "errorCode": 1_000 + u32::from(code), "resourceIds": null});
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(code, Body::from(body.to_string()))
}
