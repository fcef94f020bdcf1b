//! Results on stdout, as text for people or as one JSON document for programs; failures on stderr,
//! or in that document.

mod ending;
mod failure;

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;
use terminal_size::{Height, Width, terminal_size_of};

use super::escape::escape;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::page::Page;
use super::stderr::to_stderr;
use super::style::{ColorChoice, Style};
use ending::AsText;
use failure::{error_document, render};

pub use ending::{Ending, OutputDocument};

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Text,
    /// One JSON document on stdout and nothing else
    Json,
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
    pub(super) fn show(&self, document: &impl OutputDocument) {
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
