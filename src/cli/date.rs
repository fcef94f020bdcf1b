//! Dates on the command line.

use chrono::{DateTime, Days, NaiveDate, Utc};

/// A date as it is written for an option.
///
/// # Errors
/// Any other text, with how to write it, and the date that it seems to mean.
pub(super) fn date(text: &str) -> Result<NaiveDate, String> {
    date_on(text, Utc::now().date_naive())
}

fn date_on(text: &str, today: NaiveDate) -> Result<NaiveDate, String> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(date);
    }
    Err(match meant(text, today) {
        Some((date, true)) => {
            format!(
                "write a date as YYYY-MM-DD; {} is {date} (UTC)",
                text.to_lowercase()
            )
        }
        Some((date, false)) => format!("write a date as YYYY-MM-DD: {date}"),
        None => "write a date as YYYY-MM-DD, such as 2026-11-20".to_owned(),
    })
}

/// The date that a text seems to mean, and whether that depends on today.
fn meant(text: &str, today: NaiveDate) -> Option<(NaiveDate, bool)> {
    let by_today = match text.to_lowercase().as_str() {
        "today" | "now" => Some(today),
        "yesterday" => today.pred_opt(),
        "tomorrow" => today.checked_add_days(Days::new(1)),
        _ => None,
    };
    if let Some(date) = by_today {
        return Some((date, true));
    }
    let spelled = [
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y%m%d",
        "%d.%m.%Y",
        "%d %B %Y",
        "%B %d, %Y",
    ]
    .iter()
    .find_map(|form| NaiveDate::parse_from_str(text, form).ok());
    let of_instant = || {
        Some(
            DateTime::parse_from_rfc3339(text)
                .ok()?
                .to_utc()
                .date_naive(),
        )
    };
    Some((spelled.or_else(of_instant)?, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_get_the_date_that_they_mean() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
        assert_eq!(
            date_on("2026-11-20", today).unwrap().to_string(),
            "2026-11-20"
        );
        for (text, said) in [
            (
                "tomorrow",
                "write a date as YYYY-MM-DD; tomorrow is 2026-12-01 (UTC)",
            ),
            (
                "Yesterday",
                "write a date as YYYY-MM-DD; yesterday is 2026-11-29 (UTC)",
            ),
            ("2026/11/20", "write a date as YYYY-MM-DD: 2026-11-20"),
            ("20261120", "write a date as YYYY-MM-DD: 2026-11-20"),
            ("20.11.2026", "write a date as YYYY-MM-DD: 2026-11-20"),
            ("20 November 2026", "write a date as YYYY-MM-DD: 2026-11-20"),
            (
                "2026-11-20T23:30:00-05:00",
                "write a date as YYYY-MM-DD: 2026-11-21",
            ),
            // Which is the month, nobody knows.
            (
                "11/12/2026",
                "write a date as YYYY-MM-DD, such as 2026-11-20",
            ),
            (
                "2026-02-30",
                "write a date as YYYY-MM-DD, such as 2026-11-20",
            ),
            ("soon", "write a date as YYYY-MM-DD, such as 2026-11-20"),
        ] {
            assert_eq!(date_on(text, today).unwrap_err(), said, "{text}");
        }
    }
}
