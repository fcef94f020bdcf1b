//! What must not be shown of what others say.

use super::ambient::ambient;
use super::spelling::{is_special, may_go_on, readings};
use super::{MOST_BYTES, on_one_line};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

/// What stands in place of a secret.
const MARK: &str = "[credential]";

/// Secrets shorter than this have no base64 that could be told from words.
const SHORTEST_IN_BASE64: usize = 4;

/// The secrets of one conversation. Any of them may come back in what the other side says.
///
/// **The rule.** Foreign text is censored whole and shortened afterwards, by [`Secrets::line`] and nothing
/// else. A secret is found in the clear, percent-encoded (`%2f`, `%2F`, `+`), escaped as in JSON or Rust, as
/// HTML writes it, and in base64, standard or URL-safe, also within a longer base64 text such as the
/// `user:password` of Basic. Letters count as equal in either case, since host names lose theirs. Text that
/// was not read to its end may end amid a secret, so there its beginning is enough.
///
/// Cheap to clone; clones share what they know. Passwords of proxies are known to all.
#[derive(Clone)]
pub(crate) struct Secrets(Arc<RwLock<KnownSecret>>);

#[derive(Default)]
struct KnownSecret {
    /// What was learnt, so that learning it again, as of each request, costs a look.
    values: HashSet<String>,
    needles: Vec<Needle>,
}

/// One form of a secret.
#[derive(Clone, PartialEq, Eq)]
struct Needle {
    /// Without repeated backslashes.
    chars: Vec<char>,
    base64: bool,
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new(ambient())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    fn new(values: &[String]) -> Self {
        let secrets = Self(Arc::default());
        values.iter().for_each(|value| secrets.learn(value));
        secrets
    }

    /// Adds a secret, for all clones.
    pub(crate) fn learn(&self, value: &str) {
        let read = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_known = read.values.contains(value);
        drop(read);
        if is_known {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.values.insert(value.to_owned());
        for needle in forms(value) {
            if !known.needles.contains(&needle) {
                known.needles.push(needle);
            }
        }
    }

    /// Foreign text as one line of at most 400 characters without any of the secrets.
    pub(crate) fn line(&self, text: &str) -> String {
        self.line_of(text, false)
    }

    /// The same of bytes; `cut` where they are not all that was sent.
    pub(crate) fn line_of_bytes(&self, bytes: &[u8], cut: bool) -> String {
        let cut = cut || bytes.len() > MOST_BYTES;
        let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
        // Half a character at the end is no end of a secret.
        let whole = match std::str::from_utf8(bytes) {
            Err(error) if cut && error.error_len().is_none() => &bytes[..error.valid_up_to()],
            _ => bytes,
        };
        self.line_of(&String::from_utf8_lossy(whole), cut)
    }

    fn line_of(&self, text: &str, cut: bool) -> String {
        let end = text.floor_char_boundary(MOST_BYTES);
        on_one_line(&self.censored(&text[..end], cut || end < text.len()))
    }

    /// Text without any of the secrets, however long; `cut` where it is not all that was sent.
    pub(crate) fn censored<'a>(&self, text: &'a str, cut: bool) -> Cow<'a, str> {
        let found = self.find(text, cut);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for range in found {
            out.push_str(&text[from..range.start]);
            out.push_str(MARK);
            from = range.end;
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// Where secrets stand, in order and apart.
    fn find(&self, text: &str, cut: bool) -> Vec<Range<usize>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Range<usize>> = Vec::new();
        let starts = text.char_indices().map(|(at, _)| at);
        for at in starts {
            let ends = known.needles.iter().filter_map(|needle| {
                let end = needle.end_in(text, at, cut)?;
                Some(match needle.base64 {
                    true => run_around(text, at..end),
                    false => at..end,
                })
            });
            let Some(range) = ends.reduce(|one, other| united(&one, &other)) else {
                continue;
            };
            match found.last_mut() {
                Some(last) if range.start < last.end => *last = united(last, &range),
                _ => found.push(range),
            }
        }
        found
    }
}

