//! What time it is, and how far that is believed.
//!
//! Deleting what is due and ending a hold cannot be undone, and both are decided by *now*. A machine's
//! clock may be wrong by minutes or by years, so it is believed only as far as something independent of
//! the machine bears it out:
//!
//! ```text
//! machine + witnesses (store, sources) + what the ledger has seen ─ judge ─ Now { at, proven, standing }
//! ```
//!
//! * A **witness** is a clock of another machine, read at the same moment: the `Date` header of the store
//!   or of a source.
//! * What the **ledger** has seen ([`LedgerTime`]) is folded from its entries. Entries say which witnesses
//!   bore their time out; without any, an entry counts only where its time follows the time before it in
//!   a small step.
//! * [`judge`] decides, and is the only place that does. Whoever shows or uses the time takes its [`Now`].
//!
//! | [`ClockStanding`] | reading and committing | deleting unattended, sweeping, expiration, the end of a hold |
//! |---|---|---|
//! | borne out | yes | yes |
//! | unproven | yes | no; a person confirms a plan, or the clock |
//! | contradicted | no | no |
//!
//! Everything here is pure.

mod judge;
mod ledger;
#[cfg(test)]
mod tests;

pub use judge::{ClockReport, ClockStanding, Contradiction, Deviation, Now, WitnessReading, judge};
pub use ledger::LedgerTime;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far apart two clocks may be and still agree.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Tells the time. A value, so that tests can stand at any moment.
///
/// What it tells is only a claim: [`judge`] compares it with witnesses and with the ledger before anything
/// is decided by it. It may jump in either direction between two calls.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Whose clock, other than this machine's, bears a time out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// The store of the lake.
    Store,
    /// The source of this id.
    Source(String),
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store => f.write_str("the store"),
            Self::Source(id) => write!(f, "source {id}"),
        }
    }
}
