//! Every rule finds the feed that breaks it.

use super::*;
use crate::event::Event;
use crate::event::redact::Origins;
use crate::event::unfit::Unfit;
use crate::source::paged::Paged;
use crate::source::paged::scripted::{
    PagesFaults, RowKind, ScriptedPages, ScriptedRow, able, main, row,
};
use crate::source::{
    Capabilities, ClockReading, Count, HoleReason, Identity, Returned, Slices, Unidentified,
};
use async_trait::async_trait;
use std::sync::atomic::{AtomicU32, Ordering};

const TICK: i64 = 1_000;

fn at(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

fn window() -> Window {
    Window::new(at(0), at(100 * TICK)).unwrap()
}

fn rows() -> Vec<ScriptedRow> {
    (0..60).map(|n| row(format!("r{n}"), n * TICK)).collect()
}

fn known(rows: &[ScriptedRow]) -> KnownFeed {
    let plain = rows.iter().filter(|row| row.kind == RowKind::Plain);
    KnownFeed {
        records: plain.map(|row| (row.id.clone(), row.instant())).collect(),
        unreadable: rows
            .iter()
            .filter(|row| row.kind == RowKind::Poison)
            .filter_map(|row| {
                Window::new(row.instant(), row.instant() + TimeDelta::microseconds(1))
            })
            .collect(),
        longest_hole: TimeDelta::microseconds(1),
    }
}

/// A source that keeps every rule but one.
struct Breaking {
    inner: Paged<ScriptedPages>,
    capabilities: Capabilities,
    mapping: Misled,
    rule: Option<FeedRule>,
    readings: AtomicU32,
}

impl Breaking {
    fn new(rule: Option<FeedRule>, rows: Vec<ScriptedRow>) -> Self {
        let inner = Paged::new(ScriptedPages::new(able(10), rows, PagesFaults::default()));
        let mut capabilities = inner.capabilities().clone();
        if rule == Some(FeedRule::Axis) {
            capabilities.axis = Axis::Arrival;
        }
        Self {
            capabilities,
            mapping: Misled(rule == Some(FeedRule::Agreement)),
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
        &self.mapping
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

/// Rows as events, under another id where it is misled.
struct Misled(bool);

impl Mapping for Misled {
    fn platform(&self) -> &'static str {
        "scripted"
    }

    fn version(&self) -> i64 {
        1
    }

    fn origins(&self) -> &'static Origins {
        &Origins {
            columns: &[],
            secret: &[],
            identity: &[],
        }
    }

    fn identify<'a>(&self, record: &'a [u8]) -> Result<Identity<'a>, Unidentified<'a>> {
        crate::source::paged::scripted::ScriptedMapping.identify(record)
    }

    fn normalise<'a>(&self, record: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        let identity = self.identify(record).map_err(|nameless| nameless.unfit)?;
        let raw = std::str::from_utf8(record).unwrap();
        let mut event = Event::bare(raw, identity.time, raw.into());
        event.native_id = Some(match self.0 {
            true => "another".into(),
            false => identity.native_id,
        });
        Ok(event)
    }
}

async fn verdict(rule: Option<FeedRule>, rows: Vec<ScriptedRow>) -> Result<(), FeedRule> {
    let known = known(&rows);
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
