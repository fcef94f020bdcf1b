//! Whether bytes are exactly one JSON text of RFC 8259.

use super::scan::{after_space, has_controls};
use super::skip;
use super::value::{JsonValue, StringEnd};
use super::{FaultKind, JsonFault, JsonKind, MAX_DEPTH};

/// Checks that `bytes` are one JSON value with nothing but white space around it: UTF-8, the
/// grammar of RFC 8259, at most [`MAX_DEPTH`] levels. A surrogate may stand alone in an escape,
/// since the grammar allows it; only [`decode`](super::decode) refuses it.
///
/// # Errors
/// The first fault. [`FaultKind::NotUtf8`] comes before any other.
pub fn check(bytes: &[u8]) -> Result<JsonKind, JsonFault> {
    utf8(bytes)?;
    let value = Checker::new(bytes).value(after_space(bytes, 0), 0)?;
    nothing_after(bytes, value.end)?;
    Ok(value.kind)
}

/// The text that `bytes` are.
///
/// # Errors
/// [`FaultKind::NotUtf8`].
pub fn utf8(bytes: &[u8]) -> Result<&str, JsonFault> {
    std::str::from_utf8(bytes).map_err(|error| FaultKind::NotUtf8.at(error.valid_up_to()))
}

/// Checks that only white space follows `at`.
pub(super) fn nothing_after(bytes: &[u8], at: usize) -> Result<(), JsonFault> {
    let at = after_space(bytes, at);
    if at == bytes.len() {
        Ok(())
    } else {
        Err(FaultKind::Trailing.at(at))
    }
}

/// The open brackets, one bit each.
struct Nesting {
    objects: [u64; MAX_DEPTH.div_ceil(64)],
    outer: usize,
    depth: usize,
}

impl Nesting {
    const fn inside(outer: usize) -> Self {
        Self {
            objects: [0; MAX_DEPTH.div_ceil(64)],
            outer,
            depth: outer,
        }
    }

    /// Opens a bracket at `at`.
    #[inline]
    fn open(&mut self, object: bool, at: usize) -> Result<(), JsonFault> {
        if self.depth >= MAX_DEPTH {
            return Err(FaultKind::TooDeep.at(at));
        }
        if let Some(bits) = self.objects.get_mut(self.depth / 64) {
            let bit = 1 << (self.depth % 64);
            *bits = if object { *bits | bit } else { *bits & !bit };
        }
        self.depth += 1;
        Ok(())
    }

    /// Closes the innermost bracket.
    #[inline]
    const fn close(&mut self) {
        self.depth -= 1;
    }

    /// The innermost open bracket: whether it is an object's, or `None` at the outermost level.
    #[inline]
    fn innermost(&self) -> Option<bool> {
        if self.depth == self.outer {
            return None;
        }
        let last = self.depth - 1;
        let bits = self.objects.get(last / 64)?;
        Some(bits >> (last % 64) & 1 == 1)
    }
}

/// Checks values within some bytes that are known to be UTF-8.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checker<'a> {
    bytes: &'a [u8],
    /// Whether there are control characters at all. Mostly there are none, and then it need not be
    /// looked for them in each string.
    controls: bool,
}

