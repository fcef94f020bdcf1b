//! What came back from one try, before anybody judges it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use url::Url;

use super::auth::CredentialError;
use super::body::{BodyError, read_body, read_start};
use super::hopeless::Hopeless;
use crate::foreign::Secrets;

/// The response to a request, whatever its status. What it means depends on the interface, so each caller
/// has its own table.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    /// Its `Retry-After`.
    pub(crate) told: Option<String>,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// The host that a redirect leads to. Foreign text.
    pub(crate) redirect_host: Option<String>,
    /// The decoded body, as much of it as could be read.
    pub(crate) body: Bytes,
    /// Most bytes that were taken of it.
    pub(crate) most_bytes: u64,
    /// Why the body is not all of it. Where the status is not a success, callers mostly use what came.
    pub(crate) cut: Option<BodyError>,
    /// Whether its headers call it a web page.
    pub(crate) html: bool,
}

impl HttpAnswer {
    /// Whether it is a web page, which no interface of ours sends: a proxy, a gateway or a log-in form
    /// answers instead.
    pub(crate) fn is_page(&self) -> bool {
        self.html || self.is_markup()
    }

    /// Whether the body begins as markup does.
    pub(crate) fn is_markup(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"<")
    }

    /// Reads the response: of a success as much as `bounds` allow, of any other status only the start.
    pub(super) async fn read(response: Response, bounds: &BodyBounds, secrets: &Secrets) -> Self {
        let status = response.status();
        let told = header(&response, &RETRY_AFTER);
        let redirect_host = status.is_redirection().then(|| {
            let target = header(&response, &LOCATION).unwrap_or_default();
            let url = response.url().join(&target).ok();
            let host = url.as_ref().and_then(Url::host_str);
            host.unwrap_or("nowhere").to_owned()
        });
        let html = is_html(&response);
        let headers = response.headers().clone();
        let (body, cut) = if status.is_success() {
            match read_body(response, bounds.success, bounds.room, secrets).await {
                Ok(body) => (body, None),
                Err(error) => (Bytes::new(), Some(error)),
            }
        } else {
            read_start(response, bounds.failure, secrets).await
        };
        Self {
            status,
            told,
            headers,
            redirect_host,
            body,
            most_bytes: bounds.success,
            cut,
            html,
        }
    }
}

/// How much of a body is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyBounds {
    /// Most bytes of a success.
    pub(super) success: u64,
    /// Bytes that are reserved for it.
    pub(super) room: usize,
    /// Most bytes of any other response.
    pub(super) failure: usize,
}

/// Why a request has no response.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// There is no credential to send it with.
    Credential(CredentialError),
    /// The connection failed.
    Network {
        /// Whether a connection existed, so that the request may have had its effect.
        connected: bool,
        /// Why trying again is of no use, where it is not.
        hopeless: Option<Hopeless>,
        /// What the HTTP library said, censored.
        said: String,
    },
    /// Nothing came within this time.
    Timeout(Duration),
}

impl From<CredentialError> for NoAnswer {
    fn from(error: CredentialError) -> Self {
        Self::Credential(error)
    }
}

/// A header of a response, where it is present and text.
pub(super) fn header(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn is_html(response: &Response) -> bool {
    header(response, &CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.trim_start().to_ascii_lowercase();
        kind.starts_with("text/html")
    })
}
