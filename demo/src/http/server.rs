//! HTTP: credentials, the faults of transport, and pages.

use super::dialect::{Asked, Dialect, Served};
use super::platform::AuditApi;
use crate::faults::Fault;
use crate::gate::{Denied, Reach};
use crate::instant::SECOND;
use crate::respond::{deliver, html, json};
use crate::server::{self, ServeError, Serving, Stopping};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use std::time::Duration;
use tokio::net::TcpListener;
use url::form_urlencoded;

impl AuditApi {
    /// Serves the API on a listener until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let api = ServedApi {
                api: self.clone(),
                stopping,
            };
            Router::new().fallback(answer).with_state(api)
        })
    }
}

#[derive(Debug, Clone)]
struct ServedApi {
    api: AuditApi,
    stopping: Stopping,
}

async fn answer(
    State(served): State<ServedApi>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let inner = served.api.inner.clone();
    let body = String::from_utf8_lossy(&body).into_owned();
    let question = format!("{uri} {body}");
    let (faults, nth) = {
        let mut desk = inner.desk();
        desk.counts.requests += 1;
        desk.counts.searches += 1;
        desk.questions.push(question.clone());
        let standing = desk.faults.clone();
        let faults = desk.source.decide(inner.seed, &standing, &question);
        (faults, desk.counts.searches)
    };
    for fault in &faults {
        match fault {
            Fault::Slow(by) => served.stopping.pause(*by).await,
            Fault::Hang => served.stopping.pause(Duration::MAX).await,
            _ => {}
        }
    }
    let mut response = match served.page(&method, &uri, &headers, &body, &faults, nth) {
        Ok((page, rows)) => {
            let bytes = Bytes::from(page.body);
            let mut desk = inner.desk();
            desk.counts.rows += rows;
            desk.counts.bytes += bytes.len() as u64;
            let mut response = deliver(&bytes, &faults);
            for (name, value) in page.headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    let name = HeaderName::from_static(name);
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Err(refusal) => *refusal,
    };
    let mut desk = inner.desk();
    let status = response.status().as_u16();
    *desk.counts.by_status.entry(status).or_default() += 1;
    let skew = desk.faults.skew.saturating_mul(SECOND);
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

impl ServedApi {
    /// The page, or why there is none: faults first, as of a proxy, then credentials and parameters.
    fn page(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &str,
        faults: &[Fault],
        nth: u64,
    ) -> Result<(Served, u64), Box<Response>> {
        let inner = &self.api.inner;
        for fault in faults {
            match fault {
                Fault::Status { code, retry_after } => {
                    let mut response = error(*code, "limited or unavailable");
                    let told = retry_after.header(inner.clock.now(), nth);
                    if let Some(told) = told.and_then(|told| HeaderValue::from_str(&told).ok()) {
                        response.headers_mut().insert(header::RETRY_AFTER, told);
                    }
                    return Err(Box::new(response));
                }
                Fault::HtmlPage => return Err(Box::new(html())),
                Fault::Hang => return refuse(503, "unavailable"),
                _ => {}
            }
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let credentials = match inner.dialect {
            Dialect::Dagster => {
                text("dagster-cloud-api-token").map(|token| format!("Bearer {token}"))
            }
            _ => text("authorization").map(str::to_owned),
        };
        let mut desk = inner.desk();
        match desk.gate.admit(credentials.as_deref(), Reach::Part) {
            Ok(()) => {}
            Err(Denied::Unknown) => return refuse(401, "unknown credentials"),
            Err(Denied::Forbidden) => return refuse(403, "no permission"),
        }
        let query = uri.query().unwrap_or_default();
        let asked = Asked {
            path: uri.path(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            body,
            continues: text("x-continue"),
            is_post: method == Method::POST,
        };
        let trouble = desk.trouble.clone();
        let request = match inner.dialect.read(&asked, &trouble) {
            Ok(request) => request,
            Err((status, message)) => return refuse(status, &message),
        };
        let page = desk.page(&request, faults);
        let host = text("host").unwrap_or_default();
        let served = inner
            .dialect
            .write(&page, &request, &format!("http://{host}"), &trouble);
        Ok((served, page.records.len() as u64))
    }
}

fn refuse<T>(status: u16, message: &str) -> Result<T, Box<Response>> {
    Err(Box::new(error(status, message)))
}

fn error(code: u16, message: &str) -> Response {
    let body = serde_json::json!({ "message": message }).to_string();
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(code, Body::from(body))
}
