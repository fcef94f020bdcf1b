//! The records that an object of a file holds.

use super::frames::Frame;
use crate::event::json::{self, EnvelopeShape, JsonKind, JsonValue};
use crate::source::{Mapping, Returned};
use bytes::Bytes;

/// Members of an object under which programs put records: pages of interfaces, trail files, exports.
const ENVELOPES: [&str; 7] = [
    "Records",
    "records",
    "results",
    "value",
    "event_logs",
    "entries",
    "items",
];

/// An envelope has no more items than one to so many bytes: what is denser are no records.
const LEAST_BYTES: usize = 2;

/// The records of a frame in their order. What holds none that can be told is returned as it is, and goes to
/// quarantine with the reason.
pub(super) fn records(frame: Bytes, mapping: &dyn Mapping) -> Vec<Returned> {
    let frame = message(&frame).unwrap_or(frame);
    if mapping.identify(&frame).is_ok() {
        return vec![Returned::record(frame)];
    }
    if let Some(item) = item(&frame, mapping) {
        return vec![item];
    }
    if let Some(records) = enclosed(&frame, mapping) {
        return records;
    }
    vec![Returned::record(frame)]
}

/// What is no object, as it is.
pub(super) fn no_record(frame: Bytes) -> Returned {
    Returned {
        is_record: false,
        ..Returned::record(frame)
    }
}

/// The payload of a message of a dump of Kafka, as `kcat -J` writes them: text, beside the topic it is from.
fn message(frame: &Bytes) -> Option<Bytes> {
    let [topic, payload] = json::named_in(frame, ["topic", "payload"]);
    json::text(topic, &**frame)?;
    let payload = json::text(payload, &**frame)?;
    Some(Bytes::from(payload.into_owned()))
}

/// The record of an item of one of the platform's responses.
fn item(frame: &Bytes, mapping: &dyn Mapping) -> Option<Returned> {
    let shape = mapping.item()?;
    let [record, actor] = json::named_in(frame, [shape.record, shape.actor]);
    let object = |value: Option<JsonValue>| {
        let value = value.filter(|value| value.kind == JsonKind::Object)?;
        Some(frame.slice(value.at..value.end))
    };
    Some(Returned {
        actor: object(actor),
        ..Returned::record(object(record)?)
    })
}

/// The items of the first envelope that the object is.
fn enclosed(frame: &Bytes, mapping: &dyn Mapping) -> Option<Vec<Returned>> {
    let members = json::named_in(frame, ENVELOPES);
    let (name, _) = ENVELOPES
        .into_iter()
        .zip(members)
        .find(|(_, value)| value.is_some_and(|value| value.kind == JsonKind::Array))?;
    let shape = EnvelopeShape {
        items: name,
        others: [],
        most: frame.len() / LEAST_BYTES,
    };
    let envelope = shape.split(frame, |value| {
        let bytes = frame.slice(value.at..value.end);
        Some(match value.kind {
            JsonKind::Object => item(&bytes, mapping).unwrap_or_else(|| Returned::record(bytes)),
            _ => no_record(bytes),
        })
    });
    envelope.ok()?.items
}

/// What a frame is to an import.
pub(super) fn of_frame(frame: Frame, mapping: &dyn Mapping) -> Result<Vec<Returned>, u64> {
    match frame {
        Frame::Object(bytes) => Ok(records(bytes, mapping)),
        Frame::Other(bytes) => Ok(vec![no_record(bytes)]),
        Frame::TooLarge { bytes } => Err(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::platform::kestra::mapping::KestraMapping;

    const RECORD: &str = r#"{"id":"1","date":"2026-11-01T00:00:00Z","type":"LOGIN"}"#;

    fn read(frame: &str) -> Vec<(String, Option<String>, bool)> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        records(Bytes::from(frame.to_owned()), &KestraMapping)
            .iter()
            .map(|it| (text(&it.record), it.actor.as_ref().map(text), it.is_record))
            .collect()
    }

    #[test]
    fn a_record_is_found_in_whatever_it_was_put() {
        let alone = [(RECORD.to_owned(), None, true)];
        let message = serde_json::json!({ "topic": "audit", "offset": 3, "payload": RECORD });
        for frame in [
            RECORD.to_owned(),
            message.to_string(),
            format!("{{\"auditLog\": {RECORD}}}"),
            format!("{{\"results\": [{RECORD}], \"total\": 1}}"),
            format!("{{\"results\": [{{\"auditLog\":{RECORD}}}], \"total\": 1}}"),
            format!("{{\"Records\":[{RECORD}]}}"),
        ] {
            assert_eq!(read(&frame), alone, "{frame}");
        }
        let item = format!("{{\"auditLog\":{RECORD},\"user\":{{\"id\":\"u\"}}}}");
        let user = Some("{\"id\":\"u\"}".to_owned());
        assert_eq!(read(&item), [(RECORD.to_owned(), user, true)]);
    }

    #[test]
    fn what_holds_no_record_stays_as_it_is() {
        let whole = |frame: &str| (frame.to_owned(), None, true);
        for frame in [
            "{}",
            "{\"id\":\"1\"}",
            "{\"results\":{}}",
            "{\"topic\":\"t\"}",
        ] {
            assert_eq!(read(frame), [whole(frame)], "{frame}");
        }
        assert_eq!(
            read("{\"results\":[1,{}]}"),
            [("1".to_owned(), None, false), whole("{}")]
        );
        assert_eq!(read("{\"results\":[]}"), []);
    }
}
