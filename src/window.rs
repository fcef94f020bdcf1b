//! Windows of time and sets of them: the arithmetic behind coverage.
//!
//! A window is half-open, `[from, to)`, in UTC. A [`Coverage`] is a set of windows in normal form:
//! sorted, disjoint, never touching, never empty; so two equal sets are equal values.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Timelike as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A half-open interval of time in UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First instant of the interval.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub from: DateTime<Utc>,
    /// First instant after the interval.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub to: DateTime<Utc>,
}

impl Window {
    /// The window `[from, to)`, or `None` where that holds no instant.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// The whole UTC date, or `None` for the last date that the calendar can hold.
    pub fn of_date(date: NaiveDate) -> Option<Self> {
        let next = date.checked_add_days(Days::new(1))?;
        Self::new(midnight(date), midnight(next))
    }

    /// Whether `instant` lies inside.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.from <= instant && instant < self.to
    }

    /// Whether every instant of `other` lies inside.
    pub fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// What both have in common.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Length.
    pub fn duration(&self) -> chrono::TimeDelta {
        self.to - self.from
    }

    /// The window cut at every UTC midnight inside it, in order.
    pub fn by_date(&self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut from = self.from;
        while let Some(day) = Self::of_date(from.date_naive()) {
            let to = day.to.min(self.to);
            if let Some(part) = Self::new(from, to) {
                parts.push(part);
            }
            if day.to >= self.to {
                break;
            }
            from = day.to;
        }
        parts
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}, {})",
            format_instant(self.from),
            format_instant(self.to)
        )
    }
}

/// The first instant of a date in UTC.
pub fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

/// The times of a window within one UTC date, for people: `10:00 to 11:00`, `23:00 to 24:00`, or `at 10:00:00.250`
/// where it is shorter than a millisecond.
pub(crate) fn times_of_day(window: &Window) -> String {
    let time = |instant: DateTime<Utc>| match (instant.second(), instant.nanosecond()) {
        (0, 0) => instant.format("%H:%M").to_string(),
        _ => instant.format("%H:%M:%S%.f").to_string(),
    };
    let from = time(window.from);
    if window.to - window.from < TimeDelta::milliseconds(1) {
        return format!("at {from}");
    }
    match window.to == midnight(window.to.date_naive()) {
        true => format!("{from} to 24:00"),
        false => format!("{from} to {}", time(window.to)),
    }
}

/// RFC 3339 in UTC with `Z` and no more fraction digits than the instant needs (0, 3, 6 or 9): one
/// instant has one text.
pub fn format_instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Serde form of an instant: the text of [`format_instant`].
pub mod instant {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the instant as text.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(value: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::format_instant(*value))
    }

    /// Reads RFC 3339 text.
    ///
    /// # Errors
    /// Text that is not an RFC 3339 instant.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(from)?;
        let parsed = DateTime::parse_from_rfc3339(&text)
            .map_err(|error| D::Error::custom(format!("{text:?} is not an instant: {error}")))?;
        Ok(parsed.with_timezone(&Utc))
    }
}

/// The same for an instant that may be absent.
pub mod some_instant {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Instant(#[serde(with = "super::instant")] DateTime<Utc>);

    /// Writes the instant as text, or nothing.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(
        value: &Option<DateTime<Utc>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Instant).serialize(to)
    }

    /// Reads RFC 3339 text, or nothing.
    ///
    /// # Errors
    /// Text that is not an RFC 3339 instant.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        let instant = Option::<Instant>::deserialize(from)?;
        Ok(instant.map(|Instant(at)| at))
    }
}

/// A set of instants as sorted, disjoint, non-touching windows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Window>", into = "Vec<Window>")]
pub struct Coverage(Vec<Window>);

impl Coverage {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no instant is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The windows in order.
    pub fn windows(&self) -> &[Window] {
        &self.0
    }

