//! The client of UiPath's audit logs: one chain of responses for each.

mod archive;
mod orchestrator;
mod store;
#[cfg(test)]
mod tests;
mod unified;

use super::mapping::UiPathMapping;
use crate::event::json;
use crate::event::time;
use crate::source::cursor::{Chain, Chaining, LinkRequest, Reply};
use crate::source::http::Client;
use crate::source::{Axis, ClockReading, Mapping, ProofLimit, SourceError, Tenant};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;
use url::Url;

/// An audit log of UiPath.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UiPathFeed {
    /// What is done in Orchestrator: jobs, robots, assets, queues, folders, users and roles.
    #[default]
    Orchestrator,
    /// What is done in the other services of the platform: sign-ins, governance, licences. 90 days of it.
    Unified,
    /// The same for two years, in files of one day.
    LongTermStore,
}

/// An audit log of an organization, read in chains.
pub struct UiPath {
    client: Client,
    feed: UiPathFeed,
    tenants: Vec<Tenant>,
    chaining: Chaining,
    since: Option<DateTime<Utc>>,
    /// Whether Orchestrator refuses to filter by id, so that rows are skipped instead.
    skips: AtomicBool,
}

impl UiPath {
    /// Reads `feed` of the organization that `client` leads to, or of a standalone Orchestrator where its address
    /// has no path. [`Tenant::All`] is the organization itself.
    ///
    /// # Errors
    /// [`SourceError::Settings`] when no tenant is given, or one that the feed cannot have.
    pub fn new(
        client: Client,
        feed: UiPathFeed,
        tenants: Vec<Tenant>,
    ) -> Result<Self, SourceError> {
        let refuse = |message: &str| {
            Err(SourceError::Settings {
                message: message.to_owned(),
            })
        };
        // URLs drop these parts of a path.
        let unfit = |tenant: &Tenant| matches!(tenant.name(), Some("" | "." | ".."));
        if tenants.is_empty() || tenants.iter().any(unfit) {
            return refuse("no tenant is given, or one that cannot be part of a URL path");
        }
        if feed == UiPathFeed::Orchestrator && (tenants.len() > 1 || tenants[0] == Tenant::All) {
            return refuse("records of Orchestrator are read of one tenant");
        }
        if client.base().cannot_be_a_base() {
            return refuse("the address cannot have a path");
        }
        Ok(Self {
            client,
            feed,
            tenants,
            chaining: chaining(feed),
            since: None,
            skips: AtomicBool::new(false),
        })
    }

    /// The same, asking for at most so many rows in one response; never more than the feed allows.
    #[must_use]
    pub fn with_page_size(mut self, rows: u32) -> Self {
        self.chaining.page_cap = rows.clamp(1, chaining(self.feed).page_cap);
        self
    }

    /// The same, with the oldest record searched from `since` on.
    #[must_use]
    pub fn with_start(mut self, since: DateTime<Utc>) -> Self {
        self.since = Some(since);
        self
    }

    /// The address of an interface of Orchestrator.
    fn orchestrator(&self, tenant: &Tenant, path: &[&str]) -> Url {
        let base = self.client.base();
        // A standalone Orchestrator reads the tenant of the credentials.
        let is_standalone = base.path().trim_matches('/').is_empty();
        match tenant.name().filter(|_| !is_standalone) {
            Some(tenant) => below(base, &[&[tenant, "orchestrator_"], path].concat()),
            None => below(base, path),
        }
    }

    /// The address of an interface of the unified audit.
    fn audit(&self, tenant: &Tenant, name: &str) -> Url {
        let base = self.client.base();
        let path = ["api", "query", name];
        match tenant.name() {
            Some(tenant) => below(base, &[&[tenant, "tenantaudit_"], &path[..]].concat()),
            None => below(base, &[&["orgaudit_"], &path[..]].concat()),
        }
    }
}

/// How long a feed has records.
pub(super) const fn kept(feed: UiPathFeed) -> Option<TimeDelta> {
    match feed {
        // Records stay until an administrator or the plan of the tenant lets them go.
        UiPathFeed::Orchestrator => None,
        UiPathFeed::Unified => Some(unified::KEPT),
        UiPathFeed::LongTermStore => Some(store::KEPT),
    }
}

/// How a feed continues.
fn chaining(feed: UiPathFeed) -> Chaining {
    let (page_cap, tick, arrival) = match feed {
        UiPathFeed::Orchestrator => (
            orchestrator::PAGE_CAP,
            orchestrator::MARGIN,
            // A call is recorded under the time of its beginning once it is over.
            TimeDelta::minutes(10),
        ),
        UiPathFeed::Unified => (unified::PAGE_CAP, unified::MARGIN, TimeDelta::minutes(30)),
        UiPathFeed::LongTermStore => (
            // Whatever is asked for, the response is a day.
            1,
            TimeDelta::days(1),
            TimeDelta::days(2),
        ),
    };
    Chaining {
        axis: Axis::Event,
        page_cap,
        tick,
        arrival,
        horizon: kept(feed),
        limits: vec![ProofLimit::NoTotal],
    }
}

/// The address of a path below another address.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// A window and `margin` around it.
fn wider(window: Window, margin: TimeDelta) -> Window {
    Window {
        from: window
            .from
            .checked_sub_signed(margin)
            .unwrap_or(window.from),
        to: window.to.checked_add_signed(margin).unwrap_or(window.to),
    }
}

/// The instant that a member of a record states, where it can be read.
fn time_in(record: &[u8], name: &str) -> Option<DateTime<Utc>> {
    let [value] = json::named_in(record, [name]);
    time::parse(&json::text(value, record)?).ok()
}

#[async_trait]
impl Chain for UiPath {
    fn chaining(&self) -> &Chaining {
        &self.chaining
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &UiPathMapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        match self.feed {
            UiPathFeed::Orchestrator => orchestrator::link(self, request).await,
            UiPathFeed::Unified => unified::link(self, request).await,
            UiPathFeed::LongTermStore => store::link(self, request).await,
        }
    }

    fn earliest(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let kept = self.chaining.horizon?;
        let oldest = until.checked_sub_signed(kept + TimeDelta::days(1))?;
        // Each day of the store costs a request.
        match self
            .since
            .filter(|_| self.feed == UiPathFeed::LongTermStore)
        {
            Some(since) => Some(oldest.max(since)),
            None => Some(oldest),
        }
    }

    fn clock(&self) -> Option<ClockReading> {
        self.client.clock()
    }

    fn requests(&self) -> u64 {
        self.client.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        Some(self.client.waits())
    }
}
