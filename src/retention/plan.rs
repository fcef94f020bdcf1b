//! What is due under a policy on a date, and what a hold keeps all the same.

use super::amount::Amount;
use crate::clock::Now;
use crate::lake::layout::Table;
use crate::ledger::entry::{ExpiredPart, FileEntry, Span};
use crate::ledger::state::{LiveFile, State};
use crate::policy::{AsOf, Guard, Keep, Policy, PolicySubject, Protection};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A partition that is past its time and kept by a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Held {
    /// What it is.
    #[serde(flatten)]
    pub due: ExpiredPart,
    /// Names of the cases that hold it.
    pub cases: Vec<String>,
    /// Whether it is held only because its category is not known: the holds name categories.
    pub in_doubt: bool,
}

/// What one rule deletes and keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleStanding {
    /// Name of the rule, or `default`.
    pub rule: String,
    /// How long the rule keeps records, as in `400d`.
    pub keep: Keep,
    /// What is due under the rule and not held.
    pub due: Amount,
    /// Number of dates with something due.
    pub due_dates: u64,
    /// What is past its time and kept by a hold.
    pub held: Amount,
    /// What the rule or a hold keeps.
    pub kept: Amount,
    /// The oldest date that is kept; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_kept: Option<NaiveDate>,
    /// First date on which more becomes due; absent if nothing will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<NaiveDate>,
    /// Reasons why what is due needs confirmation; empty if it needs none.
    pub confirm: Vec<String>,
}

/// What is due under the rules on a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RetentionPlan {
    /// The date for which the rules are applied.
    pub as_of: NaiveDate,
    /// The date by which holds end, if it is earlier than `as_of` because the clock is not confirmed;
    /// absent if it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_as_of: Option<NaiveDate>,
    /// What each rule deletes and keeps: the rules in order, then the default.
    pub rules: Vec<RuleStanding>,
    /// Partitions that are due and not held, in order.
    pub due: Vec<ExpiredPart>,
    /// Partitions that are past their time and kept by a hold, in order.
    pub held: Vec<Held>,
}

impl RetentionPlan {
    /// All that is due.
    pub fn total(&self) -> Amount {
        let mut total = Amount::default();
        for rule in &self.rules {
            total += rule.due;
        }
        total
    }

    /// All that would be due if it were not held.
    pub fn total_held(&self) -> Amount {
        let mut total = Amount::default();
        for rule in &self.rules {
            total += rule.held;
        }
        total
    }

    /// What of it goes without anybody looking at it, now. This decides, and everything that shows it asks
    /// it too.
    pub fn unattended(&self, now: &Now) -> Unattended<'_> {
        let clock = now.objections();
        let asked = |rule: &&RuleStanding| !clock.is_empty() || !rule.confirm.is_empty();
        let due = self.rules.iter().filter(|rule| rule.due.files > 0);
        let (to_confirm, free): (Vec<_>, Vec<_>) = due.partition(asked);
        let names: Vec<&str> = free.iter().map(|rule| rule.rule.as_str()).collect();
        let goes = |part: &&ExpiredPart| names.contains(&part.rule.as_str());
        let mut amount = Amount::default();
        free.iter().for_each(|rule| amount += rule.due);
        Unattended {
            parts: self.due.iter().filter(goes).cloned().collect(),
            amount,
            to_confirm,
            clock,
        }
    }
}

/// What of a plan goes by itself, and what waits for a person.
#[derive(Debug, Clone)]
pub struct Unattended<'p> {
    /// What goes by itself.
    pub parts: Vec<ExpiredPart>,
    /// How much that is.
    pub amount: Amount,
    /// Rules of which something is due that has to be confirmed first.
    pub to_confirm: Vec<&'p RuleStanding>,
    /// What speaks against the clock; nothing goes by itself then.
    pub clock: Vec<String>,
}

/// What files of one date that fare alike have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PlanGroup<'s> {
    table: Table,
    category: Option<&'s str>,
    source: &'s str,
    tenant: Option<&'s str>,
    rule: Option<usize>,
    last_day: NaiveDate,
    cases: Vec<String>,
    in_doubt: bool,
}

