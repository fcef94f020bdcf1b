//! The ways in which text writes one character: as it is, percent-encoded, escaped as in JSON or Rust, or as
//! a character reference of HTML. Libraries decode one of these forms where a whole text is known to be in
//! it; an error message mixes them.

/// Longest spelling of one character that is understood, in bytes: `\\\u{10ffff}` and `%25F0%259F%2598%2580`
/// with room for another level of each.
const LONGEST: usize = 48;

/// One reading of the text at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelling {
    /// The character that is meant.
    pub(super) meant: char,
    /// Bytes of text that it takes.
    pub(super) bytes: usize,
}

/// Whether a character may be the beginning of the spelling of another one.
pub(super) fn is_special(c: char) -> bool {
    matches!(c, '%' | '+' | '&' | '\\')
}

/// All readings of what `text` begins with; none where it is empty. A run of backslashes is one backslash,
/// since each level of escaping doubles it.
pub(super) fn readings(text: &str) -> impl Iterator<Item = Spelling> {
    let plain = text.chars().next().map(|meant| Spelling {
        meant,
        bytes: meant.len_utf8(),
    });
    let others = match plain.map(|plain| plain.meant) {
        Some('%') => [percent(text), None],
        Some('+') => [reading(' ', 1), None],
        Some('&') => [html(text), None],
        Some('\\') => backslash(text),
        _ => [None, None],
    };
    // A backslash is read with the whole run only.
    let plain = plain.filter(|plain| plain.meant != '\\');
    plain.into_iter().chain(others.into_iter().flatten())
}

/// Whether the text may be the beginning of a longer spelling, so that what follows would decide.
pub(super) fn may_go_on(text: &str) -> bool {
    text.len() < LONGEST && text.starts_with(is_special) && !text.starts_with('+')
}

#[allow(clippy::unnecessary_wraps)]
fn reading(meant: char, bytes: usize) -> Option<Spelling> {
    Some(Spelling { meant, bytes })
}

/// `%41`, also encoded twice, `%2541`, and characters of several bytes.
fn percent(text: &str) -> Option<Spelling> {
    let mut bytes = [0; 4];
    let mut at = 0;
    for length in 1..=4 {
        let mut rest = text.get(at..)?.strip_prefix('%')?;
        while let Some(deeper) = rest.strip_prefix("25")
            && hex(deeper, 2).is_some()
        {
            rest = deeper;
        }
        bytes[length - 1] = u8::try_from(hex(rest, 2)?).ok()?;
        at = text.len() - rest.len() + 2;
        let read = std::str::from_utf8(&bytes[..length]);
        if let Some(meant) = read.ok().and_then(|read| read.chars().next()) {
            return reading(meant, at);
        }
    }
    None
}

/// The run of backslashes alone, and with what follows as one escaped character.
fn backslash(text: &str) -> [Option<Spelling>; 2] {
    let rest = text.trim_start_matches('\\');
    let run = text.len() - rest.len();
    let Some(next) = rest.chars().next() else {
        return [reading('\\', run), None];
    };
    let escaped = match next {
        'u' => unicode(&rest[1..]).map(|(meant, bytes)| (meant, 1 + bytes)),
        'x' => hex(&rest[1..], 2)
            .and_then(char::from_u32)
            .map(|meant| (meant, 3)),
        'n' => Some(('\n', 1)),
        'r' => Some(('\r', 1)),
        't' => Some(('\t', 1)),
        'b' => Some(('\u{8}', 1)),
        'f' => Some(('\u{c}', 1)),
        '0' => Some(('\0', 1)),
        other if !other.is_alphanumeric() => Some((other, other.len_utf8())),
        _ => None,
    };
    let escaped = escaped.and_then(|(meant, bytes)| reading(meant, run + bytes));
    [reading('\\', run), escaped]
}

/// What follows `\u`: four digits, or eight with `\u` between for a pair of surrogates, or digits in braces.
fn unicode(text: &str) -> Option<(char, usize)> {
    if let Some(inner) = text.strip_prefix('{') {
        let (digits, _) = inner.split_once('}')?;
        let meant = u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)?;
        return Some((meant, digits.len() + 2));
    }
    let first = hex(text, 4)?;
    if let Some(meant) = char::from_u32(first) {
        return Some((meant, 4));
    }
    let rest = &text[4..];
    let low = rest.trim_start_matches('\\').strip_prefix('u')?;
    let second = hex(low, 4)?;
    let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let meant = char::decode_utf16(pair).next()?.ok()?;
    Some((meant, text.len() - low.len() + 4))
}

fn html(text: &str) -> Option<Spelling> {
    let window = text.get(1..text.len().min(12)).or_else(|| text.get(1..))?;
    let (name, _) = window.split_once(';')?;
    let meant = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            number.ok().and_then(char::from_u32)?
        }
    };
    reading(meant, name.len() + 2)
}

/// So many hexadecimal digits as a number.
fn hex(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if all {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(char, usize)> {
        readings(text)
            .map(|reading| (reading.meant, reading.bytes))
            .collect()
    }

    #[test]
    fn a_character_has_many_spellings() {
        for (text, meant, bytes) in [
            ("a", 'a', 1),
            ("%2fx", '/', 3),
            ("%2F", '/', 3),
            ("%252Fx", '/', 5),
            ("%C3%A9", 'é', 6),
            ("+", ' ', 1),
            ("\\\"x", '"', 2),
            ("\\\\\\\"", '"', 4),
            ("\\/", '/', 2),
            ("\\u0041", 'A', 6),
            ("\\ud83d\\ude00!", '😀', 12),
            ("\\u{e9}", 'é', 6),
            ("\\n", '\n', 2),
            ("&amp;", '&', 5),
            ("&#x2F;", '/', 6),
            ("&#47;", '/', 5),
        ] {
            assert!(
                read(text).contains(&(meant, bytes)),
                "{text}: {:?}",
                read(text)
            );
        }
        assert_eq!(read("\\\\x4"), [('\\', 2)]);
        assert_eq!(read("%zz"), [('%', 1)]);
        assert_eq!(read("&é;"), [('&', 1)]);
        assert_eq!(read(""), []);
    }
}
