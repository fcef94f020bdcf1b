//! What a run asks of an audit feed, and what a platform says about its records.

use super::objects::ListedSet;
use super::reading::{Count, Limits, SliceOutcome};
use super::{ClockReading, SourceError, year};
use crate::event::Event;
use crate::event::redact::Origins;
use crate::event::unfit::Unfit;
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
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

/// Whether two tenants, as records state them, may be one. A record that states no tenant may be of any:
/// platforms add the tenant to old records in upgrades, and a feed across tenants shows records that
/// belong to none.
pub fn may_be_same_tenant(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// One feed of a source: whose records are asked for.
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

/// The time by which a feed is read, and so the time that its coverage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// When the act happened. A record may still appear in a window that was read.
    Event,
    /// When the record reached the platform's log; [`Returned::arrived`] says it. Nothing appears in
    /// a window once it has settled, and the acts in it may have happened on any earlier date.
    Arrival,
}

/// What a source can be trusted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether [`Source::count`] tells how many records a window has. Where it does not, a window is whole
    /// when two readings of it have the same records.
    pub counts_trusted: bool,
    /// What windows are intervals of.
    pub axis: Axis,
    /// How long after its own time a record may usually become visible.
    pub arrival: TimeDelta,
    /// How long the platform keeps records, where it is known to drop them by itself.
    pub horizon: Option<TimeDelta>,
}

/// One record as returned. The bytes are slices of the response, not copies, so they keep all of it
/// in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The exact bytes of the record, or of the whole item where `is_record` is false.
    pub record: Bytes,
    /// The exact bytes of what the platform joined to the record about its actor. It is today's view
    /// of a person and no part of the record.
    pub actor: Option<Bytes>,
    /// Whether the item held a record where the platform puts it. An item without one is quarantined.
    pub is_record: bool,
    /// When it reached the platform's log: set by feeds on [`Axis::Arrival`], and by no others.
    pub arrived: Option<DateTime<Utc>>,
}

impl Returned {
    /// A record of a feed that is read by the time of the act, with nothing joined to it.
    pub fn record(record: Bytes) -> Self {
        Self {
            record,
            actor: None,
            is_record: true,
            arrived: None,
        }
    }
}

/// How the records of a platform become events. Pure, and the same for every way of reading them.
///
/// # Contract
/// * **What is unique.** [`Identity::native_id`] among the records of one tenant and those that state no
///   tenant. It never depends on how the record was asked for, nor on a field that may change, its time
///   above all.
/// * **Agreement.** What can be normalised has an identity, and both have the same id, time and tenant.
/// * **Any bytes.** Every record that cannot be understood is an [`Unfit`], never a panic.
pub trait Mapping: Send + Sync {
    /// The platform's name in columns and configuration.
    fn platform(&self) -> &'static str;

    /// Version of these rules; it rises whenever the same record would give other columns.
    fn version(&self) -> i64;

    /// Where in a record the columns come from, for redaction.
    fn origins(&self) -> &'static Origins;

    /// Id, time and tenant of a record.
    ///
    /// # Errors
    /// The record cannot be understood; it is quarantined as it is, under its id where that can be
    /// read.
    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>>;

    /// Whether what the platform joined to a record is about its actor, both as served.
    fn is_actor(&self, _record: &[u8], _actor: &[u8]) -> bool {
        false
    }

    /// The event that a record describes. `actor` is about its actor, see [`Self::is_actor`].
    ///
    /// # Errors
    /// The record cannot be understood; it is quarantined as it is.
    fn normalise<'a>(&self, record: &'a [u8], actor: Option<&'a [u8]>) -> Result<Event<'a>, Unfit>;
}

/// A window of one feed that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRequest {
    /// Whose records.
    pub tenant: Tenant,
    /// The window, on the source's [`Axis`].
    pub window: Window,
    /// How much of it is in memory at once.
    pub limits: Limits,
}

/// The pieces of a window in order of time; see [`Source::read`].
pub type Slices = BoxStream<'static, Result<SliceOutcome, SourceError>>;

