//! A stretch of time that is read window by window, in order.
//!
//! Each window is known before the next is cut, so that their lengths follow rush hours. What a lane
//! hands out depends on the answers of its own stretch and on the pace that it begins with, on nothing
//! else.

use super::Chain;
use super::pass::{ChainTrouble, PassRoom, WindowReading, positions, read_whole};
use crate::source::grid::{Grid, micros_of};
use crate::source::{Hole, HoleReason, Keyed, Limits, Slice, SliceOutcome, SourceError, Tenant};
use crate::window::Window;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Share of the room that a window aims at.
const TARGET: f64 = 0.6;

/// How much longer a window may be than the one that its length is predicted from.
const GROWTH: f64 = 8.0;

/// Most credit that a platform has. A window that cannot be read costs one, and one that can brings two.
/// What cannot be read is not cut any more where there is none: a platform that fails wherever it is
/// asked would be asked about each tick by itself. One bad record in a day takes 37 halvings to be found,
/// and about 12 windows after it lead back to the usual length.
const CREDIT: u32 = 96;

/// What a lane tells the reader.
#[derive(Debug)]
pub(super) enum Message {
    /// The next piece.
    Piece(SliceOutcome),
    /// The next piece is one tick that takes more memory than a window may, so it is read at its turn:
    /// once nothing before it is awaited.
    Turn(oneshot::Sender<()>),
    /// The source failed; nothing follows.
    Failed(SourceError),
    /// Nothing follows.
    End(LaneEnd),
}

/// What is known of the windows to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CursorPace {
    /// The last window: microseconds, and bytes in memory. `None` before the first.
    last: Option<(f64, f64)>,
    /// Rows that a response is asked for.
    size: u32,
    credit: u32,
}

impl CursorPace {
    /// Of a source about which nothing is known.
    pub(super) fn unknown(page_cap: u32) -> Self {
        Self {
            last: None,
            size: page_cap,
            credit: CREDIT,
        }
    }

    /// Microseconds that hold about so many times what a window may hold; `None` where nothing was read.
    pub(super) fn length(&self, room: u64, windows: f64) -> Option<f64> {
        let (length, bytes) = self.last?;
        let longest = length * GROWTH * windows;
        let fits = room as f64 * TARGET * windows * length / bytes.max(1.0);
        Some(fits.min(longest))
    }
}

/// How a lane ended.
#[derive(Debug)]
pub(super) struct LaneEnd {
    /// What comes next.
    pub(super) pace: CursorPace,
    /// What is left of its stretch, where it ended early.
    pub(super) rest: Option<Window>,
}

/// What a lane reads.
pub(super) struct CursorLane {
    pub(super) chain: Arc<dyn Chain>,
    pub(super) tenant: Tenant,
    pub(super) limits: Limits,
    /// Bytes of one window.
    pub(super) room: u64,
    /// The stretch.
    pub(super) window: Window,
    pub(super) pace: CursorPace,
    /// The lane ends after so many pieces, wherever it is then.
    pub(super) most: Option<u32>,
}

/// Reads a lane into `out`, piece after piece, each once there is room for it.
pub(super) async fn run(lane: CursorLane, out: mpsc::Sender<Message>) {
    let grid = Grid::new(lane.chain.chaining().tick);
    let mut walk = Walk {
        pace: lane.pace,
        rest: Some(lane.window),
        cut_off: None,
        requests: 0,
        grid,
        lane,
    };
    let end = match walk.read(&out).await {
        Ok(end) => end,
        Err(Interrupted::Failed(error)) => Message::Failed(error),
        Err(Interrupted::Dropped) => return,
    };
    // Nobody listens any more where the reader was dropped.
    let _ = out.send(end).await;
}

/// Why a lane ends before its end.
enum Interrupted {
    /// The source failed.
    Failed(SourceError),
    /// The reader is gone.
    Dropped,
}

impl From<SourceError> for Interrupted {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

struct Walk {
    lane: CursorLane,
    grid: Grid,
    pace: CursorPace,
    /// What was not cut yet.
    rest: Option<Window>,
    /// The first part of a window that could not be read as it was; it comes before the rest.
    cut_off: Option<Window>,
    /// Requests since the last piece.
    requests: u32,
}

impl Walk {
    async fn read(&mut self, out: &mpsc::Sender<Message>) -> Result<Message, Interrupted> {
        let mut pieces = 0;
        while self.lane.most.is_none_or(|most| pieces < most) || self.cut_off.is_some() {
            let Some(window) = self.next() else { break };
            let place = out.reserve().await.map_err(|_| Interrupted::Dropped)?;
            let piece = match self.window(window).await? {
                WindowReading::Whole {
                    records,
                    duplicates,
                } => {
                    self.pace.credit = (self.pace.credit + 2).min(CREDIT);
                    self.slice(window, records, duplicates)
                }
                WindowReading::TooMuch { records } if self.cut(window, &records) => continue,
                WindowReading::TooMuch { records } => {
                    drop(records);
                    let (turn, come) = oneshot::channel();
                    place.send(Message::Turn(turn));
                    come.await.map_err(|_| Interrupted::Dropped)?;
                    let piece = self.crowd(window).await?;
                    let place = out.reserve().await.map_err(|_| Interrupted::Dropped)?;
                    place.send(Message::Piece(piece));
                    pieces += 1;
                    continue;
                }
                WindowReading::Failed { trouble, records } => {
                    self.pace.credit = self.pace.credit.saturating_sub(1);
                    if self.pace.credit > 0 && self.halve(window) {
                        continue;
                    }
                    let (reason, detail) = explain(trouble);
                    self.hole(window, reason, detail, records)
                }
            };
            place.send(Message::Piece(piece));
            pieces += 1;
        }
        Ok(Message::End(LaneEnd {
            pace: self.pace,
            rest: self.rest.take(),
        }))
    }

