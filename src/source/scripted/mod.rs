//! A platform in memory that misbehaves as it is told, for tests.
//!
//! * `row` has what a platform holds, and how its records are read.
//! * [`ScriptedPlatform`] has rows, and [`Faults`] that answers to requests may have. Each way of reading serves
//!   it through its own trait: see `scripted` in [`paged`](super::paged), [`cursor`](super::cursor) and
//!   [`objects`](super::objects).
//! * `history` has the strategies: whatever rows and faults there may be.
//! * `judge` has what holds of every reading, whatever the platform does.

mod history;
mod judge;
mod platform;
mod row;

pub(super) use history::{History, any_history, any_requests, any_window, fewer};
pub(super) use judge::{Outcomes, check, id, ids, known, run, whole};
pub(super) use platform::{Faults, RowChange, ScriptedPlatform, main};
pub(super) use row::{RowKind, ScriptedRow, TICK, at, row, window};
