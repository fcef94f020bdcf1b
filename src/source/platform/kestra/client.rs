//! The client of Kestra's audit-log search.

mod dialect;
pub mod page;
#[cfg(test)]
mod tests;

pub use dialect::Dialect;

use super::mapping::KestraMapping;
use crate::source::http::{Client, Misfit};
use crate::source::paged::{Narrow, Page, PageRequest, Pages, Paging};
use crate::source::{ClockReading, Mapping, SourceError, Tenant};
use crate::waits::Waits;
use async_trait::async_trait;
use chrono::TimeDelta;

/// Most rows of a page: Kestra 2.x refuses more with 422, and earlier versions do well with it.
const PAGE_CAP: u32 = 1000;

/// A backend that searches with Elasticsearch counts no further than this.
const COUNT_CAP: u64 = 10_000;

/// Actions of EE 0.2x to 2.x.
const ACTIONS: [&str; 11] = [
    "ACCOUNT_LOCKED",
    "CREATE",
    "DELETE",
    "IMPERSONATE",
    "LOGIN",
    "LOGIN_FAILURE",
    "LOGOUT",
    "PROMOTE",
    "READ",
    "UNKNOWN",
    "UPDATE",
];

/// Kinds of resource that can have many records at one instant. Those that are missing here are
/// found by other pages.
const RESOURCES: [&str; 12] = [
    "APP_EXECUTION",
    "ASSET",
    "BINDING",
    "EXECUTION",
    "FLOW",
    "GROUP",
    "NAMESPACE_FILE",
    "ROLE",
    "SECRET",
    "TESTSUITE_RUN",
    "TRIGGER",
    "USER",
];

/// A Kestra instance.
pub struct Kestra {
    client: Client,
    dialect: Dialect,
    tenants: Vec<Tenant>,
    paging: Paging,
}

impl Kestra {
    /// Reads the given tenants of the instance that `client` leads to.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when there is no tenant, or one whose name cannot be part of a
    /// path.
    pub fn new(
        client: Client,
        dialect: Dialect,
        tenants: Vec<Tenant>,
    ) -> Result<Self, SourceError> {
        let refuse = |message: &str| {
            Err(SourceError::Settings {
                message: message.to_owned(),
            })
        };
        if tenants.is_empty() {
            return refuse("no tenant is given");
        }
        // URLs drop these parts of a path, and without a tenant the path means all tenants.
        let unfit = |tenant: &Tenant| matches!(tenant.name(), Some("" | "." | ".."));
        if tenants.iter().any(unfit) {
            return refuse("a tenant has a name that cannot be part of a URL path");
        }
        if client.base().cannot_be_a_base() {
            return refuse("the address cannot have a path");
        }
        Ok(Self {
            client,
            dialect,
            tenants,
            paging: Paging {
                counts_trusted: true,
                count_cap: Some(COUNT_CAP),
                page_cap: PAGE_CAP,
                upper_edge: dialect.upper_edge(),
                // Relational backends keep milliseconds, others more.
                tick: TimeDelta::microseconds(1),
                // Records go through a queue, and with Elasticsearch through an indexer.
                arrival: TimeDelta::minutes(5),
                // Records stay until a purge task of the customer removes them.
                horizon: None,
            },
        })
    }

    /// The same, asking for at most so many rows in one page; never more than the platform allows.
    #[must_use]
    pub fn with_page_size(mut self, rows: u32) -> Self {
        self.paging.page_cap = rows.clamp(1, PAGE_CAP);
        self
    }

    /// The generation of the interface that is spoken.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

#[async_trait]
impl Pages for Kestra {
    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &KestraMapping
    }

    async fn page(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let url = self
            .dialect
            .url(self.client.base(), request)
            .ok_or_else(|| SourceError::Settings {
                message: "the address cannot have a path".to_owned(),
            })?;
        let read = |body| page::parse(&body, request.size).map_err(Misfit::from);
        self.client
            .get(&url, &request.tenant, request.bytes, read)
            .await
    }

    fn narrowings(&self) -> Vec<Narrow> {
        let actions = ACTIONS.map(|action| Narrow::Action(action.into()));
        let resources = RESOURCES.map(|resource| Narrow::Resource(resource.into()));
        actions.into_iter().chain(resources).collect()
    }

    fn clock(&self) -> Option<ClockReading> {
        self.client.clock()
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.client.waits())
    }

    fn requests(&self) -> u64 {
        self.client.requests()
    }
}
