//! Results on stdout, as text for people or as one JSON document for programs; failures on stderr,
//! or in that document.

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;
use terminal_size::{Height, Width, terminal_size_of};

use super::escape::{escape, escape_lines};
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::page::{Page, wrap};
use super::style::{ColorChoice, Role, Style};
use super::width::width as columns_of;

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Text,
    /// One JSON document on stdout and nothing else
    Json,
}

/// A result that can be shown in both forms. The JSON form is what `Serialize` says.
pub trait Document: Serialize {
    /// Puts the result on a page of text.
    fn text(&self, page: &mut Page);
}

/// How a command ended that has a result to show.
pub struct Ending {
    document: Option<Box<dyn Rendered>>,
    bare: bool,
    failures: Option<Report>,
    as_text: AsText,
}

/// What of an ending is written in the form of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AsText {
    /// The page on stdout, the failures on stderr.
    Both,
    /// With `-q` the failures alone: the page only reports what was done.
    FailuresIfQuiet,
    /// The page alone: it has the failures in it.
    Page,
}

impl Ending {
    /// A result that is shown exactly as it is, because its JSON form follows a standard or is
    /// complete.
    pub fn bare(document: impl Document + 'static) -> Self {
        Self {
            document: Some(Box::new(document)),
            bare: true,
            failures: None,
            as_text: AsText::Both,
        }
    }

    /// A result, and the failures beside it. The JSON form is the result's own object and in it
    /// two members more: `exit_code`, and `errors` with all failures, the most severe first.
    pub fn with_failures(
        document: impl Document + 'static,
        failures: impl IntoIterator<Item = Failure>,
    ) -> Self {
        Self {
            document: Some(Box::new(document)),
            bare: false,
            failures: Report::new(failures),
            as_text: AsText::Both,
        }
    }

    /// A report of what was done, and the failures beside it. With `-q`, the text of the report is left
    /// out: scheduled commands print nothing unless something failed.
    pub fn report(
        document: impl Document + 'static,
        failures: impl IntoIterator<Item = Failure>,
    ) -> Self {
        Self {
            as_text: AsText::FailuresIfQuiet,
            ..Self::with_failures(document, failures)
        }
    }

    /// Findings, which the page shows with what to do about each. As text they are not repeated on
    /// stderr.
    pub fn findings(
        document: impl Document + 'static,
        failures: impl IntoIterator<Item = Failure>,
    ) -> Self {
        Self {
            as_text: AsText::Page,
            ..Self::with_failures(document, failures)
        }
    }

    /// All is done, and what there was to show has been written already.
    pub fn written() -> Self {
        Self {
            document: None,
            bare: true,
            failures: None,
            as_text: AsText::Both,
        }
    }

    /// What there was to show has been written in part when the command failed. The failure is told
    /// on stderr, whatever the form of the output: half a document must not be made to look whole.
    pub fn broken_off(failure: Failure) -> Self {
        Self {
            document: None,
            bare: true,
            failures: Report::new([failure]),
            as_text: AsText::Both,
        }
    }

    fn kind(&self) -> ExitKind {
        self.failures.as_ref().map_or(ExitKind::Done, Report::kind)
    }
}

/// A document behind a pointer.
trait Rendered {
    fn page(&self, page: &mut Page);
    fn bare_json(&self) -> serde_json::Result<String>;
    fn json(&self, exit_code: u8, errors: &[&Failure]) -> serde_json::Result<String>;
}

impl<D: Document> Rendered for D {
    fn page(&self, page: &mut Page) {
        self.text(page);
    }

    fn bare_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    fn json(&self, exit_code: u8, errors: &[&Failure]) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Envelope<'e, D: Serialize> {
            #[serde(flatten)]
            document: &'e D,
            exit_code: u8,
            errors: &'e [&'e Failure],
        }
        serde_json::to_string_pretty(&Envelope {
            document: self,
            exit_code,
            errors,
        })
    }
}

/// Where results and failures go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    quiet: bool,
    stdout: Style,
    stderr: Style,
}

impl Output {
    pub(super) fn new(format: Format, quiet: bool, color: ColorChoice) -> Self {
        Self {
            format,
            quiet,
            stdout: Style::for_stream(color, &io::stdout()),
            stderr: Style::for_stream(color, &io::stderr()),
        }
    }

    /// The form asked for.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether results go to a terminal and may be laid out for one.
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// How results may be painted.
    #[cfg(feature = "query")]
    pub(super) fn style(&self) -> Style {
        self.stdout
    }

