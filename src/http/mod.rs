//! The one HTTP client, for sources, warehouses and whatever else is spoken to in JSON over HTTP.
//!
//! A [`HttpRequest`] is signed ([`auth`]), sent, and answered within bounds of size and time ([`body`]): that is
//! [`Client::exchange`], which also renews a credential that is refused. [`Client::send`] has its caller
//! judge each [`HttpAnswer`] and is patient in between ([`patience`], [`retry`]). What an answer means depends
//! on the interface, so the tables for it stand with the sources and with the warehouses.

// What is read of other sides, and the way to them.
mod causes;
mod date;
mod hopeless;
mod way;

// One request.
mod request;

// Who we are to them.
pub(crate) mod auth;

// Its answer.
pub(crate) mod answer;
mod body;
mod encoding;

// Requests that are tried again.
mod client;
pub(crate) mod patience;
mod quota;
mod retry;

#[cfg(test)]
pub(crate) mod script;

pub(crate) use answer::{HttpAnswer, NoAnswer};
pub(crate) use auth::CredentialError;
pub use auth::{Auth, AwsAuth, ClientCredentials, GoogleAuth, LazySecret, PasswordLogin};
pub(crate) use body::BodyError;
pub(crate) use causes::causes;
pub(crate) use client::{Client, RequestGivenUp, SettingsError};
pub use client::{ClockReading, HttpSettings};
pub(crate) use date::date;
pub(crate) use encoding::{EncodingError, Encodings};
pub use hopeless::Hopeless;
pub(crate) use hopeless::lasting;
pub use patience::ClockFn;
pub(crate) use patience::{AskAgain, HttpFailure, HttpPatience};
pub use quota::RequestQuota;
pub(crate) use request::HttpRequest;
pub use retry::Retry;
pub(crate) use way::{Way, check_proxies, is_loopback, no_proxy};
