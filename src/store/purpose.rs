//! What a store is for, and so what to do where it refuses: the one table of advice.

/// What a store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorePurpose {
    /// The lake and its ledger.
    Lake,
    /// A staging location: copies of files of the lake, from which a warehouse loads.
    Staging,
    /// The bucket in which a platform leaves its records. It is only read.
    Source,
}

/// What to do where the lake is not what the ledger says.
pub const WHEN_CHANGED: &str = "do not rerun; leave the bucket as it is, run `trailhouse verify --deep`, and find out who changed the \
     bucket";

/// What to do where a staging location cannot be used.
const STAGING: &str = "check that the staging bucket exists and may be written, read and emptied";

impl StorePurpose {
    /// What to do where a permission is missing.
    pub const fn when_denied(self) -> &'static str {
        match self {
            Self::Lake => {
                "grant the identity the permissions listed in docs/operations.md, then rerun; nothing was lost"
            }
            Self::Staging => STAGING,
            Self::Source => {
                "grant the identity permission to list and read the bucket of the source, then rerun; nothing \
                 was lost"
            }
        }
    }

    /// What to do where there is no such bucket.
    pub const fn when_absent(self) -> &'static str {
        match self {
            Self::Lake => {
                "check the URL: the bucket does not exist, or is not in this account; a rerun will not help"
            }
            Self::Staging => STAGING,
            Self::Source => {
                "check the URL of the source's bucket: it does not exist, or is not in this account; a rerun \
                 will not help"
            }
        }
    }

    /// What to do where the kind of store cannot do what it is asked for.
    pub(super) const fn when_unsupported(self) -> &'static str {
        match self {
            Self::Lake => {
                "use a store that supports conditional writes, or a file system with hard links"
            }
            Self::Staging => STAGING,
            Self::Source => "use a bucket whose objects can be listed and read",
        }
    }

    /// What to do where the store refuses a request for good.
    pub(super) const fn when_refused(self) -> &'static str {
        match self {
            Self::Lake => {
                "fix the URL or the options according to the message of the store; a rerun will not help"
            }
            Self::Staging => STAGING,
            Self::Source => {
                "fix the URL or the options of the source's bucket according to the message of the store; a \
                 rerun will not help"
            }
        }
    }

    /// What to do where an object is gone, or is not the one that it was.
    pub(super) const fn when_changed(self) -> &'static str {
        match self {
            Self::Lake => WHEN_CHANGED,
            Self::Staging => STAGING,
            Self::Source => "rerun; the object was removed or replaced while it was read",
        }
    }

    /// Why an option cannot be set that the ledger relies on.
    pub(super) const fn why_fixed(self) -> &'static str {
        match self {
            Self::Lake => "the ledger depends on its fixed value",
            Self::Staging | Self::Source => "it has the same value for every bucket",
        }
    }
}
