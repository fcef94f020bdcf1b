//! What answers of stores mean: the one table, for every store.
//!
//! | answer | means |
//! |---|---|
//! | 404, no such file | absent: the object, or the bucket where the object is new |
//! | 409, 412, 304 to a create, a file of that name | taken |
//! | 401, 403, EACCES, EROFS; 400 about a token | denied |
//! | 405, 501, a file system without links | the store cannot do this at all |
//! | 3xx, any other 4xx | refused: the same request will be refused again |
//! | 408, 425, 429, 5xx; 400 about bytes that were lost on the way; no answer, anything else | unclear: passes |
//!
//! 409 and 412 are no proof that somebody else has the name ([`StoreError::needs_read_back`]). What "absent" means
//! about something that must exist is said in [`present`](super::present).

use object_store::Error as Cause;

use super::error::{StoreError, StoreMeaning};
use super::purpose::StorePurpose;

/// What an answer means, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreAnswer {
    /// There is no such object or bucket.
    Absent,
    /// The name is taken, or a condition did not hold.
    Taken,
    /// Whoever asks may not.
    Denied,
    /// The store has no such operation.
    Unsupported,
    /// The store understood and refuses.
    Refused,
    /// No store has such a name.
    Name,
    /// Nobody knows what happened.
    Unclear,
}

/// Codes under which stores answer 400 although the request was well made: it broke off, or bytes changed.
const BROKEN_OFF: [&str; 6] = [
    "RequestTimeout",
    "BadDigest",
    "IncompleteBody",
    "InvalidDigest",
    "Md5Mismatch",
    "XAmzContentSHA256Mismatch",
];

/// Codes under which stores, and those who give out tokens for them, answer 400 about who asks.
const ABOUT_IDENTITY: [&str; 9] = [
    "AuthenticationFailed",
    "ExpiredToken",
    "InvalidAuthenticationInfo",
    "InvalidToken",
    "TokenRefreshRequired",
    "UserProjectMissing",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
];

impl StoreAnswer {
    /// The meaning of a failure whose innermost words are `said`, such as `501 Not Implemented: NotImplemented:
    /// A header you provided implies functionality that is not implemented`.
    pub(super) fn of(cause: &Cause, said: &str) -> Self {
        match cause {
            Cause::NotFound { .. } => Self::Absent,
            Cause::AlreadyExists { .. }
            | Cause::Precondition { .. }
            | Cause::NotModified { .. } => Self::Taken,
            Cause::PermissionDenied { .. } | Cause::Unauthenticated { .. } => Self::Denied,
            Cause::NotSupported { .. } | Cause::NotImplemented { .. } => Self::Unsupported,
            Cause::InvalidPath { .. } => Self::Name,
            _ => status(said).map_or(Self::Unclear, |status| Self::of_status(status, said)),
        }
    }

    fn of_status(status: u16, said: &str) -> Self {
        let names = |codes: &[&str]| {
            let mut words = said.split([' ', ':', '"', ',', '{', '}']);
            words.any(|word| codes.contains(&word))
        };
        match status {
            405 | 501 => Self::Unsupported,
            400 if names(&BROKEN_OFF) => Self::Unclear,
            400 if names(&ABOUT_IDENTITY) => Self::Denied,
            401 | 403 | 407 => Self::Denied,
            408 | 425 | 429 => Self::Unclear,
            300..=499 => Self::Refused,
            _ => Self::Unclear,
        }
    }
}

/// The status that the words of a client begin with.
fn status(said: &str) -> Option<u16> {
    let (status, rest) = said.split_at_checked(3)?;
    let is_status = status.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with(' ');
    is_status.then(|| status.parse().ok()).flatten()
}

impl StoreError {
    /// What it means.
    pub fn meaning(&self) -> StoreMeaning {
        match self {
            Self::Missing { .. } | Self::Altered { .. } => StoreMeaning::Integrity,
            Self::Denied { .. } => StoreMeaning::Permission,
            // What may be absent is asked for where its absence is known; here it is the bucket.
            Self::NotFound { .. }
            | Self::Unsupported { .. }
            | Self::NoConnection { .. }
            | Self::Refused { .. }
            | Self::Name { .. } => StoreMeaning::Configuration,
            Self::AlreadyExists { .. } | Self::TooLarge { .. } | Self::Unclear { .. } => {
                StoreMeaning::Passing
            }
        }
    }

