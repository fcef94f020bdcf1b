//! Numbers without the records: how many, and how old.
//!
//! Sources say any number, so sums of theirs stop at the largest one instead of overflowing.

use super::digest::digest;
use super::{Order, PageRequest, Pages, UpperEdge};
use crate::source::grid::Grid;
use crate::source::oldest::first_date;
use crate::source::{Count, ErrorScope, SourceError, Tenant, year};
use crate::window::{Window, format_instant};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;

/// Rows asked for to see which lie at a closed upper edge, or which is the oldest.
const FEW: u32 = 16;

/// Most pages that are looked through for the rows at a closed upper edge.
const EDGE_PAGES: u32 = 1_000;

/// Counts the rows of a window as the source counts them.
///
/// # Errors
/// Those of [`Pages::page`].
pub(super) async fn count(
    source: &dyn Pages,
    tenant: &Tenant,
    window: Window,
) -> Result<Count, SourceError> {
    let can = source.paging();
    let grid = Grid::new(can.tick);
    let mut count = Count {
        rows: 0,
        exact: can.counts_trusted,
        requests: 0,
    };
    let mut parts = vec![window];
    while let Some(part) = parts.pop() {
        let (total, edge) = count_part(source, tenant, part, &mut count.requests).await?;
        let limited = total.is_none() || total == can.count_cap;
        match grid.halves(part).filter(|_| limited && can.counts_trusted) {
            Some((left, right)) if total.is_some() => parts.extend([right, left]),
            _ => {
                count.exact &= !limited;
                let rows = total.unwrap_or(0).saturating_sub(edge);
                count.rows = count.rows.saturating_add(rows);
            }
        }
    }
    Ok(count)
}

/// The total of one request, and how many of those rows lie at the closed upper edge.
async fn count_part(
    source: &dyn Pages,
    tenant: &Tenant,
    window: Window,
    requests: &mut u32,
) -> Result<(Option<u64>, u64), SourceError> {
    let can = source.paging();
    let mut request = PageRequest::first(tenant.clone(), window, 1);
    if can.upper_edge == UpperEdge::Open {
        *requests += 1;
        let page = match source.page(&request).await {
            Err(error) if error.scope() == ErrorScope::Window => {
                // The row that came along cannot be read; perhaps the last one can.
                *requests += 1;
                request.order = Order::Newest;
                source.page(&request).await?
            }
            other => other?,
        };
        return Ok((digest(source, &request, page)?.0.total, 0));
    }
    // Newest first, so that the rows at the edge come first, in the same response as the total.
    request.order = Order::Newest;
    request.size = FEW.min(can.page_cap);
    let mut edge = 0;
    loop {
        *requests += 1;
        let page = source.page(&request).await?;
        let (seen, records) = digest(source, &request, page)?;
        let at_edge = records
            .iter()
            .take_while(|record| record.time() == Some(window.to))
            .count() as u64;
        edge += at_edge;
        if at_edge < u64::from(request.size) {
            return Ok((seen.total, edge));
        }
        if request.page == EDGE_PAGES {
            let to = format_instant(window.to);
            return Err(SourceError::Contradicts {
                message: format!("page after page of {window} holds nothing but records of {to}"),
            });
        }
        request.page += 1;
    }
}

/// When the oldest record happened that the source still has before `until`; `None` where it has none.
/// The midnight before it where the oldest records cannot be read or have no time: they are found by
/// what is counted, so no record can hide the others.
///
/// # Errors
/// Those of [`Pages::page`] that are not about records.
pub(super) async fn oldest(
    source: &dyn Pages,
    tenant: &Tenant,
    until: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, SourceError> {
    // No record is older: the text of an instant has a year of four digits.
    let Some(window) = year(1).and_then(|first| Window::new(first, until)) else {
        return Ok(None);
    };
    let size = FEW.min(source.paging().page_cap);
    let request = PageRequest::first(tenant.clone(), window, size);
    match source.page(&request).await {
        Ok(page) => {
            let (seen, records) = digest(source, &request, page)?;
            let all_have_times = seen.times.len() == records.len();
            match seen.times.into_iter().min() {
                Some(oldest) if all_have_times => return Ok(Some(oldest)),
                None if records.is_empty() && seen.total.unwrap_or(0) == 0 => return Ok(None),
                _ => {}
            }
        }
        Err(error) if error.is_about_records() => {}
        Err(error) => return Err(error),
    }
    first_date(window, |part| holds_any(source, tenant, part).boxed()).await
}

/// Whether a window holds a record, of whatever kind.
async fn holds_any(
    source: &dyn Pages,
    tenant: &Tenant,
    window: Window,
) -> Result<bool, SourceError> {
    let request = PageRequest::first(tenant.clone(), window, 1);
    match source.page(&request).await {
        Ok(page) => Ok(page.total.unwrap_or(0) > 0 || !page.records.is_empty()),
        Err(error) if error.is_about_records() => Ok(true),
        Err(error) => Err(error),
    }
}
