//! What `init` asks about a platform.

use serde_json::Value;

/// A question of `init` about one setting of a `[[source]]`.
///
/// An answer is checked as the setting is, so a question only says what the checks of the platform do not know:
/// how to ask, and what to propose.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The setting that the answer becomes, with a dot before each key of an inner table.
    pub setting: &'static str,
    /// Other settings that answer the question, too.
    pub others: &'static [&'static str],
    /// As it is asked.
    pub text: &'static str,
    /// The answer that Enter accepts.
    pub proposal: Option<&'static str>,
    /// What happens where nobody can be asked.
    pub unanswered: Unanswered,
    /// How an answer becomes settings.
    pub meaning: Meaning,
}

/// What a question that nobody answers does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// Somebody must decide, so `init` ends.
    Missing,
    /// The proposal is taken.
    Proposal,
    /// The setting is left out.
    LeftOut,
}

/// How an answer becomes settings.
#[derive(Debug, Clone, Copy)]
pub enum Meaning {
    /// It is the value of the setting.
    Value,
    /// It becomes these settings, which [`Question::setting`] and [`Question::others`] name.
    Settings(fn(&str) -> Vec<(&'static str, Value)>),
}

impl Question {
    /// A question that somebody must answer.
    pub const fn new(setting: &'static str, text: &'static str) -> Self {
        Self {
            setting,
            others: &[],
            text,
            proposal: None,
            unanswered: Unanswered::Missing,
            meaning: Meaning::Value,
        }
    }

    /// The same with an answer that Enter accepts; where nobody can be asked somebody still has to give it.
    #[must_use]
    pub const fn proposing(self, proposal: &'static str) -> Self {
        Self {
            proposal: Some(proposal),
            ..self
        }
    }

    /// The same with an answer that counts unless somebody gives another.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self {
            proposal: Some(default),
            unanswered: Unanswered::Proposal,
            ..self
        }
    }

    /// The same about a setting that may be left out.
    #[must_use]
    pub const fn or_nothing(self) -> Self {
        Self {
            unanswered: Unanswered::LeftOut,
            ..self
        }
    }

    /// The same with other settings that answer the question, too.
    #[must_use]
    pub const fn unless(self, others: &'static [&'static str]) -> Self {
        Self { others, ..self }
    }

    /// The same with a rule by which an answer becomes settings, each of them one that answers the question.
    #[must_use]
    pub const fn meaning(self, settings: fn(&str) -> Vec<(&'static str, Value)>) -> Self {
        Self {
            meaning: Meaning::Settings(settings),
            ..self
        }
    }

    /// Every setting that answers the question.
    pub fn settings(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.setting).chain(self.others.iter().copied())
    }
}
