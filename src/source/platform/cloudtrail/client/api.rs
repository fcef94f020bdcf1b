//! The API of CloudTrail: an address for each region, the action in a header, and errors that are named in the body.

use super::settings;
use crate::source::http::{Client, ErrorNames, HttpRequest, HttpSettings, Misfit, RequestQuota};
use crate::source::{SourceError, Tenant, Wording};
use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The service as signatures name it.
pub const SERVICE: &str = "cloudtrail";

/// What an account may ask in a region: twice a second. Others who ask share it, so a refusal is waited for.
pub const QUOTA: RequestQuota = RequestQuota {
    requests: 1,
    per: Duration::from_millis(500),
};

/// A token that is not accepted, as a status.
pub(super) const BAD_TOKEN: u16 = 410;

/// A range of time that cannot be asked for, as a status.
pub(super) const BAD_RANGE: u16 = 416;

/// What the errors mean. A key is unknown in a region that the account has not enabled, so it says nothing of other
/// regions.
const ERRORS: ErrorNames = &[
    ("AccessDenied", 403),
    ("AccessDeniedException", 403),
    ("ExpiredToken", 401),
    ("ExpiredTokenException", 401),
    ("IncompleteSignatureException", 401),
    ("InvalidClientTokenId", 403),
    ("InvalidNextTokenException", BAD_TOKEN),
    ("InvalidSignatureException", 401),
    ("InvalidTimeRangeException", BAD_RANGE),
    ("MissingAuthenticationTokenException", 401),
    ("NotAuthorized", 403),
    ("OptInRequired", 403),
    ("RequestLimitExceeded", 429),
    ("Throttling", 429),
    ("ThrottlingException", 429),
    ("TooManyRequestsException", 429),
    ("UnrecognizedClientException", 403),
];

/// An action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiAction {
    ListPublicKeys,
    LookupEvents,
}

impl ApiAction {
    /// The value of the header that names it.
    const fn target(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::ListPublicKeys => {
                "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListPublicKeys"
            }
            Self::LookupEvents => {
                "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
            }
        })
    }
}

/// Where the API of a region answers.
///
/// # Errors
/// [`SourceError::Settings`] for a name that no region can have.
pub fn address(region: &str) -> Result<Url, SourceError> {
    let domain = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    let url = Url::parse(&format!("https://{SERVICE}.{region}.{domain}/"));
    url.map_err(|_| settings("a region has a name that no region can have"))
}

/// A client of the API at an address.
///
/// # Errors
/// Those of [`Client::new`].
pub fn client(settings: HttpSettings, wording: Wording) -> Result<Client, SourceError> {
    Ok(Client::new(settings, wording)?.with_error_names(ERRORS))
}

/// Asks for an action, and has the response of at most so many bytes read.
///
/// # Errors
/// See [`SourceError`]; a token or a range of time that is not accepted is [`SourceError::Refused`] with a status of
/// ours.
pub(super) async fn call<T: Send>(
    client: &Client,
    action: ApiAction,
    question: &Value,
    tenant: &Tenant,
    bytes: Option<u64>,
    read: impl Fn(Bytes) -> Result<T, Misfit> + Send + Sync,
) -> Result<T, SourceError> {
    let content = Bytes::from(question.to_string());
    let request = HttpRequest::post(client.base().clone(), "application/x-amz-json-1.1", content)
        .with_header(HeaderName::from_static("x-amz-target"), action.target())
        .within(bytes);
    client.fetch(&request, tenant, read).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_an_address() {
        for (region, url) in [
            (
                "eu-central-1",
                "https://cloudtrail.eu-central-1.amazonaws.com/",
            ),
            (
                "us-gov-west-1",
                "https://cloudtrail.us-gov-west-1.amazonaws.com/",
            ),
            (
                "cn-north-1",
                "https://cloudtrail.cn-north-1.amazonaws.com.cn/",
            ),
        ] {
            assert_eq!(address(region).unwrap().as_str(), url);
        }
        assert!(address("a b").is_err());
    }
}
