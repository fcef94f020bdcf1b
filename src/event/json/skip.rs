//! Crossing a value without judging it.

use memchr::memchr2;

use super::scan::{before_quote, word};
use super::{Fault, FaultKind, Kind};

/// Strings that are longer than this are left to `memchr`, whose start costs more than a short
/// string is long.
const LONG: usize = 64;

/// The kind of the value that begins at `at`, and the offset after its end.
///
/// Only quotes, backslashes and brackets are looked at; a number or a literal ends at the next
/// white space, comma or closing bracket. Any depth, no allocation.
///
/// # Errors
/// [`FaultKind::Ended`] where the bytes end first, [`FaultKind::Expected`] where no value begins.
pub fn value_end(bytes: &[u8], at: usize) -> Result<(Kind, usize), Fault> {
    let &first = bytes.get(at).ok_or(FaultKind::Ended.at(at))?;
    let kind = Kind::of(first).ok_or(FaultKind::Expected("a value").at(at))?;
    let end = match kind {
        Kind::Text => string_end(bytes, at + 1),
        Kind::Object | Kind::Array => container_end(bytes, at),
        Kind::Number | Kind::True | Kind::False | Kind::Null => Some(bare_end(bytes, at)),
    };
    match end {
        Some(end) => Ok((kind, end)),
        None => Err(FaultKind::Ended.at(bytes.len())),
    }
}

/// The offset after the closing quote of the string whose content begins at `from`.
#[inline]
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match word(bytes, at) {
            Some(word) => {
                let step = before_quote(word);
                at += step;
                if step == 8 {
                    if at - from >= LONG {
                        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
                    } else {
                        continue;
                    }
                }
            }
            None => {
                let rest = bytes.get(at..)?;
                at += rest.iter().position(|b| matches!(b, b'"' | b'\\'))?;
            }
        }
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The offset after the bracket that closes the one at `from`.
fn container_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = from;
    loop {
        let &byte = bytes.get(at)?;
        at += 1;
        match byte {
            b'"' => at = string_end(bytes, at)?,
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
