//! From the text of an instant to the instant.
//!
//! The text is an ISO 8601 date and time in the profile of RFC 3339: `2026-11-23T10:15:30.123Z`,
//! 0 to 9 digits after the point, `Z` or an offset `±hh:mm`, `t` and `z` in either case. A text
//! without a zone names no instant and is refused, and so is a date that no calendar has.
//!
//! A leap second is written `23:59:60` in UTC. No column type of the lake or a warehouse can hold
//! it, so it becomes the last nanosecond of that minute: it stays on its date, after everything
//! else in the minute. `:60` at any other time is refused.

use chrono::{DateTime, Utc};

/// Why a text is not an instant that can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It is not of the form above.
    #[error("not a date and time with zone")]
    Unreadable,
    /// It is an instant, but not in the years 0001 to 9999 of UTC, the range of every warehouse.
    #[error("not in the years 0001 to 9999")]
    OutOfRange,
}

/// Seconds from 1970-01-01 to 0001-01-01, both 00:00:00Z.
const FIRST_SECOND: i64 = -62_135_596_800;
/// Seconds from 1970-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// Parses an instant, to the nanosecond.
///
/// # Errors
/// See [`TimeError`].
pub fn parse(text: &str) -> Result<DateTime<Utc>, TimeError> {
    let bytes = text.as_bytes();
    if let [b'+' | b'-', rest @ ..] = bytes {
        return Err(signed_year(rest));
    }
    let (seconds, nanos) = instant(bytes).ok_or(TimeError::Unreadable)?;
    if !(FIRST_SECOND..=LAST_SECOND).contains(&seconds) {
        return Err(TimeError::OutOfRange);
    }
    DateTime::from_timestamp(seconds, nanos).ok_or(TimeError::OutOfRange)
}

/// ISO 8601 writes years beyond four digits, and before year 0, with a sign.
fn signed_year(rest: &[u8]) -> TimeError {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let after = rest.get(digits..).unwrap_or_default();
    // Any four-digit year serves to look at what follows the year.
    let mut within = Vec::with_capacity(4 + after.len());
    within.extend_from_slice(b"2000");
    within.extend_from_slice(after);
    if (4..=10).contains(&digits) && instant(&within).is_some() {
        TimeError::OutOfRange
    } else {
        TimeError::Unreadable
    }
}

/// Seconds since 1970 and nanoseconds within the second.
fn instant(bytes: &[u8]) -> Option<(i64, u32)> {
    let (head, rest) = bytes.split_first_chunk::<19>()?;
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
    ] = head
    else {
        return None;
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, zone) = fraction(rest)?;
    let offset = offset(zone)?;
    let minutes =
        days_from_1970(year, month, day) * 1440 + i64::from(hour * 60 + minute) - i64::from(offset);
    if second < 60 {
        return Some((minutes * 60 + i64::from(second), nanos));
    }
    let last_of_day = minutes.rem_euclid(1440) == 1439;
    last_of_day.then_some((minutes * 60 + 59, 999_999_999))
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// The nanoseconds of `.123`, and what comes after it.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.', rest @ ..] = bytes else {
        return Some((0, bytes));
    };
    let mut nanos = 0;
    let mut unit = 1_000_000_000;
    for (place, byte) in rest.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let zone = rest.get(place..)?;
            return (place > 0).then_some((nanos, zone));
        }
        // The tenth digit would have no unit.
        unit /= 10;
        if unit == 0 {
            return None;
        }
        nanos += u32::from(digit) * unit;
    }
    None
}