    /// What to do about a store that is for `purpose`.
    pub fn advice(&self, purpose: StorePurpose) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Altered { .. } => purpose.when_changed(),
            Self::Denied { .. } => purpose.when_denied(),
            Self::NotFound { .. } => purpose.when_absent(),
            Self::NoConnection { why, .. } => why.advice(),
            Self::Unsupported { .. } => purpose.when_unsupported(),
            Self::Refused { .. } | Self::Name { .. } => purpose.when_refused(),
            Self::AlreadyExists { .. } | Self::TooLarge { .. } | Self::Unclear { .. } => {
                "rerun; nothing was lost"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(said: &str) -> Cause {
        Cause::Generic {
            store: "S3",
            source: said.into(),
        }
    }

    /// One row for each answer that a store is known to give.
    #[test]
    fn every_answer_has_one_meaning() {
        use StoreAnswer::{Absent, Denied, Refused, Taken, Unclear, Unsupported};
        let path = || "x".to_owned();
        let source = || "why".into();
        for (cause, answer) in [
            (
                Cause::NotFound {
                    path: path(),
                    source: source(),
                },
                Absent,
            ),
            (
                Cause::AlreadyExists {
                    path: path(),
                    source: source(),
                },
                Taken,
            ),
            (
                Cause::Precondition {
                    path: path(),
                    source: source(),
                },
                Taken,
            ),
            (
                Cause::NotModified {
                    path: path(),
                    source: source(),
                },
                Taken,
            ),
            (
                Cause::PermissionDenied {
                    path: path(),
                    source: source(),
                },
                Denied,
            ),
            (
                Cause::Unauthenticated {
                    path: path(),
                    source: source(),
                },
                Denied,
            ),
            (Cause::NotSupported { source: source() }, Unsupported),
        ] {
            assert_eq!(StoreAnswer::of(&cause, "why"), answer, "{cause:?}");
        }
        for (said, answer) in [
            // Stores without create-if-absent.
            (
                "501 Not Implemented: NotImplemented: A header you provided implies",
                Unsupported,
            ),
            ("405 Method Not Allowed", Unsupported),
            ("400 Bad Request: InvalidArgument: If-None-Match", Refused),
            ("400 Bad Request", Refused),
            // Another region, another address, too large.
            (
                "301 Moved Permanently: PermanentRedirect: use the endpoint",
                Refused,
            ),
            (
                "400 Bad Request: AuthorizationHeaderMalformed: the region is wrong",
                Refused,
            ),
            ("413 Payload Too Large: EntityTooLarge", Refused),
            ("411 Length Required: MissingContentLength", Refused),
            // Who asks.
            (
                "400 Bad Request: ExpiredToken: The provided token has expired",
                Denied,
            ),
            ("400 Bad Request: InvalidAuthenticationInfo", Denied),
            ("400 Bad Request: {\"error\":\"invalid_grant\"}", Denied),
            ("407 Proxy Authentication Required", Denied),
            // What passes.
            (
                "400 Bad Request: RequestTimeout: Your socket connection",
                Unclear,
            ),
            (
                "400 Bad Request: BadDigest: The Content-MD5 you specified",
                Unclear,
            ),
            ("408 Request Timeout", Unclear),
            ("429 Too Many Requests: SlowDown", Unclear),
            ("500 Internal Server Error: InternalError", Unclear),
            ("503 Service Unavailable: ServerBusy", Unclear),
            ("504 Gateway Timeout", Unclear),
            ("connection refused", Unclear),
            ("12 bytes missing", Unclear),
            ("4000 bytes", Unclear),
            ("", Unclear),
        ] {
            assert_eq!(StoreAnswer::of(&generic(said), said), answer, "{said}");
        }
    }
}
