//! JSON pointers (RFC 6901), with `*` for any member or element.
//!
//! A pointer names a place: `/detail/id`, `/appliedPatch/0/value`. In a token `~1` stands for `/`
//! and `~0` for `~`. Beyond the RFC, a token that is exactly `*` stands for every member of an
//! object and every element of an array; a key that is itself `*` is therefore matched too. As in
//! the RFC a token of digits names an element of an array by its index and a member of an object by
//! its key, and `-`, the element after the last, is never there.

use super::{self as json, JsonKind, JsonValue};
use std::fmt;

/// A parsed pointer, perhaps with `*` in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pointer {
    text: String,
    tokens: Vec<PointerToken>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum PointerToken {
    Any,
    Named { name: String, index: Option<usize> },
}

/// One step down from a container into one of its values.
#[derive(Debug, Clone, Copy)]
pub enum PointerStep<'a> {
    /// Into the member with this decoded key.
    Key(&'a [u8]),
    /// Into the element with this index.
    Index(usize),
}

/// Text that is no JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It does not begin with a slash.
    #[error("a JSON pointer begins with /: {0:?}")]
    NoSlash(String),
    /// A tilde is not followed by 0 or 1.
    #[error("in a JSON pointer ~ is written ~0 and / in a key is written ~1: {0:?}")]
    BareTilde(String),
}

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    /// See [`PointerError`].
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let mut tokens = Vec::new();
        if !text.is_empty() {
            let rest = text
                .strip_prefix('/')
                .ok_or_else(|| PointerError::NoSlash(text.to_owned()))?;
            for token in rest.split('/') {
                tokens.push(
                    PointerToken::parse(token)
                        .ok_or_else(|| PointerError::BareTilde(text.to_owned()))?,
                );
            }
        }
        let text = text.to_owned();
        Ok(Self { text, tokens })
    }

    /// The same as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names one place, without any `*`.
    pub fn is_exact(&self) -> bool {
        self.names().count() == self.depth()
    }

    /// The value that it names in a document, as far as that can be read; of doubled keys the first. Values are
    /// skipped and not checked.
    pub fn find(&self, document: &[u8]) -> Option<JsonValue> {
        let mut value = json::value_at(document, json::start(document)).ok()?;
        for depth in 0..self.depth() {
            value = match value.kind {
                JsonKind::Object => {
                    let members = json::members(document, value.at).ok()?;
                    let mut members = members.map_while(Result::ok);
                    let fits = |name: &[u8]| self.fits(depth, PointerStep::Key(name));
                    members.find(|member| fits(&member.key.name()))?.value
                }
                JsonKind::Array => {
                    let elements = json::elements(document, value.at).ok()?;
                    let mut elements = elements.map_while(Result::ok).enumerate();
                    let fits = |at: &usize| self.fits(depth, PointerStep::Index(*at));
                    elements.find(|(at, _)| fits(at))?.1
                }
                _ => return None,
            };
        }
        Some(value)
    }

    /// How many steps below the root it points.
    pub fn depth(&self) -> usize {
        self.tokens.len()
    }

    /// The names of members in it; those of digits may be indexes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            PointerToken::Any => None,
            PointerToken::Named { name, .. } => Some(name.as_str()),
        })
    }

    /// Whether the step from level `depth` to the next fits this pointer.
    pub fn fits(&self, depth: usize, step: PointerStep<'_>) -> bool {
        match (self.tokens.get(depth), step) {
            (Some(PointerToken::Any), _) => true,
            (Some(PointerToken::Named { name, .. }), PointerStep::Key(key)) => {
                name.as_bytes() == key
            }
            (Some(PointerToken::Named { index, .. }), PointerStep::Index(at)) => *index == Some(at),
            (None, _) => false,
        }
    }

    /// Whether some place that this pointer can name is a place that `other` can name, or lies
    /// above one: whether taking away what this points at could take away what `other` points at.
    pub fn reaches(&self, other: &Self) -> bool {
        self.tokens.len() <= other.tokens.len()
            && self
                .tokens
                .iter()
                .zip(&other.tokens)
                .all(|(mine, theirs)| mine.overlaps(theirs))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PointerToken {
    fn parse(token: &str) -> Option<Self> {
        if token == "*" {
            return Some(Self::Any);
        }
        let mut name = String::with_capacity(token.len());
        let mut characters = token.chars();
        while let Some(character) = characters.next() {
            name.push(match character {
                '~' => match characters.next()? {
                    '0' => '~',
                    '1' => '/',
                    _ => return None,
                },
                other => other,
            });
        }
        let digits = name.bytes().all(|b| b.is_ascii_digit());
        let index = if digits && (name == "0" || !name.starts_with('0')) {
            name.parse().ok()
        } else {
            None
        };
        Some(Self::Named { name, index })
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Named { name, .. }, Self::Named { name: other, .. }) => name == other,
        }
    }
}

