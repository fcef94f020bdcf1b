//! `FORMAT_…` and `PARSE_…`: times by the format elements of GoogleSQL.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};

use super::instant::{Zone, clock_in, clock_of, instant_in, micros_of, offset_in};

/// Elements that chrono writes exactly as GoogleSQL does.
const ALIKE: &str = "AaBbCcDdeFGgHhIjklMmnPpRSTtUuVWwXxYy";

/// An instant as a zone's clock shows it.
pub(super) fn format(format: &str, micros: i64, zone: Zone) -> Option<String> {
    let clock = clock_of(clock_in(micros, zone))?;
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(element) = rest.chars().next() else {
            out.push('%');
            break;
        };
        rest = &rest[element.len_utf8()..];
        match element {
            '%' => out.push('%'),
            'Q' => out.push_str(&clock.month0().div_euclid(3).saturating_add(1).to_string()),
            'Z' => out.push_str(&zone_name(micros, zone)),
            'z' => out.push_str(&offset(micros, zone, "")),
            's' => out.push_str(&micros.div_euclid(1_000_000).to_string()),
            'E' => rest = extended(rest, &mut out, clock, micros, zone),
            'C' => out.push_str(&format!("{:02}", clock.year().div_euclid(100))),
            'Y' => out.push_str(&clock.year().to_string()),
            element if ALIKE.contains(element) => {
                out.push_str(&clock.format(&format!("%{element}")).to_string());
            }
            other => {
                out.push('%');
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

/// `%Ez`, `%E4Y`, `%E*S` and `%E3S`; gives what follows.
fn extended<'f>(
    rest: &'f str,
    out: &mut String,
    clock: NaiveDateTime,
    micros: i64,
    zone: Zone,
) -> &'f str {
    if let Some(rest) = rest.strip_prefix('z') {
        out.push_str(&offset(micros, zone, ":"));
        return rest;
    }
    if let Some(rest) = rest.strip_prefix("4Y") {
        out.push_str(&format!("{:04}", clock.year()));
        return rest;
    }
    let fraction = format!("{:06}", micros.rem_euclid(1_000_000));
    let seconds = clock.format("%S").to_string();
    if let Some(rest) = rest.strip_prefix("*S") {
        out.push_str(&seconds);
        let kept = fraction.trim_end_matches('0');
        if !kept.is_empty() {
            out.push('.');
            out.push_str(kept);
        }
        return rest;
    }
    if let Some((count, after)) = numbered(rest) {
        out.push_str(&seconds);
        if count > 0 {
            out.push('.');
            out.push_str(&format!("{fraction:0<15}")[..count]);
        }
        return after;
    }
    out.push_str("%E");
    rest
}

/// The digit of `3S`, and what follows.
fn numbered(rest: &str) -> Option<(usize, &str)> {
    let digit = rest.chars().next()?.to_digit(10)?;
    Some((usize::try_from(digit).ok()?, rest[1..].strip_prefix('S')?))
}

fn offset(micros: i64, zone: Zone, between: &str) -> String {
    let (sign, hours, minutes) = offset_in(micros, zone);
    format!("{sign}{hours:02}{between}{minutes:02}")
}

/// `UTC`, `UTC+1`, `UTC-0330`.
fn zone_name(micros: i64, zone: Zone) -> String {
    match offset_in(micros, zone) {
        (_, 0, 0) => "UTC".to_owned(),
        (sign, hours, 0) => format!("UTC{sign}{hours}"),
        (sign, hours, minutes) => format!("UTC{sign}{hours:02}{minutes:02}"),
    }
}

/// What has been read of a text.
#[derive(Default)]
struct FormatRead {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: u32,
    half: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    micros: u32,
    offset: Option<i32>,
    epoch: Option<i64>,
}

/// The instant that a text names by a format, or a sentence that says what does not fit.
pub(super) fn parse(format: &str, text: &str, zone: Zone) -> Result<i64, String> {
    let mut read = FormatRead::default();
    let mut rest = text;
    let mut elements = format.chars();
    while let Some(element) = elements.next() {
        if element.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if element != '%' {
            rest = rest
                .strip_prefix(element)
                .ok_or_else(|| unlike(format, text))?;
            continue;
        }
        let mut name = elements.next().map(String::from).unwrap_or_default();
        if name == "E" {
            name.extend(elements.by_ref().take(1));
            if !name.ends_with('z') {
                name.extend(elements.by_ref().take(1));
            }
        }
        let known = step(&name, &mut rest, &mut read);
        let known =
            known.ok_or_else(|| format!("the format element %{name} cannot be parsed here"))?;
        known.ok_or_else(|| unlike(format, text))?;
    }
    if !rest.trim().is_empty() {
        return Err(unlike(format, text));
    }
    read.instant(zone).ok_or_else(|| unlike(format, text))
}

fn unlike(format: &str, text: &str) -> String {
    format!("'{text}' does not match the format '{format}'")
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Reads one element; `None` for an element that is not known, `Some(None)` where the text is not like it.
fn step(element: &str, rest: &mut &str, read: &mut FormatRead) -> Option<Option<()>> {
    let parts = |parts: &[&str], rest: &mut &str, read: &mut FormatRead| {
        for part in parts {
            if let Some(sign) = part.strip_prefix('=') {
                *rest = rest.strip_prefix(sign)?;
            } else {
                step(part, rest, read)??;
            }
        }
        Some(())
    };
    Some(match element {
        "%" => rest.strip_prefix('%').map(|after| *rest = after),
        "n" | "t" => {
            *rest = rest.trim_start();
            Some(())
        }
        "Y" | "E4Y" => number(rest, 4).map(|it| read.year = i32::try_from(it).ok()),
        "y" => number(rest, 2).map(|it| {
            let year = i32::try_from(it).unwrap_or_default();
            read.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
        }),
        "m" => number(rest, 2).map(|it| read.month = Some(it)),
        "d" | "e" => number(rest, 2).map(|it| read.day = Some(it)),
        "j" => number(rest, 3).map(|it| read.day_of_year = Some(it)),
        "H" | "k" => number(rest, 2).map(|it| read.hour = it),
        "I" | "l" => number(rest, 2).map(|it| read.half = Some(it)),
        "M" => number(rest, 2).map(|it| read.minute = it),
        "S" => number(rest, 2).map(|it| read.second = it),
        "s" => {
            let (sign, digits) = match rest.strip_prefix('-') {
                Some(after) => (-1, after),
                None => (1, *rest),
            };
            *rest = digits;
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            *rest = after;
            digits
                .parse::<i64>()
                .ok()
                .map(|it| read.epoch = Some(sign * it))
        }
        "p" | "P" => word(rest, &["am", "pm"], 2).map(|at| read.afternoon = Some(at == 1)),
        "B" | "b" | "h" => word(rest, &MONTHS, 3).map(|at| read.month = u32::try_from(at + 1).ok()),
        "A" | "a" => word(rest, &DAYS, 3).map(|_| ()),
        "z" | "Ez" | "Z" => zone(rest).map(|it| read.offset = Some(it)),
        "F" => parts(&["Y", "=-", "m", "=-", "d"], rest, read),
        "D" | "x" => parts(&["m", "=/", "d", "=/", "y"], rest, read),
        "T" | "X" => parts(&["H", "=:", "M", "=:", "S"], rest, read),
        "R" => parts(&["H", "=:", "M"], rest, read),
        element if element.starts_with('E') && element.ends_with('S') => {
            let whole = number(rest, 2).map(|it| read.second = it);
            if let (Some(()), Some(after)) = (whole, rest.strip_prefix('.')) {
                let end = after
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(after.len());
                let (digits, after) = after.split_at(end);
                *rest = after;
                read.micros = format!("{digits:0<6}")[..6].parse().unwrap_or_default();
            }
            whole
        }
        _ => return None,
    })
}

fn number(rest: &mut &str, most: usize) -> Option<u32> {
    *rest = rest.trim_start();
    let end = rest
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let (digits, after) = rest.split_at(end);
    *rest = after;
    digits.parse().ok()
}

/// Which of some words comes next, whole or by its first letters.
fn word(rest: &mut &str, words: &[&str], short: usize) -> Option<usize> {
    let lower = rest.to_ascii_lowercase();
    let at = words
        .iter()
        .position(|word| lower.starts_with(&word[..short]))?;
    let whole = lower.starts_with(words[at]);
    *rest = &rest[if whole { words[at].len() } else { short }..];
    Some(at)
}

/// `+0100`, `+01:00`, `Z`, `UTC`: seconds east.
fn zone(rest: &mut &str) -> Option<i32> {
    for name in ["UTC", "GMT", "Z"] {
        if let Some(after) = rest.strip_prefix(name) {
            *rest = after;
            return Some(0);
        }
    }
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    *rest = &rest[1..];
    let hours = number(rest, 2)?;
    *rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = number(rest, 2).unwrap_or_default();
    i32::try_from(hours * 3600 + minutes * 60)
        .ok()
        .map(|it| sign * it)
}

impl FormatRead {
    fn instant(self, zone: Zone) -> Option<i64> {
        if let Some(epoch) = self.epoch {
            return epoch.checked_mul(1_000_000);
        }
        let year = self.year.unwrap_or(1970);
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match (self.half, self.afternoon) {
            (Some(hour), afternoon) if (1..=12).contains(&hour) => {
                hour % 12 + if afternoon == Some(true) { 12 } else { 0 }
            }
            (Some(_), _) => return None,
            (None, _) => self.hour,
        };
        let time = NaiveTime::from_hms_micro_opt(hour, self.minute, self.second, self.micros)?;
        let clock = micros_of(date.and_time(time))?;
        Some(match self.offset {
            Some(offset) => instant_in(clock, Zone::Fixed(offset)),
            None => instant_in(clock, zone),
        })
    }
}
