//! Numbers in as few bytes as they need: seven bits in each, the last one without its highest bit. Signed
//! ones are in zigzag, so that small ones of either sign are short.

/// Appends a number.
pub(super) fn put(to: &mut Vec<u8>, mut number: u64) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            to.push(byte);
            return;
        }
        to.push(byte | 0x80);
    }
}

/// Appends a signed number.
pub(super) fn put_signed(to: &mut Vec<u8>, number: i64) {
    put(to, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Takes a number from the front.
pub(super) fn take(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a signed number from the front.
pub(super) fn take_signed(from: &mut &[u8]) -> Option<i64> {
    let number = take(from)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<u64>(), shift in 0u32..64) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            put_signed(&mut bytes, number.cast_signed());
            put_signed(&mut bytes, number.cast_signed().wrapping_neg());
            let from = &mut &*bytes;
            prop_assert_eq!(take(from), Some(number));
            prop_assert_eq!(take_signed(from), Some(number.cast_signed()));
            prop_assert_eq!(take_signed(from), Some(number.cast_signed().wrapping_neg()));
            prop_assert!(from.is_empty());
        }
    }

    #[test]
    fn a_number_without_an_end_is_none() {
        assert_eq!(take(&mut &[0x80; 3][..]), None);
        assert_eq!(take(&mut &[0xff; 20][..]), None);
    }
}
