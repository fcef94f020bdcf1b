//! Ids and the dates under which the lake holds them: a compact set, in memory.

use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Bits of a fingerprint that choose its bucket.
const BUCKET_BITS: u32 = 14;
/// Number of buckets.
pub(super) const BUCKETS: usize = 1 << BUCKET_BITS;
/// Bytes of one id: 32 bits of its fingerprint and the number of its date, both big-endian, so that
/// the order of bytes is the order of fingerprints.
const SLOT_BYTES: usize = 6;
/// Bytes of memory that one id takes, with the slack of its bucket.
const BYTES_EACH: usize = 7;

/// 46 bits of SHA-256 over a source and an id. Two ids may share one, so a hit says where to look and
/// proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint {
    bucket: u16,
    rest: u32,
}

impl Fingerprint {
    /// The fingerprint of a record's id on its platform.
    pub(crate) fn of(source: &str, native_id: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(source.as_bytes());
        // No source id holds this byte.
        hasher.update([0]);
        hasher.update(native_id.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let [first, second, a, b, c, d, ..] = digest;
        Self {
            bucket: u16::from_be_bytes([first, second]) >> (16 - BUCKET_BITS),
            rest: u32::from_be_bytes([a, b, c, d]),
        }
    }
}

type Slot = [u8; SLOT_BYTES];

fn slot(rest: u32, date: u16) -> Slot {
    let [a, b, c, d] = rest.to_be_bytes();
    let [e, f] = date.to_be_bytes();
    [a, b, c, d, e, f]
}

fn rest_of([a, b, c, d, ..]: Slot) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

fn date_of([_, _, _, _, e, f]: Slot) -> u16 {
    u16::from_be_bytes([e, f])
}

/// Under which dates the lake holds an id. Bounded: where there is no room for all of the lake, the
/// oldest dates are left out, and [`IdIndex::complete_from`] says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdIndex {
    /// Sorted slots by the first bits of their fingerprints.
    buckets: Vec<Vec<Slot>>,
    /// Dates by their numbers; a number whose date was left out is used again.
    dates: Vec<Option<NaiveDate>>,
    numbers: BTreeMap<NaiveDate, u16>,
    len: usize,
    most: usize,
    complete_from: Option<NaiveDate>,
}

impl IdIndex {
    /// An index of nothing that may take so many bytes of memory.
    pub(crate) fn within(bytes: u64) -> Self {
        let most = usize::try_from(bytes).unwrap_or(usize::MAX) / BYTES_EACH;
        Self::of_most(most.max(1))
    }

    /// An index of nothing that may hold so many ids.
    pub(super) fn of_most(most: usize) -> Self {
        Self {
            buckets: vec![Vec::new(); BUCKETS],
            dates: Vec::new(),
            numbers: BTreeMap::new(),
            len: 0,
            most,
            complete_from: None,
        }
    }

    /// Number of ids, one that is held under several dates counted for each.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Most ids that there is room for.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The first date of which all ids are here; `None` where nothing was left out.
    pub(crate) fn complete_from(&self) -> Option<NaiveDate> {
        self.complete_from
    }

    /// The dates under which an id may be held, in order.
    pub(crate) fn dates(&self, id: Fingerprint) -> BTreeSet<NaiveDate> {
        let bucket = self.buckets.get(usize::from(id.bucket));
        let slots = bucket.map_or(&[][..], Vec::as_slice);
        let first = slots.partition_point(|slot| rest_of(*slot) < id.rest);
        slots
            .iter()
            .skip(first)
            .take_while(|slot| rest_of(**slot) == id.rest)
            .filter_map(|slot| *self.dates.get(usize::from(date_of(*slot)))?)
            .collect()
    }

