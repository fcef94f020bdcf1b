//! From a page to what the planner needs to know about it.

use super::slice::SeenPage;
use super::{Page, PageRequest, Pages, UpperEdge};
use crate::event::unfit::{Reason, Unfit};
use crate::source::reading::key_of;
use crate::source::{Keyed, Nameless, SourceError};
use crate::window::Window;
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Reads the key of every record of a page.
///
/// # Errors
/// [`SourceError::OutsideWindow`] when one of them has no business in the window asked for.
pub(super) fn digest(
    source: &dyn Pages,
    request: &PageRequest,
    page: Page,
) -> Result<(SeenPage, Vec<Keyed>), SourceError> {
    digest_within(source, request, request.window, page)
}

/// The same where records may lie anywhere in `window`.
///
/// # Errors
/// [`SourceError::OutsideWindow`].
pub(super) fn digest_within(
    source: &dyn Pages,
    request: &PageRequest,
    window: Window,
    page: Page,
) -> Result<(SeenPage, Vec<Keyed>), SourceError> {
    let edge = source.paging().upper_edge;
    let mut records = Vec::with_capacity(page.records.len());
    for returned in page.records {
        let key = if returned.is_record {
            key_of(source.mapping(), &returned.record)
        } else {
            Err(Nameless {
                unfit: Unfit::because(Reason::NoRecord),
                native_id: None,
            })
        };
        if let Ok(key) = &key
            && !lies_in(window, edge, key.time)
        {
            return Err(SourceError::OutsideWindow {
                window,
                time: key.time,
            });
        }
        records.push(Keyed { returned, key });
    }
    let mut different = HashSet::with_capacity(records.len());
    let mut print = 0_u64;
    for record in &records {
        let key = record.row_key();
        // The hasher has fixed keys: two readings are compared by their prints.
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        if different.insert(key) {
            print = print.wrapping_add(hasher.finish());
        }
    }
    let seen = SeenPage {
        size: request.size,
        rows: records.len() as u64,
        distinct: different.len() as u64,
        total: page.total,
        bytes: records
            .iter()
            .map(Keyed::bytes)
            .sum::<u64>()
            .max(page.bytes),
        print,
        times: records.iter().filter_map(Keyed::time).collect(),
    };
    drop(different);
    Ok((seen, records))
}

fn lies_in(window: Window, edge: UpperEdge, time: DateTime<Utc>) -> bool {
    window.contains(time) || (edge == UpperEdge::Closed && time == window.to)
}

/// Takes out the rows of a closed upper edge: they belong to the next window.
pub(super) fn trim(window: Window, records: &mut Vec<Keyed>) {
    records.retain(|record| record.time().is_none_or(|time| time < window.to));
}
