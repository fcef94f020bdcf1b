//! Carrying out what the ledger has decided about rows of a warehouse: each decision by statements that can
//! be repeated, after the loads that were begun before it have ended.

mod rebuild;

pub(super) mod expire;

mod fence;

mod jobs;

pub use expire::{ForeseenExpiry, expire, foresee, recoverable};
pub(crate) use jobs::{Named, job};
pub use rebuild::{RebuildChoice, RebuildPlan, carry_out, carry_out_remap, plan_rebuild};
