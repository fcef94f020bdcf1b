//! Amounts of memory as people write them: `64MiB`, `1GiB`, `500kB`.

/// Units and their size in bytes.
const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Why a text is not an amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Nothing was written.
    #[error("a size is empty")]
    Empty,
    /// A number stands without a unit.
    #[error("a size needs a unit: KiB, MiB, GiB, kB, MB, GB or B")]
    UnitMissing,
    /// Not a whole number followed by one of our units.
    #[error("a size is one whole number with a unit: KiB, MiB, GiB, kB, MB, GB or B")]
    Malformed,
    /// More bytes than a 64-bit number counts.
    #[error("a size must fit into 64 bits")]
    TooLarge,
}

/// Reads a number of bytes: one whole number and a unit, `KiB`, `MiB` and `GiB` being powers of
/// 1024, `kB`, `MB` and `GB` powers of 1000. One space between them is allowed.
///
/// # Errors
/// [`SizeError`] says what is wrong with the text; it never repeats the text.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    if text.is_empty() {
        return Err(SizeError::Empty);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    if number.is_empty() {
        return Err(SizeError::Malformed);
    }
    if unit.is_empty() {
        return Err(SizeError::UnitMissing);
    }
    let size = UNITS
        .iter()
        .find_map(|(name, size)| (*name == unit).then_some(*size))
        .ok_or(SizeError::Malformed)?;
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(size))
        .ok_or(SizeError::TooLarge)
}

/// Writes a number of bytes for people: up to one decimal, in powers of 1024.
pub fn format_size(bytes: u64) -> String {
    let (unit, size) = match bytes {
        0..0x400 => return format!("{bytes} B"),
        0x400..0x10_0000 => ("KiB", 1u64 << 10),
        0x10_0000..0x4000_0000 => ("MiB", 1 << 20),
        _ => ("GiB", 1 << 30),
    };
    let tenths = u128::from(bytes) * 10 / u128::from(size);
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("256MiB", 256 << 20),
            ("1 GiB", 1 << 30),
            ("500kB", 500_000),
            ("0B", 0),
            ("3MB", 3_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for (text, error) in [
            ("", SizeError::Empty),
            ("256", SizeError::UnitMissing),
            ("MiB", SizeError::Malformed),
            ("256mib", SizeError::Malformed),
            ("256  MiB", SizeError::Malformed),
            ("2.5GiB", SizeError::Malformed),
            ("-1MiB", SizeError::Malformed),
            ("99999999999999GiB", SizeError::TooLarge),
            ("99999999999999999999999B", SizeError::TooLarge),
        ] {
            assert_eq!(parse_size(text), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            (5 << 30, "5 GiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
    }
}
