//! The part of OData's `$filter` that is understood: bounds of `ExecutionTime` and of `Id`, joined by `and`.
//! Anything else is refused, so that a reader is never answered something that it did not ask.

use super::record::Record;
use crate::instant::nanos;
use chrono::{DateTime, Utc};

/// What a filter selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filter {
    /// First and last instant of `ExecutionTime`, the last excluded.
    executed: (i64, i64),
    /// Ids above this one.
    pub(super) after: Option<i64>,
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Self {
            executed: (i64::MIN, i64::MAX),
            after: None,
        };
        for term in text.split(" and ").filter(|term| !term.trim().is_empty()) {
            let words: Vec<&str> = term.split_whitespace().collect();
            let unknown = || format!("Could not understand the filter near '{term}'.");
            let instant = |text: &str| {
                // More than 7 digits of fraction are no DateTimeOffset.
                let digits = text
                    .split_once('.')
                    .map_or(0, |(_, rest)| rest.trim_end_matches('Z').len());
                let at: Option<DateTime<Utc>> = text.parse().ok().filter(|_| digits <= 7);
                at.map(nanos).ok_or_else(unknown)
            };
            match words[..] {
                ["ExecutionTime", "ge", at] => filter.executed.0 = instant(at)?,
                ["ExecutionTime", "lt", at] => filter.executed.1 = instant(at)?,
                ["Id", "gt", id] => filter.after = Some(id.parse().map_err(|_| unknown())?),
                _ => return Err(unknown()),
            }
        }
        Ok(filter)
    }

    pub(super) fn selects(&self, record: &Record) -> bool {
        let (from, to) = self.executed;
        from <= record.executed
            && record.executed < to
            && self.after.is_none_or(|after| record.id > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_obeyed_and_the_rest_refused() {
        let text = "ExecutionTime ge 1970-01-01T00:00:01Z and ExecutionTime lt 1970-01-01T00:00:02.5Z and Id gt 7";
        let filter = Filter::parse(text).unwrap();
        assert_eq!(filter.executed, (1_000_000_000, 2_500_000_000));
        assert_eq!(filter.after, Some(7));
        assert_eq!(Filter::parse("").unwrap().after, None);
        for wrong in [
            "Id ge 7",
            "Id gt x",
            "ExecutionTime gt 1970-01-01T00:00:01Z",
            "ExecutionTime ge 1970-01-01",
            "ExecutionTime ge 1970-01-01T00:00:01.12345678Z",
            "Id gt 7 or Id gt 8",
            "contains(UserName,'a')",
        ] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
    }
}
