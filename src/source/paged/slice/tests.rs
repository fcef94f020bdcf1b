//! The planner against a model of a source: a sorted list of times.

use super::verdict::tests::able;
use super::*;
use crate::source::paged::{Paging, UpperEdge};
use chrono::{DateTime, Utc};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

struct Model {
    /// Sorted, in microseconds.
    times: Vec<i64>,
    can: Paging,
    row_bytes: u64,
    /// From here on rows have a hundred times as many bytes.
    large_from: i64,
    room: Room,
    requests: u64,
    instants: u64,
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap()
}

fn window(from: i64, to: i64) -> Window {
    Window::new(at(from), at(to)).unwrap()
}

fn room(flying: usize, held: usize) -> Room {
    Room {
        flying,
        held,
        ahead: 16 << 20,
        response: 16 << 20,
        largest: 32 << 20,
    }
}

impl Model {
    fn new(mut times: Vec<i64>) -> Self {
        times.sort_unstable();
        Self {
            times,
            can: able(),
            row_bytes: 500,
            large_from: i64::MAX,
            room: room(4, 8),
            requests: 0,
            instants: 0,
        }
    }

    fn rows(&self, window: Window) -> &[i64] {
        let (from, to) = (window.from.timestamp_micros(), window.to.timestamp_micros());
        let start = self.times.partition_point(|time| *time < from);
        let end = self
            .times
            .partition_point(|time| match self.can.upper_edge {
                UpperEdge::Open => *time < to,
                UpperEdge::Closed => *time <= to,
            });
        &self.times[start..end]
    }

    fn answer(&mut self, ask: &Ask) -> Answer<Vec<i64>> {
        self.requests += 1;
        match ask {
            Ask::Page {
                window,
                size,
                bytes,
            } => Answer::Page(self.page(*window, *size, *bytes)),
            Ask::Instant { window, .. } => {
                self.instants += 1;
                Answer::Instant(Ok(Instant {
                    payload: self.rows(*window).to_vec(),
                    trouble: None,
                    requests: 1,
                }))
            }
        }
    }

    fn page(
        &self,
        window: Window,
        size: u32,
        cap: u64,
    ) -> Result<(SeenPage, Vec<i64>), SourceError> {
        let rows = self.rows(window);
        let page = &rows[..rows.len().min(size as usize)];
        let large = page.iter().filter(|time| **time >= self.large_from).count();
        let bytes = self.row_bytes * (page.len() + 99 * large) as u64;
        if bytes > cap {
            return Err(SourceError::TooLarge { cap });
        }
        let total = rows.len() as u64;
        let seen = SeenPage {
            size,
            rows: page.len() as u64,
            distinct: page.len() as u64,
            total: Some(total.min(self.can.count_cap.unwrap_or(u64::MAX))),
            bytes,
            print: total,
            times: page.iter().copied().map(at).collect(),
        };
        Ok((seen, page.to_vec()))
    }

    /// Runs a plan, answering the question under way that `pick` chooses, and returns the pieces.
    fn run(
        &mut self,
        window: Window,
        room: Room,
        mut pick: impl FnMut(usize) -> usize,
    ) -> Vec<Piece<Vec<i64>>> {
        let mut plan = SlicePlan::new(window, self.can.clone(), room);
        let mut flying = Vec::new();
        let mut pieces = Vec::new();
        while !plan.finished() {
            while let Some(question) = plan.next() {
                flying.push(question);
                assert!(flying.len() <= room.flying);
            }
            assert!(!flying.is_empty(), "stuck");
            let chosen = pick(flying.len());
            let (id, ask) = flying.swap_remove(chosen);
            let answer = self.answer(&ask);
            plan.answer(id, answer);
            while let Some(piece) = plan.pop() {
                pieces.push(piece);
            }
        }
        pieces
    }

    /// Runs a plan and checks that it returns every row of the window once.
    fn read(&mut self, asked: Window) -> u64 {
        let pieces = self.run(asked, self.room, |_| 0);
        let mut next = asked.from;
        let mut read = Vec::new();
        for piece in pieces {
            let Piece::Whole {
                window, payload, ..
            } = piece
            else {
                panic!("{piece:?}");
            };
            assert_eq!(window.from, next);
            next = window.to;
            let inside = |time: &i64| window.contains(at(*time));
            read.extend(payload.into_iter().filter(inside));
        }
        assert_eq!(next, asked.to);
        let expected: Vec<i64> = self
            .times
            .iter()
            .copied()
            .filter(|time| asked.contains(at(*time)))
            .collect();
        assert!(
            read == expected,
            "{} rows of {}",
            read.len(),
            expected.len()
        );
        self.requests
    }
}

