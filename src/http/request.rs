//! One request, before anybody signs it.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use serde_json::Value;
use url::Url;

/// A request of [`Client`](super::Client). Cheap to clone, since it may be sent several times.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Content type and body.
    pub(super) content: Option<(String, Bytes)>,
    pub(super) if_match: Option<HeaderValue>,
    /// Headers that its interface asks for.
    pub(super) headers: HeaderMap,
    /// Fewer bytes than the client takes.
    pub(super) most_bytes: Option<u64>,
}

impl HttpRequest {
    /// Reads a document.
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            content: None,
            if_match: None,
            headers: HeaderMap::new(),
            most_bytes: None,
        }
    }

    /// Sends a JSON document.
    pub(crate) fn post_json(url: Url, body: &Value) -> Self {
        Self::post(url, "application/json", Bytes::from(body.to_string()))
    }

    /// Sends content of any type.
    pub(crate) fn post(url: Url, kind: &str, content: Bytes) -> Self {
        Self {
            method: Method::POST,
            content: Some((kind.to_owned(), content)),
            ..Self::get(url)
        }
    }

    /// Changes what still has this etag (`If-Match`).
    ///
    /// # Errors
    /// The etag cannot be a header.
    pub(crate) fn patch_json(
        url: Url,
        body: &Value,
        etag: &str,
    ) -> Result<Self, InvalidHeaderValue> {
        Ok(Self {
            method: Method::PATCH,
            if_match: Some(HeaderValue::from_str(etag)?),
            ..Self::post_json(url, body)
        })
    }

    /// Removes.
    pub(crate) fn delete(url: Url) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(url)
        }
    }

    /// The same request with a header that its interface asks for.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same request, of whose response no more than `bytes` are taken.
    #[must_use]
    pub(crate) fn within(self, bytes: Option<u64>) -> Self {
        Self {
            most_bytes: bytes,
            ..self
        }
    }
}
