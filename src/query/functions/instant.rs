//! Dates and times as GoogleSQL reads and writes them, with the history of time zones.
//!
//! Days are counted from 1970-01-01, and times in microseconds from its midnight: in UTC for a `TIMESTAMP`, on a
//! clock without a zone for a `DATETIME`.
//!
//! A time of a clock that a zone's summer time skips stands for the instant that the time before the change leads to;
//! one that comes twice stands for the first. That is GoogleSQL's rule, and [`instant_in`] owns it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::fault::FunctionFault;

/// Microseconds in a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// A zone: one with a history, or a fixed distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Zone {
    Named(Tz),
    Fixed(i32),
}

impl From<Tz> for Zone {
    fn from(zone: Tz) -> Self {
        Self::Named(zone)
    }
}

/// `Europe/Berlin`, `UTC`, `+01:00`, `-8`.
fn parse_zone(name: &str) -> Option<Zone> {
    if let Some(seconds) = offset(name.strip_prefix("UTC").unwrap_or(name)) {
        return Some(Zone::Fixed(seconds));
    }
    name.parse::<Tz>().ok().map(Zone::Named)
}

/// The zone of a name.
pub(in crate::query) fn zone(name: &str) -> Result<Zone, FunctionFault> {
    parse_zone(name).ok_or_else(|| {
        FunctionFault::new(
            format!("there is no time zone '{name}'"),
            "write the name of a zone, such as 'Europe/Berlin', or an offset, such as '+01:00'",
        )
    })
}

/// Seconds east of UTC: `+01:00`, `-8`, `+0530`.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

fn digits(text: &str, most: usize) -> Option<i32> {
    let plain = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// How far a zone's clock is ahead of UTC at an instant, in microseconds.
pub(super) fn ahead(micros: i64, zone: Zone) -> i64 {
    let seconds = match zone {
        Zone::Fixed(seconds) => seconds,
        Zone::Named(zone) => DateTime::from_timestamp_micros(micros).map_or(0, |at| {
            let offset = zone.offset_from_utc_datetime(&at.naive_utc());
            offset.fix().local_minus_utc()
        }),
    };
    i64::from(seconds) * 1_000_000
}

/// How far it is ahead, as a sign, hours and minutes.
pub(super) fn offset_in(micros: i64, zone: Zone) -> (char, i64, i64) {
    let minutes = ahead(micros, zone) / 60_000_000;
    let sign = if minutes < 0 { '-' } else { '+' };
    (sign, minutes.abs() / 60, minutes.abs() % 60)
}

/// What a zone's clock shows at an instant.
pub(super) fn clock_in(micros: i64, zone: Zone) -> i64 {
    micros.saturating_add(ahead(micros, zone))
}

/// The instant at which a zone's clock shows a time.
pub(super) fn instant_in(clock: i64, zone: Zone) -> i64 {
    match zone {
        Zone::Fixed(seconds) => clock - i64::from(seconds) * 1_000_000,
        Zone::Named(_) => {
            // The offset before any change that is near; a change comes with a day's distance to the next.
            let before = clock - ahead(clock - DAY, zone);
            let after = clock - ahead(clock + DAY, zone);
            let shows = |at: i64| clock_in(at, zone) == clock;
            match (shows(before), shows(after)) {
                // Skipped, or twice, or without a change.
                (false, false) | (true, _) => before,
                (false, true) => after,
            }
        }
    }
}

/// The first instant of a zone's day or longer period that begins at a time of its clock. Where summer time skips
/// midnight, the period begins at the change.
pub(super) fn period_in(clock: i64, zone: Zone) -> i64 {
    let at = instant_in(clock, zone);
    if clock_in(at, zone) == clock {
        return at;
    }
    // Skipped: the change is where the clock before it leads to, less what the change took away.
    let ahead_before = ahead(clock - DAY, zone);
    let skipped = ahead(at, zone) - ahead_before;
    let mut low = at - skipped.max(0);
    let mut high = at;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if ahead(middle, zone) == ahead_before {
            low = middle;
        } else {
            high = middle;
        }
    }
    if ahead(low, zone) == ahead_before {
        high
    } else {
        low
    }
}

pub(super) fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days)
}

