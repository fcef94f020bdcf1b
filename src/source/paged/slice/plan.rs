//! The list of pieces, and what to ask next.

mod divide;

use super::walk::{Most, Road, SMALLEST, WalkLane};
use super::{Answer, Ask, Piece, ROW_BYTES, Room, SeenPage, Trouble};
use crate::source::grid::Grid;
use crate::source::paged::Paging;
use crate::window::Window;
use std::collections::{BTreeMap, VecDeque};

/// Among how many unreadable windows one piece may be divided before it is taken to be unreadable
/// as it is. One poison record keeps the whole of it down to one tick; where both halves fail,
/// each gets half.
const PATIENCE: u32 = 32;

/// Most credit that a source has. A window that disagrees with itself costs one, and one that agrees brings
/// two. A source without credit contradicts itself wherever it is asked, and what disagrees is not divided
/// any more: it would be asked about each tick by itself. Where it does so for some records only, each
/// half that disagrees has one beside it that agrees.
const CREDIT: u32 = 64;

/// How much larger a response may be than those before it made expect, before it is asked for again
/// at its turn.
const SURPRISE: f64 = 2.0;

/// Bytes that any response is expected to have.
const EXPECTED: u64 = 256 * 1024;

/// The plan of one window.
pub(in crate::source::paged) struct SlicePlan<P> {
    grid: Grid,
    can: Paging,
    room: Room,
    nodes: VecDeque<Node<P>>,
    pairs: BTreeMap<u64, [Option<bool>; 2]>,
    flying: usize,
    /// How far the source is believed to agree with itself.
    credit: u32,
    /// Bytes of a row in the newest responses, at most.
    row_bytes: f64,
    next_id: u64,
}

enum Node<P> {
    Segment(Box<Segment<P>>),
    /// What a lane has yet to read, behind its segments, and its road and number there.
    Lane {
        id: u64,
        lane: WalkLane,
        road: Option<(u64, u64)>,
    },
    /// What a road has yet to cut, behind its lanes.
    Road {
        id: u64,
        road: Road,
    },
}

struct Segment<P> {
    id: u64,
    window: Window,
    size: u32,
    state: PieceState<P>,
    /// The lane that waits for its answer.
    lane: Option<u64>,
    /// The pair it belongs to, and whether it is the second of it.
    pair: Option<(u64, usize)>,
    patience: u32,
    /// Its rows were known when it was cut.
    exact: bool,
    /// Responses that did not fail, and the last of them.
    asks: u32,
    before: Option<SeenPage>,
    /// Bytes that its answer takes, or may take while it is awaited.
    bytes: u64,
    /// Its answer was larger than expected.
    expects_most: bool,
    /// Requests spent on it, those for the window it was cut from included.
    requests: u32,
}

enum PieceState<P> {
    Ready,
    Crowded(Trouble),
    Flying,
    /// Failed, and waits to hear how its other half fared.
    Waiting(Trouble, Option<P>),
    Done(Piece<P>),
}

