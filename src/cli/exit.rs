//! Exit codes. Schedulers and scripts act on them, so their numbers never change.

use std::process::ExitCode;

use serde::{Serialize, Serializer};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitKind {
    /// All done, nothing missing.
    Done,
    /// A bug or a failure that nobody foresaw; a rerun is safe.
    Unforeseen,
    /// Usage or configuration; a rerun will not help.
    Usage,
    /// A source failed, the others committed.
    Source,
    /// The lake or another destination failed; nothing was lost.
    Destination,
    /// A gap or a hole remains: records may be lost at the source.
    Gap,
    /// A signature, the chain or a file does not fit; do not rerun.
    Integrity,
    /// Another writer won.
    Superseded,
    /// Confirmation is needed.
    Confirmation,
    /// Findings to look at.
    Findings,
    /// SIGINT before it was done.
    Interrupted,
    /// SIGTERM before it was done.
    Terminated,
}

impl ExitKind {
    /// Every kind, the most severe first. [`Self::Usage`] comes before anything was tried and so
    /// never meets another kind; its place tells nothing, and neither does that of the two that a signal makes.
    pub const BY_SEVERITY: [Self; 12] = [
        Self::Integrity,
        Self::Gap,
        Self::Unforeseen,
        Self::Usage,
        Self::Destination,
        Self::Source,
        Self::Superseded,
        Self::Confirmation,
        Self::Findings,
        Self::Interrupted,
        Self::Terminated,
        Self::Done,
    ];

    /// Every kind by its exit code.
    pub const BY_CODE: [Self; 12] = [
        Self::Done,
        Self::Unforeseen,
        Self::Usage,
        Self::Source,
        Self::Destination,
        Self::Gap,
        Self::Integrity,
        Self::Superseded,
        Self::Confirmation,
        Self::Findings,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The process exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unforeseen => 1,
            Self::Usage => 2,
            Self::Source => 3,
            Self::Destination => 4,
            Self::Gap => 5,
            Self::Integrity => 6,
            Self::Superseded => 7,
            Self::Confirmation => 8,
            Self::Findings => 10,
            // As shells count signals.
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The name in JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unforeseen => "unforeseen",
            Self::Usage => "usage",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Gap => "gap",
            Self::Integrity => "integrity",
            Self::Superseded => "superseded",
            Self::Confirmation => "confirmation",
            Self::Findings => "findings",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    /// What it means, for help texts and the docs.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "everything done, nothing missing",
            Self::Unforeseen => "a bug or an unforeseen failure",
            Self::Usage => "usage or configuration",
            Self::Source => "a source failed or was not read to the end (others committed)",
            Self::Destination => "the lake or a warehouse failed",
            Self::Gap => "a gap or a hole remains",
            Self::Integrity => "integrity: a signature, the chain or a file failed verification",
            Self::Superseded => "another writer was first, nothing of this run was needed",
            Self::Confirmation => "confirmation needed",
            Self::Findings => "findings",
            Self::Interrupted => "ended by SIGINT before it was done",
            Self::Terminated => "ended by SIGTERM before it was done",
        }
    }

    /// What to do about it; nothing where all is done.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Unforeseen => "report it, a rerun is safe",
            Self::Usage => "fix it, a rerun will not help",
            Self::Source => "rerun, see the source",
            Self::Destination => "rerun, nothing was lost",
            Self::Gap => "page: records may be lost at the source",
            Self::Integrity => "page security, do not rerun",
            Self::Superseded => "rerun later",
            Self::Confirmation => "read the plan, pass `--confirm` or run `clock confirm`",
            Self::Findings => "check what was found",
            Self::Interrupted | Self::Terminated => "rerun, what was committed is kept",
        }
    }

    /// The most severe of several kinds; [`Self::Done`] where there are none.
    pub fn most_severe(kinds: impl IntoIterator<Item = Self>) -> Self {
        kinds
            .into_iter()
            .min_by_key(|kind| kind.rank())
            .unwrap_or(Self::Done)
    }

    /// Position in [`Self::BY_SEVERITY`].
    pub(super) fn rank(self) -> usize {
        let found = Self::BY_SEVERITY.iter().position(|kind| *kind == self);
        found.unwrap_or(Self::BY_SEVERITY.len())
    }
}

impl From<ExitKind> for ExitCode {
    fn from(kind: ExitKind) -> Self {
        Self::from(kind.code())
    }
}

impl Serialize for ExitKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl schemars::JsonSchema for ExitKind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExitKind".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Self::BY_CODE.map(Self::name);
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_at_once_end_as_the_most_severe() {
        let severe: Vec<u8> = ExitKind::BY_SEVERITY
            .iter()
            .map(|kind| kind.code())
            .filter(|code| *code != 2)
            .collect();
        assert_eq!(severe, [6, 5, 1, 4, 3, 7, 8, 10, 130, 143, 0]);
        for (at, kind) in ExitKind::BY_SEVERITY.iter().enumerate() {
            for milder in &ExitKind::BY_SEVERITY[at..] {
                assert_eq!(ExitKind::most_severe([*milder, *kind]), *kind);
            }
        }
        assert_eq!(ExitKind::most_severe([]), ExitKind::Done);
    }
}
