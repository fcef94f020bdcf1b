//! How each API is asked and answers.

use super::platform::{Page, Record, Trouble};
use crate::dice::fingerprint;
use crate::instant::{nanos, write_date};
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;

/// The organization of all APIs.
pub(super) const ORGANIZATION: &str = "acme";

/// How an API is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Dagster+: GraphQL, the newest record first, continued by the id of the last one, no filter of time that is
    /// documented.
    Dagster,
    /// Temporal Cloud: page tokens, the oldest record first, a half-open window.
    Temporal,
    /// Astronomer: all records of a window as a file of lines, compressed with gzip.
    Astronomer,
    /// No product: a window, a total, and pages of one kind.
    Plain(Paging),
}

/// How the pages of [`Dialect::Plain`] continue each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// By the parameter `offset`.
    Offset,
    /// By the parameter `page`, from 1.
    Page,
    /// By a token in the header `X-Next`, sent as the header `X-Continue`.
    TokenInHeader,
    /// By the header `Link`.
    Link,
    /// By an address in the body.
    NextUrl,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// With the first record.
    Start,
    /// After so many records.
    Skip(u64),
    /// After the record with this id.
    AfterId(String),
    /// After this record, with a mark that tells empty pages apart.
    After { time: i64, id: String, empty: u64 },
}

impl Place {
    /// The same, behind so many empty pages.
    pub(super) fn emptied(&self, by: u64) -> Self {
        match self {
            Self::After { time, id, .. } => Self::After {
                time: *time,
                id: id.clone(),
                empty: by,
            },
            // Before every record.
            _ => Self::After {
                time: i64::MIN,
                id: String::new(),
                empty: by,
            },
        }
    }

    fn token(&self, print: u64) -> String {
        match self {
            Self::Start => String::new(),
            Self::Skip(rows) => rows.to_string(),
            Self::AfterId(id) => id.clone(),
            Self::After { time, id, empty } => format!("{print:x}.{time}.{empty}.{id}"),
        }
    }

    fn read(token: &str, print: u64) -> Option<Self> {
        let mut parts = token.splitn(4, '.');
        let known = u64::from_str_radix(parts.next()?, 16).ok()? == print;
        let (time, empty) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let id = parts.next()?.to_owned();
        known.then_some(Self::After { time, id, empty })
    }
}

/// What a request is about.
#[derive(Debug)]
pub(super) struct PageRequest {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) newest_first: bool,
    pub(super) size: usize,
    pub(super) place: Place,
    /// What must be the same in all requests of a chain.
    print: u64,
    /// Path and query without the place of the page.
    same: String,
}

/// A request as it came.
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: &'a str,
    /// `X-Continue`.
    pub(super) continues: Option<&'a str>,
    pub(super) is_post: bool,
}

