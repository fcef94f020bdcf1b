//! How a window is asked for: where its ends go, how they are written, and what may come back beside it.

use super::RequestPlace;
use crate::window::Window;
use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the ends of a window are written.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowFormat {
    /// A date and time in UTC: 2026-11-20T10:15:30.123Z.
    #[default]
    Rfc3339,
    /// A date: 2026-11-20.
    Date,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
}

/// How a window is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedWindow {
    /// Where its start goes, if the platform takes one.
    pub from: Option<RequestPlace>,
    /// Where its end goes, if the platform takes one.
    pub to: Option<RequestPlace>,
    /// Whether records at the start itself are returned.
    pub from_inclusive: bool,
    /// Whether records at the end itself are returned.
    pub to_inclusive: bool,
    /// How both are written.
    pub format: WindowFormat,
    /// Digits of the fraction of a second in [`WindowFormat::Rfc3339`], at most 9.
    pub digits: u8,
}

/// A window as the platform is asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AskedWindow {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// Whether it returns what lies in the window and nothing else.
    pub(super) is_exact: bool,
}

const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

impl DescribedWindow {
    /// The smallest step between two ends that are written differently, and no less than a microsecond.
    pub fn unit(&self) -> TimeDelta {
        match self.format {
            WindowFormat::Rfc3339 => match self.digits {
                0 => TimeDelta::seconds(1),
                1 => TimeDelta::milliseconds(100),
                2 => TimeDelta::milliseconds(10),
                3 => TimeDelta::milliseconds(1),
                4 => TimeDelta::microseconds(100),
                5 => TimeDelta::microseconds(10),
                _ => MICROSECOND,
            },
            WindowFormat::Date => TimeDelta::days(1),
            WindowFormat::Seconds => TimeDelta::seconds(1),
            WindowFormat::Millis => TimeDelta::milliseconds(1),
            WindowFormat::Micros => MICROSECOND,
        }
    }

    /// Whether the platform is given both ends.
    pub(super) fn is_whole(&self) -> bool {
        self.from.is_some() && self.to.is_some()
    }

    /// Whether a window can be asked for so that nothing beside it is returned. An end that belongs to the wrong side
    /// is moved by one step where no record lies between two steps, which is taken to be so of microseconds.
    pub(super) fn can_be_exact(&self) -> bool {
        let is_fine = self.unit() <= MICROSECOND;
        self.is_whole() && (is_fine || (self.from_inclusive && !self.to_inclusive))
    }

    /// How a window is asked for: as it is, or wider, never narrower.
    pub(super) fn asked(&self, window: Window) -> AskedWindow {
        let unit = self.unit();
        let is_fine = unit <= MICROSECOND;
        let mut from = floor(window.from, unit);
        let mut to = ceil(window.to, unit);
        let is_exact = self.can_be_exact() && from == window.from && to == window.to;
        if !self.from_inclusive {
            from -= unit;
        }
        // What lies between the last microsecond and the end would be missed otherwise.
        if self.to_inclusive && is_fine && to == window.to {
            to -= unit;
        }
        AskedWindow { from, to, is_exact }
    }

    /// An end as it is written.
    pub(super) fn written(&self, at: DateTime<Utc>) -> Value {
        match self.format {
            WindowFormat::Rfc3339 => {
                let mut text = at.format("%Y-%m-%dT%H:%M:%S").to_string();
                let digits = usize::from(self.digits.min(9));
                if digits > 0 {
                    let nanos = format!("{:09}", at.nanosecond() % 1_000_000_000);
                    text.push('.');
                    text.extend(nanos.chars().take(digits));
                }
                text.push('Z');
                json!(text)
            }
            WindowFormat::Date => json!(at.format("%Y-%m-%d").to_string()),
            WindowFormat::Seconds => json!(at.timestamp()),
            WindowFormat::Millis => json!(at.timestamp_millis()),
            WindowFormat::Micros => json!(at.timestamp_micros()),
        }
    }
}

impl AskedWindow {
    /// Whether the platform may return a record of this time, outside the window, because it was asked for a wider
    /// one or without an end.
    pub(super) fn may_return(
        &self,
        shape: &DescribedWindow,
        window: Window,
        time: DateTime<Utc>,
    ) -> bool {
        if time < window.from {
            return shape.from.is_none() || time >= self.from;
        }
        // A date as the end means all of that day to some platforms.
        let reach = match shape.to_inclusive {
            true => shape.unit(),
            false => TimeDelta::zero(),
        };
        shape.to.is_none() || time < self.to + reach
    }
}

