//! What went wrong with an object, in words that every store has in common.

use crate::http::Hopeless;
use std::path::PathBuf;

/// What went wrong with one object. `said` is the store's own account, on one line and without
/// secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such object (or no such bucket).
    #[error("{object} does not exist: {said}")]
    NotFound {
        /// URL of the object.
        object: String,
        /// The store's words.
        said: String,
    },
    /// There is no such object, although something signed names it: somebody deleted it. Only
    /// `store::present` says so.
    #[error("{object} is missing, although the ledger names it: {said}")]
    Missing {
        /// URL of the object.
        object: String,
        /// The store's words.
        said: String,
    },
    /// The object is not the file that the ledger signed for. Only `store::checked` says so.
    #[error("{object} does not match what the ledger signed: {said}")]
    Altered {
        /// URL of the object.
        object: String,
        /// What differs.
        said: String,
    },
    /// Something is there already; whether it is ours must be read back.
    #[error("{object} already exists")]
    AlreadyExists {
        /// URL of the object.
        object: String,
    },
    /// The store knows who asks, or does not, and refuses.
    #[error("permission denied: cannot {action} {object}: {said}")]
    Denied {
        /// What was tried.
        action: &'static str,
        /// URL of the object.
        object: String,
        /// The store's words.
        said: String,
    },
    /// The store cannot do this at all.
    #[error("the store cannot {action} {object}: {said}")]
    Unsupported {
        /// What was tried.
        action: &'static str,
        /// URL of the object.
        object: String,
        /// The store's words.
        said: String,
    },
    /// The store understood and refuses; the same will be refused again.
    #[error("the store refuses to {action} {object}: {said}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// URL of the object.
        object: String,
        /// The store's words.
        said: String,
    },
    /// The object is larger than the reader allows.
    #[error("{object} has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// URL of the object.
        object: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// No answer, or none that says what happened: a write may or may not have taken place.
    #[error("could not {action} {object}: {said}")]
    Unclear {
        /// What was tried.
        action: &'static str,
        /// URL of the object.
        object: String,
        /// The store's words.
        said: String,
    },
    /// No connection to the store comes about, and would not by trying again. Nothing was written.
    #[error("could not {action} {object}: the store cannot be reached: {why}: {said}")]
    NoConnection {
        /// What was tried.
        action: &'static str,
        /// URL of the object.
        object: String,
        /// Why.
        why: Hopeless,
        /// The client's words.
        said: String,
    },
    /// A name that the store cannot hold.
    #[error("{object} is not a valid object name: {said}")]
    Name {
        /// The name.
        object: String,
        /// What is wrong with it.
        said: String,
    },
}

impl StoreError {
    /// Whether this speaks against the integrity of the lake, rather than of a store in trouble.
    pub fn is_integrity(&self) -> bool {
        self.meaning() == StoreMeaning::Integrity
    }

    /// Whether a write that ended so may nevertheless have taken place, now or in a retry below us:
    /// only reading the object back tells. "Exists already" belongs here, because a client that
    /// repeats a put whose answer was lost is told that by the store about its own success; so does
    /// a refusal, because stores answer so for locked objects.
    pub fn needs_read_back(&self) -> bool {
        matches!(
            self,
            Self::AlreadyExists { .. } | Self::Denied { .. } | Self::Unclear { .. }
        )
    }
}

/// What a failure of a store means for whoever runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreMeaning {
    /// The lake is not what the ledger says.
    Integrity,
    /// The configuration, or the kind of store: the same will fail again.
    Configuration,
    /// A permission is missing.
    Permission,
    /// It may work later.
    Passing,
}

/// Why a bucket could not be opened. Nothing was read or written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is not a valid bucket URL.
    #[error("{url} is not a valid bucket URL: {reason}")]
    Url {
        /// The URL without anything that may be a credential.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// An option that the store does not have.
    #[error("the store at {url} has no option {option:?}")]
    UnknownOption {
        /// The bucket.
        url: String,
        /// The option.
        option: String,
    },
    /// An option that the URL or the ledger decides.
    #[error("option {option:?} of {url} cannot be set: {reason}")]
    FixedOption {
        /// The bucket.
        url: String,
        /// The option.
        option: String,
        /// Why.
        reason: &'static str,
    },
    /// The directory of a `file://` bucket does not exist or cannot be read.
    #[error("directory {} cannot be used: {said}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The operating system's words.
        said: String,
        /// What to do about it.
        action: String,
    },
    /// The store's client refuses the settings.
    #[error("the store at {url} cannot be opened: {said}")]
    Settings {
        /// The bucket.
        url: String,
        /// The client's words.
        said: String,
    },
}

impl OpenError {
    /// What to do about it, where that is more than to fix the setting.
    pub fn action(&self) -> Option<&str> {
        match self {
            Self::Directory { action, .. } => Some(action),
            _ => None,
        }
    }
}
