//! Text that others wrote, made fit for a line of ours.

/// Longest text that is kept, in characters.
const LONGEST: usize = 300;

/// The text on one line, at most 300 characters, control and direction characters escaped.
pub(crate) fn foreign(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        let direction = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || direction {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_one_short_line() {
        for (given, shown) in [
            ("  plain ", "plain"),
            ("two\nlines", "two\\nlines"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("é…", "é…"),
        ] {
            assert_eq!(foreign(given), shown);
        }
        assert_eq!(foreign(&"x".repeat(400)).chars().count(), LONGEST + 1);
    }
}
