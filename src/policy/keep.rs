//! How long something is kept, with the meaning that days, months and years have in a calendar.

use chrono::{Days, Months, NaiveDate};
use std::fmt;
use std::str::FromStr;

/// How long the records of a date are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// So many days.
    Days(u32),
    /// So many months of the calendar. A date that the last month does not have means its last day.
    Months(u32),
    /// So many years of the calendar. The 29th of February means the 28th where there is none.
    Years(u32),
    /// Always.
    Forever,
}

/// Why a text is no length of time to keep something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// Neither a number with a unit nor `forever`.
    #[error("it needs a whole number and d, mo or y, or the word forever")]
    Form,
    /// More than a calendar has.
    #[error("it is longer than 8,000 years")]
    Long,
}

/// No calendar needs more, and dates end at 9999.
const LONGEST_YEARS: u32 = 8_000;

impl Keep {
    /// The last date on which records of `date` are kept: they may go the day after. `None` where they
    /// are kept always, or longer than dates go.
    pub fn last_day(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Days(days) => date.checked_add_days(Days::new(u64::from(days))),
            Self::Months(months) => date.checked_add_months(Months::new(months)),
            Self::Years(years) => date.checked_add_months(Months::new(years.saturating_mul(12))),
            Self::Forever => None,
        }
    }

    /// The most days that it can be; `None` for always.
    pub const fn most_days(self) -> Option<u32> {
        match self {
            Self::Days(days) => Some(days),
            Self::Months(months) => Some(months.saturating_mul(31)),
            Self::Years(years) => Some(years.saturating_mul(366)),
            Self::Forever => None,
        }
    }

    /// Whether nothing is kept beyond the date itself.
    pub const fn is_nothing(self) -> bool {
        matches!(self, Self::Days(0) | Self::Months(0) | Self::Years(0))
    }
}

impl FromStr for Keep {
    type Err = KeepError;

    /// `90d`, `18mo`, `7y`, `90 days`, `18 months`, `7 years`, `forever`.
    fn from_str(text: &str) -> Result<Self, KeepError> {
        let text = text.trim();
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let digits = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(digits.ok_or(KeepError::Form)?);
        if number.is_empty() {
            return Err(KeepError::Form);
        }
        let number: u32 = number.parse().map_err(|_| KeepError::Long)?;
        let (keep, most) = match unit.trim_start() {
            "d" | "day" | "days" => (Self::Days(number), LONGEST_YEARS * 366),
            "mo" | "month" | "months" => (Self::Months(number), LONGEST_YEARS * 12),
            "y" | "year" | "years" => (Self::Years(number), LONGEST_YEARS),
            _ => return Err(KeepError::Form),
        };
        if number > most {
            return Err(KeepError::Long);
        }
        Ok(keep)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(f, "{days}d"),
            Self::Months(months) => write!(f, "{months}mo"),
            Self::Years(years) => write!(f, "{years}y"),
            Self::Forever => f.write_str("forever"),
        }
    }
}

impl serde::Serialize for Keep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for Keep {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Keep".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

impl<'de> serde::Deserialize<'de> for Keep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn keep(text: &str) -> Keep {
        text.parse().unwrap()
    }

    #[test]
    fn lengths_of_time_are_read_in_the_words_of_people() {
        for (text, expected) in [
            ("90d", Keep::Days(90)),
            ("1 day", Keep::Days(1)),
            ("18mo", Keep::Months(18)),
            ("18 months", Keep::Months(18)),
            ("7y", Keep::Years(7)),
            (" 7 years ", Keep::Years(7)),
            ("0d", Keep::Days(0)),
            ("forever", Keep::Forever),
        ] {
            assert_eq!(keep(text), expected, "{text}");
            assert_eq!(keep(&keep(text).to_string()), expected, "{text} again");
        }
        for text in [
            "", "d", "7", "7m", "7 h", "-1d", "1.5y", "Forever", "1d2d", "\u{663}d",
        ] {
            assert_eq!(text.parse::<Keep>(), Err(KeepError::Form), "{text}");
        }
        for text in ["8001y", "99999999999d", "4294967295d"] {
            assert_eq!(text.parse::<Keep>(), Err(KeepError::Long), "{text}");
        }
    }

    #[test]
    fn months_and_years_are_those_of_the_calendar() {
        for (kept, from, last) in [
            ("0d", "2026-03-01", "2026-03-01"),
            ("1d", "2026-02-28", "2026-03-01"),
            ("1mo", "2026-01-31", "2026-02-28"),
            ("1mo", "2028-01-31", "2028-02-29"),
            ("13mo", "2027-01-31", "2028-02-29"),
            ("1y", "2028-02-29", "2029-02-28"),
            ("4y", "2028-02-29", "2032-02-29"),
            ("90d", "2026-11-25", "2027-02-23"),
        ] {
            assert_eq!(
                keep(kept).last_day(date(from)),
                Some(date(last)),
                "{kept} from {from}"
            );
        }
        assert_eq!(keep("forever").last_day(date("2026-01-01")), None);
        // Longer than dates go: always.
        assert_eq!(keep("8000y").last_day(NaiveDate::MAX), None);
    }
}
