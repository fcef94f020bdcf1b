//! A value and a string as places in the bytes: what every walk over them hands out.

use std::borrow::Cow;

use super::JsonKind;
use super::text::{DecodeError, unescape};

/// What values are read from: bytes, or bytes that are known to be UTF-8.
pub trait JsonText<'a>: Copy {
    /// The part of it from one offset to another.
    ///
    /// # Errors
    /// [`DecodeError::NotUtf8`]; [`DecodeError::NotAString`] where there is no such part.
    fn part(self, from: usize, to: usize) -> Result<&'a str, DecodeError>;
}

impl<'a> JsonText<'a> for &'a str {
    #[inline]
    fn part(self, from: usize, to: usize) -> Result<&'a str, DecodeError> {
        self.get(from..to).ok_or(DecodeError::NotAString)
    }
}

impl<'a> JsonText<'a> for &'a [u8] {
    #[inline]
    fn part(self, from: usize, to: usize) -> Result<&'a str, DecodeError> {
        let bytes = self.get(from..to).ok_or(DecodeError::NotAString)?;
        std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
    }
}

/// A value, as it stands in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonValue {
    /// What it is.
    pub kind: JsonKind,
    /// Offset of its first byte.
    pub at: usize,
    /// Offset after its last byte.
    pub end: usize,
    /// Whether it is a string with an escape.
    pub(super) escaped: bool,
}

impl JsonValue {
    /// Its bytes, a string with its quotes. `source` is what was walked over.
    #[inline]
    pub fn bytes<'a>(&self, source: &'a [u8]) -> &'a [u8] {
        source.get(self.at..self.end).unwrap_or_default()
    }

    /// The value as it is written.
    ///
    /// # Errors
    /// [`DecodeError::NotUtf8`].
    #[inline]
    pub fn verbatim<'a>(&self, source: impl JsonText<'a>) -> Result<&'a str, DecodeError> {
        source.part(self.at, self.end)
    }

    /// The value as text; borrowed unless it has escapes.
    ///
    /// # Errors
    /// See [`decode`](super::decode); [`DecodeError::NotAString`] where it is a value of another
    /// kind.
    #[inline]
    pub fn text<'a>(&self, source: impl JsonText<'a>) -> Result<Cow<'a, str>, DecodeError> {
        if self.kind != JsonKind::Text {
            return Err(DecodeError::NotAString);
        }
        let inner = source.part(self.at + 1, self.end - 1)?;
        if self.escaped {
            unescape(inner).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(inner))
        }
    }
}

/// Where a string ends.
#[derive(Clone, Copy)]
pub(super) struct StringEnd {
    /// The offset after the closing quote.
    pub(super) end: usize,
    /// Whether it has an escape, so that its bytes are not its value.
    pub(super) escaped: bool,
}
