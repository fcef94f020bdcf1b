//! How the content of a stored record can change after it was shown.

use super::generate::{more, swap};
use memchr::memmem;

/// A change of a record's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A value is another: the user is anonymised.
    Value,
    /// A value that was there is gone: the address, or else the namespace.
    Gone,
    /// A field is there that was not: drift after an upgrade, not a change of what was said.
    Added,
    /// The whole `auditLog` object is these bytes now.
    Record(Vec<u8>),
}

impl Change {
    /// The kinds that seeded changes take one after the other.
    pub(super) const SEEDED: [Self; 3] = [Self::Value, Self::Gone, Self::Added];

    /// The object after the change.
    pub(super) fn apply(&self, object: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Record(bytes) => bytes.clone(),
            Self::Added => more(object, br#""retentionClass":"standard""#),
            Self::Value => {
                let Some(old) = member(&object, b"\"userId\":\"") else {
                    return Self::Added.apply(object);
                };
                let old = object[old].to_vec();
                swap(object, &old, b"\"userId\":\"anonymised\"")
            }
            Self::Gone => {
                let found = member(&object, b",\"ipAddress\":\"")
                    .or_else(|| member(&object, b",\"namespace\":\""));
                let Some(old) = found else {
                    return Self::Value.apply(object);
                };
                let old = object[old].to_vec();
                swap(object, &old, b"")
            }
        }
    }
}

/// Where a member with a text value stands, from the start given to the closing quote.
fn member(object: &[u8], start: &[u8]) -> Option<std::ops::Range<usize>> {
    let from = memmem::find(object, start)?;
    let value = from + start.len();
    let length = memchr::memchr(b'"', &object[value..])?;
    Some(from..value + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_changes_what_it_says() {
        let before =
            br#"{"id":"i","detail":{"id":"d","namespace":"n"},"userId":"u","ipAddress":"1.2.3.4"}"#;
        for (change, after) in [
            (
                Change::Value,
                r#"{"id":"i","detail":{"id":"d","namespace":"n"},"userId":"anonymised","ipAddress":"1.2.3.4"}"#,
            ),
            (
                Change::Gone,
                r#"{"id":"i","detail":{"id":"d","namespace":"n"},"userId":"u"}"#,
            ),
            (
                Change::Added,
                r#"{"id":"i","detail":{"id":"d","namespace":"n"},"userId":"u","ipAddress":"1.2.3.4","retentionClass":"standard"}"#,
            ),
            (Change::Record(b"{}".to_vec()), "{}"),
        ] {
            let changed = change.apply(before.to_vec());
            assert_eq!(String::from_utf8(changed).unwrap(), after);
        }
    }

    #[test]
    fn without_an_address_the_namespace_goes() {
        let before = br#"{"id":"i","detail":{"id":"d","namespace":"n"},"userId":"u"}"#;
        let changed = Change::Gone.apply(before.to_vec());
        assert_eq!(changed, br#"{"id":"i","detail":{"id":"d"},"userId":"u"}"#);
    }
}
