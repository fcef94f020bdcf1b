//! The numbered invariants of a ledger. The fold refuses an entry that breaks one, a writer checks
//! its own entry before it commits, `verify` reports them, and tests assert them.
//!
//! | number | what holds |
//! |---|---|
//! | INV-1 | sequences begin at 0 and have no holes |
//! | INV-2 | an entry names the digest of the entry file before it |
//! | INV-3 | entry 0, and only entry 0, is a genesis |
//! | INV-4 | every record of a chunk is accounted for: returned = duplicates + known + added + quarantined + expired |
//! | INV-5 | the rows of a chunk's files are the records that it added, quarantined or found changed, and the objects that it names |
//! | INV-6 | no file is added twice, and no batch id is used twice |
//! | INV-7 | no instant is covered first by two entries |
//! | INV-8 | the times of a file lie on its date |
//! | INV-9 | an entry is signed by a key that was granted the role its kind needs |
//! | INV-10 | the verdict of a recount is what its two counts say, or its two sets of objects |
//! | INV-11 | a receipt names only entries before it as loaded, in order |
//! | INV-12 | a rebuild names dates, in order; `done` names a decision that is open |
//! | INV-13 | a hold has a case, a reason and dates in order; a release names a case that is held |
//! | INV-14 | a sweep names no file of an entry, and no entry names a file that was swept |
//! | INV-15 | what a retention names is in the lake, due by the rules it states, and not held |
//! | INV-16 | a retention that nobody confirmed names nothing that has to be confirmed |
//! | INV-17 | no entry adds to a partition that a decision deletes |
//! | INV-18 | the time of a sweep, and of a retention that nobody confirmed, is borne out |
//! | INV-19 | a confirmation of the clock says by whom and why |
//! | INV-20 | what a receipt says of the origin of objects names each feed once, each chain once and in order, and as many findings as it counts |
//! | INV-21 | what was imported from a file states no window as read |
//! | INV-22 | a replacement of files names files of one source that are in the lake and not held, keeps the rows of each date, and, of files that one file replaces, the root over the records |
//!
//! INV-18 asks nothing of entries of format version 1, which do not say what bore their time out; nor does
//! INV-15 ask of them that a hold ends by a time that is borne out.

mod remap;
mod retention;
mod warehouse;

pub use remap::remap_fits;
pub use retention::{hold_fits, release_fits, retention_fits, sweep_fits};
pub use warehouse::{done_fits, rebuild_fits, receipt_fits};

