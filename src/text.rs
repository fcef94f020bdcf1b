//! Text that people save in files and environment variables: which bytes around it are dropped, and
//! which are refused with their position.
//!
//! | kind | dropped | refused |
//! |---|---|---|
//! | all but HMAC keys | a byte order mark | other encodings |
//! | token, key | blanks and line ends around it | quotes around it, any other white space and control character; in a token, what is not ASCII, and `Bearer ` before it |
//! | password | line ends after it | control characters; blanks may belong to it |
//! | document | line ends after it | NUL |
//! | HMAC key | one line end after it | nothing: another value would give other pseudonyms |
//!
//! A refusal names the character and its position, never any other part of the text, which may be
//! secret. Positions are bytes of the file or variable, from 1.

use std::fmt;

/// What a text is, which decides what may stand around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// A bearer token, an access key or anything else of visible ASCII characters.
    Token,
    /// A signing key or its verifier key.
    Key,
    /// A password, which may contain blanks and begin or end with them.
    Password,
    /// Text of several lines, such as a credentials file.
    Document,
    /// The key of pseudonyms, which is taken as it is.
    HmacKey,
}

impl fmt::Display for TextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::Key => "key",
            Self::Password => "password",
            Self::Document => "text",
            Self::HmacKey => "HMAC key",
        })
    }
}

/// Why a text is refused, as the end of a sentence about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// The encoding that some editors call Unicode.
    #[error("is saved as UTF-16")]
    Utf16,
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8 text: byte {at} is not valid")]
    NotUtf8 {
        /// The first such byte, from 1.
        at: usize,
    },
    /// A character that cannot belong to it.
    #[error("has {name} at byte {at}")]
    Character {
        /// The character in words.
        name: &'static str,
        /// Its byte, from 1.
        at: usize,
    },
    /// Quotes around it.
    #[error("is in quotes")]
    Quoted,
    /// The word that a request puts before a token.
    #[error("starts with `Bearer `")]
    Scheme,
}

impl TextFault {
    /// What to do about it.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Utf16 | Self::NotUtf8 { .. } => "save it as UTF-8",
            Self::Character { .. } => "remove this character",
            Self::Quoted => "remove the quotes",
            Self::Scheme => "remove this prefix: it is added to each request",
        }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';
const LINE_ENDS: [char; 2] = ['\r', '\n'];
const AROUND: [char; 4] = [' ', '\t', '\r', '\n'];
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// The text of bytes, without a byte order mark.
///
/// # Errors
/// Other encodings than UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, TextFault> {
    if is_utf16(bytes) {
        return Err(TextFault::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| TextFault::NotUtf8 {
        at: error.valid_up_to() + 1,
    })?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

/// The text of a file where it may have several lines: without a byte order mark, and without NUL.
///
/// # Errors
/// Other encodings than UTF-8, and NUL.
#[cfg(feature = "query")]
pub(crate) fn decode_document(bytes: &[u8]) -> Result<&str, TextFault> {
    let text = decode(bytes)?;
    refuse(text, bytes.len() - text.len(), |c| c == '\0')?;
    Ok(text)
}

/// The text without what its kind allows around it. It may be empty.
///
/// # Errors
/// What its kind refuses.
pub(crate) fn clean(bytes: &[u8], kind: TextKind) -> Result<&str, TextFault> {
    if let (TextKind::HmacKey, Ok(text)) = (kind, std::str::from_utf8(bytes)) {
        let line = text.strip_suffix('\n');
        return Ok(line.map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)));
    }
    let text = decode(bytes)?;
    let before = bytes.len() - text.len();
    match kind {
        TextKind::Token | TextKind::Key => {
            let tail = text.trim_start_matches(AROUND);
            let before = before + text.len() - tail.len();
            let value = tail.trim_end_matches(AROUND);
            let scheme = value.get(..7);
            if scheme.is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
                return Err(TextFault::Scheme);
            }
            if value.starts_with(QUOTES) || value.ends_with(QUOTES) {
                return Err(TextFault::Quoted);
            }
            refuse(value, before, |c| match kind {
                TextKind::Token => !c.is_ascii_graphic(),
                _ => c.is_whitespace() || c.is_control() || look_alike(c).is_some(),
            })?;
            Ok(value)
        }
        TextKind::Password => {
            let value = text.trim_end_matches(LINE_ENDS);
            refuse(value, before, char::is_control)?;
            Ok(value)
        }
        TextKind::Document | TextKind::HmacKey => {
            let value = text.trim_end_matches(LINE_ENDS);
            refuse(value, before, |c| c == '\0')?;
            Ok(value)
        }
    }
}

/// What may be a mistake in a value that was not refused, as the end of a sentence about it.
pub(crate) fn remark(value: &str, kind: TextKind) -> Option<&'static str> {
    if !matches!(kind, TextKind::Password | TextKind::HmacKey) {
        return None;
    }
    let odd = |c: char| c.is_whitespace() || c == BYTE_ORDER_MARK;
    match (value.starts_with(odd), value.ends_with(odd)) {
        (true, true) => Some("begins and ends with a blank, which are part of it"),
        (true, false) => Some("begins with a blank, which is part of it"),
        (false, true) => Some("ends with a blank, which is part of it"),
        (false, false) => None,
    }
}

