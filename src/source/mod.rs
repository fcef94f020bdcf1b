//! Audit feeds: what a source can do, how one page of it is asked for, and how a window of it is
//! read completely or not at all.
//!
//! * [`Source`] is the contract every platform implements; [`kestra`] is the first.
//! * [`read_window`] reads a window as slices, each held whole by one response, and names as
//!   [`Hole`] what it could not read.
//! * [`count`], [`oldest`] and [`count_after`] ask for numbers without reading the records.
//! * [`http`] is the client below the sources: retries, limits, tokens.

mod error;
pub mod http;
pub mod kestra;
mod read;
#[cfg(test)]
mod scripted;
mod slice;
mod words;

pub use crate::http::{ClockReading, Hopeless};
pub use error::{Scope, SourceError};
pub(crate) use read::SHARES;
#[cfg(test)]
pub(crate) use read::key_of;
pub use read::{
    Count, Hole, HoleReason, Key, Keyed, Limits, Nameless, Slice, SliceOutcome, count, count_after,
    oldest, read_window,
};
pub use words::{PlatformWords, Wording};

use crate::event::Event;
use crate::event::unfit::Unfit;
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::borrow::Cow;
use std::fmt;

/// What tells a record from any other, and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Its id on the platform.
    pub native_id: Cow<'a, str>,
    /// When it happened, to the nanosecond.
    pub time: DateTime<Utc>,
    /// The tenant that the record itself states.
    pub tenant: Option<Cow<'a, str>>,
}

/// A record whose identity cannot be read whole: it is quarantined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unidentified<'a> {
    /// Why.
    pub unfit: Unfit,
    /// Its id on the platform, where that much can be read.
    pub native_id: Option<Cow<'a, str>>,
}

impl From<Unfit> for Unidentified<'_> {
    /// A record of which nothing can be read.
    fn from(unfit: Unfit) -> Self {
        Self {
            unfit,
            native_id: None,
        }
    }
}

/// Whether two tenants, as records state them, may be one. A record that states none may be of any:
/// platforms add the tenant to old records in upgrades, and a feed across tenants shows records that
/// belong to none.
pub fn may_be_same_tenant(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// Whose records are asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tenant {
    /// The records of one tenant.
    Named(String),
    /// The platform's feed across all tenants.
    All,
}

impl Tenant {
    /// The name, or `None` for the feed across all tenants.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::All => None,
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("all tenants"))
    }
}

/// Whether a platform counts the last instant of an asked interval in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpperEdge {
    /// `from <= time <= to`: the reader compares counts first and then cuts the rows at `to`.
    Closed,
    /// `from <= time < to`.
    Open,
}

/// What a source can be trusted with. A value, so that the reader needs to know no platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
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

/// One record as returned. The bytes are slices of the response, not copies, so they keep all of it
/// in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The exact bytes of the record, or of the whole item where `is_record` is false.
    pub record: Bytes,
    /// The exact bytes of what the platform joined to the record about its actor. It is today's view
    /// of a person and no part of the record.
    pub user: Option<Bytes>,
    /// Whether the item held a record where the platform puts it. Where it did not, the item can
    /// only be quarantined.
    pub is_record: bool,
}

/// An audit feed.
///
/// # Contract
/// * **Order.** Rows come in the order asked for, but rows of the same time come in any order, and
///   in another one next time. The reader uses the order to predict, never to prove.
/// * **What may repeat.** Any row may come again in any later response, and twice in one response.
///   Rows may appear at any time with a past time (late) and may vanish (purged at source).
/// * **What is unique.** The native id of [`Source::identify`] among the records of one tenant and
///   those that state no tenant. It never depends on how the record was asked for, nor on its time.
/// * **Windows.** Every row returned lies in the window asked for (and at its end, with a closed
///   upper edge). A source whose platform ignores filters it does not know proves that it obeys
///   them with [`Source::control_request`] before anything else is asked.
/// * **Who retries.** The source does: throttling, server failures, lost connections and a token
///   that expired are repeated inside [`Source::page`] within a bounded budget. Callers never
///   repeat a call that failed; an error whose [`Scope`] is the window may be asked for again in
///   smaller windows.
/// * **Cancelling.** Dropping the future of a call ends it; nothing is left behind.
/// * **Concurrency.** Calls may overlap; the source limits how many requests are under way.
#[async_trait]
pub trait Source: Send + Sync {
    /// What this source can be trusted with.
    fn capabilities(&self) -> &Capabilities;

    /// Whose records it is configured to read: each is one feed, read window by window.
    fn tenants(&self) -> &[Tenant];

    /// Proves, once per run and tenant, that the platform obeys the filters: a window far in the
    /// future must return nothing from another time.
    ///
    /// # Errors
    /// [`SourceError::FiltersIgnored`], and those of [`Source::page`].
    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError>;

    /// Reads one page.
    ///
    /// # Errors
    /// See [`SourceError`]; [`SourceError::scope`] says whether a smaller window may succeed.
    async fn page(&self, request: &PageRequest) -> Result<Page, SourceError>;

    /// Id, time and tenant of a record: those of the event that [`Source::normalise`] makes of it,
    /// where it makes one.
    ///
    /// # Errors
    /// The record cannot be understood; it is quarantined as it is, under its id where that can be
    /// read.
    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>>;

    /// Whether what the platform joined to a record is about its actor, both as served.
    fn is_actor(&self, record: &[u8], user: &[u8]) -> bool;

    /// The event that a record describes. `user` is about its actor, see [`Source::is_actor`].
    ///
    /// # Errors
    /// The record cannot be understood; it is quarantined as it is.
    fn normalise<'a>(&self, record: &'a [u8], user: Option<&'a [u8]>) -> Result<Event<'a>, Unfit>;

    /// Filters that divide the rows of one instant; empty where there are none.
    fn narrowings(&self) -> Vec<Narrow>;

    /// Their clock beside ours, from the newest response so far.
    fn clock(&self) -> Option<ClockReading>;

    /// How many requests this source has sent, repeated ones included.
    fn requests(&self) -> u64;

    /// Where waits between two tries of a request are reported, where there are any.
    fn waits(&self) -> Option<&Waits> {
        None
    }
}
