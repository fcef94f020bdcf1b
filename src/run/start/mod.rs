//! The start of a run: the ledger's state, whether the sources answer, and what time it is.

mod refuse;

pub(super) use refuse::refuse;

use super::asking::{SourceAnswers, ask};
use super::error::RunError;
use super::feed::name_of;
use super::job::{Job, now_to_write};
use super::plan::{FeedSettings, RunPlan, Seed, SourcePlan, SourceSettings};
use crate::clock::{Now, TOLERANCE, Witness};
use crate::config::Start;
use crate::lake::layout::RunId;
use crate::ledger::log::Founding;
use crate::ledger::state::State;
use crate::policy::Past;
use crate::source::SourceError;
use crate::window::midnight;
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// A job whose lake and sources have been asked.
#[derive(Debug)]
pub struct OpenedRun {
    /// State of the ledger; none where there is no lake yet.
    pub state: Option<State>,
    /// What time it is, and how far that is believed.
    pub now: Now,
    /// Sources that do not answer as they should, by id.
    pub failures: BTreeMap<String, SourceError>,
    /// What the others said, by id.
    pub(super) asked: BTreeMap<String, SourceAnswers>,
}

impl OpenedRun {
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
pub(super) async fn open(job: &Job) -> Result<OpenedRun, RunError> {
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
    Ok(OpenedRun {
        state,
        now,
        failures,
        asked: all_asked,
    })
}

/// The plan of a run on what was found.
pub(super) fn plan(
    job: &Job,
    opened: &OpenedRun,
    state: Option<&State>,
    (run_id, seed): (RunId, Seed),
    recount: Option<TimeDelta>,
) -> RunPlan {
    let now = opened.now.at();
    let today = opened.now.proven_date();
    let sources = job.sources.iter().map(|source| {
        let nothing = SourceAnswers::default();
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