    /// Notes that the lake holds an id under a date.
    pub(crate) fn insert(&mut self, id: Fingerprint, date: NaiveDate) {
        if self.complete_from.is_some_and(|from| date < from) {
            return;
        }
        let Some(number) = self.number_of(date) else {
            return;
        };
        let Some(bucket) = self.buckets.get_mut(usize::from(id.bucket)) else {
            return;
        };
        let slot = slot(id.rest, number);
        if let Err(at) = bucket.binary_search(&slot) {
            if bucket.len() == bucket.capacity() {
                // Doubling would leave half of the memory unused.
                bucket.reserve_exact(bucket.len() / 8 + 4);
            }
            bucket.insert(at, slot);
            self.len += 1;
        }
        if self.len > self.most {
            self.make_room();
        }
    }

    /// Leaves out all dates before this one.
    pub(crate) fn leave_out_before(&mut self, date: NaiveDate) {
        if self.complete_from.is_some_and(|from| from >= date) {
            return;
        }
        self.complete_from = Some(date);
        let gone: BTreeSet<u16> = self
            .numbers
            .range(..date)
            .map(|(_, number)| *number)
            .collect();
        self.numbers.retain(|known, _| *known >= date);
        for number in &gone {
            if let Some(date) = self.dates.get_mut(usize::from(*number)) {
                *date = None;
            }
        }
        if gone.is_empty() {
            return;
        }
        self.len = 0;
        for bucket in &mut self.buckets {
            bucket.retain(|slot| !gone.contains(&date_of(*slot)));
            self.len += bucket.len();
        }
    }

    /// Leaves out the oldest dates until a sixteenth is free, so that this is rarely done.
    fn make_room(&mut self) {
        let mut of_date: BTreeMap<u16, usize> = BTreeMap::new();
        for slot in self.buckets.iter().flatten() {
            *of_date.entry(date_of(*slot)).or_default() += 1;
        }
        let mut left = self.len;
        let enough = self.most - self.most / 16;
        for (date, number) in self.numbers.clone() {
            if left <= enough {
                return self.leave_out_before(date);
            }
            left -= of_date.get(&number).copied().unwrap_or_default();
        }
        // A single date is more than there is room for.
        if let Some(after) = self
            .numbers
            .keys()
            .next_back()
            .and_then(NaiveDate::succ_opt)
        {
            self.leave_out_before(after);
        }
    }

    fn number_of(&mut self, date: NaiveDate) -> Option<u16> {
        if let Some(number) = self.numbers.get(&date) {
            return Some(*number);
        }
        let free = self.dates.iter().position(Option::is_none);
        let at = free.unwrap_or(self.dates.len());
        let Ok(number) = u16::try_from(at) else {
            // More dates than numbers: without the oldest one there is a number again.
            let oldest = *self.numbers.keys().next()?;
            self.leave_out_before(oldest.succ_opt()?);
            return if date > oldest {
                self.number_of(date)
            } else {
                None
            };
        };
        match self.dates.get_mut(at) {
            Some(free) => *free = Some(date),
            None => self.dates.push(Some(date)),
        }
        self.numbers.insert(date, number);
        Some(number)
    }

    /// The dates by their numbers, as a file keeps them.
    pub(super) fn numbered_dates(&self) -> &[Option<NaiveDate>] {
        &self.dates
    }

    /// The slots by bucket, in order.
    pub(super) fn slots(&self) -> impl Iterator<Item = &[[u8; SLOT_BYTES]]> {
        self.buckets.iter().map(Vec::as_slice)
    }

