//! Numbers without the records: how many, how old, how many in the future.

use super::digest::digest;
use crate::source::slice::Grid;
use crate::source::{Order, Page, PageRequest, Scope, Source, SourceError, Tenant, UpperEdge};
use crate::window::Window;
use chrono::{DateTime, NaiveDate, Utc};

/// Rows asked for to see which lie at a closed upper edge, or which is the oldest.
const FEW: u32 = 16;

/// Most of the oldest rows that are passed over because the platform cannot read them.
const OLDEST_TRIES: u32 = 16;

/// How many rows a source has in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Rows. Where `exact` is false, as far as the source says.
    pub rows: u64,
    /// Whether the number is one: the source counts truly and did not stop at its limit.
    pub exact: bool,
    /// Requests it took.
    pub requests: u32,
}

/// Counts the rows of a window as the source counts them.
///
/// # Errors
/// Those of [`Source::page`].
pub async fn count(
    source: &dyn Source,
    tenant: &Tenant,
    window: Window,
) -> Result<Count, SourceError> {
    let can = source.capabilities();
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
                count.rows += total.unwrap_or(0).saturating_sub(edge);
            }
        }
    }
    Ok(count)
}

/// The total of one request, and how many of those rows lie at the closed upper edge.
async fn count_part(
    source: &dyn Source,
    tenant: &Tenant,
    window: Window,
    requests: &mut u32,
) -> Result<(Option<u64>, u64), SourceError> {
    let can = source.capabilities();
    let mut request = PageRequest::first(tenant.clone(), window, 1);
    if can.upper_edge == UpperEdge::Open {
        *requests += 1;
        let page = match source.page(&request).await {
            Err(error) if error.scope() == Scope::Window => {
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
        request.page += 1;
    }
}

/// Counts the rows dated `now` or later, up to the year 9999.
///
/// # Errors
/// Those of [`Source::page`].
pub async fn count_after(
    source: &dyn Source,
    tenant: &Tenant,
    now: DateTime<Utc>,
) -> Result<Count, SourceError> {
    match new_year(9999).and_then(|end| Window::new(now, end)) {
        Some(window) => count(source, tenant, window).await,
        None => Ok(Count {
            rows: 0,
            exact: true,
            requests: 0,
        }),
    }
}

/// When the oldest record happened that the source still has, from 1970 on and before `until`;
/// `None` where it has none.
///
/// # Errors
/// Those of [`Source::page`]; [`SourceError::NotUnderstood`] where none of the oldest records has
/// a time.
pub async fn oldest(
    source: &dyn Source,
    tenant: &Tenant,
    until: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, SourceError> {
    let Some(window) = Window::new(DateTime::UNIX_EPOCH, until) else {
        return Ok(None);
    };
    let size = FEW.min(source.capabilities().page_cap);
    let mut request = PageRequest::first(tenant.clone(), window, size);
    let (request, page) = match source.page(&request).await {
        Err(error) if error.scope() == Scope::Window => {
            request.size = 1;
            let page = first_readable(source, &mut request, error).await?;
            (request, page)
        }
        other => (request, other?),
    };
    let (seen, _) = digest(source, &request, page)?;
    match seen.times.into_iter().min() {
        None if seen.rows > 0 => Err(SourceError::NotUnderstood {
            message: format!("none of the oldest {} records has a time", seen.rows),
        }),
        oldest => Ok(oldest),
    }
}

/// The first of the oldest rows that the platform can read, one by one.
async fn first_readable(
    source: &dyn Source,
    request: &mut PageRequest,
    mut error: SourceError,
) -> Result<Page, SourceError> {
    for page in 1..=OLDEST_TRIES {
        request.page = page;
        match source.page(request).await {
            Err(failed) if failed.scope() == Scope::Window => error = failed,
            other => return other,
        }
    }
    Err(error)
}

/// The first instant of a year.
pub(in crate::source) fn new_year(year: i32) -> Option<DateTime<Utc>> {
    Some(
        NaiveDate::from_ymd_opt(year, 1, 1)?
            .and_time(chrono::NaiveTime::MIN)
            .and_utc(),
    )
}
