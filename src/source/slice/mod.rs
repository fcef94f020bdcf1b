//! Deciding which windows to ask for, so that every slice is held whole by one response.
//!
//! A [`Plan`] is a list of pieces of a window in order of time. It says what to ask next, takes
//! answers in whatever order they come, replaces a piece that holds too much or cannot be read by
//! smaller ones in its place, and hands finished pieces out from the front. It does no I/O and
//! reads no clock: the pieces are a function of the answers alone.

mod grid;
mod verdict;
mod walk;

#[cfg(test)]
mod tests;

pub(super) use grid::Grid;
pub(super) use verdict::Seen;

use super::{Capabilities, Scope, SourceError, UpperEdge};
use crate::window::Window;
use std::collections::{BTreeMap, VecDeque};
use verdict::{Verdict, judge};
use walk::{FIT, SMALLEST, Sample, Walk};

/// Among how many unreadable windows one piece may be divided before it is taken to be unreadable
/// as it is. One poison record keeps the whole of it down to one tick; where both halves fail,
/// each gets half.
const PATIENCE: u32 = 32;

/// What to ask a source for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// The first page of a window.
    Page {
        /// The window.
        window: Window,
        /// Rows at most.
        size: u32,
    },
    /// Everything that can be had of one instant, in as many requests as it takes.
    Instant {
        /// The instant, one tick long.
        window: Window,
        /// Why one response did not do.
        trouble: Trouble,
    },
}

/// Why a window was not read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The source failed.
    Failed(SourceError),
    /// The source counts other rows than it returns, time and again.
    Disagrees {
        /// Rows by count.
        total: Option<u64>,
        /// Different records returned.
        distinct: u64,
    },
    /// More rows at one instant than could be united into a whole.
    Crowded {
        /// Rows by count.
        total: Option<u64>,
        /// Different records returned.
        distinct: u64,
    },
}

/// What a source said, with its records as `P`.
#[derive(Debug)]
pub(super) enum Answer<P> {
    /// To [`Ask::Page`].
    Page(Result<(Seen, P), SourceError>),
    /// To [`Ask::Instant`].
    Instant(Result<Instant<P>, SourceError>),
}

/// What could be had of one instant.
#[derive(Debug)]
pub(super) struct Instant<P> {
    /// The records.
    pub(super) payload: P,
    /// Why they may not be all.
    pub(super) trouble: Option<Trouble>,
    /// Requests it took.
    pub(super) requests: u32,
}

/// A finished piece.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<P> {
    /// Read whole.
    Whole {
        window: Window,
        payload: P,
        duplicates: u64,
        requests: u32,
    },
    /// Not read whole; `payload` is what was seen of it.
    Hole {
        window: Window,
        payload: Option<P>,
        trouble: Trouble,
        requests: u32,
    },
    /// The source failed here; nothing follows.
    Failed(SourceError),
}

/// How much may be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Questions without an answer, at most.
    pub(super) flying: usize,
    /// Pieces whose answer is held or awaited, at most. Only the first unfinished piece may go
    /// beyond, since all others wait for it.
    pub(super) held: usize,
}

/// The plan of one window.
pub(super) struct Plan<P> {
    grid: Grid,
    can: Capabilities,
    room: Room,
    nodes: VecDeque<Node<P>>,
    pairs: BTreeMap<u64, [Option<bool>; 2]>,
    flying: usize,
    next_id: u64,
}

enum Node<P> {
    Segment(Box<Segment<P>>),
    Walk { id: u64, walk: Walk },
}

struct Segment<P> {
    id: u64,
    window: Window,
    size: u32,
    state: State<P>,
    /// The walk that cut it, and its number there.
    walk: Option<(u64, u64)>,
    /// The pair it belongs to, and whether it is the second of it.
    pair: Option<(u64, usize)>,
    patience: u32,
    /// Its rows were known when it was cut.
    exact: bool,
    /// Responses that did not fail, and the last of them.
    asks: u32,
    before: Option<Seen>,
    /// Most bytes of a response, once one was too large.
    byte_cap: Option<u64>,
    /// Requests spent on it, those for the window it was cut from included.
    requests: u32,
}

