//! What becomes of a piece when its answer comes: finished, asked for again, or replaced by smaller
//! ones.

use super::{CREDIT, Node, PieceState, Segment, SlicePlan};
use crate::source::grid::Grid;
use crate::source::paged::UpperEdge;
use crate::source::paged::slice::verdict::{PageVerdict, SeenPage, judge};
use crate::source::paged::slice::walk::{FIT, Road, SMALLEST, Sample, WalkLane};
use crate::source::paged::slice::{Piece, ROW_BYTES, Trouble};
use crate::source::{ErrorScope, SourceError};
use crate::window::Window;
use chrono::{DateTime, Utc};

impl<P> SlicePlan<P> {
    /// A response came.
    pub(super) fn heard(&mut self, at: usize, seen: SeenPage, payload: P) {
        let Some(segment) = (match self.nodes.get_mut(at) {
            Some(Node::Segment(segment)) => Some(segment),
            _ => None,
        }) else {
            return;
        };
        segment.asks += 1;
        segment.bytes = bytes_of(&seen);
        let verdict = judge(&seen, segment.before.as_ref(), segment.asks, &self.can);
        let window = segment.window;
        let requests = segment.requests;
        match verdict {
            PageVerdict::Whole => {
                self.credit = (self.credit + 2).min(CREDIT);
                let sample = Sample::of(window, &seen);
                self.tell_lane(at, |lane| lane.learn(sample));
                let bond = self.bond(at);
                self.settle(
                    at,
                    Piece::Whole {
                        window,
                        payload,
                        duplicates: seen.rows - seen.distinct,
                        requests,
                    },
                );
                self.tell_pair(bond, true);
            }
            PageVerdict::Again => {
                segment.before = Some(seen);
                segment.state = PieceState::Ready;
            }
            PageVerdict::Beyond => {
                let bond = self.bond(at);
                self.divide(at, &seen);
                self.tell_pair(bond, true);
            }
            PageVerdict::Disagrees => {
                self.credit = self.credit.saturating_sub(1);
                let sample = Sample::of_rows(window, &seen);
                self.tell_lane(at, |lane| lane.learn(sample));
                let trouble = Trouble::Disagrees {
                    total: seen.total,
                    distinct: seen.distinct,
                };
                self.trouble(at, trouble, Some(payload));
            }
        }
    }

    /// A request failed.
    pub(super) fn failed(&mut self, at: usize, error: SourceError) {
        if error.scope() != ErrorScope::Window {
            self.tell_lane(at, WalkLane::pass);
            let bond = self.bond(at);
            self.settle(at, Piece::Failed(error));
            self.tell_pair(bond, true);
            return;
        }
        let response = self.room.response;
        if let SourceError::TooLarge { .. } = error
            && let Some(segment) = self.segment(at)
            && segment.size > SMALLEST
        {
            // What was allowed may have been less than a response may be.
            if segment.bytes < response {
                segment.expects_most = true;
            } else {
                segment.size = (segment.size / 8).max(SMALLEST);
            }
            segment.state = PieceState::Ready;
            return;
        }
        self.tell_lane(at, WalkLane::pass);
        self.trouble(at, Trouble::Failed(error), None);
    }

    /// A piece cannot be read as it is.
    fn trouble(&mut self, at: usize, trouble: Trouble, payload: Option<P>) {
        let grid = self.grid;
        let bond = self.bond(at);
        let Some(segment) = self.segment(at) else {
            return;
        };
        if grid.is_instant(segment.window) {
            segment.state = PieceState::Crowded(trouble);
            self.tell_pair(bond, false);
            return;
        }
        let patience = segment.patience;
        segment.state = PieceState::Waiting(trouble, payload);
        if bond.is_some() {
            self.tell_pair(bond, false);
        } else {
            self.bisect(at, patience);
        }
    }

    /// The pair of a piece, its side there, and the patience both share.
    fn bond(&mut self, at: usize) -> Option<(u64, usize, u32)> {
        let segment = self.segment(at)?;
        let (pair, side) = segment.pair?;
        Some((pair, side, segment.patience))
    }

    /// Tells a pair how one of its pieces fared, and goes on with what waited for that. Pieces move
    /// in the list.
    fn tell_pair(&mut self, bond: Option<(u64, usize, u32)>, good: bool) {
        let Some((pair, side, patience)) = bond else {
            return;
        };
        let Some(halves) = self.pairs.get_mut(&pair) else {
            return;
        };
        halves[side] = Some(good);
        let [Some(left), Some(right)] = *halves else {
            return;
        };
        self.pairs.remove(&pair);
        let patience = if left || right {
            patience
        } else {
            patience / 2
        };
        let waits = |node: &Node<P>| match node {
            Node::Segment(segment) => {
                matches!(segment.state, PieceState::Waiting(..))
                    && segment.pair.is_some_and(|(known, _)| known == pair)
            }
            Node::Lane { .. } | Node::Road { .. } => false,
        };
        while let Some(at) = self.nodes.iter().position(waits) {
            self.bisect(at, patience);
        }
    }

