//! The list of pieces, and what to ask next.

mod divide;

use super::verdict::Seen;
use super::walk::{Sample, Walk};
use super::{Answer, Ask, Grid, Piece, Room, Trouble};
use crate::source::Capabilities;
use crate::window::Window;
use std::collections::{BTreeMap, VecDeque};

/// Among how many unreadable windows one piece may be divided before it is taken to be unreadable
/// as it is. One poison record keeps the whole of it down to one tick; where both halves fail,
/// each gets half.
const PATIENCE: u32 = 32;

/// The plan of one window.
pub(in crate::source) struct Plan<P> {
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
    pub(in crate::source) fn new(window: Window, can: Capabilities, room: Room) -> Self {
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
    pub(in crate::source) fn next(&mut self) -> Option<(u64, Ask)> {
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
    pub(in crate::source) fn answer(&mut self, id: u64, answer: Answer<P>) {
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
    pub(in crate::source) fn pop(&mut self) -> Option<Piece<P>> {
        if !self.nodes.front()?.is_done() {
            return None;
        }
        match self.nodes.pop_front()? {
            Node::Segment(segment) => match segment.state {
                State::Done(piece) => Some(piece),
                State::Ready | State::Crowded(_) | State::Flying | State::Waiting(..) => None,
            },
            Node::Walk { .. } => None,
        }
    }

    /// Whether every piece was handed out.
    pub(in crate::source) fn finished(&self) -> bool {
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

impl<P> Node<P> {
    fn is_done(&self) -> bool {
        match self {
            Self::Segment(segment) => matches!(segment.state, State::Done(_)),
            Self::Walk { .. } => false,
        }
    }

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