impl<'a> Checker<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let controls = has_controls(bytes);
        Self { bytes, controls }
    }

    /// Checks the value at `at`, which stands `outer` levels deep.
    #[inline(always)]
    pub(super) fn value(&self, at: usize, outer: usize) -> Result<JsonValue, JsonFault> {
        let &first = self.bytes.get(at).ok_or(FaultKind::Ended.at(at))?;
        let (kind, end, escaped) = match first {
            b'"' => {
                let string = self.string(at + 1)?;
                (JsonKind::Text, string.end, string.escaped)
            }
            b'{' => (JsonKind::Object, self.container(at, outer)?, false),
            b'[' => (JsonKind::Array, self.container(at, outer)?, false),
            _ => {
                let (kind, end) = scalar(self.bytes, at, first)?;
                (kind, end, false)
            }
        };
        Ok(JsonValue {
            kind,
            at,
            end,
            escaped,
        })
    }

    /// Checks the object or array at `at`; returns the offset after it.
    fn container(&self, mut at: usize, outer: usize) -> Result<usize, JsonFault> {
        let bytes = self.bytes;
        let mut nesting = Nesting::inside(outer);
        loop {
            let &first = bytes.get(at).ok_or(FaultKind::Ended.at(at))?;
            match first {
                b'"' => at = self.string(at + 1)?.end,
                b'{' => {
                    nesting.open(true, at)?;
                    at = after_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b'}') {
                        at = self.key(at)?.value_at;
                        continue;
                    }
                    nesting.close();
                    at += 1;
                }
                b'[' => {
                    nesting.open(false, at)?;
                    at = after_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b']') {
                        continue;
                    }
                    nesting.close();
                    at += 1;
                }
                _ => at = scalar(bytes, at, first)?.1,
            }
            // A value has ended: close what it was the last of, then go to the next.
            loop {
                let Some(object) = nesting.innermost() else {
                    return Ok(at);
                };
                at = after_space(bytes, at);
                match (bytes.get(at), object) {
                    (Some(b','), true) => {
                        at = self.key(after_space(bytes, at + 1))?.value_at;
                        break;
                    }
                    (Some(b','), false) => {
                        at = after_space(bytes, at + 1);
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        nesting.close();
                        at += 1;
                    }
                    (Some(_), true) => return Err(FaultKind::Expected("a comma or }").at(at)),
                    (Some(_), false) => return Err(FaultKind::Expected("a comma or ]").at(at)),
                    (None, _) => return Err(FaultKind::Ended.at(at)),
                }
            }
        }
    }

    /// Checks the key at `at` and the colon after it.
    #[inline(always)]
    pub(super) fn key(&self, at: usize) -> Result<KeyEnd, JsonFault> {
        match self.bytes.get(at) {
            Some(b'"') => {
                let string = self.string(at + 1)?;
                let value_at = after_colon(self.bytes, string.end)?;
                Ok(KeyEnd { string, value_at })
            }
            Some(_) => Err(FaultKind::Expected("a key").at(at)),
            None => Err(FaultKind::Ended.at(at)),
        }
    }

    /// Checks the string whose content begins at `from`.
    #[inline(always)]
    fn string(&self, from: usize) -> Result<StringEnd, JsonFault> {
        let Ok(string) = skip::string(self.bytes, from) else {
            return Err(self.unended_string(from));
        };
        if string.escaped || self.controls {
            self.string_content(from, string.end - 1)?;
        }
        Ok(string)
    }

    /// Looks through a string byte by byte, for what can be wrong in it.
    fn string_content(&self, from: usize, to: usize) -> Result<(), JsonFault> {
        let mut at = from;
        while at < to {
            match self.bytes.get(at) {
                Some(b'\\') => at = escape(self.bytes, at)?,
                Some(0..=0x1f) => return Err(FaultKind::ControlCharacter.at(at)),
                _ => at += 1,
            }
        }
        Ok(())
    }

    /// What is wrong with a string that does not end.
    fn unended_string(&self, from: usize) -> JsonFault {
        match self.string_content(from, self.bytes.len()) {
            Ok(()) => FaultKind::Ended.at(self.bytes.len()),
            Err(fault) => fault,
        }
    }
}

/// A member up to where its value begins.
pub(super) struct KeyEnd {
    /// The key's own end, after the quote.
    pub(super) string: StringEnd,
    /// Where the value begins.
    pub(super) value_at: usize,
}

/// Where the value begins, for a key that ends at `at`.
#[inline(always)]
pub(super) fn after_colon(bytes: &[u8], at: usize) -> Result<usize, JsonFault> {
    let at = after_space(bytes, at);
    match bytes.get(at) {
        Some(b':') => Ok(after_space(bytes, at + 1)),
        Some(_) => Err(FaultKind::Expected("a colon").at(at)),
        None => Err(FaultKind::Ended.at(at)),
    }
}

/// Checks the escape whose backslash is at `at`; returns the offset after it.
fn escape(bytes: &[u8], at: usize) -> Result<usize, JsonFault> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = bytes.get(at + 2..).unwrap_or_default();
            for digit in digits.iter().take(4) {
                if !digit.is_ascii_hexdigit() {
                    return Err(FaultKind::BadEscape.at(at));
                }
            }
            if digits.len() < 4 {
                return Err(FaultKind::Ended.at(bytes.len()));
            }
            Ok(at + 6)
        }
        Some(_) => Err(FaultKind::BadEscape.at(at)),
        None => Err(FaultKind::Ended.at(bytes.len())),
    }
}

/// Checks the number or literal at `at`, whose first byte is `first`.
fn scalar(bytes: &[u8], at: usize, first: u8) -> Result<(JsonKind, usize), JsonFault> {
    match first {
        b'-' | b'0'..=b'9' => Ok((JsonKind::Number, number(bytes, at)?)),
        b't' => Ok((JsonKind::True, literal(bytes, at, b"true")?)),
        b'f' => Ok((JsonKind::False, literal(bytes, at, b"false")?)),
        b'n' => Ok((JsonKind::Null, literal(bytes, at, b"null")?)),
        _ => Err(FaultKind::Expected("a value").at(at)),
    }
}

fn literal(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, JsonFault> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(word) {
        Ok(at + word.len())
    } else if word.starts_with(rest) {
        Err(FaultKind::Ended.at(bytes.len()))
    } else {
        Err(FaultKind::Expected("a value").at(at))
    }
}

fn number(bytes: &[u8], at: usize) -> Result<usize, JsonFault> {
    let mut at = at;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    // A leading zero stands alone: what follows it must not be a digit.
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// The offset after the one or more digits at `at`.
fn digits(bytes: &[u8], at: usize) -> Result<usize, JsonFault> {
    let rest = bytes.get(at..).unwrap_or_default();
    let count = rest
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(rest.len());
    match (count, rest.is_empty()) {
        (0, true) => Err(FaultKind::Ended.at(at)),
        (0, false) => Err(FaultKind::Expected("a digit").at(at)),
        _ => Ok(at + count),
    }
}
