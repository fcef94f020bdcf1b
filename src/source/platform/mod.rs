//! The platforms, one folder each with the same names of files: `config.rs`, `profile.rs`, `client.rs`,
//! `mapping.rs`.
//!
//! A platform is registered once, in the list at the end of this file; nothing outside names one. Before it is
//! configured it is a [`PlatformProfile`]: its title, what `init` asks, the ways to sign in. Once it is configured
//! it is a [`Platform`].

mod address;
pub mod airflow;
pub mod cloudtrail;
pub mod composer;
pub mod datafactory;
mod feed;
pub mod http;
pub mod kestra;
mod profile;
mod question;
mod sign_in;
mod table;
pub mod uipath;

pub(crate) use feed::{FEED_SETTINGS, FeedTable, RequestBounds, feed_questions};
#[cfg(feature = "demo")]
pub(crate) use kestra::demo;
pub use profile::{PlatformProfile, RegisteredPlatform};
pub use question::{Meaning, Question, Unanswered};
pub use sign_in::SignInWay;
pub(crate) use table::PlatformTable;

use super::{Mapping, ProofLimit, Source, SourceError, Tenant, Wording};
use crate::http::{Auth, HttpSettings, Retry};
use crate::settings::{NamedSecret, SecretRef};
use chrono::TimeDelta;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A platform as it is configured: what is asked of it before it is read.
pub trait Platform: fmt::Debug + Send + Sync {
    /// How its records become events.
    fn mapping(&self) -> &dyn Mapping;

    /// The feeds that are read.
    fn tenants(&self) -> Vec<Tenant>;

    /// How long the platform keeps records, where it is known to drop them by itself; see
    /// [`Capabilities::horizon`](super::Capabilities::horizon).
    fn horizon(&self) -> Option<TimeDelta> {
        None
    }

    /// What reading it cannot prove, as far as its settings tell; see [`Capabilities::limits`](super::Capabilities::limits).
    fn limits(&self) -> Vec<ProofLimit> {
        Vec::new()
    }

    /// The services that reading it connects to, for remarks about the way there; none where it reads files of
    /// this machine.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// The secrets that the configuration names for it.
    fn secrets(&self) -> Vec<NamedSecret>;

    /// Opens it as a source. It is not asked yet.
    ///
    /// # Errors
    /// What must be fixed before it can be read.
    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError>;

    /// The settings themselves, for tests.
    fn as_any(&self) -> &dyn Any;
}

/// A service that reading a platform connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What it is for.
    pub role: EndpointRole,
    /// Its address.
    pub url: Url,
}

/// What a service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointRole {
    /// It has the records.
    Records,
    /// It gives the credentials with which they are read.
    SignIn,
}

impl Endpoint {
    /// The services of a platform that answers at `url`: itself, and who gives the credentials where that is
    /// another.
    pub fn of(url: &Url, auth: &Auth<SecretRef>) -> Vec<Self> {
        let sign_in = auth.sign_in_url();
        let other = sign_in.filter(|sign_in| sign_in.origin() != url.origin());
        let records = Self {
            role: EndpointRole::Records,
            url: url.clone(),
        };
        let sign_in = other.map(|url| Self {
            role: EndpointRole::SignIn,
            url,
        });
        std::iter::once(records).chain(sign_in).collect()
    }
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

impl Opening {
    /// Settings of a client for a service of the platform.
    fn http(&self, url: Url, auth: Auth) -> HttpSettings {
        HttpSettings {
            timeout: self.timeout,
            response_bytes: self.max_response,
            concurrency: usize::try_from(self.concurrency).unwrap_or(usize::MAX),
            retry: Retry {
                patience: self.patience,
                ..Retry::default()
            },
            ..HttpSettings::new(url, auth)
        }
    }
}

table::platforms! {
    /// Kestra Enterprise Edition.
    "kestra" => Kestra(kestra::config::KestraTable, kestra::profile::PROFILE),
    /// UiPath: Orchestrator, and the unified audit of the Automation platform.
    "uipath" => UiPath(uipath::config::UiPathTable, uipath::profile::PROFILE),
    /// Cloud Composer: the audit logs of its environments.
    "composer" => Composer(composer::config::ComposerTable, composer::profile::PROFILE),
    /// AWS CloudTrail: Step Functions, or any other service of AWS.
    "cloudtrail" => CloudTrail(
        cloudtrail::config::CloudTrailTable,
        cloudtrail::profile::PROFILE
    ),
    /// Apache Airflow 3 and 2.
    "airflow" => Airflow(airflow::config::AirflowTable, airflow::profile::PROFILE),
    /// Azure Data Factory: the Activity Log, pipeline runs and diagnostic exports.
    "datafactory" => DataFactory(
        datafactory::config::AzureTable,
        datafactory::profile::PROFILE
    ),
    /// Any HTTP API that answers with JSON, as the configuration describes it.
    "http" => Http(http::config::HttpTable, http::profile::PROFILE),
}
