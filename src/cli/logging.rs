//! The log: events of `tracing` on stderr, one line each, escaped.
//!
//! Only events of this crate are shown, whatever the level: the crates below it write headers and
//! bodies at their lower levels, and with them credentials.

use std::fmt;

use chrono::{SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::escape::escape;
use super::stderr::to_stderr;
use super::style::{Style, StyleRole};

/// Starts the log. `verbosity` is the number of `-v`; `timestamps` are for logs that are kept.
pub(super) fn start(quiet: bool, verbosity: u8, style: Style, timestamps: bool) {
    let level = level(quiet, verbosity);
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = LogLines { style, timestamps };
    // Fails only where a log runs already, as in tests of this crate.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(ours))
        .try_init();
}

fn level(quiet: bool, verbosity: u8) -> LevelFilter {
    match (quiet, verbosity) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

struct LogLines {
    style: Style,
    timestamps: bool,
}

impl<S: Subscriber> Layer<S> for LogLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = LogText::default();
        event.record(&mut text);
        let time = match self.timestamps {
            true => format!("{} ", Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)),
            false => String::new(),
        };
        to_stderr(&format!(
            "{time}{}\n",
            self.line(*event.metadata().level(), &text)
        ));
    }
}

impl LogLines {
    fn line(&self, level: Level, text: &LogText) -> String {
        let (word, role) = match level {
            Level::ERROR => ("error", StyleRole::Error),
            Level::WARN => ("warning", StyleRole::Warning),
            Level::INFO => ("info", StyleRole::Heading),
            Level::DEBUG => ("debug", StyleRole::Faint),
            Level::TRACE => ("trace", StyleRole::Faint),
        };
        let word = self.style.paint(role, word);
        format!("{word}: {}{}", escape(&text.message), escape(&text.fields))
    }
}

/// The message of an event, and its fields as ` name=value`.
#[derive(Default)]
struct LogText {
    message: String,
    fields: String,
}

impl Visit for LogText {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => self.fields.push_str(&format!(" {name}={value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message.push_str(&format!("{value:?}")),
            name => self.fields.push_str(&format!(" {name}={value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v_shows_more() {
        for (quiet, verbosity, shown) in [
            (true, 0, LevelFilter::ERROR),
            (false, 0, LevelFilter::WARN),
            (false, 1, LevelFilter::INFO),
            (false, 2, LevelFilter::DEBUG),
            (false, 9, LevelFilter::TRACE),
        ] {
            assert_eq!(level(quiet, verbosity), shown);
        }
    }

    #[test]
    fn a_line_is_one_line() {
        let lines = LogLines {
            style: Style::PLAIN,
            timestamps: false,
        };
        let text = LogText {
            message: "flow\n\u{1b}[2J read".to_owned(),
            fields: " rows=7".to_owned(),
        };
        assert_eq!(
            lines.line(Level::WARN, &text),
            "warning: flow\\n\\u{1b}[2J read rows=7"
        );
    }
}
