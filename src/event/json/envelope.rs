//! An envelope: a JSON object around an array of items, such as a page of an interface or a file of records.
//!
//! `{"results": [item, …], "total": 5}` is taken apart without parsing an item, so that each keeps its exact
//! bytes. Only what lies around the items must be well-formed; inside them nothing but quotes and brackets is
//! looked at, so an item that is not UTF-8, nests thousands of levels or is enormous comes out whole and leaves
//! its neighbours alone. A byte order mark is passed over.

use super::scan::after_space;
use super::{
    FaultKind, JsonFault, JsonKind, JsonValue, check, elements, members, present, value_at,
};
use std::borrow::Cow;

/// Why bytes are not the envelope that was expected. The message continues "the response …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// There is nothing but white space.
    #[error("is empty")]
    Empty,
    /// It is a page for browsers, as proxies and log-in screens send.
    #[error("is HTML or XML, not JSON")]
    Markup,
    /// It ends before its JSON does.
    #[error("ends early, after {0} bytes")]
    CutOff(usize),
    /// It does not even begin as JSON does.
    #[error("is not JSON: {0}")]
    NotJson(JsonFault),
    /// It is JSON, but not an object.
    #[error("is {}, not an object", .0.name())]
    NotAnObject(JsonKind),
    /// It begins as an object, and is not JSON around the items.
    #[error("is not JSON: {0}")]
    Malformed(JsonFault),
    /// The member with the items is missing.
    #[error("has no {0:?}")]
    NoItems(&'static str),
    /// A member has a value of another kind.
    #[error("has {} as {name:?}, not {wanted}", found.name())]
    OtherKind {
        /// The member.
        name: &'static str,
        /// The kind of value it has.
        found: JsonKind,
        /// What it should have been.
        wanted: &'static str,
    },
    /// A member is a number, but counts nothing.
    #[error("has a {0:?} that is not a whole number from 0 to 2^64-1")]
    NotACount(&'static str),
    /// A member is a string, but no Unicode text.
    #[error("has a {0:?} that is not Unicode text")]
    NotText(&'static str),
    /// There are more items than allowed.
    #[error("has more than {most} items in {name:?}")]
    TooMany {
        /// The member with the items.
        name: &'static str,
        /// How many are allowed.
        most: usize,
    },
}

impl From<JsonFault> for EnvelopeFault {
    fn from(fault: JsonFault) -> Self {
        match fault.kind {
            FaultKind::Ended => Self::CutOff(fault.at),
            _ => Self::Malformed(fault),
        }
    }
}

/// Which members of an envelope are wanted. Of doubled keys the first counts.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeShape<const N: usize> {
    /// The member whose value is the array of items.
    pub items: &'static str,
    /// Members beside it.
    pub others: [&'static str; N],
    /// How many items are kept at most.
    pub most: usize,
}

/// An envelope taken apart.
#[derive(Debug)]
pub struct Envelope<'a, T, const N: usize> {
    /// What was made of the items, in their order; `None` where the member is missing.
    pub items: Option<Vec<T>>,
    /// The other members, as in [`EnvelopeShape::others`].
    pub others: [EnvelopeMember<'a>; N],
    /// Whether there are members that are not wanted.
    pub has_unwanted: bool,
}

/// A member of an envelope beside the items. One that is `null` is as if it were missing.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeMember<'a> {
    text: &'a [u8],
    name: &'static str,
    value: Option<JsonValue>,
}

impl<const N: usize> EnvelopeShape<N> {
    /// Takes `text` apart. `item` makes of each item what is kept of it, if anything.
    ///
    /// # Errors
    /// See [`EnvelopeFault`]. Nothing inside an item is an error, as long as its quotes and brackets are paired.
    pub fn split<'a, T>(
        &self,
        text: &'a [u8],
        mut item: impl FnMut(JsonValue) -> Option<T>,
    ) -> Result<Envelope<'a, T, N>, EnvelopeFault> {
        self.split_with(text, |at| {
            let value = value_at(text, at)?;
            Ok((item(value), value.end))
        })
    }

    /// [`Self::split`] where `item` crosses the item that begins at an offset itself, and also returns the offset
    /// after it.
    ///
    /// # Errors
    /// As for [`Self::split`]; and the faults of `item`.
    pub fn split_with<'a, T>(
        &self,
        text: &'a [u8],
        mut item: impl FnMut(usize) -> Result<(Option<T>, usize), JsonFault>,
    ) -> Result<Envelope<'a, T, N>, EnvelopeFault> {
        let mut items = None;
        let mut has_unwanted = false;
        let mut others = self.others.map(|name| EnvelopeMember {
            text,
            name,
            value: None,
        });
        let mut members = members(text, start(text)?)?;
        while let Some(key) = members.next_key()? {
            let name = key.name();
            if items.is_none() && *name == *self.items.as_bytes() {
                let (read, end) = self.read_items(text, key.value_at, &mut item)?;
                items = Some(read);
                members.resume(end);
                continue;
            }
            let value = members.cross()?;
            let mut wanted = others.iter_mut();
            match wanted.find(|other| *name == *other.name.as_bytes()) {
                Some(other) => other.value = other.value.or(Some(value)),
                None => has_unwanted |= *name != *self.items.as_bytes(),
            }
        }
        check::nothing_after(text, members.offset())?;
        Ok(Envelope {
            items,
            others,
            has_unwanted,
        })
    }

    /// What is kept of the items of the array at `at`, and the offset after it.
    fn read_items<T>(
        &self,
        text: &[u8],
        at: usize,
        item: &mut impl FnMut(usize) -> Result<(Option<T>, usize), JsonFault>,
    ) -> Result<(Vec<T>, usize), EnvelopeFault> {
        let Ok(mut elements) = elements(text, at) else {
            return Err(EnvelopeFault::OtherKind {
                name: self.items,
                found: value_at(text, at)?.kind,
                wanted: "an array",
            });
        };
        let mut items = Vec::new();
        while let Some(at) = elements.next_at()? {
            let (kept, end) = item(at)?;
            elements.resume(end);
            if kept.is_some() && items.len() == self.most {
                return Err(EnvelopeFault::TooMany {
                    name: self.items,
                    most: self.most,
                });
            }
            items.extend(kept);
        }
        Ok((items, elements.offset()))
    }
}