/// Appends the token for `key` to a pointer that is being built. Bytes that are not UTF-8 become
/// U+FFFD: this is for reports, not for keeping.
pub fn push_key(pointer: &mut String, key: &[u8]) {
    pointer.push('/');
    for character in String::from_utf8_lossy(key).chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Appends the token for a member whose name is not to be told: `*`.
pub fn push_any(pointer: &mut String) {
    pointer.push_str("/*");
}

/// Several pointers followed together down one document.
///
/// Which of them still fit the path walked so far is a list of their numbers; [`Self::start`] gives
/// the list at the root and [`Self::step`] the list one level down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointers(Vec<Pointer>);

impl Pointers {
    /// The pointers, in the order in which they count.
    pub const fn new(pointers: Vec<Pointer>) -> Self {
        Self(pointers)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pointers in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pointer> {
        self.0.iter()
    }

    /// Appends to `active` the pointers that lead below the root; returns the first that is the
    /// root itself.
    pub fn start(&self, active: &mut Vec<usize>) -> Option<usize> {
        let mut root = None;
        for (number, pointer) in self.0.iter().enumerate() {
            if pointer.depth() == 0 {
                root = root.or(Some(number));
            } else {
                active.push(number);
            }
        }
        root
    }

    /// Whether a pointer names one member or element at level `depth`, and does not mean any.
    pub fn names_member(&self, number: usize, depth: usize) -> bool {
        let pointer = self.0.get(number);
        let token = pointer.and_then(|pointer| pointer.tokens.get(depth));
        matches!(token, Some(PointerToken::Named { .. }))
    }

    /// Whether a pointer may name an element of an array at level `depth`.
    pub fn may_name_element(&self, number: usize, depth: usize) -> bool {
        let pointer = self.0.get(number).filter(|it| it.depth() == depth + 1);
        let token = pointer.and_then(|pointer| pointer.tokens.get(depth));
        match token {
            Some(PointerToken::Named { index, .. }) => index.is_some(),
            Some(PointerToken::Any) => true,
            None => false,
        }
    }

    /// Takes one step from level `depth`, where the pointers `active[from..to]` still fit. Appends
    /// to `active` those that lead further down from there; returns the first that ends there.
    pub fn step(
        &self,
        active: &mut Vec<usize>,
        (from, to): (usize, usize),
        depth: usize,
        step: PointerStep<'_>,
    ) -> Option<usize> {
        let mut ends = None;
        for place in from..to {
            let Some(&number) = active.get(place) else {
                break;
            };
            let Some(pointer) = self.0.get(number) else {
                continue;
            };
            if pointer.fits(depth, step) {
                if pointer.depth() == depth + 1 {
                    ends = ends.or(Some(number));
                } else {
                    active.push(number);
                }
            }
        }
        ends
    }
}

impl<'a> IntoIterator for &'a Pointers {
    type Item = &'a Pointer;
    type IntoIter = std::slice::Iter<'a, Pointer>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointer, PointerError, PointerStep, push_key};

    #[test]
    fn the_examples_of_the_rfc() {
        for (text, keys) in [
            ("", vec![]),
            ("/foo", vec!["foo"]),
            ("/", vec![""]),
            ("/a~1b", vec!["a/b"]),
            ("/c%d", vec!["c%d"]),
            ("/m~0n", vec!["m~n"]),
            ("/~01", vec!["~1"]),
            ("/ ", vec![" "]),
        ] {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.depth(), keys.len());
            let mut built = String::new();
            for (depth, key) in keys.iter().enumerate() {
                assert!(
                    pointer.fits(depth, PointerStep::Key(key.as_bytes())),
                    "{text}"
                );
                push_key(&mut built, key.as_bytes());
            }
            assert_eq!(built, text);
        }
        assert_eq!(
            Pointer::parse("foo"),
            Err(PointerError::NoSlash("foo".into()))
        );
        for text in ["/~", "/~2", "/a~"] {
            assert_eq!(
                Pointer::parse(text),
                Err(PointerError::BareTilde(text.into()))
            );
        }
    }

    #[test]
    fn indices_are_digits_without_leading_zero() {
        for (text, index, fits) in [
            ("/0", 0, true),
            ("/10", 10, true),
            ("/01", 1, false),
            ("/-", 0, false),
            ("/+1", 1, false),
            ("/*", 7, true),
            ("/", 0, false),
        ] {
            let pointer = Pointer::parse(text).unwrap();
            assert_eq!(pointer.fits(0, PointerStep::Index(index)), fits, "{text}");
        }
        let zero = Pointer::parse("/01").unwrap();
        assert!(zero.fits(0, PointerStep::Key(b"01")));
    }

    #[test]
    fn places_are_found_in_bytes() {
        let document = br#" {"a":[1,{"b\/c":"x"}],"a":7,"n":null,"~":{"":true}} "#;
        for (pointer, found) in [
            ("/a/0", Some("1")),
            ("/a/1/b~1c", Some("\"x\"")),
            ("/a", Some("[1,{\"b\\/c\":\"x\"}]")),
            ("/n", Some("null")),
            ("/~0/", Some("true")),
            ("/a/2", None),
            ("/n/x", None),
            ("/A", None),
        ] {
            let value = Pointer::parse(pointer).unwrap().find(document);
            let text = value.map(|value| std::str::from_utf8(value.bytes(document)).unwrap());
            assert_eq!(text, found, "{pointer}");
        }
        assert!(Pointer::parse("").unwrap().find(b"{").is_none());
        assert!(!Pointer::parse("/a/*").unwrap().is_exact());
    }

    #[test]
    fn a_pointer_reaches_what_lies_at_or_below_it() {
        for (one, other, reaches) in [
            ("", "/id", true),
            ("/id", "/id", true),
            ("/*", "/id", true),
            ("/id/x", "/id", false),
            ("/Id", "/id", false),
            ("/detail", "/detail/id", true),
            ("/*/id", "/detail/id", true),
        ] {
            let one = Pointer::parse(one).unwrap();
            assert_eq!(one.reaches(&Pointer::parse(other).unwrap()), reaches);
        }
    }
}
