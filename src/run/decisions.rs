//! Decisions without a run around them: what the commands of each kind do.

use super::committing::redaction_applied;
use super::error::RunError;
use super::job::Job;
use super::job::RunObserver;
use super::job::{open_ledger, open_writer, refuse_contradicted};
use super::loading::{LoadSummary, load_with, tidy};
use crate::decision::rebuild::{RebuildPlans, RebuildWish};
use crate::decision::remap::{RemapPlan, RemapSource, RemapWish};
use crate::decision::retention::{Confirmation, RetentionSummary};
use crate::decision::sweep::Swept;
use crate::decision::{
    Carried, DecisionError, DecisionKind, DecisionPlace, FinishedDecisions, KINDS, PlannedDecision,
    StalePlan, driver, remap, retention,
};
use crate::ledger::entry::{FilesExpired, GivenUp};
use crate::policy::Policy;
use crate::warehouse::WarehouseFailure;
use chrono::{NaiveDate, TimeDelta};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::watch;

/// Applies the rules now, without reading any source: what `retention apply` does.
///
/// # Errors
/// No lake, a job that only reads, a confirmation that is about something else, a clock that something
/// contradicts, or a failing ledger.
pub async fn retain(
    job: &Job,
    policy: &Policy,
    confirmation: Option<&Confirmation>,
    stop: watch::Receiver<bool>,
    observer: &dyn RunObserver,
) -> Result<RetentionSummary, RunError> {
    observer.doing("reading the ledger");
    let mut ledger = open_writer(job).await?;
    let say = |what: &str| observer.doing(what);
    let mut driver = driver(&mut ledger, job.places(&stop, &say), &KINDS);
    let mut summary = retention::apply(&mut driver, policy, confirmation).await?;
    tidy(&job.warehouses, &ledger.state, &mut summary.notes).await;
    if let Err(note) = ledger.log.save_cache(&ledger.state).await {
        summary.notes.push(note.to_string());
    }
    Ok(summary)
}

/// Gives a warehouse up: nobody can reach it any more, so no decision waits for it. Returns the decisions
/// that did.
///
/// # Errors
/// No lake, a job that only reads, a clock that something contradicts, or a failing ledger.
pub async fn give_up(job: &Job, given_up: &GivenUp) -> Result<Vec<u64>, RunError> {
    let mut ledger = open_writer(job).await?;
    let (_tell, stop) = watch::channel(false);
    let kinds = [DecisionKind::Retention, DecisionKind::Remap];
    let mut driver = driver(&mut ledger, job.places(&stop, &|_| {}), &kinds);
    let mut open = retention::give_up(&mut driver, given_up).await?;
    open.extend(remap::give_up(&mut driver, given_up).await?);
    open.sort_unstable();
    Ok(open)
}

/// Looks for orphans, and removes them unless told only to look.
///
/// # Errors
/// No lake; where something is to be removed a job that only reads, or a clock that something contradicts
/// or nothing bears out; or a failing store or ledger.
pub async fn sweep(
    job: &Job,
    deadline: TimeDelta,
    dry_run: bool,
    observer: &dyn RunObserver,
) -> Result<Swept, RunError> {
    observer.doing("reading the ledger");
    let mut ledger = match dry_run {
        true => open_ledger(job).await?,
        false => open_writer(job).await?,
    };
    let (_tell, stop) = watch::channel(false);
    let say = |what: &str| observer.doing(what);
    // Files that others have replaced are no orphans, and go by the same command.
    let kinds = [DecisionKind::Sweep, DecisionKind::Remap];
    let mut driver = driver(&mut ledger, job.places(&stop, &say), &kinds);
    Ok(crate::decision::sweep::sweep(&mut driver, deadline, dry_run).await?)
}

/// What a wish to rebuild came to.
#[derive(Debug)]
pub struct RebuildSummary {
    /// What would be replaced, or was.
    pub planned: PlannedDecision<RebuildPlans>,
    /// How it ended.
    pub end: RebuildEnd,
}

/// How a wish to rebuild ended.
#[derive(Debug)]
pub enum RebuildEnd {
    /// It was planned alone: nobody has confirmed it, or there is nothing that could be.
    Planned,
    /// Another plan was confirmed.
    Stale(StalePlan),
    /// It was decided, and carried out as far as it could be.
    Decided(LoadSummary),
}

