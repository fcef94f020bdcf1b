//! A byte-level reader of JSON that others wrote.
//!
//! Audit records must be kept to the byte, so they are never parsed into a tree and written again.
//! This module finds things *in* the bytes instead, in two strengths:
//!
//! * **skipping** ([`members`], [`elements`], [`value_end`]) trusts brackets and quotes and nothing
//!   else. It crosses any nesting depth in constant memory and does not mind bytes that are not
//!   UTF-8, so one bad record cannot spoil its neighbours on the same page. An [`EnvelopeShape`]
//!   takes pages and files apart in this way;
//! * **checking** ([`check`], [`checked_members`]) accepts exactly the texts of RFC 8259 that are
//!   UTF-8 and nest at most [`MAX_DEPTH`] levels.
//!
//! Nothing here recurses, and nothing allocates but the decoding of text with escapes and
//! the list of the items of an envelope.
//!
//! Three choices hold everywhere. Where an object has a key more than once, the **first** member
//! counts, as in the JSON functions of GoogleSQL. Keys are compared by their decoded value, exactly
//! and with case. An escaped NUL (`\u0000`) decodes to U+0000 and is kept: Parquet and BigQuery
//! take it in text.

// What callers look for.
mod envelope;
pub mod pointer;

mod fields;

mod members;

// How it is found: with the grammar in mind, or crossed.
mod check;

mod scan;

mod skip;

mod value;

mod text;

use std::fmt;

pub use check::{check, utf8};
pub use envelope::{Envelope, EnvelopeFault, EnvelopeMember, EnvelopeShape};
pub use fields::{named, named_in, present, start, text, text_or_number, verbatim};
pub use members::{
    Elements, Member, MemberKey, Members, checked_members, elements, key_at, members,
};
pub use scan::has_at_most_values;
pub use skip::{value_at, value_end};
pub use text::{DecodeError, decode};
pub use value::{JsonText, JsonValue};

/// How deep a text may nest and still pass [`check`]: `[[1]]` nests 2 levels. BigQuery's JSON
/// functions refuse more, so a deeper record would be stored and never be read.
pub const MAX_DEPTH: usize = 500;

/// What a value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    Text,
    /// `-1.5e3`
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

impl JsonKind {
    /// The kind of value that `first` can begin, if any.
    const fn of(first: u8) -> Option<Self> {
        match first {
            b'{' => Some(Self::Object),
            b'[' => Some(Self::Array),
            b'"' => Some(Self::Text),
            b'-' | b'0'..=b'9' => Some(Self::Number),
            b't' => Some(Self::True),
            b'f' => Some(Self::False),
            b'n' => Some(Self::Null),
            _ => None,
        }
    }

    /// The name in error messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Text => "text",
            Self::Number => "a number",
            Self::True | Self::False => "a boolean",
            Self::Null => "null",
        }
    }
}

/// Why bytes are not the JSON that was looked for, and where. Holds none of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct JsonFault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Offset of the byte at which it was noticed, from the start of what was looked at.
    pub at: usize,
}

/// What can be wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The bytes end inside a value.
    Ended,
    /// Something else was needed here.
    Expected(&'static str),
    /// A control character stands unescaped in a string.
    ControlCharacter,
    /// A backslash is followed by something that is no escape.
    BadEscape,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The value nests deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Something follows the value.
    Trailing,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("ends early"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::ControlCharacter => f.write_str("unescaped control character"),
            Self::BadEscape => f.write_str("unknown escape"),
            Self::NotUtf8 => f.write_str("not UTF-8"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels"),
            Self::Trailing => f.write_str("more text after the value"),
        }
    }
}

impl FaultKind {
    /// This fault, noticed at `at`.
    const fn at(self, at: usize) -> JsonFault {
        JsonFault { kind: self, at }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::{any_json, any_object};