enum State<P> {
    Ready,
    Crowded(Trouble),
    Flying,
    /// Failed, and waits to hear how its other half fared.
    Waiting(Trouble, Option<P>),
    Done(Piece<P>),
}

impl<P> Plan<P> {
    /// A plan that asks for the whole window first.
    pub(super) fn new(window: Window, can: Capabilities, room: Room) -> Self {
        let mut plan = Self {
            grid: Grid::new(can.tick),
            room,
            nodes: VecDeque::new(),
            pairs: BTreeMap::new(),
            flying: 0,
            next_id: 0,
            can,
        };
        let id = plan.id();
        let size = plan.can.page_cap;
        plan.nodes
            .push_back(Segment::ready(id, window, size).node());
        plan
    }

    /// What to ask now, with the name of the piece it is for; `None` until an answer comes or a
    /// finished piece is taken.
    pub(super) fn next(&mut self) -> Option<(u64, Ask)> {
        if self.flying >= self.room.flying {
            return None;
        }
        let held = self.nodes.iter().filter(|node| node.is_held()).count();
        let full = held >= self.room.held;
        for at in 0..self.nodes.len() {
            match &mut self.nodes[at] {
                Node::Walk { id, walk } if at == 0 || !full => {
                    let walk_id = *id;
                    let Some(cut) = walk.cut(self.grid) else {
                        continue;
                    };
                    let mut segment = Segment::ready(self.id(), cut.window, cut.size);
                    segment.walk = Some((walk_id, cut.number));
                    if cut.last {
                        self.nodes[at] = segment.node();
                    } else {
                        self.nodes.insert(at, segment.node());
                    }
                    return self.send(at);
                }
                Node::Walk { .. } => {}
                Node::Segment(segment) => match &segment.state {
                    State::Ready | State::Crowded(_) => {
                        let awaited = segment.pair.is_some_and(|(pair, side)| {
                            self.pairs
                                .get(&pair)
                                .is_some_and(|half| half[1 - side] == Some(false))
                        });
                        if at == 0 || awaited || !full {
                            return self.send(at);
                        }
                    }
                    // Nothing after a failure of the source is of any use.
                    State::Done(Piece::Failed(_)) => return None,
                    State::Flying | State::Waiting(..) | State::Done(_) => {}
                },
            }
        }
        None
    }

    /// Takes an answer in. Answers for pieces that are not awaited are ignored.
    pub(super) fn answer(&mut self, id: u64, answer: Answer<P>) {
        let Some(at) = self.find(id) else { return };
        let Node::Segment(segment) = &mut self.nodes[at] else {
            return;
        };
        if !matches!(segment.state, State::Flying) {
            return;
        }
        self.flying -= 1;
        match answer {
            Answer::Page(Ok((seen, payload))) => {
                segment.requests += 1;
                self.heard(at, seen, payload);
            }
            Answer::Page(Err(error)) => {
                segment.requests += 1;
                self.failed(at, error);
            }
            Answer::Instant(Ok(instant)) => {
                let window = segment.window;
                segment.requests += instant.requests;
                let requests = segment.requests;
                self.settle(
                    at,
                    match instant.trouble {
                        None => Piece::Whole {
                            window,
                            payload: instant.payload,
                            duplicates: 0,
                            requests,
                        },
                        Some(trouble) => Piece::Hole {
                            window,
                            payload: Some(instant.payload),
                            trouble,
                            requests,
                        },
                    },
                );
            }
            Answer::Instant(Err(error)) => self.settle(at, Piece::Failed(error)),
        }
    }

