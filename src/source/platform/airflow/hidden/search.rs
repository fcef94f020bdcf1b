//! Numbers and the oldest event, with the events that lists leave out.

use super::below::{below, ends};
use super::ids::{AskedId, IdSpan};
use super::reader::HiddenReader;
use super::{ABSENT_ABOVE, ABSENT_BELOW, Asking};
use crate::source::paged::{Order, Paged};
use crate::source::platform::airflow::client::{EventList, whole_log};
use crate::source::{Count, Limits, SliceOutcome, Source as _, SourceError, WindowRequest};
use crate::window::Window;
use chrono::{DateTime, Utc};

/// Most ids that are asked for to count a window.
const MOST_ASKED: u64 = 2_000;

/// Most events that are read to count a window.
const MOST_READ: u64 = 50_000;

/// Counts a window, with the events that the list leaves out. It is not exact where too many would have to be asked
/// for: such a date is read instead when it is due.
///
/// # Errors
/// Those of [`Source::count`](crate::source::Source::count).
pub(in crate::source::platform::airflow) async fn count(
    asking: &Asking,
    listed: &Paged<EventList>,
    window: Window,
) -> Result<Count, SourceError> {
    let mut count = listed.count(&asking.tenant, window).await?;
    if !count.exact {
        return Ok(count);
    }
    let missing = missing(asking, window, &mut count).await?;
    if missing == Some(0) {
        return Ok(count);
    }
    count.exact = false;
    if count.rows > MOST_READ || missing.is_some_and(|ids| ids > MOST_ASKED) {
        return Ok(count);
    }
    let limits = Limits {
        concurrency: asking.concurrency,
        ..Limits::default()
    };
    let request = WindowRequest {
        tenant: asking.tenant.clone(),
        window,
        limits,
    };
    let listed = listed.read(request);
    let mut reader = HiddenReader::new(asking.clone(), window, listed, limits.instant_bytes);
    let mut rows = 0;
    while let Some(outcome) = reader.next().await {
        match outcome? {
            SliceOutcome::Slice(slice) => {
                rows += slice.total;
                count.requests = count.requests.saturating_add(slice.requests);
            }
            SliceOutcome::Hole(_) => return Ok(count),
        }
        if reader.asked() > MOST_ASKED {
            return Ok(count);
        }
    }
    Ok(Count {
        rows,
        exact: true,
        ..count
    })
}

/// How many ids between those beside a window are not listed; `None` where the log begins or ends in it, and
/// an id has an event that is not listed.
async fn missing(
    asking: &Asking,
    window: Window,
    count: &mut Count,
) -> Result<Option<u64>, SourceError> {
    let before = asking.before(window.from).await?;
    let after = asking.after(window.to).await?;
    count.requests += before.requests + after.requests;
    let Some((low, _)) = before.anchor else {
        return Ok(None);
    };
    let mut beside: Vec<i64> = before
        .near
        .iter()
        .chain(&after.near)
        .map(|it| it.0)
        .collect();
    let high = match after.anchor {
        Some((id, _)) => id,
        None => {
            // The end of the log: nothing may come after the highest id.
            let newest = asking.listed(window, Order::Newest, 1).await?;
            count.requests += 1;
            let ids = newest.iter().map(|(id, _)| *id);
            let highest = ids.chain(beside.iter().copied()).max().unwrap_or(low);
            let ids = highest + 1..=highest + ABSENT_ABOVE;
            let span = IdSpan {
                from: None,
                to: None,
            };
            let asked = ids.map(|id| AskedId { id, span }).collect();
            count.requests += u32::try_from(ABSENT_ABOVE).unwrap_or(0);
            for (_, answer) in asking.events(asked).await {
                match answer {
                    Ok(None) => {}
                    Ok(Some(_)) => return Ok(None),
                    Err(error) if ends(&error) => return Err(error),
                    Err(_) => return Ok(None),
                }
            }
            highest.max(low) + 1
        }
    };
    beside.retain(|id| low < *id && *id < high);
    beside.sort_unstable();
    beside.dedup();
    let between = u64::try_from(high - low - 1).unwrap_or(0);
    let known = count.rows + beside.len() as u64;
    // More than there are ids between: something happened meanwhile.
    Ok(between.checked_sub(known))
}

/// When the oldest event before `until` happened, whether it is listed or not.
///
/// # Errors
/// Those of [`Source::oldest`](crate::source::Source::oldest).
pub(in crate::source::platform::airflow) async fn oldest(
    asking: &Asking,
    listed: &Paged<EventList>,
    until: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, SourceError> {
    let oldest = listed.oldest(&asking.tenant, until).await?;
    let first = asking.listed(whole_log()?, Order::Oldest, 1).await?;
    let lowest = match first.into_iter().min() {
        Some(lowest) => lowest,
        // No event is listed: those that there may be have the first ids.
        None => (ABSENT_BELOW + 1, until),
    };
    let mut times = Vec::from_iter(oldest);
    for (_, answer) in below(asking, lowest, None).await?.answers {
        match answer {
            Ok(event) => times.extend(event.and_then(|event| event.time())),
            Err(error) if ends(&error) => return Err(error),
            // It may be older, or not be there: reading finds out.
            Err(_) => {}
        }
    }
    Ok(times.into_iter().filter(|at| *at < until).min())
}
