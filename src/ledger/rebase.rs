//! What to do with a planned entry whose sequence somebody else has taken: one pure function.

use super::entry::{Body, Covered, Entry, FileEntry, Ingest, Retention, SweepBody};
use crate::window::Window;
use std::collections::HashSet;

/// What a writer that lost the race does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebase {
    /// Nothing that came touches ours: the same body, the same files, at the next sequence.
    Resequence,
    /// Windows of ours have been read by others: compare with the lake again, and plan the
    /// entry anew. Files that were uploaded for the old plan are abandoned. Likewise rows of what has been
    /// decided to go meanwhile, and a decision that others have made or carried out.
    CompareAgain,
}

/// Decides for the body of a planned entry and the entries that came before it could be committed.
pub fn rebase(planned: &Body, came: &[Entry]) -> Rebase {
    let touched = match planned {
        // A receipt speaks of its own run only, and a hold is a hold whatever came before it.
        // So is what a person says about the time.
        Body::Genesis(_) | Body::Receipt(_) | Body::Hold(_) | Body::Clock(_) => false,
        // Somebody else may have released it.
        Body::Release(ours) => came.iter().any(|entry| match &entry.body {
            Body::Release(theirs) => ours.case == theirs.case,
            _ => false,
        }),
        Body::Ingest(ours) => came.iter().any(|entry| match &entry.body {
            Body::Ingest(theirs) => touches(ours, theirs),
            // We were taken for dead: the files have to be written anew.
            Body::Sweep(theirs) => names_any(&ours.files, theirs),
            // Nothing of it is read in again.
            Body::Retention(theirs) => adds_to(ours, theirs),
            _ => false,
        }),
        Body::Sweep(ours) => came.iter().any(|entry| match &entry.body {
            // Whoever was taken for dead is not.
            Body::Ingest(theirs) => names_any(&theirs.files, ours),
            Body::Remap(theirs) => names_any(&theirs.files, ours),
            // It may be another time now than was thought.
            Body::Sweep(_) | Body::Clock(_) => true,
            _ => false,
        }),
        // Something may be held now, or may have gone, or the rules may be others, or the time.
        Body::Retention(_) => came.iter().any(|entry| {
            matches!(
                entry.body,
                Body::Hold(_) | Body::Retention(_) | Body::Clock(_) | Body::Remap(_)
            )
        }),
        // Files of ours may have gone, or be held now.
        Body::Remap(ours) => came.iter().any(|entry| match &entry.body {
            Body::Hold(_) | Body::Retention(_) | Body::Clock(_) | Body::Remap(_) => true,
            Body::Sweep(theirs) => names_any(&ours.files, theirs),
            _ => false,
        }),
        // Two of them at once would each wait for the other's loads.
        Body::Rebuild(ours) => came.iter().any(|entry| match &entry.body {
            Body::Rebuild(theirs) => {
                (&ours.warehouse, ours.table) == (&theirs.warehouse, theirs.table)
            }
            _ => false,
        }),
        Body::Done(ours) => came.iter().any(|entry| match &entry.body {
            Body::Done(theirs) => ours.decision == theirs.decision,
            _ => false,
        }),
    };
    if touched {
        Rebase::CompareAgain
    } else {
        Rebase::Resequence
    }
}

fn touches(ours: &Ingest, theirs: &Ingest) -> bool {
    ours.source == theirs.source
        && windows(ours).any(|(our_tenant, our_window)| {
            windows(theirs).any(|(their_tenant, their_window)| {
                same_feed(our_tenant, their_tenant)
                    && our_window.intersection(their_window).is_some()
            })
        })
}

fn names_any(files: &[FileEntry], sweep: &SweepBody) -> bool {
    let swept: HashSet<&str> = sweep
        .objects
        .iter()
        .map(|object| object.path.as_str())
        .collect();
    files
        .iter()
        .any(|file| swept.contains(file.path.to_string().as_str()))
}

/// Whether an ingest has rows of a partition of which a decision takes what is there.
fn adds_to(ingest: &Ingest, decision: &Retention) -> bool {
    let mut files = ingest.files.iter();
    files.any(|file| decision.parts.iter().any(|part| part.is_where(file)))
}

/// Everything that an ingest has read or failed to read.
fn windows(ingest: &Ingest) -> impl Iterator<Item = (&str, &Window)> {
    let read = ingest.covered.iter().chain(&ingest.reread);
    let read = read.map(|Covered { tenant, window }| (tenant.as_str(), window));
    let holes = ingest.holes.iter();
    read.chain(holes.map(|hole| (hole.tenant.as_str(), &hole.window)))
}

/// `*` stands for all tenants, so it meets every other.
fn same_feed(ours: &str, theirs: &str) -> bool {
    ours == theirs || ours == "*" || theirs == "*"
}
