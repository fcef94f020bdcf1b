//! Reading objects in a bucket, of which each holds many records.
//!
//! The coverage is a listing: the key of an object states a time, its position, and a window of positions
//! is whole when every object that a listing shows in it was read. An object that cannot be read is a hole
//! at its position. Records lie where their object lies, whenever they happened.
//!
//! ```text
//! window -> dates -> a listing of each -> objects in order of position, some of them read ahead
//!        -> slices of as many objects as fit into a response, holes where one cannot be read
//! ```
//!
//! A platform implements [`Objects`]; [`ObjectFeed`] makes a [`Source`] of it.

mod stream;

mod ahead;

mod listed;

mod origin;

mod set;

mod stored;

#[cfg(test)]
pub(in crate::source) mod scripted;
#[cfg(test)]
mod tests;

pub use listed::{ListedObject, ObjectDigest, ReadObject};
pub use origin::{OriginRequest, OriginStep, ProvenObject};
pub use set::{ListedSet, object_digest};
pub(in crate::source) use stored::{not_read, of_bucket, version_of};

use super::{
    Axis, Capabilities, ClockReading, Count, HoleReason, Mapping, OriginSteps, Returned, Slices,
    Source, SourceError, SourceRemark, Tenant, WindowRequest, year,
};
use crate::waits::Waits;
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use std::sync::Arc;

/// The year of the listing that must be empty, or have objects of that year.
const CONTROL_YEAR: i32 = 2999;

/// When objects appear. A value, so that the reader needs to know no platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectTiming {
    /// The smallest difference between two positions; positive.
    pub tick: TimeDelta,
    /// How long after its position an object may usually appear.
    pub arrival: TimeDelta,
    /// How long objects are kept, where they are known to be removed.
    pub horizon: Option<TimeDelta>,
}

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectContent {
    /// The version that was read; another than the listed one where it was overwritten meanwhile.
    pub version: Box<str>,
    /// SHA-256 of its bytes as stored.
    pub sha256: [u8; 32],
    /// Its records, in their order. Those that are not wanted are left out.
    pub records: Vec<Returned>,
}

/// Why an object was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadFailure {
    /// This object cannot be read, which says nothing about others: it becomes a hole.
    Object {
        /// What kind of trouble.
        reason: HoleReason,
        /// More about it, for people.
        detail: String,
    },
    /// The store does not let us read this object. It becomes a hole, or fails the feed where no object can
    /// be read.
    Denied(SourceError),
    /// Nothing can be read.
    Feed(SourceError),
}

/// A platform whose audit records are delivered as objects.
///
/// # Contract
/// * **Positions.** The position of an object is a function of its key alone.
/// * **Listings.** [`Self::list`] shows every object whose position lies in the window and that was durable
///   before it was called, in any order. An object that is no part of the feed is not shown.
/// * **What may repeat.** A record may be in any number of objects, and an object may appear late with any
///   position, be overwritten, or go.
/// * **Exact bytes.** Records are slices of the object's decoded content.
/// * **Bounds.** [`Self::read`] never holds more than about twice `most` bytes: an object whose content is
///   larger is [`HoleReason::TooLarge`].
/// * **Who retries.** [`Self::list`] and [`Self::read`] do, within a bounded budget.
/// * **Cancelling and concurrency.** As for [`Source`].
#[async_trait]
pub trait Objects: Send + Sync {
    /// When objects appear.
    fn timing(&self) -> &ObjectTiming;

    /// See [`Source::tenants`].
    fn tenants(&self) -> &[Tenant];

    /// See [`Source::mapping`].
    fn mapping(&self) -> &dyn Mapping;

    /// See [`Source::wants`].
    fn wants(&self, _record: &[u8]) -> bool {
        true
    }

    /// The objects whose position lies in a window of one UTC date.
    ///
    /// # Errors
    /// See [`SourceError`]; never about records.
    async fn list(&self, tenant: &Tenant, window: Window)
    -> Result<Vec<ListedObject>, SourceError>;