/// Applies a policy to the live files of a lake. The files that one entry has added to a
/// partition are due together, when the last day of all of them is before that date, and never while a
/// hold in force protects them: a warehouse tells rows apart by entry and partition, not by file.
pub fn plan(state: &State, policy: &Policy, as_of: AsOf) -> RetentionPlan {
    let AsOf { due: today, holds } = as_of;
    let order: Vec<Option<usize>> = (0..policy.rules.len()).map(Some).chain([None]).collect();
    let mut standings: BTreeMap<Option<usize>, RuleStanding> = order
        .iter()
        .map(|rule| (*rule, standing(policy, *rule)))
        .collect();
    let mut guard = Guard::new(policy, state.retention.policy.as_ref(), today);
    let mut plan = RetentionPlan {
        as_of: today,
        holds_as_of: (holds != today).then_some(holds),
        rules: Vec::with_capacity(order.len()),
        due: Vec::new(),
        held: Vec::new(),
    };
    for (date, files) in &state.files {
        let mut parts: BTreeMap<PlanGroup<'_>, ExpiredPart> = BTreeMap::new();
        for entries in partitions(files).values() {
            // Of which part the entry before was, in the same partition.
            let mut before: Option<PlanGroup<'_>> = None;
            for (sequence, files) in entries {
                let subjects: Vec<PolicySubject<'_>> =
                    files.iter().map(|file| file.subject()).collect();
                let verdict = policy.verdict_on_all(&subjects);
                let Some(standing) = standings.get_mut(&verdict.rule) else {
                    continue;
                };
                let over = verdict.last_day.filter(|_| verdict.is_over(today));
                let Some((last_day, first)) = over.zip(files.first()) else {
                    standing.kept.add(files);
                    keep(standing, *date);
                    // The day after the last one.
                    let next = verdict.last_day.and_then(|last_day| last_day.succ_opt());
                    standing.next_due = standing.next_due.into_iter().chain(next).min();
                    before = None;
                    continue;
                };
                let Protection { cases, in_doubt } = state.protection(&first.subject(), holds);
                if cases.is_empty() {
                    standing.due.add(files);
                    guard.see(&standing.rule, *date, &subjects);
                } else {
                    standing.held.add(files);
                    standing.kept.add(files);
                    keep(standing, *date);
                }
                let group = PlanGroup {
                    table: first.table,
                    category: first.category.as_deref(),
                    source: &first.source,
                    tenant: tenant_of_all(&subjects),
                    rule: verdict.rule,
                    last_day,
                    cases,
                    in_doubt,
                };
                let part = parts
                    .entry(group.clone())
                    .or_insert_with(|| part_of(&group, *date, policy));
                let mut amount = Amount::default();
                amount.add(files);
                part.files += amount.files;
                part.rows += amount.rows;
                part.bytes += amount.bytes;
                match part
                    .entries
                    .last_mut()
                    .filter(|_| before.as_ref() == Some(&group))
                {
                    Some(span) => span.to = *sequence,
                    None => part.entries.push(Span {
                        from: *sequence,
                        to: *sequence,
                    }),
                }
                before = Some(group);
            }
        }
        for (group, part) in parts {
            if group.cases.is_empty() {
                plan.due.push(part);
            } else {
                plan.held.push(Held {
                    due: part,
                    cases: group.cases,
                    in_doubt: group.in_doubt,
                });
            }
        }
    }
    plan.due
        .sort_by(|one, other| one.place().cmp(&other.place()));
    for rule in order {
        if let Some(mut standing) = standings.remove(&rule) {
            standing.due_dates = guard.dates(&standing.rule) as u64;
            standing.confirm = guard.reasons(&standing.rule);
            plan.rules.push(standing);
        }
    }
    plan
}

/// Table, category and source.
type PlannedPartition<'s> = (Table, Option<&'s str>, &'s str);

/// The files of one date by partition, and by the entry that added them.
fn partitions(
    files: &[LiveFile],
) -> BTreeMap<PlannedPartition<'_>, BTreeMap<u64, Vec<&FileEntry>>> {
    let mut partitions: BTreeMap<PlannedPartition<'_>, BTreeMap<u64, Vec<&FileEntry>>> =
        BTreeMap::new();
    for LiveFile { sequence, file } in files {
        let partition = (file.table, file.category.as_deref(), file.source.as_str());
        let entries = partitions.entry(partition).or_default();
        entries.entry(*sequence).or_default().push(file);
    }
    partitions
}

/// The tenant of all rows of some files.
fn tenant_of_all<'s>(subjects: &[PolicySubject<'s>]) -> Option<&'s str> {
    let (first, rest) = subjects.split_first()?;
    let tenant = first.tenant?;
    rest.iter()
        .all(|subject| subject.tenant == Some(tenant))
        .then_some(tenant)
}

fn part_of(group: &PlanGroup<'_>, date: NaiveDate, policy: &Policy) -> ExpiredPart {
    ExpiredPart {
        date,
        table: group.table,
        category: group.category.map(str::to_owned),
        source: group.source.to_owned(),
        tenant: group.tenant.map(str::to_owned),
        rule: policy.name_of(group.rule).to_owned(),
        last_day: group.last_day,
        entries: Vec::new(),
        files: 0,
        rows: 0,
        bytes: 0,
    }
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
