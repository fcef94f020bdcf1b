//! Deleting what is due by rule: unattended where the guard of the policy lets it, and carried out in each
//! warehouse and in the lake.
//!
//! What is decided is out of the lake with the entry: nobody reads it, and nothing of it is read in again.

mod execution;
mod summary;

pub(super) use execution::RetentionExecution;
pub use summary::{
    CarriedOut, RetentionDecided, RetentionFailure, RetentionSummary, RuleToConfirm, ToConfirm,
};

use super::driver::{Driver, PlannedDecision};
use super::error::DecisionError;
use super::kind::{Carried, Decision};
use super::place::DecisionContext;
use crate::clock::Now;
use crate::ledger::entry::{Body, ExpiredPart, GivenUp, Retention};
use crate::ledger::log::LogError;
use crate::policy::{AsOf, Policy};
use crate::retention::{RetentionPlan, plan};
use async_trait::async_trait;

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

/// A wish to delete what is due.
struct ExpiryWish<'a> {
    policy: &'a Policy,
    /// The warehouses that it goes from, too.
    warehouses: Vec<String>,
    confirmed_by: Option<&'a str>,
}

#[async_trait]
impl Decision for ExpiryWish<'_> {
    type Plan = RetentionPlan;
    type Share = Vec<ExpiredPart>;

    const PLANS_AGAIN: u32 = 16;

    async fn plan(&self, context: DecisionContext<'_>) -> Result<RetentionPlan, DecisionError> {
        // Others may have written entries since the run began.
        let now = context.ledger.now();
        Ok(plan(&context.ledger.state, self.policy, AsOf::now(&now)))
    }

    fn all(&self, plan: &RetentionPlan) -> Vec<Vec<ExpiredPart>> {
        shares(plan.due.clone())
    }

    fn unattended(
        &self,
        plan: &RetentionPlan,
        now: &Now,
    ) -> Result<Vec<Vec<ExpiredPart>>, DecisionError> {
        Ok(shares(plan.unattended(now).parts))
    }

    async fn entry(
        &self,
        context: DecisionContext<'_>,
        share: &Vec<ExpiredPart>,
        plan_id: &str,
    ) -> Result<Body, DecisionError> {
        Ok(Body::Retention(Box::new(Retention {
            as_of: context.ledger.attempt.now.date_naive(),
            policy: self.policy.clone(),
            parts: share.clone(),
            warehouses: self.warehouses.clone(),
            plan: plan_id.to_owned(),
            confirmed_by: self.confirmed_by.map(str::to_owned),
        })))
    }
}

/// Parts in as many shares as it takes. A single part is always taken.
fn shares(parts: Vec<ExpiredPart>) -> Vec<Vec<ExpiredPart>> {
    let mut shares: Vec<Vec<ExpiredPart>> = Vec::new();
    let mut files = 0;
    for part in parts {
        files += part.files;
        match shares.last_mut().filter(|_| files <= FILES_AT_ONCE) {
            Some(share) => share.push(part),
            None => {
                files = part.files;
                shares.push(vec![part]);
            }
        }
    }
    shares
}

/// Finishes what was decided, decides what is due now, and carries it out as far as it can be.
///
/// # Errors
/// The ledger, and a confirmation that is about something else. What fails at a place is part of the summary,
/// and keeps nothing else from being done.
pub async fn apply(
    driver: &mut Driver<'_>,
    policy: &Policy,
    confirmation: Option<&Confirmation>,
) -> Result<RetentionSummary, DecisionError> {
    let mut summary = RetentionSummary::new(driver.ledger.attempt.now.date_naive());
    let warehouses = driver.places.warehouses.iter();
    let expiry = ExpiryWish {
        policy,
        warehouses: warehouses.map(|it| it.name.clone()).collect(),
        confirmed_by: confirmation.map(|it| it.by.as_str()),
    };
    let confirmed = confirmation.map(|it| it.plan.as_str());
    // A confirmation that is about something else ends the step before anything goes.
    let planned = driver.plan(&expiry).await?;
    let approved = driver.approve(&expiry, planned, confirmed)?;
    summary.finished(driver.finish().await?);
    if driver.places.is_stopped() {
        summary.look_at(&approved.planned, confirmed, &driver.ledger.now());
        summary.close(&driver.ledger.state);
        summary.stopped = true;
        return Ok(summary);
    }
    if !approved.shares.is_empty() {
        (driver.places.say)("deciding what to delete");
    }
    let decided = driver.commit(&expiry, approved, confirmed).await?;
    summary.look_at(&decided.planned, confirmed, &driver.ledger.now());
    for (sequence, parts) in &decided.entries {
        summary.decided(*sequence, parts, expiry.confirmed_by);
    }
    if !decided.entries.is_empty() {
        summary.finished(driver.finish().await?);
    }
    summary.close(&driver.ledger.state);
    // What a lock keeps, or a warehouse that is down, is not for want of time.
    let mut open = driver.ledger.state.retention.open.values();
    let cut_short = open.any(|open| !open.tried);
    summary.stopped = cut_short && driver.places.is_stopped();
    Ok(summary)
}

/// Gives a warehouse up: nobody can reach it any more, so no decision waits for it. Returns the decisions
/// that did.
///
/// # Errors
/// The ledger.
pub async fn give_up(driver: &mut Driver<'_>, given_up: &GivenUp) -> Result<Vec<u64>, LogError> {
    let open = driver.ledger.state.retention.open_at(&given_up.warehouse);
    let open: Vec<u64> = open.map(|(decision, _)| decision).collect();
    for decision in &open {
        let carried = Carried::GivenUp(given_up.clone());
        driver
            .receipt(&RetentionExecution, *decision, &carried)
            .await?;
    }
    Ok(open)
}

impl RetentionSummary {
    /// Says what a plan says: what is held, and what has to be confirmed where nobody has.
    fn look_at(
        &mut self,
        planned: &PlannedDecision<RetentionPlan>,
        confirmed: Option<&str>,
        now: &Now,
    ) {
        self.held = planned.plan.total_held();
        let unattended = planned.plan.unattended(now);
        let asked = confirmed.is_none() && !unattended.to_confirm.is_empty();
        self.to_confirm = asked.then(|| ToConfirm::of(&planned.id, &unattended));
    }
}
