//! Looking at eight bytes of a string at a time, with integer arithmetic only.

const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES << 7;

/// Marks, by its high bit, each byte of `word` that equals `byte`. Bytes above the lowest mark may
/// be marked wrongly (a borrow runs upwards), so only the lowest mark may be used.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

/// Marks, likewise, each byte of `word` that is less than `limit`, which is at most 128.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGH_BITS
}

/// How many of the 8 bytes of `word` come before the first quote or backslash; 8 if there is none.
#[inline]
pub(super) const fn before_quote(word: u64) -> usize {
    ((equal(word, b'"') | equal(word, b'\\')).trailing_zeros() / 8) as usize
}

/// How many of the 8 bytes of `word` come before the first quote, backslash or control character;
/// 8 if there is none.
#[inline]
pub(super) const fn before_special(word: u64) -> usize {
    ((equal(word, b'"') | equal(word, b'\\') | below(word, 0x20)).trailing_zeros() / 8) as usize
}

/// The 8 bytes at `at` as a word whose lowest byte comes first, if there are as many.
#[inline]
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// The first offset at or after `at` that holds no white space.
#[inline]
pub(super) fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{before_quote, before_special};

    #[test]
    fn every_byte_in_every_place() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                for filler in [b'a', b' ', 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                    let mut chunk = [filler; 8];
                    chunk[place] = byte;
                    let word = u64::from_le_bytes(chunk);
                    let quote = chunk.iter().position(|b| matches!(b, b'"' | b'\\'));
                    assert_eq!(before_quote(word), quote.unwrap_or(8));
                    let special = chunk
                        .iter()
                        .position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
                    assert_eq!(before_special(word), special.unwrap_or(8));
                }
            }
        }
    }
}
