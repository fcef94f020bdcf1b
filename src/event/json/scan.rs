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

#[cfg(test)]
mod tests {
    use super::has_controls;

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
