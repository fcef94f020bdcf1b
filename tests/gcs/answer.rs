//! From a request to its answer.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use md5::{Digest as _, Md5};

use super::listing::{escaped, list};
use super::objects::{Name, Object, Refusal, Terms, refuse};
use super::{Account, Asked, Shared, lock};

/// Headers that change what a request means, and that the double does not know.
const UNKNOWN: [&str; 6] = [
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "x-goog-copy-source",
    "x-goog-if-metageneration-match",
    "content-encoding",
];

type Parameters = HashMap<String, String>;

pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = shared.lost_or_true(&method, &uri, &query, &headers, &body);
    let response = response.await.unwrap_or_else(|refusal| refusal.told());
    lock(&shared.asked).push(Asked {
        method,
        target: uri.to_string(),
        with_checksum: headers.contains_key("content-md5") || headers.contains_key("x-goog-hash"),
        status: response.status().as_u16(),
    });
    response
}

impl Refusal {
    fn told(&self) -> Response {
        let details = match self.details.as_str() {
            "" => String::new(),
            details => format!("<Details>{}</Details>", escaped(details)),
        };
        let body = format!(
            "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>{}</Message>{details}\
             </Error>",
            self.code,
            escaped(&self.message)
        );
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        response(status, &[("content-type", "application/xml".into())], body)
    }
}

