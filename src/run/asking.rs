//! What a run asks a source first: whether it obeys its filters, and what its oldest records are.

use super::feed::{coverage_axis, name_of};
use super::job::JobSource;
use crate::config::Start;
use crate::ledger::state::State;
use crate::source::{ErrorScope, SourceError};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Oldest record by tenant, as a source has it now; none where it has no record.
pub(super) type Oldest = BTreeMap<String, Option<DateTime<Utc>>>;

/// What a source that answers has said of its feeds.
#[derive(Debug, Default)]
pub(super) struct SourceAnswers {
    /// What it still has.
    pub(super) oldest: Oldest,
    /// Feeds that cannot be read, by tenant. The others can.
    pub(super) failures: BTreeMap<String, SourceError>,
    /// What it could not say, and need not.
    pub(super) warnings: Vec<String>,
}

/// Whether the source obeys its filters, and what its oldest records are.
///
/// A feed that cannot be read keeps no other feed from being read; where none can, the source fails.
pub(super) async fn ask(
    source: &JobSource,
    state: Option<&State>,
    ours: DateTime<Utc>,
) -> Result<SourceAnswers, SourceError> {
    let feed = &*source.source;
    let mut asked = SourceAnswers::default();
    if let Some(known) = state.and_then(|state| state.sources.get(&source.id))
        && known.axis != coverage_axis(feed)
        && known.feeds.values().any(|feed| !feed.coverage.is_empty())
    {
        // Else what was read by one time would count as read by the other.
        return Err(SourceError::Settings {
            message: "the lake has read it by another time than it is read now: by the arrival of \
                      records or by the time of the acts; what was read by one says nothing of the other, \
                      so it needs an id of its own"
                .to_owned(),
        });
    }
    for tenant in feed.tenants() {
        let name = name_of(tenant);
        match feed.control_request(tenant).await {
            Ok(()) => {}
            Err(error) if error.scope() == ErrorScope::Feed => {
                asked.failures.insert(name, error);
                continue;
            }
            Err(error) => return Err(error),
        }
        match feed.oldest(tenant, ours).await {
            Ok(found) => {
                asked.oldest.insert(name, found);
            }
            Err(error) if error.scope() == ErrorScope::Source => return Err(error),
            // With `earliest` nothing else says where to begin.
            Err(error) if begins_with_oldest(source, state, &name) => {
                asked.failures.insert(name, error);
            }
            Err(error) => asked.warnings.push(format!(
                "tenant {name}: cannot tell its oldest record: {error}"
            )),
        }
    }
    match feed.remarks().await {
        Ok(remarks) => {
            let said = remarks.into_iter().map(|remark| remark.said);
            asked.warnings.extend(said);
        }
        Err(error) => asked
            .warnings
            .push(format!("cannot tell what else there is: {error}")),
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
