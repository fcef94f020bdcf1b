//! Ending loads that others may have begun before they knew of a decision.
//!
//! A loader that has not heard of a decision may start the load of an entry at any time, under the one
//! id that everybody derives for it. So that id is taken: by a job that does nothing, unless there is
//! one already, which is then waited for. Afterwards nobody can load these rows under what was known
//! before the decision; loads after it have other ids.

use crate::lake::layout::Table;
use crate::ledger::state::TableState;
use crate::warehouse::contract::{Class, JobFailure, JobWork, Statement};
use crate::warehouse::loading::Loading;
use crate::warehouse::pending::{cut_before, files_before, split};
use crate::warehouse::projection::{Attempts, JobEnd, ProjectionError, WarehouseJob, run_job};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;

/// Attempts of one entry that may have been begun: far more than any loader makes.
const ATTEMPTS: u32 = 64;

/// Takes the job ids of loads of entries, as they were before a decision. Returns the entries all of
/// whose loads turned out to have ended well; `None` if we were told to stop.
pub(crate) async fn fence(
    loading: &Loading<'_>,
    known: &TableState,
    table: Table,
    decision: u64,
    entries: &BTreeSet<u64>,
) -> Result<Option<BTreeSet<u64>>, ProjectionError> {
    let concurrency = loading.projection.settings.concurrency.max(1);
    let state = loading.filling.state;
    let files = files_before(state, table, decision, entries);
    let limits = loading.projection.warehouse.limits();
    let ends = futures::stream::iter(entries.iter().copied())
        .map(|sequence| {
            let parts = files
                .get(&sequence)
                .map_or(0, |files| split(files, limits).len());
            let fenced = Fenced {
                sequence,
                cut: cut_before(state, table, sequence, decision),
                first_attempt: known.attempt(sequence),
                parts: parts.max(1),
            };
            async move {
                let loaded = fence_entry(loading, &fenced).await?;
                Ok::<_, ProjectionError>(loaded.map(|loaded| (sequence, loaded)))
            }
        })
        .buffer_unordered(concurrency)
        .try_collect::<Vec<_>>()
        .await?;
    let ends: Option<Vec<(u64, bool)>> = ends.into_iter().collect();
    Ok(ends.map(|ends| {
        let loaded = ends.into_iter().filter(|(_, loaded)| *loaded);
        loaded.map(|(sequence, _)| sequence).collect()
    }))
}

/// An entry whose loads are ended, as they were before the decision.
struct Fenced {
    sequence: u64,
    cut: Option<u64>,
    first_attempt: u32,
    parts: usize,
}

async fn fence_entry(
    loading: &Loading<'_>,
    entry: &Fenced,
) -> Result<Option<bool>, ProjectionError> {
    let mut all_loaded = true;
    for part in 0..entry.parts {
        match fence_part(loading, entry, part).await? {
            Some(loaded) => all_loaded &= loaded,
            None => return Ok(None),
        }
    }
    Ok(Some(all_loaded))
}

async fn fence_part(
    loading: &Loading<'_>,
    entry: &Fenced,
    part: usize,
) -> Result<Option<bool>, ProjectionError> {
    let nothing = JobWork::Query {
        sql: loading.projection.warehouse.sql(&Statement::Nothing),
    };
    let job = WarehouseJob {
        work: &nothing,
        // A job that failed did nothing, and whoever started it may go on to the next.
        attempts: Attempts {
            first: entry.first_attempt,
            passing: ATTEMPTS,
            refused: ATTEMPTS,
        },
        id: &|attempt| loading.job_id(entry.sequence, part, attempt, entry.cut),
        failpoints: Some(["warehouse.fence.before", "warehouse.fence.after"]),
    };
    match run_job(loading.projection, loading.filling.stop, &job).await? {
        JobEnd::UnderWay => return Ok(None),
        // Only a load says how many rows it wrote.
        JobEnd::Done { done, .. } => return Ok(Some(done.output_rows.is_some())),
        JobEnd::Failed { .. } => {}
    }
    let failure = JobFailure {
        class: Class::Transient,
        reason: "attempts".to_owned(),
        said: format!("entry {} was attempted {ATTEMPTS} times", entry.sequence),
    };
    let action = format!("end loads into {}", loading.kind.table());
    Err(failure
        .about(loading.projection.warehouse.target(), action)
        .into())
}
