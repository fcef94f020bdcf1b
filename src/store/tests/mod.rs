//! Tests that need more than one part of a store.

mod fake_cloud;
pub(crate) mod faulty;
mod remove;
mod stores;
