//! One run: plan, read, compare, write, commit, count again, receipt.
//!
//! ```text
//! load the ledger ─ control requests ─ now ─ plan
//!   per source: slices ─ pieces ─ chunk ─ compare ─ files ─ upload ─ commit `ingest` ─ recount
//!   per warehouse: decisions that are not done ─ loads
//!   retention, where configured: what is due goes from warehouses and lake
//! commit `receipt` ─ staging emptied ─ state cache ─ summary
//! ```
//!
//! A run may be killed anywhere: what is not named by a committed entry does not count, and the
//! next run starts from what is. A source that fails is reported and the others go on; a failing
//! lake ends the run.

mod chunk;
mod compare;
mod dated;
mod due;
mod files;
mod ingest;
mod job;
mod keys;
mod known;
mod now;
mod observer;
mod piece;
mod plan;
mod record;
mod recount;
mod redacted;
mod refuse;
mod retention;
mod source;
mod start;
mod summary;
mod sweep;
mod warehouse;
mod warehouses;

pub(crate) use ingest::tenant_of;
pub use job::{
    Asking, Bounds, Job, JobError, JobSource, configured_feeds, open_bucket, open_sources,
};
pub use keys::{Access, open_to_read, open_to_write};
pub use now::{compare_clocks, look_at_clocks};
pub use observer::{Observer, Unobserved};
pub use plan::{ALL_TENANTS, FeedPlan, RunPlan, Seed, SourcePlan};
pub use record::{Recorded, confirm_clock, place_hold, record};
pub use refuse::PastStart;
pub use retention::{
    CarriedOut, Confirmation, Decided, RetentionFailure, RetentionSummary, RuleToConfirm,
    ToConfirm, give_up, retain,
};
pub use start::Opened;
pub use summary::{FeedFailure, HoleSummary, SourceFailure, SourceSummary, Summary};
pub use sweep::{Swept, sweep};
pub use warehouse::open_warehouses;
pub use warehouses::{LoadSummary, load};

use crate::clock::Contradiction;
use crate::index::LoadIndexError;
use crate::lake::layout::{LayoutError, RunId};
use crate::lake::{ReadError, RowError, WriteError};
use crate::ledger::entry::{Body, Receipt, SourceOutcome};
use crate::ledger::log::LogError;
use crate::ledger::state::{State, StateSize};
use crate::policy::HoldError;
use crate::store::{CreateError, StoreError};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use ingest::{Attempt, Committer};
use retention::Retaining;
use std::time::Duration;
use tokio::sync::watch;
use warehouses::Step;

