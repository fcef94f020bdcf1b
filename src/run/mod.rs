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

// What commands do without a run around them.
mod decisions;
mod importing;
mod record;

// A run, in its order: the ledger, the sources' first answers and the time;
mod start;

// what is done for one source: read, count again, read what differs;
mod source;

// follow what its platform proves of its objects;
mod origins;

// what warehouses lack;
mod loading;

// and what came of all that.
mod summary;

// Reading windows, while what was read before is committed:
mod reading;

// a chunk becomes files and an entry,
mod committing;

// once its records are compared with what the lake holds.
mod comparing;

// What is read, cut into dates and collected into chunks.
mod pieces;

// Counts of the source against what the lake accounts for.
mod recount;

// What is to be read and counted, and when.
mod plan;

// What a source is asked before anything is planned.
mod asking;

// What all of it works with.
mod job;

mod feed;

mod error;

pub use decisions::{
    RebuildEnd, RebuildSummary, RemapDone, RemapEnd, RemapSummary, give_up, rebuild, remap, retain,
    sweep,
};
pub use error::{JobError, PastStart, RunError};
pub use feed::ALL_TENANTS;
pub(crate) use feed::tenant_of;
pub use importing::{ImportSummary, ImportedFileSummary, import};
pub use job::{
    Asking, Job, JobBounds, JobSource, LedgerAccess, RunObserver, Unobserved, compare_clocks,
    configured_feeds, look_at_clocks, open_bucket, open_sources, open_to_read, open_to_write,
    open_warehouses,
};
pub use loading::{LoadSummary, load};
pub use plan::{FeedPlan, RunPlan, Seed, SourcePlan};
pub use record::{Recorded, confirm_clock, place_hold, record};
pub use start::OpenedRun;
pub use summary::{FeedFailure, HoleSummary, SourceFailure, SourceSummary, Summary};

use crate::decision::{self, DecisionKind, KINDS, retention};
use crate::index::LoadIndexError;
use crate::lake::ReadError;
use crate::lake::layout::RunId;
use crate::ledger::entry::{Body, Receipt, SourceOutcome};
use crate::ledger::state::{State, StateSize};
use crate::ledger::writer::{Attempt, Writer};
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use committing::Committer;
use std::time::Duration;
use tokio::sync::watch;

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
    start::refuse(job, &opened)?;
    let run_id = RunId::draw(opened.now.at())?;
    Ok(begin(job, &mut opened, run_id).await?.0)
}

/// The state to start from, and whether the lake had to be founded.
async fn begin(
    job: &Job,
    opened: &mut OpenedRun,
    run_id: RunId,
) -> Result<(State, bool), RunError> {
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
pub async fn plan(job: &Job, options: &RunOptions) -> Result<(OpenedRun, RunPlan), RunError> {
    let opened = start::open(job).await?;
    start::refuse(job, &opened)?;
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
    observer: &dyn RunObserver,
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
    observer: &dyn RunObserver,
) -> Result<Summary, RunError> {
    // Before anything is uploaded that no entry could ever name.
    job.refuse_to_only_read()?;
    let started_at = job.clock.now();
    observer.doing("reading the ledger");
    let mut opened = start::open(job).await?;
    start::refuse(job, &opened)?;
    let (run_id, seed) = options.identity(opened.now.at())?;
    let (state, founded) = begin(job, &mut opened, run_id).await?;
    let plan = start::plan(job, &opened, Some(&state), (run_id, seed), options.recount);
    let ledger = Writer {
        log: job.log(),
        attempt: Attempt::new(run_id, opened.now.clone(), job.config_sha256),
        state,
    };
    let mut committer = Committer::new(job, ledger, seed);
    let mut summaries = Vec::with_capacity(job.sources.len());
    for (job_source, planned) in job.sources.iter().zip(&plan.sources) {
        observer.doing(&job_source.id);
        let failed = opened.failures.remove(&job_source.id);
        let asked = opened.asked.remove(&job_source.id).unwrap_or_default();
        let work = source::SourceWork {
            source: job_source,
            planned,
            failed,
            asked,
            recount: options.recount,
        };
        summaries.push(work.run(&mut committer, &stop, observer).await?);
    }
    let say = |what: &str| observer.doing(what);
    // Who does not apply retention may not delete anything.
    let kinds: &[DecisionKind] = match job.retain {
        true => &KINDS,
        false => &[DecisionKind::Rebuild, DecisionKind::Remap],
    };
    let mut driver = decision::driver(&mut committer.ledger, job.places(&stop, &say), kinds);
    let filled = loading::fill_all(&mut driver).await?;
    let retention = match job.retention.as_ref().filter(|_| job.retain) {
        Some(policy) if !*stop.borrow() => Some(retention::apply(&mut driver, policy, None).await?),
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
        warehouses: loading::outcomes(&filled),
        origins: summaries.iter().flat_map(|s| s.origins.clone()).collect(),
    };
    let Committer { ledger, ids, .. } = &mut committer;
    let draft = ledger.attempt.draft(Body::Receipt(Box::new(receipt)));
    ledger.commit(&draft).await?;
    let (log, state) = (&ledger.log, &ledger.state);
    let mut notes = Vec::new();
    let size = StateSize::of(state, job.bounds.memory);
    if let Some(finding) = size.finding() {
        notes.push(format!("{finding}: {}", size.action()));
    }
    loading::tidy(&job.warehouses, state, &mut notes).await;
    if let Err(note) = log.save_cache(state).await {
        notes.push(note.to_string());
    }
    if let Err(note) = ids.save(log, state).await {
        notes.push(note.to_string());
    }
    for (summary, source) in summaries.iter_mut().zip(&job.sources) {
        let tenants = source.source.tenants().iter().map(feed::name_of);
        summary.close(state, &tenants.collect());
    }
    Ok(Summary {
        run_id: run_id.to_string(),
        now: ledger.attempt.now,
        clock: ledger.now().report(),
        lake_id: state.lake_id.clone(),
        founded,
        sequence: state.head.sequence,
        sources: summaries,
        warehouses: filled.into_iter().map(|filled| filled.summary).collect(),
        retention,
        store_requests: job.bucket.requests().total(),
        stopped: *stop.borrow(),
        superseded: committer.superseded,
        notes,
    })
}
