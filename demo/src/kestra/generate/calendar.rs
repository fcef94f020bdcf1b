//! When things happen: machines around the clock with a nightly peak and bursts at the marks of
//! schedules, people at work hours.

use crate::dice::{Dice, Purpose};
use crate::instant::{DAY, HOUR, MINUTE, instant};
use chrono::{Datelike, Timelike, Weekday};

/// When one record is dated, and whether a person made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Number of the record, from 0.
    pub(super) index: u32,
    /// Nanoseconds since 1970; a multiple of what `digits` can write.
    pub(super) time: i64,
    /// Fraction digits of the date as written.
    pub(super) digits: u8,
    pub(super) human: bool,
}

/// Streams of draws that are not those of a moment, whose numbers have 32 bits.
const DAYS: u64 = 1 << 40;
const HOURS: u64 = 1 << 41;

/// Minutes at which schedules fire.
const MARKS: [i64; 9] = [0, 0, 0, 5, 10, 15, 30, 30, 45];

/// `count` moments in `[start, end)`, in order of time.
///
/// Hour by hour, so that only one hour is ever sorted: a million moments cost a fraction of a
/// second and no memory of their own.
pub(super) fn moments(seed: u64, count: u32, start: i64, end: i64, mut each: impl FnMut(Moment)) {
    let hours: Vec<Hour> = hours(seed, start, end).collect();
    let total: f64 = hours.iter().map(Hour::weight).sum();
    let (mut index, mut passed) = (0u32, 0.0);
    let mut here: Vec<Moment> = Vec::new();
    for (nth, hour) in hours.iter().enumerate() {
        passed += hour.weight();
        let upto = if nth + 1 == hours.len() {
            count
        } else {
            ((passed / total * f64::from(count)).round() as u32).min(count)
        };
        here.clear();
        while index < upto {
            let moment = hour.moment(seed, index, here.last());
            here.push(moment);
            index += 1;
        }
        here.sort_unstable_by_key(|moment| (moment.time, moment.index));
        here.iter().copied().for_each(&mut each);
    }
}

/// Cuts a time to what the given number of fraction digits can write.
pub(super) fn cut(time: i64, digits: u8) -> i64 {
    time - time.rem_euclid(10i64.pow(9 - u32::from(digits.min(9))))
}

struct Hour {
    from: i64,
    /// End, at most an hour later, never after the end of everything.
    to: i64,
    machine: f64,
    human: f64,
}

fn hours(seed: u64, start: i64, end: i64) -> impl Iterator<Item = Hour> {
    let mut from = start;
    std::iter::from_fn(move || {
        if from >= end {
            return None;
        }
        let to = (from - from.rem_euclid(HOUR) + HOUR).min(end);
        let at = instant(from);
        let full = (to - from) as f64 / HOUR as f64;
        let machine = if at.hour() < 5 { 1.8 } else { 1.0 };
        let weekend = matches!(at.weekday(), Weekday::Sat | Weekday::Sun);
        let human = match at.hour() {
            _ if weekend => 0.05,
            8..=10 => 1.2,
            13..=15 => 1.1,
            7 | 11 | 12 | 16 => 0.8,
            6 | 17 | 18 => 0.35,
            _ => 0.03,
        };
        // No two days are alike, and some hours are busier than others.
        let day = Dice::of(seed, Purpose::Calendar, from.div_euclid(DAY) as u64 | DAYS).unit();
        let hour = Dice::of(
            seed,
            Purpose::Calendar,
            from.div_euclid(HOUR) as u64 | HOURS,
        )
        .unit();
        let hour = Hour {
            from,
            to,
            machine: machine * full * (0.9 + 0.2 * day),
            human: human * full * (0.7 + 0.6 * day) * (0.6 + 0.8 * hour),
        };
        from = to;
        Some(hour)
    })
}

impl Hour {
    fn weight(&self) -> f64 {
        self.machine + self.human
    }

    fn moment(&self, seed: u64, index: u32, before: Option<&Moment>) -> Moment {
        let mut dice = Dice::of(seed, Purpose::Calendar, u64::from(index));
        let human = dice.chance(self.human / self.weight());
        if let Some(before) = before
            && before.human == human
            && dice.chance(0.015)
        {
            // Two records of one transaction share their instant.
            return Moment { index, ..*before };
        }
        let digits = match dice.below(100) {
            0..=81 => 3,
            82..=86 => 0,
            87 => 1,
            88..=90 => 2,
            91..=95 => 6,
            96..=97 => 9,
            98 => 4 + dice.below(2) as u8,
            _ => 7 + dice.below(2) as u8,
        };
        let mut time = self.from + dice.below((self.to - self.from) as u64) as i64;
        if !human && dice.chance(0.45) {
            let hour = self.from - self.from.rem_euclid(HOUR);
            let mark = hour + MARKS[dice.index(MARKS.len())] * MINUTE;
            let fired = mark + dice.below(1_500_000_000) as i64;
            if (self.from..self.to).contains(&fired) {
                time = fired;
            }
        }
        // Cutting digits off moves a time back, at most by a second.
        let time = cut(time, digits).max(self.from);
        Moment {
            index,
            digits: if cut(time, digits) == time { digits } else { 9 },
            time,
            human,
        }
    }
}

/// The first midnight (UTC) at or after an instant.
pub(super) fn midnight_after(time: i64) -> i64 {
    time + (DAY - time.rem_euclid(DAY)) % DAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::SECOND;
    use proptest::prelude::*;

    fn all(seed: u64, count: u32, start: i64, end: i64) -> Vec<Moment> {
        let mut all = Vec::new();
        moments(seed, count, start, end, |moment| all.push(moment));
        all
    }

    #[test]
    fn people_work_on_weekdays_and_machines_always() {
        let monday = 1_792_368_000 * SECOND;
        let week = all(1, 20_000, monday, monday + 7 * DAY);
        let share = |from: i64, to: i64, human| {
            let inside = |moment: &&Moment| {
                (from..to).contains(&(moment.time - monday)) && moment.human == human
            };
            week.iter().filter(inside).count() as f64 / week.len() as f64
        };
        assert!(share(5 * DAY, 7 * DAY, true) < 0.02);
        assert!(share(0, 5 * DAY, true) > 0.15);
        assert!(share(5 * DAY, 7 * DAY, false) > 0.15);
    }

    #[test]
    fn dates_tie_and_have_every_number_of_digits() {
        let week = all(1, 20_000, 0, 7 * DAY);
        assert!(
            week.windows(2)
                .filter(|pair| pair[0].time == pair[1].time)
                .count()
                > 50
        );
        for digits in 0..=9 {
            assert!(
                week.iter().any(|moment| moment.digits == digits),
                "{digits}"
            );
        }
    }

    proptest! {
        #[test]
        fn moments_are_sorted_inside_and_writable(
            seed in any::<u64>(), count in 0u32..400, start in 0i64..1_000_000_000_000, length in 1i64..3 * DAY
        ) {
            let all = all(seed, count, start, start + length);
            prop_assert_eq!(all.len(), count as usize);
            prop_assert!(all.is_sorted_by_key(|moment| moment.time));
            for moment in all {
                prop_assert!((start..start + length).contains(&moment.time));
                prop_assert_eq!(cut(moment.time, moment.digits), moment.time);
            }
        }
    }
}
