//! Reading by offset pages with a total, so that one response holds a slice whole.
//!
//! Pages shift when rows come or go between two requests, so no slice is put together from several
//! of them: `slice` divides a window until each part fits into one response whose rows, total and
//! distinct ids agree. Only one instant with more rows than a page is read in several passes
//! (`crowd`).
//!
//! A platform implements [`Pages`]; [`Paged`] makes a [`Source`] of it.

mod control;
mod count;
mod crowd;
mod digest;
#[cfg(test)]
pub(in crate::source) mod scripted;
mod slice;
mod stream;
#[cfg(test)]
mod tests;

use super::{
    Axis, Capabilities, ClockReading, Count, Mapping, ProofLimit, Returned, Slices, Source,
    SourceError, Tenant, WindowRequest,
};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use std::borrow::Cow;
use std::sync::Arc;

/// Whether a platform counts the last instant of an asked interval in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpperEdge {
    /// `from <= time <= to`: the reader compares counts first and then cuts the rows at `to`.
    Closed,
    /// `from <= time < to`.
    Open,
}

/// How a platform pages. A value, so that the reader needs to know no platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// Whether `total` counts exactly the rows that the same request selects. Where it does not,
    /// two readings with the same ids take its place.
    pub counts_trusted: bool,
    /// A total of exactly this number may stand for any greater one.
    pub count_cap: Option<u64>,
    /// Most rows that one page may ask for.
    pub page_cap: u32,
    /// How the platform treats the end of a window.
    pub upper_edge: UpperEdge,
    /// The smallest step of time that is worth asking for; positive.
    pub tick: TimeDelta,
    /// How long after its own time a record may usually become visible.
    pub arrival: TimeDelta,
    /// How long the platform keeps records, where it is known to drop them by itself.
    pub horizon: Option<TimeDelta>,
}

/// A filter beside the window that divides the rows of one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Narrow {
    /// Only records of this action, as the platform names it.
    Action(Cow<'static, str>),
    /// Only records about this kind of resource, as the platform names it.
    Resource(Cow<'static, str>),
}

/// In which order rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Oldest,
    /// Newest first.
    Newest,
}

/// One page of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Whose records.
    pub tenant: Tenant,
    /// When they happened. A source with a closed upper edge also returns what happened at `to`.
    pub window: Window,
    /// A further filter.
    pub narrow: Option<Narrow>,
    /// Most rows wanted, from 1 to the page cap.
    pub size: u32,
    /// Number of the page, from 1.
    pub page: u32,
    /// Order by time.
    pub order: Order,
    /// Most bytes of a response that are taken into memory; a larger one is
    /// [`SourceError::TooLarge`]. None: as many as the source ever takes.
    pub bytes: Option<u64>,
}

impl PageRequest {
    /// The first page of a window, oldest first.
    pub fn first(tenant: Tenant, window: Window, size: u32) -> Self {
        Self {
            tenant,
            window,
            narrow: None,
            size,
            page: 1,
            order: Order::Oldest,
            bytes: None,
        }
    }
}

/// One response of a platform, taken apart but not judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// How many records the platform says the request matches, on all pages together.
    pub total: Option<u64>,
    /// The records of this page, in the order served.
    pub records: Vec<Returned>,
    /// Bytes of the response, as far as they are known.
    pub bytes: u64,
}

/// A platform whose audit records are served in pages by offset, by the time of the act.
///
/// # Contract
/// * **Order.** Rows come in the order asked for, but rows of the same time come in any order, and
///   in another one next time. The reader uses the order to predict, never to prove.
/// * **What may repeat.** Any row may come again in any later response, and twice in one response.
/// * **Windows.** Every row returned lies in the window asked for (and at its end, with a closed
///   upper edge).
/// * **Who retries.** Throttling, server failures, lost connections and a token that expired are
///   repeated inside [`Pages::page`] within a bounded budget.
/// * **Cancelling and concurrency.** As for [`Source`].
#[async_trait]
pub trait Pages: Send + Sync {
    /// How it pages.
    fn paging(&self) -> &Paging;

    /// See [`Source::tenants`].
    fn tenants(&self) -> &[Tenant];

    /// See [`Source::mapping`].
    fn mapping(&self) -> &dyn Mapping;

    /// Reads one page.
    ///
    /// # Errors
    /// See [`SourceError`]; [`SourceError::scope`] says whether a smaller window may succeed.
    async fn page(&self, request: &PageRequest) -> Result<Page, SourceError>;

    /// Filters that divide the rows of one instant; empty where there are none.
    fn narrowings(&self) -> Vec<Narrow>;

    /// See [`Source::clock`].
    fn clock(&self) -> Option<ClockReading>;

    /// See [`Source::requests`].
    fn requests(&self) -> u64;

    /// See [`Source::waits`].
    fn waits(&self) -> Option<&Waits> {
        None
    }
}

/// A source that is read in pages.
pub struct Paged<P> {
    pages: Arc<P>,
    capabilities: Capabilities,
}

impl<P: Pages + 'static> Paged<P> {
    /// Reads `pages`.
    pub fn new(pages: P) -> Self {
        let paging = pages.paging();
        Self {
            capabilities: Capabilities {
                counts_trusted: paging.counts_trusted,
                limits: match paging.counts_trusted {
                    true => Vec::new(),
                    false => vec![ProofLimit::NoTotal],
                },
                axis: Axis::Event,
                arrival: paging.arrival,
                horizon: paging.horizon,
            },
            pages: Arc::new(pages),
        }
    }
}

#[async_trait]
impl<P: Pages + 'static> Source for Paged<P> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn tenants(&self) -> &[Tenant] {
        self.pages.tenants()
    }

    fn mapping(&self) -> &dyn Mapping {
        self.pages.mapping()
    }

    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        control::control_request(&*self.pages, tenant).await
    }

    fn read(&self, request: WindowRequest) -> Slices {
        let pages: Arc<dyn Pages> = self.pages.clone();
        stream::read_window(pages, request).boxed()
    }

    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Count, SourceError> {
        count::count(&*self.pages, tenant, window).await
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        count::oldest(&*self.pages, tenant, until).await
    }

    fn clock(&self) -> Option<ClockReading> {
        self.pages.clock()
    }

    fn requests(&self) -> u64 {
        self.pages.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        self.pages.waits()
    }
}
