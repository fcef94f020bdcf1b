//! What reading a source cannot prove.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// Something that a source cannot prove, since its platform does not offer what that takes. It follows from the
/// settings alone, so `status` says it without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofLimit {
    /// No number of records to hold against what was read.
    NoTotal,
    /// The platform is not asked for windows of time, so that nothing shows whether it left something out.
    NoWindowFilter,
    /// Neither windows nor an order of time: each window reads the whole list.
    NoOrder,
}

impl ProofLimit {
    /// What it means, as a sentence without its full stop.
    pub const fn said(self) -> &'static str {
        match self {
            Self::NoTotal => {
                "the platform states no total: completeness rests on two readings that agree, and dates are not counted"
            }
            Self::NoWindowFilter => {
                "the platform is asked without a start of time: windows are cut out of its list here, and no request can \
                 prove that it obeys"
            }
            Self::NoOrder => {
                "the list has no order of time that is known: each window reads all of it"
            }
        }
    }

    /// What to do about it, where it costs more than a proof.
    pub const fn action(self) -> Option<&'static str> {
        match self {
            Self::NoTotal | Self::NoWindowFilter => None,
            Self::NoOrder => Some(
                "describe where the start of a window goes, or the order of the list, if the platform has either",
            ),
        }
    }
}

impl fmt::Display for ProofLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.said())
    }
}
