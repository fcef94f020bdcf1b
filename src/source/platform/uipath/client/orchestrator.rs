//! Orchestrator's `/odata/AuditLogs`, read in the order of ids.
//!
//! A window is a filter by `ExecutionTime`, and a chain goes on behind the largest id so far (`Id gt 6568`): rows
//! that come or go meanwhile shift nothing. Each response counts what is left, so the chain ends with the one that
//! has as many rows, and a count that shrank by more than the rows returned shows that rows were passed over. A
//! server that refuses a filter by `Id` is read by skipping rows.
//!
//! SQL Server rounds a `datetime` to a 300th of a second and shows it in whole milliseconds, so a filter may compare
//! another time than a record shows. A request reaches [`MARGIN`] beyond both edges of its window, and rows that show
//! a time near them on the outside are left to the window next to it.

use super::{UiPath, time_in, wider};
use crate::event::json::{EnvelopeFault, EnvelopeShape, JsonKind, named_in, text_or_number};
use crate::source::cursor::{Link, LinkRequest, Reply, Token};
use crate::source::http::{Misfit, most_items};
use crate::source::{Returned, SourceError, year};
use crate::window::Window;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::Ordering;

/// Most rows of a page: `$top` must not be larger.
pub(super) const PAGE_CAP: u32 = 1000;

/// How far a filter may be off the time that a record shows.
pub(super) const MARGIN: TimeDelta = TimeDelta::milliseconds(10);

/// The first year of SQL Server's `datetime`.
const FIRST_YEAR: i32 = 1753;

pub(super) async fn link(uipath: &UiPath, request: &LinkRequest) -> Result<Reply, SourceError> {
    let place = match &request.token {
        Some(token) => KeysetPlace::read(token.as_str()),
        None if uipath.skips.load(Ordering::Relaxed) => Some(KeysetPlace::Behind(0)),
        None => Some(KeysetPlace::Start),
    };
    let Some(place) = place else {
        return Ok(Reply::Expired);
    };
    let mut url = uipath.orchestrator(&request.tenant, &["odata", "AuditLogs"]);
    url.query_pairs_mut()
        .append_pair("$filter", &filter(request.window, place))
        .append_pair("$orderby", "Id asc")
        .append_pair("$top", &request.size.to_string())
        .append_pair("$expand", "Entities")
        .append_pair("$count", "true");
    if let KeysetPlace::Behind(rows) = place {
        url.query_pairs_mut()
            .append_pair("$skip", &rows.to_string());
    }
    let read = |body: Bytes| {
        let page = ODataPage::read(&body, request.size)?;
        let step = place.step(&page)?;
        Ok((page, step))
    };
    let answer = uipath
        .client
        .get(&url, &request.tenant, request.bytes, read)
        .await;
    let (page, step) = match answer {
        // The same question was answered when it had no id in it.
        Err(SourceError::Refused { status: 400, .. })
            if matches!(place, KeysetPlace::After { .. }) =>
        {
            uipath.skips.store(true, Ordering::Relaxed);
            return Ok(Reply::Expired);
        }
        answer => answer?,
    };
    let next = match step {
        KeysetStep::End => None,
        KeysetStep::Next(place) => Some(Token::new(place.to_string())),
        KeysetStep::Again => return Ok(Reply::Expired),
    };
    let mut records: Vec<Returned> = page.rows.into_iter().map(|row| row.returned).collect();
    let near = wider(request.window, MARGIN * 2);
    records.retain(|returned| {
        let time = time_in(&returned.record, "ExecutionTime");
        !time.is_some_and(|time| near.contains(time) && !request.window.contains(time))
    });
    Ok(Reply::Link(Link {
        total: None,
        records,
        next,
        bytes: page.bytes,
    }))
}

fn filter(window: Window, place: KeysetPlace) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    // Edges are written in whole milliseconds.
    let asked = wider(window, MARGIN);
    let first = year(FIRST_YEAR).unwrap_or(asked.from);
    let window = format!(
        "ExecutionTime ge {} and ExecutionTime lt {}",
        text(asked.from.max(first)),
        text(asked.to + TimeDelta::milliseconds(1))
    );
    match place {
        KeysetPlace::Start | KeysetPlace::Behind(_) => window,
        KeysetPlace::After { id, .. } => format!("{window} and Id gt {id}"),
    }
}

