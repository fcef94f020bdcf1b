//! HTTP: the paths, sign-in, errors in the form of Azure Resource Manager, and the faults of transport.

use super::chain::{NoPage, Page};
use super::platform::{Azure, EventsAsked};
use super::sign_in::{DIRECTORY, TokenDenied};
use crate::faults::{Fault, RetryAfter};
use crate::instant::{SECOND, nanos};
use crate::respond::{deliver, html, json};
use crate::server::{self, ServeError, Serving, Stopping};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json as value};
use std::collections::HashMap;
use std::time::Duration;
use tokio::net::TcpListener;
use url::form_urlencoded;

const EVENTS: &str =
    "/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values";
const RUNS: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}/queryPipelineRuns";
const ACTIVITIES: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataFactory/factories/{factory}/pipelineruns/{run}/queryActivityruns";

impl Azure {
    /// Serves the interfaces on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let counter = Counter {
                azure: self.clone(),
                stopping,
            };
            Router::new()
                .route(&format!("/{DIRECTORY}/oauth2/v2.0/token"), post(sign_in))
                .route(EVENTS, get(events))
                .route(RUNS, post(runs))
                .route(ACTIVITIES, post(activities))
                .fallback(nothing_here)
                .layer(map_response_with_state(counter.clone(), dated))
                .with_state(counter)
        })
    }
}

#[derive(Debug, Clone)]
struct Counter {
    azure: Azure,
    stopping: Stopping,
}

/// A request, as far as every method reads it.
struct Asked {
    authorization: Option<String>,
    host: String,
    path: HashMap<String, String>,
    query: HashMap<String, String>,
    body: Bytes,
    /// What faults depend on.
    text: String,
}

