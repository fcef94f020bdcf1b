//! Trying what the server says of its lists, before it is believed.
//!
//! | asked | tells |
//! |---|---|
//! | a day of the year 2999 | whether the bounds of time are obeyed; a total there is that of the whole table |
//! | the whole log, newest first | how many events a page may have: a larger limit is cut down without a word |
//! | the microsecond of the newest event | whether the bounds count themselves in, as in early versions of Airflow 2 |
//! | event 0, of Airflow 3 | whether the account may read events of no DAG: without that permission they are missing in lists and totals, and nothing else says so |
//!
//! A total is believed where it was seen to be both: 0 of a window without events, and more than that of the log.
//! Where it is not, two readings that agree take its place, and a page that is cut off must not be taken for a
//! whole one: then no more events are asked for than were seen in one page.

use super::{Airflow, AirflowDialect, EventList, ListBounds};
use crate::source::paged::{Order, Page, PageRequest, Pages as _, Paging, UpperEdge};
use crate::source::{Mapping as _, SourceError, Tenant, year};
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// The year of the request that must return nothing.
const CONTROL_YEAR: i32 = 2999;

/// Most events that a page is asked for.
const MOST_ROWS: u32 = 1_000;

/// Airflow's own limit, unless its configuration says otherwise.
const USUAL_ROWS: u32 = 100;

/// Tries the lists of a server.
///
/// # Errors
/// [`SourceError::FiltersIgnored`], [`SourceError::RecordDenied`], and those of a request.
pub(in crate::source::platform::airflow) async fn try_list(
    airflow: Arc<Airflow>,
    tenant: &Tenant,
) -> Result<EventList, SourceError> {
    let mut list = EventList {
        airflow,
        bounds: ListBounds::Strict,
        paging: Paging {
            counts_trusted: false,
            count_cap: None,
            page_cap: 1,
            upper_edge: UpperEdge::Open,
            tick: TimeDelta::microseconds(1),
            // An event is visible once its transaction ends, and is made when it begins.
            arrival: TimeDelta::minutes(1),
            // Until somebody runs `airflow db clean`.
            horizon: None,
        },
    };
    let obeys = is_empty_where_nothing_is(&list, tenant).await?;
    let log = PageRequest {
        order: Order::Newest,
        ..PageRequest::first(tenant.clone(), whole_log()?, MOST_ROWS)
    };
    let log = list.page_as_served(&log).await?;
    let (rows, total) = (log.records.len() as u64, log.total.unwrap_or(0));
    let seen = u32::try_from(rows).unwrap_or(MOST_ROWS).clamp(1, MOST_ROWS);
    list.paging.counts_trusted = obeys && total > 0 && total >= rows;
    list.paging.page_cap = match list.paging.counts_trusted && rows == total {
        // All there is. A lower limit than the usual one would show in totals.
        true => seen.max(USUAL_ROWS),
        false => seen,
    };
    if let Some(newest) = times(&log).next()
        && counts_bounds_in(&list, tenant, newest).await?
    {
        list.bounds = ListBounds::Inclusive;
        list.paging.upper_edge = UpperEdge::Closed;
    }
    if list.airflow.dialect() == AirflowDialect::V2 {
        list.airflow.event(tenant, 0).await?;
    }
    Ok(list)
}

/// Asks for a day on which nothing happened. Whether the total says so, too.
async fn is_empty_where_nothing_is(list: &EventList, tenant: &Tenant) -> Result<bool, SourceError> {
    let window = year(CONTROL_YEAR)
        .and_then(|from| Window::new(from, from + TimeDelta::days(1)))
        .ok_or_else(calendar)?;
    let page = list
        .page_as_served(&PageRequest::first(tenant.clone(), window, 2))
        .await?;
    let rows = page.records.len() as u64;
    // Somebody's clock may really have been there.
    let of_that_day = |at: DateTime<Utc>| window.from <= at && at <= window.to;
    let explained = times(&page).filter(|at| of_that_day(*at)).count() as u64;
    if explained < rows {
        return Err(SourceError::FiltersIgnored {
            tenant: tenant.to_string(),
            window,
            rows: rows.max(page.total.unwrap_or(0)),
        });
    }
    Ok(page.total == Some(rows))
}

/// Whether an event is returned where the lower bound is its own time.
async fn counts_bounds_in(
    list: &EventList,
    tenant: &Tenant,
    at: DateTime<Utc>,
) -> Result<bool, SourceError> {
    let tick = TimeDelta::microseconds(1);
    // With strict bounds this asks for what lies between two neighbouring microseconds.
    let Some(between) = Window::new(at + tick, at + tick + TimeDelta::nanoseconds(1)) else {
        return Ok(false);
    };
    let list = EventList {
        bounds: ListBounds::Strict,
        ..list.clone()
    };
    let request = PageRequest::first(tenant.clone(), between, 1);
    let page = list.page(&request).await?;
    let found = times(&page).any(|found| found == at);
    Ok(found)
}

/// Everything that a list can show.
pub(in crate::source::platform::airflow) fn whole_log() -> Result<Window, SourceError> {
    let window = year(1).zip(year(10_000));
    window
        .and_then(|(from, to)| Window::new(from, to))
        .ok_or_else(calendar)
}

/// When the events of a page happened, as far as that can be read.
fn times(page: &Page) -> impl Iterator<Item = DateTime<Utc>> + '_ {
    let mapping = super::AirflowMapping;
    let records = page.records.iter();
    records.filter_map(move |record| Some(mapping.identify(&record.record).ok()?.time))
}

fn calendar() -> SourceError {
    SourceError::Settings {
        message: "the calendar ends too early".to_owned(),
    }
}
