//! Reasons of holes.

use std::fmt;

/// Why a window could not be read completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoleReason {
    /// The platform cannot read one of its own records (HTTP 423).
    Unreadable,
    /// The platform fails when it is asked for these records (HTTP 500).
    ServerFailure,
    /// The platform breaks off when it sends these records.
    CutOff,
    /// A record is larger than a response may be.
    TooLarge,
    /// The response is not what the interface promises.
    NotUnderstood,
    /// The platform counts other rows than it returns, time and again.
    CountsDisagree,
    /// One instant holds more records than could be read whole.
    Crowded,
    /// What a listing shows is gone when it is read.
    Gone,
    /// The platform does not let us read this.
    Denied,
    /// The platform leaves records out of its lists, and there are too many ids to ask for each.
    Unlisted,
}

impl HoleReason {
    /// The name in entries and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::ServerFailure => "server_failure",
            Self::CutOff => "cut_off",
            Self::TooLarge => "too_large",
            Self::NotUnderstood => "not_understood",
            Self::CountsDisagree => "counts_disagree",
            Self::Crowded => "crowded",
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::Unlisted => "unlisted",
        }
    }
}

impl fmt::Display for HoleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
