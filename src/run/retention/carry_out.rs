//! Carrying out decisions of retention: warehouses first, then the files of the lake.

use super::Retaining;
use super::summary::{RetentionFailure, RetentionSummary};
use crate::failpoint;
use crate::ledger::entry::{
    Body, Done, DoneOutcome, FilesExpired, GivenUp, Recoverable, RecoverableBy, RefusedFile,
    Retained, WarehouseExpired,
};
use crate::ledger::rebase::Rebase;
use crate::ledger::state::OpenRetention;
use crate::plural::thousands;
use crate::run::RunError;
use crate::run::ingest::Committer;
use crate::store::{Removal, StoreError, StoreKind, StoreMeaning};
use crate::warehouse::WarehouseFailure;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use std::collections::BTreeSet;

/// Files that are removed at the same time.
const AT_ONCE: usize = 16;
/// The lake, among the places from which something could be brought back.
const LAKE: &str = "lake";

/// Carries out decisions that are open, as far as it can be done now. In a warehouse all that are open
/// are carried out, in their order; one that has failed before in this run is not asked again.
pub(super) async fn carry_out(
    retaining: &Retaining<'_>,
    committer: &mut Committer<'_>,
    decisions: &BTreeSet<u64>,
    summary: &mut RetentionSummary,
) -> Result<(), RunError> {
    let step = retaining.step;
    for projection in step.warehouses {
        let failed = |it: &RetentionFailure| it.place == projection.name;
        if retaining.down.contains(&projection.name) || summary.failures.iter().any(failed) {
            continue;
        }
        let finished = step.finish_decisions(committer, projection).await?;
        for (decision, expired, recoverable) in finished.expired {
            let of = summary.of(decision);
            of.warehouses.push(expired);
            of.recoverable.extend(recoverable);
        }
        if let Some(error) = finished.failure {
            summary.failures.push(RetentionFailure {
                place: projection.name.clone(),
                failure: WarehouseFailure::from(&error),
            });
        }
    }
    for decision in decisions.iter().copied() {
        // What one of them meets, all of them meet.
        let failed = |it: &RetentionFailure| it.place == LAKE;
        if *step.stop.borrow() || summary.failures.iter().any(failed) {
            break;
        }
        if let Err(error) = remove_files(retaining, committer, decision, summary).await? {
            summary.failures.push(RetentionFailure {
                place: LAKE.to_owned(),
                failure: refusal(&error),
            });
        }
    }
    for of in &mut summary.carried_out {
        let open = committer.state.retention.open.get(&of.decision);
        of.done = open.is_none();
        of.left = open.map_or_else(Vec::new, |open| open.warehouses.iter().cloned().collect());
    }
    Ok(())
}

fn refusal(error: &StoreError) -> WarehouseFailure {
    let (code, action) = match error {
        StoreError::Denied { .. } => (
            "denied",
            "give the identity that applies retention the permission to delete objects of the lake, as \
             docs/retention.md lists it",
        ),
        error if error.meaning() == StoreMeaning::Configuration => ("lake", error.advice()),
        _ => ("lake", "run again: any later run finishes what was decided"),
    };
    WarehouseFailure {
        code: code.to_owned(),
        message: error.to_string(),
        action: action.to_owned(),
        integrity: false,
    }
}

