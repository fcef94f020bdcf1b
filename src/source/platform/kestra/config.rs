//! How Kestra is configured.

use super::client::{Dialect, Kestra};
use super::mapping::KestraMapping;
use super::profile::PROFILE;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::{NamedSecret, SecretRef};
use crate::source::http::Client;
use crate::source::paged::Paged;
use crate::source::platform::address::ServerAddress;
use crate::source::platform::sign_in::{self, AuthTable};
use crate::source::platform::{Endpoint, FeedTable, Opening, Platform, PlatformTable};
use crate::source::{Mapping, Source, SourceError, Tenant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use url::Url;

/// What Kestra 2 allows; a larger page is refused with 422.
const KESTRA_V2_PAGE: u32 = 1_000;

const ADDRESS: ServerAddress = ServerAddress {
    form: "write for example \"https://kestra.example.com\"",
    beyond: &["/api", "/api/v1", "/ui"],
    shorten: "remove `/api` or `/ui` and what follows",
};

/// `[[source]]` of Kestra.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(extend(
    "if" = { "properties": { "platform": { "const": "kestra" } } },
    "then" = { "anyOf": [{ "required": ["tenants"] }, { "required": ["all_tenants"] }] }
))]
pub(crate) struct KestraTable {
    #[serde(flatten)]
    pub(crate) feed: FeedTable,
    /// Address of the platform, without `/api`.
    #[schemars(example = "https://kestra.example.com")]
    pub(crate) url: String,
    /// Version of the server's API: "v1" for Enterprise Edition up to 1.3, "v2" for 2.x.
    ///
    /// A server silently ignores filters of the other version, so this is never guessed, and each
    /// run verifies it with a request that must find nothing.
    #[schemars(example = &"v2")]
    pub(crate) dialect: Dialect,
    /// Tenants to read, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["main"], length(min = 1))]
    pub(crate) tenants: Option<Vec<String>>,
    /// Read every tenant instead of those in `tenants`, through the cross-tenant API.
    ///
    /// It needs the token of an instance owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub(crate) all_tenants: Option<bool>,
    /// How to sign in.
    pub(crate) auth: AuthTable,
    /// Maximum records per response; Kestra 2 refuses more than 1000.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) page_size: u32,
}

fn thousand() -> u32 {
    1_000
}

/// How to reach a Kestra Enterprise Edition server.
#[derive(Debug, Clone)]
pub struct KestraSettings {
    /// Address without `/api`, without a slash at its end, without credentials or query.
    pub url: Url,
    /// Which form of the API it speaks.
    pub dialect: Dialect,
    /// What to read.
    pub tenants: Tenants,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
    /// Most records in one response, from 1.
    pub page_size: u32,
}

/// The tenants to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// All, through the cross-tenant API.
    All,
    /// These, at least one, each once.
    Named(Vec<String>),
}

impl PlatformTable for KestraTable {
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

impl Platform for KestraSettings {
    fn mapping(&self) -> &dyn Mapping {
        &KestraMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        match &self.tenants {
            Tenants::All => vec![Tenant::All],
            Tenants::Named(names) => names.iter().cloned().map(Tenant::Named).collect(),
        }
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        Endpoint::of(&self.url, &self.auth)
    }

    fn secrets(&self) -> Vec<NamedSecret> {
        self.auth.secrets()
    }

    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError> {
        let settings = opening.http(self.url.clone(), self.auth.lazily_read());
        let client = Client::new(settings, opening.wording)?;
        let kestra = Kestra::new(client, self.dialect, self.tenants())?;
        Ok(Arc::new(Paged::new(kestra.with_page_size(self.page_size))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn check(
    table: &KestraTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<KestraSettings> {
    let url = ADDRESS.check(checks, &table.url, &place.key("url"));
    let is_v2 = table.dialect == Dialect::V2 && checks.is_written(&place.key("dialect"));
    if is_v2 && table.page_size > KESTRA_V2_PAGE {
        checks.problem(
            &place.key("page_size"),
            format!("is more than the {KESTRA_V2_PAGE} records that Kestra 2 allows"),
            format!("write {KESTRA_V2_PAGE} or less"),
        );
    }
    let tenants = tenants(checks, table, place);
    let (ways, auth_place) = (PROFILE.sign_in, place.key("auth"));
    let auth = sign_in::check(checks, &table.auth, ways, url.as_ref(), &auth_place);
    if let (Some(url), Some(auth)) = (&url, &auth) {
        sign_in::warn_if_unencrypted(checks, url, auth, &place.key("url"));
    }
    Some(KestraSettings {
        url: url?,
        dialect: table.dialect,
        tenants: tenants?,
        auth: auth?,
        page_size: table.page_size,
    })
}

fn tenants(
    checks: &mut Checks<'_, '_>,
    table: &KestraTable,
    place: &SettingPlace,
) -> Option<Tenants> {
    let all = &place.key("all_tenants");
    let names = match (&table.tenants, table.all_tenants) {
        (None, Some(true)) => return Some(Tenants::All),
        (Some(_), Some(true)) => {
            checks.problem(
                all,
                "is true, but `tenants` is also set",
                "keep one of them: all_tenants = true, or the list",
            );
            return None;
        }
        (None, Some(false)) => {
            checks.problem(
                all,
                "is false, but there are no `tenants`",
                "write for example tenants = [\"main\"], or all_tenants = true",
            );
            return None;
        }
        // The schema asks for one of them and has reported this.
        (None, None) => return None,
        (Some(names), None | Some(false)) => names,
    };
    let before = checks.problems.len();
    for (index, name) in names.iter().enumerate() {
        let place = place.key("tenants").index(index);
        // The name becomes a segment of a URL path and a part of event_uid.
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
            checks.problem(
                &place,
                "is not the id of a tenant",
                "use letters, digits, hyphens, underscores and dots, not starting with a dot",
            );
        } else if names[..index].contains(name) {
            checks.problem(&place, "is listed twice", "remove it");
        }
    }
    (checks.problems.len() == before).then(|| Tenants::Named(names.clone()))
}
