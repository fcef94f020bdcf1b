//! The parameters of a list, as the two generations take them.

use super::Dialect;
use super::record::Row;
use crate::instant::nanos;
use chrono::{DateTime, Datelike, Utc};

/// Rows of a page where the request does not say.
const USUAL_V2: u32 = 50;
const USUAL_V1: u32 = 100;

/// What may be sorted by, in our names.
const SORTS: [(&str, Sort); 4] = [
    ("id", Sort::Id),
    ("event_log_id", Sort::Id),
    ("dttm", Sort::When),
    ("when", Sort::When),
];

/// What else may be sorted by.
const OTHER_SORTS: [&str; 6] = ["dag_id", "task_id", "run_id", "event", "owner", "extra"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Id,
    When,
    Other,
}

/// A list that is asked for.
#[derive(Debug, Clone)]
pub(super) struct ListQuery {
    pub(super) limit: u32,
    pub(super) offset: usize,
    pub(super) sort: Sort,
    pub(super) newest_first: bool,
    after: Option<i64>,
    before: Option<i64>,
    /// Nanoseconds by which the bounds reach further.
    reach: i64,
    event: Option<String>,
    dag_id: Option<String>,
}

/// A request that is refused: status, and what is said.
pub(super) type Refused = (u16, String);

impl ListQuery {
    /// Reads a query. As the server does, it ignores what it does not know.
    pub(super) fn parse(dialect: Dialect, query: &str, cap: u32) -> Result<Self, Refused> {
        let mut read = Self {
            limit: match dialect {
                Dialect::V1 => USUAL_V1,
                Dialect::V2 => USUAL_V2,
            },
            offset: 0,
            sort: Sort::Id,
            newest_first: false,
            after: None,
            before: None,
            reach: 0,
            event: None,
            dag_id: None,
        };
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "limit" => read.limit = limit(dialect, &value)?,
                "offset" => {
                    read.offset = value
                        .parse()
                        .map_err(|_| bad(dialect, "offset must be 0 or more"))?;
                }
                "order_by" => read.order(&value)?,
                "after" => read.after = Some(time(dialect, &value)?),
                "before" => read.before = Some(time(dialect, &value)?),
                "event" => read.event = Some(value.into_owned()),
                "dag_id" => read.dag_id = Some(value.into_owned()),
                _ => {}
            }
        }
        read.limit = read.limit.min(cap);
        Ok(read)
    }

    fn order(&mut self, value: &str) -> Result<(), Refused> {
        let name = value.trim_start_matches('-');
        let known = SORTS.iter().find(|(known, _)| *known == name);
        self.newest_first = value.starts_with('-');
        self.sort = match known {
            Some((_, sort)) => *sort,
            None if OTHER_SORTS.contains(&name) => Sort::Other,
            None => {
                return Err((
                    400,
                    format!(
                        "Ordering with '{name}' is disallowed or the attribute does not exist on the model"
                    ),
                ));
            }
        };
        Ok(())
    }

    /// The same with bounds that count themselves in.
    pub(super) fn inclusive(mut self) -> Self {
        self.reach = 1;
        self
    }

    /// Whether a row is selected. Both bounds are strict, unless it was asked otherwise.
    pub(super) fn selects(&self, row: &Row) -> bool {
        self.after
            .is_none_or(|after| after.saturating_sub(self.reach) < row.when)
            && self
                .before
                .is_none_or(|before| row.when < before.saturating_add(self.reach))
            && self.event.as_ref().is_none_or(|it| *it == row.event.event)
            && (self.dag_id.is_none() || self.dag_id == row.event.dag_id)
    }

    /// The window that is asked for, in nanoseconds.
    pub(super) fn window(&self) -> (i64, i64) {
        (
            self.after.map_or(i64::MIN, |after| after + 1_000),
            self.before.unwrap_or(i64::MAX),
        )
    }
}

fn bad(dialect: Dialect, message: &str) -> Refused {
    match dialect {
        Dialect::V1 => (400, message.to_owned()),
        Dialect::V2 => (422, message.to_owned()),
    }
}

fn limit(dialect: Dialect, value: &str) -> Result<u32, Refused> {
    match (value.parse::<i64>(), dialect) {
        (Ok(0), Dialect::V1) => Ok(USUAL_V1),
        (Ok(limit @ 0..), _) => Ok(u32::try_from(limit).unwrap_or(u32::MAX)),
        _ => Err(bad(dialect, "limit must be 0 or more")),
    }
}

/// An instant with a zone: without one, Airflow 3 fails and Airflow 2 refuses.
fn time(dialect: Dialect, value: &str) -> Result<i64, Refused> {
    if let Ok(instant) = value.parse::<DateTime<Utc>>() {
        return match instant.year() {
            1..=9_999 => Ok(nanos(instant)),
            _ => Err(bad(dialect, "year is out of range")),
        };
    }
    match (
        chrono::NaiveDate::parse_from_str(value.get(..10).unwrap_or(value), "%Y-%m-%d"),
        dialect,
    ) {
        (Ok(_), Dialect::V2) if !value.contains(' ') => Err((500, "Database error".to_owned())),
        _ => Err(bad(dialect, "not an instant")),
    }
}
