//! Objects in memory that misbehave as they are told, for tests.

use super::{ListedObject, ObjectContent, ObjectTiming, Objects, ReadFailure};
use crate::source::paged::scripted::{ScriptedMapping, main};
use crate::source::{
    ClockReading, HoleReason, Mapping, PlatformWords, Returned, SourceError, Tenant,
};
use crate::window::Window;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Nanoseconds between two positions.
pub(in crate::source) const TICK: i64 = 1_000;

/// One object of the double. Its records are `id@nanoseconds`, or `?id` where one has no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Bundle {
    pub(in crate::source) key: String,
    /// Its position in ticks since 1970.
    pub(in crate::source) position: i64,
    pub(in crate::source) records: Vec<String>,
    /// Bytes of its content where it is decoded.
    pub(in crate::source) size: u64,
    pub(in crate::source) state: State,
    /// How often it was overwritten.
    pub(in crate::source) version: u32,
    /// Listings in which it does not appear yet.
    pub(in crate::source) appears_after: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum State {
    Plain,
    /// A listing shows it, and it cannot be read.
    Broken(HoleReason),
    Denied,
}

pub(in crate::source) fn bundle(key: &str, position: i64, ids: &[&str]) -> Bundle {
    // The acts happened long before.
    let records = ids.iter().map(|id| format!("{id}@{}", position - 1_000));
    Bundle {
        key: key.to_owned(),
        position,
        records: records.collect(),
        size: 1_000,
        state: State::Plain,
        version: 0,
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
            version: self.version.to_string().into(),
            bytes: self.size / 16,
            position: self.at(),
            modified: self.at(),
        }
    }
}

/// How the bucket misbehaves.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Faults {
    /// Answers come in another order than they were asked for.
    pub(in crate::source) jitter: bool,
    /// Every listing from this one on shows objects of every position.
    pub(in crate::source) strays_from: Option<u64>,
    /// Nothing can be read from this object on, by the number of reads.
    pub(in crate::source) breaks_at: Option<u64>,
    /// Nothing can be listed from this listing on.
    pub(in crate::source) lists_until: Option<u64>,
}

pub(in crate::source) struct Scripted {
    bundles: Vec<Bundle>,
    faults: Faults,
    timing: ObjectTiming,
    tenants: Vec<Tenant>,
    asked: Mutex<Asked>,
}

/// How often what was asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Asked {
    pub(in crate::source) listings: u64,
    pub(in crate::source) reads: BTreeMap<String, u64>,
    /// Bytes of the readings that were under way at once, at most.
    pub(in crate::source) most_bytes: u64,
    bytes: u64,
}

impl Scripted {
    pub(in crate::source) fn new(bundles: Vec<Bundle>, faults: Faults) -> Self {
        Self {
            bundles,
            faults,
            timing: ObjectTiming {
                tick: TimeDelta::nanoseconds(TICK),
                arrival: TimeDelta::zero(),
                horizon: None,
            },
            tenants: vec![main()],
            asked: Mutex::default(),
        }
    }

    pub(in crate::source) fn asked(&self) -> Asked {
        self.asked.lock().unwrap().clone()
    }

    async fn wait(&self, turns: usize) {
        for _ in 0..(if self.faults.jitter { turns % 7 } else { 0 }) {
            tokio::task::yield_now().await;
        }
    }

    fn content(&self, bundle: &Bundle, most: u64) -> Result<ObjectContent, ReadFailure> {
        let broken = |reason: HoleReason| {
            Err(ReadFailure::Object {
                reason,
                detail: format!("it is {reason}"),
            })
        };
        match bundle.state {
            State::Broken(reason) => return broken(reason),
            State::Denied => {
                return Err(ReadFailure::Denied(SourceError::Forbidden {
                    tenant: "main".to_owned(),
                    message: PlatformWords::default(),
                }));
            }
            State::Plain if bundle.size > most => return broken(HoleReason::TooLarge),
            State::Plain => {}
        }
        let records = bundle.records.iter();
        let records = records.map(|text| Returned::record(Bytes::from(text.clone())));
        Ok(ObjectContent {
            version: bundle.version.to_string().into(),
            sha256: [7; 32],
            records: records.collect(),
        })
    }
}

#[async_trait]
impl Objects for Scripted {
    fn timing(&self) -> &ObjectTiming {
        &self.timing
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &ScriptedMapping
    }

    async fn list(
        &self,
        _tenant: &Tenant,
        window: Window,
    ) -> Result<Vec<ListedObject>, SourceError> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.listings += 1;
            asked.listings
        };
        self.wait(number as usize * 5).await;
        if self.faults.lists_until.is_some_and(|last| number > last) {
            return Err(SourceError::Unreachable {
                tries: 1,
                message: "no route".to_owned(),
            });
        }
        let strays = self.faults.strays_from.is_some_and(|first| number >= first);
        let shown = self.bundles.iter().filter(|bundle| {
            bundle.appears_after < number && (strays || window.contains(bundle.at()))
        });
        Ok(shown.map(Bundle::listed).collect())
    }

    async fn read(
        &self,
        _tenant: &Tenant,
        object: &ListedObject,
        most: u64,
    ) -> Result<ObjectContent, ReadFailure> {
        let (number, bundle) = {
            let mut asked = self.asked.lock().unwrap();
            *asked.reads.entry(object.key.to_string()).or_default() += 1;
            asked.bytes += most;
            asked.most_bytes = asked.most_bytes.max(asked.bytes);
            let number = asked.reads.values().sum::<u64>();
            let mut bundles = self.bundles.iter();
            (number, bundles.find(|bundle| *bundle.key == *object.key))
        };
        self.wait(number as usize * 3).await;
        self.asked.lock().unwrap().bytes -= most;
        if self.faults.breaks_at.is_some_and(|first| number >= first) {
            return Err(ReadFailure::Feed(SourceError::Unreachable {
                tries: 1,
                message: "no route".to_owned(),
            }));
        }
        match bundle {
            Some(bundle) => self.content(bundle, most),
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
        let asked = self.asked();
        asked.listings + asked.reads.values().sum::<u64>()
    }
}
