//! Lengths of time as people write them: `90s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

/// Units from large to small, with their length in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest length that is taken: one hundred years.
const LONGEST_MS: u64 = 100 * 365 * 24 * 3_600_000;

/// Why a text is not a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("a duration is empty")]
    Empty,
    /// A number stands without a unit.
    #[error("a duration needs a unit: ms, s, m, h, d or w")]
    UnitMissing,
    /// A unit is not one of ours, or stands without a number.
    #[error("a duration is whole numbers with units: ms, s, m, h, d or w")]
    Malformed,
    /// A unit comes twice, or a small one before a large one.
    #[error("the units of a duration go from large to small, each once")]
    Order,
    /// More than one hundred years.
    #[error("a duration is at most 100 years")]
    TooLong,
}

/// Reads a length of time: whole numbers with the units `w`, `d`, `h`, `m`, `s` and `ms`, from
/// large to small and without spaces. A day is 24 hours.
///
/// # Errors
/// [`DurationError`] says what is wrong with the text; it never repeats the text.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len()
            - after
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() {
            return Err(DurationError::Malformed);
        }
        if unit.is_empty() {
            return Err(if after.is_empty() {
                DurationError::UnitMissing
            } else {
                DurationError::Malformed
            });
        }
        let (at, milliseconds) = UNITS
            .iter()
            .enumerate()
            .find_map(|(at, (name, length))| (*name == unit).then_some((at, *length)))
            .ok_or(DurationError::Malformed)?;
        if at < next_unit {
            return Err(DurationError::Order);
        }
        next_unit = at + 1;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(milliseconds))
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LONGEST_MS)
            .ok_or(DurationError::TooLong)?;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// Writes a length of time in the form that [`parse_duration`] reads, cut to milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS {
        // Weeks are read but not written: "14d" says more to most people than "2w".
        if unit != "w" && rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("0s", 0),
            ("5m", 300),
            ("50m", 3_000),
            ("1h30m", 5_400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
            ("007s", 7),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1_500)));
    }

    #[test]
    fn refuses_the_rest() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("5", DurationError::UnitMissing),
            ("1h30", DurationError::UnitMissing),
            ("5 m", DurationError::Malformed),
            ("5minutes", DurationError::Malformed),
            ("m", DurationError::Malformed),
            ("-5m", DurationError::Malformed),
            ("1.5h", DurationError::Malformed),
            ("5M", DurationError::Malformed),
            ("5m1h", DurationError::Order),
            ("5m5m", DurationError::Order),
            ("101w99999999d", DurationError::TooLong),
            ("99999999999999999999999s", DurationError::TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(milliseconds in 0..LONGEST_MS) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-z .é-]{0,12}") {
            let _ = parse_duration(&text);
        }
    }
}
