//! Predicting how long a window may be so that one response holds it whole.
//!
//! A walk cuts segments off the front of a window. How long the n-th is depends on what the source
//! said about the (n − [`AHEAD`])-th and those before it, never on what happened to be known at
//! that moment: the same responses make the same segments, however many are under way at once.

use super::grid::{Grid, micros_of};
use super::verdict::Seen;
use crate::window::Window;
use std::collections::BTreeMap;

/// How many segments of one walk may be without an answer. More would be faster against a slow
/// source and predict worse: a day's rush hour begins within a few pages.
const AHEAD: u64 = 3;

/// Share of a page that a predicted segment aims at; the rest is room for errors.
const TARGET: f64 = 0.8;

/// Share of a page that a segment may hold whose rows are already known.
pub(super) const FIT: f64 = 0.9;

/// How much longer a segment may be than the one its length is predicted from.
const GROWTH: f64 = 32.0;

/// Fewest rows that a page is asked for.
pub(super) const SMALLEST: u32 = 2;

/// What is known about the density of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Length of the stretch in microseconds.
    length: f64,
    /// Rows per microsecond.
    density: f64,
    /// Rows in it, at least.
    rows: u64,
    /// Bytes of a row on average, where there were any.
    row_bytes: Option<f64>,
    /// Most bytes of a response, where one of this stretch was too large.
    byte_cap: Option<u64>,
}

impl Sample {
    /// From the answer for a whole segment: its density, leaning to that of its last third, since
    /// what follows is like the end.
    pub(super) fn of(window: Window, seen: &Seen, byte_cap: Option<u64>) -> Self {
        let length = micros_of(window).max(1) as f64;
        let rows = seen.at_least();
        let mut density = rows as f64 / length;
        if rows == seen.rows && seen.in_order() {
            let third = window.to - window.duration() / 3;
            let last = seen.times.iter().filter(|time| **time >= third).count();
            density = (density + last as f64 * 3.0 / length) / 2.0;
        }
        Self {
            length,
            density,
            rows,
            row_bytes: (seen.rows > 0).then(|| seen.bytes as f64 / seen.rows as f64),
            byte_cap,
        }
    }

    /// From a response that is only the beginning of its window: the density of its second half.
    pub(super) fn of_beginning(window: Window, seen: &Seen, byte_cap: Option<u64>) -> Self {
        let whole = Self::of(window, seen, byte_cap);
        let rows = seen.times.len();
        let (Some(middle), Some(last)) = (seen.times.get(rows / 2), seen.times.last()) else {
            return whole;
        };
        if !seen.in_order() {
            return whole;
        }
        let length = (*last - *middle).num_microseconds().unwrap_or(i64::MAX);
        let length = length.max(1) as f64;
        Self {
            length,
            density: (rows - rows / 2) as f64 / length,
            ..whole
        }
    }

    /// Microseconds that hold about `rows`.
    fn length_for(&self, rows: f64) -> f64 {
        let longest = self.length * GROWTH;
        if self.density > 0.0 {
            (rows / self.density).min(longest)
        } else {
            longest
        }
    }
}

/// A window that is being cut into segments from its front.
#[derive(Debug)]
pub(super) struct Walk {
    rest: Window,
    /// The longest first segment: less than the window that was already found too full.
    longest: f64,
    sample: Sample,
    /// Rows of the whole walk, where the source counted them.
    total: Option<u64>,
    /// Rows in the segments that the sample has passed.
    passed: u64,
    /// Number of the next segment.
    next: u64,
    /// Answers that the sample has not passed yet; `None` where the answer was a failure.
    answers: BTreeMap<u64, Option<Sample>>,
    page_cap: u32,
}

/// A segment as a walk cuts it.
#[derive(Debug, PartialEq)]
pub(super) struct Cut {
    pub(super) number: u64,
    pub(super) window: Window,
    pub(super) size: u32,
    /// Nothing is left of the walk.
    pub(super) last: bool,
}

impl Walk {
    /// A walk over `rest`, which holds `total` rows if that is known.
    pub(super) fn new(rest: Window, sample: Sample, total: Option<u64>, page_cap: u32) -> Self {
        Self {
            rest,
            longest: f64::MAX,
            sample,
            total,
            passed: 0,
            next: 0,
            answers: BTreeMap::new(),
            page_cap,
        }
    }

    /// The same, but its first segment is at most half of it: the whole is known to be too much.
    pub(super) fn at_most_half(mut self) -> Self {
        self.longest = micros_of(self.rest) as f64 / 2.0;
        self
    }

    /// Cuts the next segment off, or `None` while the answer it depends on is missing.
    pub(super) fn cut(&mut self, grid: Grid) -> Option<Cut> {
        if let Some(number) = self.next.checked_sub(AHEAD)
            && let Some(sample) = self.answers.remove(&number)?
        {
            self.passed += sample.rows;
            self.sample = Sample {
                row_bytes: sample.row_bytes.or(self.sample.row_bytes),
                byte_cap: sample.byte_cap.or(self.sample.byte_cap),
                ..sample
            };
        }
        let size = self.size();
        let page = f64::from(size);
        let left = self.total.map(|total| total.saturating_sub(self.passed));
        let fits = left.is_some_and(|left| left as f64 <= page * FIT);
        let wanted = self.sample.length_for(page * TARGET);
        let whole = micros_of(self.rest) as f64;
        // A small remainder goes along: it would cost a request of its own.
        let all = fits || wanted * 1.2 >= whole;
        let length = if all { whole } else { wanted }.min(self.longest);
        let (window, rest) = grid.first_part(self.rest, length);
        let number = self.next;
        self.next += 1;
        self.longest = f64::MAX;
        if let Some(rest) = rest {
            self.rest = rest;
        }
        Some(Cut {
            number,
            window,
            size,
            last: rest.is_none(),
        })
    }

    /// Takes the first answer about a segment in.
    pub(super) fn learn(&mut self, number: u64, sample: Option<Sample>) {
        self.answers.entry(number).or_insert(sample);
    }

    /// Rows to ask for: the page cap, or fewer where a response would come near the byte cap.
    fn size(&self) -> u32 {
        match (self.sample.byte_cap, self.sample.row_bytes) {
            (Some(cap), Some(row)) if row > 0.0 => {
                let rows = cap as f64 / 2.0 / row;
                // Saturates.
                (rows as u32).clamp(SMALLEST.min(self.page_cap), self.page_cap)
            }
            _ => self.page_cap,
        }
    }
}
