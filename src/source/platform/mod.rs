//! The platforms, one folder each with the same names of files: `config.rs`, `client.rs`, `mapping.rs`.
//!
//! A platform is registered once, in the list at the end of this file; nothing outside names one.

pub mod cloudtrail;
pub mod composer;
mod feed;
pub mod kestra;
mod sign_in;
mod table;

pub(crate) use feed::{FeedTable, RequestBounds};
pub(crate) use table::PlatformTable;

use super::{Mapping, Source, SourceError, Tenant, Wording};
use crate::http::Auth;
use crate::settings::SecretRef;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A platform as it is configured: what is asked of it before it is read.
pub trait Platform: fmt::Debug + Send + Sync {
    /// How its records become events.
    fn mapping(&self) -> &'static dyn Mapping;

    /// The feeds that are read.
    fn tenants(&self) -> Vec<Tenant>;

    /// Where it answers.
    fn addresses(&self) -> Vec<Url>;

    /// How to sign in.
    fn auth(&self) -> &Auth<SecretRef>;

    /// Opens it as a source. It is not asked yet.
    ///
    /// # Errors
    /// What must be fixed before it can be read.
    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError>;

    /// The settings themselves, for tests.
    fn as_any(&self) -> &dyn Any;
}

/// How a source is opened, whatever its platform.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Most requests at the same time, from 1.
    pub concurrency: u32,
    /// How long to wait for one response.
    pub timeout: Duration,
    /// How long to go on asking when the platform fails or says that it is busy.
    pub patience: Duration,
    /// Largest response in bytes that is taken into memory.
    pub max_response: u64,
    /// Whether the platform's own words about a failure are kept.
    pub wording: Wording,
}

table::platforms! {
    /// Kestra Enterprise Edition.
    "kestra" => Kestra(kestra::config::KestraTable),
}