/// How far a chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeysetPlace {
    Start,
    /// Behind an id, with so many rows left where they are counted.
    After {
        id: i64,
        left: Option<u64>,
    },
    /// Behind so many rows.
    Behind(u64),
}

/// What comes after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeysetStep {
    End,
    Next(KeysetPlace),
    /// Rows are missing: the chain must begin again.
    Again,
}

impl fmt::Display for KeysetPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => Ok(()),
            Self::After { id, left: None } => write!(f, "after {id}"),
            Self::After {
                id,
                left: Some(left),
            } => write!(f, "after {id} {left}"),
            Self::Behind(rows) => write!(f, "behind {rows}"),
        }
    }
}

impl KeysetPlace {
    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["after", id] => Some(Self::After {
                id: id.parse().ok()?,
                left: None,
            }),
            ["after", id, left] => Some(Self::After {
                id: id.parse().ok()?,
                left: Some(left.parse().ok()?),
            }),
            ["behind", rows] => Some(Self::Behind(rows.parse().ok()?)),
            _ => None,
        }
    }

    /// What comes after the page that was returned here.
    fn step(self, page: &ODataPage) -> Result<KeysetStep, Misfit> {
        let rows = page.distinct();
        if let Self::Behind(before) = self {
            let reached = before + rows;
            return Ok(match page.count {
                Some(count) if count <= reached => KeysetStep::End,
                Some(_) if rows == 0 => KeysetStep::Again,
                None if rows == 0 => KeysetStep::End,
                Some(_) | None => KeysetStep::Next(Self::Behind(reached)),
            });
        }
        let (after, expected) = match self {
            Self::After { id, left } => (Some(id), left),
            Self::Start | Self::Behind(_) => (None, None),
        };
        if expected.is_some_and(|left| page.count.is_some_and(|count| count < left)) {
            return Ok(KeysetStep::Again);
        }
        let is_last = match page.count {
            Some(count) => count <= rows,
            None => rows == 0,
        };
        if is_last {
            return Ok(KeysetStep::End);
        }
        if rows == 0 {
            return Ok(KeysetStep::Again);
        }
        let ids = page.ids();
        let (first, last) = match ids[..] {
            [id] => (id, id),
            [first, .., last] => (first, last),
            [] => return Err(misfit("has rows without ids, and more rows follow")),
        };
        if after.is_some_and(|after| first <= after) || !ids.is_sorted() {
            // A window of one page needs no order.
            return Err(misfit("is not in the order of ids, and more rows follow"));
        }
        Ok(KeysetStep::Next(Self::After {
            id: last,
            left: page.count.map(|count| count - rows),
        }))
    }
}

fn misfit(what: &str) -> Misfit {
    Misfit::NotUnderstood(format!("the response {what}"))
}

/// A response taken apart: `{"@odata.count": 2, "value": [{…}, …]}`.
#[derive(Debug)]
struct ODataPage {
    rows: Vec<ODataRow>,
    /// Rows that the filter selects, these included.
    count: Option<u64>,
    bytes: u64,
}

#[derive(Debug)]
struct ODataRow {
    returned: Returned,
    id: Option<i64>,
}

impl ODataPage {
    fn read(body: &Bytes, asked: u32) -> Result<Self, EnvelopeFault> {
        const VALUE: &str = "value";
        let shape = EnvelopeShape {
            items: VALUE,
            others: ["@odata.count"],
            most: most_items(asked),
        };
        let envelope = shape.split(body, |value| {
            let record = body.slice(value.at..value.end);
            let [id] = named_in(&record, ["Id"]);
            let id = text_or_number(id, &record[..]).and_then(|id| id.parse().ok());
            Some(ODataRow {
                id,
                returned: Returned {
                    is_record: value.kind == JsonKind::Object,
                    ..Returned::record(record)
                },
            })
        })?;
        let [count] = envelope.others;
        Ok(Self {
            count: count.count()?,
            rows: envelope.items.ok_or(EnvelopeFault::NoItems(VALUE))?,
            bytes: body.len() as u64,
        })
    }

    /// The ids of the page, each where it came first.
    fn ids(&self) -> Vec<i64> {
        let mut seen = HashSet::new();
        let ids = self.rows.iter().filter_map(|row| row.id);
        ids.filter(|id| seen.insert(*id)).collect()
    }

