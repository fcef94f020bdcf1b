//! Redaction: taking personal and secret content out of a record before anything is written.
//!
//! A rule names a column, a class of columns, or a [JSON pointer](super::json::pointer) into the
//! record, and says what becomes of the values there: they are dropped, masked, or replaced by a
//! keyed hash that still tells equal from different. Rules are applied to the record's **bytes**,
//! before hashing, normalising and writing; so what a column shows and what `raw` holds can never
//! disagree, and naming a column reaches every place its value comes from. Bytes outside the places
//! named stay exactly as served. Where a key is doubled, every member with it is redacted, and the
//! first matching rule counts. Values that are `null` are left alone by mask and hash: there is
//! nothing to hide, and a column that was empty stays so.
//!
//! Redaction comes before normalising, so whatever is derived from a redacted value is derived from
//! what is left of it: a masked `detail` is no object any more, and an event without its detail has
//! the category `other`. Narrow pointers keep more.
//!
//! A pointer goes on through JSON that comes as text, and what it means there is cut out of the text.
//!
//! A record that is not well-formed cannot be redacted, nor can one with other text where a rule goes on. Its bytes are then not kept at all:
//! [`Redaction::apply`] fails, and quarantine keeps its size, hash and reason only.

mod compile;
mod escape;
mod names;
mod splice;

pub use names::KeyNames;
pub(super) use splice::{MOST_TEXTS, SpliceDepth};

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::json::pointer::{Pointer, PointerError, Pointers};
use super::json::{self, JsonKind};
use super::schema::Classification;
use super::unfit::Unfit;

/// What a masked value is replaced by: this text.
pub const MASK: &str = "***";

/// What a hashed value begins with; 64 hexadecimal digits follow.
pub const HMAC_PREFIX: &str = "hmac:";

/// The shortest key for hashes, in bytes.
pub const MIN_KEY_BYTES: usize = 16;

/// What redaction does with a value.
// Configuration and entries have these names; the schema of the configuration has these sentences.
//
// `Drop` removes the key as well. `Mask` puts the text [`MASK`]. `Hmac` puts `hmac:` and the HMAC-SHA-256 of the
// value: of the decoded text of a string, so that how it is escaped does not matter; of the bytes as written for
// anything else. Equal texts have equal hashes wherever they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ActionName")]
pub enum RedactionAction {
    /// Remove it.
    Drop,
    /// Replace it with a fixed text, which shows that there was a value.
    Mask,
    /// Replace it with a keyed hash: equal values stay equal, and nothing else is revealed.
    Hmac,
}

impl RedactionAction {
    /// The name in configuration and entries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Mask => "mask",
            Self::Hmac => "hmac",
        }
    }
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedactionTarget {
    /// A column of `audit_events`, and every place that its value comes from. Content that merely
    /// repeats the value elsewhere, as a patch may, is not reached: that needs a rule of its own.
    Column(String),
    /// All columns of this class, and for [`Classification::Secret`] every place of a record that may
    /// hold anything.
    Class(Classification),
    /// A place in the record, as a JSON pointer.
    Pointer(String),
}

impl fmt::Display for RedactionTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => write!(f, "column {name}"),
            Self::Class(class) => write!(f, "class {}", class.name()),
            Self::Pointer(pointer) => write!(f, "pointer {pointer}"),
        }
    }
}

/// One rule. Of two rules for one place the earlier counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionRule {
    /// What it is about.
    pub target: RedactionTarget,
    /// What becomes of it.
    pub action: RedactionAction,
}

/// A place that a column's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A pointer into the record.
    Record(&'a str),
    /// A pointer into the user that the platform joined.
    User(&'a str),
}

/// Where the values of records come from: what redaction needs to know of a mapping.
pub trait ColumnOrigins {
    /// Every place that the value of a column may come from; none where the mapping does not fill it.
    fn of_column(&self, column: &str) -> Vec<Origin<'_>>;

    /// Places in the record that no column shows and that may hold anything.
    fn secret(&self) -> Vec<&str>;

    /// Places in the record without which it is no event any more: they cannot be redacted.
    fn identity(&self) -> Vec<&str>;
}

/// The same as a table, of a platform whose mapping is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Origins {
    /// Each optional column that the platform fills, with every place its value may come from.
    pub columns: &'static [(&'static str, &'static [Origin<'static>])],
    /// Places in the record that no column shows and that may hold anything.
    pub secret: &'static [&'static str],
    /// Places in the record without which it is no event any more: they cannot be redacted.
    pub identity: &'static [&'static str],
}

