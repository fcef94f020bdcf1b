//! The part of the Logging query language that is understood: bounds of `receiveTimestamp` and
//! `timestamp`, log ids, service and kind of resource, all of which must hold. Anything else is refused,
//! so that a reader is never answered something that it did not ask.

use super::entry::{Entry, RESOURCE, SERVICE};
use crate::instant::nanos;
use chrono::{DateTime, Utc};

/// Most characters of a filter.
const LONGEST: usize = 20_000;

/// What a filter selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    /// First and last instant of `receiveTimestamp`, the last excluded.
    received: (i64, i64),
    /// First instant of `timestamp`.
    happened: i64,
    /// Logs; any where there are none.
    logs: Vec<String>,
    /// Whether it asks for another service or kind of resource.
    is_elsewhere: bool,
}

impl Filter {
    /// Reads a filter.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > LONGEST {
            return Err(format!("filter is longer than {LONGEST} characters"));
        }
        let mut filter = Self {
            received: (i64::MIN, i64::MAX),
            happened: i64::MIN,
            logs: Vec::new(),
            is_elsewhere: false,
        };
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            rest = filter.term(rest)?.trim_start();
            rest = rest.strip_prefix("AND ").unwrap_or(rest).trim_start();
        }
        Ok(filter)
    }

    /// Whether an entry is selected.
    pub(super) fn selects(&self, entry: &Entry) -> bool {
        let (from, to) = self.received;
        !self.is_elsewhere
            && from <= entry.received
            && entry.received < to
            && self.happened <= entry.happened
            && (self.logs.is_empty() || self.logs.iter().any(|log| log == entry.log.id()))
    }

    /// Reads one term and returns what follows it.
    fn term<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        if text.starts_with('(') {
            let (group, rest) = group(text).ok_or_else(|| unknown(text))?;
            for part in group.split(" OR ") {
                if !self.log(part.trim())?.is_empty() {
                    return Err(unknown(part));
                }
            }
            return Ok(rest);
        }
        if text.starts_with("log_id(") {
            return self.log(text);
        }
        self.comparison(text)
    }

    fn log<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let id = text
            .strip_prefix("log_id(\"")
            .ok_or_else(|| unknown(text))?;
        let (id, rest) = id.split_once("\")").ok_or_else(|| unknown(text))?;
        self.logs.push(id.to_owned());
        Ok(rest)
    }

    fn comparison<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let (left, rest) = text.split_once('"').ok_or_else(|| unknown(text))?;
        let (value, rest) = rest.split_once('"').ok_or_else(|| unknown(text))?;
        let instant = || {
            let at: DateTime<Utc> = value.parse().map_err(|_| unknown(text))?;
            Ok::<i64, String>(nanos(at))
        };
        match left {
            "receiveTimestamp>=" => self.received.0 = instant()?,
            "receiveTimestamp<" => self.received.1 = instant()?,
            "timestamp>=" => self.happened = instant()?,
            "resource.type=" => self.is_elsewhere |= value != RESOURCE,
            "protoPayload.serviceName=" => self.is_elsewhere |= value != SERVICE,
            _ => return Err(unknown(text)),
        }
        Ok(rest)
    }
}

/// What stands in the parentheses that open `text`, and what follows them.
fn group(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
    }
    None
}

fn unknown(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    format!("unparseable or unknown filter at: {start}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_obeyed_and_the_rest_refused() {
        let text = "(log_id(\"a/b\") OR log_id(\"c\")) protoPayload.serviceName=\"composer.googleapis.com\" \
                    AND receiveTimestamp>=\"1970-01-01T00:00:01Z\" receiveTimestamp<\"1970-01-01T00:00:02.5Z\" \
                    timestamp>=\"1969-12-31T23:59:59Z\"";
        let filter = Filter::parse(text).unwrap();
        assert_eq!(filter.logs, ["a/b", "c"]);
        assert_eq!(filter.received, (1_000_000_000, 2_500_000_000));
        assert_eq!(filter.happened, -1_000_000_000);
        assert!(!filter.is_elsewhere);
        assert!(
            Filter::parse("resource.type=\"gke_cluster\"")
                .unwrap()
                .is_elsewhere
        );
        for wrong in [
            "severity>=ERROR",
            "receiveTimestamp>\"1970-01-01T00:00:01Z\"",
            "receiveTimestamp>=\"yesterday\"",
            "log_id(\"a\") OR log_id(\"b\")",
            "(log_id(\"a\")",
            "NOT log_id(\"a\")",
        ] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Filter::parse(&" ".repeat(20_001)).is_err());
    }
}
