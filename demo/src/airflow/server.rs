//! HTTP: lists, single events, tokens, credentials, and the faults of transport.

use super::Dialect;
use super::answer::detail;
use super::platform::AirflowServer;
use super::query::{ListQuery, Refused};
use crate::faults::{Fault, RetryAfter};
use crate::gate::{Denied, Reach};
use crate::instant::SECOND;
use crate::respond::{deliver, html, json};
use crate::server::{self, ServeError, Serving, Stopping};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::map_response_with_state;
use axum::response::Response;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpListener;

impl AirflowServer {
    /// Serves it on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let counter = Counter {
                airflow: self.clone(),
                stopping,
            };
            Router::new()
                .fallback(answer)
                .layer(map_response_with_state(counter.clone(), dated))
                .with_state(counter)
        })
    }
}

#[derive(Debug, Clone)]
struct Counter {
    airflow: AirflowServer,
    stopping: Stopping,
}

/// What came of a request.
enum Outcome {
    Body(String, u64),
    Page(Box<Response>),
}

/// Sets `Date` from the clock, as far ahead of it as the settings say.
async fn dated(State(counter): State<Counter>, mut response: Response) -> Response {
    let inner = &counter.airflow.inner;
    let skew = inner.desk().faults.skew.saturating_mul(SECOND);
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

async fn answer(
    State(counter): State<Counter>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let inner = counter.airflow.inner.clone();
    let query = uri.query().unwrap_or_default();
    let asked = format!("{}?{}", uri.path(), query.replace("%3A", ":"));
    let (faults, nth) = {
        let mut desk = inner.desk();
        desk.counts.requests += 1;
        desk.asked.push(asked.clone());
        let standing = desk.faults.clone();
        let faults = desk.source.decide(inner.seed, &standing, &asked);
        (faults, desk.counts.requests)
    };
    for fault in &faults {
        match fault {
            Fault::Slow(by) => counter.stopping.pause(*by).await,
            Fault::Hang => counter.stopping.pause(Duration::MAX).await,
            _ => {}
        }
    }
    let outcome = counter
        .faulty(&faults, nth)
        .unwrap_or_else(|| counter.outcome(&method, &uri, &headers, &body, &faults));
    let mut desk = inner.desk();
    match outcome {
        Outcome::Body(body, rows) => {
            *desk.counts.by_status.entry(200).or_default() += 1;
            desk.counts.rows += rows;
            desk.counts.bytes += body.len() as u64;
            deliver(&Bytes::from(body), &faults)
        }
        Outcome::Page(response) => {
            let status = response.status().as_u16();
            *desk.counts.by_status.entry(status).or_default() += 1;
            *response
        }
    }
}

impl Counter {
    fn dialect(&self) -> Dialect {
        self.airflow.inner.dialect
    }

    /// What a proxy answers instead.
    fn faulty(&self, faults: &[Fault], nth: u64) -> Option<Outcome> {
        faults.iter().find_map(|fault| match fault {
            Fault::Status { code, retry_after } => {
                Some(Outcome::Page(Box::new(self.busy(*code, *retry_after, nth))))
            }
            Fault::HtmlPage => Some(Outcome::Page(Box::new(html()))),
            Fault::Hang => Some(self.refusal((503, "Service Unavailable".to_owned()))),
            _ => None,
        })
    }

    fn busy(&self, code: u16, retry_after: RetryAfter, nth: u64) -> Response {
        let mut response = self.error(code, "Service Unavailable");
        if code == 429 || code == 503 {
            let value = retry_after.header(self.airflow.inner.clock.now(), nth);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }

    fn outcome(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
        faults: &[Fault],
    ) -> Outcome {
        let path = uri.path();
        if path == "/auth/token" && self.dialect() == Dialect::V2 {
            return match *method {
                Method::POST => self.token(body),
                _ => self.refusal((405, "Method Not Allowed".to_owned())),
            };
        }
        let logs = format!("/api/{}/eventLogs", self.dialect().version());
        let Some(rest) = path.strip_prefix(&logs) else {
            return match self.dialect() {
                // The web server's own page.
                Dialect::V1 => {
                    let mut page = html();
                    *page.status_mut() = StatusCode::NOT_FOUND;
                    Outcome::Page(Box::new(page))
                }
                Dialect::V2 => self.refusal((404, "Not Found".to_owned())),
            };
        };
        if let Err(refused) = self.admit(headers) {
            return self.refusal(refused);
        }
        match rest.strip_prefix('/') {
            None => self.list(uri.query().unwrap_or_default(), faults),
            Some(id) => match id.parse() {
                Ok(id) => self.event(id),
                Err(_) => self.refusal((422, "'event_log_id' must be an integer".to_owned())),
            },
        }
    }

    fn list(&self, query: &str, faults: &[Fault]) -> Outcome {
        let inner = &self.airflow.inner;
        let mut desk = inner.desk();
        desk.counts.searches += 1;
        match ListQuery::parse(inner.dialect, query, desk.trouble.page_limit) {
            Ok(query) => {
                let query = match desk.trouble.inclusive_bounds {
                    true => query.inclusive(),
                    false => query,
                };
                let page = desk.list(inner.seed, &query, faults);
                Outcome::Body(page.body, page.rows)
            }
            Err(refused) => self.refusal(refused),
        }
    }

    fn event(&self, id: i64) -> Outcome {
        let inner = &self.airflow.inner;
        let desk = inner.desk();
        let row = desk.event(id);
        if desk.denies(row) {
            return self.refusal((403, "Forbidden".to_owned()));
        }
        match row {
            Some(row) => Outcome::Body(desk.text(row), 1),
            None => self.refusal((
                404,
                match inner.dialect {
                    Dialect::V1 => "Event Log not found".to_owned(),
                    Dialect::V2 => format!("The Event Log with id: `{id}` not found"),
                },
            )),
        }
    }

    /// A token for name and password, which takes the place of the one before.
    fn token(&self, body: &Bytes) -> Outcome {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let mut desk = self.airflow.inner.desk();
        let pair = format!("{}:{}", text("username"), text("password"));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        if desk.gate.admit(Some(&basic), Reach::Whole).is_err() {
            return self.refusal((401, "Invalid credentials".to_owned()));
        }
        let number = desk.tokens.0 + 1;
        desk.tokens = (number, 0);
        let body = format!("{{\"access_token\":\"{}\"}}", token(number));
        let response = json(StatusCode::CREATED, Body::from(body));
        Outcome::Page(Box::new(response))
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let refuse = |status, message: &str| Err((status, message.to_owned()));
        let header = headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        let mut desk = self.airflow.inner.desk();
        let Some(header) = header else {
            return match self.dialect() {
                Dialect::V1 => refuse(403, "Forbidden"),
                Dialect::V2 => refuse(401, "Not authenticated"),
            };
        };
        let is_basic = header
            .get(..6)
            .is_some_and(|it| it.eq_ignore_ascii_case("basic "));
        if self.dialect() == Dialect::V2 && is_basic {
            return refuse(401, "Not authenticated");
        }
        if header == format!("Bearer {}", token(desk.tokens.0)) {
            desk.tokens.1 += 1;
            let most = desk.trouble.token_requests;
            return match most.is_some_and(|most| desk.tokens.1 > most) {
                true => refuse(401, "Token Expired"),
                false => Ok(()),
            };
        }
        match desk.gate.admit(Some(header), Reach::Whole) {
            Ok(()) => Ok(()),
            Err(Denied::Unknown) => refuse(401, "Token Expired"),
            Err(Denied::Forbidden) => refuse(403, "Forbidden"),
        }
    }

    fn refusal(&self, (status, message): Refused) -> Outcome {
        Outcome::Page(Box::new(self.error(status, &message)))
    }

    fn error(&self, status: u16, message: &str) -> Response {
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(code, Body::from(detail(self.dialect(), status, message)))
    }
}

fn token(number: u64) -> String {
    format!("jwt-{number}")
}
