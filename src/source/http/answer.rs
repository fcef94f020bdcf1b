//! What an answer of a source means: the one table for it.

use super::super::{PlatformWords, SourceError};
use crate::event::json::EnvelopeFault;
use crate::http::{AskAgain, BodyError, CredentialError, Hopeless, HttpFailure};
use std::time::Duration;

/// Why one try gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FailedAnswer {
    /// What it means; how often it was tried is filled in at the end.
    pub(super) error: SourceError,
    /// Whether to try again.
    pub(super) again: AskAgain,
    /// Its `Retry-After`.
    pub(super) told: Option<String>,
}

/// A body of a 200 that is not what was asked for, as the reader of a platform's answers finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// It ends before its text does.
    CutOff(String),
    /// It is nothing that the interface answers: a web page, or JSON of something else.
    Foreign(String),
    /// It is the interface's answer, and a part of it cannot be understood.
    NotUnderstood(String),
    /// It is the interface's answer, and says that the request failed, in these words of the platform.
    Refused(String),
    /// Its text is larger than so many bytes.
    TooLarge(u64),
}

/// How many items of a response are taken: twice as many as were asked for, since platforms repeat rows.
pub fn most_items(asked: u32) -> usize {
    usize::try_from(asked)
        .unwrap_or(usize::MAX)
        .saturating_mul(2)
}

impl From<EnvelopeFault> for Misfit {
    /// What lacks the member with the items does not come from the interface, whatever else it is. Where it has
    /// that, something in it is wrong, perhaps a single record.
    fn from(fault: EnvelopeFault) -> Self {
        let message = format!("the response {fault}");
        match fault {
            EnvelopeFault::CutOff(_) | EnvelopeFault::Empty => Self::CutOff(message),
            EnvelopeFault::Markup => Self::Foreign(format!(
                "{message}: is a proxy or a log-in page in between?"
            )),
            EnvelopeFault::NotJson(_)
            | EnvelopeFault::NotAnObject(_)
            | EnvelopeFault::NoItems(_) => Self::Foreign(message),
            EnvelopeFault::TooMany { .. } => Self::NotUnderstood(format!(
                "{message}, which is twice as many as were asked for"
            )),
            EnvelopeFault::Malformed(_)
            | EnvelopeFault::OtherKind { .. }
            | EnvelopeFault::NotACount(_)
            | EnvelopeFault::NotText(_) => Self::NotUnderstood(message),
        }
    }
}

/// A status other than 200 with what came along.
#[derive(Debug, Clone, Default)]
pub(super) struct HttpRefusal {
    pub(super) status: u16,
    /// What the platform said, as far as it is kept.
    pub(super) message: PlatformWords,
    /// Its `Retry-After`.
    pub(super) told: Option<String>,
    /// Whether the body is a web page, which the interface never sends.
    pub(super) is_page: bool,
    /// Whose records were asked for.
    pub(super) tenant: String,
    /// The proxy on the way.
    pub(super) via: Option<String>,
}

