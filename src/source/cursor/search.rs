//! Questions that need no window read whole: whether the filters are obeyed, and what is oldest.

use super::pass::keyed;
use super::{Chain, LinkRequest, Reply};
use crate::source::oldest::first_date;
use crate::source::{Keyed, ProofLimit, SourceError, Tenant, year};
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;

/// The year of the request that must return nothing.
const CONTROL_YEAR: i32 = 2999;

/// Most responses without a row that one question may take.
const LINKS: u32 = 200;

/// How often the first rows of what lies before the oldest so far are asked for, before its date is
/// searched instead.
const ROUNDS: u32 = 16;

/// See [`Source::control_request`](crate::source::Source::control_request).
pub(super) async fn control_request(chain: &dyn Chain, tenant: &Tenant) -> Result<(), SourceError> {
    // Where the platform is given no start there is nothing that it could obey.
    if chain
        .chaining()
        .limits
        .contains(&ProofLimit::NoWindowFilter)
    {
        return Ok(());
    }
    let window = year(CONTROL_YEAR)
        .and_then(|from| Window::new(from, from + TimeDelta::days(1)))
        .ok_or_else(|| SourceError::Settings {
            message: "the calendar ends too early".to_owned(),
        })?;
    let records = first_rows(chain, tenant, window).await?;
    // Somebody's clock may really have been there, so rows of that day prove nothing.
    let of_that_day = |record: &Keyed| record.position().is_some_and(|at| window.contains(at));
    match records.iter().all(of_that_day) {
        true => Ok(()),
        false => Err(SourceError::FiltersIgnored {
            tenant: tenant.to_string(),
            window,
            rows: records.len() as u64,
        }),
    }
}

/// The position of the oldest record before `until`; `None` where there is none. The midnight before it
/// where the oldest records cannot be read.
///
/// Rows may come in any order, so the oldest of the first rows is only a guess, and the next question is
/// what lies before it: mostly nothing.
///
/// # Errors
/// Those of [`Chain::link`] that are not about records.
pub(super) async fn oldest(
    chain: &dyn Chain,
    tenant: &Tenant,
    until: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, SourceError> {
    // No record is older: the text of an instant has a year of four digits.
    let Some(first) = chain.earliest(until).or(year(1)) else {
        return Ok(None);
    };
    let mut found = None;
    let mut before = until;
    for _ in 0..ROUNDS {
        let Some(window) = Window::new(first, before) else {
            return Ok(found);
        };
        let records = match first_rows(chain, tenant, window).await {
            Ok(records) => records,
            Err(error) if error.is_about_records() => break,
            Err(error) => return Err(error),
        };
        if records.is_empty() {
            return Ok(found);
        }
        match records.iter().map(Keyed::position).min().flatten() {
            Some(oldest) => (found, before) = (Some(oldest), oldest),
            // One of them says no time.
            None => break,
        }
    }
    match Window::new(first, before) {
        Some(window) => Ok(
            first_date(window, |part| holds_any(chain, tenant, part).boxed())
                .await?
                .or(found),
        ),
        None => Ok(found),
    }
}

/// Whether a window holds a record. Where the platform cannot say, it holds one that it cannot read.
async fn holds_any(
    chain: &dyn Chain,
    tenant: &Tenant,
    window: Window,
) -> Result<bool, SourceError> {
    match first_rows(chain, tenant, window).await {
        Ok(records) => Ok(!records.is_empty()),
        Err(error) if error.is_about_records() => Ok(true),
        Err(error) => Err(error),
    }
}

/// The rows of the first response of a chain that has any.
async fn first_rows(
    chain: &dyn Chain,
    tenant: &Tenant,
    window: Window,
) -> Result<Vec<Keyed>, SourceError> {
    let size = chain.chaining().page_cap.max(1);
    let mut request = LinkRequest::first(tenant.clone(), window, size);
    for _ in 0..LINKS {
        let link = match chain.link(&request).await {
            Ok(Reply::Link(link)) => link,
            Ok(Reply::Expired) => {
                request.token = None;
                continue;
            }
            Err(SourceError::TooLarge { .. }) if request.size > 1 => {
                request.size = (request.size / 8).max(1);
                request.token = None;
                continue;
            }
            Err(error) => return Err(error),
        };
        if !link.records.is_empty() || link.next.is_none() {
            let records = link.records.into_iter();
            return Ok(records.map(|returned| keyed(chain, returned)).collect());
        }
        request.token = link.next;
    }
    Err(SourceError::Contradicts {
        message: format!("{LINKS} responses in a row had no records, and each named another"),
    })
}