/// An audit feed: what a run needs of a platform, however the platform is read.
///
/// # Contract
/// * **Order.** [`Self::read`] yields slices and holes in order of time; each begins where the one
///   before ended, and together they are the window. A failure comes in its place, after everything that
///   lies before it, and ends the stream.
/// * **Whole or a hole.** A slice has every record that the source has in its window; whatever could not
///   be read or proven whole is a hole, which names its reason and keeps the records that were seen.
/// * **Windows.** Every record of a slice lies in its window, on the axis of [`Capabilities::axis`]. A
///   source whose platform ignores filters that it does not know proves that it obeys them with
///   [`Self::control_request`] before anything else is asked.
/// * **What may repeat.** A record may come again in any later reading, and twice in one slice, which
///   counts it each time and says how often. Records may appear at any time with a past time (late) and
///   may vanish (purged at source).
/// * **Failures.** An error belongs to the smallest thing that it is about ([`SourceError::scope`]): a
///   record that cannot be served is a hole and no failure of the feed, and the failure of a feed says
///   nothing about the others.
/// * **Who retries.** The source does: throttling, server failures, lost connections and a token
///   that expired are repeated within a bounded budget. Callers never repeat a call that failed.
/// * **Counts.** Where [`Capabilities::counts_trusted`] is set, [`Self::count`] of a window is the number
///   of records, repetitions included, that a reading of it returns, unless the source changed between.
/// * **Same answers, same slices.** Slices depend on the platform's answers and on nothing else, in
///   particular not on [`Limits::concurrency`].
/// * **Cancelling.** Dropping a stream or the future of a call ends it; nothing is left behind.
/// * **Concurrency.** Calls may overlap; the source limits how many requests are under way.
#[async_trait]
pub trait Source: Send + Sync {
    /// What this source can be trusted with.
    fn capabilities(&self) -> &Capabilities;

    /// Its feeds, each read window by window.
    fn tenants(&self) -> &[Tenant];

    /// How its records become events.
    fn mapping(&self) -> &dyn Mapping;

    /// Proves, once per run and feed, that the platform obeys the filters: a window far in the
    /// future must return nothing from another time.
    ///
    /// # Errors
    /// [`SourceError::FiltersIgnored`], and those of [`Self::read`].
    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError>;

    /// Reads a window completely, or names what could not be read. Must be polled within a tokio
    /// runtime.
    fn read(&self, request: WindowRequest) -> Slices;

    /// How many records the source has in a window.
    ///
    /// # Errors
    /// Those of [`Self::read`]. Where a record cannot be served, its scope is the window.
    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Count, SourceError>;

    /// Which objects a window has, without reading them; `None` where the feed is not read in objects. A reading
    /// of the window reads each of them, and names it in its slice or hole.
    ///
    /// # Errors
    /// Those of [`Self::read`] that are not about records.
    async fn listing(
        &self,
        _tenant: &Tenant,
        _window: Window,
    ) -> Result<Option<ListedSet>, SourceError> {
        Ok(None)
    }

    /// Counts the records at `now` or later, as far as a date can be written: up to the last nanosecond
    /// of the year 9999.
    ///
    /// # Errors
    /// Those of [`Self::count`].
    async fn count_after(&self, tenant: &Tenant, now: DateTime<Utc>) -> Result<Count, SourceError> {
        let end = year(10_000).map(|after| after - TimeDelta::nanoseconds(1));
        match end.and_then(|end| Window::new(now, end)) {
            Some(window) => self.count(tenant, window).await,
            None => Ok(Count {
                rows: 0,
                exact: true,
                requests: 0,
            }),
        }
    }

    /// The time of the oldest record that the source still has before `until`, on its axis; `None` where
    /// it has no record. The midnight before it where the oldest records cannot be read or have no time.
    ///
    /// # Errors
    /// Those of [`Self::count`] that are not about records.
    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError>;

    /// Their clock beside ours, from the newest response so far.
    fn clock(&self) -> Option<ClockReading>;

    /// How many requests this source has sent, repeated ones included.
    fn requests(&self) -> u64;

    /// Where waits between two tries of a request are reported, where there are any.
    fn waits(&self) -> Option<&Waits> {
        None
    }
}
