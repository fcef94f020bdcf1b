//! How an HTTP API is described.

mod check;
mod columns;
mod places;
mod tables;
#[cfg(test)]
mod tests;

use self::tables::{ColumnTable, PagingTable, RecordsTable, RequestTable, WindowTable};
use super::client::{DescribedFeed, FeedDescription};
use super::mapping::DescribedMapping;
use crate::http::Auth;
use crate::settings::checks::Checks;
use crate::settings::problem::SettingPlace;
use crate::settings::{NamedSecret, SecretRef};
use crate::source::cursor::Cursor;
use crate::source::http::{Client, HttpSettings, RequestQuota};
use crate::source::platform::sign_in::AuthTable;
use crate::source::platform::{Endpoint, FeedTable, Opening, Platform, PlatformTable};
use crate::source::{Mapping, ProofLimit, Source, SourceError, Tenant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// `[[source]]` of an HTTP API.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct HttpTable {
    #[serde(flatten)]
    pub(crate) feed: FeedTable,
    /// Address of the API's server, without the path of the request.
    #[schemars(example = "https://api.example.com")]
    pub(crate) url: String,
    /// How to ask for records.
    pub(crate) request: RequestTable,
    /// Tenants to read, each a feed of its own, if a request is about one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["main"], length(min = 1))]
    pub(crate) tenants: Option<Vec<String>>,
    /// How a window of time is asked for.
    ///
    /// Without it, windows are cut out of the whole list, which is read for each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "from": { "query": "from" }, "to": { "query": "to" } }))]
    pub(crate) window: Option<WindowTable>,
    /// How responses continue each other.
    ///
    /// Without it, a single response has all records of a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = json!({ "kind": "offset", "send": { "query": "offset" } }))]
    pub(crate) paging: Option<PagingTable>,
    /// Where records are in a response, and what identifies them.
    pub(crate) records: RecordsTable,
    /// Where the values of columns come from, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = json!({ "action": "/type", "actor_uid": "/userId" }))]
    pub(crate) columns: BTreeMap<String, ColumnTable>,
    /// Version of `columns`, stored in every row; raise it when you change them.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) mapping_version: u32,
    /// Maximum requests a minute.
    #[serde(default = "six_hundred")]
    #[schemars(range(min = 1, max = 60_000))]
    pub(crate) requests_per_minute: u32,
    /// How to sign in.
    pub(crate) auth: AuthTable,
}

fn one() -> u32 {
    1
}

fn six_hundred() -> u32 {
    600
}

/// An HTTP API and how it is read.
#[derive(Debug, Clone)]
pub struct DescribedApi {
    /// Address, without a slash at its end, credentials or query.
    pub url: Url,
    /// How to sign in.
    pub auth: Auth<SecretRef>,
    /// How it is asked and how it answers.
    pub description: FeedDescription,
    /// How its records become events.
    pub mapping: Arc<DescribedMapping>,
    /// Names of tenants, each once; none where the API is not asked about one.
    pub tenants: Vec<String>,
    /// Most requests a minute.
    pub requests_per_minute: u32,
}

impl PlatformTable for HttpTable {
    fn feed(&self) -> &FeedTable {
        &self.feed
    }

    fn check(
        &self,
        checks: &mut Checks<'_, '_>,
        place: &SettingPlace,
    ) -> Option<Arc<dyn Platform>> {
        Some(Arc::new(check::api(checks, self, place)?))
    }
}

impl Platform for DescribedApi {
    fn mapping(&self) -> &dyn Mapping {
        &*self.mapping
    }

    fn tenants(&self) -> Vec<Tenant> {
        match self.tenants.is_empty() {
            true => vec![Tenant::All],
            false => self.tenants.iter().cloned().map(Tenant::Named).collect(),
        }
    }

    fn limits(&self) -> Vec<ProofLimit> {
        self.description.limits()
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        Endpoint::of(&self.url, &self.auth)
    }

    fn secrets(&self) -> Vec<NamedSecret> {
        self.auth.secrets()
    }

    fn open(&self, opening: &Opening) -> Result<Arc<dyn Source>, SourceError> {
        let settings = HttpSettings {
            quota: Some(RequestQuota {
                requests: self.requests_per_minute,
                per: Duration::from_secs(60),
            }),
            ..opening.http(self.url.clone(), self.auth.lazily_read())
        };
        let client = Client::new(settings, opening.wording)?;
        let description = self.description.clone();
        let feed = DescribedFeed::new(client, description, self.mapping.clone(), self.tenants())?;
        Ok(Arc::new(Cursor::new(feed)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