    /// Replaces a piece that waits by its halves, or gives it up.
    fn bisect(&mut self, at: usize, patience: u32) {
        let grid = self.grid;
        let cap = self.can.page_cap;
        let contradicts = self.credit == 0;
        let Some(segment) = self.segment(at) else {
            return;
        };
        let PieceState::Waiting(trouble, payload) =
            std::mem::replace(&mut segment.state, PieceState::Flying)
        else {
            return;
        };
        let (window, requests) = (segment.window, segment.requests);
        let hopeless =
            patience == 0 || (contradicts && matches!(trouble, Trouble::Disagrees { .. }));
        let halves = (!hopeless).then(|| grid.halves(window)).flatten();
        let Some((left, right)) = halves else {
            segment.state = PieceState::Done(given_up(window, trouble, payload, requests));
            return;
        };
        let size = segment.size.saturating_mul(8).min(cap);
        let pair = self.id();
        self.pairs.insert(pair, [None, None]);
        let nodes = [(left, requests), (right, 0)].into_iter().enumerate();
        let nodes: Vec<_> = nodes
            .map(|(side, (window, requests))| {
                let mut half = Segment::ready(self.id(), window, size);
                half.pair = Some((pair, side));
                half.patience = patience;
                half.requests = requests;
                half.node()
            })
            .collect();
        self.replace(at, nodes);
    }

    /// Replaces a piece that holds more than a page.
    fn divide(&mut self, at: usize, seen: &SeenPage) {
        let (grid, edge, most) = (self.grid, self.can.upper_edge, self.most());
        let total = seen.counted(&self.can);
        let Some(segment) = self.segment(at) else {
            return;
        };
        let (window, size, requests) = (segment.window, segment.size, segment.requests);
        if grid.is_instant(window) {
            segment.state = PieceState::Crowded(Trouble::Crowded {
                total: seen.total,
                distinct: seen.distinct,
            });
            self.tell_lane(at, WalkLane::pass);
            return;
        }
        if !seen.in_order() {
            self.tell_lane(at, WalkLane::pass);
            let sample = Sample::of(window, seen);
            let road = Road::new(window, sample, total, most).at_most_half();
            let id = self.id();
            self.replace(at, vec![Node::Road { id, road }]);
            return;
        }
        let fit = (f64::from(size) * FIT).min(seen.rows as f64 * FIT) as usize;
        let known = (!segment.exact)
            .then(|| cut_by_rows(grid, window, &seen.times, fit, edge))
            .flatten();
        let Some((first, rest)) = known else {
            // Rows came since its rows were counted.
            self.tell_lane(at, WalkLane::pass);
            if let Some((left, right)) = grid.halves(window) {
                let mut first = Segment::ready(self.id(), left, size);
                first.requests = requests;
                let second = Segment::ready(self.id(), right, size);
                self.replace(at, vec![first.node(), second.node()]);
            }
            return;
        };
        let sample = Sample::of_beginning(window, seen);
        let in_lane = segment.lane.is_some();
        self.tell_lane(at, |lane| lane.take_back(rest, sample));
        let mut exact = Segment::ready(self.id(), first, size);
        exact.exact = true;
        exact.requests = requests;
        let mut nodes = vec![exact.node()];
        if !in_lane {
            let before = seen.times.partition_point(|time| *time < first.to) as u64;
            let left = total.map(|total| total.saturating_sub(before));
            let road = Road::new(rest, sample, left, most);
            nodes.push(Node::Road {
                id: self.id(),
                road,
            });
        }
        self.replace(at, nodes);
    }
}

/// Bytes that a response takes in memory, with what is noted of each row.
fn bytes_of(seen: &SeenPage) -> u64 {
    seen.bytes + seen.rows * ROW_BYTES
}

/// A window that is not divided further. Records that cannot be read are a hole; a source that
/// fails wherever it is asked has failed.
fn given_up<P>(window: Window, trouble: Trouble, payload: Option<P>, requests: u32) -> Piece<P> {
    match trouble {
        Trouble::Failed(
            error @ (SourceError::ServerFailure { .. } | SourceError::CutOff { .. }),
        ) => Piece::Failed(error),
        trouble => Piece::Hole {
            window,
            payload,
            trouble,
            requests,
        },
    }
}

/// Cuts a window that cannot be an instant so that its first part holds at most `fit` of the
/// rows at `times` (in order), or, where even its first tick holds more, is that tick.
fn cut_by_rows(
    grid: Grid,
    window: Window,
    times: &[DateTime<Utc>],
    fit: usize,
    edge: UpperEdge,
) -> Option<(Window, Window)> {
    let beyond = *times.get(fit)?;
    let mut at = grid.floor(beyond)?;
    if edge == UpperEdge::Closed && at == beyond {
        // A row at the edge itself would be counted in.
        at = grid.step(at, -1)?;
    }
    grid.cut(window, at)
        .or_else(|| grid.cut(window, grid.after(window.from)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scripted::{at, window};
    use chrono::TimeDelta;

    fn grid() -> Grid {
        Grid::new(TimeDelta::microseconds(1))
    }

    #[test]
    fn rows_decide_the_cut() {
        let times = [1_000, 2_000, 2_500, 3_000, 3_000, 7_000].map(at);
        for (fit, edge, end) in [
            (3, UpperEdge::Open, 3_000),
            (3, UpperEdge::Closed, 2_000),
            (4, UpperEdge::Open, 3_000),
            (5, UpperEdge::Open, 7_000),
            (5, UpperEdge::Closed, 6_000),
            (2, UpperEdge::Open, 2_000),
            (1, UpperEdge::Closed, 1_000),
            (0, UpperEdge::Open, 1_000),
        ] {
            let cut = cut_by_rows(grid(), window(0, 9_000), &times, fit, edge);
            assert_eq!(cut.unwrap().0, window(0, end), "{fit} {edge:?}");
        }
        let crowd = [0, 0, 0, 0].map(at);
        let cut = cut_by_rows(grid(), window(0, 9_000), &crowd, 3, UpperEdge::Open);
        assert_eq!(cut.unwrap().0, window(0, 1_000), "one tick holds more");
    }
}
