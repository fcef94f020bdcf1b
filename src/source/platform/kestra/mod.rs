//! Kestra Enterprise Edition: the audit-log search of its REST API, EE 0.2x to 2.x.
//!
//! The search pages by offset, sorts by `date` without a tie-breaker, and ignores parameters that
//! it does not know. There is no cursor and no export that could be relied on, so windows are read
//! in slices that one response holds.

pub mod client;
pub mod config;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub mod mapping;
pub(crate) mod profile;

pub use client::{Dialect, Kestra};
pub use config::{KestraSettings, Tenants};
pub use mapping::KestraMapping;
