//! Tests that need more than one part of the lake.

mod bench;
mod files;
mod golden;
mod lies;
// A release build has no failpoints.
#[cfg(debug_assertions)]
mod power_cut;
#[cfg(debug_assertions)]
mod power_loss;
mod reading;
mod sample;
