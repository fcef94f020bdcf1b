//! An example of each condition, for the reference of codes.

use super::*;

impl SourceError {
    /// One example of each condition.
    pub(crate) fn examples() -> Vec<Self> {
        let first = Self::Unauthorised {
            message: PlatformWords::default(),
        };
        std::iter::successors(Some(first), next_example).collect()
    }
}

/// The example after this one: a new condition does not compile until it has its place.
fn next_example(last: &SourceError) -> Option<SourceError> {
    use SourceError as E;
    let tenant = || "main".to_owned();
    let message = PlatformWords::default;
    let day = |day| chrono::NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
    let date = |day_of_month| Window::of_date(day(day_of_month)).unwrap();
    let window = date(1);
    let why = |why| E::NoConnection {
        why,
        message: PlatformWords::default(),
    };
    Some(match last {
        E::Unauthorised { .. } => E::Forbidden {
            tenant: tenant(),
            message: message(),
        },
        E::Forbidden { .. } => E::NotFound {
            tenant: tenant(),
            message: message(),
        },
        E::NotFound { .. } => E::RecordDenied {
            tenant: tenant(),
            record: "17".to_owned(),
            message: message(),
        },
        E::RecordDenied { .. } => E::BucketForbidden {
            tenant: tenant(),
            message: message(),
        },
        E::BucketForbidden { .. } => E::BucketNotFound {
            tenant: tenant(),
            message: message(),
        },
        E::BucketNotFound { .. } => E::UnreadableRecord { message: message() },
        E::UnreadableRecord { .. } => E::Refused {
            status: 422,
            message: message(),
        },
        E::Refused { .. } => why(Hopeless::UnknownAuthority),
        E::NoConnection { why: reason, .. } => match reason.code() {
            "certificate" => why(Hopeless::NoTls),
            "tls" => why(Hopeless::NoSuchHost),
            "no_such_host" => why(Hopeless::ProxyCredentials),
            _ => E::Throttled {
                status: 429,
                tries: 9,
                waited: Duration::from_secs(300),
            },
        },
        E::Throttled { .. } => E::ServerFailure {
            status: 500,
            tries: 3,
            message: message(),
        },
        E::ServerFailure { .. } => E::Unreachable {
            tries: 9,
            message: "connection refused".to_owned(),
        },
        E::Unreachable { .. } => E::CutOff {
            tries: 3,
            message: "unexpected end of file".to_owned(),
        },
        E::CutOff { .. } => E::TooLarge { cap: 32 << 20 },
        E::TooLarge { .. } => E::NotUnderstood {
            message: "`results` is not a list".to_owned(),
        },
        E::NotUnderstood { .. } => E::NotTheInterface {
            message: "a web page".to_owned(),
        },
        E::NotTheInterface { .. } => E::FiltersIgnored {
            tenant: tenant(),
            window,
            rows: 40,
        },
        E::FiltersIgnored { .. } => E::Contradicts {
            message: "it counts 40 records and returns none".to_owned(),
        },
        E::Contradicts { .. } => E::OutsideWindow {
            window,
            time: date(2).from,
        },
        E::OutsideWindow { .. } => E::ClockSkew {
            offset: TimeDelta::minutes(7),
            allowed: TimeDelta::minutes(5),
        },
        E::ClockSkew { .. } => E::Credential {
            message: "KESTRA_TOKEN is not set".to_owned(),
        },
        E::Credential { .. } => E::Settings {
            message: "not an HTTP address".to_owned(),
        },
        E::Settings { .. } => E::Deadline,
        E::Deadline => E::Stopped,
        E::Stopped => return None,
    })
}
