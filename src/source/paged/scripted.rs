//! A source in memory that misbehaves as it is told, for tests.

use super::{Narrow, Order, Page, PageRequest, Pages, Paging, UpperEdge};
use crate::event::Event;
use crate::event::redact::Origins;
use crate::event::unfit::{Reason, Unfit};
use crate::source::{
    ClockReading, Identity, Mapping, PlatformWords, Returned, SourceError, Tenant, Unidentified,
};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// One record of the double. Its bytes are `id@nanoseconds`, or `?id` where it has no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct ScriptedRow {
    pub(in crate::source) id: String,
    /// Nanoseconds since 1970.
    pub(in crate::source) time: i128,
    pub(in crate::source) kind: RowKind,
    pub(in crate::source) action: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum RowKind {
    Plain,
    /// The platform cannot read it.
    Poison,
    /// The platform fails with this status when it is on a page.
    Fails(u16),
    /// It fills a response alone.
    Giant,
    /// Nobody can tell its id or time.
    Unfit,
}

/// What changes between two requests.
#[derive(Debug, Clone)]
pub(in crate::source) enum RowChange {
    Insert(ScriptedRow),
    Purge(String),
}

/// How a platform misbehaves.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct PagesFaults {
    /// Rows of the same time come in another order each time.
    pub(in crate::source) unstable: bool,
    /// By number of the request: the total is off by this much.
    pub(in crate::source) miscounts: BTreeMap<u64, i64>,
    /// By number of the request: the last row is missing.
    pub(in crate::source) partial: Vec<u64>,
    /// Ids that come twice in every response.
    pub(in crate::source) doubled: Vec<String>,
    /// By number of the request: what happened before it.
    pub(in crate::source) changes: BTreeMap<u64, Vec<RowChange>>,
    /// Windows, narrowings and order are not known to it.
    pub(in crate::source) ignores_filters: bool,
    /// By number of the request: the response breaks off.
    pub(in crate::source) cut: Vec<u64>,
    /// Fails for good from this request on.
    pub(in crate::source) breaks_at: Option<u64>,
    /// Answers of some requests come later than those of others.
    pub(in crate::source) jitter: bool,
    /// Every total is this number.
    pub(in crate::source) total: Option<u64>,
}

pub(in crate::source) struct ScriptedPages {
    pub(in crate::source) can: Paging,
    pub(in crate::source) faults: PagesFaults,
    tenants: Vec<Tenant>,
    state: Mutex<ScriptedState>,
}

struct ScriptedState {
    rows: Vec<ScriptedRow>,
    requests: u64,
    dice: u64,
}

pub(in crate::source) fn main() -> Tenant {
    Tenant::Named("main".to_owned())
}

/// What a well-behaved source can do.
pub(in crate::source) fn able(page_cap: u32) -> Paging {
    Paging {
        counts_trusted: true,
        count_cap: None,
        page_cap,
        upper_edge: UpperEdge::Open,
        tick: TimeDelta::microseconds(1),
        arrival: TimeDelta::zero(),
        horizon: None,
    }
}

pub(in crate::source) fn row(id: impl Into<String>, time: impl Into<i128>) -> ScriptedRow {
    ScriptedRow {
        id: id.into(),
        time: time.into(),
        kind: RowKind::Plain,
        action: 0,
    }
}

/// An instant of any year that can be written.
pub(in crate::source) fn instant(nanos: i128) -> DateTime<Utc> {
    let second = 1_000_000_000;
    let seconds = i64::try_from(nanos.div_euclid(second)).unwrap();
    let rest = u32::try_from(nanos.rem_euclid(second)).unwrap();
    DateTime::from_timestamp(seconds, rest).unwrap()
}

impl ScriptedRow {
    pub(in crate::source) fn instant(&self) -> DateTime<Utc> {
        instant(self.time)
    }

    pub(in crate::source) fn returned(&self) -> Returned {
        let text = match self.kind {
            RowKind::Unfit => format!("?{}", self.id),
            _ => format!("{}@{}", self.id, self.time),
        };
        Returned::record(Bytes::from(text))
    }
}

impl ScriptedPages {
    pub(in crate::source) fn new(
        can: Paging,
        mut rows: Vec<ScriptedRow>,
        faults: PagesFaults,
    ) -> Self {
        rows.sort_by_key(|row| row.time);
        Self {
            can,
            faults,
            tenants: vec![main()],
            state: Mutex::new(ScriptedState {
                rows,
                requests: 0,
                dice: 1,
            }),
        }
    }

