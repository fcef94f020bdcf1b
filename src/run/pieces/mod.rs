//! From slices to pieces: what was read of one feed on one UTC date.
//!
//! A slice may span several dates where records are rare. A chunk holds rows of one date only, so
//! slices are cut at midnight, which loses nothing: a slice that was read whole is read whole in
//! every part of it.
//!
//! Windows, and the dates under which records are counted, are of the axis on which the feed is read.
//! A record is filed under the date on which it happened. The two differ only where a feed is read by
//! arrival ([`Axis`](crate::source::Axis)).

mod chunk;

pub(super) use chunk::{Chunk, ChunkBounds};

use crate::ledger::entry::{HoleEntry, HoleReasonCode};
use crate::source::objects::ReadObject;
use crate::source::{Keyed, SliceOutcome};
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeMap;

/// What was read, or not, of one feed within one date, or a stretch of dates without records.
#[derive(Debug)]
pub(super) struct Piece {
    /// Tenant as the ledger names it.
    pub(super) tenant: String,
    /// The window; it has records of one date only.
    pub(super) window: Window,
    /// Records in it, repetitions included.
    pub(super) records: Vec<Keyed>,
    /// The objects that lie in it, where the feed is read in objects.
    pub(super) objects: Vec<ReadObject>,
    /// What reading it showed of its window.
    pub(super) shown: Shown,
}

/// What reading a piece showed of its window, beyond that the records are real.
#[derive(Debug)]
pub(super) enum Shown {
    /// That it has these records and no others.
    Whole,
    /// That it could not be read whole.
    Hole(HoleEntry),
    /// Nothing: they come from a file, and nobody knows which others there were.
    Nothing,
}

impl Piece {
    /// Whether its window was read whole.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.shown, Shown::Whole)
    }

    /// The hole that it is.
    pub(super) const fn hole(&self) -> Option<&HoleEntry> {
        match &self.shown {
            Shown::Hole(hole) => Some(hole),
            Shown::Whole | Shown::Nothing => None,
        }
    }

    /// The date that a record is counted under: that of the piece where the record has no readable time.
    pub(super) fn date_of(&self, record: &Keyed) -> NaiveDate {
        let position = record.position().unwrap_or(self.window.from);
        position.date_naive()
    }

    /// The date that a record is filed under, in files and in the index of ids.
    pub(super) fn filed_under(&self, record: &Keyed) -> NaiveDate {
        record.time().unwrap_or(self.window.from).date_naive()
    }

    /// First and last date under which its records may be filed.
    pub(super) fn filing_dates(&self) -> (NaiveDate, NaiveDate) {
        let window = (self.window.from.date_naive(), self.window.to.date_naive());
        let filed = self.records.iter().map(|record| self.filed_under(record));
        filed.fold(window, |(first, last), date| {
            (first.min(date), last.max(date))
        })
    }

    /// Where the lake may hold its records under the times that they state: windows of the time of the
    /// act, of one date each.
    pub(super) fn lookups(&self) -> Vec<Window> {
        if self.records.iter().all(|it| it.returned.arrived.is_none()) {
            return vec![self.window];
        }
        let mut by_date: BTreeMap<NaiveDate, (DateTime<Utc>, DateTime<Utc>)> = BTreeMap::new();
        for record in &self.records {
            let time = record.time().unwrap_or(self.window.from);
            let (first, last) = by_date.entry(time.date_naive()).or_insert((time, time));
            (*first, *last) = ((*first).min(time), (*last).max(time));
        }
        let windows = by_date.into_values();
        windows
            .filter_map(|(first, last)| Window::new(first, last + TimeDelta::nanoseconds(1)))
            .collect()
    }

    /// The date of its records; none where it has none.
    pub(super) fn date(&self) -> Option<NaiveDate> {
        self.records.first().map(|record| self.date_of(record))
    }

    /// Bytes that its records take as they were served, and what is noted of its objects.
    pub(super) fn bytes(&self) -> u64 {
        let objects = self
            .objects
            .iter()
            .map(|read| OBJECT_BYTES + read.object.key.len() as u64);
        self.records.iter().map(Keyed::held_bytes).sum::<u64>() + objects.sum::<u64>()
    }
}

/// Bytes that are noted of an object beside its key, about.
const OBJECT_BYTES: u64 = 256;

/// Cuts what the reader returned into pieces, in order of time.
pub(super) fn cut(tenant: &str, outcome: SliceOutcome) -> Vec<Piece> {
    match outcome {
        SliceOutcome::Slice(slice) => {
            let pieces = cut_slice(tenant, slice.window, slice.records);
            with_objects(pieces, slice.objects)
        }
        SliceOutcome::Hole(hole) => vec![Piece {
            tenant: tenant.to_owned(),
            window: hole.window,
            records: hole.records,
            objects: hole.objects,
            shown: Shown::Hole(HoleEntry {
                tenant: tenant.to_owned(),
                window: hole.window,
                reason: HoleReasonCode(hole.reason.name().to_owned()),
                detail: hole.detail,
            }),
        }],
    }
}

/// Where a record stands among those of its slice: on one date as in the lake's files.
fn place<'a>(record: &'a Keyed, window: &Window) -> (NaiveDate, DateTime<Utc>, &'a str) {
    let date = record.position().unwrap_or(window.from).date_naive();
    let (time, id) = record
        .key
        .as_ref()
        .map_or((window.from, ""), |key| (key.time, &key.native_id));
    (date, time, id)
}

fn cut_slice(tenant: &str, window: Window, mut records: Vec<Keyed>) -> Vec<Piece> {
    // A slice with a record without a readable time is of one date (see `dated`). Sorted as the
    // lake's files are, by time and then id, rows need not be sorted again.
    records.sort_by(|a, b| place(a, &window).cmp(&place(b, &window)));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = records.into_iter().peekable();
    let mut from = window.from;
    while let Some(first) = rest.peek() {
        let date_of = |record: &Keyed| record.position().unwrap_or(window.from).date_naive();
        let date = date_of(first);
        let end = Window::of_date(date).map_or(window.to, |day| day.to.min(window.to));
        let mut own = Vec::new();
        while let Some(record) = rest.next_if(|record| date_of(record) == date) {
            own.push(record);
        }
        pieces.push(Piece {
            tenant: tenant.to_owned(),
            window: Window { from, to: end },
            records: own,
            objects: Vec::new(),
            shown: Shown::Whole,
        });
        from = end;
    }
    if let Some(window) = Window::new(from, window.to) {
        pieces.push(Piece {
            tenant: tenant.to_owned(),
            window,
            records: Vec::new(),
            objects: Vec::new(),
            shown: Shown::Whole,
        });
    }
    pieces
}

/// The pieces with the objects that lie in them.
fn with_objects(mut pieces: Vec<Piece>, objects: Vec<ReadObject>) -> Vec<Piece> {
    for read in objects {
        let position = read.object.position;
        let mut places = pieces.iter_mut();
        if let Some(piece) = places.find(|piece| piece.window.contains(position)) {
            piece.objects.push(read);
        }
    }
    pieces
}
