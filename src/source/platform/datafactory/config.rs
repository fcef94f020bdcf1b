//! How Azure Data Factory is configured.

use super::client::{ActivityExport, AzureFeed, ResourceManager, kept};
use super::mapping::AzureMapping;
use super::profile::PROFILE;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{BucketTable, StoreLocation, secrets_of};
use crate::settings::{NamedSecret, SecretRef};
use crate::source::cursor::Cursor;
use crate::source::http::Client;
use crate::source::objects::ObjectFeed;
use crate::source::platform::address::ServerAddress;
use crate::source::platform::sign_in::{self, AuthTable};
use crate::source::platform::{
    Endpoint, EndpointRole, FeedTable, Opening, Platform, PlatformTable,
};
use crate::source::{Mapping, ProofLimit, Source, SourceError, Tenant};
use crate::store::StorePurpose;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
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
    /// What is read: "activity-log", "pipeline-runs" or "export"; "export" where there is a `bucket`.
    ///
    /// The Activity Log has what is done to factories in the last 90 days, pipeline runs are kept for 45 days, and an
    /// export has the Activity Log from the day on which a diagnostic setting was made. Each needs a source of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"activity-log")]
    pub(crate) feed: Option<AzureFeed>,
    /// The subscription to read, by id.
    ///
    /// With "activity-log" and "export" all of it; with `resource_group` and `factory` the one factory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e")]
    pub(crate) subscription: Option<String>,
    /// The resource group of `factory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"data")]
    pub(crate) resource_group: Option<String>,
    /// The factory to read, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"sales")]
    pub(crate) factory: Option<String>,
    /// Several subscriptions, by id.
    ///
    /// Instead of `subscription`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e"], length(min = 1))]
    pub(crate) subscriptions: Option<Vec<String>>,
    /// Several factories, by resource id.
    ///
    /// Instead of `factory`. Or as subscription/resource group/name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/data/sales"], length(min = 1))]
    pub(crate) factories: Option<Vec<String>>,
    /// Address of Azure Resource Manager, which is another one in the sovereign clouds.
    #[serde(default = "resource_manager")]
    #[schemars(example = "https://management.azure.com")]
    pub(crate) url: String,
    /// How to sign in; not for "export", which takes its credentials from `bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth: Option<AuthTable>,
    /// Container of the export.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "url": "az://insights-activity-logs" }))]
    pub(crate) bucket: Option<BucketTable>,
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
    fn mapping(&self) -> &dyn Mapping {
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

    fn limits(&self) -> Vec<ProofLimit> {
        match &self.reads {
            AzurePlace::Service { .. } => vec![ProofLimit::NoTotal],
            AzurePlace::Container(_) => Vec::new(),
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
    if table.feed.is_some() && !checks.is_written(&place.key("feed")) {
        return None;
    }
    let feed = table.feed.unwrap_or(match table.bucket {
        Some(_) => AzureFeed::Export,
        None => AzureFeed::ActivityLog,
    });
    let is_export = feed == AzureFeed::Export;
    let of_factories = [
        ("resource_group", table.resource_group.is_some()),
        ("factory", table.factory.is_some()),
        ("factories", table.factories.is_some()),
    ];
    let others = [
        ("auth", table.auth.is_some(), !is_export),
        ("bucket", table.bucket.is_some(), is_export),
    ];
    let of_factories = of_factories.map(|(key, is_set)| (key, is_set, !is_export));
    for (key, is_set, belongs) in of_factories.into_iter().chain(others) {
        if is_set && !belongs {
            checks.problem(
                &place.key(key),
                "has no meaning for this `feed`",
                "remove it, or set another `feed`",
            );
        }
    }
    let names_factories = !is_export && of_factories.iter().any(|(_, is_set, _)| *is_set);
    let tenants = match names_factories || feed == AzureFeed::PipelineRuns {
        true => factories(checks, table, place),
        false => subscriptions(checks, table, place),
    };
    let reads = match is_export {
        true => container(checks, table, place).map(AzurePlace::Container),
        false => service(checks, table, feed, place),
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

/// Reports a setting that stands beside one that says the same.
fn stands_beside(checks: &mut Checks<'_, '_>, place: &SettingPlace, other: &str) {
    let wrong = format!("stands beside `{other}`");
    checks.problem(place, wrong, "remove one of them");
}

fn subscriptions(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<Vec<Tenant>> {
    const UNFIT: (&str, &str) = (
        "is not the id of a subscription",
        "write its 32 hexadecimal digits with hyphens",
    );
    let read = |id: &str| is_id(id).then(|| id.to_ascii_lowercase());
    let (one, several) = (place.key("subscription"), place.key("subscriptions"));
    match (&table.subscription, &table.subscriptions) {
        (Some(_), Some(_)) => {
            stands_beside(checks, &several, "subscription");
            None
        }
        (None, Some(ids)) => names(checks, ids, &several, read, UNFIT),
        (Some(id), None) => match read(id) {
            Some(id) => Some(vec![Tenant::Named(id)]),
            None => {
                checks.problem(&one, UNFIT.0, UNFIT.1);
                None
            }
        },
        (None, None) => {
            let example = "subscription = \"aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e\"";
            is_missing(checks, &one, example);
            None
        }
    }
}

fn factories(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<Vec<Tenant>> {
    const UNFIT: (&str, &str) = (
        "is not the resource id of a factory",
        "write it as the portal shows it, or as subscription/resource group/name",
    );
    let parts = [
        ("subscription", &table.subscription),
        ("resource_group", &table.resource_group),
        ("factory", &table.factory),
    ];
    if let Some(ids) = &table.factories {
        let at = place.key("factories");
        let others = parts.iter().filter(|(_, part)| part.is_some());
        let others: Vec<&str> = others.map(|(key, _)| *key).collect();
        if let Some(other) = others.first() {
            stands_beside(checks, &at, other);
            return None;
        }
        if table.subscriptions.is_some() {
            stands_beside(checks, &at, "subscriptions");
            return None;
        }
        return names(checks, ids, &at, factory, UNFIT);
    }
    if table.subscriptions.is_some() {
        checks.problem(
            &place.key("subscriptions"),
            "does not say which factory is read",
            "write `subscription`, `resource_group` and `factory`, or `factories`",
        );
        return None;
    }
    let mut written = Vec::new();
    for (key, part) in parts {
        match part {
            Some(part) => written.push(part.as_str()),
            None => {
                let example =
                    "subscription = \"…\", resource_group = \"data\" and factory = \"sales\"";
                is_missing(checks, &place.key(key), example);
            }
        }
    }
    let [subscription, group, name] = written[..] else {
        return None;
    };
    let named = factory(&format!("{subscription}/{group}/{name}"));
    if named.is_none() {
        checks.problem(
            &place.key("factory"),
            UNFIT.0,
            "write the names as the portal shows them",
        );
    }
    Some(vec![Tenant::Named(named?)])
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
    feed: AzureFeed,
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
        feed,
        url: url?,
        auth: auth?,
    })
}

fn container(
    checks: &mut Checks<'_, '_>,
    table: &AzureTable,
    place: &SettingPlace,
) -> Option<StoreLocation> {
    let at = place.key("bucket");
    let Some(bucket) = &table.bucket else {
        let example = "bucket = { url = \"az://insights-activity-logs\" }";
        is_missing(checks, &at, example);
        return None;
    };
    let location = bucket.check(checks, &at)?;
    if location.url.path().contains("resourceId=") {
        checks.problem(
            &at.key("url"),
            "is not the location of the container alone",
            "remove `resourceId=` and what follows",
        );
        return None;
    }
    Some(location)
}

#[cfg(test)]
mod tests;
