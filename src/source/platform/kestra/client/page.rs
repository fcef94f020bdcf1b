//! Taking a response of Kestra's audit-log search apart without touching a byte of it.
//!
//! A response is `{"results": [{"auditLog": {…}, "user": {…}}, …], "total": 5}`. The record is the
//! `auditLog` object's exact bytes. Only what lies around the records must be well-formed; inside
//! them nothing but quotes and brackets is looked at, so a record that is not UTF-8, nests thousands
//! of levels or is enormous comes out whole and leaves its neighbours alone. Of doubled keys the
//! first counts.

use bytes::Bytes;

use crate::event::json::{self, FaultKind, JsonFault, JsonKind, JsonValue};
use crate::source::Returned;
use crate::source::http::Misfit;
use crate::source::paged::Page;

/// Why a body is not a response of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Nothing came.
    #[error("the response is empty")]
    Empty,
    /// A page for browsers came, as proxies and log-in screens send.
    #[error("the response is HTML or XML, not JSON: is a proxy or a log-in page in between?")]
    Markup,
    /// The body ends before its JSON does.
    #[error("the response ends early, after {0} bytes")]
    Truncated(usize),
    /// The body is not JSON, outside the records.
    #[error("the response is not JSON: {0}")]
    NotJson(JsonFault),
    /// The body does not even begin as JSON does.
    #[error("the response is not JSON: {0}")]
    NotJsonAtAll(JsonFault),
    /// The body is JSON, but not an object.
    #[error("the response is {0}, not an object")]
    NotAnObject(&'static str),
    /// A member that every response has is missing.
    #[error("the response has no \"results\"")]
    NoResults,
    /// A member has a value of the wrong kind.
    #[error("in the response {field:?} is {found}")]
    WrongType {
        /// The member.
        field: &'static str,
        /// What was found there.
        found: &'static str,
    },
    /// There are more items than the request can have asked for.
    #[error("the response holds more than {0} items, which is twice as many as were asked for")]
    TooMany(usize),
    /// The total is a number, but counts nothing.
    #[error("in the response \"total\" is not a whole number from 0 to 2^64-1")]
    BadTotal,
}

impl From<PageError> for Misfit {
    /// What has no `results` does not come from the search, whatever else it is. Where it has, something in
    /// it is wrong, perhaps a single record.
    fn from(error: PageError) -> Self {
        let message = error.to_string();
        match error {
            PageError::Truncated(_) | PageError::Empty => Self::CutOff(message),
            PageError::Markup
            | PageError::NotJsonAtAll(_)
            | PageError::NotAnObject(_)
            | PageError::NoResults => Self::Foreign(message),
            PageError::NotJson(_)
            | PageError::WrongType { .. }
            | PageError::TooMany(_)
            | PageError::BadTotal => Self::NotUnderstood(message),
        }
    }
}

impl From<JsonFault> for PageError {
    fn from(fault: JsonFault) -> Self {
        match fault.kind {
            FaultKind::Ended => Self::Truncated(fault.at),
            _ => Self::NotJson(fault),
        }
    }
}

