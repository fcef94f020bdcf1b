//! The clients of Azure: Azure Resource Manager, and the container of an export.

mod activity_log;
mod export;
mod pipeline_runs;
#[cfg(test)]
mod tests;

pub use export::ActivityExport;

use super::mapping::AzureMapping;
use crate::event::json::{self, EnvelopeFault, EnvelopeShape, JsonKind};
use crate::event::time;
use crate::source::cursor::{Chain, Chaining, LinkRequest, Reply};
use crate::source::http::Client;
use crate::source::{Axis, ClockReading, Mapping, ProofLimit, Returned, SourceError, Tenant};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// What is read of Azure.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AzureFeed {
    /// Azure's log of what is done to factories, of the last 90 days.
    ActivityLog,
    /// The runs of the pipelines of factories, of the last 45 days.
    PipelineRuns,
    /// The Activity Log as a diagnostic setting exports it to blobs.
    Export,
}

/// A response has as many records as the service likes; this many are expected at most.
const MOST_RECORDS: usize = 10_000;

/// Edges of windows are written in whole microseconds, and are inclusive.
const MARGIN: TimeDelta = TimeDelta::microseconds(1);

/// Azure Resource Manager, read in chains. The feeds of the Activity Log are subscriptions; those of pipeline runs
/// are factories, named `subscription/resource group/factory`.
pub struct ResourceManager {
    client: Client,
    feed: AzureFeed,
    tenants: Vec<Tenant>,
    chaining: Chaining,
}

impl ResourceManager {
    /// Reads `feed` of the service that `client` leads to.
    ///
    /// # Errors
    /// [`SourceError::Settings`] for the export, which is no part of this service, and where no feed is named, or
    /// one as none can be.
    pub fn new(client: Client, feed: AzureFeed, tenants: Vec<Tenant>) -> Result<Self, SourceError> {
        // A subscription, or a factory with its subscription and resource group.
        let parts: &[usize] = match feed {
            AzureFeed::ActivityLog => &[1, 3],
            AzureFeed::PipelineRuns => &[3],
            AzureFeed::Export => &[],
        };
        let is_fit = |tenant: &Tenant| {
            let names: Vec<&str> = tenant
                .name()
                .map_or_else(Vec::new, |it| it.split('/').collect());
            parts.contains(&names.len())
                && !names.iter().any(|name| matches!(*name, "" | "." | ".."))
        };
        if tenants.is_empty() || !tenants.iter().all(is_fit) || client.base().cannot_be_a_base() {
            return Err(SourceError::Settings {
                message: "no feed is named, or one as none can be".to_owned(),
            });
        }
        let arrival = match feed {
            AzureFeed::ActivityLog => TimeDelta::minutes(20),
            AzureFeed::PipelineRuns | AzureFeed::Export => TimeDelta::minutes(1),
        };
        Ok(Self {
            client,
            feed,
            tenants,
            chaining: Chaining {
                axis: Axis::Event,
                // Nobody is asked how many.
                page_cap: 1,
                tick: MARGIN,
                arrival,
                horizon: kept(feed),
                limits: vec![ProofLimit::NoTotal],
            },
        })
    }

    /// The address of a part of the service.
    fn address(&self, path: &[&str], version: &str) -> Url {
        let mut url = self.client.base().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.query_pairs_mut()
            .clear()
            .append_pair("api-version", version);
        url
    }

    /// The time by the service's clock, else by ours.
    fn now(&self) -> DateTime<Utc> {
        self.client
            .clock()
            .map_or_else(Utc::now, |clock| clock.theirs)
    }
}

/// The text of an instant that a question names.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A response taken apart: `{"value": [{…}, …], "nextLink": "…"}`.
struct AzurePage {
    records: Vec<Returned>,
    next: Option<String>,
    bytes: u64,
}

impl AzurePage {
    /// `next` is the member that continues the chain.
    fn read(body: &Bytes, next: &'static str) -> Result<Self, EnvelopeFault> {
        const VALUE: &str = "value";
        let shape = EnvelopeShape {
            items: VALUE,
            others: [next],
            most: MOST_RECORDS,
        };
        let envelope = shape.split(body, |value| {
            Some(Returned {
                is_record: value.kind == JsonKind::Object,
                ..Returned::record(body.slice(value.at..value.end))
            })
        })?;
        let [next] = envelope.others;
        let next = next.text()?.filter(|next| !next.is_empty());
        Ok(Self {
            records: envelope.items.ok_or(EnvelopeFault::NoItems(VALUE))?,
            next: next.map(|next| next.into_owned()),
            bytes: body.len() as u64,
        })
    }

    /// Leaves out what lies just outside a window, by the time in the member `time`: edges are inclusive. What lies
    /// elsewhere shows that they were ignored.
    fn within(&mut self, window: Window, time: &str) {
        let near = Window {
            from: window.from - MARGIN * 2,
            to: window.to + MARGIN * 2,
        };
        self.records.retain(|returned| {
            let [value] = json::named_in(&returned.record, [time]);
            let at = json::text(value, &returned.record[..]);
            let at = at.and_then(|text| time::parse(&text).ok());
            !at.is_some_and(|at| near.contains(at) && !window.contains(at))
        });
    }
}

/// How long Azure has what a feed reads.
pub(super) const fn kept(feed: AzureFeed) -> Option<TimeDelta> {
    match feed {
        AzureFeed::ActivityLog => Some(activity_log::KEPT),
        AzureFeed::PipelineRuns => Some(pipeline_runs::KEPT),
        // Whoever owns the container says.
        AzureFeed::Export => None,
    }
}

#[async_trait]
impl Chain for ResourceManager {
    fn chaining(&self) -> &Chaining {
        &self.chaining
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &AzureMapping
    }

    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError> {
        let reply = match self.feed {
            AzureFeed::PipelineRuns => pipeline_runs::link(self, request).await,
            AzureFeed::ActivityLog | AzureFeed::Export => activity_log::link(self, request).await,
        };
        match reply {
            // The same question was answered when it had no continuation.
            Err(SourceError::Refused { status: 400, .. }) if request.token.is_some() => {
                Ok(Reply::Expired)
            }
            // Who refuses a time to come knows the time that was asked for, and has nothing of it.
            Err(SourceError::Refused { status: 400, .. }) if request.window.from > self.now() => {
                Ok(Reply::Link(Default::default()))
            }
            reply => reply,
        }
    }

    fn earliest(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        until.checked_sub_signed(self.chaining.horizon? + TimeDelta::days(1))
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
