//! AWS CloudTrail: what it says of Step Functions above all, or of any other service.
//!
//! * A trail writes a file for each account and region every few minutes. Its name states when it was
//!   delivered, not when the acts in it happened, and it may come late or again. So files are read by the
//!   time in their names, and records are told apart by `eventID`.
//! * Event history is what CloudTrail keeps of each account and region for 90 days. It is asked by the time of the
//!   acts, 50 of them at a time and twice a second.

pub mod client;
pub mod config;
pub mod mapping;
mod ocsf;
pub(crate) mod profile;

pub use client::EventSources;
pub use client::lookup::EventHistory;
pub use client::trail::CloudTrail;
pub use config::{CloudTrailSettings, TrailApi, TrailPlace};
pub use mapping::CloudTrailMapping;