use super::digest::Digest;
use super::entry::{
    Body, ClockConfirmation, Done, DoneOutcome, Entry, FileEntry, Ingest, RecountVerdict, Role,
};
use super::key::VerifierKey;
use super::state::State;
use crate::lake::layout::Table;
use crate::plural::counted;
use crate::window::Window;
use chrono::NaiveDate;
use std::collections::{BTreeSet, HashSet};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A sequence that does not follow.
    #[error("INV-1: found entry {found}, expected entry {expected}")]
    Sequence {
        /// What must come.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The chain is broken.
    #[error(
        "INV-2: entry {sequence} names {} as the digest of the entry before it, which is {expected}",
        found.map_or_else(|| "nothing".to_owned(), |found| found.to_string())
    )]
    Chain {
        /// The entry.
        sequence: u64,
        /// Digest of the entry before.
        expected: Digest,
        /// What the entry names.
        found: Option<Digest>,
    },
    /// The first entry is something else.
    #[error("INV-3: entry 0 is not a genesis entry")]
    NotGenesis,
    /// A genesis in the middle.
    #[error("INV-3: there is a genesis entry after entry 0")]
    SecondGenesis,
    /// Records that nobody accounts for.
    #[error(
        "INV-4: batch {batch}: {} returned, but {accounted} accounted for",
        counted(*returned, "record", "records")
    )]
    Unaccounted {
        /// The batch.
        batch: String,
        /// What the source returned.
        returned: u64,
        /// What the counts add up to.
        accounted: u64,
    },
    /// Rows that no count explains.
    #[error(
        "INV-5: batch {batch}: {} in its {table} files, but {expected} counted",
        counted(*rows, "row", "rows")
    )]
    Rows {
        /// The batch.
        batch: String,
        /// The table.
        table: &'static str,
        /// Rows of the files.
        rows: u64,
        /// What the counts say.
        expected: u64,
    },
    /// A file or batch that exists already.
    #[error("INV-6: {0} appears twice")]
    Twice(String),
    /// A window that was covered before.
    #[error(
        "INV-7: batch {batch} covers {window} of tenant {tenant}, which an earlier entry already covers"
    )]
    CoveredTwice {
        /// The batch.
        batch: String,
        /// The tenant.
        tenant: String,
        /// The window.
        window: Window,
    },
    /// A file with rows of other dates.
    #[error("INV-8: {0} has rows outside its date")]
    FileDate(String),
    /// A signature by a key without the role.
    #[error(
        "INV-9: entry {sequence} of kind {kind} is signed by {key}, which was not granted the role for it"
    )]
    RoleMissing {
        /// The entry.
        sequence: u64,
        /// Its kind.
        kind: &'static str,
        /// Name of the key.
        key: String,
    },
    /// A verdict that its own counts contradict.
    #[error(
        "INV-10: source {source_id} tenant {tenant} {date} has the verdict {verdict:?}, with {} at the \
         source, {expected} expected there and {lake_count} in the lake",
        counted(*source_count, "record", "records")
    )]
    Verdict {
        /// The source.
        source_id: String,
        /// The tenant.
        tenant: String,
        /// The date.
        date: NaiveDate,
        /// What it is called.
        verdict: RecountVerdict,
        /// Records at the source.
        source_count: u64,
        /// Records that were expected at the source.
        expected: u64,
        /// Records in the lake.
        lake_count: u64,
    },
    /// Entries that cannot have been loaded.
    #[error(
        "INV-11: warehouse {warehouse} is recorded as holding entries that do not exist yet, or the \
         same entry twice"
    )]
    Loaded {
        /// Configured name of the warehouse.
        warehouse: String,
    },
    /// A rebuild of nothing, or of dates out of order.
    #[error(
        "INV-12: a rebuild of warehouse {warehouse} has no dates, or its dates are out of order"
    )]
    RebuildDates {
        /// Configured name of the warehouse.
        warehouse: String,
    },
    /// A hold of nothing, or without a reason.
    #[error("INV-13: a hold has no case, no reason, or dates out of order")]
    Hold,
    /// The end of holds that there are not.
    #[error("INV-13: case {case} has no hold to release")]
    NotHeld {
        /// The case.
        case: String,
    },
    /// A file of the lake that is to be swept, or a swept one that is to be of the lake.
    #[error("INV-14: {0} cannot be both swept and named by an entry")]
    Swept(String),
    /// A file of a partition that was decided to go.
    #[error("INV-17: {0} would bring back data that a retention decision deletes")]
    Gone(String),
    /// A retention of nothing, or of what the date of its entry does not make due.
    #[error(
        "INV-15: a retention decision is empty, or applies a date later than that of its entry"
    )]
    RetentionDate,
    /// Something that may not be deleted, or is not there.
    #[error("INV-15: a retention decision cannot delete {date} of source {source_id}: {what}")]
    Expired {
        /// The date.
        date: NaiveDate,
        /// The source.
        source_id: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Something that nobody has confirmed.
    #[error(
        "INV-16: a retention decision by rule {rule} was not confirmed, although this is required: \
         {reason}"
    )]
    Unconfirmed {
        /// The rule.
        rule: String,
        /// Why it has to be.
        reason: String,
    },
    /// Something is deleted, unattended, at a time that nothing bears out.
    #[error("INV-18: entry {sequence} deletes data based on a clock that nothing confirms")]
    Unproven {
        /// The entry.
        sequence: u64,
    },
    /// A confirmation by nobody, or for no reason.
    #[error("INV-19: a confirmation of the clock does not state who confirmed it and why")]
    Confirmation,
    /// Evidence of origin that contradicts itself.
    #[error(
        "INV-20: what a receipt says of the origin of the objects of source {source_id} tenant {tenant} contradicts itself"
    )]
    Origin {
        /// The source.
        source_id: String,
        /// The tenant.
        tenant: String,
    },
    /// A file that is said to show more than the records in it.
    #[error("INV-21: batch {batch} was imported from a file and states which windows were read")]
    ImportedCoverage {
        /// The batch.
        batch: String,
    },
    /// Files that cannot take the place of others.
    #[error("INV-22: a remap decision about source {source_id} does not fit the lake: {what}")]
    Remap {
        /// The source.
        source_id: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The end of something that is not open.
    #[error("INV-12: entry {decision} is not an open decision")]
    NotOpen {
        /// The sequence that is named.
        decision: u64,
    },
}