impl ColumnOrigins for Origins {
    fn of_column(&self, column: &str) -> Vec<Origin<'_>> {
        let of_column = self.columns.iter().filter(|(name, _)| *name == column);
        of_column.flat_map(|(_, places)| *places).copied().collect()
    }

    fn secret(&self) -> Vec<&str> {
        self.secret.to_vec()
    }

    fn identity(&self) -> Vec<&str> {
        self.identity.to_vec()
    }
}

/// Rules that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedactionError {
    /// There is no such column.
    #[error("there is no column {0:?}; `trailhouse schema events` lists them")]
    UnknownColumn(String),
    /// Every row needs the column.
    #[error("column {0:?} cannot be redacted: an event is identified and filed by it")]
    RequiredColumn(String),
    /// The whole record is meant.
    #[error("column \"raw\" cannot be redacted as a whole: name the places in it by JSON pointers")]
    WholeRecord,
    /// The class of the columns that hold nothing to redact.
    #[error("class public cannot be redacted: an event is identified and filed by its columns")]
    PublicClass,
    /// The rule reaches what identifies the event.
    #[error(
        "{rule} cannot be redacted: it reaches {identity:?}, by which an event is identified and filed"
    )]
    Identity {
        /// What the rule is about.
        rule: String,
        /// What it reaches.
        identity: String,
    },
    /// The rule is about nothing that the platform has.
    #[error("{0} cannot be redacted: the platform has no place that it comes from")]
    Nothing(String),
    /// The pointer cannot be parsed.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// A rule hashes, and there is no key.
    #[error("a rule hashes values, but no key is given")]
    NoKey,
    /// The key is too short.
    #[error("the key for hashed values has {0} bytes; it needs at least {MIN_KEY_BYTES}")]
    ShortKey(usize),
}

/// What a redaction does, for the ledger entry: no content and no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Each place and what becomes of it, in the order in which they count.
    pub places: Vec<RedactedPlace>,
    /// Tells keys apart without telling anything of them; present where values are hashed.
    pub key_id: Option<String>,
}

/// One redacted place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RedactedPlace {
    /// `record` or `user`.
    pub part: &'static str,
    /// JSON pointer into that part.
    pub pointer: String,
    /// `drop`, `mask` or `hmac`.
    pub action: &'static str,
    /// The rule: `column src_ip`, `class secret`, `pointer /x`.
    pub rule: String,
}

/// Compiled rules, to be used for all records of one source.
#[derive(Clone)]
pub struct Redaction {
    record: Part,
    user: Part,
    hasher: Option<Hasher>,
    names: KeyNames,
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redaction").field(&self.describe()).finish()
    }
}

/// The rules for one part: pointers, and for each what it does and why.
#[derive(Clone, Default)]
struct Part {
    pointers: Pointers,
    actions: Vec<(RedactionAction, String)>,
}

impl Part {
    fn action(&self, number: usize) -> Option<RedactionAction> {
        self.actions.get(number).map(|(action, _)| *action)
    }
}

impl Redaction {
    /// Redacts nothing.
    pub const fn none() -> Self {
        const fn nothing() -> Part {
            Part {
                pointers: Pointers::new(Vec::new()),
                actions: Vec::new(),
            }
        }
        Self {
            record: nothing(),
            user: nothing(),
            hasher: None,
            names: KeyNames::all(),
        }
    }

    /// Whether it redacts nothing.
    pub const fn is_none(&self) -> bool {
        self.record.pointers.is_empty() && self.user.pointers.is_empty()
    }

