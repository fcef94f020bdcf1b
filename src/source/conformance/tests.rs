//! Every rule finds the feed that breaks it.

use super::*;
use crate::source::paged::Paged;
use crate::source::paged::scripted::{ScriptedPages, able};
use crate::source::scripted::{self, Faults, RowKind, ScriptedRow, TICK, main, row};
use crate::source::{Capabilities, ClockReading, Count, HoleReason, Returned, Slices};
use async_trait::async_trait;
use std::sync::atomic::{AtomicU32, Ordering};

fn window() -> Window {
    scripted::window(0, 100 * TICK)
}

fn rows() -> Vec<ScriptedRow> {
    (0..60).map(|n| row(format!("r{n}"), n * TICK)).collect()
}

/// A source that keeps every rule but one.
struct Breaking {
    inner: Paged<ScriptedPages>,
    capabilities: Capabilities,
    rule: Option<FeedRule>,
    readings: AtomicU32,
}

impl Breaking {
    fn new(rule: Option<FeedRule>, rows: Vec<ScriptedRow>) -> Self {
        let mut pages = ScriptedPages::new(able(10), rows, Faults::default());
        pages.platform.mapping.misled = rule == Some(FeedRule::Agreement);
        let inner = Paged::new(pages);
        let mut capabilities = inner.capabilities().clone();
        if rule == Some(FeedRule::Axis) {
            capabilities.axis = Axis::Arrival;
        }
        Self {
            capabilities,
            inner,
            rule,
            readings: AtomicU32::new(0),
        }
    }

    fn breaks(&self, rule: FeedRule) -> bool {
        self.rule == Some(rule)
    }
}

fn spoil(rule: FeedRule, reading: u32, request: &WindowRequest, slice: &mut Slice) {
    let whole = request.window == window();
    match rule {
        FeedRule::Whole if slice.records.len() > 1 => {
            slice.records.pop();
            slice.total -= 1;
        }
        FeedRule::Counted => slice.total += 1,
        FeedRule::Inside => {
            if let Some(Ok(key)) = slice.records.first_mut().map(|record| &mut record.key) {
                key.time += TimeDelta::days(1);
            }
        }
        FeedRule::Real => {
            let at = slice.window.from;
            let text = format!("phantom@{}", at.timestamp_nanos_opt().unwrap());
            slice.records.push(Keyed {
                key: Ok(super::super::RecordKey {
                    native_id: "phantom".into(),
                    tenant: None,
                    time: at,
                }),
                returned: Returned::record(text.into()),
            });
            slice.total += 1;
        }
        // Only the second reading of all, and those of parts, are other ones.
        FeedRule::Repeatable if whole && request.limits.concurrency == 1 => {
            slice.records.clear();
            slice.total = 0;
        }
        FeedRule::Cancelled if whole && reading > 5 => {
            slice.records.clear();
            slice.total = 0;
        }
        _ => {}
    }
}

#[async_trait]
impl Source for Breaking {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn tenants(&self) -> &[Tenant] {
        self.inner.tenants()
    }

    fn mapping(&self) -> &dyn Mapping {
        self.inner.mapping()
    }

    async fn control_request(&self, tenant: &Tenant) -> Result<(), SourceError> {
        if self.breaks(FeedRule::Control) {
            return Err(SourceError::FiltersIgnored {
                tenant: tenant.to_string(),
                window: window(),
                rows: 1,
            });
        }
        self.inner.control_request(tenant).await
    }

    fn read(&self, request: WindowRequest) -> Slices {
        let reading = self.readings.fetch_add(1, Ordering::Relaxed) + 1;
        let far = request.window.from.timestamp() > 1_000_000;
        if self.breaks(FeedRule::Answers) {
            let failure = Err(SourceError::Stopped);
            return futures::stream::iter([failure]).boxed();
        }
        let inner = self.inner.read(request.clone());
        let Some(rule) = self.rule.filter(|_| !far) else {
            return inner;
        };
        let asked = request.clone();
        let first = request.window.from;
        let spoiled = inner.map(move |outcome| {
            let mut outcome = outcome?;
            if let SliceOutcome::Slice(slice) = &mut outcome {
                spoil(rule, reading, &asked, slice);
            }
            if rule == FeedRule::Smallest || rule == FeedRule::Explained {
                outcome = SliceOutcome::Hole(Hole {
                    tenant: asked.tenant.clone(),
                    window: outcome.window(),
                    reason: HoleReason::Unreadable,
                    detail: match rule {
                        FeedRule::Explained => String::new(),
                        _ => "not wanted".to_owned(),
                    },
                    records: Vec::new(),
                    objects: Vec::new(),
                    requests: 1,
                });
            }
            Ok(outcome)
        });
        match rule {
            FeedRule::Tiles => spoiled.skip(1).boxed(),
            // A row at the edge between two windows belongs to neither.
            FeedRule::Halves if request.window != window() => spoiled
                .map(move |outcome| {
                    let mut outcome = outcome?;
                    if let SliceOutcome::Slice(slice) = &mut outcome
                        && slice.window.from == first
                        && let Some(lost) = slice.records.first().cloned()
                    {
                        slice.records.push(lost);
                        slice.total += 1;
                        slice.source_duplicates += 1;
                    }
                    Ok(outcome)
                })
                .boxed(),
            _ => spoiled.boxed(),
        }
    }

    async fn count(&self, tenant: &Tenant, window: Window) -> Result<Count, SourceError> {
        let mut count = self.inner.count(tenant, window).await?;
        count.rows += u64::from(self.breaks(FeedRule::Counts));
        Ok(count)
    }

    async fn oldest(
        &self,
        tenant: &Tenant,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SourceError> {
        let found = self.inner.oldest(tenant, until).await?;
        Ok(match self.rule {
            Some(FeedRule::Oldest) => found.map(|found| found + TimeDelta::microseconds(5)),
            _ => found,
        })
    }

    fn clock(&self) -> Option<ClockReading> {
        None
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }
}

async fn verdict(rule: Option<FeedRule>, rows: Vec<ScriptedRow>) -> Result<(), FeedRule> {
    let known = scripted::known(&rows, Axis::Event);
    let source = Breaking::new(rule, rows);
    let checked = check_feed(&source, &main(), window(), &known).await;
    checked.map_err(|broken| broken.rule)
}

#[tokio::test]
async fn a_feed_that_keeps_the_contract_passes() {
    assert_eq!(verdict(None, rows()).await, Ok(()));
    assert_eq!(verdict(None, Vec::new()).await, Ok(()));
    let mut poisoned = rows();
    poisoned[20].kind = RowKind::Poison;
    assert_eq!(verdict(None, poisoned).await, Ok(()));
}

#[tokio::test]
async fn each_rule_finds_the_feed_that_breaks_it() {
    for rule in [
        FeedRule::Tiles,
        FeedRule::Inside,
        FeedRule::Axis,
        FeedRule::Whole,
        FeedRule::Real,
        FeedRule::Counted,
        FeedRule::Explained,
        FeedRule::Smallest,
        FeedRule::Counts,
        FeedRule::Oldest,
        FeedRule::Control,
        FeedRule::Repeatable,
        FeedRule::Halves,
        FeedRule::Cancelled,
        FeedRule::Agreement,
        FeedRule::Answers,
    ] {
        let found = verdict(Some(rule), rows()).await;
        assert_eq!(found, Err(rule), "{rule}");
    }
}
