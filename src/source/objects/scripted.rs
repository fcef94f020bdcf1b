//! A scripted platform whose rows are delivered as objects, for tests.

use super::{ListedObject, ObjectContent, ObjectTiming, Objects, ReadFailure};
use crate::source::scripted::{Faults, ScriptedPlatform, ScriptedRow, TICK, row};
use crate::source::{Axis, ClockReading, HoleReason, Mapping, PlatformWords, SourceError, Tenant};
use crate::window::Window;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Bundle {
    pub(in crate::source) key: String,
    /// Its position in ticks since 1970.
    pub(in crate::source) position: i64,
    pub(in crate::source) rows: Vec<ScriptedRow>,
    /// Bytes of its content where it is decoded.
    pub(in crate::source) size: u64,
    pub(in crate::source) state: BundleState,
    /// Listings in which it does not appear yet.
    pub(in crate::source) appears_after: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum BundleState {
    Plain,
    /// A listing shows it, and it cannot be read.
    Broken(HoleReason),
    Denied,
}

pub(in crate::source) fn bundle(key: &str, position: i64, ids: &[&str]) -> Bundle {
    // The acts happened long before.
    let rows = ids.iter().map(|id| row(*id, position - 1_000));
    Bundle {
        key: key.to_owned(),
        position,
        rows: rows.collect(),
        size: 1_000,
        state: BundleState::Plain,
        appears_after: 0,
    }
}

impl Bundle {
    pub(in crate::source) fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.position * TICK)
    }

    fn listed(&self) -> ListedObject {
        ListedObject {
            key: self.key.as_str().into(),
            version: "0".into(),
            bytes: self.size / 16,
            position: self.at(),
            modified: self.at(),
        }
    }
}

/// Objects of a platform, which has no rows beside those in them.
pub(in crate::source) struct ScriptedObjects {
    platform: ScriptedPlatform,
    bundles: Vec<Bundle>,
    timing: ObjectTiming,
    asked: Mutex<Asked>,
}

/// How often what was asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Asked {
    listings: u64,
    pub(in crate::source) reads: BTreeMap<String, u64>,
    /// Bytes of the readings that were under way at once, at most.
    pub(in crate::source) most_bytes: u64,
    bytes: u64,
}

impl ScriptedObjects {
    pub(in crate::source) fn new(bundles: Vec<Bundle>, faults: Faults) -> Self {
        Self {
            platform: ScriptedPlatform::new(Vec::new(), faults),
            bundles,
            timing: ObjectTiming {
                tick: TimeDelta::nanoseconds(TICK),
                arrival: TimeDelta::zero(),
                horizon: None,
            },
            asked: Mutex::default(),
        }
    }

    pub(in crate::source) fn asked(&self) -> Asked {
        self.asked.lock().unwrap().clone()
    }
}

impl Bundle {
    fn content(&self, most: u64) -> Result<ObjectContent, ReadFailure> {
        let broken = |reason: HoleReason| {
            Err(ReadFailure::Object {
                reason,
                detail: format!("it is {reason}"),
            })
        };
        match self.state {
            BundleState::Broken(reason) => return broken(reason),
            BundleState::Denied => {
                return Err(ReadFailure::Denied(SourceError::BucketForbidden {
                    tenant: "main".to_owned(),
                    message: PlatformWords::default(),
                }));
            }
            BundleState::Plain if self.size > most => return broken(HoleReason::TooLarge),
            BundleState::Plain => {}
        }
        let records = self.rows.iter();
        Ok(ObjectContent {
            version: "0".into(),
            sha256: [7; 32],
            // When they arrived is said by the position alone.
            records: records.map(|row| row.returned(Axis::Event)).collect(),
        })
    }
}

#[async_trait]
impl Objects for ScriptedObjects {
    fn timing(&self) -> &ObjectTiming {
        &self.timing
    }

    fn tenants(&self) -> &[Tenant] {
        &self.platform.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &self.platform.mapping
    }

    async fn list(
        &self,
        _tenant: &Tenant,
        window: Window,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let received = self.platform.receive();
        let listing = {
            let mut asked = self.asked.lock().unwrap();
            asked.listings += 1;
            asked.listings
        };
        self.platform.jitter().await;
        received?;
        let strays = self.platform.faults.ignores_filters;
        let shown = self.bundles.iter().filter(|bundle| {
            bundle.appears_after < listing && (strays || window.contains(bundle.at()))
        });
        Ok(shown.map(Bundle::listed).collect())
    }

    async fn read(
        &self,
        _tenant: &Tenant,
        object: &ListedObject,
        most: u64,
    ) -> Result<ObjectContent, ReadFailure> {
        let received = self.platform.receive();
        {
            let mut asked = self.asked.lock().unwrap();
            *asked.reads.entry(object.key.to_string()).or_default() += 1;
            asked.bytes += most;
            asked.most_bytes = asked.most_bytes.max(asked.bytes);
        }
        self.platform.jitter().await;
        self.asked.lock().unwrap().bytes -= most;
        received.map_err(ReadFailure::Feed)?;
        let mut bundles = self.bundles.iter();
        match bundles.find(|bundle| *bundle.key == *object.key) {
            Some(bundle) => bundle.content(most),
            None => Err(ReadFailure::Object {
                reason: HoleReason::Gone,
                detail: "it is gone".to_owned(),
            }),
        }
    }

    async fn oldest(
        &self,
        _tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let before = self.bundles.iter().map(Bundle::at);
        Ok(before.filter(|at| *at < until).min())
    }

    fn clock(&self) -> Option<ClockReading> {
        None
    }

    fn requests(&self) -> u64 {
        self.platform.requests()
    }
}
