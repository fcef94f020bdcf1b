//! The HTTP client as sources use it: one JSON document per request, read by the platform, and failures as
//! [`SourceError`]s.

mod answer;
#[cfg(test)]
mod tests;

pub(crate) use crate::http::HttpRequest;
pub use crate::http::{
    Auth, AwsAuth, ClientCredentials, ClockFn, GoogleAuth, HttpSettings, LazySecret, PasswordLogin,
    RequestQuota, Retry,
};
pub use answer::{Misfit, most_items};

use super::{ClockReading, PlatformWords, SourceError, Tenant, Wording};
use crate::http::{self, HttpAnswer, NoAnswer, RequestGivenUp};
use crate::waits::Waits;
use answer::{FailedAnswer, HttpRefusal, of_status};
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Bytes reserved for a body; see [`HttpSettings::room`].
const ROOM: usize = 33 << 20;

/// Names of errors with the HTTP status that means the same: for an interface that says in the body what went wrong,
/// and has one status for all of it.
pub type ErrorNames = &'static [(&'static str, u16)];

/// A client for one platform.
pub struct Client {
    http: http::Client,
    wording: Wording,
    error_names: ErrorNames,
    known: Mutex<BTreeSet<Tenant>>,
}

impl Client {
    /// Makes the client; connects to nothing yet and reads no secret. `wording` says whether what the
    /// platform says about failures is kept.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when the address is not usable or the machine's certificates
    /// cannot be loaded.
    pub fn new(settings: HttpSettings, wording: Wording) -> Result<Self, SourceError> {
        let http = http::Client::new(HttpSettings {
            room: ROOM,
            ..settings
        });
        let http = http.map_err(|error| SourceError::Settings {
            message: error.to_string(),
        })?;
        Ok(Self {
            http,
            wording,
            error_names: &[],
            known: Mutex::default(),
        })
    }

    /// The same, of an interface whose errors are named in the body: as `__type`, perhaps behind a `#`.
    #[must_use]
    pub fn with_error_names(self, error_names: ErrorNames) -> Self {
        Self {
            error_names,
            ..self
        }
    }

    /// Address of the platform.
    pub fn base(&self) -> &Url {
        self.http.base()
    }

    /// Where waits between two tries are reported.
    pub fn waits(&self) -> &Waits {
        self.http.waits()
    }

