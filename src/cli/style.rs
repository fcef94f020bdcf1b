//! Colour, where the reader has a terminal and wants it. Nothing is told by colour alone.

use std::io::IsTerminal;

use clap::ValueEnum;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StyleRole {
    /// The word `error`.
    Error,
    /// The word `warning`.
    Warning,
    /// Headings and table heads.
    Heading,
    /// What is in order.
    Good,
    /// Less important words.
    Faint,
}

/// Whether one stream is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// Without any colour.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false };

    /// Decides for one stream.
    pub(crate) fn for_stream(choice: ColorChoice, stream: &impl IsTerminal) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self::decide(choice, stream.is_terminal(), set("NO_COLOR") || dumb)
    }

    fn decide(choice: ColorChoice, terminal: bool, unwanted: bool) -> Self {
        let colour = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !unwanted,
        };
        Self { colour }
    }

    /// Text in the colour of its role.
    pub(crate) fn paint(self, role: StyleRole, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let codes = match role {
            StyleRole::Error => "1;31",
            StyleRole::Warning => "1;33",
            StyleRole::Heading => "1",
            StyleRole::Good => "32",
            StyleRole::Faint => "2",
        };
        format!("\u{1b}[{codes}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_and_no_objection() {
        for (choice, terminal, unwanted, colour) in [
            (ColorChoice::Auto, true, false, true),
            (ColorChoice::Auto, true, true, false),
            (ColorChoice::Auto, false, false, false),
            (ColorChoice::Always, false, true, true),
            (ColorChoice::Never, true, false, false),
        ] {
            assert_eq!(Style::decide(choice, terminal, unwanted), Style { colour });
        }
        assert_eq!(Style::PLAIN.paint(StyleRole::Error, "error"), "error");
        let red = Style { colour: true }.paint(StyleRole::Error, "error");
        assert_eq!(red, "\u{1b}[1;31merror\u{1b}[0m");
    }
}
