//! What can go wrong with a warehouse, by what it means for who asked.

use std::time::Duration;

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The service or the network is in trouble; nothing happened, and the same may work later.
    Transient,
    /// A limit of the service was reached; nothing happened, and the same works later.
    Quota,
    /// No answer, or none that says what happened: it may or may not have happened.
    Unknown,
    /// Whoever asks may not, or is not known.
    Denied,
    /// What was named does not exist.
    NotFound,
    /// What was to be made exists already.
    Exists,
    /// What was to be changed has changed in the meantime.
    Conflict,
    /// The service understood and refuses; the same will be refused again.
    Refused,
}

impl Class {
    /// Stable code in ledger entries and JSON output.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Quota => "quota",
            Self::Unknown => "unknown",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
        }
    }

    /// Whether the same request may succeed later although nobody mends anything.
    pub const fn passes(self) -> bool {
        matches!(self, Self::Transient | Self::Quota | Self::Unknown)
    }
}

/// A call to a warehouse that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target}: could not {action}: {said}")]
pub struct WarehouseError {
    /// What it means.
    pub class: Class,
    /// The warehouse, or the table or job in it.
    pub target: String,
    /// What was tried, as a verb phrase: `create table audit_events`.
    pub action: String,
    /// The service's own words, on one line, bounded, without secrets; or ours.
    pub said: String,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
}
