//! How UiPath is configured.

use super::client::{UiPath, UiPathFeed, kept};
use super::mapping::UiPathMapping;
use super::profile::PROFILE;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::{NamedSecret, SecretRef, parse_duration};
use crate::source::cursor::Cursor;
use crate::source::http::Client;
use crate::source::platform::address::check_address;
use crate::source::platform::sign_in::{self, AuthTable};
use crate::source::platform::{Endpoint, FeedTable, Opening, Platform, PlatformTable};
use crate::source::{Mapping, ProofLimit, Source, SourceError, Tenant};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The long-term store has an event up to two days after it happened.
const STORE_SETTLES: Duration = Duration::from_secs(2 * 24 * 3_600);

/// `[[source]]` of UiPath.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct UiPathTable {
    #[serde(flatten)]
    pub(crate) common: FeedTable,
    /// Address of UiPath, with the organization at its end; of a standalone Orchestrator its address alone.
    ///
    /// The address of a tenant's Orchestrator, "https://cloud.uipath.com/acme/production/orchestrator_", names the tenant, too.
    #[schemars(example = "https://cloud.uipath.com/acme")]
    pub(crate) url: String,
    /// Which audit log: "orchestrator", "unified" or "long_term_store".
    ///
    /// Each needs a source of its own. The unified audit shows 90 days; its long-term store has two years, a day
    /// or two late, and needs a `start` that is a date and a `settle` of at least "2d".
    #[serde(default)]
    #[schemars(example = &"orchestrator")]
    pub(crate) feed: UiPathFeed,
    /// Tenants to read, by name.
    ///
    /// Exactly one for Orchestrator, whose records do not state their tenant. A standalone Orchestrator reads
    /// the tenant of the credentials, which is named here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["production"], length(min = 1))]
    pub(crate) tenants: Option<Vec<String>>,
    /// Read the events of the organization itself, which belong to no tenant.
    ///
    /// Not for Orchestrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = true)]
    pub(crate) organization: Option<bool>,
    /// How to sign in.
    pub(crate) auth: AuthTable,
    /// Maximum records per response; the unified audit has at most 200.
    ///
    /// Without meaning for the long-term store, whose responses are whole days.
    #[serde(default = "thousand")]
    #[schemars(range(min = 10, max = 1_000))]
    pub(crate) page_size: u32,
}

fn thousand() -> u32 {
    1_000
}

/// How to reach an audit log of UiPath.
#[derive(Debug, Clone)]
pub struct UiPathSettings {
    /// Address with the organization at its end, without a slash behind it; of a standalone Orchestrator without
    /// a path.
    pub url: Url,
    /// Which audit log.
    pub feed: UiPathFeed,
    /// What to read: tenants, and as [`Tenant::All`] the organization itself.
    pub tenants: Vec<Tenant>,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
    /// Most records in one response, from 1; fewer where the feed has fewer.
    pub page_size: u32,
    /// The first date to read, where that is known.
    pub since: Option<DateTime<Utc>>,
}

impl PlatformTable for UiPathTable {
    fn feed(&self) -> &FeedTable {
        &self.common
    }

    fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        place: &SettingPlace,
    ) -> Option<Arc<dyn Platform>> {
        Some(Arc::new(check(self, checks, place)?))
    }
}

impl Platform for UiPathSettings {
    fn mapping(&self) -> &dyn Mapping {
        &UiPathMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        self.tenants.clone()
    }

