//! What can go wrong between us and a platform: each condition apart, with what happened and what
//! to do. No variant holds a secret, and text of the platform only as far as [`Wording`](super::Wording) lets it.

use super::words::PlatformWords;
use crate::http::Hopeless;
use crate::plural::counted;
use crate::store::StorePurpose;
use crate::window::{Window, format_instant};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorScope {
    /// The records of the window that was asked for: a smaller window may succeed.
    Window,
    /// The feed of the tenant that was asked for; others may be read.
    Feed,
    /// The source as a whole: asking on is of no use.
    Source,
}

/// Why a source did not give what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// 401, also after the credential was read again.
    #[error("the source does not accept the credential (401){}", message)]
    Unauthorised {
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// 403: the role has no such permission, or the platform's licence has no audit logs.
    #[error(
        "the source refuses access to audit records of {tenant} (403){}",
        message
    )]
    Forbidden {
        /// Whose records were asked for.
        tenant: String,
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// 404: no such tenant, or an edition without audit logs.
    #[error("the source has no audit records of {tenant} (404){}", message)]
    NotFound {
        /// Whose records were asked for.
        tenant: String,
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// 403 for one record: lists and totals leave out what the account may not read.
    #[error(
        "the source refuses access to the record {record} of {tenant} (403){}",
        message
    )]
    RecordDenied {
        /// Whose records were asked for.
        tenant: String,
        /// The record, as the platform names it.
        record: String,
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// The bucket in which the platform leaves its records does not let us list or read it.
    #[error("the bucket refuses access to audit records of {tenant}{message}")]
    BucketForbidden {
        /// Whose records were asked for.
        tenant: String,
        /// What the store said, as far as it is kept.
        message: PlatformWords,
    },
    /// There is no such bucket.
    #[error("there is no bucket with audit records of {tenant}{message}")]
    BucketNotFound {
        /// Whose records were asked for.
        tenant: String,
        /// What the store said, as far as it is kept.
        message: PlatformWords,
    },
    /// 423: the platform holds a record that it cannot read itself.
    #[error("the source cannot read one of its own records (423){}", message)]
    UnreadableRecord {
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// 400, 422 or another status that blames the request.
    #[error("the source refuses the request ({status}){}", message)]
    Refused {
        /// HTTP status.
        status: u16,
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// No connection comes about, and would not by trying again.
    #[error("the source cannot be reached: {why}{message}")]
    NoConnection {
        /// Why.
        why: Hopeless,
        /// What the last try said, as far as it is kept.
        message: PlatformWords,
    },
    /// 429 or 503 until our patience ended.
    #[error(
        "the source is overloaded or limits requests ({status}): {} in {} s",
        counted(*tries, "try", "tries"),
        waited.as_secs()
    )]
    Throttled {
        /// The last HTTP status.
        status: u16,
        /// How often it was asked.
        tries: u32,
        /// From the first try to the last.
        waited: Duration,
    },
    /// Another 5xx, also after it was asked again.
    #[error(
        "the source failed ({status}) {}{}",
        counted(*tries, "time", "times"),
        message
    )]
    ServerFailure {
        /// The last HTTP status.
        status: u16,
        /// How often it was asked.
        tries: u32,
        /// What the platform said, as far as it is kept.
        message: PlatformWords,
    },
    /// No connection, no answer in time, or a broken handshake, until our patience ended.
    #[error("the source cannot be reached, {}: {message}", counted(*tries, "try", "tries"))]
    Unreachable {
        /// How often it was tried.
        tries: u32,
        /// What the last try said.
        message: String,
    },
    /// The response ended early each time.
    #[error(
        "the source broke off its response {}: {message}",
        counted(*tries, "time", "times")
    )]
    CutOff {
        /// How often it was asked.
        tries: u32,
        /// What the last try said.
        message: String,
    },
    /// The response is larger than we are willing to hold.
    #[error("the response is larger than {cap} bytes")]
    TooLarge {
        /// The most bytes that are taken.
        cap: u64,
    },
    /// The response is not what the interface promises.
    #[error("the response cannot be understood: {message}")]
    NotUnderstood {
        /// Where it differs.
        message: String,
    },
    /// Something else answers at this address: a web page, a log-in form, a redirect elsewhere.
    #[error("the response did not come from the audit API: {message}")]
    NotTheInterface {
        /// What answered.
        message: String,
    },
    /// Rows came for a window that can have none: the source does not know our filters.
    #[error(
        "the source ignores the filters: it returned {} for {window} of {tenant}",
        counted(*rows, "record", "records")
    )]
    FiltersIgnored {
        /// Whose records were asked for.
        tenant: String,
        /// The window asked for.
        window: Window,
        /// How many rows it counted or returned.
        rows: u64,
    },
    /// The source counts records where it returns none, or returns the same ones wherever it is asked: its
    /// numbers cannot be held against anything.
    #[error("the source contradicts itself: {message}")]
    Contradicts {
        /// What contradicts what.
        message: String,
    },
    /// A record that does not lie in the window asked for.
    #[error("the source returned a record of {} for {window}", format_instant(*time))]
    OutsideWindow {
        /// The window asked for.
        window: Window,
        /// The time of the record.
        time: DateTime<Utc>,
    },
    /// Their clock and ours are too far apart.
    #[error(
        "the clocks differ by {} s (the source's minus ours), more than the allowed {} s",
        offset.num_seconds(),
        allowed.num_seconds()
    )]
    ClockSkew {
        /// Theirs less ours.
        offset: TimeDelta,
        /// What is allowed either way.
        allowed: TimeDelta,
    },
    /// There is nothing to sign in with: the credential cannot be read on our side, or whoever gives tokens for it
    /// gave none.
    #[error("there is no credential: {message}")]
    Credential {
        /// Why; names the place, never the value.
        message: String,
    },
    /// The address or a limit in the settings of the source cannot be used.
    #[error("the source cannot be set up: {message}")]
    Settings {
        /// Why.
        message: String,
    },
    /// The deadline of the run came first.
    #[error("the run reached its deadline before the source responded")]
    Deadline,
    /// The program is ending, and what was under way was given up.
    #[error("the program was stopped before the source responded")]
    Stopped,
}

