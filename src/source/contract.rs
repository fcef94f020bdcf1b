//! What a run asks of an audit feed.

use super::objects::{ListedSet, OriginRequest, OriginStep};
use super::reading::{Count, Limits, SliceOutcome};
use super::record::{Mapping, Tenant};
use super::{ClockReading, ProofLimit, SourceError, year};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;

/// The time by which a feed is read, and so the time that its coverage is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// When the act happened. A record may still appear in a window that was read.
    Event,
    /// When the record reached the platform's log; [`Returned::arrived`](super::Returned::arrived) says it. Nothing appears in
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
    /// What it cannot prove; `status` and `doctor` say it.
    pub limits: Vec<ProofLimit>,
}

/// Something about a source that whoever configured it should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRemark {
    /// What it is, as a sentence without its full stop.
    pub said: String,
    /// What to do about it.
    pub action: &'static str,
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

/// The signed lists that were followed, in order of their time; see [`Source::origins`].
pub type OriginSteps = BoxStream<'static, Result<OriginStep, SourceError>>;

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

    /// Whether it is configured to read such a record: what it leaves out of its own feed it leaves out of files.
    fn wants(&self, _record: &[u8]) -> bool {
        true
    }

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

    /// What whoever configured the source should know and no record says, such as feeds that are there and are not
    /// read. A run warns of each, and `doctor` reports it.
    ///
    /// # Errors
    /// What keeps the source from finding out, where that is worth a warning itself.
    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        Ok(Vec::new())
    }

    /// Follows what the platform proves of its objects, where it proves anything: signed lists, each of which names the
    /// one before it. Lists of one chain come in order of time, and each once.
    ///
    /// # Errors
    /// What keeps the source from following further. That something does not hold is no failure but part of a step.
    fn origins(&self, _request: OriginRequest) -> OriginSteps {
        futures::stream::empty().boxed()
    }

    /// Their clock beside ours, from the newest response so far.
    fn clock(&self) -> Option<ClockReading>;

    /// How many requests this source has sent, repeated ones included.
    fn requests(&self) -> u64;

    /// Where waits between two tries of a request are reported, where there are any.
    fn waits(&self) -> Option<&Waits> {
        None
    }
}