    /// Reads one object whose decoded content has at most `most` bytes.
    ///
    /// # Errors
    /// See [`ReadFailure`].
    async fn read(
        &self,
        tenant: &Tenant,
        object: &ListedObject,
        most: u64,
    ) -> Result<ObjectContent, ReadFailure>;

    /// The position of the oldest object before `until`, whatever it holds.
    ///
    /// # Errors
    /// See [`SourceError`].
    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError>;

    /// See [`Source::remarks`].
    ///
    /// # Errors
    /// See [`Source::remarks`].
    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        Ok(Vec::new())
    }

    /// See [`Source::origins`].
    fn origins(&self, _request: OriginRequest) -> OriginSteps {
        futures::stream::empty().boxed()
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

/// A source that is read object by object.
pub struct ObjectFeed<O> {
    objects: Arc<O>,
    capabilities: Capabilities,
}

impl<O: Objects + 'static> ObjectFeed<O> {
    /// Reads `objects`.
    pub fn new(objects: O) -> Self {
        let timing = objects.timing();
        Self {
            capabilities: Capabilities {
                // Only reading an object tells how many records it has.
                counts_trusted: false,
                limits: Vec::new(),
                axis: Axis::Arrival,
                arrival: timing.arrival,
                horizon: timing.horizon,
            },
            objects: Arc::new(objects),
        }
    }
}

/// A listing in order of position and key, in which every object lies in the window asked for.
///
/// # Errors
/// Those of [`Objects::list`]; [`SourceError::OutsideWindow`].
async fn listing(
    objects: &dyn Objects,
    tenant: &Tenant,
    window: Window,
) -> Result<Vec<ListedObject>, SourceError> {
    let mut listed = objects.list(tenant, window).await?;
    if let Some(stray) = listed.iter().find(|it| !window.contains(it.position)) {
        return Err(SourceError::OutsideWindow {
            window,
            time: stray.position,
        });
    }
    listed.sort_by(|a, b| (a.position, &a.key).cmp(&(b.position, &b.key)));
    listed.dedup_by(|a, b| a.key == b.key);
    Ok(listed)
}

#[async_trait]
impl<O: Objects + 'static> Source for ObjectFeed<O> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn tenants(&self) -> &[Tenant] {
        self.objects.tenants()
    }

    fn mapping(&self) -> &dyn Mapping {
        self.objects.mapping()
    }

    fn wants(&self, record: &[u8]) -> bool {
        self.objects.wants(record)
    }

    /// Lists a date far in the future, which shows that the feed may be listed.
    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        let day = year(CONTROL_YEAR).and_then(|from| Window::new(from, from + TimeDelta::days(1)));
        let window = day.ok_or_else(|| SourceError::Settings {
            message: "the calendar ends too early".to_owned(),
        })?;
        listing(&*self.objects, tenant, window).await.map(drop)
    }

    fn read(&self, request: WindowRequest) -> Slices {
        let objects: Arc<dyn Objects> = self.objects.clone();
        stream::read_window(objects, request).boxed()
    }

    /// Nothing: only reading an object tells how many records it has.
    async fn count(&self, _tenant: &Tenant, _window: Window) -> Result<Count, SourceError> {
        Ok(Count {
            rows: 0,
            exact: false,
            requests: 0,
        })
    }

    async fn listing(
        &self,
        tenant: &Tenant,
        window: Window,
    ) -> Result<Option<ListedSet>, SourceError> {
        let mut found = ListedSet::default();
        for day in window.by_date() {
            for object in listing(&*self.objects, tenant, day).await? {
                found.add(&object.key, &object.version);
            }
        }
        Ok(Some(found))
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        self.objects.oldest(tenant, until).await
    }

    async fn remarks(&self) -> Result<Vec<SourceRemark>, SourceError> {
        self.objects.remarks().await
    }

    fn origins(&self, request: OriginRequest) -> OriginSteps {
        self.objects.origins(request)
    }

    fn clock(&self) -> Option<ClockReading> {
        self.objects.clock()
    }

    fn requests(&self) -> u64 {
        self.objects.requests()
    }

    fn waits(&self) -> Option<&Waits> {
        self.objects.waits()
    }
}
