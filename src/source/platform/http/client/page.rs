//! Taking a response apart by its description, without touching a byte of a record.

use super::{FeedDescription, PagingKind};
use crate::event::json::pointer::Pointer;
use crate::event::json::{self, JsonKind, JsonValue, present, text_or_number};
use crate::source::Returned;
use crate::source::http::{Misfit, most_items};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use reqwest::header::{HeaderMap, HeaderName, LINK};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::Read as _;

/// What gzip begins with (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How records stand in a response.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordsFormat {
    /// In an array of a JSON document.
    #[default]
    Json,
    /// One on each line (NDJSON), perhaps in a file compressed with gzip.
    Lines,
}

/// In which order of time a list of records is.
// The configuration has these names, and its schema these sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordsOrder {
    /// In any order.
    #[default]
    Unknown,
    /// The newest record comes first.
    NewestFirst,
    /// The oldest record comes first.
    OldestFirst,
}

/// Where a response states what continues it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// In the JSON document.
    Body(Pointer),
    /// In a header.
    Header(HeaderName),
    /// In the last item.
    LastRecord(Pointer),
}

/// Where records are in a response, and what else it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedRecords {
    /// How they stand there.
    pub format: RecordsFormat,
    /// The array of items; the root where it is the document.
    pub items: Pointer,
    /// The record in an item; the root where an item is the record.
    pub record: Pointer,
    /// Where the number of all records of the window is.
    pub total: Option<Pointer>,
    /// The number at which the platform stops counting.
    pub total_cap: Option<u64>,
    /// The order of the list.
    pub order: RecordsOrder,
    /// What a response has only where the request failed.
    pub failure: Option<Pointer>,
}

/// A response taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DescribedPage {
    pub(super) records: Vec<Returned>,
    pub(super) total: Option<u64>,
    /// The token or address that it states.
    pub(super) next: Option<String>,
    /// Whether it says that another one follows.
    pub(super) more: Option<bool>,
    pub(super) bytes: u64,
}

/// Takes a response to a request for `asked` records apart; one that is compressed has at most `most` bytes.
///
/// # Errors
/// What is not as described.
pub(super) fn parse(
    description: &FeedDescription,
    headers: &HeaderMap,
    body: Bytes,
    asked: u32,
    most: u64,
) -> Result<DescribedPage, Misfit> {
    let (shape, paging) = (&description.records, &description.paging);
    let mut page = match shape.format {
        RecordsFormat::Lines => lines(&inflated(body, most)?),
        RecordsFormat::Json => {
            let has_size = paging.size.is_some();
            let most_items = has_size.then(|| most_items(asked));
            document(description, &body, most_items)?
        }
    };
    let header = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    match (&paging.token, paging.kind) {
        (_, PagingKind::Link) => page.next = next_link(headers),
        (Some(TokenPlace::Header(name)), _) => page.next = header(name),
        _ => {}
    }
    Ok(page)
}

fn document(
    description: &FeedDescription,
    body: &Bytes,
    most_items: Option<usize>,
) -> Result<DescribedPage, Misfit> {
    let (shape, paging) = (&description.records, &description.paging);
    let text: &[u8] = body;
    let whole = whole(text)?;
    if let Some(failure) = &shape.failure
        && let Some(said) = failure.find(text).filter(|value| is_filled(*value, text))
    {
        let said = String::from_utf8_lossy(said.bytes(text)).into_owned();
        return Err(Misfit::Refused(said));
    }
    let found = shape.items.find(text);
    let items = match present(found).map(|value| (value.kind, value)) {
        Some((JsonKind::Array, value)) => elements(text, value, most_items)?,
        Some((kind, _)) => {
            return Err(Misfit::NotUnderstood(format!(
                "the response has {} at {}, not an array",
                kind.name(),
                named(&shape.items)
            )));
        }
        // What is empty may be left out: null, or a document without anything.
        None if found.is_some() || !is_filled(whole, text) => Vec::new(),
        None if stated(paging.token.as_ref(), text, None).is_some() => Vec::new(),
        None => {
            return Err(Misfit::Foreign(format!(
                "the response has no array at {}",
                named(&shape.items)
            )));
        }
    };
    let more = paging.more.as_ref().and_then(|more| more.find(text));
    let more = more.and_then(|more| match more.kind {
        JsonKind::True => Some(true),
        JsonKind::False => Some(false),
        _ => None,
    });
    Ok(DescribedPage {
        total: total(shape, text)?,
        next: stated(paging.token.as_ref(), text, items.last().copied()),
        more,
        records: items
            .iter()
            .map(|item| record(shape, body, *item))
            .collect(),
        bytes: body.len() as u64,
    })
}

/// The value that a response is.
fn whole(text: &[u8]) -> Result<JsonValue, Misfit> {
    let start = json::start(text);
    match text.get(start) {
        None => return Err(Misfit::CutOff("the response is empty".to_owned())),
        Some(b'<') => {
            let message =
                "the response is HTML or XML, not JSON: is a proxy or a log-in page in between?";
            return Err(Misfit::Foreign(message.to_owned()));
        }
        Some(_) => {}
    }
    let value = json::value_at(text, start).map_err(|fault| match fault.kind {
        json::FaultKind::Ended => {
            Misfit::CutOff(format!("the response ends early, after {} bytes", fault.at))
        }
        _ => Misfit::Foreign(format!("the response is not JSON: {fault}")),
    })?;
    match text.get(value.end..).unwrap_or_default().trim_ascii() {
        [] => Ok(value),
        _ => Err(Misfit::NotUnderstood(format!(
            "the response has more text after its document, at byte {}",
            value.end
        ))),
    }
}

