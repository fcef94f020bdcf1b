//! The listed events beside a window.
//!
//! Nothing is proven by these lists: an id that they lack is asked for. They only have to reach far enough, so that
//! the ids of the window lie between.

use super::{Asking, DISORDER, ListedId};
use crate::source::paged::{Order, PageRequest, Pages as _};
use crate::source::platform::airflow::client::page::id_of;
use crate::source::reading::key_of;
use crate::source::{ErrorScope, SourceError, year};
use crate::window::Window;
use chrono::{DateTime, Utc};

/// Most pages that are looked through.
const MOST_PAGES: u32 = 1_000;

/// The listed events on one side of a window.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Those whose ids may lie among those of the window.
    pub(super) near: Vec<ListedId>,
    /// The id nearest to the window of those that happened too far away to be among them.
    pub(super) anchor: Option<ListedId>,
    /// Requests it took.
    pub(super) requests: u32,
}

impl Asking {
    /// What is listed before `start`.
    pub(super) async fn before(&self, start: DateTime<Utc>) -> Result<Beside, SourceError> {
        let window = year(1).and_then(|first| Window::new(first, start));
        let is_far = |at: DateTime<Utc>| at < start - DISORDER;
        let mut beside = self.beside(window, Order::Newest, is_far).await?;
        let far = std::mem::take(&mut beside.near);
        let (far, near): (Vec<_>, Vec<_>) = far.into_iter().partition(|(_, at)| is_far(*at));
        beside.anchor = far.into_iter().max();
        beside.near = near;
        Ok(beside)
    }

    /// What is listed from `end` on.
    pub(super) async fn after(&self, end: DateTime<Utc>) -> Result<Beside, SourceError> {
        let window = year(10_000).and_then(|last| Window::new(end, last));
        let is_far = |at: DateTime<Utc>| at >= end + DISORDER;
        let mut beside = self.beside(window, Order::Oldest, is_far).await?;
        let far = std::mem::take(&mut beside.near);
        let (far, near): (Vec<_>, Vec<_>) = far.into_iter().partition(|(_, at)| is_far(*at));
        beside.anchor = far.into_iter().min();
        beside.near = near;
        Ok(beside)
    }

    /// What is listed in a window, page by page until one event is far.
    async fn beside(
        &self,
        window: Option<Window>,
        order: Order,
        is_far: impl Fn(DateTime<Utc>) -> bool,
    ) -> Result<Beside, SourceError> {
        let mut beside = Beside::default();
        let Some(window) = window else {
            return Ok(beside);
        };
        for page in 1..=MOST_PAGES {
            let rows = match self.listed(window, order, page).await {
                Ok(rows) => rows,
                // An event there cannot be served. What is not listed is asked for by id.
                Err(error) if error.scope() == ErrorScope::Window => break,
                Err(error) => return Err(error),
            };
            beside.requests += 1;
            let is_last = rows.is_empty() || rows.iter().any(|(_, at)| is_far(*at));
            beside.near.extend(rows);
            if is_last {
                break;
            }
        }
        Ok(beside)
    }

    /// Ids and times on one page of a window.
    pub(super) async fn listed(
        &self,
        window: Window,
        order: Order,
        page: u32,
    ) -> Result<Vec<ListedId>, SourceError> {
        let size = self.list.paging().page_cap;
        let request = PageRequest {
            order,
            page,
            ..PageRequest::first(self.tenant.clone(), window, size)
        };
        let page = self.list.page(&request).await?;
        let rows = page.records.iter().filter_map(|record| {
            let key = key_of(self.list.mapping(), &record.record).ok()?;
            Some((id_of(&record.record)?, key.time))
        });
        Ok(rows.collect())
    }
}
