//! Which dates of a feed are shown one by one, and which as a range.

use super::DayStatus;
use chrono::{NaiveDate, TimeDelta};
use schemars::JsonSchema;
use serde::Serialize;

/// How a date compares with the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateStanding {
    /// Lake and source had the same records when they were last compared.
    Matched,
    /// The date has not been compared yet.
    NotCounted,
    /// A part of the date could not be read.
    Hole,
    /// The source has more records than the lake.
    Gap,
    /// The source had fewer records than expected at the newest recount only.
    Fewer,
    /// The source has fewer records than the lake in two recounts running: they were purged at the
    /// source.
    Purged,
}

impl DateStanding {
    /// What is said of a range of dates that all stand like this; `None` where each is shown by itself.
    pub fn of_range(self) -> Option<&'static str> {
        match self {
            Self::Matched => Some("complete"),
            Self::NotCounted => Some("not counted yet"),
            Self::Purged => Some("purged at source"),
            Self::Hole | Self::Gap | Self::Fewer => None,
        }
    }
}

/// Dates that are shown together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange {
    /// First date.
    pub from: NaiveDate,
    /// Last date.
    pub to: NaiveDate,
    /// Dates in it that have something.
    pub dates: u64,
    /// Records that the lake accounts for.
    pub records: u64,
    /// How all of them stand.
    pub standing: DateStanding,
}

/// Divides dates, the newest first, into those that are shown one by one and ranges of the others: a date
/// with a hole, a gap or a difference, and the `newest`, are always shown.
pub fn divide(days: &[DayStatus], newest: usize) -> (Vec<&DayStatus>, Vec<DateRange>) {
    let mut single = Vec::new();
    let mut ranges: Vec<DateRange> = Vec::new();
    // Where a date is shown by itself, the range around it ends.
    let mut broken = true;
    for (number, day) in days.iter().enumerate() {
        if number < newest || day.standing.of_range().is_none() {
            single.push(day);
            broken = true;
            continue;
        }
        let open = ranges
            .last_mut()
            .filter(|range| !broken && range.standing == day.standing);
        match open {
            Some(range) => {
                range.from = day.date;
                range.dates += 1;
                range.records += day.lake;
            }
            None => ranges.push(DateRange {
                from: day.date,
                to: day.date,
                dates: 1,
                records: day.lake,
                standing: day.standing,
            }),
        }
        broken = false;
    }
    (single, ranges)
}

/// Dates as ranges: those that follow each other stand together.
pub fn runs(dates: &[NaiveDate]) -> Vec<(NaiveDate, NaiveDate)> {
    let mut runs: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for date in dates {
        match runs.last_mut() {
            Some((_, last)) if *last + TimeDelta::days(1) == *date => *last = *date,
            _ => runs.push((*date, *date)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, standing: DateStanding) -> DayStatus {
        DayStatus {
            date: date.parse().unwrap(),
            standing,
            lake: 10,
            source: None,
            recount: None,
            matched_by_id: None,
            holes: Vec::new(),
            said: String::new(),
        }
    }

    #[test]
    fn a_date_that_needs_attention_is_always_shown() {
        use DateStanding::{Hole, Matched, NotCounted};
        let days = [
            day("2026-11-09", NotCounted),
            day("2026-11-08", Matched),
            day("2026-11-07", Matched),
            day("2026-11-05", Matched),
            day("2026-11-04", Hole),
            day("2026-11-03", Matched),
            day("2026-11-02", NotCounted),
        ];
        let (single, ranges) = divide(&days, 2);
        let single: Vec<String> = single.iter().map(|day| day.date.to_string()).collect();
        assert_eq!(single, ["2026-11-09", "2026-11-08", "2026-11-04"]);
        let ranges: Vec<String> = ranges
            .iter()
            .map(|it| format!("{} {} {} {}", it.from, it.to, it.dates, it.records))
            .collect();
        assert_eq!(
            ranges,
            [
                "2026-11-05 2026-11-07 2 20",
                "2026-11-03 2026-11-03 1 10",
                "2026-11-02 2026-11-02 1 10"
            ]
        );
        let (single, ranges) = divide(&days, usize::MAX);
        assert_eq!((single.len(), ranges.len()), (7, 0));
    }

    #[test]
    fn dates_that_follow_each_other_stand_together() {
        let dates = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-05"];
        let dates = dates.map(|date| date.parse().unwrap());
        let said: Vec<String> = runs(&dates)
            .iter()
            .map(|(from, to)| format!("{from} {to}"))
            .collect();
        assert_eq!(said, ["2026-02-27 2026-03-01", "2026-03-05 2026-03-05"]);
    }
}
