//! What mappings ask of the values of a record, whatever its platform.

use super::{JsonKind, JsonText, JsonValue};
use std::borrow::Cow;

/// Where the value of a document begins, after white space.
pub fn start(document: &[u8]) -> usize {
    document
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
        .count()
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
