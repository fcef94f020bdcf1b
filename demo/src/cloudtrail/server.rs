//! HTTP: two actions, signatures, errors in AWS's form, and the faults of transport.

use super::platform::{BadToken, CloudTrailApi, Question};
use super::sigv4;
use crate::dice::fingerprint;
use crate::faults::Fault;
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

/// Most events of a page.
const PAGE_CAP: i64 = 50;

/// What stands before the name of an action.
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.";

impl CloudTrailApi {
    /// Serves the API of all regions on a listener until the returned value is shut down or dropped. The region is
    /// that of the signature.
    ///
    /// # Errors
    /// The listener's address cannot be read.
    pub fn serve(&self, listener: TcpListener) -> Result<Serving, ServeError> {
        Serving::start(listener, |stopping| {
            let desk = Counter {
                api: self.clone(),
                stopping,
            };
            Router::new()
                .route("/", post(call))
                .fallback(nothing_here)
                .layer(map_response_with_state(desk.clone(), dated))
                .with_state(desk)
        })
    }
}

#[derive(Debug, Clone)]
struct Counter {
    api: CloudTrailApi,
    stopping: Stopping,
}

type Answer = Result<(String, u64), Box<Response>>;

async fn nothing_here() -> Response {
    error(404, "UnknownOperationException", "")
}

/// Sets `Date` from the clock, as far ahead of it as the settings say.
async fn dated(State(counter): State<Counter>, mut response: Response) -> Response {
    let inner = &counter.api.inner;
    let skew = inner.desk().faults.skew.saturating_mul(SECOND);
    server::date(&mut response, inner.clock.now().saturating_add(skew));
    response
}

async fn call(State(counter): State<Counter>, headers: HeaderMap, body: Bytes) -> Response {
    let inner = counter.api.inner.clone();
    let asked = String::from_utf8_lossy(&body).into_owned();
    let faults = {
        let mut desk = inner.desk();
        desk.counts.requests += 1;
        desk.counts.searches += 1;
        desk.questions.push(asked.clone());
        let standing = desk.faults.clone();
        desk.source.decide(inner.seed, &standing, &asked)
    };
    for fault in &faults {
        match fault {
            Fault::Slow(by) => counter.stopping.pause(*by).await,
            Fault::Hang => counter.stopping.pause(Duration::MAX).await,
            _ => {}
        }
    }
    let answered = counter.answer(&headers, &body, &faults);
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
            let mut response = deliver(&Bytes::from(body), &faults);
            let kind = HeaderValue::from_static("application/x-amz-json-1.1");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(refusal) => *refusal,
    }
}

impl Counter {
    /// The answer, or why there is none: faults first, then the signature and the parameters.
    fn answer(&self, headers: &HeaderMap, body: &[u8], faults: &[Fault]) -> Answer {
        for fault in faults {
            match fault {
                Fault::Status { code: 429, .. } => {
                    return refuse(400, "ThrottlingException", "Rate exceeded");
                }
                Fault::Status { code: 503, .. } | Fault::Hang => {
                    return refuse(503, "ServiceUnavailable", "");
                }
                Fault::Status { code, .. } => return refuse(*code, "InternalFailure", ""),
                Fault::HtmlPage => return Err(Box::new(html())),
                _ => {}
            }
        }
        let inner = &self.api.inner;
        let region = match sigv4::check(&inner.access, headers, body) {
            Ok(region) => region,
            Err(name) => return refuse(400, name, "the request is not let through"),
        };
        let mut desk = inner.desk();
        if desk.trouble.expired {
            return refuse(
                400,
                "ExpiredTokenException",
                "The security token is expired",
            );
        }
        if desk.is_too_fast(&region) {
            return refuse(400, "ThrottlingException", "Rate exceeded");
        }
        let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok());
        let question: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(members) = question.as_object() else {
            return refuse(400, "SerializationException", "");
        };
        match target.and_then(|target| target.strip_prefix(TARGET)) {
            Some("ListPublicKeys") => {
                let known = ["StartTime", "EndTime", "NextToken"];
                match members.keys().all(|name| known.contains(&name.as_str())) {
                    true => Ok((inner.public_keys().to_string(), 0)),
                    false => refuse(400, "SerializationException", ""),
                }
            }
            Some("LookupEvents") => {
                let question = match read(&region, &question) {
                    Ok(question) => question,
                    Err(name) => return refuse(400, name, "the parameters are not valid"),
                };
                match desk.answer(inner.seed, inner.clock.now(), &question, faults) {
                    Ok(answer) => Ok(answer),
                    Err(BadToken) => refuse(400, "InvalidNextTokenException", "Invalid token"),
                }
            }
            _ => refuse(400, "UnknownOperationException", ""),
        }
    }
}

/// Understands a request for events.
fn read(region: &str, body: &Value) -> Result<Question, &'static str> {
    const INVALID: &str = "SerializationException";
    let known = [
        "StartTime",
        "EndTime",
        "LookupAttributes",
        "MaxResults",
        "NextToken",
    ];
    let members = body.as_object().ok_or(INVALID)?;
    if members.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(INVALID);
    }
    let time = |name: &str, default: i64| match &body[name] {
        Value::Null => Ok(default),
        Value::Number(number) => {
            let seconds = number
                .as_i64()
                .or(number.as_f64().map(|it| it.floor() as i64));
            seconds.ok_or(INVALID)
        }
        _ => Err(INVALID),
    };
    let seconds = (time("StartTime", 0)?, time("EndTime", i64::MAX)?);
    if seconds.0 > seconds.1 || seconds.0 < 0 {
        return Err("InvalidTimeRangeException");
    }
    let attributes = body["LookupAttributes"].as_array();
    let attribute = match attributes.map_or(&[][..], Vec::as_slice) {
        [] => None,
        [one] => {
            let text = |name: &str| one[name].as_str().map(str::to_owned);
            let pair = text("AttributeKey").zip(text("AttributeValue"));
            Some(pair.ok_or("InvalidLookupAttributesException")?)
        }
        _ => return Err("InvalidLookupAttributesException"),
    };
    let size = match &body["MaxResults"] {
        Value::Null => PAGE_CAP,
        size => size.as_i64().unwrap_or_default(),
    };
    if !(1..=PAGE_CAP).contains(&size) {
        return Err("InvalidMaxResultsException");
    }
    let mut same = body.clone();
    same["NextToken"] = Value::Null;
    Ok(Question {
        region: region.to_owned(),
        seconds,
        attribute,
        size: usize::try_from(size).unwrap_or_default(),
        print: fingerprint(format!("{region} {same}").as_bytes()),
        token: body["NextToken"].as_str().map(str::to_owned),
    })
}

fn refuse<T>(status: u16, name: &str, message: &str) -> Result<T, Box<Response>> {
    Err(Box::new(error(status, name, message)))
}

/// An error in the form of AWS's JSON protocols.
fn error(status: u16, name: &str, message: &str) -> Response {
    let body = value!({ "__type": name, "message": message });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, Body::from(body.to_string()))
}
