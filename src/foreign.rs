//! Text that others wrote, made fit for a line of ours.
//!
//! [`Secrets::line`] is the one way from such text to a message, a log or a ledger entry: it censors first
//! and shortens afterwards.

mod ambient;
mod secrets;
mod spelling;

pub(crate) use ambient::{address_in, credentials_in};
pub(crate) use secrets::Secrets;

/// Longest text that is kept, in characters.
const LONGEST: usize = 400;

/// Most bytes of foreign text that are looked at for one line. More than is shown, so that censoring sees a
/// secret whole where the line ends within it.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// The text on one line, at most 400 characters, control and direction characters escaped.
fn on_one_line(text: &str) -> String {
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
            assert_eq!(on_one_line(given), shown);
        }
        assert_eq!(on_one_line(&"x".repeat(500)).chars().count(), LONGEST + 1);
    }
}