/// Numbers that look random and are the same each time.
fn dice(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// About `count` times over `days`, as dense as `shape` says at each share of the time; to the
/// millisecond, as platforms keep them.
fn shaped(count: usize, days: i64, shape: impl Fn(f64) -> f64) -> Vec<i64> {
    const STEPS: usize = 20_000;
    let weights: Vec<f64> = (0..STEPS).map(|n| shape(n as f64 / STEPS as f64)).collect();
    let sum: f64 = weights.iter().sum();
    let mut state = 7;
    let mut times = Vec::with_capacity(count + STEPS);
    let mut owed = 0.0;
    for (n, weight) in weights.iter().enumerate() {
        owed += count as f64 * weight / sum;
        while owed >= 1.0 {
            owed -= 1.0;
            let share = (n as f64 + dice(&mut state)) / STEPS as f64;
            times.push((share * (days * DAY) as f64) as i64 / 1000 * 1000);
        }
    }
    times
}

/// Ten times as much at noon as at night, less at the weekend.
fn office(days: i64) -> impl Fn(f64) -> f64 {
    move |share| {
        let hour = (share * days as f64).fract() * 24.0;
        let day = 0.1 + 0.9 * (-((hour - 13.0) / 4.0).powi(2)).exp();
        if (share * days as f64) as i64 % 7 >= 5 {
            day * 0.3
        } else {
            day
        }
    }
}

/// Half as much again at noon, half as much at night.
fn around_the_clock(days: i64) -> impl Fn(f64) -> f64 {
    move |share| 1.0 - 0.5 * (share * days as f64 * std::f64::consts::TAU).cos()
}

#[test]
fn twenty_five_years_with_data_in_the_last_three_days() {
    let whole = window(0, 25 * 365 * DAY);
    let late = |count| {
        let start = (25 * 365 - 3) * DAY;
        let times = shaped(count, 3, office(3)).into_iter();
        times.map(|time| start + time).collect::<Vec<_>>()
    };
    for (count, cap, most) in [
        (0, None, 1),
        (900, None, 1),
        (5_000, None, 15),
        (25_000, None, 60),
        (25_000, Some(10_000), 60),
        (100_000, Some(10_000), 200),
    ] {
        let mut model = Model::new(late(count));
        model.can.count_cap = cap;
        let requests = model.read(whole);
        assert!(requests <= most, "{count} {cap:?}: {requests}");
    }
    let mut early = shaped(5_000, 3, office(3));
    early.extend([5, 400 * DAY]);
    let requests = Model::new(early).read(whole);
    assert!(requests <= 30, "{requests}");
}

#[test]
fn many_events_cost_little_more_than_their_pages() {
    type Shape = Box<dyn Fn(f64) -> f64>;
    let bursts = |share: f64| {
        if (share * 300.0).fract() < 0.05 {
            1.0
        } else {
            0.02
        }
    };
    let shapes: [(&str, usize, i64, Shape, f64); 5] = [
        ("even", 1_000_000, 28, Box::new(|_| 1.0), 1.35),
        (
            "around the clock",
            1_000_000,
            28,
            Box::new(around_the_clock(28)),
            1.6,
        ),
        (
            "growing",
            200_000,
            365,
            Box::new(|share| share * share),
            1.4,
        ),
        ("office", 280_000, 7, Box::new(office(7)), 1.8),
        ("bursts", 300_000, 28, Box::new(bursts), 3.0),
    ];
    for (name, count, days, shape, most) in shapes {
        let mut model = Model::new(shaped(count, days, shape));
        let requests = model.read(window(0, days * DAY));
        let ratio = requests as f64 / (count as f64 / 1000.0);
        println!("{name}: {ratio:.2} requests per page of rows");
        assert!(ratio <= most, "{name}: {ratio}");
    }
}

#[test]
fn a_closed_edge_costs_no_more() {
    let times = shaped(50_000, 28, around_the_clock(28));
    let mut model = Model::new(times.clone());
    let open = model.read(window(0, 28 * DAY));
    let mut model = Model::new(times);
    model.can.upper_edge = UpperEdge::Closed;
    let closed = model.read(window(0, 28 * DAY));
    assert!(closed <= open + 2, "{closed} {open}");
}

#[test]
fn large_records_make_small_pages() {
    let mut model = Model::new(shaped(20_000, 28, |_| 1.0));
    model.row_bytes = 10_000;
    model.room.response = 1_000_000;
    let requests = model.read(window(0, 28 * DAY));
    // A hundred rows fill a response, so half of that is asked for.
    assert!(requests < 700, "{requests}");
}

#[test]
fn rows_out_of_order_are_still_divided() {
    let mut times = shaped(20_000, 28, |_| 1.0);
    let mut model = Model::new(std::mem::take(&mut times));
    let mut plan = SlicePlan::new(window(0, 28 * DAY), model.can.clone(), model.room);
    let (mut rows, mut requests) = (0, 0);
    while !plan.finished() {
        let Some((id, ask)) = plan.next() else {
            panic!("stuck");
        };
        requests += 1;
        let mut answer = model.answer(&ask);
        if let Answer::Page(Ok((seen, _))) = &mut answer {
            seen.times.reverse();
        }
        plan.answer(id, answer);
        while let Some(piece) = plan.pop() {
            let Piece::Whole { payload, .. } = piece else {
                panic!("{piece:?}");
            };
            rows += payload.len();
        }
    }
    assert_eq!(rows, 20_000);
    assert!(requests < 60, "{requests}");
}

#[test]
fn pieces_do_not_depend_on_the_order_of_answers() {
    let times = shaped(60_000, 28, office(28));
    let asked = window(0, 28 * DAY);
    let first = Model::new(times.clone()).run(asked, room(1, 1), |_| 0);
    let mut state = 3;
    for (flying, held) in [(1, 4), (3, 6), (8, 8), (8, 2)] {
        let again = Model::new(times.clone()).run(asked, room(flying, held), |under_way| {
            (dice(&mut state) * under_way as f64) as usize
        });
        assert!(again == first, "{flying} {held}");
    }
}

/// An answer that is held waits for an earlier one; there are never more of them than allowed.
#[test]
fn what_is_held_is_bounded() {
    let mut model = Model::new(shaped(60_000, 28, office(28)));
    let room = room(3, 5);
    let mut plan = SlicePlan::new(window(0, 28 * DAY), model.can.clone(), room);
    let (mut flying, mut answered, mut popped) = (Vec::new(), 0, 0);
    while !plan.finished() {
        while let Some(question) = plan.next() {
            flying.push(question);
        }
        // The newest first, so that the oldest stays away as long as possible.
        let (id, ask) = flying.pop().unwrap();
        let answer = model.answer(&ask);
        let whole = matches!(&answer, Answer::Page(Ok((seen, _))) if seen.at_least() < 1000);
        plan.answer(id, answer);
        answered += usize::from(whole);
        while plan.pop().is_some() {
            popped += 1;
        }
        assert!(answered - popped <= room.held + 1, "{answered} {popped}");
    }
}

/// Whatever comes when, what waits takes no more than it may; the first piece comes on top, since
/// all others wait for it.
#[test]
fn bytes_that_wait_are_bounded() {
    let dense = shaped(30_000, 28, office(28));
    for row_bytes in [500, 10_000, 1 << 20, 9 << 20] {
        let mut model = Model::new(dense[..30_000.min((3 << 30) / row_bytes)].to_vec());
        model.row_bytes = row_bytes as u64;
        let room = room(8, 40);
        let mut plan = SlicePlan::new(window(0, 28 * DAY), model.can.clone(), room);
        let mut flying: Vec<(u64, Ask)> = Vec::new();
        let (mut waiting, mut read) = (Vec::new(), 0);
        while !plan.finished() {
            while let Some(question) = plan.next() {
                flying.push(question);
            }
            let awaited = flying.iter().map(|(_, ask)| match ask {
                Ask::Page { bytes, .. } => *bytes,
                Ask::Instant { .. } => room.ahead,
            });
            let held: u64 = awaited.chain(waiting.iter().copied()).sum();
            assert!(held <= room.ahead + room.largest, "{row_bytes}: {held}");
            // The newest first, so that the oldest stays away as long as possible.
            let (id, ask) = flying.pop().unwrap();
            let answer = model.answer(&ask);
            if let Answer::Page(Ok((seen, rows))) = &answer
                && (rows.len() as u64) < u64::from(seen.size)
            {
                waiting.push(seen.bytes);
            }
            plan.answer(id, answer);
            while let Some(Piece::Whole { payload, .. }) = plan.pop() {
                read += payload.len();
                let bytes = model.row_bytes * payload.len() as u64;
                let place = waiting.iter().position(|held| *held == bytes);
                waiting.swap_remove(place.unwrap());
            }
        }
        assert_eq!(read, model.times.len(), "{row_bytes}");
    }
}

/// Rows that are suddenly a hundred times larger are asked for again, when there is room for them.
#[test]
fn a_surprise_is_asked_for_again_and_changes_no_piece() {
    let times = shaped(40_000, 28, |_| 1.0);
    let asked = window(0, 28 * DAY);
    let run = |flying, held| {
        let mut model = Model::new(times.clone());
        model.large_from = 14 * DAY;
        let pieces = model.run(asked, room(flying, held), |under_way| under_way - 1);
        let tiles = pieces.into_iter().map(|piece| match piece {
            Piece::Whole {
                window, payload, ..
            } => (window, payload.len()),
            other => panic!("{other:?}"),
        });
        tiles.collect::<Vec<_>>()
    };
    let one_by_one = run(1, 1);
    assert!(run(8, 20) == one_by_one);
    assert_eq!(
        one_by_one.iter().map(|(_, rows)| rows).sum::<usize>(),
        40_000
    );
}