    /// The record as it may be kept: borrowed where no rule met anything.
    ///
    /// # Errors
    /// Where there are rules and the record is no well-formed object, so that nothing can be said
    /// about what its bytes hold, or a rule leads into a text of it that is not JSON. Then they must not be
    /// kept; see [`Self::withholds`].
    pub fn apply<'a>(&self, record: &'a [u8]) -> Result<Cow<'a, [u8]>, Unfit> {
        // Rules about the user alone matter too: a record that cannot be read may hold anything.
        if self.is_none() {
            return Ok(Cow::Borrowed(record));
        }
        if json::check(record)? != JsonKind::Object {
            return Err(Unfit::because(super::unfit::Reason::NotAnObject));
        }
        splice::apply(record, &self.record, self.hasher.as_ref())
    }

    /// The joined user as it may be used: `None` where there are rules and they cannot be applied to it.
    pub fn apply_user<'a>(&self, user: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.is_none() {
            return Some(Cow::Borrowed(user));
        }
        json::check(user).ok()?;
        splice::apply(user, &self.user, self.hasher.as_ref()).ok()
    }

    /// Whether the content of a record quarantined for `unfit` must be withheld although
    /// [`Self::apply`] succeeded. Rules are written for records; where the bytes are not known to be
    /// one (no id, no time, the wrong shape), rules may have missed what they were meant for. What is
    /// kept then is size, hash and reason.
    pub const fn withholds(&self, unfit: &Unfit) -> bool {
        use super::unfit::Reason;
        !self.is_none()
            && match unfit.reason {
                Reason::NoRecord
                | Reason::NotUtf8
                | Reason::NotJson
                | Reason::TooDeep
                | Reason::NotAnObject
                | Reason::NoId
                | Reason::IdNotText
                | Reason::NoTime
                | Reason::NotRedactable => true,
                Reason::TooLarge
                | Reason::TimeNotText
                | Reason::TimeUnreadable
                | Reason::TimeOutOfRange
                | Reason::Changed => false,
            }
    }

    /// The places in a record that are redacted, which a comparison of two readings leaves out.
    pub const fn record_pointers(&self) -> &Pointers {
        &self.record.pointers
    }

    /// The names of members that may be told.
    pub const fn names(&self) -> &KeyNames {
        &self.names
    }

    /// What the ledger entry says about it.
    pub fn describe(&self) -> Description {
        let places = [("record", &self.record), ("user", &self.user)]
            .into_iter()
            .flat_map(|(part, rules)| {
                let pairs = rules.pointers.iter().zip(&rules.actions);
                pairs.map(move |(pointer, (action, rule))| RedactedPlace {
                    part,
                    pointer: pointer.to_string(),
                    action: action.name(),
                    rule: rule.clone(),
                })
            })
            .collect();
        let key_id = self.hasher.as_ref().map(Hasher::key_id);
        Description { places, key_id }
    }
}

/// The keyed hash. Every use has its own prefix, so no hash of one kind is one of another.
#[derive(Clone)]
struct Hasher(Hmac<Sha256>);

impl Hasher {
    fn new(key: &[u8]) -> Result<Self, RedactionError> {
        if key.len() < MIN_KEY_BYTES {
            return Err(RedactionError::ShortKey(key.len()));
        }
        Hmac::new_from_slice(key)
            .map(Self)
            .map_err(|_| RedactionError::ShortKey(key.len()))
    }

    fn hex(&self, purpose: &[u8], content: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(b"trailhouse redaction v1 ");
        mac.update(purpose);
        mac.update(b"\0");
        mac.update(content);
        hex::encode(mac.finalize().into_bytes())
    }

    /// What stands in a record instead of `value`, quotes included.
    fn replacement(&self, value: &[u8], kind: JsonKind) -> String {
        let digest = match (kind, json::decode(value)) {
            (JsonKind::Text, Ok(text)) => self.hex(b"text", text.as_bytes()),
            // Other values, and strings that are no Unicode text, stand for their own bytes.
            _ => self.hex(b"json", value),
        };
        format!("\"{HMAC_PREFIX}{digest}\"")
    }

    fn key_id(&self) -> String {
        let mut id = self.hex(b"key id", b"");
        id.truncate(16);
        id
    }
}

/// Parses a pointer that this crate wrote itself, or that came from configuration.
fn pointer(text: &str) -> Result<Pointer, RedactionError> {
    Ok(Pointer::parse(text)?)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;