    /// How many rows there are, repeated ones counted once.
    fn distinct(&self) -> u64 {
        let nameless = self.rows.iter().filter(|row| row.id.is_none()).count();
        (nameless + self.ids().len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::scripted;

    fn page(count: Option<u64>, ids: &[i64]) -> ODataPage {
        let rows: Vec<String> = ids.iter().map(|id| format!("{{\"Id\":{id}}}")).collect();
        let count = count.map_or("null".to_owned(), |count| count.to_string());
        let body = format!(
            "{{\"@odata.context\":\"x\",\"@odata.count\":{count},\"value\":[{}]}}",
            rows.join(",")
        );
        ODataPage::read(&Bytes::from(body), 10).unwrap()
    }

    #[test]
    fn a_chain_goes_on_behind_the_largest_id_until_nothing_is_left() {
        let start = KeysetPlace::Start;
        let after = |id, left| KeysetPlace::After { id, left };
        for (place, page, step) in [
            (start, page(Some(0), &[]), Ok(KeysetStep::End)),
            (start, page(Some(2), &[4, 9]), Ok(KeysetStep::End)),
            (
                start,
                page(Some(5), &[4, 9]),
                Ok(KeysetStep::Next(after(9, Some(3)))),
            ),
            // A row that came twice is one.
            (
                start,
                page(Some(5), &[4, 9, 4]),
                Ok(KeysetStep::Next(after(9, Some(3)))),
            ),
            (start, page(Some(2), &[9, 4]), Ok(KeysetStep::End)),
            (start, page(Some(3), &[9, 4]), Err(())),
            (start, page(Some(3), &[]), Ok(KeysetStep::Again)),
            (
                after(9, Some(3)),
                page(Some(3), &[10, 12]),
                Ok(KeysetStep::Next(after(12, Some(1)))),
            ),
            // More came meanwhile.
            (
                after(9, Some(3)),
                page(Some(4), &[10, 12]),
                Ok(KeysetStep::Next(after(12, Some(2)))),
            ),
            // Rows before the largest id were not returned.
            (
                after(9, Some(3)),
                page(Some(2), &[10, 12]),
                Ok(KeysetStep::Again),
            ),
            (after(9, Some(3)), page(Some(3), &[8, 12]), Err(())),
            (
                start,
                page(None, &[4, 9]),
                Ok(KeysetStep::Next(after(9, None))),
            ),
            (after(9, None), page(None, &[]), Ok(KeysetStep::End)),
            (
                KeysetPlace::Behind(0),
                page(Some(5), &[9, 4]),
                Ok(KeysetStep::Next(KeysetPlace::Behind(2))),
            ),
            (
                KeysetPlace::Behind(3),
                page(Some(5), &[7, 8]),
                Ok(KeysetStep::End),
            ),
            (
                KeysetPlace::Behind(3),
                page(Some(5), &[]),
                Ok(KeysetStep::Again),
            ),
            (KeysetPlace::Behind(3), page(None, &[]), Ok(KeysetStep::End)),
        ] {
            assert_eq!(place.step(&page).map_err(|_| ()), step, "{place} {page:?}");
        }
        for place in [after(9, None), after(-9, Some(3)), KeysetPlace::Behind(7)] {
            assert_eq!(KeysetPlace::read(&place.to_string()), Some(place));
        }
    }

    #[test]
    fn rows_without_ids_are_rows() {
        let body = Bytes::from_static(b"{\"value\":[{\"Id\":\"12\"},7,{\"Id\":null}]}");
        let page = ODataPage::read(&body, 10).unwrap();
        assert_eq!(
            (page.ids(), page.distinct(), page.count),
            (vec![12], 3, None)
        );
        assert!(!page.rows[1].returned.is_record);
        assert!(ODataPage::read(&Bytes::from_static(b"{\"values\":[]}"), 10).is_err());
    }

    #[test]
    fn a_request_reaches_beyond_its_window() {
        let window = scripted::window(0, 1_500_000_000);
        assert_eq!(
            filter(window, KeysetPlace::Start),
            "ExecutionTime ge 1969-12-31T23:59:59.990Z and ExecutionTime lt 1970-01-01T00:00:01.511Z"
        );
        let first = Window::new(year(1).unwrap(), year(2).unwrap()).unwrap();
        let text = filter(first, KeysetPlace::After { id: 7, left: None });
        assert!(text.starts_with("ExecutionTime ge 1753-01-01T00:00:00.000Z and "));
        assert!(text.ends_with(" and Id gt 7"));
    }
}
