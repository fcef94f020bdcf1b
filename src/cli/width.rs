//! How many columns of a terminal a text takes: East Asian characters and emoji take two, combining marks none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a text without control characters.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text with spaces after it, so that it takes at least `columns` columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Where the character begins that is the first to begin after `room` columns.
pub(super) fn end_of(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        if used > room {
            return at;
        }
        used += character.width().unwrap_or(0);
    }
    text.len()
}

/// The text in at most `room` columns: what is too long ends with `…`, and no character is cut in half.
#[cfg(feature = "query")]
pub(super) fn cut(text: &str, room: usize) -> std::borrow::Cow<'_, str> {
    use unicode_segmentation::UnicodeSegmentation;
    if width(text) <= room {
        return text.into();
    }
    let mut end = 0;
    for (at, character) in text.grapheme_indices(true) {
        let after = at + character.len();
        if width(&text[..after]) >= room || character.len() > LONGEST_CHARACTER {
            break;
        }
        end = after;
    }
    match room {
        0 => "".into(),
        _ => format!("{}…", &text[..end]).into(),
    }
}

/// A character with more bytes is a pile of marks, which no terminal shows.
#[cfg(feature = "query")]
const LONGEST_CHARACTER: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        for (text, columns) in [
            ("", 0),
            ("größe", 5),
            ("gro\u{308}ße", 5),
            ("日本語", 6),
            ("👩‍👩‍👧", 2),
            ("…", 1),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
    }

    #[test]
    fn a_padded_text_takes_the_columns_asked_for() {
        for text in ["", "größe", "日本語", "longer than that"] {
            assert_eq!(width(&padded(text, 8)), width(text).max(8), "{text}");
        }
    }

    #[test]
    fn a_place_in_a_text_is_counted_in_columns() {
        for (text, room, end) in [
            ("abc", 0, "a"),
            ("abc", 1, "ab"),
            ("abc", 9, "abc"),
            ("日本語", 2, "日本"),
            ("日本語", 3, "日本"),
            ("o\u{308}o", 1, "o\u{308}o"),
        ] {
            assert_eq!(&text[..end_of(text, room)], end, "{text} {room}");
        }
    }

    #[cfg(feature = "query")]
    #[test]
    fn a_cut_text_fits_and_keeps_its_characters_whole() {
        for (text, room, shown) in [
            ("daily_load", 10, "daily_load"),
            ("daily_load", 9, "daily_lo…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("a👩‍👩‍👧bc", 4, "a👩‍👩‍👧…"),
            ("a👩‍👩‍👧bc", 3, "a…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            let cut = cut(text, room);
            assert_eq!(cut, shown, "{text} in {room}");
            assert!(width(&cut) <= room);
        }
        let marks = "\u{308}".repeat(1 << 20);
        assert_eq!(cut(&format!("ab{marks}cde"), 3), "a…");
    }
}
