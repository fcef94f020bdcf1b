//! Text that very many values have in common.

use lasso::{Key as _, Spur, ThreadedRodeo};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::sync::LazyLock;

static TEXTS: LazyLock<ThreadedRodeo> = LazyLock::new(ThreadedRodeo::new);

/// A text that is held once for the life of the process, whoever has it: four bytes.
///
/// For names of sources and categories and the values that bound a column, of which a lake has few and
/// its files many. Never for what is different each time, since it is not given back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SharedText(Spur);

impl SharedText {
    /// The text.
    pub fn as_str(&self) -> &'static str {
        TEXTS.resolve(&self.0)
    }

    /// Its number, which is small for texts that came early, and means nothing to another process.
    pub(crate) fn number(self) -> usize {
        self.0.into_usize()
    }

    /// The text of a number that [`Self::number`] gave.
    pub(crate) fn of_number(number: usize) -> Option<Self> {
        let key = Spur::try_from_usize(number)?;
        TEXTS.contains_key(&key).then_some(Self(key))
    }

    /// A text that somebody has shared before.
    pub(crate) fn known(text: &str) -> Option<Self> {
        TEXTS.get(text).map(Self)
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        Self(TEXTS.get_or_intern(text))
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<str> for SharedText {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for SharedText {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for SharedText {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let (one, other) = (SharedText::from("a"), SharedText::from("a".to_owned()));
        assert_eq!((one, one.number()), (other, other.number()));
        assert_ne!(one, SharedText::from("b"));
        assert_eq!(SharedText::of_number(one.number()), Some(one));
        assert_eq!(one, *"a");
        assert_eq!(size_of::<Option<SharedText>>(), 4);
        assert_eq!(serde_json::to_string(&one).unwrap(), "\"a\"");
        assert_eq!(
            serde_json::from_str::<SharedText>("\"\\u0061\"").unwrap(),
            one
        );
        assert_eq!(SharedText::known("never shared by anybody"), None);
    }
}
