//! Which rule a subject falls under.

use super::keep::Keep;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a rule applies to: records that match all four lists, where an absent list matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Categories; absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Names of platforms; absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platform: Vec<String>,
    /// Ids of sources in full (`kestra` is not `kestra-prod`); absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
    /// Ids of tenants; absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenant: Vec<String>,
}

impl Conditions {
    /// Whether they hold of everything that other conditions hold of.
    pub fn cover(&self, other: &Self) -> bool {
        let lists = [
            (&self.category, &other.category),
            (&self.platform, &other.platform),
            (&self.source, &other.source),
            (&self.tenant, &other.tenant),
        ];
        lists.into_iter().all(|(ours, theirs)| {
            let within = !theirs.is_empty() && theirs.iter().all(|it| ours.contains(it));
            ours.is_empty() || within
        })
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in plans, decisions and certificates.
    pub name: String,
    /// What it is about.
    #[serde(rename = "match")]
    pub conditions: Conditions,
    /// How long that is kept.
    pub keep: Keep,
}

/// The rules in order, and how long everything else is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Of several that fit a subject the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What no rule fits.
    pub default: Keep,
    /// The platform of each source that is configured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, String>,
}

/// How a subject fares under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// Number of the rule that decides; none for the default.
    pub rule: Option<usize>,
    /// The last date on which it is kept; `None` for always.
    pub last_day: Option<NaiveDate>,
}

impl RuleVerdict {
    /// Whether it is kept no longer on a date: its last day is before that.
    pub fn is_over(&self, on: NaiveDate) -> bool {
        self.last_day.is_some_and(|last_day| last_day < on)
    }
}

/// What rules and holds look at: what all rows of a file have in common. What is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicySubject<'a> {
    /// UTC date.
    pub date: NaiveDate,
    /// Category; `None` for quarantine.
    pub category: Option<&'a str>,
    /// Id of the source.
    pub source: &'a str,
    /// The tenant of all rows; `None` where there are several, or none is stated.
    pub tenant: Option<&'a str>,
}

/// Whether a condition holds of all rows of a subject, of none, or perhaps of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    Yes,
    No,
    Perhaps,
}

/// The categories that say what a record is about. Any other, `other` too, says nothing about it.
pub const CATEGORIES: [&str; 6] = [
    "authentication",
    "access_control",
    "resource_management",
    "execution",
    "data_access",
    "system_configuration",
];

/// Whether a category says what a record is about.
pub fn is_known_category(category: &str) -> bool {
    CATEGORIES.contains(&category)
}

impl Policy {
    /// The name of a rule, or `default`.
    pub fn name_of(&self, rule: Option<usize>) -> &str {
        rule.and_then(|rule| self.rules.get(rule))
            .map_or("default", |rule| &rule.name)
    }

    /// How long a rule keeps.
    pub fn keep_of(&self, rule: Option<usize>) -> Keep {
        rule.and_then(|rule| self.rules.get(rule))
            .map_or(self.default, |rule| rule.keep)
    }

    /// The verdict on a subject. The first rule that fits it decides. Where it cannot be known whether a
    /// rule fits (a category that says nothing, quarantine, rows of several tenants, a source that is
    /// not configured any more), every rule that might fit is asked, and the longest counts.
    pub fn verdict(&self, subject: &PolicySubject<'_>) -> RuleVerdict {
        let mut longest: Option<RuleVerdict> = None;
        let mut ask = |rule: Option<usize>| {
            let last_day = self.keep_of(rule).last_day(subject.date);
            let longer = match &longest {
                None => true,
                Some(RuleVerdict { last_day: None, .. }) => false,
                Some(RuleVerdict {
                    last_day: Some(known),
                    ..
                }) => last_day.is_none_or(|last_day| last_day > *known),
            };
            if longer {
                longest = Some(RuleVerdict { rule, last_day });
            }
        };
        for (number, rule) in self.rules.iter().enumerate() {
            match self.fits(&rule.conditions, subject) {
                Fits::No => {}
                Fits::Perhaps => ask(Some(number)),
                Fits::Yes => {
                    ask(Some(number));
                    return longest.unwrap_or(FOREVER);
                }
            }
        }
        ask(None);
        longest.unwrap_or(FOREVER)
    }

    /// The number of a rule; none for `default`, or a name that no rule has.
    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.name == name)
    }

    /// The verdict on subjects that stay or go together: the one that keeps them longest.
    pub fn verdict_on_all(&self, subjects: &[PolicySubject<'_>]) -> RuleVerdict {
        let verdicts = subjects.iter().map(|subject| self.verdict(subject));
        let longer = |one: RuleVerdict, other: RuleVerdict| match (one.last_day, other.last_day) {
            (None, _) => one,
            (Some(_), None) => other,
            (Some(of_one), Some(of_other)) if of_other > of_one => other,
            _ => one,
        };
        verdicts.reduce(longer).unwrap_or(FOREVER)
    }

    /// The verdict on everything of a source and date, whatever it is about: the one that keeps longest.
    pub fn verdict_on_date(&self, source: &str, date: NaiveDate) -> RuleVerdict {
        self.verdict(&PolicySubject {
            date,
            category: None,
            source,
            tenant: None,
        })
    }

    /// Whether a rule may be about a subject if nothing is asked of the tenant.
    pub fn may_be_about_but_for_tenant(&self, rule: &Rule, subject: &PolicySubject<'_>) -> bool {
        let conditions = Conditions {
            tenant: Vec::new(),
            ..rule.conditions.clone()
        };
        self.fits(&conditions, subject) != Fits::No
    }

    fn fits(&self, conditions: &Conditions, subject: &PolicySubject<'_>) -> Fits {
        let category = subject.category.filter(|it| is_known_category(it));
        let platform = self.platforms.get(subject.source).map(String::as_str);
        all([
            fits_one(&conditions.category, category),
            fits_one(&conditions.platform, platform),
            fits_one(&conditions.source, Some(subject.source)),
            fits_one(&conditions.tenant, subject.tenant),
        ])
    }
}

/// What keeps everything: better than guessing, should no rule have been asked.
const FOREVER: RuleVerdict = RuleVerdict {
    rule: None,
    last_day: None,
};

fn fits_one(wanted: &[String], known: Option<&str>) -> Fits {
    match known {
        _ if wanted.is_empty() => Fits::Yes,
        None => Fits::Perhaps,
        Some(known) if wanted.iter().any(|it| it == known) => Fits::Yes,
        Some(_) => Fits::No,
    }
}

fn all(conditions: [Fits; 4]) -> Fits {
    if conditions.contains(&Fits::No) {
        Fits::No
    } else if conditions.contains(&Fits::Perhaps) {
        Fits::Perhaps
    } else {
        Fits::Yes
    }
}
