//! The long-term store of the unified audit, read day by day.
//!
//! A request names one UTC day and is answered with a ZIP file of all its events, so a link of a chain is a day. A
//! window that begins or ends within a day leaves the other events of that day out.

use super::UiPath;
use super::archive::{ArchiveFault, records};
use crate::event::json::{named_in, text};
use crate::source::cursor::{Link, LinkRequest, Reply, Token};
use crate::source::http::Misfit;
use crate::source::platform::uipath::mapping::store_time;
use crate::source::{Returned, SourceError, Tenant};
use crate::window::{Window, midnight};
use bytes::Bytes;
use chrono::{NaiveDate, TimeDelta};

/// For how long the store keeps events.
pub(super) const KEPT: TimeDelta = TimeDelta::days(2 * 365);

/// Most days without an event that are passed in one link.
const DAYS: u32 = 31;

pub(super) async fn link(uipath: &UiPath, request: &LinkRequest) -> Result<Reply, SourceError> {
    let window = request.window;
    let first = window.from.date_naive();
    let last = (window.to - TimeDelta::nanoseconds(1)).date_naive();
    let mut day = match &request.token {
        None => first,
        Some(token) => match token.as_str().parse() {
            Ok(day) => day,
            Err(_) => return Ok(Reply::Expired),
        },
    };
    let mut link = Link::default();
    for _ in 0..DAYS {
        let (records, bytes) = of_day(uipath, &request.tenant, day, request.bytes).await?;
        link.bytes += bytes;
        link.records = of_window(records, window, day);
        let next = day.succ_opt().filter(|next| *next <= last);
        link.next = next.map(|next| Token::new(next.to_string()));
        match next {
            Some(next) if link.records.is_empty() => day = next,
            _ => break,
        }
    }
    Ok(Reply::Link(link))
}

/// The events of a day, and how many bytes they take.
async fn of_day(
    uipath: &UiPath,
    tenant: &Tenant,
    day: NaiveDate,
    most: Option<u64>,
) -> Result<(Vec<Returned>, u64), SourceError> {
    let mut url = uipath.audit(tenant, "downloadeventsfromlongtermstore");
    url.query_pairs_mut()
        .append_pair("from", &format!("{day}T00:00:00Z"))
        .append_pair("to", &format!("{day}T23:59:59Z"));
    let answer = uipath.client.get(&url, tenant, most, zip_file).await;
    let file = answer.map_err(|error| match error {
        // It is this day that takes too long; others may not.
        SourceError::ServerFailure {
            status: 504, tries, ..
        } => SourceError::CutOff {
            tries,
            message: format!("the events of {day} could not be gathered in time (504)"),
        },
        error => error,
    })?;
    let most = most.unwrap_or(u64::MAX);
    // Decompressing a whole day would keep others waiting.
    let work = tokio::task::spawn_blocking(move || records(&file, most));
    match work.await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(ArchiveFault::TooLarge)) => Err(SourceError::TooLarge { cap: most }),
        Ok(Err(fault @ ArchiveFault::CutOff)) => Err(SourceError::CutOff {
            tries: 1,
            message: format!("the file of {day} {fault}"),
        }),
        Ok(Err(fault)) => Err(SourceError::NotUnderstood {
            message: format!("the file of {day} {fault}"),
        }),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(SourceError::Stopped),
        },
    }
}

/// Tells a ZIP file from what anybody else would answer.
fn zip_file(body: Bytes) -> Result<Bytes, Misfit> {
    if body.is_empty() {
        return Err(Misfit::CutOff("the response is empty".to_owned()));
    }
    match body.starts_with(b"PK") {
        true => Ok(body),
        false => Err(Misfit::Foreign("the response is not a ZIP file".to_owned())),
    }
}

/// The events of a day without those that lie in another window of it. What lies on no such day shows that another
/// day was returned, and stays.
fn of_window(mut records: Vec<Returned>, window: Window, day: NaiveDate) -> Vec<Returned> {
    let of_day = Window {
        from: midnight(day),
        to: day.succ_opt().map_or(window.to, midnight),
    };
    records.retain(|returned| {
        let [created] = named_in(&returned.record, ["DateCreatedUtc"]);
        let created = text(created, &returned.record[..]);
        let created = created.and_then(|created| store_time(&created).ok());
        !created.is_some_and(|at| of_day.contains(at) && !window.contains(at))
    });
    records
}
