//! Removing the files that a decision has taken from the lake.

use super::kind::{Carried, ExecutionProgress};
use super::place::{DecisionContext, LAKE, PlaceError};
use crate::failpoint;
use crate::ledger::entry::{FilesExpired, Recoverable, RecoverableBy, RefusedFile};
use crate::ledger::state::FilesGoing;
use crate::plural::thousands;
use crate::store::{Bucket, Removal, StoreKind};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;

/// Files that are removed at the same time.
const AT_ONCE: usize = 16;

/// Removes the files of a decision that are still there. A lock of the store is no failure. `failpoints` are hit
/// before and after each removal.
pub(super) async fn remove(
    context: DecisionContext<'_>,
    lake: &Bucket,
    going: FilesGoing<'_>,
    failpoints: [&'static str; 2],
) -> ExecutionProgress {
    let now = context.ledger.attempt.now;
    let mut done = FilesExpired::default();
    let mut kept_until = None;
    let mut waiting: Vec<(String, u64)> = Vec::new();
    for live in going.left() {
        let path = live.file.path.to_string();
        match going.locked_until(&path, now) {
            // A lock is not asked before its time.
            Some(until) => done.refused.push(RefusedFile {
                path,
                until: Some(until),
            }),
            None => waiting.push((path, live.file.bytes)),
        }
    }
    if waiting.is_empty() && going.tried {
        return ExecutionProgress::Nothing;
    }
    let all = waiting.len();
    let removals = futures::stream::iter(waiting)
        .map(|(path, bytes)| async move {
            if context.places.is_stopped() {
                return Ok(None);
            }
            failpoint::hit(failpoints[0]);
            let removal = lake.remove(&path).await?;
            failpoint::hit(failpoints[1]);
            Ok(Some((path, bytes, removal)))
        })
        .buffer_unordered(AT_ONCE);
    let mut removals = std::pin::pin!(removals);
    let mut so_far = 0_u64;
    while let Some(removed) = removals.next().await {
        let (path, bytes, removal) = match removed {
            Ok(Some(removed)) => removed,
            // What was removed is missing the next time.
            Ok(None) => return ExecutionProgress::NotNow,
            Err(error) => return ExecutionProgress::Failed(PlaceError::Lake(error)),
        };
        so_far += 1;
        (context.places.say)(&format!(
            "deleting files: {} of {}",
            thousands(so_far),
            thousands(all as u64)
        ));
        match removal {
            Removal::Missing => done.missing += 1,
            Removal::Locked { until, .. } => done.refused.push(RefusedFile { path, until }),
            Removal::Gone | Removal::Hidden { .. } => {
                done.removed += 1;
                done.bytes += bytes;
            }
        }
        if let Removal::Hidden { until } = removal {
            done.hidden += 1;
            kept_until = kept_until.max(until);
        }
    }
    done.refused.sort_by(|one, other| one.path.cmp(&other.path));
    let recoverable = recoverable_files(lake.kind(), &done, kept_until);
    ExecutionProgress::Carried(Carried::Removed(done, recoverable))
}

/// What could bring back files that went now. `kept_until` is the end of the last lock that keeps an
/// older version of one of them.
fn recoverable_files(
    kind: StoreKind,
    done: &FilesExpired,
    kept_until: Option<DateTime<Utc>>,
) -> Vec<Recoverable> {
    let remote = kind.is_remote();
    let by = |by, until| Recoverable {
        place: LAKE.to_owned(),
        by,
        until,
    };
    let mut recoverable = Vec::new();
    // Of one that was gone already nobody can say what remains: its versions have no name any more. A
    // version that is kept goes when somebody removes it, not when its lock ends.
    if done.hidden > 0 || (remote && done.missing > 0) {
        recoverable.push(by(RecoverableBy::Versions, None));
    }
    if let (true, Some(until)) = (done.hidden > 0, kept_until) {
        recoverable.push(by(RecoverableBy::Lock, Some(until)));
    }
    if kind.may_soft_delete() && done.removed + done.missing > 0 {
        recoverable.push(by(RecoverableBy::SoftDelete, None));
    }
    recoverable
}

/// Whether a removal has found nothing else than the one before it, which an entry need not say.
pub(super) fn is_as_before(going: FilesGoing<'_>, files: &FilesExpired) -> bool {
    let is_known = |path, until| going.refused.get(path) == Some(until);
    let mut refused = files.refused.iter();
    going.tried
        && files.removed + files.missing == 0
        && refused.all(|it| is_known(&it.path, &it.until))
}
