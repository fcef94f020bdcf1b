//! Predicting how long a window may be so that one response holds it whole.
//!
//! A [`Road`] cuts a window into lanes of a few pages each, and several lanes are read at once. A
//! [`WalkLane`] goes page by page: it knows the answer for each segment before it cuts the next, so that
//! it can follow rush hours, and takes back what a segment was too long. How long the n-th lane is
//! depends on the end of the (n − [`LANES`])-th, never on what happened to be known at that moment:
//! the same responses make the same segments, however many are under way at once.

use super::verdict::SeenPage;
use crate::source::grid::{Grid, micros_of};
use crate::window::Window;
use std::collections::{BTreeMap, VecDeque};

/// How many lanes of a road are read at once.
const LANES: u64 = 3;

/// Pages that a lane aims at. More of them waste less at the end of each, and more responses wait
/// for earlier lanes.
const LANE_PAGES: f64 = 5.0;

/// Segments after which a lane that still has far to go becomes a road.
const LANE_SEGMENTS: u32 = 12;

/// Share of a page that a segment aims at; the rest is room for errors.
const TARGET: f64 = 0.85;

/// Share of a page that a segment may hold whose rows are already known.
pub(super) const FIT: f64 = 0.9;

/// Segments from which the density of the next is predicted.
const RECENT: usize = 3;

/// How much longer a stretch may be than the one that its length is predicted from.
const GROWTH: f64 = 32.0;

/// Fewest rows that a page is asked for.
pub(super) const SMALLEST: u32 = 2;

/// What is known about a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Microseconds.
    length: f64,
    /// Rows, at least.
    rows: f64,
    /// Bytes of a row on average, where there were any.
    row_bytes: Option<f64>,
}

/// How large a response may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Rows.
    pub(super) rows: u32,
    /// Bytes.
    pub(super) bytes: u64,
}

impl Sample {
    /// From a response about a whole window.
    pub(super) fn of(window: Window, seen: &SeenPage) -> Self {
        Self {
            length: micros_of(window).max(1) as f64,
            rows: seen.at_least() as f64,
            row_bytes: (seen.rows > 0).then(|| seen.bytes as f64 / seen.rows as f64),
        }
    }

    /// From a response whose count does not fit its rows: what follows is judged by the rows, or a wrong
    /// count would make all of it short.
    pub(super) fn of_rows(window: Window, seen: &SeenPage) -> Self {
        Self {
            rows: seen.rows as f64,
            ..Self::of(window, seen)
        }
    }

    /// From a response that is only the beginning of its window: the second half of its rows.
    pub(super) fn of_beginning(window: Window, seen: &SeenPage) -> Self {
        let whole = Self::of(window, seen);
        let rows = seen.times.len();
        match (seen.times.get(rows / 2), seen.times.last()) {
            (Some(middle), Some(last)) if seen.in_order() => Self {
                length: (*last - *middle)
                    .num_microseconds()
                    .unwrap_or(i64::MAX)
                    .max(1) as f64,
                rows: (rows - rows / 2) as f64,
                ..whole
            },
            _ => whole,
        }
    }

    /// Microseconds that hold about `rows`, but not far more than this stretch.
    fn length_for(&self, rows: f64) -> f64 {
        let longest = self.length * GROWTH;
        if self.rows > 0.0 {
            (rows * self.length / self.rows).min(longest)
        } else {
            longest
        }
    }

    /// Rows to ask for: a page, or fewer where a response would take more than half of the bytes
    /// that it may.
    fn size(&self, most: Most) -> u32 {
        match self.row_bytes {
            Some(row) if row > 0.0 => {
                // Saturates.
                let rows = (most.bytes as f64 / 2.0 / row) as u32;
                rows.clamp(SMALLEST.min(most.rows), most.rows)
            }
            _ => most.rows,
        }
    }
}

/// A window that is being cut into lanes from its front.
#[derive(Debug)]
pub(super) struct Road {
    rest: Window,
    sample: Sample,
    /// Rows of the whole road, where the source counted them.
    total: Option<u64>,
    most: Most,
    /// The first lane is at most this long.
    longest: f64,
    /// Number of the next lane.
    next: u64,
    /// How lanes ended that the sample has not come to yet.
    ends: BTreeMap<u64, Sample>,
}

impl Road {
    /// A road over `rest`, which holds `total` rows if that is known.
    pub(super) fn new(rest: Window, sample: Sample, total: Option<u64>, most: Most) -> Self {
        Self {
            rest,
            sample,
            total,
            most,
            longest: f64::MAX,
            next: 0,
            ends: BTreeMap::new(),
        }
    }

