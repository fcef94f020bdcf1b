//! Walking over the members of an object and the elements of an array.

use std::borrow::Cow;

use memchr::memchr;

use super::check::{self, KeyEnd, StringEnd};
use super::scan::after_space;
use super::skip;
use super::text::{DecodeError, decode, decode_inner};
use super::{Fault, FaultKind, Kind};

/// The key of a member, as it stands in the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The bytes between the quotes, escapes as written.
    pub raw: &'a [u8],
    /// Offset of the opening quote.
    pub at: usize,
    /// Offset of the value that belongs to it.
    pub value_at: usize,
    escaped: bool,
}

impl<'a> Key<'a> {
    /// The key's value: two keys are the same exactly where these bytes are. A key that is no
    /// Unicode text (a lone surrogate) stands for its own escaped bytes, so that it equals itself.
    #[inline]
    pub fn name(&self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        match decode_inner(self.raw) {
            Ok(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Err(_) => Cow::Borrowed(self.raw),
        }
    }
}

/// One member of an object, as it stands in the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The key.
    pub key: Key<'a>,
    /// The value's bytes, a string with its quotes.
    pub value: &'a [u8],
    /// What the value is.
    pub kind: Kind,
}

impl<'a> Member<'a> {
    /// The value as text.
    ///
    /// # Errors
    /// See [`decode`]; [`DecodeError::NotAString`] where it is a value of another kind.
    #[inline]
    pub fn text(&self) -> Result<Cow<'a, str>, DecodeError> {
        decode(self.value)
    }

    /// Offset after the value.
    #[inline]
    pub const fn end(&self) -> usize {
        self.key.value_at + self.value.len()
    }
}

/// One element of an array, as it stands in the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// The value's bytes, a string with its quotes.
    pub value: &'a [u8],
    /// Offset of the value.
    pub value_at: usize,
    /// What the value is.
    pub kind: Kind,
}

impl Element<'_> {
    /// Offset after the value.
    #[inline]
    pub const fn end(&self) -> usize {
        self.value_at + self.value.len()
    }
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Just after the opening bracket.
    Opened,
    /// Just after a value.
    Within,
    /// After the closing bracket, or after a fault.
    Over,
}

/// The members of one object, in their order, doubled keys included. After a fault it yields
/// nothing more. Where `CHECKED`, everything it passes must be well-formed; otherwise keys and values
/// are skipped by their brackets and quotes.
#[derive(Debug, Clone)]
pub struct Members<'a, const CHECKED: bool> {
    bytes: &'a [u8],
    at: usize,
    progress: Progress,
}

/// Walks over the object that begins at `at`, skipping values. Offsets count from the start of
/// `bytes`.
///
/// # Errors
/// Where no object begins at `at`.
pub fn members(bytes: &[u8], at: usize) -> Result<Members<'_, false>, Fault> {
    open(bytes, at, b'{', "an object")?;
    Ok(Members {
        bytes,
        at: at + 1,
        progress: Progress::Opened,
    })
}

/// Walks over the object that `bytes` are, white space around it aside, and checks everything it
/// passes: once the walk is over without a fault, `bytes` would pass [`check`](super::check). That
/// they are UTF-8 is checked first.
///
/// # Errors
/// [`FaultKind::NotUtf8`], or no object begins.
pub fn checked_members(bytes: &[u8]) -> Result<Members<'_, true>, Fault> {
    check::utf8(bytes)?;
    let at = after_space(bytes, 0);
    open(bytes, at, b'{', "an object")?;
    Ok(Members {
        bytes,
        at: at + 1,
        progress: Progress::Opened,
    })
}

impl<const CHECKED: bool> Members<'_, CHECKED> {
    /// Offset after the closing bracket, once the walk is over; before that, how far it has come.
    pub const fn offset(&self) -> usize {
        self.at
    }
}

impl Members<'_, true> {
    /// Walks over the members that are left and checks that nothing follows the object.
    ///
    /// # Errors
    /// The first fault.
    pub fn finish(mut self) -> Result<(), Fault> {
        for member in &mut self {
            member?;
        }
        check::nothing_after(self.bytes, self.at)
    }
}

impl<'a, const CHECKED: bool> Iterator for Members<'a, CHECKED> {
    type Item = Result<Member<'a>, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = next {
            self.progress = Progress::Over;
        }
        next
    }
}