/// Minutes that the zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i32> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            let ahead = i32::try_from(hours * 60 + minutes).ok()?;
            (hours < 24 && minutes < 60).then_some(if sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

const fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, by counting from a 1 March,
/// so that the leap day comes last in its year.
fn days_from_1970(year: u32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::{TimeError, parse};
    use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat};
    use proptest::prelude::*;

    #[test]
    fn what_is_read() {
        for (text, expected) in [
            ("2026-11-23T10:15:30Z", "2026-11-23T10:15:30.000000000Z"),
            ("2026-11-23t10:15:30z", "2026-11-23T10:15:30.000000000Z"),
            ("2026-11-23T10:15:30.1Z", "2026-11-23T10:15:30.100000000Z"),
            ("2026-11-23T10:15:30.123Z", "2026-11-23T10:15:30.123000000Z"),
            (
                "2026-11-23T10:15:30.000000001Z",
                "2026-11-23T10:15:30.000000001Z",
            ),
            (
                "2026-11-23T10:15:30.123456789+00:00",
                "2026-11-23T10:15:30.123456789Z",
            ),
            // The UTC date is not the date as written, in either direction.
            (
                "2026-11-23T00:30:00+01:00",
                "2026-11-22T23:30:00.000000000Z",
            ),
            (
                "2026-11-23T23:30:00-05:30",
                "2026-11-24T05:00:00.000000000Z",
            ),
            (
                "2024-02-29T12:00:00-00:00",
                "2024-02-29T12:00:00.000000000Z",
            ),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000000Z"),
            (
                "9999-12-31T23:59:59.999999999Z",
                "9999-12-31T23:59:59.999999999Z",
            ),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000000Z"),
            // Leap seconds.
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999Z"),
            ("2016-12-31T23:59:60.25Z", "2016-12-31T23:59:59.999999999Z"),
            (
                "2017-01-01T00:59:60+01:00",
                "2016-12-31T23:59:59.999999999Z",
            ),
        ] {
            let time = parse(text).map(|t| t.to_rfc3339_opts(SecondsFormat::Nanos, true));
            assert_eq!(time.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "Z",
            "2026-11-23",
            "2026-11-23T10:15Z",
            "2026-11-23T10:15:30",
            "2026-11-23 10:15:30Z",
            "2026-11-23T10:15:30.Z",
            "2026-11-23T10:15:30.1234567890Z",
            "2026-11-23T10:15:30,5Z",
            "2026-11-23T10:15:30+0100",
            "2026-11-23T10:15:30+01",
            "2026-11-23T10:15:30+24:00",
            "2026-11-23T10:15:30+01:60",
            "2026-11-23T10:15:30Zx",
            " 2026-11-23T10:15:30Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:60:00Z",
            "2026-11-23T10:15:61Z",
            "2026-11-23T10:15:60Z",
            "2026-11-23T23:59:60+01:00",
            "1763892930123",
            "２０２６-11-23T10:15:30Z",
            "+2026-11-23",
            "-x026-11-23T10:15:30Z",
        ] {
            assert_eq!(parse(text), Err(TimeError::Unreadable), "{text}");
        }
        for text in [
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "+1000000000-12-31T23:59:59.999999999Z",
        ] {
            assert_eq!(parse(text), Err(TimeError::OutOfRange), "{text}");
        }
    }

    #[test]
    fn every_date_of_four_centuries_and_the_edges() {
        let mut date = NaiveDate::from_ymd_opt(1799, 12, 31);
        while let Some(day) = date.filter(|day| day.year() < 2202) {
            let text = format!("{day}T00:00:00Z");
            assert_eq!(parse(&text).map(|time| time.date_naive()), Ok(day));
            date = day.succ_opt();
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(
            seconds in super::FIRST_SECOND..=super::LAST_SECOND,
            nanos in 0u32..1_000_000_000,
            offset in -1439i32..=1439,
            digits in 0usize..=9,
        ) {
            let nanos = nanos - nanos % 10u32.pow(9 - u32::try_from(digits).unwrap_or(9));
            let Some(time) = DateTime::from_timestamp(seconds, nanos) else {
                return Ok(());
            };
            let Some(zone) = chrono::FixedOffset::east_opt(offset * 60) else {
                return Ok(());
            };
            let local = time.with_timezone(&zone);
            let mut text = local.format("%Y-%m-%dT%H:%M:%S").to_string();
            if digits > 0 {
                let fraction = format!("{nanos:09}");
                text.push('.');
                text.push_str(&fraction[..digits]);
            }
            text.push_str(&local.format("%:z").to_string());
            // A local year outside 0001 to 9999 is not written with four digits.
            if text.starts_with(['+', '-']) {
                prop_assert_eq!(parse(&text), Err(TimeError::OutOfRange));
            } else {
                prop_assert_eq!(parse(&text), Ok(time));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[0-9TZ:.+-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
