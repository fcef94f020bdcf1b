//! What an object in a bucket, and a failure of the bucket, mean for a feed.

use super::ReadFailure;
use crate::foreign::Secrets;
use crate::source::{HoleReason, SourceError, Wording};
use crate::store::{StoreError, StoredObject};

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

/// What a failure to read one object means: for that object alone, or for the feed of that name.
pub(in crate::source) fn not_read(wording: Wording, feed: &str, error: &StoreError) -> ReadFailure {
    let of_object = |reason| ReadFailure::Object {
        reason,
        detail: error.to_string(),
    };
    match error {
        StoreError::NotFound { .. } => of_object(HoleReason::Gone),
        StoreError::TooLarge { .. } => of_object(HoleReason::TooLarge),
        StoreError::Denied { .. } => ReadFailure::Denied(of_bucket(wording, feed, error)),
        _ => ReadFailure::Feed(of_bucket(wording, feed, error)),
    }
}

/// What tells the content of an object from any other: the entity tag, or where there is none the time at which it
/// was written and its size.
pub(in crate::source) fn version_of(object: &StoredObject) -> String {
    let written = || format!("{}-{}", object.modified.timestamp_micros(), object.bytes);
    object.tag.clone().unwrap_or_else(written)
}