impl<'a, const CHECKED: bool> Members<'a, CHECKED> {
    /// The next key, or `None` after the last member, without crossing its value. Whoever crosses
    /// the value another way goes on with [`Self::resume`].
    ///
    /// # Errors
    /// Where neither a key with its colon nor the end of the object stands.
    #[inline]
    pub fn next_key(&mut self) -> Result<Option<Key<'a>>, Fault> {
        let bytes = self.bytes;
        let Some(key_at) = next_at(bytes, &mut self.at, &mut self.progress, b'}')? else {
            return Ok(None);
        };
        let KeyEnd { string, value_at } = if CHECKED {
            check::key(bytes, key_at)?
        } else {
            skipped_key(bytes, key_at)?
        };
        self.at = value_at;
        Ok(Some(Key {
            raw: bytes.get(key_at + 1..string.end - 1).unwrap_or_default(),
            at: key_at,
            value_at,
            escaped: string.escaped,
        }))
    }

    /// Goes on after a value that ended at `end`.
    pub const fn resume(&mut self, end: usize) {
        self.at = end;
    }

    #[inline]
    fn advance(&mut self) -> Result<Option<Member<'a>>, Fault> {
        let Some(key) = self.next_key()? else {
            return Ok(None);
        };
        let (kind, end) = if CHECKED {
            check::value(self.bytes, key.value_at, 1)?
        } else {
            skip::value_end(self.bytes, key.value_at)?
        };
        self.resume(end);
        Ok(Some(Member {
            key,
            value: self.bytes.get(key.value_at..end).unwrap_or_default(),
            kind,
        }))
    }
}

/// The elements of one array, in their order. After a fault it yields nothing more.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    progress: Progress,
}

/// Walks over the array that begins at `at`, skipping values. Offsets count from the start of
/// `bytes`.
///
/// # Errors
/// Where no array begins at `at`.
pub fn elements(bytes: &[u8], at: usize) -> Result<Elements<'_>, Fault> {
    open(bytes, at, b'[', "an array")?;
    Ok(Elements {
        bytes,
        at: at + 1,
        progress: Progress::Opened,
    })
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = next {
            self.progress = Progress::Over;
        }
        next
    }
}

impl<'a> Elements<'a> {
    /// Offset after the closing bracket, once the walk is over; before that, how far it has come.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Where the next element begins, or `None` after the last, without crossing it. Whoever crosses
    /// it another way goes on with [`Self::resume`].
    ///
    /// # Errors
    /// Where neither an element nor the end of the array stands.
    pub fn next_at(&mut self) -> Result<Option<usize>, Fault> {
        next_at(self.bytes, &mut self.at, &mut self.progress, b']')
    }

    /// Goes on after an element that ended at `end`.
    pub const fn resume(&mut self, end: usize) {
        self.at = end;
    }

    fn advance(&mut self) -> Result<Option<Element<'a>>, Fault> {
        let Some(value_at) = self.next_at()? else {
            return Ok(None);
        };
        let (kind, end) = skip::value_end(self.bytes, value_at)?;
        self.resume(end);
        Ok(Some(Element {
            value: self.bytes.get(value_at..end).unwrap_or_default(),
            value_at,
            kind,
        }))
    }
}

/// Checks that `bracket` stands at `at`.
fn open(bytes: &[u8], at: usize, bracket: u8, what: &'static str) -> Result<(), Fault> {
    match bytes.get(at) {
        Some(&byte) if byte == bracket => Ok(()),
        Some(_) => Err(FaultKind::Expected(what).at(at)),
        None => Err(FaultKind::Ended.at(at)),
    }
}

/// Where the next member or element begins, or `None` where `close` ends the walk.
#[inline]
fn next_at(
    bytes: &[u8],
    at: &mut usize,
    progress: &mut Progress,
    close: u8,
) -> Result<Option<usize>, Fault> {
    if *progress == Progress::Over {
        return Ok(None);
    }
    let next = after_space(bytes, *at);
    match (bytes.get(next), *progress) {
        (None, _) => Err(FaultKind::Ended.at(next)),
        (Some(&byte), _) if byte == close => {
            *progress = Progress::Over;
            *at = next + 1;
            Ok(None)
        }
        (Some(_), Progress::Opened) => {
            *progress = Progress::Within;
            Ok(Some(next))
        }
        (Some(b','), _) => Ok(Some(after_space(bytes, next + 1))),
        (Some(_), _) if close == b'}' => Err(FaultKind::Expected("a comma or }").at(next)),
        (Some(_), _) => Err(FaultKind::Expected("a comma or ]").at(next)),
    }
}

/// The key at `at` and where its value begins, in bytes that are not judged.
#[inline]
fn skipped_key(bytes: &[u8], at: usize) -> Result<KeyEnd, Fault> {
    match bytes.get(at) {
        Some(b'"') => {}
        Some(_) => return Err(FaultKind::Expected("a key").at(at)),
        None => return Err(FaultKind::Ended.at(at)),
    }
    let end = skip::string_end(bytes, at + 1).ok_or(FaultKind::Ended.at(bytes.len()))?;
    let escaped = memchr(b'\\', bytes.get(at..end).unwrap_or_default()).is_some();
    let value_at = check::after_colon(bytes, end)?;
    let string = StringEnd { end, escaped };
    Ok(KeyEnd { string, value_at })
}
