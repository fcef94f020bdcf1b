//! Taking a response of `entries:list` apart without touching a byte of it.
//!
//! A response is `{"entries": [{…}, …], "nextPageToken": "…"}`, an [envelope](EnvelopeShape), and what is
//! empty is left out: `{}` is the answer to a search that finds nothing. The record is an entry's exact bytes.

use crate::event::json::{self, EnvelopeFault, EnvelopeShape, JsonKind, JsonValue};
use crate::event::time;
use crate::source::Returned;
use crate::source::cursor::{Link, Token};
use crate::source::http::most_items;
use bytes::Bytes;
use chrono::{DateTime, Utc};

/// Splits a response to a request for `asked` entries. The slices share `body`.
///
/// # Errors
/// See [`EnvelopeFault`].
pub fn parse(body: &Bytes, asked: u32) -> Result<Link, EnvelopeFault> {
    const ENTRIES: &str = "entries";
    let shape = EnvelopeShape {
        items: ENTRIES,
        others: ["nextPageToken"],
        most: most_items(asked),
    };
    let envelope = shape.split(body, |value| Some(entry(body, value)))?;
    let [token] = envelope.others;
    let token = token.text()?;
    let records = match envelope.items {
        Some(records) => records,
        // Taken for an empty page, somebody else's answer would mean that there are no entries.
        None if token.is_none() && envelope.has_unwanted => {
            return Err(EnvelopeFault::NoItems(ENTRIES));
        }
        None => Vec::new(),
    };
    let token = token.filter(|token| !token.is_empty());
    Ok(Link {
        total: None,
        records,
        next: token.map(|token| Token::new(token.into_owned())),
        bytes: body.len() as u64,
    })
}

fn entry(body: &Bytes, value: JsonValue) -> Returned {
    let record = body.slice(value.at..value.end);
    Returned {
        arrived: arrived(&record),
        is_record: value.kind == JsonKind::Object,
        ..Returned::record(record)
    }
}

/// When an entry reached the log, where that can be read.
fn arrived(entry: &[u8]) -> Option<DateTime<Utc>> {
    let [received] = json::named_in(entry, ["receiveTimestamp"]);
    time::parse(&json::text(received, entry)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Link, EnvelopeFault> {
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
        for (body, message) in [
            ("", "is empty"),
            ("{\"entries\":[{\"a\":1}", "ends early, after 19 bytes"),
            ("[]", "is an array, not an object"),
            ("<html>", "is HTML or XML, not JSON"),
            ("{\"status\":\"ok\"}", "has no \"entries\""),
            (
                "{\"entries\":{}}",
                "has an object as \"entries\", not an array",
            ),
            (
                "{\"entries\":[1,2,3,4,5]}",
                "has more than 4 items in \"entries\"",
            ),
            (
                "{\"nextPageToken\":7}",
                "has a number as \"nextPageToken\", not text",
            ),
            ("{} {}", "is not JSON: more text after the value at byte 3"),
        ] {
            let fault = parsed(body).unwrap_err();
            assert_eq!(fault.to_string(), message, "{body}");
        }
    }
}