    fn answer(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let number = state.requests;
        for change in self.faults.changes.get(&number).into_iter().flatten() {
            match change {
                RowChange::Insert(row) => {
                    let at = state.rows.partition_point(|known| known.time <= row.time);
                    state.rows.insert(at, row.clone());
                }
                RowChange::Purge(id) => state.rows.retain(|row| row.id != *id),
            }
        }
        if self.faults.breaks_at.is_some_and(|first| number >= first) {
            return Err(SourceError::Unauthorised {
                message: PlatformWords::default(),
            });
        }
        if self.faults.cut.contains(&number) {
            return Err(SourceError::CutOff {
                tries: 1,
                message: String::new(),
            });
        }
        if request.size > self.can.page_cap || request.size == 0 || request.page == 0 {
            return Err(SourceError::Refused {
                status: 422,
                message: PlatformWords::default(),
            });
        }
        let selected = self.select(&mut state, request);
        let first = (request.page as usize - 1) * request.size as usize;
        let page: Vec<&ScriptedRow> = selected
            .iter()
            .skip(first)
            .take(request.size as usize)
            .collect();
        for row in &page {
            match row.kind {
                RowKind::Poison => {
                    return Err(SourceError::UnreadableRecord {
                        message: PlatformWords::default(),
                    });
                }
                RowKind::Fails(status) => {
                    return Err(SourceError::ServerFailure {
                        status,
                        tries: 1,
                        message: PlatformWords::default(),
                    });
                }
                RowKind::Giant => return Err(SourceError::TooLarge { cap: 1000 }),
                RowKind::Plain | RowKind::Unfit => {}
            }
        }
        let mut records: Vec<Returned> = page.iter().map(|row| row.returned()).collect();
        if self.faults.partial.contains(&number) {
            records.pop();
        }
        let miscount = self.faults.miscounts.get(&number).copied().unwrap_or(0);
        let total = (selected.len() as u64).saturating_add_signed(miscount);
        let total = self.faults.total.unwrap_or(total);
        Ok(Page {
            total: Some(total.min(self.can.count_cap.unwrap_or(u64::MAX))),
            records,
            bytes: 0,
        })
    }

    fn select(&self, state: &mut ScriptedState, request: &PageRequest) -> Vec<ScriptedRow> {
        let window = request.window;
        let closed = self.can.upper_edge == UpperEdge::Closed;
        let wanted = |row: &&ScriptedRow| {
            let time = row.instant();
            let inside = window.contains(time) || (closed && time == window.to);
            let narrow = match &request.narrow {
                Some(Narrow::Action(action)) => *action == row.action.to_string(),
                Some(Narrow::Resource(_)) => false,
                None => true,
            };
            self.faults.ignores_filters || (inside && narrow)
        };
        let mut selected = Vec::new();
        for row in state.rows.iter().filter(wanted) {
            selected.push(row.clone());
            if self.faults.doubled.contains(&row.id) {
                selected.push(row.clone());
            }
        }
        if self.faults.unstable {
            let dice = &mut state.dice;
            let mut keyed: Vec<_> = selected
                .into_iter()
                .map(|row| {
                    *dice = dice
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(99);
                    (row.time, *dice >> 20, row)
                })
                .collect();
            keyed.sort_by_key(|(time, chance, _)| (*time, *chance));
            selected = keyed.into_iter().map(|(_, _, row)| row).collect();
        }
        if request.order == Order::Newest {
            selected.reverse();
        }
        selected
    }
}

#[async_trait]
impl Pages for ScriptedPages {
    fn paging(&self) -> &Paging {
        &self.can
    }

    fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &ScriptedMapping
    }

    async fn page(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let answer = self.answer(request);
        if self.faults.jitter {
            let requests = self.requests();
            for _ in 0..(requests * 7919) % 13 {
                tokio::task::yield_now().await;
            }
        }
        answer
    }

    fn narrowings(&self) -> Vec<Narrow> {
        (0..3)
            .map(|action| Narrow::Action(action.to_string().into()))
            .collect()
    }

    fn clock(&self) -> Option<ClockReading> {
        None
    }

    fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }
}

/// Rows as records.
pub(in crate::source) struct ScriptedMapping;

impl Mapping for ScriptedMapping {
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
        let text = std::str::from_utf8(record).unwrap();
        let (id, time) = text.split_once('@').ok_or(Unfit::because(Reason::NoId))?;
        Ok(Identity {
            native_id: id.into(),
            time: instant(time.parse().unwrap()),
            tenant: None,
        })
    }

    fn normalise<'a>(&self, _: &'a [u8], _: Option<&'a [u8]>) -> Result<Event<'a>, Unfit> {
        Err(Unfit::because(Reason::NotJson))
    }
}
