//! Looking at bytes one after the other, or eight at once.

const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES << 7;

/// Whether any byte is a control character. White space other than the blank is one.
pub(super) fn has_controls(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // Below 32 the subtraction borrows into the high bit. It may borrow on into the bytes above,
        // but only where one is found anyway.
        found |= word.wrapping_sub(ONES * 0x20) & !word;
    }
    found & HIGH_BITS != 0 || rest.iter().any(|byte| *byte < 0x20)
}

/// The first offset at or after `at` that holds no white space.
#[inline(always)]
pub(super) fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Whether a text has at most so many values, keys not counted, told by its commas and brackets outside of
/// strings. Asked before a foreign text is parsed into a tree: a value of two bytes becomes a node of a
/// hundred, so a bound on the bytes alone does not bound what a tree takes. Any bytes have an answer.
pub fn has_at_most_values(bytes: &[u8], most: usize) -> bool {
    let mut values = 1;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => match super::skip::string(bytes, at) {
                Ok(string) => at = string.end,
                // No parser gets any further.
                Err(_) => break,
            },
            b',' | b'[' | b'{' => {
                values += 1;
                if values > most {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{has_at_most_values, has_controls};

    #[test]
    fn values_are_counted_and_keys_and_strings_are_not() {
        for (text, values) in [
            ("0", 1),
            ("[]", 2),
            ("[0,0]", 3),
            (r#"{"a":"x,[{\",,","b":[1,{"c":null}]}"#, 6),
            ("", 1),
            (r#"[1,"unended,,,,"#, 3),
        ] {
            assert!(has_at_most_values(text.as_bytes(), values), "{text}");
            assert!(
                !has_at_most_values(text.as_bytes(), values - 1) || values == 1,
                "{text}"
            );
        }
        let bomb = format!("[{}0]", "0,".repeat(1 << 20));
        assert!(!has_at_most_values(bomb.as_bytes(), 1000));
    }

    #[test]
    fn controls_in_every_place() {
        for length in 0..40 {
            for filler in [b' ', b'a', 0x7f, 0x80, 0x9f, 0xff] {
                let mut bytes = vec![filler; length];
                assert!(!has_controls(&bytes));
                for place in 0..length {
                    for control in 0..0x20 {
                        bytes[place] = control;
                        assert!(has_controls(&bytes));
                    }
                    bytes[place] = filler;
                }
            }
        }
    }
}
