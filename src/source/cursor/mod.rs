//! Reading by an opaque continuation: each response names the token that the next one is asked with,
//! until one names none.
//!
//! A platform implements [`Chain`]; [`Cursor`] makes a [`Source`] of it. From the inside out:
//!
//! 1. `pass`: one chain of a window, from its first response to its last. Where nothing says how many rows
//!    there should be, a window is whole when two passes in a row have the same ids; a total is held against them. The rows of the
//!    first are kept, of further ones only what is new.
//! 2. `lane`: a stretch of time, read window by window. Windows grow and shrink so that one is held in
//!    memory; what cannot be read is cut down to a tick and becomes a hole.
//! 3. `stream`: the lanes of a window that was asked for, several at once, in order.
//!
//! `search` asks the questions that need no window read whole.

mod lane;
mod pass;
#[cfg(test)]
pub(in crate::source) mod scripted;
mod search;
mod stream;
#[cfg(test)]
mod tests;

use super::{
    Axis, Capabilities, ClockReading, Count, Mapping, ProofLimit, Returned, Slices, Source,
    SourceError, SourceRemark, Tenant, WindowRequest,
};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use std::fmt;
use std::sync::Arc;

/// How a platform continues. A value, so that the reader needs to know no platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chaining {
    /// What windows are intervals of.
    pub axis: Axis,
    /// Most rows that one response may be asked for.
    pub page_cap: u32,
    /// The smallest step of time that is worth asking for; positive.
    pub tick: TimeDelta,
    /// How long after its own time a record may usually become visible.
    pub arrival: TimeDelta,
    /// How long the platform keeps records, where it is known to drop them by itself.
    pub horizon: Option<TimeDelta>,
    /// What cannot be proven of it. Without [`ProofLimit::NoTotal`] each response has its [`Link::total`], and
    /// [`Chain::count`] is a number.
    pub limits: Vec<ProofLimit>,
}

/// What continues a chain. Only the platform can read it, so it is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(Box<str>);

impl Token {
    /// A token as the platform wrote it.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// As the platform wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// One response of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRequest {
    /// Whose records.
    pub tenant: Tenant,
    /// The window, on the axis of [`Chaining::axis`]; the same for all links of a chain.
    pub window: Window,
    /// Most rows wanted, from 1 to the page cap; the same for all links of a chain.
    pub size: u32,
    /// What the link before it named; `None` begins a chain.
    pub token: Option<Token>,
    /// Most bytes of a response that are taken into memory; a larger one is
    /// [`SourceError::TooLarge`]. `None`: as many as the source ever takes.
    pub bytes: Option<u64>,
}

impl LinkRequest {
    /// Begins a chain.
    pub fn first(tenant: Tenant, window: Window, size: u32) -> Self {
        Self {
            tenant,
            window,
            size,
            token: None,
            bytes: None,
        }
    }
}

/// What a response holds, taken apart but not judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The records, in the order served. On [`Axis::Arrival`] each has its [`Returned::arrived`], as far
    /// as it can be read.
    pub records: Vec<Returned>,
    /// What the next response is asked with; `None` at the end of the chain.
    pub next: Option<Token>,
    /// How many rows the window has, where the platform says it with each response.
    pub total: Option<u64>,
    /// Bytes of the response, as far as they are known.
    pub bytes: u64,
}

/// A response, or that there can be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The response.
    Link(Link),
    /// The platform accepts the token no longer: the chain must begin again.
    Expired,
}

/// A platform whose audit records are served in chains of responses.
///
/// # Contract
/// * **Order.** Rows come in any order, and in another one in the next chain. The reader uses the order
///   to predict, never to prove.
/// * **What may repeat.** Any row may come again in any later response, and twice in one.
/// * **Windows.** Every row of a chain lies in the window asked for, `from <= position < to`.
/// * **Tokens.** A response without rows may name a token, and the chain goes on. A token belongs to the
///   request that it continues, may expire ([`Reply::Expired`]), and is named once in a chain: one that
///   comes a second time would continue for ever.
/// * **Who retries.** Throttling, server failures, lost connections and a credential that expired are
///   repeated inside [`Chain::link`] within a bounded budget.
/// * **Cancelling and concurrency.** As for [`Source`].
#[async_trait]
pub trait Chain: Send + Sync {
    /// How it continues.
    fn chaining(&self) -> &Chaining;

    /// See [`Source::tenants`].
    fn tenants(&self) -> &[Tenant];

    /// See [`Source::mapping`].
    fn mapping(&self) -> &dyn Mapping;

    /// Reads one response of a chain.
    ///
    /// # Errors
    /// See [`SourceError`]; [`SourceError::scope`] says whether a smaller window may succeed.
    async fn link(&self, request: &LinkRequest) -> Result<Reply, SourceError>;

    /// How many rows a window has, where the platform tells by one response; see [`Source::count`].
    ///
    /// # Errors
    /// Those of [`Chain::link`].
    async fn count(&self, _: &Tenant, _: Window) -> Result<Option<Count>, SourceError> {
        Ok(None)
    }

    /// Where the search for the oldest record before `until` begins, since no record that is still there can be
    /// older; `None` where nothing is known.
    fn earliest(&self, _until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }

    /// See [`Source::remarks`].
    ///
    /// # Errors
    /// See [`Source::remarks`].
    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        Ok(Vec::new())
    }

    /// See [`Source::clock`].
    fn clock(&self) -> Option<ClockReading>;

    /// See [`Source::requests`].
    fn requests(&self) -> u64;

    /// See [`Source::waits`].
    fn waits(&self) -> Option<&Waits> {
        None
    }
}

/// A source that is read in chains.
pub struct Cursor<C> {
    chain: Arc<C>,
    capabilities: Capabilities,
}

impl<C: Chain + 'static> Cursor<C> {
    /// Reads `chain`.
    pub fn new(chain: C) -> Self {
        let chaining = chain.chaining();
        Self {
            capabilities: Capabilities {
                counts_trusted: !chaining.limits.contains(&ProofLimit::NoTotal),
                limits: chaining.limits.clone(),
                axis: chaining.axis,
                arrival: chaining.arrival,
                horizon: chaining.horizon,
            },
            chain: Arc::new(chain),
        }
    }
}

#[async_trait]
impl<C: Chain + 'static> Source for Cursor<C> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn tenants(&self) -> &[Tenant] {
        self.chain.tenants()
    }

    fn mapping(&self) -> &dyn Mapping {
        self.chain.mapping()
    }

    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        search::control_request(&*self.chain, tenant).await
    }

    fn read(&self, request: WindowRequest) -> Slices {
        let chain: Arc<dyn Chain> = self.chain.clone();
        stream::read_window(chain, request).boxed()
    }

    /// No number where the platform counts nothing: to count for it would be to read the window.
    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Count, SourceError> {
        let counted = self.chain.count(tenant, window).await?;
        Ok(counted.unwrap_or(Count {
            rows: 0,
            exact: false,
            requests: 0,
        }))
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        search::oldest(&*self.chain, tenant, until).await
    }

    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        self.chain.remarks().await
    }

    fn clock(&self) -> Option<ClockReading> {
        self.chain.clock()
    }

    fn requests(&self) -> u64 {
        self.chain.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        self.chain.waits()
    }
}
