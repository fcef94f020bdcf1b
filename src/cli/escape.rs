//! Names that come from platforms may hold anything. On a terminal a control character moves the
//! cursor or sets colours, and a direction mark makes text read as something else; so neither
//! reaches one. JSON output keeps the true text, since its readers are programs.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes text safe to show on one line of a terminal: control characters and invisible characters
/// that change how text is shown are written as `\n`, `\t`, `\r` or `\u{…}`.
///
/// A backslash stays as it is, so the result is for reading only and cannot be turned back.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_dangerous) else {
        return Cow::Borrowed(text);
    };
    let mut safe = String::with_capacity(text.len() + 16);
    safe.push_str(&text[..first]);
    for c in text[first..].chars() {
        push_escaped(&mut safe, c);
    }
    Cow::Owned(safe)
}

/// Like [`escape`], but line feeds stay.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    let dangerous = |c: char| c != '\n' && is_dangerous(c);
    if !text.contains(dangerous) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\n' {
            safe.push(c);
        } else {
            push_escaped(&mut safe, c);
        }
    }
    Cow::Owned(safe)
}

fn push_escaped(safe: &mut String, c: char) {
    match c {
        '\n' => safe.push_str("\\n"),
        '\t' => safe.push_str("\\t"),
        '\r' => safe.push_str("\\r"),
        c if is_dangerous(c) => {
            // Writing into a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        }
        c => safe.push(c),
    }
}

/// Whether a character acts on a terminal, or on how the text around it is shown.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators; invisible operators; byte order mark.
            | '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            // Interlinear annotation, and tags, which hide whole sentences.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_and_not_done() {
        for (text, shown) in [
            ("daily_load", "daily_load"),
            ("Ärger mit Größe, 日本語, 👩‍👩‍👧", "Ärger mit Größe, 日本語, 👩‍👩‍👧"),
            ("CORP\\anna", "CORP\\anna"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            ("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
            ("\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
            (
                "a\u{e0041}\u{feff}\u{2028}",
                "a\\u{e0041}\\u{feff}\\u{2028}",
            ),
            ("\u{7f}", "\\u{7f}"),
        ] {
            assert_eq!(escape(text), shown);
        }
        assert_eq!(escape_lines("a\n\u{1b}b\n"), "a\n\\u{1b}b\n");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(text in any::<String>()) {
            prop_assert!(!escape(&text).contains(is_dangerous));
            prop_assert!(!escape_lines(&text).replace('\n', "").contains(is_dangerous));
        }
    }
}
