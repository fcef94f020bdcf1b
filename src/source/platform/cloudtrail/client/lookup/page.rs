//! Taking a response of `LookupEvents` apart.
//!
//! A response is `{"Events": [{…, "CloudTrailEvent": "{…}"}, …], "NextToken": "…"}`, an
//! [envelope](EnvelopeShape). The record is the text of `CloudTrailEvent`: what a trail delivers, byte by byte. What
//! stands around it is derived from it.

use crate::event::json::{self, EnvelopeFault, EnvelopeShape, JsonKind, JsonValue};
use crate::source::Returned;
use crate::source::cursor::{Link, Token};
use crate::source::http::most_items;
use bytes::Bytes;

/// The member that holds the events.
const EVENTS: &str = "Events";

/// Splits a response to a request for `asked` events.
///
/// # Errors
/// See [`EnvelopeFault`].
pub(super) fn parse(body: &Bytes, asked: u32) -> Result<Link, EnvelopeFault> {
    let shape = EnvelopeShape {
        items: EVENTS,
        others: ["NextToken"],
        most: most_items(asked),
    };
    let envelope = shape.split(body, |value| Some(event(body, value)))?;
    let [token] = envelope.others;
    let token = token.text()?.filter(|token| !token.is_empty());
    let records = match envelope.items {
        Some(records) => records,
        // Taken for an empty page, somebody else's answer would mean that there are no events.
        None if token.is_none() => return Err(EnvelopeFault::NoItems(EVENTS)),
        None => Vec::new(),
    };
    Ok(Link {
        total: None,
        records,
        next: token.map(|token| Token::new(token.into_owned())),
        bytes: body.len() as u64,
    })
}

/// The record of an item; the item itself where it has none.
fn event(body: &Bytes, value: JsonValue) -> Returned {
    let item = body.slice(value.at..value.end);
    let [record] = match value.kind {
        JsonKind::Object => json::named_in(&item, ["CloudTrailEvent"]),
        _ => [None],
    };
    match json::text(record, &item[..]) {
        Some(record) => Returned::record(Bytes::from(record.into_owned())),
        None => Returned {
            is_record: false,
            ..Returned::record(item)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Link, EnvelopeFault> {
        parse(&Bytes::copy_from_slice(body.as_bytes()), 2)
    }

    #[test]
    fn a_record_is_the_text_in_its_item() {
        let record = r#"{"eventID": "a","x":"\u00fc \"q\""}"#;
        let item = serde_json::json!({
            "EventId": "a",
            "CloudTrailEvent": record,
            "Resources": [],
        });
        let body = format!("{{\"Events\":[{item},{{\"EventId\":\"b\"}},7],\"NextToken\":\"t\"}}");
        let link = parsed(&body).unwrap();
        assert_eq!(&link.records[0].record[..], record.as_bytes());
        let is_record: Vec<bool> = link.records.iter().map(|it| it.is_record).collect();
        assert_eq!(is_record, [true, false, false]);
        assert_eq!(&link.records[1].record[..], b"{\"EventId\":\"b\"}");
        assert_eq!(link.next, Some(Token::new("t")));
    }

    #[test]
    fn what_is_empty_and_what_is_no_page() {
        for body in [
            "{\"Events\":[]}",
            "{\"Events\":[],\"NextToken\":null}",
            "{\"Events\":[],\"NextToken\":\"\"}",
        ] {
            let link = parsed(body).unwrap();
            assert!(link.records.is_empty() && link.next.is_none(), "{body}");
        }
        assert!(parsed("{\"NextToken\":\"t\"}").unwrap().next.is_some());
        for (body, message) in [
            ("", "is empty"),
            ("{}", "has no \"Events\""),
            (
                "{\"Events\":{}}",
                "has an object as \"Events\", not an array",
            ),
            (
                "{\"Events\":[1,2,3,4,5]}",
                "has more than 4 items in \"Events\"",
            ),
            (
                "{\"Events\":[],\"NextToken\":7}",
                "has a number as \"NextToken\", not text",
            ),
        ] {
            assert_eq!(parsed(body).unwrap_err().to_string(), message, "{body}");
        }
    }
}
