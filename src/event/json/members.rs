//! Walking over the members of an object and the elements of an array.
//!
//! Keys and values are places in the bytes, a few words each: nothing is copied, and what nobody
//! asks for is not looked at.

use std::borrow::Cow;

use super::check::{self, Checker, KeyEnd};
use super::scan::after_space;
use super::skip;
use super::text::decode_inner;
use super::value::JsonValue;
use super::{FaultKind, JsonFault, JsonKind, MAX_DEPTH};

/// The key of a member, as it stands in the bytes.
#[derive(Debug, Clone, Copy)]
pub struct MemberKey<'a> {
    /// The bytes between the quotes, escapes as written.
    pub raw: &'a [u8],
    /// Offset of the opening quote.
    pub at: usize,
    /// Offset of the value that belongs to it.
    pub value_at: usize,
    escaped: bool,
}

impl<'a> MemberKey<'a> {
    /// The key's value: two keys are the same exactly where these bytes are. A key that is no
    /// Unicode text (a lone surrogate) stands for its own escaped bytes, so that it equals itself.
    #[inline(always)]
    pub fn name(&self) -> Cow<'a, [u8]> {
        if self.escaped {
            self.decoded()
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    #[cold]
    fn decoded(&self) -> Cow<'a, [u8]> {
        match decode_inner(self.raw) {
            Ok(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Err(_) => Cow::Borrowed(self.raw),
        }
    }
}

/// One member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its key.
    pub key: MemberKey<'a>,
    /// Its value.
    pub value: JsonValue,
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MembersProgress {
    /// Just after the opening bracket.
    Opened,
    /// Just after a value.
    Within,
    /// After the closing bracket, or after a fault.
    Over,
}

/// The members of one object, in their order, doubled keys included. After a fault it yields
/// nothing more. A walk either skips keys and values by their brackets and quotes, or checks them.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    bytes: &'a [u8],
    /// Present where everything that is passed must be well-formed.
    checker: Option<Checker<'a>>,
    /// How many levels deep the values stand.
    depth: usize,
    at: usize,
    progress: MembersProgress,
}

/// Walks over the object that begins at `at`, skipping values. Offsets count from the start of
/// `bytes`.
///
/// # Errors
/// Where no object begins at `at`.
pub fn members(bytes: &[u8], at: usize) -> Result<Members<'_>, JsonFault> {
    open(bytes, at, b'{', "an object")?;
    Ok(Members {
        bytes,
        checker: None,
        depth: 1,
        at: at + 1,
        progress: MembersProgress::Opened,
    })
}

/// Walks over the object that `text` is, white space around it aside, and checks everything it
/// passes: once it is [finished](Members::finish) without a fault, `text` would pass
/// [`check`](super::check).
///
/// # Errors
/// Where no object begins.
pub fn checked_members(text: &str) -> Result<Members<'_>, JsonFault> {
    let bytes = text.as_bytes();
    let members = members(bytes, after_space(bytes, 0))?;
    Ok(Members {
        checker: Some(Checker::new(bytes)),
        ..members
    })
}

/// The key that begins at `at`, as a walk over its object has found it; its value is not crossed.
///
/// # Errors
/// Where no key begins at `at`.
pub fn key_at(bytes: &[u8], at: usize) -> Result<MemberKey<'_>, JsonFault> {
    Ok(key(bytes, at, &skipped_key(bytes, at)?))
}

#[inline(always)]
fn key<'a>(bytes: &'a [u8], at: usize, end: &KeyEnd) -> MemberKey<'a> {
    let KeyEnd { string, value_at } = end;
    MemberKey {
        raw: bytes.get(at + 1..string.end - 1).unwrap_or_default(),
        at,
        value_at: *value_at,
        escaped: string.escaped,
    }
}

impl<'a> Members<'a> {
    /// Offset after the closing bracket, once the walk is over; before that, how far it has come.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Walks over the members that are left and checks that nothing follows the object.
    ///
    /// # Errors
    /// The first fault.
    pub fn finish(mut self) -> Result<(), JsonFault> {
        for member in &mut self {
            member?;
        }
        check::nothing_after(self.bytes, self.at)
    }

