//! Cutting windows on a grid of ticks.

use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// The times at which windows are cut: whole multiples of the tick since 1970.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Grid {
    /// Microseconds, positive.
    tick: i64,
}

impl Grid {
    /// A grid as fine as `tick`, but never finer than a microsecond.
    pub(in crate::source) fn new(tick: TimeDelta) -> Self {
        Self {
            tick: tick.num_microseconds().unwrap_or(i64::MAX).max(1),
        }
    }

    /// The grid point at or before `time`.
    pub(in crate::source) fn floor(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let micros = time.timestamp_micros();
        DateTime::from_timestamp_micros(micros.checked_sub(micros.rem_euclid(self.tick))?)
    }

    pub(in crate::source) fn step(self, time: DateTime<Utc>, ticks: i64) -> Option<DateTime<Utc>> {
        time.checked_add_signed(TimeDelta::microseconds(self.tick.checked_mul(ticks)?))
    }

    /// The grid point after `time`.
    pub(in crate::source) fn after(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.step(self.floor(time)?, 1)
    }

    /// Cuts a window, or `None` where `at` does not lie strictly inside.
    pub(in crate::source) fn cut(
        self,
        window: Window,
        at: DateTime<Utc>,
    ) -> Option<(Window, Window)> {
        Some((Window::new(window.from, at)?, Window::new(at, window.to)?))
    }

    /// Whether no grid point lies inside: the window cannot be cut.
    pub(in crate::source) fn is_instant(self, window: Window) -> bool {
        self.after(window.from).is_none_or(|next| next >= window.to)
    }

    /// Two halves, or `None` for an instant.
    pub(in crate::source) fn halves(self, window: Window) -> Option<(Window, Window)> {
        let middle = self.floor(window.from + window.duration() / 2)?;
        self.cut(window, middle)
            .or_else(|| self.cut(window, self.after(window.from)?))
    }

    /// A first part of about `micros`, and the rest, if anything is left.
    pub(in crate::source) fn first_part(
        self,
        window: Window,
        micros: f64,
    ) -> (Window, Option<Window>) {
        // Saturates, and the length of a window fits.
        let length = TimeDelta::microseconds((micros.max(1.0) as i64).min(micros_of(window)));
        let at = self
            .floor(window.from + length)
            .filter(|at| *at > window.from)
            .or_else(|| self.after(window.from));
        match at.and_then(|at| self.cut(window, at)) {
            Some((part, rest)) => (part, Some(rest)),
            None => (window, None),
        }
    }
}

/// Length in microseconds.
pub(in crate::source) fn micros_of(window: Window) -> i64 {
    window.duration().num_microseconds().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scripted::{at, window};

    fn grid() -> Grid {
        Grid::new(TimeDelta::microseconds(1))
    }

    #[test]
    fn halves_end_at_one_tick() {
        for (from, to, middle) in [
            (0, 10_000, Some(5_000)),
            (0, 3_000, Some(1_000)),
            (0, 1_000, None),
            (500, 1_000, None),
            (500, 1_200, Some(1_000)),
            (-2_000, 0, Some(-1_000)),
        ] {
            let halves = grid().halves(window(from, to));
            assert_eq!(halves.map(|(left, _)| left.to), middle.map(at), "{from}");
            assert_eq!(halves.is_none(), grid().is_instant(window(from, to)));
        }
    }

    #[test]
    fn a_first_part_is_never_empty() {
        for (micros, end) in [(0.0, 1_000), (2.7, 2_000), (f64::MAX, 9_000), (8.9, 8_000)] {
            let (part, rest) = grid().first_part(window(0, 9_000), micros);
            assert_eq!(part, window(0, end), "{micros}");
            assert_eq!(rest.is_none(), end == 9_000);
        }
    }
}