/// Plans what a rebuild would replace in the warehouses of a job, and replaces it if this very plan was
/// confirmed.
///
/// # Errors
/// No lake, a failing ledger or, where something is replaced, a job that only reads or a clock that something
/// contradicts. What fails in a warehouse is part of what is returned.
pub async fn rebuild(
    job: &Job,
    wish: &RebuildWish,
    confirmed: Option<&str>,
    stop: watch::Receiver<bool>,
    observer: &dyn RunObserver,
) -> Result<RebuildSummary, RunError> {
    let mut ledger = open_ledger(job).await?;
    let say = |what: &str| observer.doing(what);
    let kinds = [DecisionKind::Rebuild, DecisionKind::Remap];
    let mut driver = driver(&mut ledger, job.places(&stop, &say), &kinds);
    let planned = driver.plan(wish).await?;
    // Where all is right, as it is when somebody asks a second time, there is nothing to confirm.
    if confirmed.is_none() || !planned.plan.can_be_confirmed() {
        let end = RebuildEnd::Planned;
        return Ok(RebuildSummary { planned, end });
    }
    let approved = match driver.approve(wish, planned.clone(), confirmed) {
        Err(DecisionError::Stale(stale)) => {
            let end = RebuildEnd::Stale(stale);
            return Ok(RebuildSummary { planned, end });
        }
        approved => approved?,
    };
    job.refuse_to_only_read()?;
    refuse_contradicted(driver.ledger.attempt.clock.clone())?;
    let started_at = job.clock.now();
    let decided = driver.commit(wish, approved, confirmed).await?;
    let end = RebuildEnd::Decided(load_with(&mut driver, started_at).await?);
    Ok(RebuildSummary {
        planned: decided.planned,
        end,
    })
}

/// What a wish to derive columns again came to.
#[derive(Debug)]
pub struct RemapSummary {
    /// What would be changed, or was.
    pub planned: PlannedDecision<RemapPlan>,
    /// How it ended.
    pub end: RemapEnd,
}

/// How a wish to derive columns again ended.
#[derive(Debug)]
pub enum RemapEnd {
    /// It was planned alone: nobody has confirmed it, or there is nothing that could be.
    Planned,
    /// Another plan was confirmed.
    Stale(StalePlan),
    /// It was decided, and carried out as far as it could be.
    Decided(Box<RemapDone>),
}

/// What was done of a decision to derive columns again.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RemapDone {
    /// Sequences of the `remap` entries.
    pub entries: Vec<u64>,
    /// What was done in the warehouses, as `warehouse load` prints it.
    pub loaded: LoadSummary,
    /// What became of the files that were replaced.
    pub removed: FilesExpired,
    /// Why the files that were replaced could not all be removed; absent if they could. `sweep` and
    /// `retention apply` try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<WarehouseFailure>,
}

/// Plans what deriving the columns of some dates again would change in the sources of a job, and changes it if this
/// very plan was confirmed.
///
/// # Errors
/// No lake, a failing lake or ledger or, where something is changed, a job that only reads or a clock that something
/// contradicts. What fails at a place is part of what is returned.
pub async fn remap(
    job: &Job,
    dates: (NaiveDate, NaiveDate),
    confirmed: Option<&str>,
    stop: watch::Receiver<bool>,
    observer: &dyn RunObserver,
) -> Result<RemapSummary, RunError> {
    observer.doing("reading the ledger");
    let mut ledger = open_ledger(job).await?;
    let say = |what: &str| observer.doing(what);
    let kinds = [DecisionKind::Rebuild, DecisionKind::Remap];
    let mut driver = driver(&mut ledger, job.places(&stop, &say), &kinds);
    let sources = job.sources.iter().map(|source| RemapSource {
        id: source.id.clone(),
        source: Arc::clone(&source.source),
        redaction: redaction_applied(source),
    });
    let warehouses = job.warehouses.iter().map(|it| it.name.clone());
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let wish = RemapWish::new(
        sources.collect(),
        dates,
        warehouses.collect(),
        job.patience,
        seed,
    );
    let planned = driver.plan(&wish).await?;
    if confirmed.is_none() || !planned.plan.can_be_confirmed() {
        let end = RemapEnd::Planned;
        return Ok(RemapSummary { planned, end });
    }
    let approved = match driver.approve(&wish, planned.clone(), confirmed) {
        Err(DecisionError::Stale(stale)) => {
            let end = RemapEnd::Stale(stale);
            return Ok(RemapSummary { planned, end });
        }
        approved => approved?,
    };
    job.refuse_to_only_read()?;
    refuse_contradicted(driver.ledger.attempt.clock.clone())?;
    let started_at = job.clock.now();
    let decided = driver.commit(&wish, approved, confirmed).await?;
    let loaded = load_with(&mut driver, started_at).await?;
    let mut finished = FinishedDecisions::default();
    let lake = DecisionPlace::Lake(&job.bucket);
    driver.finish_at(lake, &mut finished).await?;
    let mut removed = FilesExpired::default();
    for at in finished.carried {
        if let Carried::Replaced(files) = at.carried {
            removed.removed += files.removed;
            removed.bytes += files.bytes;
            removed.hidden += files.hidden;
            removed.missing += files.missing;
            removed.refused.extend(files.refused);
        }
    }
    let failure = finished.failures.first();
    let failure = failure.map(|(_, error)| WarehouseFailure::from(error));
    let entries = decided.entries.iter().map(|(sequence, _)| *sequence);
    let done = RemapDone {
        entries: entries.collect(),
        loaded,
        removed,
        failure,
    };
    Ok(RemapSummary {
        planned: decided.planned,
        end: RemapEnd::Decided(Box::new(done)),
    })
}