    /// The next key, or `None` after the last member, without crossing its value: that is for
    /// [`Self::cross`], or for [`Self::resume`] where it was crossed another way.
    ///
    /// # Errors
    /// Where neither a key with its colon nor the end of the object stands.
    #[inline(always)]
    pub fn next_key(&mut self) -> Result<Option<MemberKey<'a>>, JsonFault> {
        let bytes = self.bytes;
        let Some(at) = next_at(bytes, &mut self.at, &mut self.progress, b'}')? else {
            return Ok(None);
        };
        let end = match &self.checker {
            Some(checker) => checker.key(at)?,
            None => skipped_key(bytes, at)?,
        };
        self.at = end.value_at;
        Ok(Some(key(bytes, at, &end)))
    }

    /// The value that belongs to the key that came last.
    ///
    /// # Errors
    /// Where no value stands, or in a checked walk where it is not well-formed.
    #[inline(always)]
    pub fn cross(&mut self) -> Result<JsonValue, JsonFault> {
        let value = match &self.checker {
            Some(checker) => checker.value(self.at, self.depth)?,
            None => skip::value(self.bytes, self.at)?,
        };
        self.at = value.end;
        Ok(value)
    }

    /// [`Self::cross`], which shows the members of the value on the way, where it is an object.
    ///
    /// # Errors
    /// As for [`Self::cross`]; and where in a walk that skips the members do not follow each other.
    #[inline]
    pub fn cross_visiting(
        &mut self,
        mut visit: impl FnMut(MemberKey<'a>, JsonValue),
    ) -> Result<JsonValue, JsonFault> {
        let at = self.at;
        if self.bytes.get(at) != Some(&b'{') {
            return self.cross();
        }
        if self.checker.is_some() && self.depth >= MAX_DEPTH {
            return Err(FaultKind::TooDeep.at(at));
        }
        let mut inner = Self {
            at: at + 1,
            depth: self.depth + 1,
            progress: MembersProgress::Opened,
            ..*self
        };
        while let Some(key) = inner.next_key()? {
            visit(key, inner.cross()?);
        }
        self.at = inner.at;
        Ok(JsonValue {
            kind: JsonKind::Object,
            at,
            end: self.at,
            escaped: false,
        })
    }

    /// Goes on after a value that ended at `end`.
    pub const fn resume(&mut self, end: usize) {
        self.at = end;
    }

    #[inline(always)]
    fn advance(&mut self) -> Result<Option<Member<'a>>, JsonFault> {
        let Some(key) = self.next_key()? else {
            return Ok(None);
        };
        let value = self.cross()?;
        Ok(Some(Member { key, value }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, JsonFault>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = next {
            self.progress = MembersProgress::Over;
        }
        next
    }
}

/// The elements of one array, in their order. After a fault it yields nothing more.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    progress: MembersProgress,
}

/// Walks over the array that begins at `at`, skipping values. Offsets count from the start of
/// `bytes`.
///
/// # Errors
/// Where no array begins at `at`.
pub fn elements(bytes: &[u8], at: usize) -> Result<Elements<'_>, JsonFault> {
    open(bytes, at, b'[', "an array")?;
    Ok(Elements {
        bytes,
        at: at + 1,
        progress: MembersProgress::Opened,
    })
}

impl Elements<'_> {
    /// Offset after the closing bracket, once the walk is over; before that, how far it has come.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Where the next element begins, or `None` after the last, without crossing it. Whoever crosses
    /// it another way goes on with [`Self::resume`].
    ///
    /// # Errors
    /// Where neither an element nor the end of the array stands.
    pub fn next_at(&mut self) -> Result<Option<usize>, JsonFault> {
        next_at(self.bytes, &mut self.at, &mut self.progress, b']')
    }

    /// Goes on after an element that ended at `end`.
    pub const fn resume(&mut self, end: usize) {
        self.at = end;
    }

    fn advance(&mut self) -> Result<Option<JsonValue>, JsonFault> {
        let Some(at) = self.next_at()? else {
            return Ok(None);
        };
        let value = skip::value(self.bytes, at)?;
        self.resume(value.end);
        Ok(Some(value))
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<JsonValue, JsonFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = next {
            self.progress = MembersProgress::Over;
        }
        next
    }
}

/// Checks that `bracket` stands at `at`.
fn open(bytes: &[u8], at: usize, bracket: u8, what: &'static str) -> Result<(), JsonFault> {
    match bytes.get(at) {
        Some(&byte) if byte == bracket => Ok(()),
        Some(_) => Err(FaultKind::Expected(what).at(at)),
        None => Err(FaultKind::Ended.at(at)),
    }
}

/// Where the next member or element begins, or `None` where `close` ends the walk.
#[inline(always)]
fn next_at(
    bytes: &[u8],
    at: &mut usize,
    progress: &mut MembersProgress,
    close: u8,
) -> Result<Option<usize>, JsonFault> {
    if *progress == MembersProgress::Over {
        return Ok(None);
    }
    let next = after_space(bytes, *at);
    match (bytes.get(next), *progress) {
        (None, _) => Err(FaultKind::Ended.at(next)),
        (Some(&byte), _) if byte == close => {
            *progress = MembersProgress::Over;
            *at = next + 1;
            Ok(None)
        }
        (Some(_), MembersProgress::Opened) => {
            *progress = MembersProgress::Within;
            Ok(Some(next))
        }
        (Some(b','), _) => Ok(Some(after_space(bytes, next + 1))),
        (Some(_), _) if close == b'}' => Err(FaultKind::Expected("a comma or }").at(next)),
        (Some(_), _) => Err(FaultKind::Expected("a comma or ]").at(next)),
    }
}

/// The key at `at` and where its value begins, in bytes that are not judged.
#[inline(always)]
fn skipped_key(bytes: &[u8], at: usize) -> Result<KeyEnd, JsonFault> {
    match bytes.get(at) {
        Some(b'"') => {}
        Some(_) => return Err(FaultKind::Expected("a key").at(at)),
        None => return Err(FaultKind::Ended.at(at)),
    }
    let string = skip::string(bytes, at + 1)?;
    let value_at = check::after_colon(bytes, string.end)?;
    Ok(KeyEnd { string, value_at })
}
