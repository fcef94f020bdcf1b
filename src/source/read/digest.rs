//! From a page to what the planner needs to know about it.

use super::{Key, Keyed, Nameless};
use crate::event::unfit::{Reason, Unfit};
use crate::source::slice::{ROW_BYTES, Seen};
use crate::source::{Page, PageRequest, Source, SourceError, UpperEdge};
use crate::window::Window;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What makes two rows the same record: tenant and id, or, without an id, the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RowKey<S, B> {
    Id(Option<S>, S),
    Bytes(B),
}

impl Keyed {
    /// Its id on its platform, where that can be read.
    pub(crate) fn native_id(&self) -> Option<&str> {
        match &self.key {
            Ok(key) => Some(&key.native_id),
            Err(nameless) => nameless.native_id.as_deref(),
        }
    }

    /// The key, borrowed.
    pub(super) fn row_key(&self) -> RowKey<&str, &[u8]> {
        match &self.key {
            Ok(key) => RowKey::Id(key.tenant.as_deref(), &key.native_id),
            Err(_) => RowKey::Bytes(&self.returned.record),
        }
    }

    /// The key, to keep.
    pub(super) fn own_row_key(&self) -> RowKey<Box<str>, Bytes> {
        match &self.key {
            Ok(key) => RowKey::Id(key.tenant.clone(), key.native_id.clone()),
            // A copy, since a part of the response would keep all of it.
            Err(_) => RowKey::Bytes(Bytes::copy_from_slice(&self.returned.record)),
        }
    }

    /// The same, without the rest of the response it came in.
    pub(super) fn detached(mut self) -> Self {
        let returned = &mut self.returned;
        returned.record = Bytes::copy_from_slice(&returned.record);
        returned.user = returned.user.as_deref().map(Bytes::copy_from_slice);
        self
    }

    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        self.key.as_ref().ok().map(|key| key.time)
    }

    /// Bytes of record and joined user.
    pub(super) fn bytes(&self) -> u64 {
        let user = self.returned.user.as_ref().map_or(0, Bytes::len);
        (self.returned.record.len() + user) as u64
    }

    /// Bytes that it takes in memory, with what is noted of it.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.bytes() + ROW_BYTES
    }
}

/// The key of a record, as its source reads it.
pub(crate) fn key_of(source: &dyn Source, record: &[u8]) -> Result<Key, Nameless> {
    match source.identify(record) {
        Ok(identity) => Ok(Key {
            native_id: identity.native_id.into(),
            tenant: identity.tenant.map(Into::into),
            time: identity.time,
        }),
        Err(unidentified) => Err(Nameless {
            unfit: unidentified.unfit,
            native_id: unidentified.native_id.map(Into::into),
        }),
    }
}

/// Reads the key of every record of a page.
///
/// # Errors
/// [`SourceError::OutsideWindow`] when one of them has no business in the window asked for.
pub(super) fn digest(
    source: &dyn Source,
    request: &PageRequest,
    page: Page,
) -> Result<(Seen, Vec<Keyed>), SourceError> {
    digest_within(source, request, request.window, page)
}

/// The same where records may lie anywhere in `window`.
///
/// # Errors
/// [`SourceError::OutsideWindow`].
pub(super) fn digest_within(
    source: &dyn Source,
    request: &PageRequest,
    window: Window,
    page: Page,
) -> Result<(Seen, Vec<Keyed>), SourceError> {
    let edge = source.capabilities().upper_edge;
    let mut records = Vec::with_capacity(page.records.len());
    for returned in page.records {
        let key = if returned.is_record {
            key_of(source, &returned.record)
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
    let seen = Seen {
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

/// How many different records there are.
pub(super) fn distinct(records: &[Keyed]) -> usize {
    records
        .iter()
        .map(Keyed::row_key)
        .collect::<HashSet<_>>()
        .len()
}