/// INV-1 to INV-3 for the first entry.
pub(super) fn begins(entry: &Entry) -> Result<(), Violation> {
    if entry.sequence != 0 {
        return Err(Violation::Sequence {
            expected: 0,
            found: entry.sequence,
        });
    }
    if entry.previous.is_some() || !matches!(entry.body, Body::Genesis(_)) {
        return Err(Violation::NotGenesis);
    }
    Ok(())
}

/// INV-1 and INV-2 for every other entry.
pub(super) fn follows(state: &State, entry: &Entry) -> Result<(), Violation> {
    let expected = state.head.sequence + 1;
    if entry.sequence != expected {
        return Err(Violation::Sequence {
            expected,
            found: entry.sequence,
        });
    }
    if entry.previous != Some(state.head.sha256) {
        return Err(Violation::Chain {
            sequence: entry.sequence,
            expected: state.head.sha256,
            found: entry.previous,
        });
    }
    Ok(())
}

/// INV-4 to INV-8 for an `ingest` entry on top of `state`.
///
/// # Errors
/// The first invariant that does not hold.
pub fn ingest_fits(state: &State, ingest: &Ingest) -> Result<(), Violation> {
    accounts_for_all(ingest)?;
    rows_are_counted(ingest)?;
    names_are_new(state, &ingest.batch_id, &ingest.files)?;
    covers_first(state, ingest)?;
    imports_no_coverage(ingest)?;
    files_keep_their_date(ingest)
}

fn accounts_for_all(ingest: &Ingest) -> Result<(), Violation> {
    for day in &ingest.days {
        let counts = &day.counts;
        let accounted = counts.accounted();
        // What is repaired was added; what a day adds to the expected count is part of what was read.
        let returned = i64::try_from(counts.returned).unwrap_or(i64::MAX);
        if counts.returned != accounted
            || counts.repaired > counts.added
            || day.added_to_expected() > returned
        {
            return Err(Violation::Unaccounted {
                batch: ingest.batch_id.clone(),
                returned: counts.returned,
                accounted,
            });
        }
    }
    Ok(())
}

fn rows_are_counted(ingest: &Ingest) -> Result<(), Violation> {
    let rows = |table| -> u64 {
        let files = ingest.files.iter().filter(|file| file.table == table);
        files.map(|file| file.rows).sum()
    };
    let totals = ingest.totals();
    if rows(Table::Events) != totals.added {
        return Err(Violation::Rows {
            batch: ingest.batch_id.clone(),
            table: "events",
            rows: rows(Table::Events),
            expected: totals.added,
        });
    }
    let objects = ingest.days.iter().filter_map(|day| day.objects);
    let listed = objects.map(|objects| objects.rows).sum();
    if rows(Table::Objects) != listed {
        return Err(Violation::Rows {
            batch: ingest.batch_id.clone(),
            table: "objects",
            rows: rows(Table::Objects),
            expected: listed,
        });
    }
    // A record in quarantine may take several rows, so there is only a lower bound.
    let kept = totals.quarantined + totals.changed;
    let held = rows(Table::Quarantine);
    if held < kept || (kept == 0 && held > 0) {
        return Err(Violation::Rows {
            batch: ingest.batch_id.clone(),
            table: "quarantine",
            rows: held,
            expected: kept,
        });
    }
    Ok(())
}

fn names_are_new(state: &State, batch_id: &str, files: &[FileEntry]) -> Result<(), Violation> {
    let mut names = HashSet::new();
    for file in files {
        let known = state
            .files
            .get(&file.date)
            .is_some_and(|files| files.iter().any(|live| live.file.path == file.path));
        if state.is_swept(&file.path.to_string()) {
            return Err(Violation::Swept(file.path.to_string()));
        }
        // Where one tenant's rows are gone, others may come.
        let (category, source) = (file.category.as_deref(), file.source.as_str());
        let gone = &state.retention.gone;
        if gone.has(file.table, file.date, category, source, None) {
            return Err(Violation::Gone(file.path.to_string()));
        }
        if known || !names.insert(&file.path) {
            return Err(Violation::Twice(file.path.to_string()));
        }
    }
    // A batch id begins with its run id: two of them can only be as far apart as the entries that
    // were written while one run lasted, and that is far below this number.
    if state
        .batches
        .iter()
        .rev()
        .take(10_000)
        .any(|batch| batch.batch_id == batch_id)
    {
        return Err(Violation::Twice(batch_id.to_owned()));
    }
    Ok(())
}