fn response(
    status: StatusCode,
    headers: &[(&'static str, String)],
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

impl Shared {
    async fn lost_or_true(
        &self,
        method: &Method,
        uri: &Uri,
        query: &Parameters,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, Refusal> {
        let instead = {
            let mut behaviour = lock(&self.behaviour);
            let fits = |instead: &super::Instead| instead.method == *method;
            let place = behaviour.instead.iter().position(fits);
            place.and_then(|place| behaviour.instead.remove(place))
        };
        let lost = |status| refuse(status, "SlowDown", "answered so by order of the test");
        match instead {
            Some(instead) if !instead.takes_place => Err(lost(instead.status)),
            Some(instead) => {
                self.act(method, uri, query, headers, body).await?;
                Err(lost(instead.status))
            }
            None => self.act(method, uri, query, headers, body).await,
        }
    }

    async fn act(
        &self,
        method: &Method,
        uri: &Uri,
        query: &Parameters,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, Refusal> {
        let account = account(headers)?;
        if let Some(unknown) = UNKNOWN.iter().find(|name| headers.contains_key(**name)) {
            return Err(refuse(501, "NotImplemented", format!("header {unknown}")));
        }
        let path = decoded(uri.path());
        let (bucket, key) = match path.trim_start_matches('/').split_once('/') {
            Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
            None => (path.trim_start_matches('/').to_owned(), String::new()),
        };
        if key.is_empty() {
            return match *method {
                Method::GET => self.listing(&bucket, query),
                _ => Err(refuse(501, "NotImplemented", "changing a bucket")),
            };
        }
        if let Some(unknown) = query.keys().find(|parameter| *parameter != "generation") {
            return Err(refuse(
                501,
                "NotImplemented",
                format!("parameter {unknown}"),
            ));
        }
        let name = Name { bucket, key };
        let generation = number(headers, "x-goog-if-generation-match")?;
        let terms = {
            let behaviour = lock(&self.behaviour);
            Terms {
                account,
                generation,
                retention: behaviour.retention,
                held: behaviour.held.contains(&name.key),
                versioning: behaviour.versioning,
                pace: behaviour.pace,
            }
        };
        match *method {
            Method::GET | Method::HEAD => {
                let wanted = query.get("generation").map(|wanted| {
                    let invalid = |_| refuse(400, "InvalidArgument", "generation");
                    wanted.parse().map_err(invalid)
                });
                shown(&self.objects.read(&name, wanted.transpose()?)?, headers)
            }
            Method::PUT if query.is_empty() => self.put(&name, &terms, headers, body).await,
            Method::DELETE if query.is_empty() => {
                self.objects.delete(&name, &terms)?;
                Ok(response(StatusCode::NO_CONTENT, &[], Body::empty()))
            }
            _ => Err(refuse(501, "NotImplemented", method.to_string())),
        }
    }

    fn listing(&self, bucket: &str, query: &Parameters) -> Result<Response, Refusal> {
        let page = lock(&self.behaviour).page;
        let xml = list(bucket, &self.objects.list(bucket)?, query, page)?;
        let headers = [("content-type", "application/xml".to_owned())];
        Ok(response(StatusCode::OK, &headers, xml))
    }

    async fn put(
        &self,
        name: &Name,
        terms: &Terms,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Response, Refusal> {
        if !headers.contains_key("content-length") {
            let message = "You must provide the Content-Length HTTP header.";
            return Err(refuse(411, "MissingContentLength", message));
        }
        check_sum(headers, body)?;
        let begun = self.objects.begin(name, terms)?;
        let pause = lock(&self.behaviour).pause;
        tokio::time::sleep(pause).await;
        let generation = begun.finish(body)?;
        let headers = about(generation, body);
        Ok(response(StatusCode::OK, &headers, Body::empty()))
    }
}

fn account(headers: &HeaderMap) -> Result<Account, Refusal> {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.and_then(Account::of).ok_or_else(|| {
        let message = "Invalid Credentials: a bearer token that is known is required.";
        refuse(401, "AuthenticationRequired", message)
    })
}

fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    let invalid = || refuse(400, "InvalidArgument", format!("header {name}"));
    number.map(Some).ok_or_else(invalid)
}

/// Compares what arrived with the MD5 that was sent along, in either of its two places.
fn check_sum(headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
    let sent = match (headers.get("content-md5"), headers.get("x-goog-hash")) {
        (Some(sum), _) => Some(sum.as_bytes()),
        (None, Some(hash)) => match hash.as_bytes().strip_prefix(b"md5=") {
            Some(sum) => Some(sum),
            None => return Err(refuse(501, "NotImplemented", "hashes other than MD5")),
        },
        (None, None) => None,
    };
    if sent.is_some_and(|sent| sent != md5(body).as_bytes()) {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(refuse(400, "BadDigest", message));
    }
    Ok(())
}

fn md5(content: &[u8]) -> String {
    BASE64_STANDARD.encode(Md5::digest(content))
}

/// The headers that tell about an object.
fn about(generation: u64, content: &[u8]) -> Vec<(&'static str, String)> {
    vec![
        ("x-goog-generation", generation.to_string()),
        ("x-goog-metageneration", "1".to_owned()),
        ("x-goog-hash", format!("md5={}", md5(content))),
        ("etag", format!("\"{}\"", hex::encode(Md5::digest(content)))),
    ]
}

fn shown(object: &Object, headers: &HeaderMap) -> Result<Response, Refusal> {
    let content = &object.content;
    let mut about = about(object.generation, content);
    let modified = DateTime::<Utc>::from(object.modified);
    about.push((
        "last-modified",
        modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    ));
    about.push(("content-type", "application/octet-stream".to_owned()));
    about.push(("accept-ranges", "bytes".to_owned()));
    if let Some(wanted) = headers.get("if-match") {
        let tag = about.iter().find(|(name, _)| *name == "etag");
        if tag.is_none_or(|(_, tag)| tag.as_bytes() != wanted.as_bytes()) {
            let message = "At least one of the pre-conditions you specified did not hold.";
            return Err(refuse(412, "PreconditionFailed", message));
        }
    }
    let range = headers.get("range").and_then(|range| range.to_str().ok());
    let Some((from, to)) = range.and_then(|range| bounds(range, content.len())) else {
        return Ok(response(StatusCode::OK, &about, content.clone()));
    };
    if from >= to {
        let message = "The requested range cannot be satisfied.";
        return Err(refuse(416, "InvalidRange", message));
    }
    let part = format!("bytes {from}-{}/{}", to - 1, content.len());
    about.push(("content-range", part));
    let content = content[from..to].to_vec();
    Ok(response(StatusCode::PARTIAL_CONTENT, &about, content))
}

/// From where to where a range asks, cut to what there is; none where it is not understood, which is
/// then as if it had not been sent.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (from, to) {
        ("", last) => Some((length.saturating_sub(last.parse().ok()?), length)),
        (from, "") => Some((from.parse().ok()?, length)),
        (from, to) => {
            let to: usize = to.parse().ok()?;
            Some((from.parse().ok()?, length.min(to.saturating_add(1))))
        }
    }
}

/// A path without escapes. A plus is a plus, unlike in a query.
fn decoded(path: &str) -> String {
    let query = format!("path={}", path.replace('+', "%2B").replace('&', "%26"));
    let decoded = url::form_urlencoded::parse(query.as_bytes()).next();
    decoded.map_or_else(String::new, |(_, path)| path.into_owned())
}