    /// Tells the user something that is no result, on stderr; nothing with `-q`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            to_stderr(&format!("{}\n", escape(text)));
        }
    }

    /// Writes a document while the command still goes on. A reader that has gone is no failure.
    #[cfg(feature = "demo")]
    pub(super) fn show(&self, document: &impl Document) {
        let text = match self.format {
            Format::Text => {
                let mut page = Page::new(self.stdout, columns(terminal_size_of(io::stdout())));
                document.text(&mut page);
                page.into_text()
            }
            Format::Json => serde_json::to_string(document)
                .map(with_newline)
                .unwrap_or_default(),
        };
        if let Err(error) = to_stdout(&text) {
            tracing::debug!("nobody reads stdout: {error}");
        }
    }

    /// Writes the result and the failures of a command and says how it ended.
    pub(super) fn finish(&self, result: Result<Ending, Report>) -> ExitKind {
        let (kind, written) = match &result {
            Ok(ending) => (ending.kind(), self.ending(ending)),
            Err(report) => (report.kind(), self.report(report)),
        };
        match written {
            Ok(()) => kind,
            // Whoever read our output has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => kind,
            Err(error) => {
                let mut failure = Failure::new(
                    ExitKind::Destination,
                    "the result cannot be written to stdout",
                )
                .kept("all effects of the command; only its output is missing");
                failure.causes.push(error.to_string());
                to_stderr(&render(
                    &failure,
                    self.stderr,
                    columns(terminal_size_of(io::stderr())),
                ));
                ExitKind::most_severe([kind, ExitKind::Destination])
            }
        }
    }

    fn ending(&self, ending: &Ending) -> io::Result<()> {
        let Some(document) = &ending.document else {
            if let Some(report) = &ending.failures {
                to_stderr(&self.text(report));
            }
            return Ok(());
        };
        match self.format {
            Format::Text => {
                if ending.as_text != AsText::FailuresIfQuiet || !self.quiet {
                    let mut page = Page::new(self.stdout, columns(terminal_size_of(io::stdout())));
                    document.page(&mut page);
                    to_stdout(&page.into_text())?;
                }
                if let Some(report) = &ending.failures
                    && ending.as_text != AsText::Page
                {
                    to_stderr(&self.text(report));
                }
                Ok(())
            }
            Format::Json if ending.bare => to_stdout(&with_newline(document.bare_json()?)),
            Format::Json => {
                let errors: Vec<&Failure> = ending.failures.iter().flat_map(Report::iter).collect();
                let json = document.json(ending.kind().code(), &errors)?;
                to_stdout(&with_newline(json))
            }
        }
    }

    fn report(&self, report: &Report) -> io::Result<()> {
        match self.format {
            Format::Text => {
                to_stderr(&self.text(report));
                Ok(())
            }
            Format::Json => to_stdout(&with_newline(error_document(report)?)),
        }
    }

    fn text(&self, report: &Report) -> String {
        let width = columns(terminal_size_of(io::stderr()));
        report
            .iter()
            .map(|failure| render(failure, self.stderr, width))
            .collect()
    }
}

/// The JSON document of a command that has no result: `exit_code` and `errors` as beside a result,
/// and in its place the most severe failure as `error`.
fn error_document(report: &Report) -> serde_json::Result<String> {
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
fn render(failure: &Failure, style: Style, width: Option<usize>) -> String {
    let error = "error: ".len();
    let mut text = format!(
        "{}: {}\n",
        style.paint(Role::Error, "error"),
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
            .map(|line| style.paint(Role::Heading, line))
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

fn with_newline(mut text: String) -> String {
    text.push('\n');
    text
}

fn to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Columns of a terminal.
fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    let (width, _) = size.filter(|(width, _)| width.0 > 0)?;
    Some(usize::from(width.0))
}

/// Writes to stderr between two frames of the progress bar. Where stderr is closed there is nobody
/// left to tell.
pub(super) fn to_stderr(text: &str) {
    super::progress::between_frames(|| {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Detail;

    #[derive(Serialize)]
    struct Greeting {
        word: &'static str,
        to: &'static str,
    }

    impl Document for Greeting {
        fn text(&self, page: &mut Page) {
            page.line(self.word);
        }
    }

    fn failure() -> Failure {
        Failure::new(ExitKind::Source, "source `a\u{1b}[2J` failed")
            .details([
                Detail {
                    place: Some("2026-01-01".to_owned()),
                    happened: "answered 403".to_owned(),
                    action: Some("grant AUDITLOG".to_owned()),
                },
                Detail {
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
        let failure = Failure::new(ExitKind::Gap, "records are missing").details([Detail {
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

    #[test]
    fn failures_beside_a_result_stand_in_its_document() {
        let greeting = Greeting {
            word: "hello",
            to: "world",
        };
        let bare = Ending::bare(greeting);
        assert_eq!(bare.kind(), ExitKind::Done);
        let json = bare.document.as_ref().unwrap().bare_json().unwrap();
        assert_eq!(json, "{\n  \"word\": \"hello\",\n  \"to\": \"world\"\n}");
        let failure = failure();
        let json = bare.document.unwrap().json(3, &[&failure]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["word"], "hello");
        assert_eq!(json["exit_code"], 3);
        assert_eq!(json["errors"][0]["kept"], "all other sources");
    }

    #[test]
    fn quiet_leaves_out_what_only_reports() {
        let greeting = || Greeting {
            word: "hello",
            to: "world",
        };
        assert_eq!(
            Ending::report(greeting(), []).as_text,
            AsText::FailuresIfQuiet
        );
        assert_eq!(Ending::with_failures(greeting(), []).as_text, AsText::Both);
        assert_eq!(Ending::findings(greeting(), []).as_text, AsText::Page);
    }

    #[test]
    fn a_result_that_broke_off_is_followed_by_no_document() {
        let ending = Ending::broken_off(failure());
        assert!(ending.document.is_none());
        assert_eq!(ending.kind(), ExitKind::Source);
    }
}
