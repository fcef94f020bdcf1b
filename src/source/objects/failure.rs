//! What a failure of the bucket means for a feed.

use crate::foreign::Secrets;
use crate::source::{SourceError, Wording};
use crate::store::StoreError;

/// What a failure of the bucket means for the feed of that name.
pub(in crate::source) fn of_bucket(
    wording: Wording,
    feed: &str,
    error: &StoreError,
) -> SourceError {
    // The store has taken the secrets out of its words.
    let words = |said: &str| wording.of(said, &Secrets::default());
    let tenant = feed.to_owned();
    match error {
        StoreError::Denied { said, .. } => SourceError::BucketForbidden {
            tenant,
            message: words(said),
        },
        StoreError::NotFound { said, .. } => SourceError::BucketNotFound {
            tenant,
            message: words(said),
        },
        StoreError::NoConnection { why, said, .. } => SourceError::NoConnection {
            why: *why,
            message: words(said),
        },
        StoreError::Unclear { .. } => SourceError::Unreachable {
            tries: 1,
            message: error.to_string(),
        },
        StoreError::Missing { .. }
        | StoreError::Altered { .. }
        | StoreError::AlreadyExists { .. }
        | StoreError::Unsupported { .. }
        | StoreError::Refused { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Name { .. } => SourceError::Settings {
            message: error.to_string(),
        },
    }
}