/// The last step at or before an instant.
fn floor(at: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    let unit = unit.num_microseconds().unwrap_or(1).max(1);
    let micros = at.timestamp_micros();
    DateTime::from_timestamp_micros(micros - micros.rem_euclid(unit)).unwrap_or(at)
}

/// The first step at or after an instant; the one before it where that has a year of five digits.
fn ceil(at: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    let before = floor(at, unit);
    let after = match before == at {
        true => before,
        false => before + unit,
    };
    match after.year() > 9_999 {
        true => before,
        false => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(format: WindowFormat, digits: u8, edges: (bool, bool)) -> DescribedWindow {
        DescribedWindow {
            from: Some(RequestPlace::Query("from".to_owned())),
            to: Some(RequestPlace::Query("to".to_owned())),
            from_inclusive: edges.0,
            to_inclusive: edges.1,
            format,
            digits,
        }
    }

    fn window(from: &str, to: &str) -> Window {
        Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    }

    #[test]
    fn ends_are_written_as_described() {
        let at = "2026-11-20T10:15:30.123456Z".parse().unwrap();
        for (format, digits, text) in [
            (WindowFormat::Rfc3339, 0, json!("2026-11-20T10:15:30Z")),
            (WindowFormat::Rfc3339, 3, json!("2026-11-20T10:15:30.123Z")),
            (
                WindowFormat::Rfc3339,
                9,
                json!("2026-11-20T10:15:30.123456000Z"),
            ),
            (WindowFormat::Date, 0, json!("2026-11-20")),
            (WindowFormat::Seconds, 0, json!(1_795_169_730)),
            (WindowFormat::Millis, 0, json!(1_795_169_730_123_i64)),
            (WindowFormat::Micros, 0, json!(1_795_169_730_123_456_i64)),
        ] {
            assert_eq!(shape(format, digits, (true, false)).written(at), text);
        }
    }

    #[test]
    fn a_window_is_never_asked_for_more_narrowly() {
        let odd = window("2026-11-20T10:15:30.123456Z", "2026-11-20T10:16:00.5Z");
        let even = window("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
        for (format, digits) in [
            (WindowFormat::Rfc3339, 0),
            (WindowFormat::Rfc3339, 6),
            (WindowFormat::Date, 0),
            (WindowFormat::Millis, 0),
        ] {
            for edges in [(true, false), (false, false), (true, true), (false, true)] {
                let shape = shape(format, digits, edges);
                for window in [odd, even] {
                    let asked = shape.asked(window);
                    let first = match edges.0 {
                        true => asked.from,
                        false => asked.from + MICROSECOND,
                    };
                    assert!(first <= window.from, "{shape:?} {window}");
                    let last = match edges.1 {
                        true => asked.to,
                        false => asked.to - MICROSECOND,
                    };
                    assert!(last >= window.to - MICROSECOND, "{shape:?} {window}");
                    assert!(!asked.is_exact || window == even || digits == 6);
                }
            }
        }
        let fine = shape(WindowFormat::Micros, 0, (true, true)).asked(even);
        assert!(fine.is_exact);
        assert_eq!(fine.to, even.to - MICROSECOND);
        assert!(
            !shape(WindowFormat::Seconds, 0, (true, true))
                .asked(even)
                .is_exact
        );
    }

    #[test]
    fn what_lies_between_the_window_and_what_was_asked_is_expected() {
        let window = window("2026-11-20T10:15:30.5Z", "2026-11-20T10:16:00.5Z");
        let shape = shape(WindowFormat::Seconds, 0, (true, false));
        let asked = shape.asked(window);
        for (time, expected) in [
            ("2026-11-20T10:15:30.2Z", true),
            ("2026-11-20T10:15:29.9Z", false),
            ("2026-11-20T10:16:00.9Z", true),
            ("2026-11-20T10:16:01Z", false),
        ] {
            let time = time.parse().unwrap();
            assert_eq!(asked.may_return(&shape, window, time), expected, "{time}");
        }
        let open = DescribedWindow { to: None, ..shape };
        assert!(open.asked(window).may_return(
            &open,
            window,
            "2027-01-01T00:00:00Z".parse().unwrap()
        ));
    }
}
