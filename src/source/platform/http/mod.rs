//! Any HTTP API that answers with JSON: a feed that the configuration describes.
//!
//! The description says how to ask for a window, how responses continue each other, where records stand in a
//! response, and which columns come from which places of a record. It is checked whole when it is read (`config`);
//! [`DescribedApi`] is the result. `client` reads by it as a chain of responses, `mapping` makes events by it.

pub mod client;
pub mod config;
pub mod mapping;
pub(crate) mod profile;

pub use client::DescribedFeed;
pub use config::DescribedApi;
pub use mapping::DescribedMapping;
