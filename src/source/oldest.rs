//! Finding the oldest record by asking which windows hold one.

use super::SourceError;
use crate::window::{Window, midnight};
use chrono::{DateTime, Days, Utc};
use futures::future::BoxFuture;

/// The first midnight after which a window holds a record, of whatever kind, as `holds_any` tells of each
/// window. `None` where the whole window holds none.
///
/// # Errors
/// Those of `holds_any`.
pub(super) async fn first_date<'a>(
    window: Window,
    holds_any: impl Fn(Window) -> BoxFuture<'a, Result<bool, SourceError>> + Send + Sync,
) -> Result<Option<DateTime<Utc>>, SourceError> {
    if !holds_any(window).await? {
        return Ok(None);
    }
    let first = window.from.date_naive();
    let days = u64::try_from(window.duration().num_days()).unwrap_or(0);
    let nth = |days| {
        let date = first.checked_add_days(Days::new(days));
        date.map_or(window.to, midnight).min(window.to)
    };
    // So many dates are known to be empty, and of so many it is known that they are not.
    let (mut empty, mut filled) = (0, days + 1);
    while empty + 1 < filled {
        let middle = empty + (filled - empty) / 2;
        let found = match Window::new(nth(empty), nth(middle)) {
            Some(part) => holds_any(part).await?,
            None => false,
        };
        match found {
            true => filled = middle,
            false => empty = middle,
        }
    }
    Ok(Some(nth(empty)))
}