    /// The same, but its first segment is at most half of it: the whole is known to be too much.
    pub(super) fn at_most_half(mut self) -> Self {
        self.longest = micros_of(self.rest) as f64 / 2.0;
        self
    }

    /// Cuts the next lane off, with its number and whether nothing is left, or `None` while the end
    /// of the lane it depends on is not known.
    pub(super) fn cut(&mut self, grid: Grid) -> Option<(u64, WalkLane, bool)> {
        if let Some(number) = self.next.checked_sub(LANES) {
            self.sample = self.ends.remove(&number)?;
        }
        let page = f64::from(self.sample.size(self.most));
        let wanted = self.sample.length_for(page * TARGET * LANE_PAGES);
        let whole = micros_of(self.rest) as f64;
        let fits = self.total.is_some_and(|total| total as f64 <= page * FIT);
        // A small remainder goes along.
        let all = fits || wanted * 1.3 >= whole;
        let length = if all { whole } else { wanted }.min(self.longest);
        let (window, rest) = grid.first_part(self.rest, length);
        let number = self.next;
        let lane = WalkLane {
            rest: Some(window),
            recent: VecDeque::from([self.sample]),
            left: self.total.filter(|_| number == 0 && rest.is_none()),
            most: self.most,
            segments: 0,
            waits: false,
        };
        self.next += 1;
        self.longest = f64::MAX;
        if let Some(rest) = rest {
            self.rest = rest;
        }
        Some((number, lane, rest.is_none()))
    }

    /// Takes in how a lane ended.
    pub(super) fn learn(&mut self, number: u64, end: Sample) {
        self.ends.insert(number, end);
    }
}

/// A window that is read page by page.
#[derive(Debug)]
pub(super) struct WalkLane {
    rest: Option<Window>,
    /// What the last segments were like, or the road where the lane begins; never empty.
    recent: VecDeque<Sample>,
    /// Rows that are left, where the source counted them.
    left: Option<u64>,
    most: Most,
    segments: u32,
    /// A segment has no answer yet.
    waits: bool,
}

impl WalkLane {
    /// Cuts the next segment off, with the rows to ask for; `None` while the one before it has no
    /// answer, and at the end.
    pub(super) fn cut(&mut self, grid: Grid) -> Option<(Window, u32)> {
        let rest = self.rest.filter(|_| !self.waits)?;
        let sample = self.recently();
        let size = sample.size(self.most);
        let page = f64::from(size);
        let whole = micros_of(rest) as f64;
        let wanted = sample.length_for(page * TARGET);
        // As many equal parts as it takes, so that none is small; a part may be a little longer.
        let parts = if self.left.is_some_and(|left| left as f64 <= page * FIT) {
            1.0
        } else {
            (whole / wanted.max(1.0) - 0.15).ceil().max(1.0)
        };
        let (window, rest) = if parts > 1.0 {
            grid.first_part(rest, whole / parts)
        } else {
            (rest, None)
        };
        self.rest = rest;
        self.segments += 1;
        self.waits = true;
        Some((window, size))
    }

    /// Takes in that a segment was read whole.
    pub(super) fn learn(&mut self, sample: Sample) {
        self.waits = false;
        self.left = self
            .left
            .map(|left| left.saturating_sub(sample.rows as u64));
        if self.segments == 1 || self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
    }

    /// Takes in that a segment could not be read.
    pub(super) fn pass(&mut self) {
        self.waits = false;
    }

    /// Takes back what follows `from` of a segment that was too long.
    pub(super) fn take_back(&mut self, part: Window, sample: Sample) {
        self.waits = false;
        self.left = None;
        self.recent = VecDeque::from([sample]);
        self.rest = Some(match self.rest {
            Some(rest) => Window {
                from: part.from,
                to: rest.to,
            },
            None => part,
        });
    }

    /// Whether everything was cut and answered.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_none() && !self.waits
    }

    /// The rest of a lane that turned out far longer than a lane should be.
    pub(super) fn too_long(&self) -> Option<Road> {
        let rest = self
            .rest
            .filter(|_| !self.waits && self.segments >= LANE_SEGMENTS)?;
        Some(Road::new(rest, self.recently(), None, self.most))
    }

    /// The last segments taken together.
    pub(super) fn recently(&self) -> Sample {
        let mut samples = self.recent.iter();
        let mut sum = samples.next().copied().unwrap_or(Sample {
            length: 1.0,
            rows: 0.0,
            row_bytes: None,
        });
        for sample in samples {
            sum.length += sample.length;
            sum.rows += sample.rows;
            sum.row_bytes = sample.row_bytes.or(sum.row_bytes);
        }
        sum
    }
}