/// Where the object begins, after a byte order mark and white space.
fn start(text: &[u8]) -> Result<usize, EnvelopeFault> {
    let mark = match text.starts_with(b"\xef\xbb\xbf") {
        true => 3,
        false => 0,
    };
    let at = after_space(text, mark);
    match text.get(at) {
        None => Err(EnvelopeFault::Empty),
        Some(b'{') => Ok(at),
        Some(b'<') => Err(EnvelopeFault::Markup),
        Some(_) => Err(match check(text.get(mark..).unwrap_or_default()) {
            Ok(kind) => EnvelopeFault::NotAnObject(kind),
            Err(fault) => EnvelopeFault::NotJson(JsonFault {
                at: mark + fault.at,
                ..fault
            }),
        }),
    }
}

impl<'a> EnvelopeMember<'a> {
    /// Its value, where it is a number that counts something.
    ///
    /// # Errors
    /// [`EnvelopeFault::NotACount`] for another number, [`EnvelopeFault::OtherKind`] for what is no number.
    pub fn count(&self) -> Result<Option<u64>, EnvelopeFault> {
        let Some(value) = self.of_kind(JsonKind::Number)? else {
            return Ok(None);
        };
        let count = value.verbatim(self.text).ok();
        match count.and_then(|count| count.parse().ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(EnvelopeFault::NotACount(self.name)),
        }
    }