    fn horizon(&self) -> Option<TimeDelta> {
        kept(self.feed)
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
        let settings = opening.http(self.url.clone(), self.auth.lazily_read());
        let client = Client::new(settings, opening.wording)?;
        let uipath = UiPath::new(client, self.feed, self.tenants())?;
        let mut uipath = uipath.with_page_size(self.page_size);
        if let Some(since) = self.since {
            uipath = uipath.with_start(since);
        }
        Ok(Arc::new(Cursor::new(uipath)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn check(
    table: &UiPathTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<UiPathSettings> {
    // An unknown name has been reported, and nothing else depends on what stands in for it.
    let feed = checks.is_written(&place.key("feed")).then_some(table.feed);
    let (text, of_url) = match feed {
        Some(UiPathFeed::Orchestrator) => without_tenant(&table.url),
        _ => (table.url.as_str(), None),
    };
    let url = address(checks, text, feed, &place.key("url"));
    let tenants = tenants(checks, table, of_url, feed, place);
    if feed == Some(UiPathFeed::LongTermStore) {
        check_store(checks, table, place);
    }
    let (ways, auth_place) = (PROFILE.sign_in, place.key("auth"));
    let auth = sign_in::check(checks, &table.auth, ways, url.as_ref(), &auth_place);
    if let (Some(url), Some(auth)) = (&url, &auth) {
        sign_in::warn_if_unencrypted(checks, url, auth, &place.key("url"));
    }
    if let (Some(feed), Some(Auth::ClientCredentials(client))) = (feed, &auth)
        && let Some(scope) = &client.scope
    {
        let place = auth_place.key("client_credentials").key("scope");
        check_scope(checks, feed, scope, &place);
    }
    Some(UiPathSettings {
        url: url?,
        feed: feed?,
        tenants: tenants?,
        auth: auth?,
        page_size: table.page_size,
        since: first_date(&table.common.start),
    })
}

/// The address of a tenant's Orchestrator as that of its organization, and the tenant.
fn without_tenant(url: &str) -> (&str, Option<&str>) {
    let of_tenant = || {
        let parent = url.trim_end_matches('/').strip_suffix("/orchestrator_")?;
        let (organization, tenant) = parent.rsplit_once('/')?;
        // Not where this is all of the path: the address would have no organization.
        let path = organization.split_once("://")?.1.split_once('/')?.1;
        (!path.is_empty() && !tenant.is_empty()).then_some((organization, tenant))
    };
    of_tenant().map_or((url, None), |(organization, tenant)| {
        (organization, Some(tenant))
    })
}

fn address(
    checks: &mut Checks<'_, '_>,
    text: &str,
    feed: Option<UiPathFeed>,
    place: &SettingPlace,
) -> Option<Url> {
    const FORM: &str = "write for example \"https://cloud.uipath.com/acme\"";
    let url = check_address(checks, text, FORM, place)?;
    // An address without a path has a slash all the same.
    let path = url.path().trim_end_matches('/');
    let is_service = |part: &str| part == "odata" || part.ends_with('_');
    let wrong = if path.split('/').any(is_service) {
        Some((
            "is not the address of the organization alone",
            "remove what follows the organization, and name the tenant in `tenants`",
        ))
    } else if path.is_empty() && feed.is_some_and(|feed| feed != UiPathFeed::Orchestrator) {
        Some((
            "does not name the organization",
            "write it at the end, as in \"https://cloud.uipath.com/acme\"",
        ))
    } else {
        None
    };
    if let Some((wrong, action)) = wrong {
        checks.problem(place, wrong, action);
        return None;
    }
    Some(url)
}

fn tenants(
    checks: &mut Checks<'_, '_>,
    table: &UiPathTable,
    of_url: Option<&str>,
    feed: Option<UiPathFeed>,
    place: &SettingPlace,
) -> Option<Vec<Tenant>> {
    let before = checks.problems.len();
    let of_url: Vec<String> = of_url.map(str::to_owned).into_iter().collect();
    let names = table.tenants.as_deref().unwrap_or(&of_url);
    let with_organization = table.organization == Some(true);
    let at = place.key("tenants");
    for (index, name) in names.iter().enumerate() {
        let place = at.index(index);
        // The name becomes a segment of a URL path.
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
        if name.trim() != name
            || name.is_empty()
            || name.starts_with('.')
            || !name.chars().all(allowed)
        {
            checks.problem(
                &place,
                "is not the name of a tenant",
                "write it as it stands in the address of the tenant",
            );
        } else if names[..index].contains(name) {
            checks.problem(&place, "is listed twice", "remove it");
        }
    }
    match feed {
        Some(UiPathFeed::Orchestrator) => {
            if with_organization {
                checks.problem(
                    &place.key("organization"),
                    "is true, but Orchestrator's log is of a tenant",
                    "remove it, or set feed = \"unified\"",
                );
            }
            if !of_url.is_empty() && names != of_url.as_slice() {
                checks.problem(
                    &at,
                    "names another tenant than `url`",
                    "remove it, or end `url` with the organization",
                );
            } else if names.len() != 1 && checks.is_written(&at) {
                checks.problem(
                    &at,
                    "must have one name, since records of Orchestrator do not state their tenant",
                    "write for example tenants = [\"production\"], and a source for each further tenant",
                );
            }
        }
        Some(UiPathFeed::Unified | UiPathFeed::LongTermStore)
            if names.is_empty() && !with_organization && checks.is_written(&at) =>
        {
            checks.problem(
                &at,
                "is missing, and `organization` is not true: there is nothing to read",
                "write for example tenants = [\"production\"], or organization = true",
            );
        }
        Some(UiPathFeed::Unified | UiPathFeed::LongTermStore) | None => {}
    }
    if checks.problems.len() > before {
        return None;
    }
    let organization = with_organization.then_some(Tenant::All);
    let names = names.iter().cloned().map(Tenant::Named);
    Some(organization.into_iter().chain(names).collect())
}

/// What the long-term store asks of settings that every source has.
fn check_store(checks: &mut Checks<'_, '_>, table: &UiPathTable, place: &SettingPlace) {
    let settle = parse_duration(&table.common.settle.0);
    if settle.is_ok_and(|settle| settle < STORE_SETTLES) {
        checks.problem(
            &place.key("settle"),
            "is too short: the long-term store has events up to two days late",
            "write settle = \"2d\" or more",
        );
    }
    if table.common.start == "earliest" {
        checks.problem(
            &place.key("start"),
            "is \"earliest\", which cannot be asked of the long-term store",
            "write the first date to read; the store has two years",
        );
    }
}

/// Warns where a token is asked for that the interface would refuse with 403.
fn check_scope(checks: &mut Checks<'_, '_>, feed: UiPathFeed, scope: &str, place: &SettingPlace) {
    let needed = match feed {
        UiPathFeed::Orchestrator => "OR.Audit",
        UiPathFeed::Unified | UiPathFeed::LongTermStore => "PM.Audit",
    };
    let mut names = scope.split_whitespace();
    if !names.any(|name| name.strip_suffix(".Read").unwrap_or(name) == needed) {
        checks.warn(
            place,
            format!("does not name {needed}.Read, without which this log is refused"),
            format!("write \"{needed}.Read\""),
        );
    }
}

/// The instant that `start` names; whoever checks every source reports what is none.
fn first_date(start: &str) -> Option<DateTime<Utc>> {
    let date = start.parse::<NaiveDate>().ok();
    let instant = || DateTime::parse_from_rfc3339(start).ok();
    date.map(crate::window::midnight)
        .or_else(|| instant().map(DateTime::<Utc>::from))
}

#[cfg(test)]
mod tests;