/// Splits a response to a request for `asked` rows into its records, in the order served. The slices
/// share `body`.
///
/// An item without an `auditLog` object is returned whole, with
/// [`is_record`](Returned::is_record) false.
///
/// # Errors
/// See [`PageError`]. Nothing inside a record is an error, as long as its quotes and brackets are
/// paired.
pub fn parse(body: &Bytes, asked: u32) -> Result<Page, PageError> {
    let most = usize::try_from(asked)
        .unwrap_or(usize::MAX)
        .saturating_mul(2);
    let start = start(body)?;
    let mut total = None;
    let mut records = None;
    let mut members = json::members(body, start)?;
    while let Some(key) = members.next_key()? {
        let at = key.value_at;
        match &*key.name() {
            b"results" if records.is_none() => {
                let (items, end) = items(body, at, most)?;
                records = Some(items);
                members.resume(end);
            }
            b"total" if total.is_none() => {
                let (kind, end) = json::value_end(body, at)?;
                total = Some(count(kind, body.get(at..end).unwrap_or_default())?);
                members.resume(end);
            }
            _ => members.resume(json::value_end(body, at)?.1),
        }
    }
    let end = members.offset();
    let rest = body.get(end..).unwrap_or_default();
    if let Some(more) = rest.iter().position(|byte| !is_space(*byte)) {
        return Err(PageError::NotJson(JsonFault {
            kind: FaultKind::Trailing,
            at: end + more,
        }));
    }
    Ok(Page {
        total: total.flatten(),
        records: records.ok_or(PageError::NoResults)?,
        bytes: body.len() as u64,
    })
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Where the object begins, after a byte order mark and white space.
fn start(body: &[u8]) -> Result<usize, PageError> {
    let mark = if body.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let rest = body.get(mark..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| is_space(**byte)).count();
    match rest.get(space) {
        None => Err(PageError::Empty),
        Some(b'{') => Ok(mark + space),
        Some(b'<') => Err(PageError::Markup),
        Some(_) => Err(match json::check(rest) {
            Ok(kind) => PageError::NotAnObject(kind.name()),
            Err(fault) => PageError::NotJsonAtAll(fault),
        }),
    }
}

/// The value of `total`; `null` is as if it were missing.
fn count(kind: JsonKind, value: &[u8]) -> Result<Option<u64>, PageError> {
    match kind {
        JsonKind::Null => Ok(None),
        JsonKind::Number => {
            let text = std::str::from_utf8(value).map_err(|_| PageError::BadTotal)?;
            text.parse().map(Some).map_err(|_| PageError::BadTotal)
        }
        JsonKind::Object | JsonKind::Array | JsonKind::Text | JsonKind::True | JsonKind::False => {
            Err(PageError::WrongType {
                field: "total",
                found: kind.name(),
            })
        }
    }
}

/// The items of the array at `at`, `most` of them at most, and the offset after it.
fn items(body: &Bytes, at: usize, most: usize) -> Result<(Vec<Returned>, usize), PageError> {
    let mut elements = match json::elements(body, at) {
        Ok(elements) => elements,
        Err(_) => {
            return Err(PageError::WrongType {
                field: "results",
                found: json::value_end(body, at)?.0.name(),
            });
        }
    };
    let mut items = Vec::new();
    while let Some(at) = elements.next_at()? {
        if items.len() == most {
            return Err(PageError::TooMany(most));
        }
        let (item, end) = item(body, at)?;
        items.push(item);
        elements.resume(end);
    }
    Ok((items, elements.offset()))
}

/// The item at `at`, and the offset after it.
fn item(body: &Bytes, at: usize) -> Result<(Returned, usize), PageError> {
    match record(body, at) {
        Ok((Some(record), end)) => Ok((record, end)),
        Ok((None, _)) | Err(_) => {
            // Its members may be broken, but its brackets still say where it ends.
            let (_, end) = json::value_end(body, at)?;
            let whole = Returned {
                is_record: false,
                ..Returned::record(body.slice(at..end))
            };
            Ok((whole, end))
        }
    }
}

/// The record in the item at `at`, if it has one, and the offset after the item.
fn record(body: &Bytes, at: usize) -> Result<(Option<Returned>, usize), JsonFault> {
    let mut record = None;
    let mut user = None;
    let mut members = json::members(body, at)?;
    for member in &mut members {
        let member = member?;
        let value = member.value;
        match &*member.key.name() {
            b"auditLog" => record = record.or(Some(value)),
            b"user" => user = user.or(Some(value)),
            _ => {}
        }
    }
    let object = |value: Option<JsonValue>| {
        let value = value.filter(|value| value.kind == JsonKind::Object)?;
        Some(body.slice(value.at..value.end))
    };
    let returned = object(record).map(|record| Returned {
        actor: object(user),
        ..Returned::record(record)
    });
    Ok((returned, members.offset()))
}

#[cfg(test)]
mod tests;
