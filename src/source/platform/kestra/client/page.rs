//! Taking a response of Kestra's audit-log search apart without touching a byte of it.
//!
//! A response is `{"results": [{"auditLog": {…}, "user": {…}}, …], "total": 5}`, an
//! [envelope](EnvelopeShape). The record is the `auditLog` object's exact bytes.

use crate::event::json::{self, EnvelopeFault, EnvelopeShape, JsonFault, JsonKind, JsonValue};
use crate::source::Returned;
use crate::source::http::most_items;
use crate::source::paged::Page;
use bytes::Bytes;

/// Splits a response to a request for `asked` rows into its records, in the order served. The slices
/// share `body`.
///
/// An item without an `auditLog` object is returned whole, with
/// [`is_record`](Returned::is_record) false.
///
/// # Errors
/// See [`EnvelopeFault`].
pub fn parse(body: &Bytes, asked: u32) -> Result<Page, EnvelopeFault> {
    const RESULTS: &str = "results";
    let shape = EnvelopeShape {
        items: RESULTS,
        others: ["total"],
        most: most_items(asked),
    };
    let envelope = shape.split_with(body, |at| item(body, at))?;
    let [total] = envelope.others;
    Ok(Page {
        total: total.count()?,
        records: envelope.items.ok_or(EnvelopeFault::NoItems(RESULTS))?,
        bytes: body.len() as u64,
    })
}

/// The item at `at`, and the offset after it.
fn item(body: &Bytes, at: usize) -> Result<(Option<Returned>, usize), JsonFault> {
    match record(body, at) {
        Ok((Some(record), end)) => Ok((Some(record), end)),
        Ok((None, _)) | Err(_) => {
            // Its members may be broken, but its brackets still say where it ends.
            let (_, end) = json::value_end(body, at)?;
            let whole = Returned {
                is_record: false,
                ..Returned::record(body.slice(at..end))
            };
            Ok((Some(whole), end))
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
