//! How Azure Data Factory is configured.

use super::client::{ActivityExport, AzureFeed, ResourceManager, kept};
use super::mapping::AzureMapping;
use super::profile::PROFILE;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{OptionValue, StoreLocation, check_options, check_url, secrets_of};
use crate::settings::{NamedSecret, SecretRef};
use crate::source::cursor::Cursor;
use crate::source::http::Client;
use crate::source::objects::ObjectFeed;
use crate::source::platform::address::ServerAddress;
use crate::source::platform::sign_in::{self, AuthTable};
use crate::source::platform::{
    Endpoint, EndpointRole, FeedTable, Opening, Platform, PlatformTable,
};
use crate::source::{Mapping, Source, SourceError, Tenant};
use crate::store::{StoreKind, StorePurpose};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

const ADDRESS: ServerAddress = ServerAddress {
    form: "write for example \"https://management.azure.com\", or remove it",
    beyond: &["/subscriptions"],
    shorten: "remove `/subscriptions`",
};

/// `[[source]]` of Azure Data Factory.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct AzureTable {
    #[serde(flatten)]
    pub(crate) common: FeedTable,
    /// What is read: "activity-log", "pipeline-runs" or "export".
    ///
    /// The Activity Log has what is done to factories in the last 90 days, pipeline runs are kept for 45 days, and an
    /// export has the Activity Log from the day on which a diagnostic setting was made. Each needs a source of its own.
    #[schemars(example = &"activity-log")]
    pub(crate) feed: AzureFeed,
    /// Subscriptions to read, by id.
    ///
    /// With "activity-log" and "export".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e"], length(min = 1))]
    pub(crate) subscriptions: Option<Vec<String>>,
    /// Factories to read, by resource id.
    ///
    /// Or as subscription/resource group/name. With "pipeline-runs".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/data/sales"], length(min = 1))]
    pub(crate) factories: Option<Vec<String>>,
    /// Address of Azure Resource Manager, which is another one in the sovereign clouds.
    #[serde(default = "resource_manager")]
    #[schemars(example = "https://management.azure.com")]
    pub(crate) url: String,
    /// How to sign in; not for "export", which takes its credentials from `options`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth: Option<AuthTable>,
    /// Container of the export; with "export".
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "az://insights-activity-logs")]
    pub(crate) location: Option<String>,
    /// Options of the object store, by their names in the Rust crate object_store; with "export".
    #[serde(default)]
    #[schemars(example = json!({ "account_name": "acmelogs" }))]
    pub(crate) options: BTreeMap<String, OptionValue>,
}

fn resource_manager() -> String {
    "https://management.azure.com".to_owned()
}

/// How to read Azure Data Factory.
#[derive(Debug, Clone)]
pub struct AzureSettings {
    /// What is read, and from where.
    pub reads: AzurePlace,
    /// Its feeds.
    pub tenants: Vec<Tenant>,
}

/// Where records are read.
#[derive(Debug, Clone)]
pub enum AzurePlace {
    /// From Azure Resource Manager.
    Service {
        /// What of it.
        feed: AzureFeed,
        /// Its address, without a slash at its end.
        url: Url,
        /// How to sign in.
        auth: Auth<SecretRef>,
    },
    /// From the container of an export.
    Container(StoreLocation),
}

impl PlatformTable for AzureTable {
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

impl Platform for AzureSettings {
    fn mapping(&self) -> &'static dyn Mapping {
        &AzureMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        self.tenants.clone()
    }

    fn horizon(&self) -> Option<TimeDelta> {
        match &self.reads {
            AzurePlace::Service { feed, .. } => kept(*feed),
            AzurePlace::Container(_) => kept(AzureFeed::Export),
        }
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        match &self.reads {
            AzurePlace::Service { url, auth, .. } => Endpoint::of(url, auth),
            AzurePlace::Container(location) => {
                let url = location.service_url().into_iter();
                let endpoint = |url| Endpoint {
                    role: EndpointRole::Records,
                    url,
                };
                url.map(endpoint).collect()
            }
        }
    }