/// The day, if it is in the years that GoogleSQL knows, 1 to 9999.
pub(super) fn days_of(date: NaiveDate) -> Option<i32> {
    (1..=9999)
        .contains(&date.year())
        .then(|| date.to_epoch_days())
}

pub(super) fn clock_of(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
}

/// The time, if it is in the years that GoogleSQL knows.
pub(super) fn micros_of(clock: NaiveDateTime) -> Option<i64> {
    days_of(clock.date()).map(|_| clock.and_utc().timestamp_micros())
}

/// `2026-11-20`, also with one digit for month or day.
pub(in crate::query) fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let year = parts.next().filter(|year| year.len() >= 4)?;
    let (year, month, day) = (digits(year, 5)?, parts.next()?, parts.next()?);
    let (month, day) = (digits(month, 2)?, digits(day, 2)?);
    let date = NaiveDate::from_ymd_opt(year, month.try_into().ok()?, day.try_into().ok()?)?;
    days_of(date)
}

/// `10:30:00.5`, also with one digit each.
fn parse_time(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    let mut parts = whole.split(':').map(|part| digits(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let micros: u32 = format!("{fraction:0<6}").parse().ok()?;
    let part = |part: i32| u32::try_from(part).ok();
    NaiveTime::from_hms_micro_opt(part(hour)?, part(minute)?, part(second)?, micros)
}

/// `2026-11-20`, `2026-11-20 10:30:00`, `2026-11-20T10:30:00.5`.
pub(in crate::query) fn parse_datetime(text: &str) -> Option<i64> {
    let Some((date, time)) = text.split_once([' ', 'T', 't']) else {
        return Some(i64::from(parse_date(text)?) * DAY);
    };
    let clock = date_of(parse_date(date)?)?.and_time(parse_time(time)?);
    micros_of(clock)
}

/// As a `DATETIME`, behind whose time an offset may stand, or the name of a zone after a blank; without either in the
/// zone given.
pub(in crate::query) fn parse_timestamp(text: &str, zone: impl Into<Zone>) -> Option<i64> {
    let Some((date, rest)) = text.split_once([' ', 'T', 't']) else {
        return Some(instant_in(parse_datetime(text)?, zone.into()));
    };
    let end = rest
        .find(|c| !matches!(c, '0'..='9' | ':' | '.'))
        .unwrap_or(rest.len());
    let (time, behind) = rest.split_at(end);
    let zone = match (behind, behind.strip_prefix(' ')) {
        ("", _) => zone.into(),
        ("Z" | "z", _) => Zone::Fixed(0),
        (_, Some(name))
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() > 1 =>
        {
            parse_zone(name)?
        }
        (offset, None) if offset.starts_with(['+', '-']) => parse_zone(offset)?,
        _ => return None,
    };
    let clock = date_of(parse_date(date)?)?.and_time(parse_time(time)?);
    Some(instant_in(micros_of(clock)?, zone))
}

pub(in crate::query) fn date_text(days: i32) -> String {
    date_of(days).map_or_else(String::new, |date| date.format("%Y-%m-%d").to_string())
}

/// Six digits of a second, three or none, as GoogleSQL shows them.
fn time_text(clock: NaiveDateTime) -> String {
    let micros = clock.and_utc().timestamp_subsec_micros();
    let whole = clock.format("%Y-%m-%d %H:%M:%S").to_string();
    match micros {
        0 => whole,
        micros if micros % 1000 == 0 => format!("{whole}.{:03}", micros / 1000),
        micros => format!("{whole}.{micros:06}"),
    }
}

pub(in crate::query) fn datetime_text(micros: i64) -> String {
    clock_of(micros).map_or_else(String::new, time_text)
}

pub(in crate::query) fn timestamp_text(micros: i64) -> String {
    timestamp_text_in(micros, Zone::Fixed(0))
}

/// `2026-11-20 10:30:00.500+01`, `…+05:30`.
pub(super) fn timestamp_text_in(micros: i64, zone: Zone) -> String {
    let (sign, hours, minutes) = offset_in(micros, zone);
    let offset = match minutes {
        0 => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    };
    clock_of(clock_in(micros, zone))
        .map_or_else(String::new, |clock| format!("{}{offset}", time_text(clock)))
}