/// What a status other than 200 means:
///
/// | status | means | asked again | is about |
/// |---|---|---|---|
/// | other 2xx, 3xx to another host, 511 | something else answers, as a log-in page does | where it is known | source |
/// | 401 | the credential, which was renewed once | no | source |
/// | 403 | a missing permission | no | feed |
/// | 404 | no such tenant, or no audit log | no | feed |
/// | 407 | the proxy wants credentials | no | source |
/// | 408, 425 | not now | patiently | source |
/// | 413 | the answer would be too large for a gateway | no | window |
/// | 421 | another server was reached | a few times | source |
/// | 423 | a record that the platform cannot read | no | window |
/// | 429, 503 | wait | patiently | source |
/// | 500 | perhaps a record | a few times | window |
/// | 501, 505, 506, 510 | the server cannot do this | no | source |
/// | 526 | a gateway does not trust the platform's certificate | no | source |
/// | other 5xx (502, 504, 507, 520 to 525, 527, 530) | trouble behind a gateway | patiently | source |
/// | other 4xx (400, 405, 406, 409, 410, 411, 414, 415, 422, 431, 451) | the request is wrong for this server | no | source |
///
/// A 4xx that comes as a web page is not the interface's, whatever its number: where the interface
/// is known to be at this address it is asked again patiently, and what it says counts only if it stays.
/// Where it came through a proxy, it is the proxy's, and says nothing of permissions or tenants.
///
/// And without any status:
///
/// | failure | asked again | is about |
/// |---|---|---|
/// | [`Hopeless`]: certificates, TLS that does not fit, credentials of the proxy | no | source |
/// | a name that does not exist | where it is known | source |
/// | any other: refused, reset, no answer in time, a name server that asks to try again, a trickle | patiently | source |
/// | a body that ends early, or is not in the encoding that it names | a few times | window |
/// | a body that is larger than it may be | no | window |
/// | a web page or other JSON as 200, an unknown encoding | where the interface is known | source |
/// | an answer of the interface that says that the request failed | no | source |
/// | an answer of the interface with a part that cannot be understood | no | window |
pub(super) fn of_status(refusal: HttpRefusal) -> FailedAnswer {
    let HttpRefusal {
        status,
        message,
        told,
        is_page,
        tenant,
        via,
    } = refusal;
    let message = match is_page {
        true => message.or_web_page(),
        false => message,
    };
    let tries = 0;
    let (error, again) = match status {
        407 => {
            let why = Hopeless::ProxyCredentials;
            (SourceError::NoConnection { why, message }, AskAgain::No)
        }
        400..=499 if is_page && let Some(proxy) = via => (
            SourceError::NotTheInterface {
                message: format!(
                    "a web page with status {status}, which came through the proxy {proxy} and is not a \
                     response of the platform"
                ),
            },
            AskAgain::WhereKnown,
        ),
        401 => (SourceError::Unauthorised { message }, AskAgain::No),
        403 => (SourceError::Forbidden { tenant, message }, AskAgain::No),
        404 => (SourceError::NotFound { tenant, message }, AskAgain::No),
        423 => (SourceError::UnreadableRecord { message }, AskAgain::No),
        429 | 503 => {
            let waited = Duration::ZERO;
            let throttled = SourceError::Throttled {
                status,
                tries,
                waited,
            };
            (throttled, AskAgain::Patiently)
        }
        421 => (
            SourceError::Refused { status, message },
            AskAgain::AFewTimes,
        ),
        501 | 505 | 506 | 510 => (SourceError::Refused { status, message }, AskAgain::No),
        511 => (something_else(status), AskAgain::WhereKnown),
        408 | 425 | 500..=599 => {
            let again = match status {
                500 => AskAgain::AFewTimes,
                526 => AskAgain::No,
                _ => AskAgain::Patiently,
            };
            let failure = SourceError::ServerFailure {
                status,
                tries,
                message,
            };
            (failure, again)
        }
        400..=499 => (SourceError::Refused { status, message }, AskAgain::No),
        _ => (something_else(status), AskAgain::WhereKnown),
    };
    let again = match again {
        AskAgain::No if is_page && (400..500).contains(&status) => AskAgain::WhereKnown,
        again => again,
    };
    FailedAnswer { error, again, told }
}

fn something_else(status: u16) -> SourceError {
    SourceError::NotTheInterface {
        message: format!("a response with status {status}"),
    }
}

impl FailedAnswer {
    /// A failure without `Retry-After`.
    pub(super) fn new(error: SourceError, again: AskAgain) -> Self {
        Self {
            error,
            again,
            told: None,
        }
    }

    /// There is no credential to ask with.
    pub(super) fn credential(error: CredentialError) -> Self {
        let again = match error.passes {
            true => AskAgain::Patiently,
            false => AskAgain::No,
        };
        let message = error.said;
        Self::new(SourceError::Credential { message }, again)
    }

