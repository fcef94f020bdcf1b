//! Tests that need more than one part of the lake.

mod bench;
#[cfg(feature = "demo")]
mod fake_cloud;
mod faulty;
mod files;
mod golden;
mod lies;
// A release build has no failpoints.
#[cfg(debug_assertions)]
mod power_cut;
#[cfg(debug_assertions)]
mod power_loss;
mod reading;
#[cfg(feature = "demo")]
mod remove;
mod sample;
#[cfg(feature = "demo")]
mod stores;
