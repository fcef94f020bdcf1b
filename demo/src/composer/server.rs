//! HTTP: the one method, credentials, errors in Google's form, and the faults of transport.

use super::filter::Filter;
use super::platform::{BadToken, CloudLogging, Question};
use crate::dice::fingerprint;
use crate::faults::{Fault, RetryAfter};
use crate::gate::{Denied, Reach};
use crate::instant::SECOND;
use crate::respond::{deliver, html, json};
use crate::server::{self, ServeError, Serving, Stopping};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json as value};
use std::time::Duration;
use tokio::net::TcpListener;

/// Most entries of a page.
const PAGE_CAP: i64 = 1_000;
/// Entries of a page where the request does not say.
const USUAL_PAGE: i64 = 50;

impl CloudLogging {
    /// Serves the log on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let desk = Counter {
                logging: self.clone(),
                stopping,
            };
            Router::new()
                .route("/v2/entries:list", post(list))
                .fallback(nothing_here)
                .layer(map_response_with_state(desk.clone(), dated))
                .with_state(desk)
        })
    }
}

#[derive(Debug, Clone)]
struct Counter {
    logging: CloudLogging,
    stopping: Stopping,
}

async fn nothing_here() -> Response {
    error(404, "Not Found")
}

/// Sets `Date` from the clock, as far ahead of it as the settings say.
async fn dated(State(counter): State<Counter>, mut response: Response) -> Response {
    let inner = &counter.logging.inner;
    let skew = inner.desk().faults.skew.saturating_mul(SECOND);
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

async fn list(State(counter): State<Counter>, headers: HeaderMap, body: Bytes) -> Response {
    let inner = counter.logging.inner.clone();
    let asked = String::from_utf8_lossy(&body).into_owned();
    let (faults, nth) = {
        let mut desk = inner.desk();
        desk.counts.requests += 1;
        desk.counts.searches += 1;
        desk.questions.push(asked.clone());
        let standing = desk.faults.clone();
        let faults = desk.source.decide(inner.seed, &standing, &asked);
        (faults, desk.counts.searches)
    };
    for fault in &faults {
        match fault {
            Fault::Slow(by) => counter.stopping.pause(*by).await,
            Fault::Hang => counter.stopping.pause(Duration::MAX).await,
            _ => {}
        }
    }
    let answered = counter.answer(&headers, &asked, &faults, nth);
    let status = match &answered {
        Ok(_) => StatusCode::OK,
        Err(refusal) => refusal.status(),
    };
    let mut desk = inner.desk();
    *desk.counts.by_status.entry(status.as_u16()).or_default() += 1;
    match answered {
        Ok((body, rows)) => {
            desk.counts.rows += rows;
            desk.counts.bytes += body.len() as u64;
            deliver(&Bytes::from(body), &faults)
        }
        Err(refusal) => *refusal,
    }
}

impl Counter {
    /// The page, or why there is none: faults first, as of a proxy, then credentials and parameters.
    fn answer(
        &self,
        headers: &HeaderMap,
        asked: &str,
        faults: &[Fault],
        nth: u64,
    ) -> Result<(String, u64), Box<Response>> {
        let inner = &self.logging.inner;
        for fault in faults {
            match fault {
                Fault::Status { code, retry_after } => {
                    return Err(Box::new(self.faulty(*code, *retry_after, nth)));
                }
                Fault::HtmlPage => return Err(Box::new(html())),
                Fault::Hang => return refuse(503, "The service is currently unavailable."),
                _ => {}
            }
        }
        let credentials = headers.get(header::AUTHORIZATION);
        let credentials = credentials.and_then(|value| value.to_str().ok());
        let mut desk = inner.desk();
        match desk.gate.admit(credentials, Reach::Part) {
            Ok(()) => {}
            Err(Denied::Unknown) => return refuse(401, "Request had invalid credentials."),
            Err(Denied::Forbidden) => return refuse(403, "Permission denied for all log views"),
        }
        let question = match read(asked, &inner.project) {
            Ok(question) => question,
            Err((status, message)) => return refuse(status, &message),
        };
        match desk.answer(inner.seed, inner.clock.now(), &question, faults) {
            Ok(answer) => Ok(answer),
            Err(BadToken) => refuse(400, "page_token doesn't match arguments from the request"),
        }
    }

    fn faulty(&self, code: u16, retry_after: RetryAfter, nth: u64) -> Response {
        let mut response = error(code, "Quota exceeded or service unavailable");
        if code == 429 || code == 503 {
            let value = retry_after.header(self.logging.inner.clock.now(), nth);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

/// Understands the body of a request.
fn read(asked: &str, project: &str) -> Result<Question, (u16, String)> {
    let invalid = |message: &str| (400, message.to_owned());
    let body: Value =
        serde_json::from_str(asked).map_err(|_| invalid("Invalid JSON payload received."))?;
    let members = body
        .as_object()
        .ok_or_else(|| invalid("Invalid JSON payload received."))?;
    let known = [
        "resourceNames",
        "filter",
        "orderBy",
        "pageSize",
        "pageToken",
    ];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err((
            400,
            format!("Invalid JSON payload received. Unknown name \"{name}\""),
        ));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let names = body["resourceNames"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if names.is_empty() || names.len() > 100 {
        return Err(invalid("resource_names must have 1 to 100 elements"));
    }
    let own = format!("projects/{project}");
    if names.iter().any(|name| name.as_str() != Some(&own)) {
        return Err((403, "The caller does not have permission".to_owned()));
    }
    let size = match &body["pageSize"] {
        Value::Null => USUAL_PAGE,
        size => size.as_i64().unwrap_or(-1),
    };
    let size = match size {
        0 => USUAL_PAGE,
        1..=PAGE_CAP => size,
        _ => return Err(invalid("page_size must be between 0 and 1000")),
    };
    let newest_first = match text("orderBy") {
        "" | "timestamp asc" => false,
        "timestamp desc" => true,
        _ => {
            return Err(invalid(
                "order_by must be \"timestamp asc\" or \"timestamp desc\"",
            ));
        }
    };
    let filter = Filter::parse(text("filter")).map_err(|message| (400, message))?;
    let token = text("pageToken");
    let mut same = body.clone();
    same["pageToken"] = Value::Null;
    Ok(Question {
        filter,
        size: usize::try_from(size).unwrap_or_default(),
        newest_first,
        print: fingerprint(same.to_string().as_bytes()),
        token: (!token.is_empty()).then(|| token.to_owned()),
    })
}

fn refuse<T>(status: u16, message: &str) -> Result<T, Box<Response>> {
    Err(Box::new(error(status, message)))
}

/// An error in the form of Google's APIs.
fn error(code: u16, message: &str) -> Response {
    let status = match code {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    let body = value!({"error": {"code": code, "message": message, "status": status}});
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(code, Body::from(body.to_string()))
}
