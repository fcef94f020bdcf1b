//! A scripted platform that is read in pages, for tests.

use super::{Narrow, Order, Page, PageRequest, Pages, Paging, UpperEdge};
use crate::source::scripted::{Faults, ScriptedPlatform, ScriptedRow};
use crate::source::{Axis, ClockReading, Mapping, PlatformWords, SourceError, Tenant};
use async_trait::async_trait;
use chrono::TimeDelta;

pub(in crate::source) struct ScriptedPages {
    pub(in crate::source) platform: ScriptedPlatform,
    paging: Paging,
}

/// How a well-behaved platform pages.
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

impl ScriptedPages {
    pub(in crate::source) fn new(paging: Paging, rows: Vec<ScriptedRow>, faults: Faults) -> Self {
        Self {
            platform: ScriptedPlatform::new(rows, faults),
            paging,
        }
    }

    fn answer(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let number = self.platform.receive()?;
        if request.size > self.paging.page_cap || request.size == 0 || request.page == 0 {
            return Err(SourceError::Refused {
                status: 422,
                message: PlatformWords::default(),
            });
        }
        let selected = self.select(request);
        let size = request.size as usize;
        let first = (request.page as usize - 1) * size;
        let page: Vec<ScriptedRow> = selected.iter().skip(first).take(size).cloned().collect();
        let records = self.platform.respond(number, &page, Axis::Event)?;
        let faults = &self.platform.faults;
        let miscount = faults.miscounts.get(&number).copied().unwrap_or(0);
        let total = (selected.len() as u64).saturating_add_signed(miscount);
        let total = faults.total.unwrap_or(total);
        Ok(Page {
            total: Some(total.min(self.paging.count_cap.unwrap_or(u64::MAX))),
            records,
            bytes: 0,
        })
    }

    fn select(&self, request: &PageRequest) -> Vec<ScriptedRow> {
        let window = request.window;
        let closed = self.paging.upper_edge == UpperEdge::Closed;
        let mut selected = self.platform.select(|row| {
            let time = row.instant();
            let inside = window.contains(time) || (closed && time == window.to);
            let narrow = match &request.narrow {
                Some(Narrow::Action(action)) => *action == row.action.to_string(),
                Some(Narrow::Resource(_)) => false,
                None => true,
            };
            inside && narrow
        });
        selected.sort_by_key(|row| row.time);
        if request.order == Order::Newest {
            selected.reverse();
        }
        selected
    }
}

#[async_trait]
impl Pages for ScriptedPages {
    fn paging(&self) -> &Paging {
        &self.paging
    }

    fn tenants(&self) -> &[Tenant] {
        &self.platform.tenants
    }

    fn mapping(&self) -> &dyn Mapping {
        &self.platform.mapping
    }

    async fn page(&self, request: &PageRequest) -> Result<Page, SourceError> {
        let answer = self.answer(request);
        self.platform.jitter().await;
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
        self.platform.requests()
    }
}