impl<P> SlicePlan<P> {
    /// A plan that asks for the whole window first.
    pub(in crate::source::paged) fn new(window: Window, can: Paging, room: Room) -> Self {
        let mut plan = Self {
            grid: Grid::new(can.tick),
            room,
            nodes: VecDeque::new(),
            pairs: BTreeMap::new(),
            flying: 0,
            credit: CREDIT,
            row_bytes: 0.0,
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
    pub(in crate::source::paged) fn next(&mut self) -> Option<(u64, Ask)> {
        if self.flying >= self.room.flying {
            return None;
        }
        let held = self.nodes.iter().filter(|node| node.is_held()).count();
        let full = held >= self.room.held;
        let mut at = 0;
        while at < self.nodes.len() {
            match &mut self.nodes[at] {
                Node::Road { .. } | Node::Lane { .. } if at > 0 && full => {}
                Node::Road { id, road } => {
                    let road_id = *id;
                    let Some((number, lane, last)) = road.cut(self.grid) else {
                        at += 1;
                        continue;
                    };
                    let lane = Node::Lane {
                        id: self.id(),
                        lane,
                        road: Some((road_id, number)),
                    };
                    if last {
                        self.nodes[at] = lane;
                    } else {
                        self.nodes.insert(at, lane);
                    }
                    continue;
                }
                Node::Lane { id, lane, .. } => {
                    let lane_id = *id;
                    if let Some((window, size)) = lane.cut(self.grid) {
                        let mut segment = Segment::ready(self.id(), window, size);
                        segment.lane = Some(lane_id);
                        self.nodes.insert(at, segment.node());
                        // Asked for now or, without room, at its turn.
                        continue;
                    }
                }
                Node::Segment(segment) => match &segment.state {
                    PieceState::Ready | PieceState::Crowded(_) => {
                        let awaited = segment.pair.is_some_and(|(pair, side)| {
                            self.pairs
                                .get(&pair)
                                .is_some_and(|half| half[1 - side] == Some(false))
                        });
                        if at == 0 || awaited || (!full && self.has_room_for(at)) {
                            return self.send(at, at == 0 || awaited);
                        }
                    }
                    // Nothing after a failure of the source is of any use.
                    PieceState::Done(Piece::Failed(_)) => return None,
                    PieceState::Flying | PieceState::Waiting(..) | PieceState::Done(_) => {}
                },
            }
            at += 1;
        }
        None
    }

    /// Takes an answer in. Answers for pieces that are not awaited are ignored.
    pub(in crate::source::paged) fn answer(&mut self, id: u64, answer: Answer<P>) {
        let Some(at) = self.find(id) else { return };
        let Node::Segment(segment) = &mut self.nodes[at] else {
            return;
        };
        if !matches!(segment.state, PieceState::Flying) {
            return;
        }
        self.flying -= 1;
        match answer {
            Answer::Page(Ok((seen, payload))) => {
                segment.requests += 1;
                if let Some(row) = seen.bytes.checked_div(seen.rows) {
                    // A large row is not forgotten at once.
                    self.row_bytes = ((row + ROW_BYTES) as f64).max(self.row_bytes * 0.75);
                }
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
    pub(in crate::source::paged) fn pop(&mut self) -> Option<Piece<P>> {
        if !self.nodes.front()?.is_done() {
            return None;
        }
        match self.nodes.pop_front()? {
            Node::Segment(segment) => match segment.state {
                PieceState::Done(piece) => Some(piece),
                PieceState::Ready
                | PieceState::Crowded(_)
                | PieceState::Flying
                | PieceState::Waiting(..) => None,
            },
            Node::Lane { .. } | Node::Road { .. } => None,
        }
    }

    /// Whether every piece was handed out.
    pub(in crate::source::paged) fn finished(&self) -> bool {
        self.nodes.is_empty()
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.nodes.iter().position(|node| match node {
            Node::Segment(segment) => segment.id == id,
            Node::Lane { .. } | Node::Road { .. } => false,
        })
    }

    fn segment(&mut self, at: usize) -> Option<&mut Segment<P>> {
        match self.nodes.get_mut(at)? {
            Node::Segment(segment) => Some(segment),
            Node::Lane { .. } | Node::Road { .. } => None,
        }
    }

    /// Bytes that the answer to a piece may have; what lies ahead may have no more than is
    /// expected, so that more of it can be under way.
    fn allowed(&self, segment: &Segment<P>, is_first: bool) -> u64 {
        if segment.size <= SMALLEST {
            self.room.largest
        } else if is_first || segment.expects_most {
            self.room.response
        } else {
            // Saturates.
            let expected = f64::from(segment.size) * self.row_bytes * SURPRISE;
            (expected as u64).max(EXPECTED).min(self.room.response)
        }
    }

    /// Whether a piece that is not the first may be asked for.
    fn has_room_for(&self, at: usize) -> bool {
        let Some(Node::Segment(segment)) = self.nodes.get(at) else {
            return false;
        };
        // How much an instant takes is not known before all of it was read.
        if matches!(segment.state, PieceState::Crowded(_)) {
            return false;
        }
        let ahead = self.nodes.iter().skip(1).map(|node| match node {
            Node::Segment(segment) if node.is_held() => segment.bytes,
            _ => 0,
        });
        ahead.sum::<u64>() + self.allowed(segment, false) <= self.room.ahead
    }

    /// How large responses should be.
    fn most(&self) -> Most {
        Most {
            rows: self.can.page_cap,
            bytes: self.room.response,
        }
    }

    fn send(&mut self, at: usize, is_first: bool) -> Option<(u64, Ask)> {
        let bytes = match self.nodes.get(at)? {
            Node::Segment(segment) => self.allowed(segment, is_first),
            Node::Lane { .. } | Node::Road { .. } => return None,
        };
        let segment = self.segment(at)?;
        let window = segment.window;
        segment.bytes = bytes;
        let ask = match std::mem::replace(&mut segment.state, PieceState::Flying) {
            PieceState::Crowded(trouble) => Ask::Instant { window, trouble },
            _ => Ask::Page {
                window,
                size: segment.size,
                bytes,
            },
        };
        let id = segment.id;
        self.flying += 1;
        Some((id, ask))
    }

    fn settle(&mut self, at: usize, piece: Piece<P>) {
        if let Some(segment) = self.segment(at) {
            segment.state = PieceState::Done(piece);
        }
    }

    fn replace(&mut self, at: usize, nodes: Vec<Node<P>>) {
        self.nodes.remove(at);
        for (offset, node) in nodes.into_iter().enumerate() {
            self.nodes.insert(at + offset, node);
        }
    }

    /// Tells the lane that waits for a piece how it came out, and goes on with a lane that ended.
    fn tell_lane(&mut self, at: usize, tell: impl FnOnce(&mut WalkLane)) {
        let Some(lane_id) = self.segment(at).and_then(|segment| segment.lane.take()) else {
            return;
        };
        let mut found = self.nodes.iter_mut().enumerate();
        let found = found.find_map(|(at, node)| match node {
            Node::Lane { id, lane, road } if *id == lane_id => Some((at, lane, *road)),
            _ => None,
        });
        let Some((lane_at, lane, road)) = found else {
            return;
        };
        tell(lane);
        let end = lane.recently();
        if lane.is_done() {
            self.nodes.remove(lane_at);
        } else if let Some(road) = lane.too_long() {
            let id = self.id();
            self.nodes[lane_at] = Node::Road { id, road };
        } else {
            return;
        }
        let Some((road_id, number)) = road else {
            return;
        };
        for node in &mut self.nodes {
            if let Node::Road { id, road } = node
                && *id == road_id
            {
                road.learn(number, end);
            }
        }
    }
}

impl<P> Node<P> {
    fn is_done(&self) -> bool {
        match self {
            Self::Segment(segment) => matches!(segment.state, PieceState::Done(_)),
            Self::Lane { .. } | Self::Road { .. } => false,
        }
    }

    fn is_held(&self) -> bool {
        match self {
            Self::Segment(segment) => matches!(
                segment.state,
                PieceState::Flying | PieceState::Waiting(..) | PieceState::Done(_)
            ),
            Self::Lane { .. } | Self::Road { .. } => false,
        }
    }
}

impl<P> Segment<P> {
    fn ready(id: u64, window: Window, size: u32) -> Self {
        Self {
            id,
            window,
            size,
            state: PieceState::Ready,
            lane: None,
            pair: None,
            patience: PATIENCE,
            exact: false,
            asks: 0,
            before: None,
            bytes: 0,
            expects_most: false,
            requests: 0,
        }
    }

    fn node(self) -> Node<P> {
        Node::Segment(Box::new(self))
    }
}
