//! What answers of BigQuery mean, pure. The rules are those of "Error messages" and of "Load job
//! quotas" in its documentation:
//! <https://cloud.google.com/bigquery/docs/error-messages>.

use crate::event::json;
use crate::foreign::Secrets;
use crate::http::{AskAgain, BodyError, Hopeless, HttpAnswer, HttpFailure, NoAnswer, Retry};
use crate::warehouse::contract::{Class, JobFailure, WarehouseError};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Most values in an answer: a page of results has some 140,000, and a tree of them 100 bytes for each.
const ANSWER_VALUES: usize = 400_000;

/// Why one try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FailedCall {
    /// What it means.
    pub(super) class: Class,
    /// The service's code, such as `rateLimitExceeded`; empty where it gave none.
    pub(super) reason: String,
    /// Its words, fit for a line.
    pub(super) said: String,
    /// Its `Retry-After`.
    pub(super) told: Option<String>,
    /// Whether to try again.
    pub(super) again: AskAgain,
}

/// Whether a request changes anything. One that does not can be repeated after any answer, and
/// nothing has happened if it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It reads.
    None,
    /// It changes something.
    Some,
}

impl FailedCall {
    /// A failure of ours, or one that the same request would meet again.
    pub(super) fn finally(class: Class, said: impl Into<String>) -> Self {
        Self {
            class,
            reason: String::new(),
            said: said.into(),
            told: None,
            again: AskAgain::No,
        }
    }

    /// The request was sent and nothing came back that says what became of it.
    pub(super) fn unheard(effect: Effect, said: impl Into<String>) -> Self {
        Self {
            class: trouble(effect),
            again: AskAgain::Patiently,
            ..Self::finally(Class::Unknown, said)
        }
    }

    /// The answer is not what this request is answered with.
    pub(super) fn not_understood(said: impl Into<String>) -> Self {
        Self {
            again: AskAgain::AFewTimes,
            ..Self::finally(Class::Unknown, said)
        }
    }

    /// The error that a caller gets.
    pub(super) fn about(self, target: &str, action: &str, now: DateTime<Utc>) -> WarehouseError {
        let retry_after = self.told.as_deref();
        let retry_after = retry_after.and_then(|told| Retry::told(told, now));
        let said = match (self.reason.as_str(), self.said.as_str()) {
            ("", said) => said.to_owned(),
            (reason, "") => reason.to_owned(),
            (reason, said) => format!("{said} ({reason})"),
        };
        WarehouseError {
            class: self.class,
            target: target.to_owned(),
            action: action.to_owned(),
            said,
            retry_after,
        }
    }
}

impl HttpFailure for FailedCall {
    fn again(&self) -> AskAgain {
        self.again
    }

    fn told(&self) -> Option<&str> {
        self.told.as_deref()
    }

    fn in_short(&self) -> String {
        match self.reason.as_str() {
            "" => "no answer".to_owned(),
            reason => reason.to_owned(),
        }
    }
}

/// A request that got no answer. Without a connection nothing was sent.
pub(super) fn unanswered(unanswered: NoAnswer, effect: Effect) -> FailedCall {
    match unanswered {
        NoAnswer::Credential(error) => {
            let (class, again) = match error.passes {
                true => (Class::Transient, AskAgain::Patiently),
                false => (Class::Denied, AskAgain::No),
            };
            FailedCall {
                again,
                ..FailedCall::finally(class, error.said)
            }
        }
        // A name of a large service that does not exist is rather a name server that has a bad moment.
        NoAnswer::Network {
            hopeless: Some(why),
            said,
            ..
        } if why != Hopeless::NoSuchHost => {
            FailedCall::finally(Class::Refused, format!("{why}: {said}; {}", why.advice()))
        }
        NoAnswer::Network {
            connected, said, ..
        } => {
            let failed = FailedCall::unheard(effect, said);
            match connected {
                true => failed,
                false => FailedCall {
                    class: Class::Transient,
                    ..failed
                },
            }
        }
        NoAnswer::Timeout(after) => {
            FailedCall::unheard(effect, format!("no answer within {} s", after.as_secs()))
        }
    }
}

/// An answer whose body was not read to its end.
pub(super) fn of_body(answer: &HttpAnswer, error: &BodyError, effect: Effect) -> FailedCall {
    let status = answer.status.as_u16();
    match error {
        BodyError::TooLarge => FailedCall::not_understood(format!(
            "the answer ({status}) has more than {} bytes",
            answer.most_bytes
        )),
        BodyError::CutOff(said) => {
            FailedCall::unheard(effect, format!("the answer ({status}) broke off: {said}"))
        }
        BodyError::Trickle => FailedCall::unheard(effect, error.to_string()),
        BodyError::Encoding(error) => FailedCall {
            again: AskAgain::No,
            ..FailedCall::not_understood(format!("{error} ({status})"))
        },
    }
}

