//! What the forms of record have in common.

use crate::event::Outcome;
use crate::event::json::{JsonKind, JsonValue, verbatim};
use std::borrow::Cow;

/// What is said of success. What began, was accepted or cancelled says nothing of it.
pub(super) fn outcome(status: Option<&str>) -> Outcome {
    match status {
        Some("Succeeded" | "Success") => Outcome::Success,
        Some("Failed" | "Failure") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// OCSF's severity for that of the event.
pub(super) fn severity(level: Option<&str>) -> i64 {
    match level {
        Some("Verbose" | "Informational" | "Information") => 1,
        Some("Warning") => 2,
        Some("Error") => 3,
        Some("Critical") => 5,
        _ => 0,
    }
}

/// The bytes of a value that is an object.
pub(super) fn object(value: Option<JsonValue>, source: &str) -> Option<Cow<'_, str>> {
    verbatim(
        value.filter(|value| value.kind == JsonKind::Object)?,
        source,
    )
}
