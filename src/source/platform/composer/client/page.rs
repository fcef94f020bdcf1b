//! Taking a response of `entries:list` apart without touching a byte of it.
//!
//! A response is `{"entries": [{…}, …], "nextPageToken": "…"}`, and what is empty is left out: `{}` is
//! the answer to a search that finds nothing. The record is an entry's exact bytes. Only what lies around
//! the entries must be well-formed; inside them nothing but quotes and brackets is looked at. Of doubled
//! keys the first counts.

use crate::event::json::{self, FaultKind, JsonFault, JsonKind};
use crate::event::time;
use crate::source::Returned;
use crate::source::cursor::{Link, Token};
use crate::source::http::Misfit;
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// Splits a response to a request for `asked` entries. The slices share `body`.
///
/// # Errors
/// What is not a response of the list, in the sense of [`Misfit`].
pub fn parse(body: &Bytes, asked: u32) -> Result<Link, Misfit> {
    let most = usize::try_from(asked)
        .unwrap_or(usize::MAX)
        .saturating_mul(2);
    let start = body.iter().take_while(|byte| is_space(**byte)).count();
    match body.get(start) {
        None => return Err(Misfit::CutOff("the response is empty".to_owned())),
        Some(b'{') => {}
        Some(_) => return Err(foreign("not a JSON object")),
    }
    let mut entries = None;
    let mut token = None;
    let mut is_other = false;
    let mut members = json::members(body, start).map_err(of_fault)?;
    while let Some(key) = members.next_key().map_err(of_fault)? {
        match &*key.name() {
            b"entries" if entries.is_none() => {
                let (read, end) = read_entries(body, key.value_at, most)?;
                entries = Some(read);
                members.resume(end);
            }
            b"nextPageToken" if token.is_none() => {
                let value = members.cross().map_err(of_fault)?;
                let text = value.text(&**body).map_err(|_| {
                    not_understood(&format!("\"nextPageToken\" is {}", value.kind.name()))
                })?;
                token = Some(text.into_owned());
            }
            _ => {
                is_other = true;
                members.cross().map_err(of_fault)?;
            }
        }
    }
    let rest = body.get(members.offset()..).unwrap_or_default();
    if !rest.iter().all(|byte| is_space(*byte)) {
        return Err(not_understood("more text after the object"));
    }
    // Taken for an empty page, somebody else's answer would mean that there are no entries.
    if entries.is_none() && token.is_none() && is_other {
        return Err(foreign(
            "an object without \"entries\" or \"nextPageToken\"",
        ));
    }
    Ok(Link {
        records: entries.unwrap_or_default(),
        next: token.filter(|token| !token.is_empty()).map(Token::new),
        bytes: body.len() as u64,
    })
}

/// The entries of the array at `at`, and the offset after it.
fn read_entries(body: &Bytes, at: usize, most: usize) -> Result<(Vec<Returned>, usize), Misfit> {
    let (kind, _) = json::value_end(body, at).map_err(of_fault)?;
    if kind != JsonKind::Array {
        return Err(not_understood(&format!("\"entries\" is {}", kind.name())));
    }
    let mut elements = json::elements(body, at).map_err(of_fault)?;
    let mut entries = Vec::new();
    while let Some(at) = elements.next_at().map_err(of_fault)? {
        if entries.len() == most {
            return Err(not_understood(&format!(
                "more than {most} entries, which is twice as many as were asked for"
            )));
        }
        let (kind, end) = json::value_end(body, at).map_err(of_fault)?;
        let record = body.slice(at..end);
        entries.push(Returned {
            arrived: arrived(&record),
            is_record: kind == JsonKind::Object,
            ..Returned::record(record)
        });
        elements.resume(end);
    }
    Ok((entries, elements.offset()))
}

/// When an entry reached the log, where that can be read.
fn arrived(entry: &[u8]) -> Option<DateTime<Utc>> {
    let members = json::members(entry, 0).into_iter().flatten();
    let mut members = members.map_while(Result::ok);
    let received = members.find(|member| *member.key.name() == *b"receiveTimestamp")?;
    time::parse(&received.value.text(entry).ok()?).ok()
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn of_fault(fault: JsonFault) -> Misfit {
    match fault.kind {
        FaultKind::Ended => {
            Misfit::CutOff(format!("the response ends early, after {} bytes", fault.at))
        }
        _ => not_understood(&fault.to_string()),
    }
}

fn foreign(what: &str) -> Misfit {
    Misfit::Foreign(format!("the response is {what}"))
}

fn not_understood(what: &str) -> Misfit {
    Misfit::NotUnderstood(format!("in the response: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Link, Misfit> {
        parse(&Bytes::copy_from_slice(body.as_bytes()), 2)
    }

    #[test]
    fn entries_are_their_exact_bytes() {
        let entry = "{ \"insertId\":\"a\\u0062\", \"x\":[{}], \"receiveTimestamp\":\"2026-01-02T03:04:05.6Z\"}";
        let body =
            format!(" {{\"entries\": [{entry} , 7],\n\"nextPageToken\":\"t\\/1\",\"more\":1}} ");
        let link = parsed(&body).unwrap();
        assert_eq!(link.records.len(), 2);
        assert_eq!(&link.records[0].record[..], entry.as_bytes());
        let arrived = link.records[0].arrived.unwrap();
        assert_eq!(arrived.to_rfc3339(), "2026-01-02T03:04:05.600+00:00");
        assert!(link.records[0].is_record && !link.records[1].is_record);
        assert_eq!(link.records[1].arrived, None);
        assert_eq!(link.next, Some(Token::new("t/1")));
        assert_eq!(link.bytes, body.len() as u64);
    }

    #[test]
    fn what_is_empty_is_left_out() {
        for body in [
            "{}",
            "{ }\n",
            "{\"entries\":[]}",
            "{\"nextPageToken\":\"\"}",
        ] {
            let link = parsed(body).unwrap();
            assert!(link.records.is_empty() && link.next.is_none(), "{body}");
        }
        let link = parsed("{\"nextPageToken\":\"t\"}").unwrap();
        assert!(link.records.is_empty() && link.next.is_some());
    }

    #[test]
    fn what_is_no_page() {
        let cut_off = |misfit: &Misfit| matches!(misfit, Misfit::CutOff(_));
        let foreign = |misfit: &Misfit| matches!(misfit, Misfit::Foreign(_));
        let not_understood = |misfit: &Misfit| matches!(misfit, Misfit::NotUnderstood(_));
        type Is = fn(&Misfit) -> bool;
        for (body, is) in [
            ("", cut_off as Is),
            ("{\"entries\":[{\"a\":1}", cut_off),
            ("{\"entries\":[{\"a\":\"", cut_off),
            ("[]", foreign),
            ("ok", foreign),
            ("<html>", foreign),
            ("{\"status\":\"ok\"}", foreign),
            ("{\"entries\":{}}", not_understood),
            ("{\"entries\":[1,2,3,4,5]}", not_understood),
            ("{\"nextPageToken\":7}", not_understood),
            ("{} {}", not_understood),
            ("{\"entries\":[],}", not_understood),
        ] {
            let misfit = parsed(body).unwrap_err();
            assert!(is(&misfit), "{body}: {misfit:?}");
        }
    }
}