/// The document of a success. A body that is none is never success: a proxy answers 200 too.
pub(super) fn document(answer: &HttpAnswer) -> Result<Value, FailedCall> {
    let shown = answer.status.as_u16();
    if answer.is_page() {
        let said = format!("the answer ({shown}) is a web page");
        return Err(FailedCall::not_understood(said));
    }
    if !json::has_at_most_values(&answer.body, ANSWER_VALUES) {
        return Err(FailedCall::not_understood(format!(
            "the answer ({shown}) has more than {ANSWER_VALUES} values"
        )));
    }
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(FailedCall::not_understood(format!(
            "the answer ({shown}) is not a JSON object"
        ))),
        Err(_) if answer.body.trim_ascii().is_empty() => Err(FailedCall::not_understood(format!(
            "the answer ({shown}) is empty"
        ))),
        Err(_) => Err(FailedCall::not_understood(format!(
            "the answer ({shown}) is not JSON"
        ))),
    }
}

/// What an answer means whose status is not a success.
pub(super) fn failure(answer: &HttpAnswer, effect: Effect, secrets: &Secrets) -> FailedCall {
    let failed = match spoken(&answer.body) {
        Some((reason, message)) if !answer.is_page() => {
            let words = (reason.as_str(), message.as_str());
            of_words(answer.status.as_u16(), words, effect, secrets)
        }
        _ => of_status(answer, effect),
    };
    FailedCall {
        told: answer.told.clone(),
        ..failed
    }
}

/// The service did not say anything in its own form, so perhaps it was not the service. From
/// such an answer nobody may conclude that something exists or does not.
fn of_status(answer: &HttpAnswer, effect: Effect) -> FailedCall {
    let status = answer.status.as_u16();
    let kind = if answer.is_page() {
        "a web page"
    } else if answer.body.trim_ascii().is_empty() {
        "empty"
    } else {
        "not in the form of BigQuery"
    };
    let said = match status {
        407 => format!(
            "{0}; {1}",
            Hopeless::ProxyCredentials,
            Hopeless::ProxyCredentials.advice()
        ),
        _ => format!("the answer ({status}) is {kind}"),
    };
    let (class, again) = match status {
        401 | 403 | 407 => (Class::Denied, AskAgain::No),
        412 => (Class::Conflict, AskAgain::No),
        429 => (Class::Quota, AskAgain::Patiently),
        500 => (trouble(effect), AskAgain::AFewTimes),
        408 | 502.. => (trouble(effect), AskAgain::Patiently),
        400 | 404 | 405 | 411 | 413 | 414 | 501 => (Class::Refused, AskAgain::No),
        _ => (Class::Unknown, AskAgain::No),
    };
    FailedCall {
        again,
        ..FailedCall::finally(class, said)
    }
}

/// What a reason of the service means, in an answer to a request and in the result of a job alike: the one
/// table. A row that is not here is judged by its status, and in a job is [`Class::Refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorMeaning {
    /// A limit; some pass within minutes.
    Quota {
        passes: bool,
    },
    /// The service is in trouble.
    Trouble,
    /// The service failed at this request, perhaps by its fault.
    OwnFault,
    NotFound,
    Exists,
    Conflict,
    /// Rights, identity, billing, or a perimeter around the project.
    Denied,
    /// The same will be refused again.
    Refused,
    Unknown,
}

impl ErrorMeaning {
    fn of_reason(reason: &str) -> Option<Self> {
        Some(match reason {
            "quotaExceeded" | "dailyLimitExceeded" => Self::Quota { passes: false },
            "rateLimitExceeded" | "jobRateLimitExceeded" | "userRateLimitExceeded" => {
                Self::Quota { passes: true }
            }
            "backendError" | "jobBackendError" | "tableUnavailable" | "resourceInUse" => {
                Self::Trouble
            }
            // `stopped`: somebody has cancelled the job.
            "internalError" | "jobInternalError" | "stopped" | "timeout" => Self::OwnFault,
            "notFound" => Self::NotFound,
            "duplicate" => Self::Exists,
            "conditionNotMet" | "aborted" => Self::Conflict,
            "accessDenied"
            | "accessNotConfigured"
            | "authError"
            | "billingNotEnabled"
            | "billingTierLimitExceeded"
            | "blocked"
            | "forbidden"
            | "insufficientPermissions"
            | "invalidUser"
            | "keyExpired"
            | "keyInvalid"
            | "policyViolation"
            | "vpcServiceControls" => Self::Denied,
            // `responseTooLarge` comes with 403, but nobody's rights would change it.
            "responseTooLarge" | "resourcesExceeded" | "invalid" | "invalidQuery"
            | "notImplemented" | "badRequest" | "parseError" => Self::Refused,
            _ => return None,
        })
    }