fn covers_first(state: &State, ingest: &Ingest) -> Result<(), Violation> {
    for covered in &ingest.covered {
        let before = state
            .feed(&ingest.source, &covered.tenant)
            .is_some_and(|feed| feed.coverage.overlaps(&covered.window));
        if before {
            return Err(Violation::CoveredTwice {
                batch: ingest.batch_id.clone(),
                tenant: covered.tenant.clone(),
                window: covered.window,
            });
        }
    }
    Ok(())
}

fn imports_no_coverage(ingest: &Ingest) -> Result<(), Violation> {
    let states_windows =
        !(ingest.covered.is_empty() && ingest.reread.is_empty() && ingest.holes.is_empty());
    if ingest.imported.is_some() && states_windows {
        let batch = ingest.batch_id.clone();
        return Err(Violation::ImportedCoverage { batch });
    }
    Ok(())
}

fn files_keep_their_date(ingest: &Ingest) -> Result<(), Violation> {
    ingest.files.iter().try_for_each(times_lie_on_date)
}

/// INV-8 for one file.
fn times_lie_on_date(file: &FileEntry) -> Result<(), Violation> {
    let day = Window::of_date(file.date);
    let fits = match (&file.times, file.table) {
        (Some(times), _) => {
            times.first <= times.last
                && day.is_none_or(|day| day.contains(times.first) && day.contains(times.last))
        }
        (None, Table::Quarantine) => true,
        (None, Table::Events | Table::Objects) => false,
    };
    match fits {
        true => Ok(()),
        false => Err(Violation::FileDate(file.path.to_string())),
    }
}

/// INV-19 for a `clock` entry.
///
/// # Errors
/// It does not say by whom, or why.
pub fn clock_fits(confirmation: &ClockConfirmation) -> Result<(), Violation> {
    let ClockConfirmation { by, reason } = confirmation;
    if by.trim().is_empty() || reason.trim().is_empty() {
        return Err(Violation::Confirmation);
    }
    Ok(())
}

/// Whether a person has given a warehouse up.
fn gives_up(done: &Done) -> bool {
    match &done.outcome {
        DoneOutcome::Retained(retained) => !retained.given_up.is_empty(),
        DoneOutcome::Remapped(remapped) => remapped.given_up.is_some(),
        DoneOutcome::Rebuilt { .. } | DoneOutcome::Void | DoneOutcome::Swept { .. } => false,
    }
}

/// INV-9: the signer of an entry was granted the role that its kind needs.
pub(super) fn role_fits(
    state: &State,
    entry: &Entry,
    signer: Option<&VerifierKey>,
) -> Result<(), Violation> {
    let Some(signer) = signer else {
        return Ok(());
    };
    let needed = match &entry.body {
        Body::Genesis(_) => return Ok(()),
        Body::Retention(decision) if decision.confirmed_by.is_some() => Role::Officer,
        Body::Done(done) if gives_up(done) => Role::Officer,
        Body::Ingest(_)
        | Body::Receipt(_)
        | Body::Rebuild(_)
        | Body::Remap(_)
        | Body::Done(_)
        | Body::Sweep(_)
        | Body::Retention(_) => Role::Writer,
        Body::Hold(_) | Body::Release(_) | Body::Clock(_) => Role::Officer,
    };
    let granted: BTreeSet<Role> = state
        .keys
        .iter()
        .filter(|grant| &grant.key == signer)
        .flat_map(|grant| grant.roles.iter().copied())
        .collect();
    if granted.contains(&needed) {
        Ok(())
    } else {
        Err(Violation::RoleMissing {
            sequence: entry.sequence,
            kind: entry.body.kind().name(),
            key: signer.name().to_owned(),
        })
    }
}