fn named(pointer: &Pointer) -> &str {
    match pointer.as_str() {
        "" => "its root",
        pointer => pointer,
    }
}

/// Whether a value says anything: not null, and no empty container or text.
fn is_filled(value: JsonValue, text: &[u8]) -> bool {
    let bytes = value.bytes(text);
    let inner = bytes.get(1..bytes.len().saturating_sub(1));
    match value.kind {
        JsonKind::Null | JsonKind::False => false,
        JsonKind::Object | JsonKind::Array | JsonKind::Text => {
            inner.is_some_and(|inner| !inner.trim_ascii().is_empty())
        }
        JsonKind::Number | JsonKind::True => true,
    }
}

fn elements(text: &[u8], array: JsonValue, most: Option<usize>) -> Result<Vec<JsonValue>, Misfit> {
    let broken = |fault| Misfit::NotUnderstood(format!("the response is not JSON: {fault}"));
    let mut found = Vec::new();
    for item in json::elements(text, array.at).map_err(broken)? {
        found.push(item.map_err(broken)?);
        if most.is_some_and(|most| found.len() > most) {
            return Err(Misfit::NotUnderstood(format!(
                "the response has more than {} records, twice as many as were asked for",
                found.len() - 1
            )));
        }
    }
    Ok(found)
}

/// The record in an item; the whole item, and that it holds none, where it is not an object.
fn record(shape: &DescribedRecords, body: &Bytes, item: JsonValue) -> Returned {
    let whole = body.slice(item.at..item.end);
    let found = shape.record.find(&whole);
    match found.filter(|value| value.kind == JsonKind::Object) {
        Some(value) => Returned::record(whole.slice(value.at..value.end)),
        None => Returned {
            is_record: false,
            ..Returned::record(whole)
        },
    }
}

fn total(shape: &DescribedRecords, text: &[u8]) -> Result<Option<u64>, Misfit> {
    let Some(place) = &shape.total else {
        return Ok(None);
    };
    let Some(stated) = text_or_number(present(place.find(text)), text) else {
        return Ok(None);
    };
    match stated.parse::<u64>() {
        Ok(total) if shape.total_cap.is_some_and(|cap| total >= cap) => Ok(None),
        Ok(total) => Ok(Some(total)),
        Err(_) => Err(Misfit::NotUnderstood(format!(
            "the response has no whole number at {}",
            named(place)
        ))),
    }
}

/// What a document states at the place of the token.
fn stated(place: Option<&TokenPlace>, text: &[u8], last: Option<JsonValue>) -> Option<String> {
    let found = match place? {
        TokenPlace::Body(pointer) => text_or_number(pointer.find(text), text),
        TokenPlace::LastRecord(pointer) => {
            let item = text.get(last?.at..last?.end)?;
            text_or_number(pointer.find(item), item)
        }
        TokenPlace::Header(_) => None,
    };
    found
        .filter(|token| !token.is_empty())
        .map(|token| token.into_owned())
}

/// The target of the first link whose relation is "next" (RFC 8288).
fn next_link(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| {
            // A target may have commas and semicolons, so links are told apart by their brackets.
            let mut links = value
                .split('<')
                .skip(1)
                .filter_map(|link| link.split_once('>'));
            let next = links.find(|(_, parameters)| {
                parameters.split([';', ',']).any(|parameter| {
                    let (name, relations) = parameter.split_once('=').unwrap_or_default();
                    let mut relations = relations.trim().trim_matches('"').split_whitespace();
                    name.trim().eq_ignore_ascii_case("rel")
                        && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
                })
            });
            next.map(|(target, _)| target.to_owned())
        })
}

/// The records on the lines of a text.
fn lines(body: &Bytes) -> DescribedPage {
    let mut records = Vec::new();
    let mut at = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        if !text.is_empty() {
            let start = at + line.len() - line.trim_ascii_start().len();
            records.push(Returned {
                is_record: text.starts_with(b"{"),
                ..Returned::record(body.slice(start..start + text.len()))
            });
        }
        at += line.len() + 1;
    }
    DescribedPage {
        records,
        total: None,
        next: None,
        more: None,
        bytes: body.len() as u64,
    }
}

/// A body that may be a file compressed with gzip.
fn inflated(body: Bytes, most: u64) -> Result<Bytes, Misfit> {
    if !body.starts_with(&GZIP) {
        return Ok(body);
    }
    let mut text = Vec::new();
    let mut decoder = MultiGzDecoder::new(&*body).take(most.saturating_add(1));
    decoder
        .read_to_end(&mut text)
        .map_err(|error| Misfit::CutOff(format!("the file cannot be decompressed: {error}")))?;
    match text.len() as u64 > most {
        true => Err(Misfit::TooLarge(most)),
        false => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests;