    /// An index from the parts of a file; `None` where they do not fit together.
    pub(super) fn from_parts(
        most: usize,
        complete_from: Option<NaiveDate>,
        dates: Vec<Option<NaiveDate>>,
        buckets: Vec<Vec<Slot>>,
    ) -> Option<Self> {
        let mut numbers = BTreeMap::new();
        for (number, date) in dates.iter().enumerate() {
            if let Some(date) = date {
                let number = u16::try_from(number).ok()?;
                if numbers.insert(*date, number).is_some() {
                    return None;
                }
            }
        }
        let named = |slot: &Slot| {
            let date = dates.get(usize::from(date_of(*slot)));
            date.is_some_and(Option::is_some)
        };
        let in_order = |bucket: &Vec<Slot>| bucket.is_sorted_by(|one, other| one < other);
        if buckets.len() != BUCKETS
            || !buckets.iter().all(in_order)
            || !buckets.iter().flatten().all(named)
        {
            return None;
        }
        let len = buckets.iter().map(Vec::len).sum();
        let mut index = Self {
            buckets,
            dates,
            numbers,
            len,
            most,
            complete_from,
        };
        if index.len > index.most {
            index.make_room();
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1)
            .and_then(|first| first.checked_add_days(chrono::Days::new(u64::from(day))))
            .unwrap()
    }

    fn id(id: u32) -> Fingerprint {
        Fingerprint::of("kestra-prod", &format!("r{id}"))
    }

    #[test]
    fn an_id_has_another_fingerprint_under_another_source() {
        assert_ne!(Fingerprint::of("a", "bc"), Fingerprint::of("ab", "c"));
        assert_ne!(Fingerprint::of("a", "x"), Fingerprint::of("b", "x"));
        assert_eq!(id(7), id(7));
    }

    #[test]
    fn the_oldest_dates_make_room_and_are_named() {
        let mut index = IdIndex::of_most(160);
        for day_of in 0..10 {
            for nth in 0..20 {
                index.insert(id(day_of * 100 + nth), day(day_of));
            }
        }
        let from = index.complete_from().unwrap();
        assert!(
            index.len() <= 160 && from > day(0),
            "{} {from}",
            index.len()
        );
        for day_of in 0..10 {
            for nth in 0..20 {
                let found = index.dates(id(day_of * 100 + nth)).contains(&day(day_of));
                assert_eq!(found, day(day_of) >= from, "{day_of}");
            }
        }
        let before = index.len();
        index.insert(id(9_999), day(0));
        assert_eq!(index.len(), before);
        // A date that is larger than all the room leaves nothing.
        for nth in 0..400 {
            index.insert(id(20_000 + nth), day(50));
        }
        assert!(index.len() <= 160);
        assert_eq!(index.complete_from(), Some(day(51)));
    }

    #[test]
    fn there_are_never_more_dates_than_numbers() {
        let mut index = IdIndex::of_most(1 << 20);
        let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        for (nth, date) in first.iter_days().take(66_000).enumerate() {
            index.insert(id(u32::try_from(nth).unwrap()), date);
        }
        assert_eq!(index.len(), 1 << 16);
        let from = index.complete_from().unwrap();
        assert_eq!(from, first.iter_days().nth(66_000 - (1 << 16)).unwrap());
        assert_eq!(index.dates(id(65_999)).len(), 1);
        assert!(index.dates(id(0)).is_empty());
        index.insert(id(1), first);
        assert_eq!(index.len(), 1 << 16);
    }

    proptest! {
        /// Against a plain map.
        #[test]
        fn knows_what_was_inserted(
            inserted in prop::collection::vec((0..200u32, 0..30u32), 0..300),
            left_out in prop::option::of(0..30u32),
        ) {
            let mut index = IdIndex::of_most(10_000);
            let mut plain: BTreeMap<u32, BTreeSet<NaiveDate>> = BTreeMap::new();
            for (nth, date) in &inserted {
                index.insert(id(*nth), day(*date));
                plain.entry(*nth).or_default().insert(day(*date));
            }
            if let Some(before) = left_out {
                index.leave_out_before(day(before));
                plain.values_mut().for_each(|dates| dates.retain(|date| *date >= day(before)));
            }
            for nth in 0..200 {
                let dates = plain.remove(&nth).unwrap_or_default();
                prop_assert_eq!(index.dates(id(nth)), dates);
            }
        }
    }
}
