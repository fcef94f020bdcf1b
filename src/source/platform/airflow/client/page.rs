//! Taking responses of Airflow's event log apart without touching a byte of an event.
//!
//! A list is `{"event_logs": [{…}, …], "total_entries": 5}`, an [envelope](EnvelopeShape); a single event is
//! the same object as in a list.

use crate::event::json::{self, EnvelopeFault, EnvelopeShape, JsonKind, JsonValue};
use crate::source::Returned;
use crate::source::http::{Misfit, most_items};
use crate::source::paged::Page;
use bytes::Bytes;

/// The member that numbers an event.
const ID: &str = "event_log_id";

/// Splits a response to a request for `asked` events. The slices share `body`.
///
/// # Errors
/// See [`EnvelopeFault`].
pub fn list(body: &Bytes, asked: u32) -> Result<Page, EnvelopeFault> {
    const EVENTS: &str = "event_logs";
    let shape = EnvelopeShape {
        items: EVENTS,
        others: ["total_entries"],
        most: most_items(asked),
    };
    let envelope = shape.split(body, |value| Some(item(body, value)))?;
    let [total] = envelope.others;
    Ok(Page {
        total: total.count()?,
        records: envelope.items.ok_or(EnvelopeFault::NoItems(EVENTS))?,
        bytes: body.len() as u64,
    })
}

fn item(body: &Bytes, value: JsonValue) -> Returned {
    Returned {
        is_record: value.kind == JsonKind::Object,
        ..Returned::record(body.slice(value.at..value.end))
    }
}

/// The event in a response to a request for the one with this id.
///
/// # Errors
/// What is not an event, or another one.
pub fn event(body: &Bytes, id: i64) -> Result<Returned, Misfit> {
    match json::check(body) {
        Ok(JsonKind::Object) => {}
        Ok(kind) => return Err(EnvelopeFault::NotAnObject(kind).into()),
        Err(fault) => {
            return Err(match body.trim_ascii_start().first() {
                None => EnvelopeFault::Empty,
                Some(b'<') => EnvelopeFault::Markup,
                Some(b'{') => fault.into(),
                Some(_) => EnvelopeFault::NotJson(fault),
            }
            .into());
        }
    }
    match id_of(body) {
        Some(found) if found == id => {}
        Some(found) => {
            let message = format!("the response to a request for event {id} is event {found}");
            return Err(Misfit::NotUnderstood(message));
        }
        None => return Err(EnvelopeFault::NoItems(ID).into()),
    }
    let event = body.trim_ascii();
    Ok(Returned::record(body.slice_ref(event)))
}

/// The id of an event, where it can be read.
pub fn id_of(event: &[u8]) -> Option<i64> {
    let [id] = json::named_in(event, [ID]);
    let id = id.filter(|id| id.kind == JsonKind::Number)?;
    id.verbatim(event).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[test]
    fn events_are_their_exact_bytes() {
        let event = "{ \"event_log_id\": 7,\n \"x\":[{}], \"extra\":\"{\\\"a\\\": 1}\"}";
        let body = bytes(&format!(
            "{{\"event_logs\":[{event}, 5],\"total_entries\":9,\"more\":[]}}"
        ));
        let page = list(&body, 2).unwrap();
        assert_eq!(page.total, Some(9));
        assert_eq!(page.records[0].record, event);
        assert_eq!(
            page.records
                .iter()
                .map(|it| it.is_record)
                .collect::<Vec<_>>(),
            [true, false]
        );
        assert_eq!(id_of(&page.records[0].record), Some(7));
        let alone = super::event(&bytes(&format!(" {event}\n")), 7).unwrap();
        assert_eq!(alone.record, event);
    }

    #[test]
    fn what_is_no_list() {
        let fault = |body: &str| list(&bytes(body), 1).unwrap_err().to_string();
        assert_eq!(fault("{\"total_entries\":1}"), "has no \"event_logs\"");
        assert_eq!(fault("<html>"), "is HTML or XML, not JSON");
        let three = "{\"event_logs\":[{},{},{}],\"total_entries\":1}";
        assert!(fault(three).starts_with("has more than 2 items"));
        let none = list(&bytes("{\"event_logs\":[],\"total_entries\":null}"), 1).unwrap();
        assert_eq!((none.total, none.records.len()), (None, 0));
    }

    #[test]
    fn what_is_not_the_event() {
        for (body, kind) in [
            ("", "cut"),
            ("{\"event_log_id\":7", "cut"),
            ("<html>", "foreign"),
            ("[]", "foreign"),
            ("ok", "foreign"),
            ("{\"detail\":\"x\"}", "foreign"),
            ("{\"event_log_id\":8}", "other"),
            ("{\"event_log_id\":7,}", "other"),
        ] {
            let found = match super::event(&bytes(body), 7) {
                Err(Misfit::CutOff(_)) => "cut",
                Err(Misfit::Foreign(_)) => "foreign",
                Err(_) => "other",
                Ok(_) => "event",
            };
            assert_eq!(found, kind, "{body}");
        }
    }
}