impl Asked {
    fn of(
        headers: &HeaderMap,
        path: HashMap<String, String>,
        query: Option<String>,
        body: Bytes,
    ) -> Self {
        let text_of = |name| {
            let value: Option<&HeaderValue> = headers.get(name);
            value
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let query = query.unwrap_or_default();
        let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let mut parts: Vec<String> = query
            .iter()
            .map(|(name, it)| format!("{name}={it}"))
            .collect();
        parts.sort_unstable();
        let run = path.get("run").cloned().unwrap_or_default();
        Self {
            authorization: text_of(header::AUTHORIZATION),
            host: text_of(header::HOST).unwrap_or_default(),
            text: format!(
                "{run} {} {}",
                parts.join("&"),
                String::from_utf8_lossy(&body)
            ),
            path,
            query,
            body,
        }
    }
}

async fn nothing_here() -> Response {
    error(404, "NotFound", "Not Found")
}

/// Sets `Date` from the clock, as far ahead of it as the settings say.
async fn dated(State(counter): State<Counter>, mut response: Response) -> Response {
    let inner = &counter.azure.inner;
    let skew = inner.desk().faults.skew.saturating_mul(SECOND);
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

async fn sign_in(State(counter): State<Counter>, request: Request) -> Response {
    let form = axum::body::to_bytes(request.into_body(), 64 << 10).await;
    let form = form.unwrap_or_default();
    match counter.azure.inner.desk().tokens.give(&form) {
        Ok(token) => json(StatusCode::OK, Body::from(token)),
        Err((status, code, description)) => {
            let body = value!({"error": code, "error_description": description});
            json(status_of(status), Body::from(body.to_string()))
        }
    }
}

async fn events(
    State(counter): State<Counter>,
    Path(path): Path<HashMap<String, String>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::of(&headers, path, query, Bytes::new());
    counter.answer(asked, Counter::events).await
}

async fn runs(
    State(counter): State<Counter>,
    Path(path): Path<HashMap<String, String>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::of(&headers, path, query, body);
    counter.answer(asked, Counter::runs).await
}

async fn activities(
    State(counter): State<Counter>,
    Path(path): Path<HashMap<String, String>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::of(&headers, path, query, body);
    counter.answer(asked, Counter::activities).await
}

type Answered = Result<String, Box<Response>>;

impl Counter {
    /// Answers a request: faults first, as of a proxy, then credentials, then `answer`.
    async fn answer(
        &self,
        asked: Asked,
        answer: fn(&Self, &Asked, &[Fault]) -> Answered,
    ) -> Response {
        let inner = &self.azure.inner;
        let (faults, nth) = {
            let mut desk = inner.desk();
            desk.counts.requests += 1;
            desk.counts.searches += 1;
            desk.questions.push(asked.text.clone());
            let standing = desk.faults.clone();
            let faults = desk.source.decide(inner.seed, &standing, &asked.text);
            (faults, desk.counts.searches)
        };
        for fault in &faults {
            match fault {
                Fault::Slow(by) => self.stopping.pause(*by).await,
                Fault::Hang => self.stopping.pause(Duration::MAX).await,
                _ => {}
            }
        }
        let answered = self
            .refused(&asked, &faults, nth)
            .and_then(|()| answer(self, &asked, &faults));
        let status = match &answered {
            Ok(_) => StatusCode::OK,
            Err(refusal) => refusal.status(),
        };
        let mut desk = inner.desk();
        *desk.counts.by_status.entry(status.as_u16()).or_default() += 1;
        match answered {
            Ok(body) => {
                desk.counts.bytes += body.len() as u64;
                deliver(&Bytes::from(body), &faults)
            }
            Err(refusal) => *refusal,
        }
    }

    fn refused(&self, asked: &Asked, faults: &[Fault], nth: u64) -> Result<(), Box<Response>> {
        let inner = &self.azure.inner;
        for fault in faults {
            match fault {
                Fault::Status { code, retry_after } => {
                    return Err(Box::new(self.faulty(*code, *retry_after, nth)));
                }
                Fault::HtmlPage => return Err(Box::new(html())),
                Fault::Hang => return refuse(503, "ServerBusy", "The server is busy."),
                _ => {}
            }
        }
        let admitted = inner.desk().tokens.admit(asked.authorization.as_deref());
        match admitted {
            Ok(()) => {}
            Err(TokenDenied::Unknown) => {
                let message = "The access token is expired, not yet valid or invalid.";
                return refuse(401, "ExpiredAuthenticationToken", message);
            }
            Err(TokenDenied::Forbidden) => {
                let message = "The client does not have authorization to perform the action.";
                return refuse(403, "AuthorizationFailed", message);
            }
        }
        let is = |name: &str, own: &str| {
            let found = asked.path.get(name);
            found.is_none_or(|found| found.eq_ignore_ascii_case(own))
        };
        if !is("subscription", &inner.home.subscription) {
            let message = "The subscription could not be found.";
            return refuse(404, "SubscriptionNotFound", message);
        }
        if !is("group", &inner.home.group) || !is("factory", &inner.home.factory) {
            let message = "The Resource 'Microsoft.DataFactory/factories' was not found.";
            return refuse(404, "ResourceNotFound", message);
        }
        Ok(())
    }

    fn events(&self, asked: &Asked, faults: &[Fault]) -> Answered {
        let inner = &self.azure.inner;
        parameters(asked, "2015-04-01", &["$filter", "$skiptoken"])?;
        let filter = asked.query.get("$filter");
        let page = match (asked.query.get("$skiptoken"), filter) {
            (Some(_), Some(_)) => {
                return refuse(400, "BadRequest", "The link must be followed as it is.");
            }
            (Some(link), None) => inner.events(EventsAsked::Link(link), faults),
            (None, Some(filter)) => inner.events(EventsAsked::Filter(filter), faults),
            (None, None) => return refuse(400, "BadRequest", "A $filter is required."),
        };
        let page = paged(page)?;
        let next = page.next.as_ref().map(|link| {
            let elsewhere = inner.desk().chains.trouble.elsewhere.clone();
            let host = elsewhere.unwrap_or_else(|| format!("http://{}", asked.host));
            let path = EVENTS.replace("{subscription}", &inner.home.subscription);
            format!("{host}{path}?api-version=2015-04-01&$skiptoken={link}")
        });
        self.count(&page);
        Ok(body(&page, "nextLink", next))
    }

    fn runs(&self, asked: &Asked, faults: &[Fault]) -> Answered {
        parameters(asked, "2018-06-01", &[])?;
        let question = question(asked)?;
        let token = question.token.as_deref();
        let page = self
            .azure
            .inner
            .runs(&question.same, question.span, token, faults);
        let page = paged(page)?;
        self.count(&page);
        Ok(body(&page, "continuationToken", page.next.clone()))
    }

    fn activities(&self, asked: &Asked, _: &[Fault]) -> Answered {
        parameters(asked, "2018-06-01", &[])?;
        question(asked)?;
        let run = asked.path.get("run").map_or("", String::as_str);
        let Some(records) = self.azure.inner.activities(run) else {
            return refuse(
                404,
                "PipelineRunNotFound",
                "The pipeline run was not found.",
            );
        };
        let page = Page {
            records,
            next: None,
        };
        self.count(&page);
        Ok(body(&page, "continuationToken", None))
    }

    fn count(&self, page: &Page) {
        self.azure.inner.desk().counts.rows += page.records.len() as u64;
    }

    fn faulty(&self, code: u16, retry_after: RetryAfter, nth: u64) -> Response {
        let mut response = error(
            code,
            "TooManyRequests",
            "Too many requests, or none answered.",
        );
        if code == 429 || code == 503 {
            let value = retry_after.header(self.azure.inner.clock.now(), nth);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

/// A question about runs, understood.
struct Question {
    /// The question without its token.
    same: String,
    span: (i64, i64),
    token: Option<String>,
}

fn question(asked: &Asked) -> Result<Question, Box<Response>> {
    let bad = |message: &str| Box::new(error(400, "BadRequest", message));
    let body: Value = serde_json::from_slice(&asked.body).map_err(|_| bad("Not JSON."))?;
    let members = body.as_object().ok_or_else(|| bad("Not an object."))?;
    let known = [
        "lastUpdatedAfter",
        "lastUpdatedBefore",
        "filters",
        "orderBy",
        "continuationToken",
    ];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(bad(&format!("Unknown member {name}.")));
    }
    let instant = |name: &str| {
        let text = body[name].as_str().unwrap_or_default();
        let at: Result<DateTime<Utc>, _> = text.parse();
        at.map(nanos)
            .map_err(|_| bad(&format!("{name} is required.")))
    };
    let span = (instant("lastUpdatedAfter")?, instant("lastUpdatedBefore")?);
    if span.0 > span.1 {
        return Err(bad("lastUpdatedAfter is after lastUpdatedBefore."));
    }
    let is_none = |name: &str| {
        let value = &body[name];
        value.is_null() || value.as_array().is_some_and(Vec::is_empty)
    };
    if !is_none("filters") || !is_none("orderBy") {
        return Err(bad("Filters and orders are not known here."));
    }
    let token = body["continuationToken"].as_str().map(str::to_owned);
    Ok(Question {
        same: format!("{span:?}"),
        span,
        token: token.filter(|token| !token.is_empty()),
    })
}

/// Checks the version, and that there is no parameter that nobody knows.
fn parameters(asked: &Asked, version: &str, known: &[&str]) -> Result<(), Box<Response>> {
    if asked.query.get("api-version").map(String::as_str) != Some(version) {
        return refuse(
            400,
            "InvalidApiVersionParameter",
            "The api-version is missing or invalid.",
        );
    }
    let mut names = asked.query.keys().filter(|name| *name != "api-version");
    match names.find(|name| !known.contains(&name.as_str())) {
        Some(name) => refuse(400, "BadRequest", &format!("Unknown parameter {name}.")),
        None => Ok(()),
    }
}

fn paged(page: Result<Page, NoPage>) -> Result<Page, Box<Response>> {
    match page {
        Ok(page) => Ok(page),
        Err(NoPage::Bad(message)) => refuse(400, "BadRequest", &message),
        Err(NoPage::Broken) => refuse(500, "InternalServerError", "An error has occurred."),
    }
}

/// A page as it is sent: each record to the byte.
fn body(page: &Page, name: &str, next: Option<String>) -> String {
    let records = page.records.join(",");
    match next {
        Some(next) => format!("{{\"value\":[{records}],\"{name}\":{}}}", value!(next)),
        None => format!("{{\"value\":[{records}]}}"),
    }
}

fn refuse<T>(status: u16, code: &str, message: &str) -> Result<T, Box<Response>> {
    Err(Box::new(error(status, code, message)))
}

fn status_of(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An error in the form of Azure Resource Manager.
fn error(status: u16, code: &str, message: &str) -> Response {
    let body = value!({"error": {"code": code, "message": message}});
    json(status_of(status), Body::from(body.to_string()))
}