    /// Its value, where it is text.
    ///
    /// # Errors
    /// [`EnvelopeFault::NotText`] for a string that cannot be decoded, [`EnvelopeFault::OtherKind`] for what is
    /// no string.
    pub fn text(&self) -> Result<Option<Cow<'a, str>>, EnvelopeFault> {
        let Some(value) = self.of_kind(JsonKind::Text)? else {
            return Ok(None);
        };
        match value.text(self.text) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(EnvelopeFault::NotText(self.name)),
        }
    }

    fn of_kind(&self, wanted: JsonKind) -> Result<Option<JsonValue>, EnvelopeFault> {
        match present(self.value) {
            Some(value) if value.kind != wanted => Err(EnvelopeFault::OtherKind {
                name: self.name,
                found: value.kind,
                wanted: wanted.name(),
            }),
            value => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPE: EnvelopeShape<2> = EnvelopeShape {
        items: "items",
        others: ["total", "next"],
        most: 3,
    };

    type Split<'a> = Result<Envelope<'a, &'a [u8], 2>, EnvelopeFault>;

    fn split(text: &[u8]) -> Split<'_> {
        SHAPE.split(text, |value| Some(value.bytes(text)))
    }

    #[test]
    fn items_are_their_exact_bytes() {
        let text = b"\xef\xbb\xbf {\"more\":{\"items\":[0]},\"i\\u0074ems\": [{ \"a\" : [1 ,2] } ,\"\xff\",\
            7], \"next\":\"t\\/1\",\n\"total\":18446744073709551615} \n";
        let envelope = split(text).unwrap();
        let items: [&[u8]; 3] = [b"{ \"a\" : [1 ,2] }", b"\"\xff\"", b"7"];
        assert_eq!(envelope.items.unwrap(), items);
        let [total, next] = envelope.others;
        assert_eq!(total.count(), Ok(Some(u64::MAX)));
        assert_eq!(next.text().unwrap().as_deref(), Some("t/1"));
        assert!(envelope.has_unwanted);
    }

    #[test]
    fn what_is_missing_or_null_is_none_and_the_first_of_doubled_keys_counts() {
        let envelope = split(b"{ }").unwrap();
        assert!(envelope.items.is_none() && !envelope.has_unwanted);
        let envelope = split(
            b"{\"items\":[1],\"items\":[],\"items\":0,\"total\":null,\"total\":5,\"next\":\"a\",\"next\":1}",
        );
        let envelope = envelope.unwrap();
        assert_eq!(envelope.items.unwrap(), [b"1"]);
        let [total, next] = envelope.others;
        assert_eq!(total.count(), Ok(None));
        assert_eq!(next.text().unwrap().as_deref(), Some("a"));
        assert!(!envelope.has_unwanted);
    }

    /// Items that are not kept do not count.
    #[test]
    fn no_more_items_are_kept_than_allowed() {
        let text = &b"{\"items\":[1,0,2,0,3,0]}"[..];
        let kept = SHAPE.split(text, |value| (value.bytes(text) != b"0").then_some(()));
        assert_eq!(kept.unwrap().items.unwrap().len(), 3);
        // What follows is not even looked at.
        let fault = split(b"{\"items\":[1,0,2,0,!").unwrap_err();
        assert_eq!(fault.to_string(), "has more than 3 items in \"items\"");
    }

    #[test]
    fn what_is_no_envelope_says_why() {
        let asked = |text| -> Result<(), EnvelopeFault> {
            let envelope = split(text)?;
            let [total, next] = envelope.others;
            total.count()?;
            next.text()?;
            match envelope.items {
                Some(_) => Ok(()),
                None => Err(EnvelopeFault::NoItems("items")),
            }
        };
        for (text, message) in [
            (&b""[..], "is empty"),
            (b" \r\n", "is empty"),
            (b"\n<!DOCTYPE html>", "is HTML or XML, not JSON"),
            (b"[]", "is an array, not an object"),
            (b"null", "is null, not an object"),
            (b"\xef\xbb\xbfok", "is not JSON: expected a value at byte 3"),
            (b"{}", "has no \"items\""),
            (b"{\"Items\":[]}", "has no \"items\""),
            (b"{\"items\":null}", "has null as \"items\", not an array"),
            (b"{\"items\":\"[]\"}", "has text as \"items\", not an array"),
            (
                b"{\"items\":[],\"total\":\"5\"}",
                "has text as \"total\", not a number",
            ),
            (b"{\"next\":7}", "has a number as \"next\", not text"),
            (
                b"{\"next\":\"\\ud800\"}",
                "has a \"next\" that is not Unicode text",
            ),
            (
                b"{\"total\":-1}",
                "has a \"total\" that is not a whole number from 0 to 2^64-1",
            ),
            (b"{\"items\":[", "ends early, after 10 bytes"),
            (
                b"{\"items\":[]}}",
                "is not JSON: more text after the value at byte 12",
            ),
            (
                b"{\"items\":[1 2]}",
                "is not JSON: expected a comma or ] at byte 12",
            ),
        ] {
            let fault = asked(text).unwrap_err();
            assert_eq!(fault.to_string(), message, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn an_envelope_cut_anywhere_is_cut_off() {
        let text = b"{\"items\":[{\"a\\\"\":[1]},\"b\"],\"total\":2,\"next\":\"c\"}";
        assert!(split(text).is_ok());
        for length in 1..text.len() {
            let fault = split(&text[..length]).unwrap_err();
            assert!(
                matches!(fault, EnvelopeFault::CutOff(_)),
                "{length}: {fault}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_item_comes_out_to_the_byte(
            items in prop::collection::vec(crate::event::json::any_json(), 0..3),
            total: u64, total_first: bool, space in "[ \n]{0,2}",
        ) {
            let list = format!("\"items\":[{}]", items.join(&format!("{space},")));
            let mut members = vec![list];
            members.insert(usize::from(!total_first), format!("\"total\":{total}{space}"));
            let text = format!("{{{}}}", members.join(","));
            let envelope = split(text.as_bytes())?;
            prop_assert_eq!(envelope.others[0].count()?, Some(total));
            let items: Vec<&[u8]> = items.iter().map(|item| item.as_bytes()).collect();
            prop_assert_eq!(envelope.items, Some(items));
        }

        #[test]
        fn any_bytes_are_an_envelope_or_a_fault(
            mut text in prop::collection::vec(any::<u8>(), 0..300), prefix: bool,
        ) {
            if prefix {
                text.splice(0..0, *b"{\"items\":[{");
            }
            let _ = split(&text);
        }
    }
}
