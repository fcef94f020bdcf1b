//! Kestra Enterprise Edition: the audit-log search of its REST API, EE 0.2x to 2.x.
//!
//! The search pages by offset, sorts by `date` without a tie-breaker, and ignores parameters that
//! it does not know. There is no cursor and no export that could be relied on, so windows are read
//! in slices that one response holds.

mod dialect;
mod mapping;
pub mod normalise;
pub mod origins;
pub mod page;
#[cfg(test)]
mod tests;

pub use dialect::Dialect;

use super::http::{Client, Misfit};
use super::read::new_year;
use super::{
    Capabilities, ClockReading, Identity, Narrow, Page, PageRequest, Source, SourceError, Tenant,
    Unidentified,
};
use crate::event::Event;
use crate::event::unfit::Unfit;
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::TimeDelta;

/// Most rows of a page: Kestra 2.x refuses more with 422, and earlier versions do well with it.
const PAGE_CAP: u32 = 1000;

/// A backend that searches with Elasticsearch counts no further than this.
const COUNT_CAP: u64 = 10_000;

/// The year of the request that must return nothing.
const CONTROL_YEAR: i32 = 2999;

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
    capabilities: Capabilities,
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
            capabilities: Capabilities {
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
        self.capabilities.page_cap = rows.clamp(1, PAGE_CAP);
        self
    }

    /// The generation of the interface that is spoken.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

#[async_trait]
impl Source for Kestra {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        let window = new_year(CONTROL_YEAR)
            .and_then(|from| Window::new(from, from + TimeDelta::days(1)))
            .ok_or_else(|| SourceError::Settings {
                message: "the calendar ends too early".to_owned(),
            })?;
        let request = PageRequest::first(tenant.clone(), window, 2);
        let page = self.page(&request).await?;
        let rows = page.total.unwrap_or(0).max(page.records.len() as u64);
        // Somebody's clock may really have been there, so rows of that day prove nothing.
        let of_that_day = |record: &super::Returned| {
            self.identify(&record.record)
                .is_ok_and(|identity| window.from <= identity.time && identity.time <= window.to)
        };
        let explained = !page.records.is_empty() && page.records.iter().all(of_that_day);
        if rows > 0 && page.records.is_empty() {
            return Err(SourceError::Contradicts {
                message: format!(
                    "for {window} of {tenant} it counts {rows} but returns no records"
                ),
            });
        }
        if rows > 0 && !explained {
            return Err(SourceError::FiltersIgnored {
                tenant: tenant.to_string(),
                window,
                rows,
            });
        }
        Ok(())
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

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        normalise::identify(record)
    }

    fn is_actor(&self, record: &[u8], user: &[u8]) -> bool {
        normalise::is_actor(record, user)
    }

    fn normalise<'a>(&self, record: &'a [u8], user: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        normalise::normalise(record, user)
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
