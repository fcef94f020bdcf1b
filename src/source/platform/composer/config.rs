//! How Cloud Composer is configured.

use super::client::permission::{PrivateLogs, RESOURCE_MANAGER};
use super::client::{AuditLog, Composer, ComposerSettings, is_project};
use super::mapping::ComposerMapping;
use super::profile::PROFILE;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::{NamedSecret, SecretRef};
use crate::source::cursor::Cursor;
use crate::source::http::{Client, HttpSettings, RequestQuota};
use crate::source::platform::address::check_address;
use crate::source::platform::sign_in::{self, AuthTable};
use crate::source::platform::{Endpoint, FeedTable, Opening, Platform, PlatformTable};
use crate::source::{Mapping, ProofLimit, Source, SourceError, Tenant};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Where Cloud Logging answers.
const LOGGING: &str = "https://logging.googleapis.com/";

/// `[[source]]` of Cloud Composer.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct ComposerTable {
    #[serde(flatten)]
    pub(crate) feed: FeedTable,
    /// Ids of the projects whose environments are read; each is a feed of its own.
    #[schemars(example = ["acme-data"], length(min = 1))]
    pub(crate) projects: Vec<String>,
    /// Audit logs that are read.
    ///
    /// Without roles/logging.privateLogViewer, entries of "data_access" are left out without a word.
    #[serde(default = "all_logs")]
    #[schemars(example = ["activity", "system_event"], length(min = 1))]
    pub(crate) logs: Vec<AuditLog>,
    /// Maximum requests a minute; the quota of Cloud Logging is 60 for each project.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 6_000))]
    pub(crate) requests_per_minute: u32,
    /// Maximum entries per response; Cloud Logging refuses more than 1000.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 1_000))]
    pub(crate) page_size: u32,
    /// Address of Cloud Logging, where it is not the usual one.
    ///
    /// A private endpoint, for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "https://logging-audit.p.googleapis.com")]
    pub(crate) endpoint: Option<String>,
    /// How to sign in.
    pub(crate) auth: AuthTable,
}

fn all_logs() -> Vec<AuditLog> {
    AuditLog::ALL.to_vec()
}

fn sixty() -> u32 {
    60
}

fn thousand() -> u32 {
    1_000
}

/// How to read the audit logs of Cloud Composer.
#[derive(Debug, Clone)]
pub struct ComposerPlatform {
    /// Where Cloud Logging answers.
    pub url: Url,
    /// Whether that is where it answers everybody.
    pub is_usual: bool,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
    /// Most requests a minute.
    pub requests_per_minute: u32,
    /// What is read.
    pub reads: ComposerSettings,
}

impl PlatformTable for ComposerTable {
    fn feed(&self) -> &FeedTable {
        &self.feed
    }

    fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        place: &SettingPlace,
    ) -> Option<Arc<dyn Platform>> {
        Some(Arc::new(check(self, checks, place)?))
    }
}

impl ComposerPlatform {
    fn client(
        &self,
        base: &Url,
        quota: Option<RequestQuota>,
        opening: &Opening,
    ) -> Result<Client, SourceError> {
        let settings = HttpSettings {
            quota,
            ..opening.http(base.clone(), self.auth.lazily_read())
        };
        Client::new(settings, opening.wording)
    }
}

impl Platform for ComposerPlatform {
    fn mapping(&self) -> &dyn Mapping {
        &ComposerMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        let projects = self.reads.projects.iter().cloned();
        projects.map(Tenant::Named).collect()
    }

    fn horizon(&self) -> Option<TimeDelta> {
        self.reads.kept()
    }

    fn limits(&self) -> Vec<ProofLimit> {
        vec![ProofLimit::NoTotal]
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        Endpoint::of(&self.url, &self.auth)
    }

    fn secrets(&self) -> Vec<NamedSecret> {
        self.auth.secrets()
    }

    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError> {
        let quota = RequestQuota {
            requests: self.requests_per_minute,
            per: Duration::from_secs(60),
        };
        let client = self.client(&self.url, Some(quota), opening)?;
        let mut composer = Composer::new(client, &self.reads)?;
        // A private endpoint has no other services behind it.
        if let (true, Ok(manager)) = (self.is_usual, Url::parse(RESOURCE_MANAGER)) {
            let client = self.client(&manager, None, opening)?;
            composer = composer.asking_for_permission(PrivateLogs::new(client));
        }
        Ok(Arc::new(Cursor::new(composer)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn check(
    table: &ComposerTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<ComposerPlatform> {
    let url = match &table.endpoint {
        None => Url::parse(LOGGING).ok(),
        Some(text) => {
            const FORM: &str = "write for example \"https://logging-audit.p.googleapis.com\"";
            check_address(checks, text, FORM, &place.key("endpoint"))
        }
    };
    let before = checks.problems.len();
    for (index, project) in table.projects.iter().enumerate() {
        let place = place.key("projects").index(index);
        if !is_project(project) {
            checks.problem(
                &place,
                "is not the id of a project",
                "write the id, not the name or the number: for example \"acme-data\"",
            );
        } else if table.projects[..index].contains(project) {
            checks.problem(&place, "is listed twice", "remove it");
        }
    }
    for (index, log) in table.logs.iter().enumerate() {
        if table.logs[..index].contains(log) {
            let place = place.key("logs").index(index);
            checks.problem(&place, "is listed twice", "remove it");
        }
    }
    let sound = checks.problems.len() == before;
    let (ways, auth_place) = (PROFILE.sign_in, place.key("auth"));
    let auth = sign_in::check(checks, &table.auth, ways, url.as_ref(), &auth_place);
    if let (Some(url), Some(auth)) = (&url, &auth) {
        sign_in::warn_if_unencrypted(checks, url, auth, &place.key("endpoint"));
    }
    let reads = ComposerSettings {
        logs: table.logs.clone(),
        page_size: table.page_size,
        ..ComposerSettings::new(table.projects.clone())
    };
    sound.then_some(ComposerPlatform {
        url: url?,
        is_usual: table.endpoint.is_none(),
        auth: auth?,
        requests_per_minute: table.requests_per_minute,
        reads,
    })
}
