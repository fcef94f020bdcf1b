//! Crossing a value without judging it.

use memchr::memchr2;

use super::value::{JsonValue, StringEnd};
use super::{FaultKind, JsonFault, JsonKind};

/// The kind of the value that begins at `at`, and the offset after its end.
///
/// Only quotes, backslashes and brackets are looked at; a number or a literal ends at the next
/// white space, comma or closing bracket. Any depth, no allocation.
///
/// # Errors
/// [`FaultKind::Ended`] where the bytes end first, [`FaultKind::Expected`] where no value begins.
pub fn value_end(bytes: &[u8], at: usize) -> Result<(JsonKind, usize), JsonFault> {
    value(bytes, at).map(|value| (value.kind, value.end))
}

/// The value that begins at `at`, crossed as by [`value_end`].
///
/// # Errors
/// As [`value_end`].
pub fn value_at(bytes: &[u8], at: usize) -> Result<JsonValue, JsonFault> {
    value(bytes, at)
}

/// The value that begins at `at`.
#[inline(always)]
pub(super) fn value(bytes: &[u8], at: usize) -> Result<JsonValue, JsonFault> {
    let &first = bytes.get(at).ok_or(FaultKind::Ended.at(at))?;
    let kind = JsonKind::of(first).ok_or(FaultKind::Expected("a value").at(at))?;
    let (end, escaped) = match kind {
        JsonKind::Text => {
            let string = string(bytes, at + 1)?;
            (string.end, string.escaped)
        }
        JsonKind::Object | JsonKind::Array => {
            let end = container_end(bytes, at);
            (end.ok_or(FaultKind::Ended.at(bytes.len()))?, false)
        }
        JsonKind::Number | JsonKind::True | JsonKind::False | JsonKind::Null => {
            (bare_end(bytes, at), false)
        }
    };
    Ok(JsonValue {
        kind,
        at,
        end,
        escaped,
    })
}

/// Where the string ends whose content begins at `from`.
#[inline(always)]
pub(super) fn string(bytes: &[u8], from: usize) -> Result<StringEnd, JsonFault> {
    string_end(bytes, from).ok_or(FaultKind::Ended.at(bytes.len()))
}

#[inline]
fn string_end(bytes: &[u8], from: usize) -> Option<StringEnd> {
    let mut escaped = false;
    let mut at = from;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            let end = at + 1;
            return Some(StringEnd { end, escaped });
        }
        escaped = true;
        at += 2;
    }
}

/// The offset after the bracket that closes the one at `from`. Strings are what most of a record
/// consists of, and they are jumped over.
fn container_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = from;
    loop {
        let &byte = bytes.get(at)?;
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at)?.end,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
}

/// The offset after the number or literal at `from`.
fn bare_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
    from + length.unwrap_or(rest.len())
}