    /// The next finished piece in order of time.
    pub(super) fn pop(&mut self) -> Option<Piece<P>> {
        match self.nodes.pop_front()? {
            Node::Segment(segment) => match *segment {
                Segment {
                    state: State::Done(piece),
                    ..
                } => Some(piece),
                unfinished => {
                    self.nodes.push_front(unfinished.node());
                    None
                }
            },
            walk @ Node::Walk { .. } => {
                self.nodes.push_front(walk);
                None
            }
        }
    }

    /// Whether every piece was handed out.
    pub(super) fn finished(&self) -> bool {
        self.nodes.is_empty()
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.nodes.iter().position(|node| match node {
            Node::Segment(segment) => segment.id == id,
            Node::Walk { .. } => false,
        })
    }

    fn segment(&mut self, at: usize) -> Option<&mut Segment<P>> {
        match self.nodes.get_mut(at)? {
            Node::Segment(segment) => Some(segment),
            Node::Walk { .. } => None,
        }
    }

    fn send(&mut self, at: usize) -> Option<(u64, Ask)> {
        let segment = self.segment(at)?;
        let window = segment.window;
        let ask = match std::mem::replace(&mut segment.state, State::Flying) {
            State::Crowded(trouble) => Ask::Instant { window, trouble },
            _ => Ask::Page {
                window,
                size: segment.size,
            },
        };
        let id = segment.id;
        self.flying += 1;
        Some((id, ask))
    }

    fn settle(&mut self, at: usize, piece: Piece<P>) {
        if let Some(segment) = self.segment(at) {
            segment.state = State::Done(piece);
        }
    }

