//! Failures as text for people, and as the document of a command that has no result.

use serde::Serialize;

use crate::cli::escape::{escape, escape_lines};
use crate::cli::failure::{Failure, Report};
use crate::cli::page::wrap;
use crate::cli::style::{Style, StyleRole};
use crate::cli::width::width as columns_of;

/// The JSON document of a command that has no result: `exit_code` and `errors` as beside a result,
/// and in its place the most severe failure as `error`.
pub(super) fn error_document(report: &Report) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct ErrorDocument<'r> {
        exit_code: u8,
        error: &'r Failure,
        errors: Vec<&'r Failure>,
    }
    serde_json::to_string_pretty(&ErrorDocument {
        exit_code: report.kind().code(),
        error: report.first(),
        errors: report.iter().collect(),
    })
}

/// A failure as text: what happened, the points of it, what was kept, what to do. Lines break between
/// words where they would be wider than a terminal.
pub(super) fn render(failure: &Failure, style: Style, width: Option<usize>) -> String {
    let error = "error: ".len();
    let mut text = format!(
        "{}: {}\n",
        style.paint(StyleRole::Error, "error"),
        indented(&failure.happened, width, error)
    );
    let mut line = |indent: &str, label: &str, said: &str| {
        let label_lines = match width {
            Some(width) => wrap(
                label,
                width.saturating_sub(indent.len() + 1),
                width.saturating_sub(5),
            ),
            None => vec![label],
        };
        let before = if label_lines.len() > 1 {
            INDENT.len()
        } else {
            indent.len()
        };
        let last = label_lines.last().map_or(0, |line| columns_of(line));
        let painted: Vec<String> = label_lines
            .iter()
            .map(|line| style.paint(StyleRole::Heading, line))
            .collect();
        let label = painted.join(&format!("\n{INDENT}"));
        let said = indented(said, width, before + last + 2);
        // A text that begins on another line has no space before it.
        let gap = if said.starts_with('\n') { "" } else { " " };
        text.push_str(&format!("{indent}{label}:{gap}{said}\n"));
    };
    for cause in &failure.causes {
        line("  ", "cause", cause);
    }
    for detail in &failure.details {
        match &detail.place {
            Some(place) => line("  ", &escape(place), &detail.happened),
            None => line("  ", "also", &detail.happened),
        }
        if let Some(action) = &detail.action {
            line("    ", "do", action);
        }
    }
    if let Some(kept) = &failure.kept {
        line("  ", "kept", kept);
    }
    if let Some(action) = &failure.action {
        line("  ", "do", action);
    }
    text
}

/// What further lines of a failure begin with.
const INDENT: &str = "    ";

/// Texts of several lines, such as what a parser says about SQL, keep their lines. The first line follows
/// `used` columns.
fn indented(text: &str, width: Option<usize>, used: usize) -> String {
    let text = escape_lines(text.trim_end());
    let Some(width) = width.filter(|_| !text.contains('\n')) else {
        return text.replace('\n', &format!("\n{INDENT}"));
    };
    let others = width.saturating_sub(INDENT.len());
    wrap(&text, width.saturating_sub(used), others).join(&format!("\n{INDENT}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::ExitKind;
    use crate::cli::failure::FailureDetail;

    fn failure() -> Failure {
        Failure::new(ExitKind::Source, "source `a\u{1b}[2J` failed")
            .details([
                FailureDetail {
                    place: Some("2026-01-01".to_owned()),
                    happened: "answered 403".to_owned(),
                    action: Some("grant AUDITLOG".to_owned()),
                },
                FailureDetail {
                    place: None,
                    happened: "first\nsecond".to_owned(),
                    action: None,
                },
            ])
            .kept("all other sources")
            .action("rerun")
    }

    #[test]
    fn a_failure_says_what_was_kept_and_what_to_do() {
        assert_eq!(
            render(&failure(), Style::PLAIN, None),
            "error: source `a\\u{1b}[2J` failed\n\
             \x20 2026-01-01: answered 403\n\
             \x20   do: grant AUDITLOG\n\
             \x20 also: first\n    second\n\
             \x20 kept: all other sources\n\
             \x20 do: rerun\n"
        );
    }

    #[test]
    fn a_failure_breaks_between_words_at_the_edge_of_a_terminal() {
        let failure = Failure::new(ExitKind::Source, "source `a` failed: no answer within 30 s")
            .action("check the address and the network, then run again");
        assert_eq!(
            render(&failure, Style::PLAIN, Some(30)),
            "error: source `a` failed: no\n    answer within 30 s\n  \
             do: check the address and\n    the network, then run\n    again\n"
        );
    }

    #[test]
    fn a_place_as_wide_as_the_terminal_breaks_too() {
        let failure = Failure::new(ExitKind::Gap, "records are missing").details([FailureDetail {
            place: Some("kestra-production tenant main".to_owned()),
            happened: "hole, unreadable".to_owned(),
            action: None,
        }]);
        assert_eq!(
            render(&failure, Style::PLAIN, Some(24)),
            "error: records are\n    missing\n  kestra-production\n    tenant main: hole,\n    unreadable\n"
        );
        assert_eq!(
            render(&failure, Style::PLAIN, Some(33)),
            "error: records are missing\n  kestra-production tenant main:\n    hole, unreadable\n"
        );
    }

    #[test]
    fn json_keeps_the_true_text() {
        let report = Report::from(failure());
        let json: serde_json::Value =
            serde_json::from_str(&error_document(&report).unwrap()).unwrap();
        assert_eq!(json["exit_code"], 3);
        assert_eq!(json["error"]["happened"], "source `a\u{1b}[2J` failed");
        assert_eq!(json["error"]["exit_code"], 3);
        assert_eq!(json["error"]["kind"], "source");
        assert_eq!(json["error"]["details"][0]["do"], "grant AUDITLOG");
        assert_eq!(json["errors"].as_array().unwrap().len(), 1);
    }
}
