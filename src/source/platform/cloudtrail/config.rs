//! How CloudTrail is configured.

use super::client::digest::PublicKeys;
use super::client::lookup::EventHistory;
use super::client::trail::CloudTrail;
use super::client::{EventSources, FeedPlace, STEP_FUNCTIONS, api, is_account};
use super::mapping::CloudTrailMapping;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{
    OptionValue, StoreLocation, StoreOption, check_options, check_url, exposed, load_options,
    secrets_of,
};
use crate::settings::{NamedSecret, SecretError};
use crate::source::cursor::Cursor;
use crate::source::http::{AwsAuth, Client, HttpSettings, Retry};
use crate::source::objects::ObjectFeed;
use crate::source::platform::{
    Endpoint, EndpointRole, FeedTable, Opening, Platform, PlatformTable,
};
use crate::source::{Mapping, Source, SourceError, Tenant};
use crate::store::{StoreKind, StorePurpose, aws_credentials};
use crate::waits::Waits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// `[[source]]` of CloudTrail.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct CloudTrailTable {
    #[serde(flatten)]
    pub(crate) common: FeedTable,
    /// What is read: "trail" for files in a bucket, "lookup" for event history.
    ///
    /// Event history is of the last 90 days, has no data events and is read at two requests a second. One is read by the arrival of files, the
    /// other by the time of the acts, so each needs a source of its own.
    #[serde(default)]
    #[schemars(example = &"trail")]
    pub(crate) feed: TrailFeed,
    /// Bucket and prefix of the trail, without `AWSLogs`; with `feed = "trail"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "s3://acme-trails/prefix")]
    pub(crate) location: Option<String>,
    /// Options of the object store, by their names in the Rust crate object_store.
    ///
    /// "lookup" takes its credentials from them. Without any, credentials are found as AWS's own tools find them.
    #[serde(default)]
    #[schemars(example = json!({ "aws_region": "eu-central-1" }))]
    pub(crate) options: BTreeMap<String, OptionValue>,
    /// Accounts to read, by id; of event history the one that the credentials belong to.
    #[schemars(example = ["123456789012"], length(min = 1))]
    pub(crate) accounts: Vec<String>,
    /// Regions to read. Each account is read in each of them.
    #[schemars(example = ["eu-central-1", "us-east-1"], length(min = 1))]
    pub(crate) regions: Vec<String>,
    /// Id of the organization, for the trail of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "o-abc123defg")]
    pub(crate) organization: Option<String>,
    /// Services whose events are read, by their `eventSource`; ["*"] for all.
    #[serde(default = "step_functions")]
    #[schemars(example = ["states.amazonaws.com"], length(min = 1))]
    pub(crate) event_sources: Vec<String>,
    /// Warn of accounts and regions that the bucket has and that are not read.
    #[serde(default = "yes")]
    pub(crate) warn_unread: bool,
    /// Follow the digests beside the files, which prove that no file was altered or deleted.
    #[serde(default = "yes")]
    pub(crate) follow_digests: bool,
    /// Address of the API, where it is not that of the region.
    ///
    /// A VPC endpoint, for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "https://cloudtrail.example.com")]
    pub(crate) endpoint: Option<String>,
}

fn step_functions() -> Vec<String> {
    vec![STEP_FUNCTIONS.to_owned()]
}

fn yes() -> bool {
    true
}

/// What is read of CloudTrail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrailFeed {
    /// The files that a trail delivers to a bucket.
    #[default]
    Trail,
    /// The event history of the last 90 days.
    Lookup,
}

/// How to read CloudTrail.
#[derive(Debug, Clone)]
pub struct CloudTrailSettings {
    /// What is read.
    pub reads: TrailPlace,
    /// Accounts, each in every region; at least one.
    pub accounts: Vec<String>,
    /// Regions, at least one.
    pub regions: Vec<String>,
    /// The services whose events are read.
    pub event_sources: EventSources,
}

/// Where events are read.
#[derive(Debug, Clone)]
pub enum TrailPlace {
    /// In the files of a trail.
    Bucket {
        /// What holds `AWSLogs`.
        location: StoreLocation,
        /// The organisation, where the trail is that of one.
        organisation: Option<String>,
        /// Whether what is in the bucket and not read is warned of.
        warns_of_unread: bool,
        /// Who gives the keys of digests; none where they are not followed.
        digests: Option<TrailApi>,
    },
    /// In event history.
    History(TrailApi),
}

/// How the API is reached.
#[derive(Debug, Clone)]
pub struct TrailApi {
    /// Its address, where it is not that of the region.
    pub endpoint: Option<Url>,
    /// Options that hold credentials.
    pub options: BTreeMap<String, StoreOption>,
}

