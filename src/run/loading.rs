//! The step of a run that brings warehouses up to the ledger: decisions that are not done, then loads.

use super::error::RunError;
use super::job::Job;
use super::job::RunObserver;
use super::job::open_writer;
use crate::decision::{self, Carried, DecisionKind, DecisionPlace, Driver, FinishedDecisions};
use crate::lake::layout::Table;
use crate::ledger::entry::{Body, Receipt, WarehouseOutcome};
use crate::ledger::log::LogError;
use crate::ledger::state::State;
use crate::warehouse::{
    Filled, Projection, RebuiltDates, WarehouseFailure, WarehouseSummary, fill, settle_expiration,
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

/// Finishes what was decided about warehouses, then loads what is missing, all warehouses at a time. What fails
/// in one of them is part of what is returned and keeps nothing else from being done.
///
/// # Errors
/// The ledger.
pub(super) async fn fill_all(driver: &mut Driver<'_>) -> Result<Vec<Filled>, LogError> {
    let warehouses = driver.places.warehouses;
    let mut before = Vec::with_capacity(warehouses.len());
    for projection in warehouses {
        // First of all, since it may be a hold that has come.
        let now = driver.ledger.now();
        let settled = settle_expiration(projection, &driver.ledger.state, &now).await;
        let mut finished = FinishedDecisions::default();
        let place = DecisionPlace::Warehouse(projection);
        driver.finish_at(place, &mut finished).await?;
        before.push((settled, finished));
    }
    let filling = driver.context().filling();
    let fills = warehouses
        .iter()
        .map(|projection| fill(projection, filling));
    let mut all = futures::future::join_all(fills).await;
    for (projection, (filled, (settled, finished))) in
        warehouses.iter().zip(all.iter_mut().zip(before))
    {
        let failed = finished.failures.first();
        let failed = failed.map(|(_, error)| WarehouseFailure::from(error));
        let failed = failed.or(settled.as_ref().err().map(WarehouseFailure::from));
        for carried in finished.carried {
            match carried.carried {
                Carried::Rebuilt(dates, _) => filled.summary.rebuilt.push(dates),
                Carried::Remapped(done) => filled.summary.rebuilt.push(RebuiltDates {
                    decision: carried.decision,
                    table: Table::Events,
                    dates: done.dates,
                    rows: Some(done.rows),
                }),
                _ => {}
            }
        }
        // The load's own failure is the newer one and says more.
        if let (None, Some(failure)) = (&filled.outcome.failure, failed) {
            filled.outcome.failure = Some(failure.code.clone());
            filled.summary.failure = Some(failure);
        }
        if filled.outcome.failure.is_some() {
            driver.leave_alone(DecisionPlace::Warehouse(projection));
        }
    }
    Ok(all)
}

/// Removes copies that are not needed any more, after the receipt.
pub(super) async fn tidy(warehouses: &[Projection], state: &State, notes: &mut Vec<String>) {
    for projection in warehouses {
        if let Err(error) = projection.tidy(state).await {
            notes.push(format!(
                "{}: staged copies were not removed, the next run tries again: {error}",
                projection.name
            ));
        }
    }
}

/// What loading the warehouses did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LoadSummary {
    /// Id of this run of the command.
    pub run_id: String,
    /// Sequence of the newest ledger entry afterwards.
    pub sequence: u64,
    /// What was done in each warehouse, in configured order.
    pub warehouses: Vec<WarehouseSummary>,
    /// Whether the command was asked to stop before everything was done.
    pub stopped: bool,
    /// Remarks in words that are not failures.
    pub notes: Vec<String>,
}

/// Brings the warehouses of a job up to the ledger, as `run` does after reading.
///
/// # Errors
/// No lake yet, a job that only reads, or a failing ledger. What fails in a warehouse is part of the
/// summary.
pub async fn load(
    job: &Job,
    stop: watch::Receiver<bool>,
    observer: &dyn RunObserver,
) -> Result<LoadSummary, RunError> {
    observer.doing("reading the ledger");
    let mut ledger = open_writer(job).await?;
    let say = |what: &str| observer.doing(what);
    let mut driver = decision::driver(
        &mut ledger,
        job.places(&stop, &say),
        &[DecisionKind::Rebuild, DecisionKind::Remap],
    );
    load_with(&mut driver, job.clock.now()).await
}

/// The same with a driver, that may have decided something before.
///
/// # Errors
/// The ledger.
pub(super) async fn load_with(
    driver: &mut Driver<'_>,
    started_at: DateTime<Utc>,
) -> Result<LoadSummary, RunError> {
    let places = driver.places;
    let filled = fill_all(driver).await?;
    (places.say)("writing the receipt");
    let receipt = Receipt {
        started_at,
        warehouses: outcomes(&filled),
        ..Receipt::default()
    };
    let ledger = &mut *driver.ledger;
    let draft = ledger.attempt.draft(Body::Receipt(Box::new(receipt)));
    ledger.commit(&draft).await?;
    let mut notes = Vec::new();
    tidy(places.warehouses, &ledger.state, &mut notes).await;
    if let Err(note) = ledger.log.save_cache(&ledger.state).await {
        notes.push(note.to_string());
    }
    Ok(LoadSummary {
        run_id: ledger.attempt.run_id.to_string(),
        sequence: ledger.state.head.sequence,
        warehouses: filled.into_iter().map(|filled| filled.summary).collect(),
        stopped: places.is_stopped(),
        notes,
    })
}

pub(super) fn outcomes(filled: &[Filled]) -> Vec<WarehouseOutcome> {
    filled.iter().map(|filled| filled.outcome.clone()).collect()
}