    fn secrets(&self) -> Vec<NamedSecret> {
        match &self.reads {
            AzurePlace::Service { auth, .. } => auth.secrets(),
            AzurePlace::Container(location) => secrets_of(&location.options),
        }
    }

    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError> {
        match &self.reads {
            AzurePlace::Service { feed, url, auth } => {
                let settings = opening.http(url.clone(), auth.lazily_read());
                let client = Client::new(settings, opening.wording)?;
                let manager = ResourceManager::new(client, *feed, self.tenants())?;
                Ok(Arc::new(Cursor::new(manager)))
            }
            AzurePlace::Container(location) => {
                let opened = location.open_for(StorePurpose::Source);
                let opened = opened.map_err(|error| SourceError::Credential {
                    message: error.to_string(),
                })?;
                let bucket = opened.map_err(|error| SourceError::Settings {
                    message: error.to_string(),
                })?;
                let export = ActivityExport::new(bucket, opening.wording, self.tenants())?;
                Ok(Arc::new(ObjectFeed::new(export)))
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn check(
    table: &AzureTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<AzureSettings> {
    // An unknown name has been reported, and what else is needed depends on it.
    if !checks.is_written(&place.key("feed")) {
        return None;
    }
    let is_export = table.feed == AzureFeed::Export;
    let are_runs = table.feed == AzureFeed::PipelineRuns;
    for (key, is_set, belongs) in [
        ("subscriptions", table.subscriptions.is_some(), !are_runs),
        ("factories", table.factories.is_some(), are_runs),
        ("auth", table.auth.is_some(), !is_export),
        ("location", table.location.is_some(), is_export),
        ("options", !table.options.is_empty(), is_export),
    ] {
        if is_set && !belongs {
            checks.problem(
                &place.key(key),
                "has no meaning for this `feed`",
                "remove it, or set another `feed`",
            );
        }
    }
    let tenants = match are_runs {
        true => factories(checks, table, place),
        false => subscriptions(checks, table, place),
    };
    let reads = match is_export {
        true => container(checks, table, place).map(AzurePlace::Container),
        false => service(checks, table, place),
    };
    Some(AzureSettings {
        reads: reads?,
        tenants: tenants?,
    })
}

/// Reports a setting that this feed needs.
fn is_missing(checks: &mut Checks<'_, '_>, place: &SettingPlace, example: &str) {
    checks.problem(place, "is missing", format!("write for example {example}"));
}

fn subscriptions(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<Vec<Tenant>> {
    let place = place.key("subscriptions");
    let Some(ids) = &table.subscriptions else {
        let example = "subscriptions = [\"aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e\"]";
        is_missing(checks, &place, example);
        return None;
    };
    let read = |id: &str| is_id(id).then(|| id.to_ascii_lowercase());
    let wrong = (
        "is not the id of a subscription",
        "write its 32 hexadecimal digits with hyphens",
    );
    names(checks, ids, &place, read, wrong)
}

fn factories(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<Vec<Tenant>> {
    let place = place.key("factories");
    let Some(ids) = &table.factories else {
        let example = "factories = [\"aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/data/sales\"]";
        is_missing(checks, &place, example);
        return None;
    };
    let wrong = (
        "is not the resource id of a factory",
        "write it as the portal shows it, or as subscription/resource group/name",
    );
    names(checks, ids, &place, factory, wrong)
}

/// The name of a factory's feed: names are the same in any case.
fn factory(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let parts: Vec<&str> = text.trim_matches('/').split('/').collect();
    let (subscription, group, name) = match parts[..] {
        [subscription, group, name] => (subscription, group, name),
        [
            "subscriptions",
            subscription,
            "resourcegroups",
            group,
            "providers",
            "microsoft.datafactory",
            "factories",
            name,
        ] => (subscription, group, name),
        _ => return None,
    };
    let is_name = |name: &str| {
        let fits = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
        !name.is_empty() && !name.starts_with('.') && name.chars().all(fits)
    };
    let is_fit = is_id(subscription) && is_name(group) && is_name(name);
    is_fit.then(|| format!("{subscription}/{group}/{name}"))
}

fn is_id(text: &str) -> bool {
    let digits: Vec<usize> = text.split('-').map(str::len).collect();
    digits == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Feeds of names that are each fit and listed once.
fn names(
    checks: &mut Checks<'_, '_>,
    names: &[String],
    place: &SettingPlace,
    read: impl Fn(&str) -> Option<String>,
    (wrong, action): (&str, &str),
) -> Option<Vec<Tenant>> {
    let before = checks.problems.len();
    let mut tenants = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match read(name).map(Tenant::Named) {
            None => checks.problem(&place.index(index), wrong, action),
            Some(tenant) if tenants.contains(&tenant) => {
                checks.problem(&place.index(index), "is listed twice", "remove it");
            }
            Some(tenant) => tenants.push(tenant),
        }
    }
    (checks.problems.len() == before).then_some(tenants)
}

fn service(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<AzurePlace> {
    let url = ADDRESS.check(checks, &table.url, &place.key("url"));
    let auth_place = place.key("auth");
    let Some(auth) = &table.auth else {
        let example = "auth = { client_credentials = { … } }";
        is_missing(checks, &auth_place, example);
        return None;
    };
    let auth = sign_in::check(checks, auth, PROFILE.sign_in, url.as_ref(), &auth_place);
    if let (Some(url), Some(auth)) = (&url, &auth) {
        sign_in::warn_if_unencrypted(checks, url, auth, &place.key("url"));
    }
    Some(AzurePlace::Service {
        feed: table.feed,
        url: url?,
        auth: auth?,
    })
}

fn container(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<StoreLocation> {
    let url_place = place.key("location");
    let Some(location) = &table.location else {
        let example = "location = \"az://insights-activity-logs\"";
        is_missing(checks, &url_place, example);
        return None;
    };
    let url = check_url(checks, location, &url_place);
    let kind = url
        .as_ref()
        .and_then(|url| StoreKind::from_scheme(url.scheme()));
    let options = check_options(checks, &table.options, kind, &place.key("options"));
    if url
        .as_ref()
        .is_some_and(|url| url.path().contains("resourceId="))
    {
        checks.problem(
            &url_place,
            "is not the location of the container alone",
            "remove `resourceId=` and what follows",
        );
        return None;
    }
    Some(StoreLocation {
        url: url?,
        options: options?,
    })
}

#[cfg(test)]
mod tests;
