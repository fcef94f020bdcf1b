//! Numbers for texts that people read. JSON and CSV have plain numbers.

/// A number with thousands separators: `12,345`. For counts; years, sequence numbers, ports and ids stay
/// plain.
pub(crate) fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `1 file`, `12,345 files`.
pub(crate) fn counted(number: impl Into<u64>, one: &str, many: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{} {many}", thousands(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        for (number, said) in [
            (0_u32, "0 entries"),
            (1, "1 entry"),
            (2, "2 entries"),
            (49_993, "49,993 entries"),
        ] {
            assert_eq!(counted(number, "entry", "entries"), said);
        }
    }

    #[test]
    fn thousands_are_separated() {
        for (number, said) in [
            (0_u64, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (100_000, "100,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(number), said);
        }
    }
}
