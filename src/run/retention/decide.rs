//! What is due now, and whether it may go without a person looking at it.

use super::Retaining;
use super::summary::{Decided, RetentionSummary, RuleToConfirm, ToConfirm};
use crate::ledger::entry::{Body, ExpiredPart, Retention};
use crate::ledger::rebase::Rebase;
use crate::policy::AsOf;
use crate::retention::{Amount, RetentionPlan, plan, plan_id};
use crate::run::RunError;
use crate::run::ingest::Committer;
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// Most files of one decision, so that an entry and what it leaves to be done stay small; the rest goes
/// with the next.
const FILES_AT_ONCE: u64 = 10_000;

/// What a person has confirmed.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// Id of the plan that was shown.
    pub plan: String,
    /// Who confirms it.
    pub by: String,
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
    // Others may have written entries since the run began.
    let now = committer.now();
    let found = plan(&committer.state, retaining.policy, AsOf::now(&now));
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
    let unattended = found.unattended(&now);
    if !unattended.to_confirm.is_empty() {
        let rules = unattended.to_confirm.iter().map(|rule| RuleToConfirm {
            rule: rule.rule.clone(),
            dates: rule.due_dates,
            amount: rule.due,
            reasons: rule.confirm.clone(),
        });
        summary.to_confirm = Some(ToConfirm {
            plan: id.clone(),
            clock: unattended.clock,
            rules: rules.collect(),
        });
    }
    Ok(Going {
        parts: unattended.parts,
        plan: id,
    })
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
        retaining.step.observer.doing("deciding what to delete");
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
