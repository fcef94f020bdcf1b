//! Tests that need more than one part of a store.

#[cfg(feature = "demo")]
mod fake_cloud;
pub(crate) mod faulty;
#[cfg(feature = "demo")]
mod remove;
#[cfg(feature = "demo")]
mod stores;
