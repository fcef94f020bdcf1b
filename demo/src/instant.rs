//! Instants of the demo platform: nanoseconds since 1970 in UTC, as an `i64`.

use chrono::{DateTime, Utc};
use std::sync::atomic::{AtomicI64, Ordering};

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Nanoseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// Nanoseconds since 1970; instants that do not fit (before 1677, after 2262) become the nearest
/// that does, which is outside anything the platform holds.
pub(crate) fn nanos(instant: DateTime<Utc>) -> i64 {
    let limit = if instant.timestamp() < 0 {
        i64::MIN
    } else {
        i64::MAX
    };
    instant.timestamp_nanos_opt().unwrap_or(limit)
}

/// The instant of a number of nanoseconds since 1970.
pub(crate) fn instant(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

/// The `Date` header of an instant (RFC 9110, section 5.6.7).
pub(crate) fn http_date(nanos: i64) -> String {
    instant(nanos)
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// Appends `2026-11-23T10:15:30.123Z` with the given number of fraction digits (0 to 9).
///
/// Written by hand because it runs once or more per record served, and the general formatter
/// would be most of the cost of a page.
pub(crate) fn write_date(out: &mut Vec<u8>, nanos: i64, digits: u8) {
    let (days, within) = (nanos.div_euclid(DAY), nanos.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let seconds = within / SECOND;
    decimal(out, year, 4);
    out.push(b'-');
    decimal(out, month, 2);
    out.push(b'-');
    decimal(out, day, 2);
    out.push(b'T');
    decimal(out, seconds / 3600, 2);
    out.push(b':');
    decimal(out, seconds / 60 % 60, 2);
    out.push(b':');
    decimal(out, seconds % 60, 2);
    if digits > 0 {
        let digits = u32::from(digits.min(9));
        out.push(b'.');
        decimal(
            out,
            within % SECOND / 10i64.pow(9 - digits),
            digits as usize,
        );
    }
    out.push(b'Z');
}

/// Year, month and day of a number of days since 1970-01-01 in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years start in March here, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Appends a number with leading zeros.
fn decimal(out: &mut Vec<u8>, mut value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for place in out[start..].iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// The platform's clock: the machine's, until it is set by hand.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The instant set by hand, or [`Clock::SYSTEM`].
    set: AtomicI64,
}

impl Clock {
    const SYSTEM: i64 = i64::MIN;

    /// The machine's clock, or one that stands still at an instant.
    pub(crate) fn new(standing_at: Option<DateTime<Utc>>) -> Self {
        Self {
            set: AtomicI64::new(standing_at.map_or(Self::SYSTEM, nanos)),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> i64 {
        match self.set.load(Ordering::SeqCst) {
            Self::SYSTEM => nanos(Utc::now()),
            set => set,
        }
    }

    /// Stops the clock at an instant.
    pub(crate) fn set(&self, now: i64) {
        self.set.store(now, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_written_with_the_digits_asked_for() {
        let at = nanos("2024-02-29T23:59:59.120000009Z".parse().unwrap());
        for (digits, expected) in [
            (0, "2024-02-29T23:59:59Z"),
            (1, "2024-02-29T23:59:59.1Z"),
            (3, "2024-02-29T23:59:59.120Z"),
            (9, "2024-02-29T23:59:59.120000009Z"),
        ] {
            let mut out = Vec::new();
            write_date(&mut out, at, digits);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn instants_out_of_reach_are_clamped() {
        assert_eq!(nanos("2999-01-01T00:00:00Z".parse().unwrap()), i64::MAX);
        assert_eq!(nanos("0001-01-01T00:00:00Z".parse().unwrap()), i64::MIN);
    }

    #[test]
    fn a_clock_set_by_hand_stands_still() {
        let clock = Clock::new(None);
        assert!(clock.now() > 0);
        clock.set(5);
        assert_eq!((clock.now(), clock.now()), (5, 5));
    }

    #[test]
    fn the_date_header_has_the_fixed_length_form() {
        assert_eq!(
            http_date(nanos("2026-11-05T08:09:10.9Z".parse().unwrap())),
            "Thu, 05 Nov 2026 08:09:10 GMT"
        );
    }

    proptest! {
        #[test]
        fn written_dates_read_back(at in -9_000_000_000_000_000_000i64..9_000_000_000_000_000_000) {
            let mut out = Vec::new();
            write_date(&mut out, at, 9);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(nanos(text.parse::<DateTime<Utc>>().unwrap()), at);
        }
    }
}