/// A page as it is served.
pub(super) struct Served {
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(&'static str, String)>,
}

type Refusal = (u16, String);

impl Dialect {
    /// Understands a request.
    pub(super) fn read(self, asked: &Asked<'_>, trouble: &Trouble) -> Result<PageRequest, Refusal> {
        let refuse = |message: &str| Err((400, message.to_owned()));
        let (path, known): (&str, &[&str]) = match self {
            Self::Dagster => ("/prod/graphql", &[]),
            Self::Temporal => (
                "/cloud/audit-logs",
                &[
                    "pageSize",
                    "pageToken",
                    "startTimeInclusive",
                    "endTimeExclusive",
                ],
            ),
            Self::Astronomer => (
                "/v1/organizations/acme/audit-logs",
                &["startDate", "endDate"],
            ),
            Self::Plain(Paging::Offset) => ("/records", &["from", "until", "limit", "offset"]),
            Self::Plain(Paging::Page) => ("/records", &["from", "until", "limit", "page"]),
            Self::Plain(_) => ("/records", &["from", "until", "limit", "after"]),
        };
        if asked.path != path || asked.is_post != (self == Self::Dagster) {
            return Err((404, "Not Found".to_owned()));
        }
        if let Some(name) = asked
            .query
            .keys()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err((400, format!("unknown parameter {name}")));
        }
        let get = |name: &str| asked.query.get(name).map(String::as_str);
        let instant = |name: &str| match get(name).map(str::parse::<DateTime<Utc>>) {
            None => Ok(None),
            Some(Ok(at)) => Ok(Some(nanos(at))),
            Some(Err(_)) => Err((400, format!("{name} is not a time"))),
        };
        let size = |name: &str, most: usize, usual: usize| match get(name).map(str::parse) {
            None => Ok(usual),
            Some(Ok(size)) if (1..=most).contains(&size) => Ok(size),
            Some(_) => Err((400, format!("{name} is not from 1 to {most}"))),
        };
        let mut same = asked.query.clone();
        for place in ["pageToken", "offset", "page", "after"] {
            same.remove(place);
        }
        let same: Vec<String> = same
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let same = format!("{path}?{}", same.join("&"));
        let print = fingerprint(same.as_bytes());
        let request = |from: Option<i64>, to: Option<i64>, size| PageRequest {
            from: from.unwrap_or(i64::MIN),
            to: to.unwrap_or(i64::MAX),
            newest_first: false,
            size,
            place: Place::Start,
            print,
            same: same.clone(),
        };
        let continued = |token: Option<&str>| match token.filter(|token| !token.is_empty()) {
            None => Ok(Place::Start),
            Some(token) => match Place::read(token, print) {
                Some(place) if !trouble.dead_tokens => Ok(place),
                _ => Err((400, "invalid page token".to_owned())),
            },
        };
        Ok(match self {
            Self::Dagster => return dagster(asked.body),
            Self::Temporal => PageRequest {
                place: continued(get("pageToken"))?,
                ..request(
                    instant("startTimeInclusive")?,
                    instant("endTimeExclusive")?,
                    size("pageSize", 1_000, 100)?,
                )
            },
            Self::Astronomer => {
                // The end belongs to the window.
                let to = instant("endDate")?.map(|to| to.saturating_add(1));
                request(instant("startDate")?, to, usize::MAX)
            }
            Self::Plain(paging) => {
                let number = |name: &str| get(name).unwrap_or("0").parse::<u64>();
                let size = size("limit", 500, 50)?;
                let place = match paging {
                    Paging::Offset => number("offset").map(Place::Skip),
                    Paging::Page => {
                        let pages = get("page").unwrap_or("1").parse::<u64>();
                        let size = size.min(trouble.page_cap.unwrap_or(usize::MAX)) as u64;
                        pages.map(|page| Place::Skip(page.saturating_sub(1) * size))
                    }
                    Paging::TokenInHeader => Ok(continued(asked.continues)?),
                    Paging::Link | Paging::NextUrl => Ok(continued(get("after"))?),
                };
                let Ok(place) = place else {
                    return refuse("not a number");
                };
                PageRequest {
                    place,
                    ..request(instant("from")?, instant("until")?, size)
                }
            }
        })
    }

    /// A record as it is served.
    pub(super) fn record(self, record: &Record) -> String {
        let id = &record.id;
        let text = match self {
            Self::Dagster => json!({
                "id": id,
                "eventType": record.action,
                "authorUserEmail": record.actor,
                "authorAgentTokenId": null,
                "eventMetadata": "{}",
                "timestamp": nanos(record.time) as f64 / 1e9,
                "deploymentName": "prod",
            }),
            Self::Temporal => json!({
                "emitTime": date(record.time, 9),
                "operation": record.action,
                "status": "OK",
                "version": 2,
                "logId": id,
                "asyncOperationId": format!("op-{id}"),
                "principal": {"type": "user", "id": "u1", "name": record.actor, "apiKeyId": ""},
                "rawDetails": "{}",
                "xForwardedFor": "203.0.113.7",
            }),
            Self::Astronomer => json!({
                "correlationId": id,
                "organizationId": ORGANIZATION,
                "timestamp": date(record.time, 6),
                "subjectId": record.actor,
                "subjectType": "USER",
                "sourceIp": "203.0.113.7",
                "userAgent": "astro-cli/1.44",
                "operationName": record.action,
            }),
            Self::Plain(_) => json!({
                "key": id,
                "at": nanos(record.time) / 1_000,
                "what": record.action,
                "who": {"mail": record.actor},
            }),
        };
        text.to_string()
    }