impl SourceError {
    /// Whether a smaller window may succeed.
    pub fn scope(&self) -> ErrorScope {
        match self {
            Self::UnreadableRecord { .. }
            | Self::ServerFailure { status: 500, .. }
            | Self::Refused { status: 413, .. }
            | Self::CutOff { .. }
            | Self::TooLarge { .. }
            | Self::NotUnderstood { .. } => ErrorScope::Window,
            Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::RecordDenied { .. }
            | Self::BucketForbidden { .. }
            | Self::BucketNotFound { .. } => ErrorScope::Feed,
            Self::Unauthorised { .. }
            | Self::Refused { .. }
            | Self::NoConnection { .. }
            | Self::Throttled { .. }
            | Self::ServerFailure { .. }
            | Self::Unreachable { .. }
            | Self::NotTheInterface { .. }
            | Self::FiltersIgnored { .. }
            | Self::Contradicts { .. }
            | Self::OutsideWindow { .. }
            | Self::ClockSkew { .. }
            | Self::Credential { .. }
            | Self::Settings { .. }
            | Self::Deadline
            | Self::Stopped => ErrorScope::Source,
        }
    }

    /// Whether it shows that there are records, which cannot be read, rather than that the platform fails.
    pub(in crate::source) fn is_about_records(&self) -> bool {
        matches!(
            self,
            Self::UnreadableRecord { .. } | Self::TooLarge { .. } | Self::NotUnderstood { .. }
        )
    }