    /// The same, once it is known whether the interface has answered at this address.
    pub(super) fn where_known(self, is_known: bool) -> Self {
        Self {
            again: self.again.where_known(is_known),
            ..self
        }
    }

    /// No connection, or no answer in time.
    pub(super) fn network(message: String) -> Self {
        let error = SourceError::Unreachable { tries: 0, message };
        Self::new(error, AskAgain::Patiently)
    }

    /// No connection, and there will be none by trying.
    pub(super) fn hopeless(why: Hopeless, message: PlatformWords) -> Self {
        let again = match why {
            // Name servers have bad moments, too.
            Hopeless::NoSuchHost => AskAgain::WhereKnown,
            _ => AskAgain::No,
        };
        Self::new(SourceError::NoConnection { why, message }, again)
    }

    /// Something else than the interface answered.
    pub(super) fn foreign(message: String) -> Self {
        let error = SourceError::NotTheInterface { message };
        Self::new(error, AskAgain::WhereKnown)
    }

    /// The body of a 200 could not be read to its end.
    pub(super) fn of_body(error: BodyError, cap: u64) -> Self {
        match error {
            BodyError::TooLarge => Self::new(SourceError::TooLarge { cap }, AskAgain::No),
            BodyError::CutOff(message) => Self::cut_off(message),
            BodyError::Trickle => Self::network(error.to_string()),
            BodyError::Encoding(error) => Self::foreign(error.to_string()),
        }
    }

    /// A 200 says that the request failed.
    pub(super) fn refused(message: PlatformWords) -> Self {
        let status = 200;
        Self::new(SourceError::Refused { status, message }, AskAgain::No)
    }

    fn cut_off(message: String) -> Self {
        let error = SourceError::CutOff { tries: 0, message };
        Self::new(error, AskAgain::AFewTimes)
    }

    /// The error after so many tries.
    pub(super) fn after(self, tried: u32, whole: Duration) -> SourceError {
        let mut error = self.error;
        match &mut error {
            SourceError::Throttled { tries, waited, .. } => {
                (*tries, *waited) = (tried, whole);
            }
            SourceError::ServerFailure { tries, .. }
            | SourceError::Unreachable { tries, .. }
            | SourceError::CutOff { tries, .. } => *tries = tried,
            SourceError::NotTheInterface { message } if tried > 1 => {
                let seconds = whole.as_secs();
                message.push_str(&format!(", {tried} times in {seconds} s"));
            }
            _ => {}
        }
        error
    }
}

impl HttpFailure for FailedAnswer {
    fn again(&self) -> AskAgain {
        self.again
    }

    fn told(&self) -> Option<&str> {
        self.told.as_deref()
    }

    fn in_short(&self) -> String {
        match &self.error {
            SourceError::Throttled { status, .. } | SourceError::ServerFailure { status, .. } => {
                status.to_string()
            }
            SourceError::Unreachable { .. } | SourceError::NoConnection { .. } => {
                "no connection".to_owned()
            }
            SourceError::CutOff { .. } => "response cut off".to_owned(),
            other => other.code().replace('_', " "),
        }
    }
}

impl From<Misfit> for FailedAnswer {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::CutOff(message) => Self::cut_off(message),
            Misfit::Foreign(message) => Self::foreign(message),
            // Asked for in smaller windows, which is more than the same again.
            Misfit::NotUnderstood(message) => {
                Self::new(SourceError::NotUnderstood { message }, AskAgain::No)
            }
            Misfit::Refused(_) => Self::refused(PlatformWords::default()),
            Misfit::TooLarge(cap) => Self::new(SourceError::TooLarge { cap }, AskAgain::No),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ErrorScope;