    /// The first instant after everything in the set.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.0.last().map(|window| window.to)
    }

    /// The first instant in the set.
    pub fn start(&self) -> Option<DateTime<Utc>> {
        self.0.first().map(|window| window.from)
    }

    /// Adds a window, joining what it touches.
    pub fn insert(&mut self, window: Window) {
        if window.from >= window.to {
            return;
        }
        let first = self.0.partition_point(|known| known.to < window.from);
        let after = self.0.partition_point(|known| known.from <= window.to);
        let mut joined = window;
        if first < after {
            joined.from = joined.from.min(self.0[first].from);
            joined.to = joined.to.max(self.0[after - 1].to);
        }
        self.0.splice(first..after, [joined]);
    }

    /// Takes a window out.
    pub fn remove(&mut self, window: Window) {
        let mut left = Vec::with_capacity(self.0.len() + 1);
        for known in &self.0 {
            left.extend(Window::new(known.from, known.to.min(window.from)));
            left.extend(Window::new(known.from.max(window.to), known.to));
        }
        self.0 = left;
    }

    /// Whether the set holds every instant of the window.
    pub fn covers(&self, window: &Window) -> bool {
        self.0.iter().any(|known| known.covers(window))
    }

    /// Whether the set holds any instant of the window.
    pub fn overlaps(&self, window: &Window) -> bool {
        self.0
            .iter()
            .any(|known| known.intersection(window).is_some())
    }

    /// The parts of `within` that are in the set, in order.
    pub fn inside(&self, within: &Window) -> Vec<Window> {
        self.0
            .iter()
            .filter_map(|known| known.intersection(within))
            .collect()
    }

    /// The parts of `within` that are not in the set, in order.
    pub fn missing(&self, within: &Window) -> Vec<Window> {
        let mut rest = Self(vec![*within]);
        for known in &self.0 {
            rest.remove(*known);
        }
        rest.0
    }
}

impl FromIterator<Window> for Coverage {
    fn from_iter<I: IntoIterator<Item = Window>>(windows: I) -> Self {
        let mut set = Self::new();
        for window in windows {
            set.insert(window);
        }
        set
    }
}

impl From<Coverage> for Vec<Window> {
    fn from(set: Coverage) -> Self {
        set.0
    }
}

impl TryFrom<Vec<Window>> for Coverage {
    type Error = &'static str;

    fn try_from(windows: Vec<Window>) -> Result<Self, Self::Error> {
        let ordered = windows.iter().all(|window| window.from < window.to)
            && windows.windows(2).all(|pair| pair[0].to < pair[1].from);
        if ordered {
            Ok(Self(windows))
        } else {
            Err("coverage must be sorted windows that neither touch nor overlap")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + minute * 60, 0).unwrap()
    }

    fn window(from: i64, to: i64) -> Window {
        Window::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn times_of_a_day_are_as_exact_as_they_need_to_be() {
        for (from, to, said) in [
            ("10:00:00Z", "2026-01-01T11:30:00Z", "10:00 to 11:30"),
            ("00:00:00Z", "2026-01-02T00:00:00Z", "00:00 to 24:00"),
            (
                "15:21:00.25Z",
                "2026-01-01T15:21:00.250001Z",
                "at 15:21:00.250",
            ),
            (
                "15:21:07Z",
                "2026-01-01T15:21:08.5Z",
                "15:21:07 to 15:21:08.500",
            ),
        ] {
            let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
            let part = Window::new(instant(&format!("2026-01-01T{from}")), instant(to)).unwrap();
            assert_eq!(times_of_day(&part), said);
        }
    }

    #[test]
    fn touching_windows_join() {
        let set: Coverage = [window(0, 10), window(10, 20)].into_iter().collect();
        assert_eq!(set.windows(), [window(0, 20)]);
    }

    #[test]
    fn a_hole_in_the_middle_is_missing() {
        let set: Coverage = [window(0, 10), window(12, 20)].into_iter().collect();
        assert_eq!(
            set.missing(&window(-5, 25)),
            [window(-5, 0), window(10, 12), window(20, 25)]
        );
    }

    #[test]
    fn dates_are_cut_in_utc() {
        let from = "2026-03-28T23:30:00Z".parse().unwrap();
        let to = "2026-03-30T00:00:00Z".parse().unwrap();
        let parts = Window { from, to }.by_date();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1].to, to);
    }

    #[test]
    fn coverage_out_of_order_is_refused() {
        let text = r#"[{"from":"2026-01-02T00:00:00Z","to":"2026-01-03T00:00:00Z"},
                       {"from":"2026-01-03T00:00:00Z","to":"2026-01-04T00:00:00Z"}]"#;
        assert!(serde_json::from_str::<Coverage>(text).is_err());
    }

    proptest! {
        /// Against the obvious model: a bit per minute.
        #[test]
        fn behaves_like_a_set_of_minutes(steps in prop::collection::vec((any::<bool>(), 0i64..60, 1i64..15), 0..40)) {
            let mut set = Coverage::new();
            let mut model = [false; 80];
            for (insert, from, length) in steps {
                let part = window(from, from + length);
                if insert { set.insert(part) } else { set.remove(part) }
                for minute in from..from + length {
                    model[usize::try_from(minute).unwrap()] = insert;
                }
            }
            for minute in 0i64..79 {
                let inside = set.windows().iter().any(|known| known.contains(at(minute)));
                prop_assert_eq!(inside, model[usize::try_from(minute).unwrap()]);
            }
            let stored = Vec::from(set.clone());
            prop_assert_eq!(Coverage::try_from(stored), Ok(set));
        }
    }
}
