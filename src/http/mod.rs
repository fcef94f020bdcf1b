//! The one HTTP client, for sources, warehouses and whatever else is spoken to in JSON over HTTP.
//!
//! A [`HttpRequest`] is signed ([`auth`]), sent, and answered within bounds of size and time ([`body`]): that is
//! [`Client::exchange`], which also renews a credential that is refused. [`Client::send`] has its caller
//! judge each [`HttpAnswer`] and is patient in between ([`patience`], [`retry`]). What an answer means depends
//! on the interface, so the tables for it stand with the sources and with BigQuery.

pub(crate) mod answer;
pub(crate) mod auth;
mod body;
mod client;
mod encoding;
mod hopeless;
pub(crate) mod patience;
mod quota;
mod request;
mod retry;
#[cfg(test)]
pub(crate) mod script;
mod way;

pub(crate) use answer::{HttpAnswer, NoAnswer};
pub(crate) use auth::CredentialError;
pub use auth::{Auth, AwsAuth, ClientCredentials, GoogleAuth, LazySecret, PasswordLogin};
pub(crate) use body::BodyError;
pub(crate) use client::{Client, RequestGivenUp, SettingsError};
pub use client::{ClockReading, HttpSettings};
pub(crate) use encoding::{EncodingError, Encodings};
pub use hopeless::Hopeless;
pub(crate) use hopeless::{hopeless, lasting};
pub use patience::ClockFn;
pub(crate) use patience::{AskAgain, HttpFailure, HttpPatience};
pub use quota::RequestQuota;
pub(crate) use request::HttpRequest;
pub use retry::Retry;
pub(crate) use way::{Way, check_proxies, no_proxy};

use crate::foreign::Secrets;
use chrono::{DateTime, Utc};
use url::Url;

/// The library's client for an address, before what is special about it: the one place where clients are
/// made. The proxies and the roots are those of the environment, which the command line has completed.
fn builder(base: &Url) -> reqwest::ClientBuilder {
    let builder =
        reqwest::Client::builder().user_agent(concat!("trailhouse/", env!("CARGO_PKG_VERSION")));
    match Way::to(base) {
        Way::Proxy { .. } => builder,
        Way::Straight | Way::Local | Way::Excepted(_) => builder.no_proxy(),
    }
}

/// A date in one of the three forms that RFC 9110 section 5.6.7 asks recipients to read.
pub(crate) fn date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text.trim())
        .ok()
        .map(DateTime::from)
}

/// Whether the address is this machine's own, so that what is sent there does not leave it, and a proxy would look
/// for it on the proxy's machine. Names below `localhost` count (RFC 6761 section 6.3).
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An error of the HTTP library with its causes, without the address it asked. Some quote what the other
/// side sent.
pub(crate) fn chain(error: reqwest::Error, secrets: &Secrets) -> String {
    secrets.line(&causes(&error.without_url()))
}

/// An error with its causes, each said once, as they say it: foreign text, for [`Secrets::line`].
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_date_is_read() {
        let expected: DateTime<Utc> = "1994-11-06T08:49:37Z".parse().unwrap();
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(date(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "784111777",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 25:49:37 GMT",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        for (url, own) in [
            ("http://localhost:1", true),
            ("http://kestra.localhost", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:9000", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), own, "{url}");
        }
    }
}
