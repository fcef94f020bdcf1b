//! AWS CloudTrail: the files that a trail delivers to a bucket, above all what they say of Step Functions.
//!
//! A trail writes a file for each account and region every few minutes. Its name states when it was
//! delivered, not when the acts in it happened, and it may come late or again. So files are read by the
//! time in their names, and records are told apart by `eventID`.

pub mod client;
pub mod mapping;

pub use client::{CloudTrail, EventSources};
pub use mapping::CloudTrailMapping;