    /// Each row of the table, by number.
    #[test]
    fn every_status_means_what_the_table_says() {
        use AskAgain::{AFewTimes, No, Patiently, WhereKnown};
        use ErrorScope::{Feed, Source, Window};
        for (statuses, code, again, scope) in [
            (
                &[201, 204, 304, 302][..],
                "not_the_interface",
                WhereKnown,
                Source,
            ),
            (&[511], "not_the_interface", WhereKnown, Source),
            (&[401], "unauthorised", No, Source),
            (&[403], "forbidden", No, Feed),
            (&[404], "not_found", No, Feed),
            (&[407], "proxy_refused", No, Source),
            (&[408, 425], "server_failure", Patiently, Source),
            (&[413], "refused", No, Window),
            (&[421], "refused", AFewTimes, Source),
            (&[423], "unreadable_record", No, Window),
            (&[429, 503], "throttled", Patiently, Source),
            (&[500], "server_failure", AFewTimes, Window),
            (&[501, 505, 506, 510], "refused", No, Source),
            (&[526], "server_failure", No, Source),
            (
                &[502, 504, 507, 520, 521, 522, 523, 524, 525, 527, 530, 599],
                "server_failure",
                Patiently,
                Source,
            ),
            (
                &[400, 405, 406, 409, 410, 411, 414, 415, 422, 431, 451, 499],
                "refused",
                No,
                Source,
            ),
        ] {
            for status in statuses {
                let refusal = HttpRefusal {
                    status: *status,
                    ..HttpRefusal::default()
                };
                let failed = of_status(refusal.clone());
                assert_eq!(failed.error.code(), code, "{status}");
                assert_eq!(failed.again, again, "{status}");
                assert_eq!(failed.error.scope(), scope, "{status}");
                let page = of_status(HttpRefusal {
                    is_page: true,
                    ..refusal
                });
                let expected = match again {
                    No if (400..500).contains(status) => WhereKnown,
                    other => other,
                };
                assert_eq!(page.again, expected, "{status} as a web page");
            }
        }
    }

    #[test]
    fn a_page_of_a_proxy_says_nothing_of_permissions() {
        for status in [400, 401, 403, 404, 451] {
            let failed = of_status(HttpRefusal {
                status,
                is_page: true,
                via: Some("http://proxy:3128".to_owned()),
                ..HttpRefusal::default()
            });
            let said = failed.error.to_string();
            assert_eq!(failed.error.code(), "not_the_interface");
            assert!(said.contains("proxy http://proxy:3128"), "{said}");
        }
        // The platform's own words come through a proxy as well.
        let own = of_status(HttpRefusal {
            status: 403,
            via: Some("http://proxy:3128".to_owned()),
            ..HttpRefusal::default()
        });
        assert_eq!(own.error.code(), "forbidden");
    }

    #[test]
    fn what_is_hopeless_is_final_at_once() {
        for why in [
            Hopeless::UnknownAuthority,
            Hopeless::Expired,
            Hopeless::NotYetValid,
            Hopeless::OtherName,
            Hopeless::BadCertificate,
            Hopeless::WantsCertificate,
            Hopeless::NoTls,
            Hopeless::NoCommonTls,
            Hopeless::ProxyCredentials,
        ] {
            let failed = FailedAnswer::hopeless(why, PlatformWords::default());
            assert_eq!(failed.again, AskAgain::No, "{why}");
            assert_eq!(failed.error.scope(), ErrorScope::Source);
            assert_eq!(failed.error.advice(), why.advice());
        }
        let name = FailedAnswer::hopeless(Hopeless::NoSuchHost, PlatformWords::default());
        assert_eq!(name.again, AskAgain::WhereKnown);
    }

    #[test]
    fn tries_are_told_where_there_were_several() {
        let waited = Duration::from_secs(7);
        let page = FailedAnswer::foreign("a web page".to_owned());
        let once = page.clone().after(1, waited).to_string();
        assert_eq!(
            once,
            "the response did not come from the audit API: a web page"
        );
        let often = page.after(3, waited).to_string();
        assert!(often.ends_with("a web page, 3 times in 7 s"), "{often}");
    }
}
