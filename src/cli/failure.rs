//! What went wrong, said so that the reader knows what to do next.

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::ExitKind;
use crate::config::{ConfigError, SecretError};

/// One thing that went wrong.
///
/// Texts are lower case, without a full stop, and never hold a secret. They may hold names from platforms
/// unchanged, so escape them before printing them on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// Kind of failure, which decides the exit code; the reference of exit codes explains each.
    pub kind: ExitKind,
    /// Exit code of this failure alone.
    pub exit_code: u8,
    /// What happened.
    pub happened: Box<str>,
    /// Why, from the outermost cause to the innermost; absent if there is nothing to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The points of a failure that has several; absent if it has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<FailureDetail>,
    /// What was kept or is unchanged; absent if that is obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Box<str>>,
    /// What to do; absent if nothing can be done.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub action: Option<Box<str>>,
}

/// One point of a failure that has several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureDetail {
    /// Where it is: a place in a file, a source, an object; absent if the text says it.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What happened at this point.
    pub happened: String,
    /// What to do about this point; absent if `do` of the failure covers it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

impl Failure {
    /// A failure of which only the kind and the fact are known.
    pub fn new(kind: ExitKind, happened: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            exit_code: kind.code(),
            happened: happened.into(),
            causes: Vec::new(),
            details: Vec::new(),
            kept: None,
            action: None,
        }
    }

    /// A failure that says what an error says, with the error's sources as causes. A source that the
    /// message before it already ends with is left out.
    pub fn from_error(kind: ExitKind, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(kind, error.to_string());
        let mut before = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !before.ends_with(&cause) {
                failure.causes.push(cause.clone());
            }
            before = cause;
            source = error.source();
        }
        failure
    }

    /// Says what was kept.
    #[must_use]
    pub fn kept(mut self, kept: impl Into<Box<str>>) -> Self {
        self.kept = Some(kept.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn action(mut self, action: impl Into<Box<str>>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// Adds single points.
    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = FailureDetail>) -> Self {
        self.details.extend(details);
        self
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let details = error.problems().iter().map(|problem| FailureDetail {
            place: Some(problem.place()).filter(|place| !place.is_empty()),
            happened: problem.what.clone(),
            action: Some(problem.action.clone()),
        });
        Self::from_error(ExitKind::Usage, &error)
            .details(details)
            .kept("nothing was read or written")
            .action(error.action())
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        Self::from_error(ExitKind::Usage, &error).action(error.action())
    }
}

/// The failures of one command, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    first: Box<Failure>,
    rest: Vec<Failure>,
}

impl Report {
    /// Orders failures by severity; `None` where there are none.
    pub fn new(failures: impl IntoIterator<Item = Failure>) -> Option<Self> {
        let mut failures: Vec<Failure> = failures.into_iter().collect();
        failures.sort_by_key(|failure| failure.kind.rank());
        let mut failures = failures.into_iter();
        Some(Self {
            first: Box::new(failures.next()?),
            rest: failures.collect(),
        })
    }

    /// The kind of the most severe failure.
    pub fn kind(&self) -> ExitKind {
        self.first.kind
    }

    /// The most severe failure.
    pub fn first(&self) -> &Failure {
        &self.first
    }

    /// All failures, the most severe first.
    pub fn iter(&self) -> impl Iterator<Item = &Failure> {
        std::iter::once(self.first()).chain(&self.rest)
    }
}

impl<F: Into<Failure>> From<F> for Report {
    fn from(failure: F) -> Self {
        Self {
            first: Box::new(failure.into()),
            rest: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An unopenable lake printed its reason in the message and again as its cause.
    #[test]
    fn a_cause_that_the_message_ends_with_is_not_repeated() {
        #[derive(Debug, thiserror::Error)]
        #[error("no such directory")]
        struct Inner;
        #[derive(Debug, thiserror::Error)]
        enum Outer {
            #[error("cannot open: {0}")]
            Repeats(#[source] Inner),
            #[error("cannot open")]
            Bare(#[source] Inner),
        }
        let causes = |error: Outer| Failure::from_error(ExitKind::Usage, &error).causes;
        assert!(causes(Outer::Repeats(Inner)).is_empty());
        assert_eq!(causes(Outer::Bare(Inner)).len(), 1);
    }

    #[test]
    fn the_most_severe_failure_comes_first() {
        let report = Report::new([
            Failure::new(ExitKind::Source, "source `b` failed"),
            Failure::new(ExitKind::Gap, "a hole remains"),
            Failure::new(ExitKind::Source, "source `a` failed"),
        ])
        .unwrap();
        let said: Vec<&str> = report.iter().map(|f| f.happened.as_ref()).collect();
        assert_eq!(report.kind(), ExitKind::Gap);
        assert_eq!(
            said,
            ["a hole remains", "source `b` failed", "source `a` failed"]
        );
        assert!(Report::new([]).is_none());
    }

    #[test]
    fn an_error_brings_its_causes() {
        let error = SecretError::FileUnreadable {
            path: "/x".into(),
            source: std::io::Error::other("disk is gone"),
        };
        let failure = Failure::from(error);
        assert_eq!(&*failure.happened, "file `/x` cannot be read");
        assert_eq!(failure.causes, ["disk is gone"]);
        assert_eq!(failure.exit_code, 2);
    }
}
