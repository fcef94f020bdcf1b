//! The request whose answer is known: a window in the far future.

use super::{PageRequest, Pages};
use crate::source::{Returned, SourceError, Tenant, year};
use crate::window::Window;
use chrono::TimeDelta;

/// The year of the request that must return nothing.
const CONTROL_YEAR: i32 = 2999;

/// See [`Source::control_request`](crate::source::Source::control_request).
pub(super) async fn control_request(pages: &dyn Pages, tenant: &Tenant) -> Result<(), SourceError> {
    let window = year(CONTROL_YEAR)
        .and_then(|from| Window::new(from, from + TimeDelta::days(1)))
        .ok_or_else(|| SourceError::Settings {
            message: "the calendar ends too early".to_owned(),
        })?;
    let request = PageRequest::first(tenant.clone(), window, 2);
    let page = pages.page(&request).await?;
    let rows = page.total.unwrap_or(0).max(page.records.len() as u64);
    // Somebody's clock may really have been there, so rows of that day prove nothing.
    let of_that_day = |record: &Returned| {
        let identity = pages.mapping().identify(&record.record);
        identity.is_ok_and(|identity| window.from <= identity.time && identity.time <= window.to)
    };
    let explained = !page.records.is_empty() && page.records.iter().all(of_that_day);
    if rows > 0 && page.records.is_empty() {
        return Err(SourceError::Contradicts {
            message: format!("for {window} of {tenant} it counts {rows} but returns no records"),
        });
    }
    if rows > 0 && !explained {
        return Err(SourceError::FiltersIgnored {
            tenant: tenant.to_string(),
            window,
            rows,
        });
    }
    Ok(())
}