    /// A page as it is served by `server`.
    pub(super) fn write(
        self,
        page: &Page,
        request: &PageRequest,
        server: &str,
        trouble: &Trouble,
    ) -> Served {
        let records: Vec<String> = page.records.iter().map(|it| self.record(it)).collect();
        let records = records.join(if self == Self::Astronomer { "\n" } else { "," });
        let token = page.next.as_ref().map(|next| next.token(request.print));
        let mut headers = Vec::new();
        let body = match self {
            Self::Dagster if trouble.fails_in_body => {
                "{\"data\":null,\"errors\":[{\"message\":\"unauthorized query\"}]}".to_owned()
            }
            Self::Dagster => {
                format!("{{\"data\":{{\"auditLog\":{{\"auditLogEntries\":[{records}]}}}}}}")
            }
            Self::Temporal => format!(
                "{{\"logs\":[{records}],\"nextPageToken\":\"{}\"}}",
                token.unwrap_or_default()
            ),
            Self::Astronomer => {
                let mut file = GzEncoder::new(Vec::new(), Compression::default());
                // Writing to memory does not fail.
                let _ = file.write_all(records.as_bytes());
                return Served {
                    body: file.finish().unwrap_or_default(),
                    headers,
                };
            }
            Self::Plain(paging) => {
                let server = trouble.next_server.as_deref().unwrap_or(server);
                let next = token
                    .as_ref()
                    .map(|token| format!("{server}{}&after={token}", request.same));
                let next_url = match (paging, next, token) {
                    (Paging::TokenInHeader, _, Some(token)) => {
                        headers.push(("x-next", token));
                        None
                    }
                    (Paging::Link, Some(next), _) => {
                        let first = format!("<{server}{}>; rel=\"first\"", request.same);
                        headers.push(("link", format!("{first}, <{next}>; rel=\"next\"")));
                        None
                    }
                    (Paging::NextUrl, next, _) => next,
                    _ => None,
                };
                let next = Value::from(next_url);
                format!(
                    "{{\"found\":{},\"next\":{next},\"list\":[{records}]}}",
                    page.total
                )
            }
        };
        Served {
            body: body.into_bytes(),
            headers,
        }
    }
}

/// Understands the one query of Dagster+ that is known.
fn dagster(body: &str) -> Result<PageRequest, Refusal> {
    let wrong = |message: &str| (400, message.to_owned());
    let body: Value = serde_json::from_str(body).map_err(|_| wrong("not JSON"))?;
    let query = body["query"].as_str().unwrap_or_default();
    if !query.contains("auditLogEntries(limit: $limit, cursor: $cursor") {
        return Err(wrong("unknown query"));
    }
    let variables = body["variables"].as_object();
    let variables = variables.ok_or_else(|| wrong("no variables"))?;
    if let Some(name) = variables
        .keys()
        .find(|name| !["limit", "cursor"].contains(&name.as_str()))
    {
        return Err((400, format!("unknown variable {name}")));
    }
    let size = variables.get("limit").and_then(Value::as_u64);
    let size = size.filter(|size| (1..=1_000).contains(size));
    let size = size.ok_or_else(|| wrong("limit is not from 1 to 1000"))?;
    let cursor = variables.get("cursor").and_then(Value::as_str);
    Ok(PageRequest {
        from: i64::MIN,
        to: i64::MAX,
        newest_first: true,
        size: usize::try_from(size).unwrap_or(1),
        place: match cursor {
            None => Place::Start,
            Some(id) => Place::AfterId(id.to_owned()),
        },
        print: 0,
        same: String::new(),
    })
}

fn date(at: DateTime<Utc>, digits: u8) -> String {
    let mut text = Vec::new();
    write_date(&mut text, nanos(at), digits);
    String::from_utf8_lossy(&text).into_owned()
}