    /// The next window to read.
    fn next(&mut self) -> Option<Window> {
        if let Some(window) = self.cut_off.take() {
            return Some(window);
        }
        let rest = self.rest.take()?;
        let whole = micros_of(rest) as f64;
        let (window, rest) = match self.pace.length(self.lane.room, 1.0) {
            // A small remainder goes along.
            Some(length) if length * 1.3 < whole => self.grid.first_part(rest, length),
            _ => (rest, None),
        };
        self.rest = rest;
        Some(window)
    }

    async fn window(&mut self, window: Window) -> Result<WindowReading, SourceError> {
        let room = PassRoom {
            bytes: self.lane.room,
            rows: usize::MAX,
            response: self.lane.room,
            record: self.lane.limits.record_bytes,
            is_instant: self.grid.is_instant(window),
        };
        self.ask(window, room).await
    }

    async fn ask(&mut self, window: Window, room: PassRoom) -> Result<WindowReading, SourceError> {
        let lane = &self.lane;
        let size = self.pace.size;
        let finished = read_whole(&*lane.chain, &lane.tenant, window, size, room).await?;
        self.requests += finished.requests;
        self.pace.size = finished.size;
        if matches!(finished.reading, WindowReading::Whole { .. }) {
            let bytes = finished.bytes;
            self.pace.last = Some((micros_of(window).max(1) as f64, bytes as f64));
            if bytes < room.bytes / 4 {
                let page_cap = lane.chain.chaining().page_cap.max(1);
                self.pace.size = finished.size.saturating_mul(2).min(page_cap);
            }
        }
        Ok(finished.reading)
    }

    /// One tick that holds more than a window may.
    async fn crowd(&mut self, window: Window) -> Result<SliceOutcome, SourceError> {
        let limits = self.lane.limits;
        let room = PassRoom {
            bytes: limits.instant_bytes,
            rows: limits.instant_records,
            response: limits.response_bytes,
            record: limits.record_bytes,
            is_instant: true,
        };
        Ok(match self.ask(window, room).await? {
            WindowReading::Whole {
                records,
                duplicates,
            } => self.slice(window, records, duplicates),
            WindowReading::Failed { trouble, records } => {
                let (reason, detail) = explain(trouble);
                self.hole(window, reason, detail, records)
            }
            WindowReading::TooMuch { records } => {
                let detail = format!(
                    "one instant has more records than fit into memory; {} were read",
                    records.len()
                );
                self.hole(window, HoleReason::Crowded, detail, records)
            }
        })
    }

    /// Cuts a window that holds too much where its rows fill it to the target, as far as they show that,
    /// and in its first half in any case. Whether it can be cut.
    fn cut(&mut self, window: Window, records: &[Keyed]) -> bool {
        let Some((left, right)) = self.grid.halves(window) else {
            return false;
        };
        let positions = positions(records);
        let filled = (positions.len() as f64 * TARGET) as usize;
        let predicted = positions.get(filled).and_then(|at| {
            let (first, rest) = self.grid.cut(window, self.grid.floor(*at)?)?;
            (first.to <= left.to).then_some((first, rest))
        });
        self.put_back(predicted.unwrap_or((left, right)));
        true
    }

    /// Cuts a window that cannot be read in two. Whether it can be cut.
    fn halve(&mut self, window: Window) -> bool {
        let halves = self.grid.halves(window);
        let can = halves.is_some();
        halves.into_iter().for_each(|halves| self.put_back(halves));
        can
    }

    /// What follows the first part joins what was not cut yet: its length is predicted from the windows
    /// before it.
    fn put_back(&mut self, (first, rest): (Window, Window)) {
        self.cut_off = Some(first);
        self.rest = Some(Window {
            from: rest.from,
            to: self.rest.map_or(rest.to, |later| later.to),
        });
    }

    fn slice(
        &mut self,
        window: Window,
        records: Vec<Keyed>,
        source_duplicates: u64,
    ) -> SliceOutcome {
        SliceOutcome::Slice(Slice {
            tenant: self.lane.tenant.clone(),
            window,
            total: records.len() as u64,
            records,
            source_duplicates,
            objects: Vec::new(),
            requests: std::mem::take(&mut self.requests),
        })
    }

    fn hole(
        &mut self,
        window: Window,
        reason: HoleReason,
        detail: String,
        records: Vec<Keyed>,
    ) -> SliceOutcome {
        let hole = Hole {
            tenant: self.lane.tenant.clone(),
            window,
            reason,
            detail,
            records,
            objects: Vec::new(),
            requests: std::mem::take(&mut self.requests),
        };
        hole.logged()
    }
}

/// Reason and detail of a hole.
fn explain(trouble: ChainTrouble) -> (HoleReason, String) {
    match trouble {
        ChainTrouble::Failed(error) => {
            let reason = HoleReason::of(&error).unwrap_or(HoleReason::ServerFailure);
            (reason, error.to_string())
        }
        ChainTrouble::Disagrees {
            returned: [before, last],
        } => (
            HoleReason::CountsDisagree,
            format!(
                "each reading returned other records; the last two had {before} and {last} different ones"
            ),
        ),
        ChainTrouble::Counted { total, returned } => (
            HoleReason::CountsDisagree,
            format!("the platform counts {total} records and returned {returned} in each reading"),
        ),
    }
}
