//! What a command has to show when it ends, and how it ended.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, Report};
use crate::cli::page::Page;

/// A result that can be shown in both forms. The JSON form is what `Serialize` says, and `JsonSchema`
/// describes it.
pub trait OutputDocument: Serialize + JsonSchema {
    /// Puts the result on a page of text.
    fn text(&self, page: &mut Page);
}

/// How a command ended that has a result to show.
pub struct Ending {
    pub(super) document: Option<Box<dyn Rendered>>,
    pub(super) bare: bool,
    pub(super) failures: Option<Report>,
    pub(super) as_text: AsText,
}

/// What of an ending is written in the form of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AsText {
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
    pub fn bare(document: impl OutputDocument + 'static) -> Self {
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
        document: impl OutputDocument + 'static,
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
        document: impl OutputDocument + 'static,
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
        document: impl OutputDocument + 'static,
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

    pub(super) fn kind(&self) -> ExitKind {
        self.failures.as_ref().map_or(ExitKind::Done, Report::kind)
    }
}

/// A document behind a pointer.
pub(super) trait Rendered {
    fn page(&self, page: &mut Page);
    fn bare_json(&self) -> serde_json::Result<String>;
    fn json(&self, exit_code: u8, errors: &[&Failure]) -> serde_json::Result<String>;
}

impl<D: OutputDocument> Rendered for D {
    fn page(&self, page: &mut Page) {
        self.text(page);
    }

    fn bare_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    fn json(&self, exit_code: u8, errors: &[&Failure]) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct OutputEnvelope<'e, D: Serialize> {
            #[serde(flatten)]
            document: &'e D,
            exit_code: u8,
            errors: &'e [&'e Failure],
        }
        serde_json::to_string_pretty(&OutputEnvelope {
            document: self,
            exit_code,
            errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Greeting {
        word: &'static str,
        to: &'static str,
    }

    impl OutputDocument for Greeting {
        fn text(&self, page: &mut Page) {
            page.line(self.word);
        }
    }

    fn failure() -> Failure {
        Failure::new(ExitKind::Source, "source `a` failed").kept("all other sources")
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