/// The name of a character that looks like another one or like nothing, and comes from copying.
pub(crate) fn look_alike(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{a0}' | '\u{202f}' => "a non-breaking space",
        '\u{200b}'..='\u{200d}' | '\u{2060}' => "an invisible character",
        BYTE_ORDER_MARK => "a byte order mark",
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => "a typographic quotation mark",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "a typographic dash",
        _ => return None,
    })
}

fn refuse(text: &str, before: usize, wrong: impl Fn(char) -> bool) -> Result<(), TextFault> {
    match text.char_indices().find(|(_, c)| wrong(*c)) {
        Some((at, c)) => Err(TextFault::Character {
            name: name(c),
            at: before + at + 1,
        }),
        None => Ok(()),
    }
}

fn name(c: char) -> &'static str {
    match c {
        ' ' => "a space",
        '\t' => "a tab",
        '\n' => "a line end",
        '\r' => "a carriage return",
        '\0' => "a NUL character",
        c if look_alike(c).is_some() => look_alike(c).unwrap_or_default(),
        c if c.is_control() => "a control character",
        c if c.is_whitespace() => "an unusual space",
        _ => "a character that is not ASCII",
    }
}

/// By its byte order mark, or by the zeros that it puts beside each ASCII character.
fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, a, 0, b, ..] | [a, 0, b, 0, ..] => *a != 0 && *b != 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8], kind: TextKind) -> Result<String, String> {
        clean(bytes, kind)
            .map(str::to_owned)
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_can_mean_nothing_else_is_dropped() {
        use TextKind::{Document, HmacKey, Key, Password, Token};
        for (written, kind, read) in [
            ("s3cret", Token, "s3cret"),
            ("s3cret\n", Token, "s3cret"),
            ("s3cret\r\n\r\n\n", Token, "s3cret"),
            ("\u{feff}s3cret", Token, "s3cret"),
            (" \ts3cret \n", Token, "s3cret"),
            ("\n\u{20}\n", Token, ""),
            ("\u{feff}wärter+1+A \r\n", Key, "wärter+1+A"),
            ("\u{feff} s3 cret \r\n\n", Password, " s3 cret "),
            ("pass\u{a0}wörd\"", Password, "pass\u{a0}wörd\""),
            ("\u{feff}{\r\n}\r\n\n", Document, "{\r\n}"),
            ("\u{feff} key\n\n", HmacKey, "\u{feff} key\n"),
            ("key\r\n", HmacKey, "key"),
        ] {
            assert_eq!(
                told(written.as_bytes(), kind).as_deref(),
                Ok(read),
                "{written:?}"
            );
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_position() {
        use TextKind::{Document, HmacKey, Key, Password, Token};
        for (written, kind, fault) in [
            (&b"s3cret\tx"[..], Token, "has a tab at byte 7"),
            (b"\xef\xbb\xbf s3 cret", Token, "has a space at byte 7"),
            (b"one\ntwo", Token, "has a line end at byte 4"),
            (b"one\r\ntwo", Token, "has a carriage return at byte 4"),
            (b"s3cret\0", Token, "has a NUL character at byte 7"),
            (
                b"s3cret\xc2\xa0",
                Token,
                "has a non-breaking space at byte 7",
            ),
            (
                b"\xe2\x80\x9cs3cret\xe2\x80\x9d",
                Token,
                "has a typographic quotation mark at byte 1",
            ),
            (
                b"s\xc3\xa4",
                Token,
                "has a character that is not ASCII at byte 2",
            ),
            (b"s\x1b", Token, "has a control character at byte 2"),
            (b"\"s3cret\"", Token, "is in quotes"),
            (b"'s3cret'\n", Token, "is in quotes"),
            (b"Bearer s3cret", Token, "starts with `Bearer `"),
            (b"bearer  s3cret", Token, "starts with `Bearer `"),
            (b"PRIVATE+KEY +x", Key, "has a space at byte 12"),
            (b"\"w+1+A\"", Key, "is in quotes"),
            (
                b"w\xe2\x80\x8b+1+A",
                Key,
                "has an invisible character at byte 2",
            ),
            (b"pass\tword", Password, "has a tab at byte 5"),
            (b"\npassword", Password, "has a line end at byte 1"),
            (b"pass\0", Password, "has a NUL character at byte 5"),
            (b"{\0}", Document, "has a NUL character at byte 2"),
            (
                b"ab\xff",
                Document,
                "is not UTF-8 text: byte 3 is not valid",
            ),
            (b"\xff\xfea\0b\0", Token, "is saved as UTF-16"),
            (b"\xfe\xff\0a\0b", Password, "is saved as UTF-16"),
            (b"a\0b\0", Key, "is saved as UTF-16"),
            (b"\xff\xfea\0b\0", HmacKey, "is saved as UTF-16"),
        ] {
            assert_eq!(told(written, kind), Err(fault.to_owned()), "{written:?}");
        }
    }

    #[test]
    fn blanks_at_the_ends_of_a_password_are_remarked() {
        for (value, kind, wanted) in [
            ("a b", TextKind::Password, None),
            (
                " a",
                TextKind::Password,
                Some("begins with a blank, which is part of it"),
            ),
            (
                "a\u{a0}",
                TextKind::Password,
                Some("ends with a blank, which is part of it"),
            ),
            (
                "\u{feff}a\n",
                TextKind::HmacKey,
                Some("begins and ends with a blank, which are part of it"),
            ),
        ] {
            assert_eq!(remark(value, kind), wanted, "{value:?}");
        }
    }
}
