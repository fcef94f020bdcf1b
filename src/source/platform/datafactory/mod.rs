//! Azure Data Factory: Azure's Activity Log of what is done to factories, the runs of their pipelines, and the blobs
//! to which a diagnostic setting exports the Activity Log.
//!
//! The Activity Log and the runs are read in chains, by the time of the act and by that of the last change; the
//! export is read in objects. One mapping knows the three forms of record, and tells them apart by what they call the
//! time.

pub mod client;
pub mod config;
pub mod mapping;
pub(crate) mod profile;

pub use client::{ActivityExport, AzureFeed, ResourceManager};
pub use config::AzureSettings;
pub use mapping::AzureMapping;
