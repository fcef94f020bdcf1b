//! Responses: pages, whole or spoilt in transport, and errors in the form of Micronaut's
//! `JsonError`.

use super::faults::Fault;
use super::record::json_text;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{StreamExt, once};
use std::io;
use std::time::Duration;

/// How long a cut connection stays open, so that what was sent also arrives.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// Sends a page, as far as the faults let it come.
pub(super) fn deliver(body: &Bytes, faults: &[Fault]) -> Response {
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
pub(super) fn html() -> Response {
    let page = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form method=\"post\" action=\"/login\"></form></body></html>";
    let mut response = Response::new(Body::from(page));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An error in Micronaut's form, with the `_embedded.errors` of its fields, if any.
pub(super) fn error(
    status: u16,
    message: &str,
    fields: &[(String, String)],
    uri: &Uri,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, Body::from(json_error(message, fields, uri)))
}

fn json_error(message: &str, fields: &[(String, String)], uri: &Uri) -> String {
    let mut embedded = String::new();
    if !fields.is_empty() {
        let fields: Vec<String> = fields
            .iter()
            .map(|(path, message)| {
                let (path, message) = (json_text(path), json_text(message));
                format!(r#"{{"message":{message},"path":{path}}}"#)
            })
            .collect();
        embedded = format!(r#","_embedded":{{"errors":[{}]}}"#, fields.join(","));
    }
    let message = json_text(message);
    let href = json_text(&uri.to_string());
    format!(
        r#"{{"message":{message},"_links":{{"self":{{"href":{href},"templated":false}}}}{embedded}}}"#
    )
}

fn json(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_micronauts_form() {
        let uri = "/api/v1/main/auditlogs/search?size=1001".parse().unwrap();
        let fields = [(
            "searchAuditLogs.size".to_owned(),
            "must be \"small\"".to_owned(),
        )];
        let text = json_error("Invalid entity", &fields, &uri);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["message"], "Invalid entity");
        assert_eq!(value["_links"]["self"]["href"], uri.to_string());
        assert_eq!(
            value["_embedded"]["errors"][0]["path"],
            "searchAuditLogs.size"
        );
        let bare = json_error("Not Found", &[], &uri);
        assert!(!bare.contains("_embedded"));
    }
}
