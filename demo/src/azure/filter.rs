//! The filters of the Activity Log. There are five forms: a span of time, alone or with one more term. Anything
//! else is refused, so that a reader is never answered something that it did not ask.

use super::event::Event;
use crate::instant::nanos;
use chrono::{DateTime, Utc};

/// What a filter selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    /// First and last instant, both included.
    pub(super) span: (i64, i64),
    term: Option<Term>,
}

/// The one term beside the span.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Group(String),
    Resource(String),
    Provider(String),
    Correlation(String),
}

impl Filter {
    /// Reads a filter.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(" and ").collect();
        let (from, to, rest) = match parts[..] {
            [from, to] => (from, to, None),
            [from, to, term] => (from, to, Some(term)),
            _ => return Err(format!("The filter is not supported: {text}")),
        };
        let span = (
            instant(from, "eventTimestamp ge ")?,
            instant(to, "eventTimestamp le ")?,
        );
        if span.0 > span.1 {
            return Err("The start time is after the end time.".to_owned());
        }
        Ok(Self {
            span,
            term: rest.map(Term::parse).transpose()?,
        })
    }

    /// Whether an event is selected.
    pub(super) fn selects(&self, event: &Event) -> bool {
        let (first, last) = self.span;
        let is_of = |provider: &str| {
            let own = event.operation.get(..provider.len());
            own.is_some_and(|own| own.eq_ignore_ascii_case(provider))
                && event.operation[provider.len()..].starts_with('/')
        };
        let fits = match &self.term {
            None => true,
            Some(Term::Group(name)) => event.group.eq_ignore_ascii_case(name),
            Some(Term::Resource(id)) => event.resource.eq_ignore_ascii_case(id),
            Some(Term::Provider(name)) => is_of(name),
            Some(Term::Correlation(id)) => event.correlation == *id,
        };
        first <= event.happened && event.happened <= last && fits
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        let value = |name| Ok(quoted(text, name)?.to_owned());
        match text.split_once(' ').map(|(name, _)| name) {
            Some("resourceGroupName") => value("resourceGroupName eq ").map(Self::Group),
            Some("resourceUri") => value("resourceUri eq ").map(Self::Resource),
            Some("resourceProvider") => value("resourceProvider eq ").map(Self::Provider),
            Some("correlationId") => value("correlationId eq ").map(Self::Correlation),
            _ => Err(format!("The filter is not supported: {text}")),
        }
    }
}

fn instant(text: &str, name: &str) -> Result<i64, String> {
    let quoted = quoted(text, name)?;
    let at: DateTime<Utc> = quoted
        .parse()
        .map_err(|_| format!("Not a date and time: {quoted}"))?;
    Ok(nanos(at))
}

fn quoted<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    text.strip_prefix(name)
        .and_then(|value| value.strip_prefix('\''))
        .and_then(|value| value.strip_suffix('\''))
        .filter(|value| !value.contains('\''))
        .ok_or_else(|| format!("The filter is not supported: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: &str =
        "eventTimestamp ge '1970-01-01T00:00:01Z' and eventTimestamp le '1970-01-01T00:00:02.5Z'";

    #[test]
    fn five_forms_are_known_and_the_rest_is_refused() {
        let filter = Filter::parse(SPAN).unwrap();
        assert_eq!(filter.span, (1_000_000_000, 2_500_000_000));
        for term in [
            "resourceGroupName eq 'rg'",
            "resourceUri eq '/subscriptions/s'",
            "resourceProvider eq 'Microsoft.DataFactory'",
            "correlationId eq 'c'",
        ] {
            assert!(
                Filter::parse(&format!("{SPAN} and {term}")).is_ok(),
                "{term}"
            );
        }
        for wrong in [
            "",
            "eventTimestamp ge '1970-01-01T00:00:01Z'",
            "eventTimestamp gt '1970-01-01T00:00:01Z' and eventTimestamp le '1970-01-01T00:00:02Z'",
            "eventTimestamp ge '1970-01-01T00:00:01Z' and eventTimestamp lt '1970-01-01T00:00:02Z'",
            "eventTimestamp ge '1970-01-01T00:00:03Z' and eventTimestamp le '1970-01-01T00:00:02Z'",
            "eventTimestamp ge 'yesterday' and eventTimestamp le '1970-01-01T00:00:02Z'",
            &format!("{SPAN} and caller eq 'anna'"),
            &format!("{SPAN} and resourceProvider eq 'a' and correlationId eq 'c'"),
            &format!("{SPAN} or resourceProvider eq 'a'"),
            &format!("{SPAN} and resourceProvider eq a"),
        ] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
    }
}