    /// A response came.
    fn heard(&mut self, at: usize, seen: Seen, payload: P) {
        let Some(segment) = (match self.nodes.get_mut(at) {
            Some(Node::Segment(segment)) => Some(segment),
            _ => None,
        }) else {
            return;
        };
        segment.asks += 1;
        let verdict = judge(&seen, segment.before.as_ref(), segment.asks, &self.can);
        let window = segment.window;
        let requests = segment.requests;
        match verdict {
            Verdict::Whole => {
                self.tell_walk(at, Some(&seen));
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
            Verdict::Again => {
                segment.before = Some(seen);
                segment.state = State::Ready;
            }
            Verdict::Beyond => {
                self.tell_walk(at, Some(&seen));
                let bond = self.bond(at);
                self.divide(at, &seen);
                self.tell_pair(bond, true);
            }
            Verdict::Disagrees => {
                self.tell_walk(at, Some(&seen));
                let trouble = Trouble::Disagrees {
                    total: seen.total,
                    distinct: seen.distinct,
                };
                self.trouble(at, trouble, Some(payload));
            }
        }
    }

    /// A request failed.
    fn failed(&mut self, at: usize, error: SourceError) {
        if error.scope() == Scope::Source {
            self.tell_walk(at, None);
            let bond = self.bond(at);
            self.settle(at, Piece::Failed(error));
            self.tell_pair(bond, true);
            return;
        }
        if let SourceError::TooLarge { cap } = error
            && let Some(segment) = self.segment(at)
            && segment.size > SMALLEST
        {
            segment.byte_cap = Some(cap);
            segment.size = (segment.size / 8).max(SMALLEST);
            segment.state = State::Ready;
            return;
        }
        self.tell_walk(at, None);
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
            segment.state = State::Crowded(trouble);
            self.tell_pair(bond, false);
            return;
        }
        let patience = segment.patience;
        segment.state = State::Waiting(trouble, payload);
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
                matches!(segment.state, State::Waiting(..))
                    && segment.pair.is_some_and(|(known, _)| known == pair)
            }
            Node::Walk { .. } => false,
        };
        while let Some(at) = self.nodes.iter().position(waits) {
            self.bisect(at, patience);
        }
    }

    /// Replaces a piece that waits by its halves, or gives it up.
    fn bisect(&mut self, at: usize, patience: u32) {
        let grid = self.grid;
        let cap = self.can.page_cap;
        let Some(segment) = self.segment(at) else {
            return;
        };
        let State::Waiting(trouble, payload) = std::mem::replace(&mut segment.state, State::Flying)
        else {
            return;
        };
        let (window, requests) = (segment.window, segment.requests);
        let halves = (patience > 0).then(|| grid.halves(window)).flatten();
        let Some((left, right)) = halves else {
            segment.state = State::Done(given_up(window, trouble, payload, requests));
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
    fn divide(&mut self, at: usize, seen: &Seen) {
        let (grid, edge, page_cap) = (self.grid, self.can.upper_edge, self.can.page_cap);
        let total = seen.counted(&self.can);
        let Some(segment) = self.segment(at) else {
            return;
        };
        let (window, size, requests) = (segment.window, segment.size, segment.requests);
        let byte_cap = segment.byte_cap;
        if grid.is_instant(window) {
            segment.state = State::Crowded(Trouble::Crowded {
                total: seen.total,
                distinct: seen.distinct,
            });
            return;
        }
        let sample = Sample::of_beginning(window, seen, byte_cap);
        let fit = (f64::from(size) * FIT).min(seen.rows as f64 * FIT) as usize;
        let cut = (seen.in_order() && !segment.exact)
            .then(|| grid.cut_by_rows(window, &seen.times, fit, edge))
            .flatten();
        let nodes = match cut {
            Some((first, rest)) => {
                let before = seen.times.partition_point(|time| *time < first.to) as u64;
                let left = total.map(|total| total.saturating_sub(before));
                let mut known = Segment::ready(self.id(), first, size);
                known.exact = true;
                known.requests = requests;
                known.byte_cap = byte_cap;
                let walk = Walk::new(rest, sample, left, page_cap);
                vec![
                    known.node(),
                    Node::Walk {
                        id: self.id(),
                        walk,
                    },
                ]
            }
            None if seen.in_order() => match grid.halves(window) {
                Some((left, right)) => {
                    let mut first = Segment::ready(self.id(), left, size);
                    first.requests = requests;
                    vec![first.node(), Segment::ready(self.id(), right, size).node()]
                }
                None => return,
            },
            None => {
                let sample = Sample::of(window, seen, byte_cap);
                let walk = Walk::new(window, sample, total, page_cap).at_most_half();
                vec![Node::Walk {
                    id: self.id(),
                    walk,
                }]
            }
        };
        self.replace(at, nodes);
    }

    fn replace(&mut self, at: usize, nodes: Vec<Node<P>>) {
        self.nodes.remove(at);
        for (offset, node) in nodes.into_iter().enumerate() {
            self.nodes.insert(at + offset, node);
        }
    }

    /// Tells the walk that cut a piece what the first answer about it was.
    fn tell_walk(&mut self, at: usize, seen: Option<&Seen>) {
        let Some(segment) = self.segment(at) else {
            return;
        };
        let Some((walk_id, number)) = segment.walk.take() else {
            return;
        };
        let sample = seen.map(|seen| Sample::of(segment.window, seen, segment.byte_cap));
        for node in &mut self.nodes {
            if let Node::Walk { id, walk } = node
                && *id == walk_id
            {
                walk.learn(number, sample);
                return;
            }
        }
    }
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

impl<P> Node<P> {
    fn is_held(&self) -> bool {
        match self {
            Self::Segment(segment) => matches!(
                segment.state,
                State::Flying | State::Waiting(..) | State::Done(_)
            ),
            Self::Walk { .. } => false,
        }
    }
}

impl<P> Segment<P> {
    fn ready(id: u64, window: Window, size: u32) -> Self {
        Self {
            id,
            window,
            size,
            state: State::Ready,
            walk: None,
            pair: None,
            patience: PATIENCE,
            exact: false,
            asks: 0,
            before: None,
            byte_cap: None,
            requests: 0,
        }
    }

    fn node(self) -> Node<P> {
        Node::Segment(Box::new(self))
    }
}
