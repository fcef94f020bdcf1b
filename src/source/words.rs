//! What a platform says about a failure.

use crate::event::redact::Redaction;
use crate::foreign::Secrets;
use std::fmt;

/// Whether a platform's own words are kept.
///
/// **The rule.** The message of a failure may cite anything that the platform has, a record that it could
/// not read itself above all: with it a person's address would stand in a signed entry for ever. So where
/// any rule of redaction is in force nothing is kept of it; the code of the failure and the status tell what
/// happened. Without redaction it is one line of at most 400 characters without secrets, and what stores it
/// is classified as secret. [`PlatformWords`] can be made in no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// They are.
    Kept,
    /// They are not: redaction is in force.
    Withheld,
}

impl Wording {
    /// What is right under this redaction.
    pub const fn under(redaction: &Redaction) -> Self {
        match redaction.is_none() {
            true => Self::Kept,
            false => Self::Withheld,
        }
    }

    /// What may be kept of a text.
    pub(crate) fn of(self, text: &str, secrets: &Secrets) -> PlatformWords {
        PlatformWords(match self {
            Self::Kept => secrets.line(text),
            Self::Withheld => String::new(),
        })
    }

    /// The same of bytes; `cut` where they are not all that was sent.
    pub(crate) fn of_bytes(self, bytes: &[u8], cut: bool, secrets: &Secrets) -> PlatformWords {
        PlatformWords(match self {
            Self::Kept => secrets.line_of_bytes(bytes, cut),
            Self::Withheld => String::new(),
        })
    }
}

/// What a platform said about a failure, as far as it may be kept; see [`Wording`]. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformWords(String);

impl PlatformWords {
    /// That it was a web page, in our words, where nothing else is said.
    pub(crate) fn or_web_page(self) -> Self {
        match self.0.as_str() {
            "" => Self("a web page, perhaps not of the platform itself".to_owned()),
            _ => self,
        }
    }
}

/// The words after a colon, or nothing.
impl fmt::Display for PlatformWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            "" => Ok(()),
            words => write!(f, ": {words}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_under_redaction() {
        let secrets = Secrets::default();
        let said = "cannot read {\"userId\":\"anna@example.com\"}";
        assert_eq!(Wording::under(&Redaction::none()), Wording::Kept);
        assert_eq!(
            Wording::Kept.of(said, &secrets).to_string(),
            format!(": {said}")
        );
        for withheld in [
            Wording::Withheld.of(said, &secrets),
            Wording::Withheld.of_bytes(said.as_bytes(), true, &secrets),
        ] {
            assert_eq!(withheld, PlatformWords::default());
            assert_eq!(withheld.to_string(), "");
        }
        let long = Wording::Kept.of(&"x".repeat(9999), &secrets);
        assert!(long.to_string().chars().count() < 410);
    }
}