    /// How many requests were sent, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.http.requests()
    }

    /// Their clock beside ours, from the newest response with a `Date`.
    pub fn clock(&self) -> Option<ClockReading> {
        self.http.clock()
    }

    /// Fetches a JSON document of at most so many bytes, or as many as the settings allow, and has it
    /// read: asks again where that may help, reads a refused credential once more, and ends in one
    /// clear error.
    ///
    /// What answers at an address where the interface has answered before in this run, for the same
    /// tenant, is taken for the interface: a web page, a redirect to a log-in or JSON of something else is
    /// then as transient as a 502, and final only if it stays. `tenant` is also named in errors.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn get<T>(
        &self,
        url: &Url,
        tenant: &Tenant,
        bytes: Option<u64>,
        read: impl Fn(Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<T, SourceError>
    where
        T: Send,
    {
        let request = HttpRequest::get(url.clone()).within(bytes);
        self.fetch(&request, tenant, read).await
    }

    /// The same of a document that may not exist: `None` where the interface answers 404. A web page with that
    /// status is no answer of the interface, and an error as for [`Self::get`].
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn find<T>(
        &self,
        url: &Url,
        tenant: &Tenant,
        bytes: Option<u64>,
        read: impl Fn(Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<Option<T>, SourceError>
    where
        T: Send,
    {
        let request = HttpRequest::get(url.clone()).within(bytes);
        let read = |_: &HeaderMap, body| read(body).map(Some);
        self.ask(&request, tenant, Some(|| None), read).await
    }

    /// The same by a POST whose JSON body is the question. It may be sent several times, so it must change
    /// nothing.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn post_json<T>(
        &self,
        url: &Url,
        question: &Value,
        tenant: &Tenant,
        bytes: Option<u64>,
        read: impl Fn(Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<T, SourceError>
    where
        T: Send,
    {
        let request = HttpRequest::post_json(url.clone(), question).within(bytes);
        self.fetch(&request, tenant, read).await
    }

    /// The same by any request, which must change nothing either.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub(crate) async fn fetch<T>(
        &self,
        request: &HttpRequest,
        tenant: &Tenant,
        read: impl Fn(Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<T, SourceError> {
        let read = |_: &HeaderMap, body| read(body);
        self.ask(request, tenant, None, read).await
    }

    /// The same of a document that is read together with the headers of its response.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub(crate) async fn fetch_with_headers<T>(
        &self,
        request: &HttpRequest,
        tenant: &Tenant,
        read: impl Fn(&HeaderMap, Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<T, SourceError> {
        self.ask(request, tenant, None, read).await
    }

    /// `absent` is what a 404 of the interface means, where that is an answer.
    async fn ask<T>(
        &self,
        request: &HttpRequest,
        tenant: &Tenant,
        absent: Option<fn() -> T>,
        read: impl Fn(&HeaderMap, Bytes) -> Result<T, Misfit> + Send + Sync,
    ) -> Result<T, SourceError> {
        let judge = |answer: Result<HttpAnswer, NoAnswer>| {
            let answer = answer.map_err(|unanswered| self.unanswered(unanswered));
            let document = answer.and_then(|answer| match absent {
                Some(absent) if answer.status == StatusCode::NOT_FOUND && !answer.is_page() => {
                    Ok(absent())
                }
                _ => {
                    let (headers, body) = self.document(answer, tenant)?;
                    read(&headers, body).map_err(|misfit| self.misfit(misfit))
                }
            });
            match document {
                Ok(document) => {
                    self.know(tenant);
                    Ok(document)
                }
                Err(failed) => Err(failed.where_known(self.knows(tenant))),
            }
        };
        let fetched = self.http.send(request, judge).await;
        fetched.map_err(|given_up| match given_up {
            RequestGivenUp::Failed {
                failure,
                tries,
                waited,
            } => failure.after(tries, waited),
            RequestGivenUp::Deadline => SourceError::Deadline,
            RequestGivenUp::Stopped => SourceError::Stopped,
        })
    }

    /// Notes that the interface has answered for a tenant.
    fn know(&self, tenant: &Tenant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(tenant) {
            known.insert(tenant.clone());
        }
    }

    fn knows(&self, tenant: &Tenant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(tenant)
    }

    fn unanswered(&self, unanswered: NoAnswer) -> FailedAnswer {
        match unanswered {
            NoAnswer::Credential(error) => FailedAnswer::credential(error),
            NoAnswer::Network {
                hopeless: Some(why),
                said,
                ..
            } => FailedAnswer::hopeless(why, self.wording.of(&said, self.http.secrets())),
            NoAnswer::Network { said, .. } => FailedAnswer::network(said),
            NoAnswer::Timeout(after) => {
                FailedAnswer::network(format!("no response within {} s", after.as_secs()))
            }
        }
    }

    /// What a body of a 200 that is not what was asked for means.
    fn misfit(&self, misfit: Misfit) -> FailedAnswer {
        match misfit {
            Misfit::Refused(said) => {
                FailedAnswer::refused(self.wording.of(&said, self.http.secrets()))
            }
            misfit => misfit.into(),
        }
    }

    /// The headers and the body of a 200.
    fn document(
        &self,
        answer: HttpAnswer,
        tenant: &Tenant,
    ) -> Result<(HeaderMap, Bytes), FailedAnswer> {
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer, tenant));
        }
        let is_page = answer.is_page();
        match answer.cut {
            Some(error) => Err(FailedAnswer::of_body(error, answer.most_bytes)),
            None if is_page => Err(FailedAnswer::foreign("a web page".to_owned())),
            None => Ok((answer.headers, answer.body)),
        }
    }

    /// What a status other than 200 means.
    fn refusal(&self, answer: &HttpAnswer, tenant: &Tenant) -> FailedAnswer {
        let (secrets, wording) = (self.http.secrets(), self.wording);
        let status = answer.status;
        if let Some(host) = &answer.redirect_host {
            let host = wording.of(host, secrets);
            return FailedAnswer::foreign(format!("a redirect ({status}){host}"));
        }
        of_status(HttpRefusal {
            status: self.meaning_of(answer),
            message: self.message_of(answer),
            told: answer.told.clone(),
            is_page: answer.is_page(),
            tenant: tenant.to_string(),
            via: self.http.via().map(str::to_owned),
        })
    }

    /// The status that an answer means, which is that of its name where it names an error that is known.
    fn meaning_of(&self, answer: &HttpAnswer) -> u16 {
        #[derive(serde::Deserialize)]
        struct NamedError {
            #[serde(rename = "__type")]
            name: String,
        }
        let status = answer.status.as_u16();
        if self.error_names.is_empty() {
            return status;
        }
        let named = serde_json::from_slice::<NamedError>(&answer.body).ok();
        let name = named.as_ref().map(|error| error.name.as_str());
        let name = name.map(|name| name.rsplit('#').next().unwrap_or(name));
        let mut known = self.error_names.iter();
        let known = known.find(|(known, _)| Some(*known) == name);
        known.map_or(status, |(_, meaning)| *meaning)
    }

    /// The message in the body of an error: mostly the `message` of a JSON object. The body is a
    /// courtesy: what cannot be read of it is left out.
    fn message_of(&self, answer: &HttpAnswer) -> PlatformWords {
        #[derive(serde::Deserialize)]
        struct JsonError {
            #[serde(alias = "Message")]
            message: String,
        }
        let secrets = self.http.secrets();
        match serde_json::from_slice::<JsonError>(&answer.body) {
            Ok(error) => self.wording.of(&error.message, secrets),
            Err(_) if answer.is_markup() => PlatformWords::default(),
            Err(_) => {
                let cut = answer.cut.is_some();
                self.wording.of_bytes(&answer.body, cut, secrets)
            }
        }
    }
}
