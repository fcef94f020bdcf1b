//! Building the requests of a description.

use super::window::AskedWindow;
use super::{FeedDescription, TokenPlace};
use crate::event::json::pointer::Pointer;
use crate::source::http::HttpRequest;
use crate::source::{SourceError, Tenant};
use reqwest::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

/// What stands for the tenant in a path.
pub(in crate::source::platform::http) const TENANT: &str = "{tenant}";

/// Where a value goes in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestPlace {
    /// A query parameter.
    Query(String),
    /// A place in the JSON body.
    Body(Pointer),
    /// A header.
    Header(HeaderName),
}

/// What is the same in all requests.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedRequest {
    /// The path below the address, with `{tenant}` where the tenant goes.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The JSON body of a POST; a GET without one.
    pub body: Option<Value>,
    /// Where the tenant goes, if not into the path.
    pub tenant: Option<RequestPlace>,
}

/// How responses continue each other.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PagingKind {
    /// A single response has all records of a window.
    #[default]
    None,
    /// By the number of records before the next one.
    Offset,
    /// By the number of the page.
    Page,
    /// By a token that the response before it states.
    Token,
    /// By the `Link` header of the response before it, with rel="next".
    Link,
    /// By the address that the response before it states.
    NextUrl,
}

/// How responses continue each other, and how large they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedPaging {
    /// By what.
    pub kind: PagingKind,
    /// Where a response states its token or address.
    pub token: Option<TokenPlace>,
    /// Where the offset, the page or the token goes.
    pub send: Option<RequestPlace>,
    /// Where the number of records goes, if the platform takes one.
    pub size: Option<RequestPlace>,
    /// Most records of a response, from 1.
    pub page_size: u32,
    /// The number of the first page.
    pub first_page: u32,
    /// Where a response states whether another one follows.
    pub more: Option<Pointer>,
}

/// What one request continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continuation {
    /// Nothing: it is the first.
    First,
    /// An offset or a page.
    Number {
        /// The number.
        at: u64,
        /// What tells the records of the response before it from others.
        before: String,
    },
    /// The platform's token.
    Token(String),
    /// The whole address.
    Url(Url),
}

impl Continuation {
    /// What a token of the chain means.
    pub(super) fn read(kind: PagingKind, token: &str, base: &Url) -> Result<Self, SourceError> {
        match kind {
            PagingKind::Offset | PagingKind::Page => {
                let number = token.split_once(' ').and_then(|(at, before)| {
                    Some(Self::Number {
                        at: at.parse().ok()?,
                        before: before.to_owned(),
                    })
                });
                number.ok_or_else(|| SourceError::NotUnderstood {
                    message: "a continuation is not a number".to_owned(),
                })
            }
            PagingKind::Link | PagingKind::NextUrl => {
                Ok(Self::Url(same_server(base, base, token)?))
            }
            PagingKind::None | PagingKind::Token => Ok(Self::Token(token.to_owned())),
        }
    }

    /// Its number, or that of the first.
    pub(super) fn number(&self, first: u64) -> u64 {
        match self {
            Self::Number { at, .. } => *at,
            _ => first,
        }
    }
}

/// An address that a response states, which must be on the server that is configured: the credential goes with it.
pub(super) fn same_server(current: &Url, base: &Url, text: &str) -> Result<Url, SourceError> {
    let refused = |message: &str| {
        Err(SourceError::NotTheInterface {
            message: message.to_owned(),
        })
    };
    match current.join(text) {
        Ok(url) if url.origin() != base.origin() => {
            refused("the next page is on another server than `url`, to which no credential is sent")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            refused("the address of the next page contains credentials")
        }
        Ok(url) => Ok(url),
        Err(_) => refused("the address of the next page is not a URL"),
    }
}

impl FeedDescription {
    /// The request for a response of `size` records.
    pub(super) fn build(
        &self,
        base: &Url,
        tenant: &Tenant,
        asked: &AskedWindow,
        size: u32,
        continues: &Continuation,
    ) -> Result<HttpRequest, SourceError> {
        let fixed = &self.request;
        let mut parts = RequestParts {
            query: fixed.query.clone(),
            headers: fixed.headers.clone(),
            body: fixed.body.clone(),
        };
        if let (Some(place), Some(name)) = (&fixed.tenant, tenant.name()) {
            parts.put(place, name.into())?;
        }
        if let Continuation::Url(url) = continues {
            // It has all parameters of its own.
            return Ok(parts.request(url.clone()));
        }
        let (window, paging) = (&self.window, &self.paging);
        for (place, at) in [(&window.from, asked.from), (&window.to, asked.to)] {
            if let Some(place) = place {
                parts.put(place, window.written(at))?;
            }
        }
        if let Some(place) = &paging.size {
            parts.put(place, size.into())?;
        }
        let sent: Option<Value> = match (paging.kind, continues) {
            (PagingKind::Offset, _) => Some(continues.number(0).into()),
            (PagingKind::Page, _) => Some(continues.number(u64::from(paging.first_page)).into()),
            (_, Continuation::Token(token)) => Some(token.as_str().into()),
            _ => None,
        };
        if let (Some(place), Some(value)) = (&paging.send, sent) {
            parts.put(place, value)?;
        }
        let mut url = base.clone();
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            let name = tenant.name().unwrap_or_default();
            let segments = fixed.path.split('/').filter(|segment| !segment.is_empty());
            path.extend(segments.map(|segment| segment.replace(TENANT, name)));
        }
        if !parts.query.is_empty() {
            url.query_pairs_mut().clear().extend_pairs(&parts.query);
        }
        Ok(parts.request(url))
    }
}

/// The parts of a request while it is built.
struct RequestParts {
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Value>,
}

impl RequestParts {
    fn put(&mut self, place: &RequestPlace, value: Value) -> Result<(), SourceError> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match place {
            RequestPlace::Query(name) => self.query.push((name.clone(), text(&value))),
            RequestPlace::Header(name) => {
                let value = HeaderValue::from_str(&text(&value));
                let value = value.map_err(|_| SourceError::NotUnderstood {
                    message: "a continuation token cannot be a header".to_owned(),
                })?;
                self.headers.push((name.clone(), value));
            }
            RequestPlace::Body(pointer) => {
                let body = self.body.get_or_insert_with(|| Value::Object(Map::new()));
                put_at(body, pointer, value);
            }
        }
        Ok(())
    }

    fn request(self, url: Url) -> HttpRequest {
        let request = match &self.body {
            None => HttpRequest::get(url),
            Some(body) => HttpRequest::post_json(url, body),
        };
        let headers = self.headers.into_iter();
        headers.fold(request, |request, (name, value)| {
            request.with_header(name, value)
        })
    }
}

/// Puts a value at a place in a body, with the objects that lead there; whether something else stands in the way.
pub(in crate::source::platform::http) fn put_at(
    body: &mut Value,
    pointer: &Pointer,
    value: Value,
) -> bool {
    let mut at = body;
    for name in pointer.names() {
        let Value::Object(members) = at else {
            return false;
        };
        at = members
            .entry(name)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    *at = value;
    true
}
