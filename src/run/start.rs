//! The start of a run: the ledger's state, whether the sources answer, and what time it is.

use super::chunk;
use super::error::RunError;
use super::feed::name_of;
use super::job::{Job, JobSource};
use super::now::now_to_write;
use super::plan::{FeedSettings, RunPlan, Seed, SourcePlan, SourceSettings};
use crate::clock::{Now, TOLERANCE, Witness};
use crate::config::Start;
use crate::lake::layout::RunId;
use crate::ledger::log::Founding;
use crate::ledger::state::State;
use crate::policy::Past;
use crate::source::{SHARES, Scope, SourceError};
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
    /// What time it is, and how far that is believed.
    pub now: Now,
    /// Sources that do not answer as they should, by id.
    pub failures: BTreeMap<String, SourceError>,
    /// What the others said, by id.
    pub(super) asked: BTreeMap<String, Asked>,
}

/// What a source that answers has said of its feeds.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What it still has.
    pub(super) oldest: Oldest,
    /// Feeds that cannot be read, by tenant. The others can.
    pub(super) failures: BTreeMap<String, SourceError>,
    /// What it could not say, and need not.
    pub(super) warnings: Vec<String>,
}

impl Opened {
    /// Why a feed cannot be read, where it cannot.
    pub fn failure_of(&self, source: &str, tenant: &str) -> Option<&SourceError> {
        let of_feed = || self.asked.get(source)?.failures.get(tenant);
        self.failures.get(source).or_else(of_feed)
    }
}

/// Loads the ledger, asks every source a question whose answer is known, and finds out what time it is.
///
/// # Errors
/// A ledger that cannot be read, or a clock that something contradicts. A source whose own clock is wrong
/// is among the failures.
pub(super) async fn open(job: &Job) -> Result<Opened, RunError> {
    let state = job.log().load().await?;
    let mut failures = BTreeMap::new();
    let mut all_asked = BTreeMap::new();
    for source in &job.sources {
        match ask(source, state.as_ref(), job.clock.now()).await {
            Ok(asked) => {
                all_asked.insert(source.id.clone(), asked);
            }
            Err(error) => {
                failures.insert(source.id.clone(), error);
            }
        }
    }
    // Also by sources that fail: an answer that refuses something tells the time all the same.
    let now = now_to_write(job, state.as_ref())?;
    for deviation in now.outvoted() {
        if let Witness::Source(id) = &deviation.witness {
            let skew = SourceError::ClockSkew {
                offset: deviation.offset,
                allowed: TOLERANCE,
            };
            failures.entry(id.clone()).or_insert(skew);
        }
    }
    Ok(Opened {
        state,
        now,
        failures,
        asked: all_asked,
    })
}

/// Whether the source obeys its filters, and what its oldest records are.
///
/// A feed that cannot be read keeps no other feed from being read; where none can, the source fails.
async fn ask(
    source: &JobSource,
    state: Option<&State>,
    ours: DateTime<Utc>,
) -> Result<Asked, SourceError> {
    let feed = &*source.source;
    let mut asked = Asked::default();
    for tenant in feed.tenants() {
        let name = name_of(tenant);
        match feed.control_request(tenant).await {
            Ok(()) => {}
            Err(error) if error.scope() == Scope::Feed => {
                asked.failures.insert(name, error);
                continue;
            }
            Err(error) => return Err(error),
        }
        match feed.oldest(tenant, ours).await {
            Ok(found) => {
                asked.oldest.insert(name, found);
            }
            Err(error) if error.scope() == Scope::Source => return Err(error),
            // With `earliest` nothing else says where to begin.
            Err(error) if begins_with_oldest(source, state, &name) => {
                asked.failures.insert(name, error);
            }
            Err(error) => asked.warnings.push(format!(
                "tenant {name}: cannot tell its oldest record: {error}"
            )),
        }
    }
    if asked.failures.len() == feed.tenants().len()
        && let Some((_, error)) = asked.failures.pop_first()
    {
        return Err(error);
    }
    Ok(asked)
}

/// Whether the oldest record decides where reading begins.
fn begins_with_oldest(source: &JobSource, state: Option<&State>, tenant: &str) -> bool {
    let known = state.and_then(|state| state.feed(&source.id, tenant));
    let begun = known.is_some_and(|feed| feed.coverage.start().is_some());
    matches!(source.start, Start::Earliest) && !begun
}

/// The plan of a run on what was found.
pub(super) fn plan(
    job: &Job,
    opened: &Opened,
    state: Option<&State>,
    (run_id, seed): (RunId, Seed),
    recount: Option<TimeDelta>,
) -> RunPlan {
    let now = opened.now.at();
    let today = opened.now.proven_date();
    let sources = job.sources.iter().map(|source| {
        let nothing = Asked::default();
        let asked = opened.asked.get(&source.id).unwrap_or(&nothing);
        let tenants = source.source.tenants().iter().map(name_of);
        let readable = tenants.filter(|tenant| !asked.failures.contains_key(tenant));
        let feeds = readable.map(|tenant| {
            let start = match source.start {
                Start::At(start) => start,
                // From the midnight before: a record of the same date may still be on its way.
                // Where the source has none there is nothing to read yet.
                Start::Earliest => {
                    let known = state
                        .and_then(|state| state.feed(&source.id, &tenant))
                        .and_then(|feed| feed.coverage.start());
                    let found = asked.oldest.get(&tenant).copied().flatten();
                    let found = found.map(|oldest| midnight(oldest.date_naive()));
                    known.into_iter().chain(found).min().unwrap_or(now)
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
            proven: opened.now.proven(),
            past: Past::of(
                job.retention.as_ref(),
                state.into_iter().flat_map(|it| it.holds_in_force(today)),
                &source.id,
                today,
            ),
        };
        SourcePlan::make(&settings, state, now)
    });
    RunPlan {
        run_id,
        now,
        base_sequence: state.map(|state| state.head.sequence),
        sources: sources.collect(),
        seed,
    }
}

/// What a genesis of this job says.
pub(super) fn founding(job: &Job, run_id: RunId, now: &Now) -> Founding {
    Founding {
        run_id: run_id.to_string(),
        now: now.at(),
        witnesses: now.witnesses().to_vec(),
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
