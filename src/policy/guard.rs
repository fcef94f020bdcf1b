//! What nobody deletes without a person having looked at it.

use super::rules::{Policy, PolicySubject};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// Dates of one rule that may be due at once without anybody looking at it.
const BACKLOG: usize = 7;

/// Looks at what is due, and says of which rules that has to be confirmed: those that keep nothing,
/// that are new or keep less than at the decision before, or of which many dates are due at once.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    policy: &'a Policy,
    /// The rules of the decision before.
    before: Option<&'a Policy>,
    as_of: NaiveDate,
    rules: BTreeMap<String, GuardSeen>,
}

#[derive(Debug, Default)]
struct GuardSeen {
    dates: BTreeSet<NaiveDate>,
    /// Whether some of it would have been kept by the rules of the decision before.
    kept_before: bool,
}

impl<'a> Guard<'a> {
    pub(crate) fn new(policy: &'a Policy, before: Option<&'a Policy>, as_of: NaiveDate) -> Self {
        Self {
            policy,
            before,
            as_of,
            rules: BTreeMap::new(),
        }
    }

    /// Takes note of what one entry has added to a partition, file by file, and is due under a rule.
    pub(crate) fn see(&mut self, rule: &str, date: NaiveDate, subjects: &[PolicySubject<'_>]) {
        let kept_before = self
            .before
            .is_some_and(|before| !before.verdict_on_all(subjects).is_over(self.as_of));
        if !self.rules.contains_key(rule) {
            self.rules.insert(rule.to_owned(), GuardSeen::default());
        }
        if let Some(seen) = self.rules.get_mut(rule) {
            seen.dates.insert(date);
            seen.kept_before |= kept_before;
        }
    }

    /// Dates of a rule that are due.
    pub(crate) fn dates(&self, rule: &str) -> usize {
        self.rules.get(rule).map_or(0, |seen| seen.dates.len())
    }

    /// Why what is due under a rule has to be confirmed; empty where it need not be.
    pub(crate) fn reasons(&self, rule: &str) -> Vec<String> {
        let Some(seen) = self.rules.get(rule) else {
            return Vec::new();
        };
        let mut reasons = Vec::new();
        let keep = self.policy.keep_of(self.policy.number_of(rule));
        if keep.is_nothing() {
            reasons.push("it keeps nothing".to_owned());
        }
        match self.before {
            None => reasons.push("it is new: there is no earlier decision".to_owned()),
            Some(before) if seen.kept_before => {
                let new = before.number_of(rule).is_none() && self.policy.number_of(rule).is_some();
                let what = if new {
                    "it is new since the last decision"
                } else {
                    "the rules keep less of this data than at the last decision"
                };
                reasons.push(what.to_owned());
            }
            Some(_) => {}
        }
        let dates = seen.dates.len();
        if dates > BACKLOG {
            reasons.push(format!(
                "{dates} dates are due at once, more than {BACKLOG}"
            ));
        }
        reasons
    }

    /// The first rule that has to be confirmed, and why.
    pub(crate) fn first_objection(&self) -> Option<(&str, String)> {
        self.rules.keys().find_map(|rule| {
            let reason = self.reasons(rule).into_iter().next()?;
            Some((rule.as_str(), reason))
        })
    }
}
