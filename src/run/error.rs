//! Why a job could not be opened, and why a run could not go on.

use crate::clock::Contradiction;
use crate::config::SecretError;
use crate::decision::DecisionError;
use crate::event::redact::RedactionError;
use crate::index::LoadIndexError;
use crate::lake::layout::LayoutError;
use crate::lake::{ReadError, RowError, WriteError};
use crate::ledger::key::KeyError;
use crate::ledger::log::LogError;
use crate::policy::HoldError;
use crate::similar::UnknownName;
use crate::source::SourceError;
use crate::store::{CreateError, OpenError};
use crate::warehouse::WarehouseError;
use chrono::NaiveDate;
use std::fmt;

/// Why a job cannot be opened: always something to mend in the configuration or around it.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The signing key is none.
    #[error("the signing key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The verifier key is none.
    #[error("`public_key` in [signing], which is {place}, cannot be used: {source}")]
    PublicKey {
        /// Where it is.
        place: String,
        /// Why.
        source: KeyError,
    },
    /// There is only a verifier key.
    #[error("`key` in [signing] is missing: with `public_key` alone the lake can only be read")]
    NoSigningKey,
    /// The two keys are not of one pair.
    #[error("`key` and `public_key` in [signing] do not belong together: {key} and {public_key}")]
    KeysDiffer {
        /// The verifier key of the signing key.
        key: String,
        /// The verifier key that is named.
        public_key: String,
    },
    /// The bucket cannot be opened.
    #[error("the lake cannot be opened: {0}")]
    Lake(#[from] OpenError),
    /// Redaction rules that cannot be applied.
    #[error("the redaction cannot be used: {0}")]
    Redaction(#[from] RedactionError),
    /// A source that cannot be set up.
    #[error("source {id} cannot be set up: {source}")]
    Source {
        /// Its id.
        id: String,
        /// Why.
        source: SourceError,
    },
    /// A warehouse that cannot be set up.
    #[error("warehouse {name} cannot be set up: {source}")]
    Warehouse {
        /// Its name.
        name: String,
        /// Why.
        source: WarehouseError,
    },
    /// The staging location of a warehouse cannot be opened.
    #[error("the staging location of warehouse {name} cannot be opened: {source}")]
    Staging {
        /// Its name.
        name: String,
        /// Why.
        source: OpenError,
    },
    /// No source or warehouse of the configuration has the name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
}

/// A source that would begin to read where nothing is kept any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStart {
    /// The source.
    pub source: String,
    /// The tenants of it that are not read from there yet; empty where all are meant.
    pub tenants: Vec<String>,
    /// The date on which it would begin.
    pub start: NaiveDate,
    /// The first date of which anything is kept.
    pub kept_from: NaiveDate,
}

impl fmt::Display for PastStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {} would read ", self.source)?;
        if !self.tenants.is_empty() {
            write!(f, "{} ", self.tenants.join(", "))?;
        }
        let Self {
            start, kept_from, ..
        } = self;
        write!(
            f,
            "from {start} on, and nothing of it from before {kept_from} is kept"
        )
    }
}

/// Why a run could not go on. Everything that was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file of the lake could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of the lake could not be made.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Rows could not be put into files.
    #[error("rows cannot be put into files: {0}")]
    Rows(#[from] RowError),
    /// A file could not be uploaded.
    #[error(transparent)]
    Upload(#[from] CreateError),
    /// An entry names a file that has no name of ours.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The id index could not be had.
    #[error(transparent)]
    Index(#[from] LoadIndexError),
    /// Records could not be compared with the lake.
    #[error("records cannot be compared with the lake: {0}")]
    Compare(String),
    /// Something contradicts this machine's clock.
    #[error("{}", joined(.0))]
    Clock(Vec<Contradiction>),
    /// A person gave another date than the clock does.
    #[error("the clock says that today is {clock} (UTC), and you say {given}")]
    OtherDate {
        /// The clock's.
        clock: NaiveDate,
        /// The person's.
        given: NaiveDate,
    },
    /// A hold that cannot be placed.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// There is nothing to load from.
    #[error("there is no lake yet")]
    NoLake,
    /// Sources that would begin to read where nothing is kept any more.
    #[error("{}", joined(.0))]
    PastRetention(Vec<PastStart>),
    /// A file went while it was read, as others have decided meanwhile.
    #[error("retention deleted {path} while it was needed")]
    GoneMeanwhile {
        /// The file.
        path: String,
    },
    /// Nothing could be decided.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// No randomness.
    #[error("the operating system provided no randomness: {0}")]
    Randomness(String),
    /// The process is ending.
    #[error("the run was cancelled")]
    Cancelled,
}

fn joined(several: &[impl fmt::Display]) -> String {
    let several: Vec<String> = several.iter().map(ToString::to_string).collect();
    several.join("; ")
}

impl From<getrandom::Error> for RunError {
    fn from(error: getrandom::Error) -> Self {
        Self::Randomness(error.to_string())
    }
}
