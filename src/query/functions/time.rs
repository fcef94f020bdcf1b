//! Functions of dates and times.

use chrono::{Datelike, Months, NaiveDate, Timelike};

use super::fault::FunctionFault;
use super::format;
use super::instant::{
    DAY, Zone, clock_in, clock_of, date_of, date_text, datetime_text, days_of, instant_in,
    micros_of, parse_date, parse_datetime, parse_timestamp, period_in, timestamp_text_in,
};
use super::native::{ArgumentCell, KeptText, NativeAnswer};

const UTC: Zone = Zone::Fixed(0);

fn beyond() -> FunctionFault {
    FunctionFault::new(
        "a date or time is outside the years 1 to 9999",
        "bound the values, or put SAFE. before the function to get NULL",
    )
}

/// An argument of text, such as a zone or a part of a date.
fn text<'c>(cells: &'c [ArgumentCell<'_>], at: usize) -> Option<&'c str> {
    match cells.get(at) {
        Some(ArgumentCell::Text(text)) => Some(text),
        _ => None,
    }
}

fn zone(cells: &[ArgumentCell<'_>], at: usize, kept: &mut KeptText) -> Result<Zone, FunctionFault> {
    text(cells, at).map_or(Ok(UTC), |name| kept.zone(name))
}

/// A time as a clock shows it: of a zone for an instant, else as it is.
fn clock(cell: &ArgumentCell<'_>, zone: Zone) -> Option<i64> {
    match cell {
        ArgumentCell::Timestamp(micros) => Some(clock_in(*micros, zone)),
        ArgumentCell::Datetime(micros) => Some(*micros),
        ArgumentCell::Date(days) => Some(i64::from(*days) * DAY),
        _ => None,
    }
}

fn whole_day(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX)
}

/// `DATE(timestamp[, zone])`, `DATE(datetime)`, `DATE(string)`, `DATE(year, month, day)`
pub(super) fn date(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    match cells {
        [ArgumentCell::Text(text)] => to_date(text),
        [
            ArgumentCell::Int(year),
            ArgumentCell::Int(month),
            ArgumentCell::Int(day),
        ] => {
            let part = |part: &i64| u32::try_from(*part).ok();
            let date = i32::try_from(*year).ok().zip(part(month)).zip(part(day));
            let date =
                date.and_then(|((year, month), day)| NaiveDate::from_ymd_opt(year, month, day));
            date.and_then(days_of)
                .map(ArgumentCell::Date)
                .ok_or_else(|| {
                    FunctionFault::new(
                        format!("there is no date {year}-{month}-{day}"),
                        "write year, month and day of a date, or SAFE.DATE to get NULL",
                    )
                })
        }
        [cell, ..] => {
            let zone = zone(cells, 1, kept)?;
            Ok(clock(cell, zone).map_or(ArgumentCell::Null, |micros| {
                ArgumentCell::Date(whole_day(micros))
            }))
        }
        [] => Ok(ArgumentCell::Null),
    }
}

fn to_date(text: &str) -> NativeAnswer {
    parse_date(text).map(ArgumentCell::Date).ok_or_else(|| {
        FunctionFault::new(
            format!("'{text}' is not a date"),
            "write dates as 2026-11-20, or use SAFE_CAST to get NULL for values that cannot be cast",
        )
    })
}

/// `DATETIME(timestamp[, zone])`, `DATETIME(date)`, `DATETIME(string)`, `DATETIME(year, month, day, hour, minute, second)`
pub(super) fn datetime(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    match cells {
        [ArgumentCell::Text(text)] => to_datetime(text),
        [
            ArgumentCell::Int(year),
            ArgumentCell::Int(month),
            ArgumentCell::Int(day),
            ArgumentCell::Int(hour),
            ArgumentCell::Int(minute),
            ArgumentCell::Int(second),
        ] => {
            let text = format!("{year:04}-{month}-{day} {hour}:{minute}:{second}");
            to_datetime(&text)
        }
        [cell, ..] => {
            let zone = zone(cells, 1, kept)?;
            Ok(clock(cell, zone).map_or(ArgumentCell::Null, ArgumentCell::Datetime))
        }
        [] => Ok(ArgumentCell::Null),
    }
}

fn to_datetime(text: &str) -> NativeAnswer {
    parse_datetime(text).map(ArgumentCell::Datetime).ok_or_else(|| {
        FunctionFault::new(
            format!("'{text}' is not a date with a time"),
            "write 2026-11-20 10:30:00, or use SAFE_CAST to get NULL for values that cannot be cast",
        )
    })
}

/// `TIMESTAMP(string[, zone])`, `TIMESTAMP(date[, zone])`, `TIMESTAMP(datetime[, zone])`, `TIMESTAMP(timestamp)`
pub(super) fn timestamp(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let zone = zone(cells, 1, kept)?;
    match cells.first() {
        Some(ArgumentCell::Timestamp(micros)) => Ok(ArgumentCell::Timestamp(*micros)),
        Some(ArgumentCell::Text(text)) => to_timestamp(text, zone),
        Some(cell) => Ok(clock(cell, zone).map_or(ArgumentCell::Null, |clock| {
            ArgumentCell::Timestamp(instant_in(clock, zone))
        })),
        None => Ok(ArgumentCell::Null),
    }
}

fn to_timestamp(text: &str, zone: Zone) -> NativeAnswer {
    parse_timestamp(text, zone).map(ArgumentCell::Timestamp).ok_or_else(|| {
        FunctionFault::new(
            format!("'{text}' is not a timestamp"),
            "write 2026-11-20 10:30:00+01, or use SAFE_CAST to get NULL for values that cannot be cast",
        )
    })
}

/// `STRING(timestamp[, zone])`, `STRING(date)`, `STRING(datetime)`
pub(super) fn string(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let zone = zone(cells, 1, kept)?;
    Ok(match cells.first() {
        Some(ArgumentCell::Timestamp(micros)) => {
            ArgumentCell::Owned(timestamp_text_in(*micros, zone))
        }
        Some(ArgumentCell::Datetime(micros)) => ArgumentCell::Owned(datetime_text(*micros)),
        Some(ArgumentCell::Date(days)) => ArgumentCell::Owned(date_text(*days)),
        _ => ArgumentCell::Null,
    })
}

/// The day on which a week begins, counted from Monday, if the part is a week.
fn week_start(part: &str) -> Option<i64> {
    const DAYS: [&str; 7] = [
        "MONDAY",
        "TUESDAY",
        "WEDNESDAY",
        "THURSDAY",
        "FRIDAY",
        "SATURDAY",
        "SUNDAY",
    ];
    if part == "WEEK" {
        return Some(6);
    }
    if part == "ISOWEEK" {
        return Some(0);
    }
    let day = part.strip_prefix("WEEK(")?.strip_suffix(')')?;
    i64::try_from(DAYS.iter().position(|known| *known == day)?).ok()
}

/// 1970-01-01 was a Thursday.
const THURSDAY: i64 = 3;

/// Microseconds of parts that are always of one length, on a clock.
fn length(part: &str) -> Option<i64> {
    Some(match part {
        "MICROSECOND" => 1,
        "MILLISECOND" => 1_000,
        "SECOND" => 1_000_000,
        "MINUTE" => 60_000_000,
        "HOUR" => 3_600_000_000,
        _ => return None,
    })
}

/// The first moment of the period that a clock's time is in.
fn truncated(clock: i64, part: &str) -> Option<i64> {
    if let Some(length) = length(part) {
        return Some(clock - clock.rem_euclid(length));
    }
    let day = clock.div_euclid(DAY);
    if part == "DAY" {
        return Some(day * DAY);
    }
    if let Some(start) = week_start(part) {
        return Some((day - (day + THURSDAY - start).rem_euclid(7)) * DAY);
    }
    let date = date_of(i32::try_from(day).ok()?)?;
    let first = match part {
        "MONTH" => date.with_day(1)?,
        "QUARTER" => date.with_day(1)?.with_month(date.month0() / 3 * 3 + 1)?,
        "YEAR" => date.with_day(1)?.with_month(1)?,
        "ISOYEAR" => NaiveDate::from_isoywd_opt(date.iso_week().year(), 1, chrono::Weekday::Mon)?,
        _ => return None,
    };
    days_of(first).map(|day| i64::from(day) * DAY)
}

/// `TIMESTAMP_TRUNC(timestamp, part[, zone])`, `DATE_TRUNC`, `DATETIME_TRUNC`
pub(super) fn trunc(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let zone = zone(cells, 2, kept)?;
    let (Some(cell), Some(part)) = (cells.first(), text(cells, 1)) else {
        return Ok(ArgumentCell::Null);
    };
    let Some(clock) = clock(cell, zone) else {
        return Ok(ArgumentCell::Null);
    };
    let first = truncated(clock, part).ok_or_else(beyond)?;
    Ok(match cell {
        // An hour that comes twice is cut within itself.
        ArgumentCell::Timestamp(at) if length(part).is_some() => {
            ArgumentCell::Timestamp(at - (clock - first))
        }
        ArgumentCell::Timestamp(_) => ArgumentCell::Timestamp(period_in(first, zone)),
        ArgumentCell::Datetime(_) => ArgumentCell::Datetime(first),
        _ => ArgumentCell::Date(whole_day(first)),
    })
}

/// `EXTRACT(part FROM value [AT TIME ZONE zone])`, but for `DATE` and `DATETIME`
pub(super) fn extract(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let zone = zone(cells, 2, kept)?;
    let (Some(cell), Some(part)) = (cells.first(), text(cells, 1)) else {
        return Ok(ArgumentCell::Null);
    };
    let clock = clock(cell, zone).and_then(clock_of).ok_or_else(beyond)?;
    let date = clock.date();
    Ok(ArgumentCell::Int(match part {
        "MICROSECOND" => i64::from(clock.and_utc().timestamp_subsec_micros()),
        "MILLISECOND" => i64::from(clock.and_utc().timestamp_subsec_millis()),
        "SECOND" => i64::from(clock.second()),
        "MINUTE" => i64::from(clock.minute()),
        "HOUR" => i64::from(clock.hour()),
        "DAYOFWEEK" => i64::from(date.weekday().num_days_from_sunday()) + 1,
        "DAY" => i64::from(date.day()),
        "DAYOFYEAR" => i64::from(date.ordinal()),
        "MONTH" => i64::from(date.month()),
        "QUARTER" => i64::from(date.month0() / 3) + 1,
        "YEAR" => i64::from(date.year()),
        "ISOYEAR" => i64::from(date.iso_week().year()),
        "ISOWEEK" => i64::from(date.iso_week().week()),
        part => match week_start(part) {
            // Dates before the year's first such weekday are in week 0.
            Some(start) => {
                let into_week = i64::from(date.weekday().num_days_from_monday()) - start;
                (i64::from(date.ordinal0()) + 7 - into_week.rem_euclid(7)) / 7
            }
            None => return Ok(ArgumentCell::Null),
        },
    }))
}

/// A time moved by some periods; months and years keep the day where it exists.
fn moved(clock: i64, count: i64, part: &str) -> Option<i64> {
    let by_length = |length: i64| {
        let moved = clock.checked_add(count.checked_mul(length)?)?;
        clock_of(moved).and_then(micros_of)
    };
    let months = match part {
        "DAY" => return by_length(DAY),
        "WEEK" => return by_length(7 * DAY),
        "MONTH" => count,
        "QUARTER" => count.checked_mul(3)?,
        "YEAR" => count.checked_mul(12)?,
        part => return by_length(length(part)?),
    };
    let size = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let clock = clock_of(clock)?;
    let moved = match months < 0 {
        true => clock.checked_sub_months(size),
        false => clock.checked_add_months(size),
    };
    moved.and_then(micros_of)
}

/// `TIMESTAMP_ADD`, `DATE_ADD`, `DATETIME_ADD`: value, count and part
pub(super) fn add(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let ([cell, ArgumentCell::Int(count), ..], Some(part)) = (cells, text(cells, 2)) else {
        return Ok(ArgumentCell::Null);
    };
    let Some(clock) = clock(cell, UTC) else {
        return Ok(ArgumentCell::Null);
    };
    let moved = moved(clock, *count, part).ok_or_else(beyond)?;
    Ok(match cell {
        ArgumentCell::Timestamp(_) => ArgumentCell::Timestamp(moved),
        ArgumentCell::Datetime(_) => ArgumentCell::Datetime(moved),
        _ => ArgumentCell::Date(whole_day(moved)),
    })
}

/// `TIMESTAMP_SUB`, `DATE_SUB`, `DATETIME_SUB`
pub(super) fn sub(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    match cells {
        [cell, ArgumentCell::Int(count), part] => {
            let count = count.checked_neg().ok_or_else(beyond)?;
            add(
                &[cell.clone(), ArgumentCell::Int(count), part.clone()],
                kept,
            )
        }
        _ => Ok(ArgumentCell::Null),
    }
}

/// `TIMESTAMP_DIFF`, which counts whole parts between two instants
pub(super) fn elapsed(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let (
        [
            ArgumentCell::Timestamp(one),
            ArgumentCell::Timestamp(other),
            ..,
        ],
        Some(part),
    ) = (cells, text(cells, 2))
    else {
        return Ok(ArgumentCell::Null);
    };
    let length = if part == "DAY" {
        Some(DAY)
    } else {
        length(part)
    };
    let between = one.checked_sub(*other).ok_or_else(beyond)?;
    Ok(length.map_or(ArgumentCell::Null, |length| {
        ArgumentCell::Int(between / length)
    }))
}

/// `DATE_DIFF`, `DATETIME_DIFF`, which count the borders of parts between two times of a clock
pub(super) fn borders(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let ([one, other, ..], Some(part)) = (cells, text(cells, 2)) else {
        return Ok(ArgumentCell::Null);
    };
    let (Some(one), Some(other)) = (clock(one, UTC), clock(other, UTC)) else {
        return Ok(ArgumentCell::Null);
    };
    let first = |clock: i64| truncated(clock, part).ok_or_else(beyond);
    let month = |clock: i64| {
        let clock = clock_of(clock).ok_or_else(beyond)?;
        Ok::<_, FunctionFault>(i64::from(clock.year()) * 12 + i64::from(clock.month0()))
    };
    let iso_year = |clock: i64| {
        let clock = clock_of(clock).ok_or_else(beyond)?;
        Ok::<_, FunctionFault>(i64::from(clock.date().iso_week().year()))
    };
    Ok(ArgumentCell::Int(match part {
        "MONTH" => month(one)? - month(other)?,
        "QUARTER" => month(one)?.div_euclid(3) - month(other)?.div_euclid(3),
        "YEAR" => month(one)?.div_euclid(12) - month(other)?.div_euclid(12),
        "ISOYEAR" => iso_year(one)? - iso_year(other)?,
        part => {
            let length = match week_start(part) {
                Some(_) => 7 * DAY,
                None => length(part).unwrap_or(DAY),
            };
            (first(one)? - first(other)?) / length
        }
    }))
}

/// `LAST_DAY(date[, part])`
pub(super) fn last_day(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let Some(clock) = cells.first().and_then(|cell| clock(cell, UTC)) else {
        return Ok(ArgumentCell::Null);
    };
    let part = text(cells, 1).unwrap_or("MONTH");
    let first = truncated(clock, part).ok_or_else(beyond)?;
    let next = match part {
        part if week_start(part).is_some() => moved(first, 1, "WEEK"),
        "ISOYEAR" => truncated(first + 371 * DAY, part),
        part => moved(first, 1, part),
    };
    let next = next.ok_or_else(beyond)?;
    Ok(ArgumentCell::Date(whole_day(next) - 1))
}

/// `FORMAT_TIMESTAMP(format, timestamp[, zone])`, `FORMAT_DATE`, `FORMAT_DATETIME`
pub(super) fn formatted(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let zone = zone(cells, 2, kept)?;
    let (Some(form), Some(cell)) = (text(cells, 0), cells.get(1)) else {
        return Ok(ArgumentCell::Null);
    };
    let out = match cell {
        ArgumentCell::Timestamp(micros) => format::format(form, *micros, zone),
        cell => clock(cell, UTC).and_then(|clock| format::format(form, clock, UTC)),
    };
    out.map(ArgumentCell::Owned).ok_or_else(beyond)
}

fn parsed(
    cells: &[ArgumentCell<'_>],
    kept: &mut KeptText,
    name: &str,
) -> Result<Option<i64>, FunctionFault> {
    let zone = zone(cells, 2, kept)?;
    let (Some(form), Some(written)) = (text(cells, 0), text(cells, 1)) else {
        return Ok(None);
    };
    let found = format::parse(form, written, zone).map(Some);
    found.map_err(|reason| {
        FunctionFault::new(
            reason,
            format!("fix the format, or write SAFE.{name} to get NULL"),
        )
    })
}

/// `PARSE_TIMESTAMP(format, text[, zone])`
pub(super) fn parse_timestamp_by(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let found = parsed(cells, kept, "PARSE_TIMESTAMP")?;
    Ok(found.map_or(ArgumentCell::Null, ArgumentCell::Timestamp))
}

/// `PARSE_DATETIME(format, text)`
pub(super) fn parse_datetime_by(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let found = parsed(cells, kept, "PARSE_DATETIME")?;
    Ok(found.map_or(ArgumentCell::Null, ArgumentCell::Datetime))
}

/// `PARSE_DATE(format, text)`
pub(super) fn parse_date_by(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    let found = parsed(cells, kept, "PARSE_DATE")?;
    Ok(found.map_or(ArgumentCell::Null, |micros| {
        ArgumentCell::Date(whole_day(micros))
    }))
}

/// `UNIX_SECONDS`, `UNIX_MILLIS`, `UNIX_MICROS`, by the microseconds of the unit
pub(super) fn unix(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells {
        [ArgumentCell::Timestamp(micros), ArgumentCell::Int(unit)] => {
            ArgumentCell::Int(micros.div_euclid(*unit))
        }
        _ => ArgumentCell::Null,
    })
}

/// `TIMESTAMP_SECONDS`, `TIMESTAMP_MILLIS`, `TIMESTAMP_MICROS`
pub(super) fn from_unix(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Int(count), ArgumentCell::Int(unit)] = cells else {
        return Ok(ArgumentCell::Null);
    };
    let micros = count.checked_mul(*unit);
    let known = micros.filter(|micros| clock_of(*micros).and_then(micros_of).is_some());
    known.map(ArgumentCell::Timestamp).ok_or_else(beyond)
}

/// `UNIX_DATE(date)`
pub(super) fn unix_date(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells {
        [ArgumentCell::Date(days)] => ArgumentCell::Int(i64::from(*days)),
        _ => ArgumentCell::Null,
    })
}

/// `DATE_FROM_UNIX_DATE(days)`
pub(super) fn date_from_unix(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let [ArgumentCell::Int(days)] = cells else {
        return Ok(ArgumentCell::Null);
    };
    let days = i32::try_from(*days)
        .ok()
        .and_then(date_of)
        .and_then(days_of);
    days.map(ArgumentCell::Date).ok_or_else(beyond)
}
