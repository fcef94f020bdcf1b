//! The lanes of a window, several at once, and their pieces in order.
//!
//! The first lane reads a few windows alone, wherever that leads: then it is known how dense the records
//! are, and the rest is cut into lanes of a few windows each. The length of the n-th lane depends on the
//! end of the (n − [`LANES`])-th, never on what happened to be known at that moment: the same responses
//! make the same pieces, however many lanes are read at once.
//!
//! A lane ahead of its turn holds one piece, and waits with the next until that is taken.

use super::Chain;
use super::lane::{CursorLane, CursorPace, LaneEnd, Message, run};
use crate::source::grid::{Grid, micros_of};
use crate::source::{Limits, SliceOutcome, SourceError, Tenant, WindowRequest};
use crate::window::Window;
use futures::stream::{Stream, unfold};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Most lanes at once.
const LANES: usize = 3;

/// Windows that a lane aims at, and most of the first lane.
const LANE_WINDOWS: u32 = 8;

/// Reads a window of a tenant's feed, see [`Source::read`](crate::source::Source::read).
pub(super) fn read_window(
    chain: Arc<dyn Chain>,
    request: WindowRequest,
) -> impl Stream<Item = Result<SliceOutcome, SourceError>> + Send + 'static {
    let page_cap = chain.chaining().page_cap.max(1);
    let limits = request.limits;
    let reader = Reader {
        grid: Grid::new(chain.chaining().tick),
        chain,
        tenant: request.tenant,
        limits,
        // A lane holds the rows of a window and one response more, and all but the first lane are ahead.
        room: limits
            .response_bytes
            .min(limits.ahead_bytes / (2 * (LANES as u64 - 1)))
            .max(1),
        rest: Some(request.window),
        first: CursorPace::unknown(page_cap),
        begun: 0,
        ends: VecDeque::new(),
        ended: 0,
        lanes: VecDeque::new(),
        tasks: JoinSet::new(),
        is_over: false,
    };
    unfold(reader, |mut reader| async {
        let outcome = reader.next().await?;
        Some((outcome, reader))
    })
}

struct Reader {
    chain: Arc<dyn Chain>,
    tenant: Tenant,
    limits: Limits,
    grid: Grid,
    /// Bytes of one window.
    room: u64,
    /// What no lane has.
    rest: Option<Window>,
    first: CursorPace,
    /// Lanes so far, and those of them that ended.
    begun: usize,
    ended: usize,
    /// How the last lanes ended.
    ends: VecDeque<(usize, CursorPace)>,
    /// Lanes under way, in order.
    lanes: VecDeque<mpsc::Receiver<Message>>,
    tasks: JoinSet<()>,
    is_over: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<SliceOutcome, SourceError>> {
        if self.is_over {
            return None;
        }
        loop {
            self.begin_lanes();
            let Some(lane) = self.lanes.front_mut() else {
                self.is_over = true;
                return None;
            };
            match lane.recv().await {
                Some(Message::Piece(piece)) => return Some(Ok(piece)),
                // A lane that is gone is noticed at its next message.
                Some(Message::Turn(turn)) => drop(turn.send(())),
                Some(Message::End(end)) => self.end_lane(end),
                Some(Message::Failed(error)) => return Some(Err(self.fail(error))),
                None => {
                    // A lane that panicked; the others wait for their turn.
                    self.tasks.abort_all();
                    while let Some(ended) = self.tasks.join_next().await {
                        if let Err(error) = ended
                            && let Ok(panic) = error.try_into_panic()
                        {
                            std::panic::resume_unwind(panic);
                        }
                    }
                    // Nothing but the end of the runtime cancels these tasks.
                    return Some(Err(self.fail(SourceError::Stopped)));
                }
            }
        }
    }

    fn fail(&mut self, error: SourceError) -> SourceError {
        self.is_over = true;
        self.tasks.abort_all();
        error
    }

    fn end_lane(&mut self, end: LaneEnd) {
        self.lanes.pop_front();
        self.ends.push_back((self.ended, end.pace));
        if self.ends.len() > LANES {
            self.ends.pop_front();
        }
        self.ended += 1;
        // Only the first lane ends early, and nothing else is under way then.
        if let Some(left) = end.rest {
            self.rest = Some(Window {
                from: left.from,
                to: self.rest.map_or(left.to, |rest| rest.to),
            });
        }
    }

    fn begin_lanes(&mut self) {
        let most = LANES.min(self.limits.concurrency).min(self.limits.held);
        while self.lanes.len() < most.max(1) {
            let Some((window, pace)) = self.cut() else {
                return;
            };
            let lane = CursorLane {
                chain: self.chain.clone(),
                tenant: self.tenant.clone(),
                limits: self.limits,
                room: self.room,
                window,
                pace,
                most: (self.begun == 0).then_some(LANE_WINDOWS),
            };
            self.begun += 1;
            let (out, lane_messages) = mpsc::channel(1);
            self.lanes.push_back(lane_messages);
            self.tasks.spawn(run(lane, out));
        }
    }

    /// The stretch of the next lane, and the pace that it begins with; `None` while the end of the lane
    /// that it depends on is not known, and at the end.
    fn cut(&mut self) -> Option<(Window, CursorPace)> {
        if self.begun == 0 {
            return Some((self.rest.take()?, self.first));
        }
        let before = self.begun.saturating_sub(LANES);
        let mut ends = self.ends.iter();
        let pace = ends.find_map(|(lane, pace)| (*lane == before).then_some(*pace))?;
        let rest = self.rest.take()?;
        let whole = micros_of(rest) as f64;
        let (window, rest) = match pace.length(self.room, f64::from(LANE_WINDOWS)) {
            Some(length) if length * 1.3 < whole => self.grid.first_part(rest, length),
            _ => (rest, None),
        };
        self.rest = rest;
        Some((window, pace))
    }
}