/// Removes the files of a decision that are still there, and says so in a `done` entry. A failure is one
/// of the store that is no lock.
async fn remove_files(
    retaining: &Retaining<'_>,
    committer: &mut Committer<'_>,
    decision: u64,
    summary: &mut RetentionSummary,
) -> Result<Result<(), StoreError>, RunError> {
    let Some(open) = committer.state.retention.open.get(&decision) else {
        return Ok(Ok(()));
    };
    let now = committer.attempt.now;
    let (step, bucket) = (retaining.step, &retaining.job.bucket);
    let mut done = FilesExpired::default();
    let mut kept_until = None;
    let mut waiting: Vec<(String, u64)> = Vec::new();
    for live in open.files_left() {
        let path = live.file.path.to_string();
        match open.locked_until(&path, now) {
            // A lock is not asked before its time.
            Some(until) => done.refused.push(RefusedFile {
                path,
                until: Some(until),
            }),
            None => waiting.push((path, live.file.bytes)),
        }
    }
    if waiting.is_empty() && open.tried {
        return Ok(Ok(()));
    }
    let all = waiting.len();
    let stop = || *step.stop.borrow();
    let removals = futures::stream::iter(waiting)
        .map(|(path, bytes)| async move {
            if stop() {
                return Ok(None);
            }
            failpoint::hit("retention.remove.before");
            let removal = bucket.remove(&path).await?;
            failpoint::hit("retention.remove.after");
            Ok(Some((path, bytes, removal)))
        })
        .buffer_unordered(AT_ONCE);
    let mut removals = std::pin::pin!(removals);
    let mut so_far = 0_u64;
    while let Some(removed) = removals.next().await {
        let (path, bytes, removal) = match removed {
            Ok(Some(removed)) => removed,
            // What was removed is missing the next time.
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        so_far += 1;
        step.observer.doing(&format!(
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
    let recoverable = recoverable_files(bucket.kind(), &done, kept_until);
    let made = done_with(committer, decision, |open| {
        let same = open.tried
            && done.removed + done.missing == 0
            && done
                .refused
                .iter()
                .all(|it| open.refused.get(&it.path) == Some(&it.until));
        // Nothing has changed since the last time, which an entry need not say.
        (!same).then(|| Retained {
            files: Some(done.clone()),
            recoverable: recoverable.clone(),
            ..Retained::default()
        })
    });
    let made = made.await?;
    let of = summary.of(decision);
    of.recoverable
        .extend(made.into_iter().flat_map(|made| made.recoverable));
    of.files = Some(done);
    Ok(Ok(()))
}

/// What could bring back files that went now. `kept_until` is the end of the last lock that keeps an
/// older version of one of them.
fn recoverable_files(
    kind: StoreKind,
    done: &FilesExpired,
    kept_until: Option<DateTime<Utc>>,
) -> Vec<Recoverable> {
    let remote = matches!(kind, StoreKind::Gcs | StoreKind::S3 | StoreKind::Azure);
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

/// Says in a `done` entry that a warehouse is rid of what was decided.
pub(in crate::run) async fn gone_from_warehouse(
    committer: &mut Committer<'_>,
    decision: u64,
    expired: &WarehouseExpired,
    recoverable: &[Recoverable],
) -> Result<(), RunError> {
    let made = done_with(committer, decision, |open| {
        let left = open.warehouses.contains(&expired.warehouse);
        left.then(|| Retained {
            warehouses: vec![expired.clone()],
            recoverable: recoverable.to_vec(),
            ..Retained::default()
        })
    });
    made.await.map(drop)
}

/// Says in `done` entries that a warehouse is given up, of all decisions that it is not rid of. Returns
/// these decisions.
pub(super) async fn give_up(
    committer: &mut Committer<'_>,
    given_up: &GivenUp,
) -> Result<Vec<u64>, RunError> {
    let open = committer.state.retention.open_at(&given_up.warehouse);
    let open: Vec<u64> = open.map(|(decision, _)| decision).collect();
    for decision in &open {
        let made = done_with(committer, *decision, |open| {
            let left = open.warehouses.contains(&given_up.warehouse);
            left.then(|| Retained {
                given_up: vec![given_up.clone()],
                ..Retained::default()
            })
        });
        made.await?;
    }
    Ok(open)
}

/// Commits a `done` entry of a decision, made of how it stands: others may have done a part of it
/// meanwhile. `None` where there is nothing to say.
async fn done_with(
    committer: &mut Committer<'_>,
    decision: u64,
    make: impl Fn(&OpenRetention) -> Option<Retained>,
) -> Result<Option<Retained>, RunError> {
    loop {
        let Some(open) = committer.state.retention.open.get(&decision) else {
            return Ok(None);
        };
        let Some(mut retained) = make(open) else {
            return Ok(None);
        };
        let finished = |name: &String| {
            retained.warehouses.iter().any(|it| it.warehouse == *name)
                || retained.given_up.iter().any(|it| it.warehouse == *name)
        };
        let left = open.warehouses.iter().filter(|name| !finished(name));
        retained.left = left.cloned().collect();
        let done = Body::Done(Box::new(Done {
            decision,
            outcome: DoneOutcome::Retained(Box::new(retained.clone())),
        }));
        if committer.commit(&committer.attempt.draft(done)).await? == Rebase::Resequence {
            return Ok(Some(retained));
        }
    }
}