    /// Of an answer to a request. Only reasons say what exists and what does not: 404 and 409 may come from
    /// somebody else.
    fn of(status: u16, reason: &str) -> Self {
        Self::of_reason(reason).unwrap_or(match status {
            401 | 403 | 407 => Self::Denied,
            409 | 412 => Self::Conflict,
            429 => Self::Quota { passes: true },
            500 => Self::OwnFault,
            501 => Self::Refused,
            408 | 502.. => Self::Trouble,
            400..=499 => Self::Refused,
            _ => Self::Unknown,
        })
    }
}

/// What an error in the service's own form means: its reason and its message.
pub(super) fn of_words(
    status: u16,
    (reason, message): (&str, &str),
    effect: Effect,
    secrets: &Secrets,
) -> FailedCall {
    let (class, again) = match ErrorMeaning::of(status, reason) {
        // A daily quota does not pass while we wait.
        ErrorMeaning::Quota { passes: false } => (Class::Quota, AskAgain::No),
        ErrorMeaning::Quota { passes: true } => (Class::Quota, AskAgain::Patiently),
        ErrorMeaning::Trouble => (trouble(effect), AskAgain::Patiently),
        ErrorMeaning::OwnFault => (trouble(effect), AskAgain::AFewTimes),
        ErrorMeaning::NotFound => (Class::NotFound, AskAgain::No),
        ErrorMeaning::Exists => (Class::Exists, AskAgain::No),
        ErrorMeaning::Conflict => (Class::Conflict, AskAgain::No),
        ErrorMeaning::Denied => (Class::Denied, AskAgain::No),
        ErrorMeaning::Refused => (Class::Refused, AskAgain::No),
        ErrorMeaning::Unknown => (Class::Unknown, AskAgain::No),
    };
    FailedCall {
        class,
        reason: code(&secrets.line(reason)).to_owned(),
        said: secrets.line(message),
        told: None,
        again,
    }
}

/// What the error result of a job means that has ended: by the service's promise it did nothing.
pub(super) fn of_job(reason: &str, message: &str, secrets: &Secrets) -> JobFailure {
    let class = match ErrorMeaning::of_reason(reason) {
        // Two that change one table at a time: one of them is refused, under one of these reasons.
        _ if matches!(reason, "invalidQuery" | "invalid" | "aborted")
            && message.contains("due to concurrent update") =>
        {
            Class::Transient
        }
        Some(ErrorMeaning::Quota { .. }) => Class::Quota,
        Some(ErrorMeaning::Trouble | ErrorMeaning::OwnFault) => Class::Transient,
        Some(ErrorMeaning::NotFound) => Class::NotFound,
        Some(ErrorMeaning::Exists) => Class::Exists,
        Some(ErrorMeaning::Denied) => Class::Denied,
        // A reason of tomorrow would be met again by the same job.
        Some(ErrorMeaning::Conflict | ErrorMeaning::Refused | ErrorMeaning::Unknown) | None => {
            Class::Refused
        }
    };
    JobFailure {
        class,
        reason: match code(&secrets.line(reason)) {
            "" => class.code(),
            reason => reason,
        }
        .to_owned(),
        said: secrets.line(message),
    }
}

/// A reason as entries keep it: a word of letters, as all of the service's are, or nothing. Whatever else
/// comes in its place is no code, and may hold anything.
fn code(reason: &str) -> &str {
    let is_code = reason.len() <= 64 && reason.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_code { reason } else { "" }
}

/// A service in trouble: what was to change may have changed, although it did not say so.
fn trouble(effect: Effect) -> Class {
    match effect {
        Effect::None => Class::Transient,
        Effect::Some => Class::Unknown,
    }
}

/// Reason and message of an error in Google's form. Some lack `errors`.
fn spoken(body: &[u8]) -> Option<(String, String)> {
    let body = Some(body).filter(|body| json::has_at_most_values(body, ANSWER_VALUES))?;
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error")?.as_object()?;
    let first = error.get("errors").and_then(|errors| errors.get(0));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let reason = text(first.and_then(|first| first.get("reason")));
    let message = text(error.get("message"));
    (!reason.is_empty() || !message.is_empty()).then_some((reason, message))
}

#[cfg(test)]
mod tests;
