//! Responses, whole or spoilt in transport.

use crate::faults::Fault;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{StreamExt, once};
use std::io;
use std::time::Duration;

/// How long a cut connection stays open, so that what was sent also arrives.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// Sends a page, as far as the faults let it come.
pub(crate) fn deliver(body: &Bytes, faults: &[Fault]) -> Response {
    let part = |share: f64| {
        let bytes = (body.len() as f64 * share.clamp(0.0, 1.0)) as usize;
        body.slice(..bytes.min(body.len().saturating_sub(1)))
    };
    for fault in faults {
        match fault {
            Fault::Cut(share) => return cut(part(*share), body.len()),
            Fault::Truncated(share) => return json(StatusCode::OK, Body::from(part(*share))),
            _ => {}
        }
    }
    json(StatusCode::OK, Body::from(body.clone()))
}

/// Promises more than it sends and then ends the connection.
fn cut(sent: Bytes, promised: usize) -> Response {
    let sent = once(async move { Ok(sent) });
    let end = once(async {
        tokio::time::sleep(BEFORE_CUT).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let mut response = json(StatusCode::OK, Body::from_stream(sent.chain(end)));
    let length = HeaderValue::from(promised as u64);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response
}

/// What a proxy in front of the platform answers when a session is over.
pub(crate) fn html() -> Response {
    let page = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form method=\"post\" action=\"/login\"></form></body></html>";
    let mut response = Response::new(Body::from(page));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A response with a body of JSON.
pub(crate) fn json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
