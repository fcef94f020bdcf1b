//! What mappings ask of the values of a record, whatever its platform.

use super::{JsonKind, JsonText, JsonValue, members};
use std::borrow::Cow;

/// Where the value of a document begins, after white space.
pub fn start(document: &[u8]) -> usize {
    document
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
        .count()
}

/// The members of an object by their names, as far as it can be read; of doubled keys the first. `None` where
/// `object` is no object of `source`.
pub fn named<const N: usize>(
    source: &[u8],
    object: Option<JsonValue>,
    names: [&str; N],
) -> [Option<JsonValue>; N] {
    object.map_or([None; N], |object| named_at(source, object.at, names))
}

/// The same of the object that a document is.
pub fn named_in<const N: usize>(document: &[u8], names: [&str; N]) -> [Option<JsonValue>; N] {
    named_at(document, start(document), names)
}

fn named_at<const N: usize>(source: &[u8], at: usize, names: [&str; N]) -> [Option<JsonValue>; N] {
    let mut found = [None; N];
    let members = members(source, at).into_iter().flatten();
    for member in members.map_while(Result::ok) {
        let name = member.key.name();
        let at = names.iter().position(|known| known.as_bytes() == &*name);
        if let Some(slot) = at.and_then(|at| found.get_mut(at)) {
            slot.get_or_insert(member.value);
            if found.iter().all(Option::is_some) {
                break;
            }
        }
    }
    found
}

/// A value that is there and not null.
pub fn present(value: Option<JsonValue>) -> Option<JsonValue> {
    value.filter(|value| value.kind != JsonKind::Null)
}

/// The text of a value, if it is text.
#[inline]
pub fn text<'a>(value: Option<JsonValue>, source: impl JsonText<'a>) -> Option<Cow<'a, str>> {
    value?.text(source).ok()
}

/// The value as written.
pub fn verbatim<'a>(value: JsonValue, source: impl JsonText<'a>) -> Option<Cow<'a, str>> {
    value.verbatim(source).ok().map(Cow::Borrowed)
}

/// The text of a value, or its number as written.
pub fn text_or_number<'a>(
    value: Option<JsonValue>,
    source: impl JsonText<'a>,
) -> Option<Cow<'a, str>> {
    match value?.kind {
        JsonKind::Number => verbatim(value?, source),
        JsonKind::Object
        | JsonKind::Array
        | JsonKind::Text
        | JsonKind::True
        | JsonKind::False
        | JsonKind::Null => text(value, source),
    }
}
