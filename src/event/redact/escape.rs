//! From places in the text of a JSON string to places in the string as it is written.

use std::borrow::Cow;
use std::ops::Range;

/// A range of the bytes, and what comes in its place; ordered and disjoint.
pub(super) type Edit = (Range<usize>, Cow<'static, str>);

/// Edits of the text that `raw`, a string in quotes, stands for, as edits of the document in which the string
/// begins at `at`. Replacements are escaped once more.
pub(super) fn outward(raw: &[u8], at: usize, edits: Vec<Edit>) -> Vec<Edit> {
    let mut reader = EscapeReader {
        raw,
        written: 1,
        read: 0,
    };
    let edits = edits.into_iter();
    edits
        .map(|(range, replacement)| {
            let (start, end) = (reader.advance(range.start), reader.advance(range.end));
            let escaped = replacement.replace('\\', "\\\\").replace('"', "\\\"");
            (at + start..at + end, escaped.into())
        })
        .collect()
}

/// Reads a string and counts bytes on both sides.
struct EscapeReader<'a> {
    raw: &'a [u8],
    written: usize,
    read: usize,
}

impl EscapeReader<'_> {
    /// Where the byte of the text with this number is written; numbers must not fall.
    fn advance(&mut self, number: usize) -> usize {
        while self.read < number && self.written < self.raw.len() {
            let (written, read) = self.next();
            self.written += written;
            self.read += read;
        }
        self.written
    }

    /// How many bytes the next character is written with, and how many it has; of one that is not escaped
    /// its next byte.
    fn next(&self) -> (usize, usize) {
        match &self.raw[self.written..] {
            [b'\\', b'u', unit @ ..] => match unit_of(unit) {
                // Half of a pair: the other one follows, since the string could be decoded.
                Some(0xd800..=0xdfff) => (12, 4),
                Some(0..=0x7f) => (6, 1),
                Some(0..=0x7ff) => (6, 2),
                _ => (6, 3),
            },
            [b'\\', ..] => (2, 1),
            _ => (1, 1),
        }
    }
}

fn unit_of(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json;
    use proptest::prelude::*;

    #[test]
    fn every_escape_has_its_length() {
        let raw = r#""a\n\u0041\u00e9\u20ac\ud83d\ude00é😀\"z""#;
        let text = json::decode(raw.as_bytes()).unwrap();
        for (at, found) in text.char_indices() {
            let edits = vec![(at..at + found.len_utf8(), "".into())];
            let (range, _) = outward(raw.as_bytes(), 100, edits).remove(0);
            let part = &raw[range.start - 100..range.end - 100];
            let part = json::decode(format!("\"{part}\"").as_bytes())
                .unwrap()
                .into_owned();
            assert_eq!(part, found.to_string());
        }
    }

    proptest! {
        #[test]
        fn what_is_replaced_inside_is_replaced_outside(text in ".{0,20}", cut in 0_usize..21) {
            let raw = serde_json::to_string(&text).unwrap();
            let at = text.floor_char_boundary(cut.min(text.len()));
            let edits = vec![(at..text.len(), "\"\\".into())];
            let (range, put) = outward(raw.as_bytes(), 0, edits).remove(0);
            let edited = format!("{}{put}{}", &raw[..range.start], &raw[range.end..]);
            let expected = format!("{}\"\\", &text[..at]);
            let edited = json::decode(edited.as_bytes()).unwrap().into_owned();
            prop_assert_eq!(edited, expected);
        }
    }
}
