//! What a search asks for, whichever dialect it was asked in: what trailhouse and Kestra's own
//! client send, and no more. A filter or order beyond that is refused, never ignored: a wrong answer
//! would look like a right one.

mod select;
mod v1;
mod v2;

pub(super) use select::{Selection, Sight, select};

use super::generate::World;
use super::options::Dialect;
use super::record::Column;
use crate::instant::nanos;
use chrono::{DateTime, Utc};

/// Largest `size` of a page since Kestra 2.0.
const MOST_PER_PAGE: u64 = 1_000;

/// One search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// First instant asked for, in nanoseconds since 1970.
    pub(super) from: i64,
    /// Last instant asked for.
    pub(super) to: i64,
    /// Everything else that must hold.
    pub(super) conditions: Vec<Condition>,
    pub(super) order: Order,
    /// Page number from 1.
    pub(super) page: u64,
    pub(super) size: u64,
}

impl Query {
    /// The same page and order without any filter.
    pub(super) fn without_filters(self) -> Self {
        Self {
            from: i64::MIN,
            to: i64::MAX,
            conditions: Vec::new(),
            ..self
        }
    }
}

/// A condition on one row; a row without the column never matches, as in SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// The column has one of these values.
    In(Column, Vec<String>),
    /// The column is this value or below it, separated by a dot.
    Below(Column, String),
    /// One of these holds.
    Any(Vec<Condition>),
    /// Nothing matches.
    Never,
}

impl Condition {
    fn equals(column: Column, value: &str) -> Self {
        Self::In(column, vec![value.to_owned()])
    }
}

/// The order of a search, always by date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// Why a search is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
    /// Entries of `_embedded.errors`: path and message.
    pub(super) errors: Vec<(String, String)>,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
        }
    }

    /// A parameter that breaks a constraint of its route.
    fn constraint(parameter: &str, must: &str) -> Self {
        let path = format!("searchAuditLogs.{parameter}");
        let message = format!("must be {must}");
        Self {
            status: 422,
            message: format!("Invalid entity: {path}: {message}"),
            errors: vec![(path, message)],
        }
    }

    /// A parameter that does not convert to the type of its argument.
    fn conversion(parameter: &str, value: &str) -> Self {
        Self::new(
            422,
            format!(
                "Internal server error: Failed to convert argument [{parameter}] for value [{value}]"
            ),
        )
    }
}

/// Reads the query string of a search.
pub(super) fn parse(world: &World, query: &str, reject_legacy: bool) -> Result<Query, Refusal> {
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let (page, size) = paging(world.dialect, &parameters)?;
    let mut read = Query {
        from: i64::MIN,
        to: i64::MAX,
        conditions: Vec::new(),
        order: order(&parameters)?,
        page,
        size,
    };
    match world.dialect {
        Dialect::V1 => v1::filter(world, &parameters, &mut read)?,
        Dialect::V2 => v2::filter(&parameters, reject_legacy, &mut read)?,
    }
    Ok(read)
}

fn paging(dialect: Dialect, parameters: &[(String, String)]) -> Result<(u64, u64), Refusal> {
    let number = |name: &str, default: i32| match value(parameters, name) {
        None => Ok(default),
        Some(text) => text
            .parse::<i32>()
            .map_err(|_| Refusal::conversion(name, text)),
    };
    let positive = |name: &str, number: i32| match u64::try_from(number) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Refusal::constraint(name, "greater than or equal to 1")),
    };
    let page = positive("page", number("page", 1)?)?;
    let size = positive("size", number("size", 10)?)?;
    if dialect == Dialect::V2 && size > MOST_PER_PAGE {
        return Err(Refusal::constraint("size", "less than or equal to 1000"));
    }
    Ok((page, size))
}

fn order(parameters: &[(String, String)]) -> Result<Order, Refusal> {
    let given: Vec<&str> = parameters
        .iter()
        .filter(|(name, _)| name == "sort")
        .map(|(_, value)| value.as_str())
        .collect();
    match given[..] {
        [] | ["date:asc"] => Ok(Order::Ascending),
        ["date:desc"] => Ok(Order::Descending),
        _ => Err(Refusal::new(
            422,
            "Unprocessable Entity: Invalid sort parameter",
        )),
    }
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn date(parameter: &str, text: &str) -> Result<i64, Refusal> {
    let parsed = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%#z"));
    match parsed {
        Ok(parsed) => Ok(nanos(parsed.with_timezone(&Utc))),
        Err(_) => Err(Refusal::conversion(parameter, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Options;
    use super::*;

    fn read(dialect: Dialect, query: &str) -> Result<Query, Refusal> {
        let world = World::new(
            &Options {
                dialect,
                ..Options::default()
            },
            0,
        );
        parse(&world, query, false)
    }

    fn status(dialect: Dialect, query: &str) -> u16 {
        read(dialect, query).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn paging_and_order() {
        use Dialect::{V1, V2};
        for (dialect, query, expected) in [
            (V2, "", 200),
            (V2, "page=3&size=1000", 200),
            (V2, "size=1001", 422),
            (V1, "size=1001", 200),
            (V1, "size=1000000", 200),
            (V2, "size=0", 422),
            (V2, "page=0", 422),
            (V2, "page=-1", 422),
            (V2, "page=x", 422),
            (V2, "size=99999999999", 422),
            (V2, "sort=date:asc", 200),
            (V2, "sort=date:asc&sort=id:asc", 422),
            (V2, "sort=date", 422),
            (V1, "sort=date", 422),
            (V2, "sort=shoe:asc", 422),
            (V2, "nonsense=1", 200),
        ] {
            assert_eq!(status(dialect, query), expected, "{dialect:?} {query}");
        }
        let read = read(Dialect::V2, "sort=date:desc").unwrap();
        assert_eq!(
            (read.order, read.page, read.size),
            (Order::Descending, 1, 10)
        );
    }

    #[test]
    fn the_message_about_size_is_kestras() {
        let refusal = read(Dialect::V2, "size=1001").unwrap_err();
        assert!(
            refusal
                .message
                .ends_with("size: must be less than or equal to 1000")
        );
        assert_eq!(refusal.errors.len(), 1);
    }

    #[test]
    fn the_far_future_is_in_reach() {
        let query = "filters[startDate][GREATER_THAN_OR_EQUAL_TO]=2999-01-01T00:00:00Z&filters[startDate][LESS_THAN]=3000-01-01T00:00:00Z";
        let read = read(Dialect::V2, query).unwrap();
        assert!(read.from > read.to);
    }
}
