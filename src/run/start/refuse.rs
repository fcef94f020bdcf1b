//! What a run refuses before it reads anything: a source that would begin where nothing is kept any more.
//!
//! `start` is a date that somebody wrote, and so are the rules of retention. Where the first says to read
//! what the second says to delete, the two contradict each other, and nobody but their writer knows which
//! is meant. So the run ends before it begins, with all such sources named.
//!
//! Three cases are exempt. `start = "earliest"` asks for what there is, so the dates past retention are
//! left out without a word. Where reading had begun at `start` and fell behind until unread time was past
//! retention, refusing would stop the source for ever: what is past is left out, with a warning
//! ([`FeedPlan::missed`](crate::run::FeedPlan)). And a source that does not answer is not read anyhow.

use super::OpenedRun;
use crate::config::Start;
use crate::ledger::state::FeedState;
use crate::policy::Past;
use crate::run::error::{PastStart, RunError};
use crate::run::feed::name_of;
use crate::run::job::Job;
use crate::run::plan::{FeedSettings, unread};

/// Refuses the sources of a job that would begin where nothing is kept.
///
/// # Errors
/// [`RunError::PastRetention`].
pub(in crate::run) fn refuse(job: &Job, opened: &OpenedRun) -> Result<(), RunError> {
    let today = opened.now.proven_date();
    let mut refused = Vec::new();
    for source in &job.sources {
        let Start::At(start) = source.start else {
            continue;
        };
        let state = opened.state.as_ref();
        let held = || state.into_iter().flat_map(|it| it.holds_in_force(today));
        let past = Past::of(job.retention.as_ref(), held(), &source.id, today);
        let Some(kept_from) = past.kept_from().filter(|_| past.has(start.date_naive())) else {
            continue;
        };
        let end = opened.now.at() - source.settle;
        let begins_there = |tenant: &String| {
            let feed = FeedSettings {
                tenant: tenant.clone(),
                start,
            };
            let nothing = FeedState::default();
            let known = state.and_then(|state| state.feed(&source.id, tenant));
            let unread = unread(&feed, known.unwrap_or(&nothing), end);
            unread.start() == Some(start)
        };
        let all: Vec<String> = source.source.tenants().iter().map(name_of).collect();
        let answers = |tenant: &&String| opened.failure_of(&source.id, tenant).is_none();
        let mut tenants: Vec<String> = all
            .iter()
            .filter(answers)
            .filter(|it| begins_there(it))
            .cloned()
            .collect();
        if tenants.is_empty() {
            continue;
        }
        if tenants.len() == all.len() {
            tenants.clear();
        }
        refused.push(PastStart {
            source: source.id.clone(),
            tenants,
            start: start.date_naive(),
            kept_from,
        });
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(RunError::PastRetention(refused))
}
