//! Files that dead runs have left: uploaded, and named by no entry.

use crate::clock::TOLERANCE;
use crate::lake::layout::DataFile;
use crate::ledger::entry::SweptObject;
use crate::ledger::state::State;
use crate::store::StoredObject;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;

/// How old a file must be at least, whatever the deadline of a run: nobody lets one run for so long.
pub const LEAST_AGE: TimeDelta = TimeDelta::days(2);

/// The age below which a file may belong to a run that still goes on. A run ends soon after its
/// deadline; ten times that leaves room for one that was stopped and went on.
pub fn youngest(deadline: TimeDelta) -> TimeDelta {
    deadline
        .checked_mul(10)
        .unwrap_or(TimeDelta::MAX)
        .max(LEAST_AGE)
}

/// Which objects of a listing are orphans: data files of ours that no entry names, whose run began
/// before `older_than` and which the store, too, says are older. A run that says that it began after `now`
/// had a wrong clock, and only the store can say how old its files are. Anything with another name is not
/// ours to remove.
pub fn orphans(
    state: &State,
    listed: &[StoredObject],
    older_than: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<SweptObject> {
    // All files of a chunk that was committed are named by its entry, also where retention has deleted
    // them since: one that is back has been brought back by somebody.
    let named: HashSet<&str> = state
        .batches
        .iter()
        .map(|batch| batch.batch_id.as_str())
        .collect();
    let mut orphans: Vec<SweptObject> = listed
        .iter()
        .filter(|object| object.modified < older_than)
        .filter(|object| {
            let file: Option<DataFile> = object.name.parse().ok();
            file.is_some_and(|file| {
                let batch = format!("{}-{:05}", file.run, file.chunk);
                let began = file.run.started();
                let is_old = began < older_than || began > now + TOLERANCE;
                is_old && !named.contains(batch.as_str())
            })
        })
        .map(|object| SweptObject {
            path: object.name.clone(),
            bytes: object.bytes,
        })
        .collect();
    orphans.sort_by(|one, other| one.path.cmp(&other.path));
    orphans
}
