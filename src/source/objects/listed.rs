//! Objects as a listing shows them, and what is noted of those that were read.

use crate::source::hole::HoleReason;
use chrono::{DateTime, Utc};

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its name in the bucket.
    pub key: Box<str>,
    /// What tells its content from any other that the key may have had: the entity tag.
    pub version: Box<str>,
    /// Its size as stored.
    pub bytes: u64,
    /// The time that its key states.
    pub position: DateTime<Utc>,
    /// When the store says it was written.
    pub modified: DateTime<Utc>,
}

/// An object of a window that was read, or could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadObject {
    /// The object; its version is the one that was read.
    pub object: ListedObject,
    /// What was found in it, or why nothing was.
    pub read: Result<ObjectDigest, HoleReason>,
}

/// What is noted of an object that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectDigest {
    /// SHA-256 of its bytes as stored.
    pub sha256: [u8; 32],
    /// How many wanted records it has.
    pub records: u64,
}
