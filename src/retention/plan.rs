//! What is due under a policy on a date, and what a hold keeps all the same.

use super::hold::cases;
use super::keep::Keep;
use super::policy::Policy;
use crate::ledger::entry::FileEntry;
use crate::ledger::state::State;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Dates of one rule that may be due at once without anybody looking at it.
const BACKLOG: usize = 7;

/// Files, rows and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Amount {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, file: &FileEntry) {
        self.files += 1;
        self.rows += file.rows;
        self.bytes += file.bytes;
    }
}

/// What is due of one date, category and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// The rule.
    pub rule: String,
    /// UTC date.
    pub date: NaiveDate,
    /// Category; none for quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Source.
    pub source: String,
    /// The last date on which it was kept.
    pub last_day: NaiveDate,
    /// How much it is.
    #[serde(flatten)]
    pub amount: Amount,
}

/// What would be due if it were not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What it is.
    #[serde(flatten)]
    pub due: Due,
    /// The cases that hold it.
    pub cases: Vec<String>,
}

/// How one rule stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleStanding {
    /// The rule, or `default`.
    pub rule: String,
    /// How long it keeps.
    pub keep: Keep,
    /// What is due under it.
    pub due: Amount,
    /// Dates of that.
    pub due_dates: u64,
    /// What would be due if it were not held.
    pub held: Amount,
    /// What is kept under it, held or not.
    pub kept: Amount,
    /// The oldest date that is kept under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_kept: Option<NaiveDate>,
    /// The first date on which more will be due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<NaiveDate>,
    /// Why nothing of it would go without being confirmed.
    pub confirm: Vec<String>,
}

/// A policy, applied to a lake on a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionPlan {
    /// The date.
    pub as_of: NaiveDate,
    /// Every rule in order, and the default.
    pub rules: Vec<RuleStanding>,
    /// What is due.
    pub due: Vec<Due>,
    /// What is held.
    pub held: Vec<Held>,
}

impl RetentionPlan {
    /// All that is due.
    pub fn total(&self) -> Amount {
        let mut total = Amount::default();
        for rule in &self.rules {
            total.files += rule.due.files;
            total.rows += rule.due.rows;
            total.bytes += rule.due.bytes;
        }
        total
    }
}

/// A date, category and source under a rule, and the cases that hold it.
type Key = (
    Option<usize>,
    NaiveDate,
    Option<String>,
    String,
    Vec<String>,
);

/// Applies a policy to the live files of a lake as of a date. A file is due when its last day is before
/// that date, and is never due while a hold protects it.
pub fn plan(state: &State, policy: &Policy, as_of: NaiveDate) -> RetentionPlan {
    let order: Vec<Option<usize>> = (0..policy.rules.len()).map(Some).chain([None]).collect();
    let mut standings: BTreeMap<Option<usize>, RuleStanding> = order
        .iter()
        .map(|rule| (*rule, standing(policy, *rule)))
        .collect();
    let mut groups: BTreeMap<Key, (NaiveDate, Amount)> = BTreeMap::new();
    let mut dates: BTreeMap<Option<usize>, BTreeSet<NaiveDate>> = BTreeMap::new();
    for live in state.live_files() {
        let file = &live.file;
        let verdict = policy.verdict(file);
        let Some(standing) = standings.get_mut(&verdict.rule) else {
            continue;
        };
        let over = verdict.last_day.filter(|last_day| *last_day < as_of);
        let Some(last_day) = over else {
            standing.kept.add(file);
            keep(standing, file.date);
            // The day after the last one.
            let next = verdict.last_day.and_then(|last_day| last_day.succ_opt());
            standing.next_due = standing.next_due.into_iter().chain(next).min();
            continue;
        };
        let cases = cases(state, file, as_of);
        if cases.is_empty() {
            standing.due.add(file);
            dates.entry(verdict.rule).or_default().insert(file.date);
        } else {
            standing.held.add(file);
            standing.kept.add(file);
            keep(standing, file.date);
        }
        let key = (
            verdict.rule,
            file.date,
            file.category.clone(),
            file.source.clone(),
            cases,
        );
        let group = groups.entry(key).or_insert((last_day, Amount::default()));
        group.1.add(file);
    }
    let mut plan = RetentionPlan {
        as_of,
        rules: Vec::with_capacity(order.len()),
        due: Vec::new(),
        held: Vec::new(),
    };
    for ((rule, date, category, source, cases), (last_day, amount)) in groups {
        let due = Due {
            rule: policy.name_of(rule).to_owned(),
            date,
            category,
            source,
            last_day,
            amount,
        };
        if cases.is_empty() {
            plan.due.push(due);
        } else {
            plan.held.push(Held { due, cases });
        }
    }
    plan.due.sort_by(|one, other| place(one).cmp(&place(other)));
    plan.held
        .sort_by(|one, other| place(&one.due).cmp(&place(&other.due)));
    for rule in order {
        let Some(mut standing) = standings.remove(&rule) else {
            continue;
        };
        let due_dates = dates.get(&rule).map_or(0, BTreeSet::len);
        standing.due_dates = due_dates as u64;
        if due_dates > 0 && policy.keep_of(rule).is_nothing() {
            standing.confirm.push("it keeps nothing".to_owned());
        }
        if due_dates > BACKLOG {
            standing.confirm.push(format!(
                "{due_dates} dates are due at once, more than {BACKLOG}"
            ));
        }
        plan.rules.push(standing);
    }
    plan
}

fn place(due: &Due) -> (NaiveDate, Option<&str>, &str) {
    (due.date, due.category.as_deref(), &due.source)
}

fn keep(standing: &mut RuleStanding, date: NaiveDate) {
    standing.oldest_kept = standing.oldest_kept.into_iter().chain([date]).min();
}

fn standing(policy: &Policy, rule: Option<usize>) -> RuleStanding {
    RuleStanding {
        rule: policy.name_of(rule).to_owned(),
        keep: policy.keep_of(rule),
        due: Amount::default(),
        due_dates: 0,
        held: Amount::default(),
        kept: Amount::default(),
        oldest_kept: None,
        next_due: None,
        confirm: Vec::new(),
    }
}
