//! From a JSON string to the text it stands for.

use memchr::memchr;
use std::borrow::Cow;

/// Why a JSON string is not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// An escaped surrogate stands without its other half, so the string is no Unicode text.
    #[error("an escaped surrogate stands alone")]
    LoneSurrogate,
    /// It is not a string in quotes, or an escape in it is unknown.
    #[error("not a JSON string")]
    NotAString,
}

/// The text of a JSON string given with its quotes; borrowed unless it has escapes.
///
/// Unescaped control characters pass: refusing them is the task of [`check`](super::check).
///
/// # Errors
/// See [`DecodeError`]. A lone surrogate is never replaced by another character.
pub fn decode(string: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    match string {
        [b'"', inner @ .., b'"'] => decode_inner(inner),
        _ => Err(DecodeError::NotAString),
    }
}

/// The same for what is between the quotes.
#[inline]
pub(super) fn decode_inner(inner: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    let text = std::str::from_utf8(inner).map_err(|_| DecodeError::NotUtf8)?;
    match memchr(b'\\', inner) {
        None => Ok(Cow::Borrowed(text)),
        Some(_) => unescape(text).map(Cow::Owned),
    }
}

/// The text that the inside of a string with escapes stands for.
pub(super) fn unescape(text: &str) -> Result<String, DecodeError> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        decoded.push_str(plain);
        let mut after = escape.chars();
        let character = match after.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, remaining) = unicode(after.as_str())?;
                decoded.push(character);
                rest = remaining;
                continue;
            }
            _ => return Err(DecodeError::NotAString),
        };
        decoded.push(character);
        rest = after.as_str();
    }
    decoded.push_str(rest);
    Ok(decoded)
}

/// The character whose hexadecimal digits begin `text`, and what comes after it.
fn unicode(text: &str) -> Result<(char, &str), DecodeError> {
    let (unit, rest) = code_unit(text)?;
    if let Some(character) = char::from_u32(unit) {
        return Ok((character, rest));
    }
    let low = rest.strip_prefix("\\u").map(code_unit).transpose()?;
    match (unit, low) {
        (0xd800..=0xdbff, Some((low @ 0xdc00..=0xdfff, rest))) => {
            let scalar = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            let character = char::from_u32(scalar).ok_or(DecodeError::LoneSurrogate)?;
            Ok((character, rest))
        }
        _ => Err(DecodeError::LoneSurrogate),
    }
}

/// The UTF-16 code unit whose four hexadecimal digits begin `text`, and what comes after it.
fn code_unit(text: &str) -> Result<(u32, &str), DecodeError> {
    let (digits, rest) = text.split_at_checked(4).ok_or(DecodeError::NotAString)?;
    let mut unit = 0;
    for digit in digits.chars() {
        unit = unit << 4 | digit.to_digit(16).ok_or(DecodeError::NotAString)?;
    }
    Ok((unit, rest))
}