impl PlatformTable for CloudTrailTable {
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

impl CloudTrailSettings {
    fn places(&self) -> impl Iterator<Item = FeedPlace> {
        let organisation = match &self.reads {
            TrailPlace::Bucket { organisation, .. } => organisation.as_ref(),
            TrailPlace::History(_) => None,
        };
        self.accounts.iter().flat_map(move |account| {
            self.regions.iter().map(move |region| FeedPlace {
                organisation: organisation.cloned(),
                account: account.clone(),
                region: region.clone(),
            })
        })
    }

    fn open_trail(
        &self,
        location: &StoreLocation,
        opening: &Opening,
    ) -> Result<CloudTrail, SourceError> {
        let bucket = location
            .open_for(StorePurpose::Source)
            .map_err(unreadable)?;
        let bucket = bucket.map_err(|error| SourceError::Settings {
            message: error.to_string(),
        })?;
        let wanted = self.event_sources.clone();
        CloudTrail::new(bucket, wanted, opening.wording, self.tenants())
    }

    /// A client of the API for each region.
    fn clients(
        &self,
        api: &TrailApi,
        opening: &Opening,
    ) -> Result<BTreeMap<String, Client>, SourceError> {
        let options = exposed(load_options(&api.options).map_err(unreadable)?);
        let waits = Waits::default();
        let clients = self.regions.iter().map(|region| {
            let base = match &api.endpoint {
                Some(endpoint) => endpoint.clone(),
                None => api::address(region)?,
            };
            let credentials = aws_credentials(region, &options);
            let credentials = credentials.map_err(|error| SourceError::Settings {
                message: error.to_string(),
            })?;
            let auth = Auth::Aws(AwsAuth {
                credentials,
                service: api::SERVICE.to_owned(),
                region: region.clone(),
            });
            let settings = HttpSettings {
                timeout: opening.timeout,
                response_bytes: opening.max_response,
                concurrency: usize::try_from(opening.concurrency).unwrap_or(usize::MAX),
                quota: Some(api::QUOTA),
                retry: Retry {
                    patience: opening.patience,
                    ..Retry::default()
                },
                waits: waits.clone(),
                ..HttpSettings::new(base, auth)
            };
            Ok((region.clone(), api::client(settings, opening.wording)?))
        });
        clients.collect()
    }
}

fn unreadable(error: SecretError) -> SourceError {
    SourceError::Credential {
        message: error.to_string(),
    }
}

impl Platform for CloudTrailSettings {
    fn mapping(&self) -> &'static dyn Mapping {
        &CloudTrailMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        let places = self.places();
        places
            .map(|place| Tenant::Named(place.to_string()))
            .collect()
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let urls: Vec<Url> = match &self.reads {
            TrailPlace::Bucket { location, .. } => location.service_url().into_iter().collect(),
            TrailPlace::History(TrailApi {
                endpoint: Some(endpoint),
                ..
            }) => vec![endpoint.clone()],
            TrailPlace::History(_) => {
                let regions = self.regions.iter();
                regions
                    .filter_map(|region| api::address(region).ok())
                    .collect()
            }
        };
        let endpoint = |url| Endpoint {
            role: EndpointRole::Records,
            url,
        };
        urls.into_iter().map(endpoint).collect()
    }

