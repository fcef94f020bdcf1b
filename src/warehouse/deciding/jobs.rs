//! Jobs that carry out a decision.

use crate::warehouse::contract::{JobDone, JobId, JobWork, TableKind};
use crate::warehouse::projection::{
    Attempts, Filling, JobEnd, Projection, ProjectionError, WarehouseJob, mark, run_job,
};

/// Attempts of one job.
const ATTEMPTS: Attempts = Attempts {
    first: 0,
    passing: 12,
    refused: 3,
};

/// What a job is named by: whoever carries out the decision derives the same id.
pub(crate) struct Named<'a> {
    /// Which step it is.
    pub(crate) what: &'a str,
    /// The kind of table that the decision is about.
    pub(crate) kind: TableKind,
    /// The decision.
    pub(crate) decision: u64,
    /// Number of the job within the step.
    pub(crate) number: usize,
    /// The table that it changes.
    pub(crate) table: &'a str,
    /// Its incarnation.
    pub(crate) incarnation: u64,
}

/// Does a job of a decision, under another id where the service says that it may work later; `None` if
/// we were told to stop. A failed job has done nothing, so another one may do it.
pub(crate) async fn job(
    projection: &Projection,
    filling: Filling<'_>,
    named: &Named<'_>,
    work: &JobWork,
) -> Result<Option<JobDone>, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let mark = mark(
        projection,
        &filling.state.lake_id,
        named.table,
        named.incarnation,
    );
    let (decision, number) = (named.decision.to_string(), named.number.to_string());
    let job = WarehouseJob {
        work,
        attempts: ATTEMPTS,
        id: &|attempt| {
            JobId::of(&[
                "trailhouse",
                named.what,
                named.kind.in_job_id(),
                &decision,
                &number,
                &attempt.to_string(),
                &mark,
            ])
        },
        failpoints: None,
    };
    match run_job(projection, filling.stop, &job).await? {
        JobEnd::UnderWay => Ok(None),
        JobEnd::Done { done, .. } => Ok(Some(done)),
        JobEnd::Failed { failure, .. } => {
            Err(failure.about(warehouse.target(), work.describe()).into())
        }
    }
}