    /// A stable name of the condition for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorised { .. } => "unauthorised",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::RecordDenied { .. } => "record_denied",
            Self::BucketForbidden { .. } => "bucket_forbidden",
            Self::BucketNotFound { .. } => "bucket_not_found",
            Self::UnreadableRecord { .. } => "unreadable_record",
            Self::Refused { .. } => "refused",
            Self::NoConnection { why, .. } => why.code(),
            Self::Throttled { .. } => "throttled",
            Self::ServerFailure { .. } => "server_failure",
            Self::Unreachable { .. } => "unreachable",
            Self::CutOff { .. } => "cut_off",
            Self::TooLarge { .. } => "too_large",
            Self::NotUnderstood { .. } => "not_understood",
            Self::NotTheInterface { .. } => "not_the_interface",
            Self::FiltersIgnored { .. } => "filters_ignored",
            Self::Contradicts { .. } => "contradicts",
            Self::OutsideWindow { .. } => "outside_window",
            Self::ClockSkew { .. } => "clock_skew",
            Self::Credential { .. } => "credential",
            Self::Settings { .. } => "settings",
            Self::Deadline => "deadline",
            Self::Stopped => "stopped",
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unauthorised { .. } => {
                "check that the token or password in the configuration is valid and has not expired"
            }
            Self::Forbidden { .. } => {
                "give the account the permission to list and view audit records of this tenant, and check that \
                 the edition of the platform has them; docs/platforms names the permissions"
            }
            Self::NotFound { .. } => {
                "check the address and the tenant, and whether the edition of the platform has audit logs"
            }
            Self::RecordDenied { .. } => {
                "give the account the permission to read every audit record: what it may not read, the \
                 platform leaves out of its lists without a word"
            }
            Self::BucketForbidden { .. } => StorePurpose::Source.when_denied(),
            Self::BucketNotFound { .. } => StorePurpose::Source.when_absent(),
            Self::UnreadableRecord { .. } => {
                "the record is noted as a hole and will be tried again; ask the platform's support to \
                 repair it"
            }
            Self::NoConnection { why, .. } => why.advice(),
            Self::Refused { .. } => {
                "check that the settings of the source, `dialect` first where it has one, fit the version of the \
                 platform"
            }
            Self::Throttled { .. } => {
                "run again later, or ask for a higher limit; what was read is kept"
            }
            Self::ServerFailure { .. } => "check the platform's own logs, then run again",
            Self::Unreachable { .. } => {
                "check the address, the network and any proxy, then run again"
            }
            Self::CutOff { .. } => {
                "check for a proxy that cuts off long responses, and check the platform's own logs"
            }
            Self::TooLarge { .. } => "raise `max_response` of the source",
            Self::NotUnderstood { .. } => {
                "check that the settings of the source, `dialect` first where it has one, fit the version of the \
                 platform; if they do, report this to the maintainers of trailhouse"
            }
            Self::NotTheInterface { .. } => {
                "check the address: it must lead to the platform itself, not to a log-in page or a proxy"
            }
            Self::FiltersIgnored { .. } => {
                "make the settings of the source, `dialect` first where it has one, fit the version of the \
                 platform: one that does not know a filter ignores it and returns everything"
            }
            Self::Contradicts { .. } => {
                "ask the platform's operator why its totals do not match its records; only what could \
                 be counted is marked as read"
            }
            Self::OutsideWindow { .. } => {
                "make the settings of the source, `dialect` first where it has one, fit the version of the \
                 platform; nothing from this window was kept"
            }
            Self::ClockSkew { .. } => "synchronise the clocks of this machine and of the platform",
            Self::Credential { .. } => {
                "fix what `auth` in the configuration names: the file or environment variable must be readable, \
                 and accepted where tokens are given"
            }
            Self::Settings { .. } => "fix the configuration of the source",
            Self::Deadline | Self::Stopped => {
                "run again: the next run continues where this one stopped"
            }
        }
    }
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::Secrets;
    use crate::source::Wording;

    #[test]
    fn what_the_platform_said_comes_last() {
        let silent = SourceError::Unauthorised {
            message: PlatformWords::default(),
        };
        assert_eq!(
            silent.to_string(),
            "the source does not accept the credential (401)"
        );
        let spoken = SourceError::Refused {
            status: 422,
            message: Wording::Kept.of(
                "size: must be less than or equal to 1000",
                &Secrets::default(),
            ),
        };
        assert_eq!(
            spoken.to_string(),
            "the source refuses the request (422): size: must be less than or equal to 1000"
        );
    }

    #[test]
    fn a_failure_is_about_the_smallest_thing_that_it_may_be_about() {
        let message = PlatformWords::default;
        for (error, scope) in [
            (
                SourceError::UnreadableRecord { message: message() },
                ErrorScope::Window,
            ),
            (SourceError::TooLarge { cap: 1 }, ErrorScope::Window),
            (
                SourceError::ServerFailure {
                    status: 500,
                    tries: 1,
                    message: message(),
                },
                ErrorScope::Window,
            ),
            (
                SourceError::ServerFailure {
                    status: 502,
                    tries: 1,
                    message: message(),
                },
                ErrorScope::Source,
            ),
            (
                SourceError::Unauthorised { message: message() },
                ErrorScope::Source,
            ),
            (
                SourceError::NotFound {
                    tenant: "main".to_owned(),
                    message: message(),
                },
                ErrorScope::Feed,
            ),
        ] {
            assert_eq!(error.scope(), scope, "{error}");
        }
    }
}
