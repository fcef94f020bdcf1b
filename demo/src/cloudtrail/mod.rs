//! CloudTrail: `LookupEvents` and `ListPublicKeys`, and what trails deliver to buckets.
//!
//! A [`CloudTrailApi`] is made from [`Options`], served with [`CloudTrailApi::serve`], and steered while it serves.
//! It is as strict as the service where a reader could be careless: requests must be signed, both edges of a window
//! are inclusive and of whole seconds, the newest comes first, and a token belongs to its parameters. A [`Trail`]
//! makes log files, a [`DigestChain`] the digest files that vouch for them.

mod key;
mod platform;
mod record;
mod server;
mod sigv4;
#[cfg(test)]
mod tests;
mod trail;

pub use key::DigestKey;
pub use platform::{CloudTrailApi, Options, Trouble};
pub use record::{NewRecord, STEP_FUNCTIONS};
pub use sigv4::AccessKey;
pub use trail::{Delivered, DigestChain, Trail, gzip};