fn united(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.min(other.start)..one.end.max(other.end)
}

/// The forms of a secret that spellings do not cover.
fn forms(value: &str) -> Vec<Needle> {
    let plain = |chars: &str| Needle {
        chars: without_repeated_backslashes(chars),
        base64: false,
    };
    if value.is_empty() {
        return Vec::new();
    }
    let mut forms = vec![plain(value)];
    // Of a key of several lines one may come back alone; the first and the last say only what it is.
    let lines = value
        .lines()
        .filter(|line| line.len() >= 8 && line.len() < value.len());
    forms.extend(lines.filter(|line| !line.starts_with("-----")).map(plain));
    if value.len() < SHORTEST_IN_BASE64 {
        return forms;
    }
    for before in 0..3 {
        // Characters of base64 hold six bits: those that hold bits of the secret alone are always the same.
        let first = (before * 8_usize).div_ceil(6);
        let after = (before + value.len()) * 8 / 6;
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value.as_bytes());
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&bytes);
            let needle = Needle {
                chars: encoded[first..after].chars().collect(),
                base64: true,
            };
            if !forms.contains(&needle) {
                forms.push(needle);
            }
        }
    }
    forms
}

fn without_repeated_backslashes(text: &str) -> Vec<char> {
    let mut chars: Vec<char> = text.chars().collect();
    chars.dedup_by(|one, other| *one == '\\' && *other == '\\');
    chars
}

/// The whole base64 text around a part of it: what stands beside holds bits of the secret too, and the rest
/// of a credential.
fn run_around(text: &str, part: Range<usize>) -> Range<usize> {
    let encoded = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'%')
    };
    let bytes = text.as_bytes();
    let before = bytes[..part.start].iter().rev().take_while(|b| encoded(b));
    let after = bytes[part.end..].iter().take_while(|b| encoded(b));
    part.start - before.count()..part.end + after.count()
}

impl Needle {
    /// Where it ends if it begins at `at`; the end of the text where that is cut and may be its beginning.
    fn end_in(&self, text: &str, at: usize, cut: bool) -> Option<usize> {
        // Spellings are ambiguous, so several ends are followed at once; there are never more than a few.
        let mut ends = vec![at];
        for (number, wanted) in self.chars.iter().enumerate() {
            // Most characters have one reading.
            if let [end] = &mut ends[..]
                && let Some(found) = text[*end..].chars().next()
                && !is_special(found)
            {
                if !self.is(found, *wanted) {
                    return None;
                }
                *end += found.len_utf8();
                continue;
            }
            let mut next: Vec<usize> = Vec::new();
            for end in &ends {
                let rest = &text[*end..];
                let goes_on = rest.is_empty() && number > 0 || may_go_on(rest);
                if cut && goes_on && self.is_cut_in(rest, *wanted) {
                    return Some(text.len());
                }
                for reading in readings(rest).filter(|it| self.is(it.meant, *wanted)) {
                    let end = *end + reading.bytes;
                    if !next.contains(&end) {
                        next.push(end);
                    }
                }
            }
            if next.is_empty() {
                return None;
            }
            ends = next;
        }
        ends.into_iter().max()
    }

    fn is(&self, found: char, wanted: char) -> bool {
        found == wanted || !self.base64 && found.eq_ignore_ascii_case(&wanted)
    }

    /// Whether the rest of a cut text is nothing, or only the beginning of a spelling.
    fn is_cut_in(&self, rest: &str, wanted: char) -> bool {
        // One that is whole has been read, and what follows it would be looked at.
        let whole = || readings(rest).any(|it| it.bytes > 1 || self.is(it.meant, wanted));
        let spells =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '%' | '\\' | '{' | '#' | '&');
        rest.is_empty() || rest.chars().all(spells) && !whole()
    }
}

#[cfg(test)]
mod tests;
