//! The start of a run: the ledger's state, whether the sources answer, and what time it is.

use super::chunk;
use super::job::{Job, JobSource};
use super::plan::{ALL_TENANTS, FeedSettings, RunPlan, Seed, SourcePlan, SourceSettings};
use super::{CLOCKS_APART, RunError};
use crate::config::Start;
use crate::lake::layout::RunId;
use crate::ledger::log::Founding;
use crate::ledger::state::State;
use crate::retention::Past;
use crate::source::{SHARES, SourceError, Tenant, oldest};
use crate::window::midnight;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::time::Duration;

/// Oldest record by tenant, as a source has it now; none where it has no record.
pub(super) type Oldest = BTreeMap<String, Option<DateTime<Utc>>>;

/// A job whose lake and sources have been asked.
#[derive(Debug)]
pub struct Opened {
    /// State of the ledger; none where there is no lake yet.
    pub state: Option<State>,
    /// The earlier of our clock, the store's and the sources'.
    pub now: DateTime<Utc>,
    /// Sources that do not answer as they should, by id.
    pub failures: BTreeMap<String, SourceError>,
    /// What each source still has, by id.
    pub(super) oldest: BTreeMap<String, Oldest>,
}

/// Loads the ledger and asks every source a question whose answer is known.
pub(super) async fn open(job: &Job) -> Result<Opened, RunError> {
    let state = job.log().load().await?;
    let ours = job.clock.now();
    let mut now = earlier_of_store(job, ours)?;
    let mut failures = BTreeMap::new();
    let mut oldest_by_source = BTreeMap::new();
    for source in &job.sources {
        match ask(source, ours).await {
            Ok((offset, oldest)) => {
                now = now.min(ours + offset);
                oldest_by_source.insert(source.id.clone(), oldest);
            }
            Err(error) => {
                failures.insert(source.id.clone(), error);
            }
        }
    }
    Ok(Opened {
        state,
        now: whole_milliseconds(now),
        failures,
        oldest: oldest_by_source,
    })
}

/// The earlier of our clock and the store's, which has been asked for something already.
pub(super) fn now_of_store(job: &Job) -> Result<DateTime<Utc>, RunError> {
    Ok(whole_milliseconds(earlier_of_store(job, job.clock.now())?))
}

fn earlier_of_store(job: &Job, ours: DateTime<Utc>) -> Result<DateTime<Utc>, RunError> {
    let Some(offset) = job.bucket.clock().offset(ours) else {
        return Ok(ours);
    };
    if offset.abs() > CLOCKS_APART {
        return Err(RunError::ClockSkew { offset });
    }
    Ok(ours.min(ours + offset))
}

/// Texts of windows stay short, and no platform cuts finer.
fn whole_milliseconds(now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
}

/// Whether the source obeys its filters, how its clock stands, and what its oldest records are.
async fn ask(source: &JobSource, ours: DateTime<Utc>) -> Result<(TimeDelta, Oldest), SourceError> {
    let feed = &*source.source;
    let mut found = Oldest::new();
    let mut offset = TimeDelta::zero();
    for tenant in feed.tenants() {
        feed.control_request(tenant).await?;
        if let Some(reading) = feed.clock() {
            reading.check(CLOCKS_APART)?;
            // A header has whole seconds: less than one is no difference.
            offset = offset.min((reading.offset() + TimeDelta::seconds(1)).min(TimeDelta::zero()));
        }
        found.insert(name_of(tenant), oldest(feed, tenant, ours).await?);
    }
    Ok((offset, found))
}

/// The name under which the ledger keeps a tenant's feed.
pub(super) fn name_of(tenant: &Tenant) -> String {
    tenant.name().unwrap_or(ALL_TENANTS).to_owned()
}

/// The plan of a run on what was found.
pub(super) fn plan(
    job: &Job,
    opened: &Opened,
    state: Option<&State>,
    (run_id, seed): (RunId, Seed),
    recount: Option<TimeDelta>,
) -> RunPlan {
    let sources = job.sources.iter().map(|source| {
        let nothing = Oldest::new();
        let oldest = opened.oldest.get(&source.id).unwrap_or(&nothing);
        let feeds = source.source.tenants().iter().map(|tenant| {
            let tenant = name_of(tenant);
            let start = match source.start {
                Start::At(start) => start,
                // From the midnight before: a record of the same date may still be on its way.
                // Where the source has none there is nothing to read yet.
                Start::Earliest => {
                    let known = state
                        .and_then(|state| state.feed(&source.id, &tenant))
                        .and_then(|feed| feed.coverage.start());
                    let found = oldest.get(&tenant).copied().flatten();
                    let found = found.map(|oldest| midnight(oldest.date_naive()));
                    known.into_iter().chain(found).min().unwrap_or(opened.now)
                }
            };
            FeedSettings { tenant, start }
        });
        let settings = SourceSettings {
            id: source.id.clone(),
            settle: source.settle,
            overlap: source.overlap,
            feeds: feeds.collect(),
            recount,
            past: Past::of(
                job.retention.as_ref(),
                state,
                &source.id,
                opened.now.date_naive(),
            ),
        };
        SourcePlan::make(&settings, state, opened.now)
    });
    RunPlan {
        run_id,
        now: opened.now,
        base_sequence: state.map(|state| state.head.sequence),
        sources: sources.collect(),
        seed,
    }
}

/// What a genesis of this job says.
pub(super) fn founding(job: &Job, run_id: RunId, now: DateTime<Utc>) -> Founding {
    Founding {
        run_id: run_id.to_string(),
        now,
        config_sha256: job.config_sha256,
        sources: job.sources.iter().map(|source| source.id.clone()).collect(),
    }
}

/// How large a chunk may grow within the memory of the job.
pub(super) fn chunk_bounds(job: &Job) -> chunk::Bounds {
    chunk::Bounds {
        records: usize::try_from(job.bounds.chunk_rows).unwrap_or(usize::MAX),
        bytes: job.bounds.memory / SHARES,
        time: job.bounds.chunk_time.max(Duration::from_secs(1)),
    }
}