    fn secrets(&self) -> Vec<NamedSecret> {
        match &self.reads {
            TrailPlace::Bucket { location, .. } => secrets_of(&location.options),
            TrailPlace::History(api) => secrets_of(&api.options),
        }
    }

    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError> {
        match &self.reads {
            TrailPlace::Bucket {
                location,
                warns_of_unread,
                digests,
                ..
            } => {
                let mut trail = self.open_trail(location, opening)?;
                if !warns_of_unread {
                    trail = trail.without_remarks();
                }
                if let Some(api) = digests {
                    let keys = PublicKeys::new(self.clients(api, opening)?);
                    trail = trail.following_digests(keys);
                }
                Ok(Arc::new(ObjectFeed::new(trail)))
            }
            TrailPlace::History(api) => {
                let clients = self.clients(api, opening)?;
                let account = self.accounts.first().map_or("", String::as_str);
                let history = EventHistory::new(account, clients, &self.event_sources)?;
                Ok(Arc::new(Cursor::new(history)))
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn check(
    table: &CloudTrailTable,
    checks: &mut Checks<'_, '_>,
    place: &SettingPlace,
) -> Option<CloudTrailSettings> {
    let accounts = names(
        checks,
        &table.accounts,
        &place.key("accounts"),
        is_account,
        (
            "is not the id of an account",
            "write its 12 digits, as text",
        ),
    );
    let regions = names(
        checks,
        &table.regions,
        &place.key("regions"),
        is_region,
        (
            "is not the name of a region",
            "write for example \"eu-central-1\"",
        ),
    );
    let event_sources = event_sources(checks, table, &place.key("event_sources"));
    let reads = match table.feed {
        TrailFeed::Trail => bucket(checks, table, place),
        TrailFeed::Lookup => history(checks, table, place),
    };
    Some(CloudTrailSettings {
        reads: reads?,
        accounts: accounts?,
        regions: regions?,
        event_sources: event_sources?,
    })
}

fn is_region(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.contains('-') && text.chars().all(fits)
}

/// Names that are each fit and listed once.
fn names(
    checks: &mut Checks<'_, '_>,
    names: &[String],
    place: &SettingPlace,
    fits: fn(&str) -> bool,
    (wrong, action): (&str, &str),
) -> Option<Vec<String>> {
    let before = checks.problems.len();
    for (index, name) in names.iter().enumerate() {
        if !fits(name) {
            checks.problem(&place.index(index), wrong, action);
        } else if names[..index].contains(name) {
            checks.problem(&place.index(index), "is listed twice", "remove it");
        }
    }
    (checks.problems.len() == before).then(|| names.to_vec())
}

fn event_sources(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<EventSources> {
    if table.event_sources == ["*"] {
        return Some(EventSources::All);
    }
    let is_service = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        text.contains('.') && text.chars().all(fits)
    };
    let named = names(
        checks,
        &table.event_sources,
        place,
        is_service,
        (
            "is not the name of a service",
            "write for example \"states.amazonaws.com\", or [\"*\"] alone for all services",
        ),
    )?;
    if table.feed == TrailFeed::Lookup && named.len() > 1 {
        checks.problem(
            place,
            "names several services, and event history is looked up for one or for all",
            "write one, or [\"*\"], or a source for each",
        );
        return None;
    }
    Some(EventSources::Only(
        named.into_iter().map(Into::into).collect(),
    ))
}

fn bucket(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<TrailPlace> {
    let url_place = place.key("location");
    let Some(location) = &table.location else {
        checks.problem(
            &url_place,
            "is missing",
            "write for example location = \"s3://acme-trails/prefix\", or feed = \"lookup\"",
        );
        return None;
    };
    let endpoint = endpoint(checks, table, place);
    let url = check_url(checks, location, &url_place);
    let kind = url
        .as_ref()
        .and_then(|url| StoreKind::from_scheme(url.scheme()));
    let options = check_options(checks, &table.options, kind, &place.key("options"));
    if url
        .as_ref()
        .is_some_and(|url| url.path().contains("/AWSLogs"))
    {
        checks.problem(
            &url_place,
            "is not the location of the trail alone",
            "remove `AWSLogs` and what follows",
        );
        return None;
    }
    let organisation = table.organization.as_deref();
    if organisation.is_some_and(|id| !is_organisation(id)) {
        checks.problem(
            &place.key("organization"),
            "is not the id of an organization",
            "write for example \"o-abc123defg\"",
        );
        return None;
    }
    let location = StoreLocation {
        url: url?,
        options: options?,
    };
    let api = TrailApi {
        endpoint: endpoint?,
        // The credentials of other stores are none of AWS.
        options: match location.url.scheme() {
            "s3" => location.options.clone(),
            _ => BTreeMap::new(),
        },
    };
    Some(TrailPlace::Bucket {
        location,
        organisation: table.organization.clone(),
        warns_of_unread: table.warn_unread,
        digests: table.follow_digests.then_some(api),
    })
}

fn is_organisation(text: &str) -> bool {
    let id = text.strip_prefix("o-").unwrap_or_default();
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric())
}

fn history(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<TrailPlace> {
    let before = checks.problems.len();
    for (key, is_set) in [
        ("location", table.location.is_some()),
        ("organization", table.organization.is_some()),
    ] {
        if is_set {
            checks.problem(
                &place.key(key),
                "is of a trail, and event history is read",
                "remove it, or write feed = \"trail\"",
            );
        }
    }
    if table.accounts.len() > 1 {
        checks.problem(
            &place.key("accounts"),
            "has several accounts, and event history is that of the credentials' account",
            "write one account, and a source for each of the others with credentials of its own",
        );
    }
    let endpoint = endpoint(checks, table, place)?;
    let options = check_options(
        checks,
        &table.options,
        Some(StoreKind::S3),
        &place.key("options"),
    )?;
    let api = TrailApi { endpoint, options };
    (checks.problems.len() == before).then_some(TrailPlace::History(api))
}

/// The address of the API, if one is set; `None` where a problem was reported.
fn endpoint(
    checks: &mut Checks<'_, '_>,
    table: &CloudTrailTable,
    place: &SettingPlace,
) -> Option<Option<Url>> {
    match &table.endpoint {
        None => Some(None),
        Some(text) => address(checks, text, &place.key("endpoint")).map(Some),
    }
}

fn address(checks: &mut Checks<'_, '_>, text: &str, place: &SettingPlace) -> Option<Url> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| {
        let is_http = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        is_http && is_bare
    });
    if url.is_none() {
        checks.problem(
            place,
            "is not the address of an API",
            "write for example \"https://cloudtrail.example.com\"",
        );
    }
    url
}

#[cfg(test)]
mod tests;
