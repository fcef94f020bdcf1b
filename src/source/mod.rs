//! Sources: platforms whose audit feeds are read.

pub mod kestra;

use bytes::Bytes;

/// One response of a platform, taken apart but not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many records the platform says the request matches, on all pages together.
    pub total: Option<u64>,
    /// The records of this page, in the order served.
    pub records: Vec<Returned>,
}

/// One record as returned. The bytes are slices of the response, not copies, so they keep all of it
/// in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The exact bytes of the record, or of the whole item where `is_record` is false.
    pub record: Bytes,
    /// The exact bytes of what the platform joined to the record about its actor. It is today's view
    /// of a person and no part of the record.
    pub user: Option<Bytes>,
    /// Whether the item held a record where the platform puts it. Where it did not, the item can
    /// only be quarantined.
    pub is_record: bool,
}