/// Why a run could not go on. Everything that was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file of the lake could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of the lake could not be made.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Rows could not be put into files.
    #[error("rows cannot be put into files: {0}")]
    Rows(#[from] RowError),
    /// A file could not be uploaded.
    #[error(transparent)]
    Upload(#[from] CreateError),
    /// An entry names a file that has no name of ours.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The id index could not be had.
    #[error(transparent)]
    Index(#[from] LoadIndexError),
    /// Records could not be compared with the lake.
    #[error("records cannot be compared with the lake: {0}")]
    Compare(String),
    /// Something contradicts this machine's clock.
    #[error("{}", joined(.0))]
    Clock(Vec<Contradiction>),
    /// Nothing bears out this machine's clock, and what was asked for needs that.
    #[error("{0}")]
    UnprovenClock(String),
    /// A person gave another date than the clock does.
    #[error("the clock says that today is {clock} (UTC), and you say {given}")]
    OtherDate {
        /// The clock's.
        clock: NaiveDate,
        /// The person's.
        given: NaiveDate,
    },
    /// A hold that cannot be placed.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// There is nothing to load from.
    #[error("there is no lake yet")]
    NoLake,
    /// Sources that would begin to read where nothing is kept any more.
    #[error("{}", joined(.0))]
    PastRetention(Vec<PastStart>),
    /// A file went while it was read, as others have decided meanwhile.
    #[error("retention deleted {path} while it was needed")]
    GoneMeanwhile {
        /// The file.
        path: String,
    },
    /// Others have decided the same while we were about to.
    #[error("another process has made the same decision meanwhile")]
    DecidedMeanwhile,
    /// A plan was confirmed that is not what would be done now.
    #[error("plan {confirmed} was confirmed, but the current plan is {found}")]
    StalePlan {
        /// What was confirmed.
        confirmed: String,
        /// What would be done.
        found: String,
    },
    /// A plan has no id.
    #[error("the plan cannot be written: {0}")]
    Plan(#[from] serde_json::Error),
    /// No randomness.
    #[error("the operating system provided no randomness: {0}")]
    Randomness(String),
    /// The process is ending.
    #[error("the run was cancelled")]
    Cancelled,
}

fn joined(several: &[impl std::fmt::Display]) -> String {
    let several: Vec<String> = several.iter().map(ToString::to_string).collect();
    several.join("; ")
}

impl From<compare::CompareError> for RunError {
    fn from(error: compare::CompareError) -> Self {
        Self::Compare(error.to_string())
    }
}

impl From<getrandom::Error> for RunError {
    fn from(error: getrandom::Error) -> Self {
        Self::Randomness(error.to_string())
    }
}

/// How a run is to be done, beyond the configuration.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Start nothing new after this time.
    pub deadline: Option<Duration>,
    /// Count all closed dates of this time again.
    pub recount: Option<TimeDelta>,
    /// Run id and seed; drawn where not given. With the same ones and the same answers of the
    /// sources the same bytes are written.
    pub identity: Option<(RunId, Seed)>,
}

impl RunOptions {
    fn identity(&self, now: DateTime<Utc>) -> Result<(RunId, Seed), RunError> {
        if let Some(identity) = self.identity {
            return Ok(identity);
        }
        let run_id = RunId::draw(now)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok((run_id, Seed(seed)))
    }
}

/// The state of the lake, which is founded where there is none yet: with the checks of a run, and nothing else
/// of it.
///
/// # Errors
/// A job that only reads, or whatever keeps a run from founding.
pub async fn found(job: &Job) -> Result<State, RunError> {
    job.refuse_to_only_read()?;
    let mut opened = start::open(job).await?;
    refuse::refuse(job, &opened)?;
    let run_id = RunId::draw(opened.now.at())?;
    Ok(begin(job, &mut opened, run_id).await?.0)
}

/// The state to start from, and whether the lake had to be founded.
async fn begin(job: &Job, opened: &mut Opened, run_id: RunId) -> Result<(State, bool), RunError> {
    match opened.state.take() {
        Some(state) => Ok((state, false)),
        None => {
            let founding = start::founding(job, run_id, &opened.now);
            Ok((job.log().found(&founding).await?, true))
        }
    }
}

/// Plans a run without doing it. Reads the ledger and asks the sources whether they answer.
///
/// # Errors
/// A lake that cannot be read, a clock that something contradicts, or sources that would begin where nothing
/// is kept any more. What is wrong with single sources is part of the result.
pub async fn plan(job: &Job, options: &RunOptions) -> Result<(Opened, RunPlan), RunError> {
    let opened = start::open(job).await?;
    refuse::refuse(job, &opened)?;
    let identity = options.identity(opened.now.at())?;
    let state = opened.state.as_ref();
    let plan = start::plan(job, &opened, state, identity, options.recount);
    Ok((opened, plan))
}

/// Does one run.
///
/// # Errors
/// A job that only reads, sources that would begin where nothing is kept any more, a failing lake or ledger,
/// or a clock that something contradicts. Failures of sources are part of the summary.
pub async fn execute(
    job: &Job,
    options: &RunOptions,
    stop: watch::Receiver<bool>,
    observer: &dyn Observer,
) -> Result<Summary, RunError> {
    match run(job, options, stop, observer).await {
        Err(error) => Err(unless_gone_meanwhile(job, error).await),
        done => done,
    }
}

/// A file that is missing may have gone by a decision that another process made during the run.
async fn unless_gone_meanwhile(job: &Job, error: RunError) -> RunError {
    let read = match &error {
        RunError::Read(read) | RunError::Index(LoadIndexError::Read(read)) => read,
        _ => return error,
    };
    let ReadError::Store(StoreError::Missing { object, .. }) = read else {
        return error;
    };
    let path = job.bucket.name_of(object).to_owned();
    match job.log().is_live_now(&path).await {
        Ok(true) => error,
        Ok(false) => RunError::GoneMeanwhile { path },
        Err(error) => error.into(),
    }
}

async fn run(
    job: &Job,
    options: &RunOptions,
    stop: watch::Receiver<bool>,
    observer: &dyn Observer,
) -> Result<Summary, RunError> {
    // Before anything is uploaded that no entry could ever name.
    job.refuse_to_only_read()?;
    let started_at = job.clock.now();
    observer.doing("reading the ledger");
    let mut opened = start::open(job).await?;
    refuse::refuse(job, &opened)?;
    let (run_id, seed) = options.identity(opened.now.at())?;
    let log = job.log();
    let (state, founded) = begin(job, &mut opened, run_id).await?;
    let plan = start::plan(job, &opened, Some(&state), (run_id, seed), options.recount);
    let attempt = Attempt {
        run_id,
        now: opened.now.at(),
        clock: opened.now.clone(),
        began: std::time::Instant::now(),
        seed,
        config_sha256: job.config_sha256,
    };
    let mut committer = Committer::new(job, &log, &attempt, state);
    let mut summaries = Vec::with_capacity(job.sources.len());
    for (job_source, planned) in job.sources.iter().zip(&plan.sources) {
        observer.doing(&job_source.id);
        let failed = opened.failures.remove(&job_source.id);
        let asked = opened.asked.remove(&job_source.id).unwrap_or_default();
        let work = source::Work {
            source: job_source,
            planned,
            failed,
            asked,
            recount: options.recount,
        };
        summaries.push(work.run(&mut committer, &stop, observer).await?);
    }
    let step = Step {
        warehouses: &job.warehouses,
        log: &log,
        stop: &stop,
        observer,
        retain: job.retain,
    };
    let filled = step.fill(&mut committer).await?;
    let retention = match job.retention.as_ref().filter(|_| job.retain) {
        Some(policy) if !*stop.borrow() => {
            let retaining = Retaining {
                job,
                policy,
                confirmation: None,
                step: &step,
                down: {
                    let failed = filled.iter().filter(|it| it.outcome.failure.is_some());
                    failed.map(|it| it.outcome.warehouse.clone()).collect()
                },
            };
            Some(retaining.retain(&mut committer).await?)
        }
        _ => None,
    };
    observer.doing("writing the receipt");
    let receipt = Receipt {
        started_at,
        sources: summaries
            .iter()
            .map(|summary| SourceOutcome {
                source: summary.source.clone(),
                failure: summary.failure.as_ref().map(|failure| failure.code.clone()),
                complete: summary.complete,
            })
            .collect(),
        recounts: summaries.iter().flat_map(|s| s.recounts.clone()).collect(),
        future: summaries.iter().flat_map(|s| s.futures.clone()).collect(),
        horizons: summaries.iter().flat_map(|s| s.horizons.clone()).collect(),
        warehouses: warehouses::outcomes(&filled),
    };
    committer
        .commit(&attempt.draft(Body::Receipt(Box::new(receipt))))
        .await?;
    let mut notes = Vec::new();
    let size = StateSize::of(&committer.state, job.bounds.memory);
    if let Some(finding) = size.finding() {
        notes.push(format!("{finding}: {}", size.action()));
    }
    step.tidy(&committer, &mut notes).await;
    if let Err(note) = log.save_cache(&committer.state).await {
        notes.push(note.to_string());
    }
    if let Err(note) = committer.ids.save(&log, &committer.state).await {
        notes.push(note.to_string());
    }
    for (summary, source) in summaries.iter_mut().zip(&job.sources) {
        let tenants = source.source.tenants().iter().map(start::name_of);
        summary.close(&committer.state, &tenants.collect());
    }
    Ok(Summary {
        run_id: run_id.to_string(),
        now: attempt.now,
        clock: committer.now().report(),
        lake_id: committer.state.lake_id.clone(),
        founded,
        sequence: committer.state.head.sequence,
        sources: summaries,
        warehouses: filled.into_iter().map(|filled| filled.summary).collect(),
        retention,
        store_requests: job.bucket.requests().total(),
        stopped: *stop.borrow(),
        superseded: committer.superseded,
        notes,
    })
}
