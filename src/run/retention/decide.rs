//! What is due now, and whether it may go without a person looking at it.

use super::Retaining;
use super::summary::{Decided, RetentionSummary, RuleToConfirm, ToConfirm};
use crate::ledger::entry::{Body, ExpiredPart, Retention};
use crate::ledger::rebase::Rebase;
use crate::retention::{Amount, RetentionPlan, plan, plan_id};
use crate::run::ingest::Committer;
use crate::run::job::Job;
use crate::run::{CLOCKS_APART, RunError};
use crate::window::format_instant;
use chrono::{DateTime, NaiveDate, SubsecRound as _, TimeDelta, Utc};
use std::collections::BTreeSet;

/// Most files of one decision, so that an entry and what it leaves to be done stay small; the rest goes
/// with the next.
const FILES_AT_ONCE: u64 = 10_000;
/// How much older than now the newest entry may be where nobody else tells the time.
const LONGEST_SILENCE: TimeDelta = TimeDelta::days(30);

/// What a person has confirmed.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// Id of the plan that was shown.
    pub plan: String,
    /// Who confirms it.
    pub by: String,
}

/// What speaks against the clock by which something would be due: an entry that is newer, or, where no
/// store tells the time, one that is far too old.
pub fn clock_objections(
    now: DateTime<Utc>,
    newest_entry: DateTime<Utc>,
    store_tells: bool,
) -> Vec<String> {
    let whole = |at: DateTime<Utc>| format_instant(at.trunc_subsecs(0));
    let (ours, theirs) = (whole(now), whole(newest_entry));
    if newest_entry - now > CLOCKS_APART {
        vec![format!(
            "the clock says {ours}, and the newest entry was written later, at {theirs}"
        )]
    } else if !store_tells && now - newest_entry > LONGEST_SILENCE {
        vec![format!(
            "the clock says {ours}, {} days after the newest entry, and the store tells no time to \
             compare it with",
            (now - newest_entry).num_days()
        )]
    } else {
        Vec::new()
    }
}

fn objections(retaining: &Retaining<'_>, now: DateTime<Utc>) -> Vec<String> {
    let job: &Job = retaining.job;
    let store_tells = job.bucket.clock().now().is_some();
    clock_objections(now, retaining.newest_entry, store_tells)
}

/// What goes now.
pub(super) struct Going {
    parts: Vec<ExpiredPart>,
    plan: String,
}

/// Plans, and takes what may go: all of it if a person confirmed this very plan, otherwise what needs
/// no confirmation.
pub(super) fn due(
    retaining: &Retaining<'_>,
    committer: &Committer<'_>,
    summary: &mut RetentionSummary,
) -> Result<Going, RunError> {
    let now = committer.attempt.now;
    let found = plan(&committer.state, retaining.policy, now.date_naive());
    let id = plan_id(&committer.state.lake_id, &found)?;
    summary.held = held(&found);
    summary.to_confirm = None;
    if let Some(confirmation) = retaining.confirmation {
        if confirmation.plan != id {
            return Err(RunError::StalePlan {
                confirmed: confirmation.plan.clone(),
                found: id,
            });
        }
        return Ok(Going {
            parts: found.due,
            plan: id,
        });
    }
    let clock = objections(retaining, now);
    let asked = |rule: &&crate::retention::RuleStanding| {
        rule.due.files > 0 && (!clock.is_empty() || !rule.confirm.is_empty())
    };
    let rules: Vec<RuleToConfirm> = found
        .rules
        .iter()
        .filter(asked)
        .map(|rule| RuleToConfirm {
            rule: rule.rule.clone(),
            dates: rule.due_dates,
            amount: rule.due,
            reasons: rule.confirm.clone(),
        })
        .collect();
    let parts = if clock.is_empty() {
        found.due_unconfirmed()
    } else {
        Vec::new()
    };
    if !rules.is_empty() {
        summary.to_confirm = Some(ToConfirm {
            plan: id.clone(),
            clock,
            rules,
        });
    }
    Ok(Going { parts, plan: id })
}

fn held(plan: &RetentionPlan) -> Amount {
    let mut amount = Amount::default();
    for rule in &plan.rules {
        amount += rule.held;
    }
    amount
}

/// Commits what goes, in as many entries as it takes. Where a hold or another decision came first, it is
/// planned again.
pub(super) async fn decide(
    retaining: &Retaining<'_>,
    committer: &mut Committer<'_>,
    mut going: Going,
    summary: &mut RetentionSummary,
) -> Result<(), RunError> {
    loop {
        let Some((parts, rest)) = first_of(going.parts) else {
            return Ok(());
        };
        let amount = amount_of(&parts);
        let dates: BTreeSet<NaiveDate> = parts.iter().map(|part| part.date).collect();
        let confirmed_by = retaining.confirmation.map(|it| it.by.clone());
        let decision = Body::Retention(Box::new(Retention {
            as_of: committer.attempt.now.date_naive(),
            policy: retaining.policy.clone(),
            parts,
            warehouses: retaining
                .job
                .warehouses
                .iter()
                .map(|projection| projection.name.clone())
                .collect(),
            plan: going.plan.clone(),
            confirmed_by: confirmed_by.clone(),
        }));
        retaining.step.observer.doing("deciding what goes");
        let draft = committer.attempt.draft(decision);
        if committer.commit(&draft).await? == Rebase::CompareAgain {
            going = due(retaining, committer, summary)?;
            continue;
        }
        summary.decided.push(Decided {
            sequence: committer.state.head.sequence,
            dates: dates.len() as u64,
            amount,
            confirmed_by,
        });
        going.parts = rest;
    }
}

/// As many parts as one entry takes, and the others; none where there are none.
fn first_of(mut parts: Vec<ExpiredPart>) -> Option<(Vec<ExpiredPart>, Vec<ExpiredPart>)> {
    if parts.is_empty() {
        return None;
    }
    let mut files = 0;
    let enough = parts.iter().position(|part| {
        files += part.files;
        files > FILES_AT_ONCE
    });
    // A single part is always taken.
    let rest = parts.split_off(enough.unwrap_or(parts.len()).max(1));
    Some((parts, rest))
}

fn amount_of(parts: &[ExpiredPart]) -> Amount {
    Amount {
        files: parts.iter().map(|part| part.files).sum(),
        rows: parts.iter().map(|part| part.rows).sum(),
        bytes: parts.iter().map(|part| part.bytes).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_no_entry_bears_out_is_objected_to() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let newest = at("2026-05-01T00:00:00Z");
        for (now, store_tells, objects) in [
            ("2026-05-01T00:00:00Z", false, false),
            ("2026-04-30T23:56:00Z", true, false),
            ("2026-04-30T23:54:00Z", true, true),
            ("2016-05-01T00:00:00Z", false, true),
            ("2026-05-30T00:00:00Z", false, false),
            ("2026-06-01T00:00:00Z", false, true),
            // The store bears it out: nobody has written for a while.
            ("2026-06-01T00:00:00Z", true, false),
            ("2036-05-01T00:00:00Z", false, true),
        ] {
            let found = clock_objections(at(now), newest, store_tells);
            assert_eq!(!found.is_empty(), objects, "{now} {store_tells}");
        }
    }
}
