//! What a platform proves of its objects, list by list.

use crate::origin::{OriginChain, OriginFinding};
use crate::source::Tenant;
use chrono::{DateTime, Utc};

/// Whose proof is followed, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRequest {
    /// Whose objects.
    pub tenant: Tenant,
    /// How far each chain was followed before.
    pub since: Vec<OriginChain>,
    /// Where a chain begins that was not followed before.
    pub from: DateTime<Utc>,
    /// Lists about a later time are left to the next run: their objects are not all read yet.
    pub until: DateTime<Utc>,
    /// What time it is. A list that is missing is waited for before that is a finding.
    pub now: DateTime<Utc>,
    /// Most bytes of an object that are taken into memory.
    pub object_bytes: u64,
}

/// One signed list that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginStep {
    /// The chain, up to this list.
    pub chain: OriginChain,
    /// Whether signature and predecessor are as they must be.
    pub holds: bool,
    /// What does not hold, of the list, its predecessor and its objects.
    pub findings: Vec<OriginFinding>,
    /// Its objects whose content is what it states.
    pub objects: Vec<ProvenObject>,
}

/// An object whose content is what a list states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenObject {
    /// Its name in the bucket.
    pub key: Box<str>,
    /// The time that its name states, as in [`ListedObject`](super::ListedObject).
    pub position: DateTime<Utc>,
    /// SHA-256 of its bytes as stored.
    pub sha256: [u8; 32],
}
