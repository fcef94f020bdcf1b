//! Audit feeds: what a run asks of a source, how platforms are read, and the platforms.
//!
//! * [`Source`] is the contract, [`Mapping`] how the records of a platform become events.
//! * A way of reading makes a [`Source`] of what a platform offers: [`paged`] of pages by offset with a
//!   total, [`cursor`] of chains of responses that continue each other, [`objects`] of objects in a bucket.
//! * [`platform`] has one folder for each platform, and the list of them; nothing outside names one.
//! * [`http`] is the client below the platforms: retries, limits, tokens.
//!
//! The conformance suite holds every source against the contract.

pub mod conformance;
mod contract;
pub mod cursor;
mod error;
mod grid;
mod hole;
pub mod http;
mod limit;
pub mod objects;
mod oldest;
pub mod paged;
pub mod platform;
mod reading;
mod record;
#[cfg(test)]
mod scripted;
mod words;

pub use crate::http::{ClockReading, Hopeless};
pub use contract::{Axis, Capabilities, OriginSteps, Slices, Source, SourceRemark, WindowRequest};
pub use error::{ErrorScope, SourceError};
pub use hole::HoleReason;
pub use limit::ProofLimit;
pub(crate) use reading::SHARES;
pub(crate) use reading::key_of;
pub use reading::{Count, Hole, Keyed, Limits, Nameless, RecordKey, Slice, SliceOutcome};
pub use record::{
    Identity, ItemShape, Mapping, Returned, Tenant, Unidentified, may_be_same_tenant,
};
pub use words::{PlatformWords, Wording};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// The first instant of a year.
fn year(year: i32) -> Option<DateTime<Utc>> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
    Some(first.and_time(NaiveTime::MIN).and_utc())
}
