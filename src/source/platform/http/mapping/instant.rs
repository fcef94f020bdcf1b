//! How a record writes its time.

use crate::event::json::{JsonKind, JsonText, JsonValue, present};
use crate::event::time::{self, TimeError};
use crate::event::unfit::{Reason, Unfit};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a record writes its time.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordInstant {
    /// A date and time with its zone: 2026-11-20T10:15:30.123Z.
    #[default]
    Rfc3339,
    /// A date and time without a zone, which is UTC: 2026-11-20 10:15:30.123.
    Utc,
    /// Seconds since 1970, perhaps with a fraction.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
}

impl RecordInstant {
    /// The instant that a value states, and its text.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn read<'a>(
        self,
        value: Option<JsonValue>,
        source: impl JsonText<'a>,
    ) -> Result<(DateTime<Utc>, Cow<'a, str>), Unfit> {
        let value = present(value).ok_or(Unfit::because(Reason::NoTime))?;
        let is_number = value.kind == JsonKind::Number && self.digits().is_some();
        let text = match is_number {
            true => value.verbatim(source).map(Cow::Borrowed),
            false => value.text(source),
        };
        let text = text.map_err(Unfit::of_time_text)?;
        Ok((self.parse(&text)?, text))
    }

    /// Decimal digits of the number that are below a second; `None` where it is no number.
    fn digits(self) -> Option<usize> {
        match self {
            Self::Rfc3339 | Self::Utc => None,
            Self::Seconds => Some(0),
            Self::Millis => Some(3),
            Self::Micros => Some(6),
        }
    }

    fn parse(self, text: &str) -> Result<DateTime<Utc>, TimeError> {
        match (self, self.digits()) {
            (_, Some(digits)) => since_1970(text, digits),
            (Self::Utc, None) => time::parse(&format!("{}Z", text.replacen(' ', "T", 1))),
            (_, None) => time::parse(text),
        }
    }
}

/// An instant of a decimal number whose whole part ends so many digits below a second. Exact: a number of floating
/// point would move it.
fn since_1970(text: &str, digits: usize) -> Result<DateTime<Utc>, TimeError> {
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, text),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let places = 9 - digits;
    if !is_decimal(whole) || !is_decimal(fraction) {
        return Err(TimeError::Unreadable);
    }
    let whole: i128 = whole.parse().map_err(|_| TimeError::OutOfRange)?;
    // What is smaller than a nanosecond is dropped, as everywhere.
    let fraction: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(places)
        .collect();
    let unit = (0..places).fold(1_i128, |unit, _| unit * 10);
    let fraction: i128 = match fraction.as_str() {
        "" => 0,
        fraction => fraction.parse().map_err(|_| TimeError::Unreadable)?,
    };
    let nanos = whole
        .checked_mul(unit)
        .and_then(|nanos| nanos.checked_add(fraction))
        .ok_or(TimeError::OutOfRange)?
        * sign;
    let (seconds, nanos) = (
        nanos.div_euclid(1_000_000_000),
        nanos.rem_euclid(1_000_000_000),
    );
    let seconds = i64::try_from(seconds).map_err(|_| TimeError::OutOfRange)?;
    let nanos = u32::try_from(nanos).map_err(|_| TimeError::OutOfRange)?;
    let instant = DateTime::from_timestamp(seconds, nanos).ok_or(TimeError::OutOfRange)?;
    // The range of years is that of every other instant.
    time::parse(&crate::window::format_instant(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_to_the_nanosecond() {
        use RecordInstant::{Micros, Millis, Rfc3339, Seconds, Utc};
        for (form, text, instant) in [
            (
                Rfc3339,
                "2026-11-20T10:15:30.5+01:00",
                "2026-11-20T09:15:30.5Z",
            ),
            (
                Utc,
                "2026-11-20 10:15:30.123456789",
                "2026-11-20T10:15:30.123456789Z",
            ),
            (Utc, "2026-11-20T10:15:30", "2026-11-20T10:15:30Z"),
            (Seconds, "1", "1970-01-01T00:00:01Z"),
            (
                Seconds,
                "1763633730.123456789123",
                "2025-11-20T10:15:30.123456789Z",
            ),
            (Seconds, "-0.5", "1969-12-31T23:59:59.5Z"),
            (Millis, "1763633730123", "2025-11-20T10:15:30.123Z"),
            (Micros, "1763633730123456", "2025-11-20T10:15:30.123456Z"),
        ] {
            let read = form.parse(text).unwrap();
            assert_eq!(
                read,
                instant.parse::<DateTime<chrono::Utc>>().unwrap(),
                "{text}"
            );
        }
        for (form, text) in [
            (Rfc3339, "2026-11-20T10:15:30"),
            (Utc, "2026-11-20T10:15:30Z"),
            (Seconds, "1e9"),
            (Seconds, ""),
            (Seconds, "1."),
            (Millis, "99999999999999999999"),
            (Micros, "yesterday"),
        ] {
            assert!(form.parse(text).is_err(), "{text}");
        }
    }
}
