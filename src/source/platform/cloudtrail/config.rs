//! How CloudTrail is configured.

use super::client::digest::PublicKeys;
use super::client::lookup::{EventHistory, KEPT};
use super::client::trail::CloudTrail;
use super::client::{EventSources, FeedPlace, STEP_FUNCTIONS, api};
use super::mapping::CloudTrailMapping;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::store::{
    BucketTable, OptionValue, StoreLocation, StoreOption, exposed, load_options, secrets_of,
};
use crate::settings::{NamedSecret, SecretError};
use crate::source::cursor::Cursor;
use crate::source::http::{AwsAuth, Client, HttpSettings};
use crate::source::objects::ObjectFeed;
use crate::source::platform::{
    Endpoint, EndpointRole, FeedTable, Opening, Platform, PlatformTable,
};
use crate::source::{Mapping, ProofLimit, Source, SourceError, Tenant};
use crate::store::{StorePurpose, aws_credentials};
use crate::waits::Waits;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

mod check;

/// `[[source]]` of CloudTrail.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct CloudTrailTable {
    #[serde(flatten)]
    pub(crate) common: FeedTable,
    /// The bucket of a trail, without `AWSLogs`. Either this or `lookup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "url": "s3://acme-trails/prefix" }))]
    pub(crate) bucket: Option<BucketTable>,
    /// Event history of the last 90 days, instead of a bucket.
    ///
    /// It has no data events and is read at two requests a second. One is read by the arrival of files, the other by the time of the acts, so each needs a source of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "region": "eu-central-1" }))]
    pub(crate) lookup: Option<LookupTable>,
    /// Accounts to read, by id; of event history the one that the credentials belong to.
    #[schemars(example = ["123456789012"], length(min = 1))]
    pub(crate) accounts: Vec<String>,
    /// Regions to read. Each account is read in each of them.
    ///
    /// With `lookup`, its `region` may stand instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["eu-central-1", "us-east-1"], length(min = 1))]
    pub(crate) regions: Option<Vec<String>>,
    /// Id of the organization, for the trail of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "o-abc123defg")]
    pub(crate) organization: Option<String>,
    /// Services whose events are read, by their `eventSource`; "all" for all.
    #[serde(default = "step_functions")]
    #[schemars(example = ["states.amazonaws.com"])]
    pub(crate) event_sources: EventSourcesTable,
    /// Warn of accounts and regions that the bucket has and that are not read.
    #[serde(default = "yes")]
    pub(crate) warn_unread: bool,
    /// Follow the digests beside the files, which prove that no file was altered or deleted.
    #[serde(default = "yes")]
    pub(crate) validate_digests: bool,
    /// Address of the API that has the keys of digests.
    ///
    /// Where it is not that of the region, but a VPC endpoint for example. With `lookup` it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "https://cloudtrail.example.com")]
    pub(crate) endpoint: Option<String>,
}

/// Event history, and how it is reached.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupTable {
    /// The region whose history is read; `regions` of the source for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "eu-central-1")]
    pub(crate) region: Option<String>,
    /// Address of the API, where it is not that of the region.
    ///
    /// A VPC endpoint, for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = "https://cloudtrail.example.com")]
    pub(crate) endpoint: Option<String>,
    /// Credentials, by the names that an object store of AWS has for them in the Rust crate object_store.
    ///
    /// Without any, credentials are found as AWS's own tools find them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({ "aws_profile": "audit" }))]
    pub(crate) options: BTreeMap<String, OptionValue>,
}

/// Which services are read, as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EventSourcesTable {
    /// "all".
    All(AllServices),
    /// Some, by their names.
    Named(Vec<String>),
}

/// Every service.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AllServices {
    /// Every service.
    All,
}

fn step_functions() -> EventSourcesTable {
    EventSourcesTable::Named(vec![STEP_FUNCTIONS.to_owned()])
}

fn yes() -> bool {
    true
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
        Some(Arc::new(check::check(self, checks, place)?))
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
                quota: Some(api::QUOTA),
                waits: waits.clone(),
                ..opening.http(base, auth)
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
    fn mapping(&self) -> &dyn Mapping {
        &CloudTrailMapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        let places = self.places();
        places
            .map(|place| Tenant::Named(place.to_string()))
            .collect()
    }

    fn horizon(&self) -> Option<TimeDelta> {
        match &self.reads {
            TrailPlace::Bucket { .. } => None,
            TrailPlace::History(_) => Some(KEPT),
        }
    }

    fn limits(&self) -> Vec<ProofLimit> {
        match &self.reads {
            TrailPlace::Bucket { .. } => Vec::new(),
            TrailPlace::History(_) => vec![ProofLimit::NoTotal],
        }
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

#[cfg(test)]
mod tests;
