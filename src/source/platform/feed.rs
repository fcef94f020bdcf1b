//! What every `[[source]]` has, whatever its platform.

use super::Question;
use crate::settings::tables::{DurationText, SizeText, lasting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The settings that every source has, as `init` writes them: what has to be given, then what has a default.
pub(crate) const FEED_SETTINGS: [&str; 8] = [
    "id",
    "start",
    "settle",
    "overlap",
    "concurrency",
    "request_timeout",
    "retry_for",
    "max_response",
];

/// What `init` asks about every source, here of the platform with this name.
pub(crate) fn feed_questions(platform: &'static str) -> [Question; 2] {
    [
        Question::new("start", "First date to read? YYYY-MM-DD, or earliest").or("earliest"),
        Question::new("id", "Permanent name for this source?").or(platform),
    ]
}

/// One audit feed.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct FeedTable {
    /// Permanent name of the source in columns, paths and the ledger.
    ///
    /// Lower-case letters, digits and hyphens, at most 63; a letter or digit at both ends.
    #[schemars(
        example = "kestra-prod",
        extend("pattern" = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    )]
    pub(crate) id: String,
    /// First date to read, or "earliest" for the oldest record that the platform still has.
    ///
    /// A date means its midnight in UTC; an instant such as 2026-01-01T06:00:00Z may be given too.
    #[schemars(example = "2026-01-01")]
    pub(crate) start: String,
    /// Minimum age of a record before it is read for the first time.
    ///
    /// Platforms show records some seconds late.
    #[serde(default = "five_minutes")]
    pub(crate) settle: DurationText,
    /// How much of the time already covered is read again, to find late records.
    #[serde(default = "thirty_minutes")]
    pub(crate) overlap: DurationText,
    /// Maximum concurrent requests.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 64))]
    pub(crate) concurrency: u32,
    /// How long to wait for one response.
    #[serde(default = "two_minutes")]
    pub(crate) request_timeout: DurationText,
    /// How long to retry while the platform is failing or busy.
    #[serde(default = "five_minutes")]
    pub(crate) retry_for: DurationText,
    /// Maximum size of a response, and so of a record that can be read.
    ///
    /// At most an eighth of `memory` in [run]. Responses with several records are kept far smaller: if
    /// one exceeds a 32nd of `memory`, smaller slices are requested instead.
    #[serde(default = "response_size")]
    pub(crate) max_response: SizeText,
}

fn two_minutes() -> DurationText {
    lasting("2m")
}

fn five_minutes() -> DurationText {
    lasting("5m")
}

fn thirty_minutes() -> DurationText {
    lasting("30m")
}

fn response_size() -> SizeText {
    SizeText("32MiB".to_owned())
}

fn four() -> u32 {
    4
}

/// Bounds of the requests to one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestBounds {
    /// Most requests at the same time, from 1.
    pub concurrency: u32,
    /// How long to wait for one response.
    pub timeout: Duration,
    /// How long to go on asking when the platform fails or says that it is busy.
    pub retry_for: Duration,
    /// Largest response in bytes that is taken into memory.
    pub max_response: u64,
}
