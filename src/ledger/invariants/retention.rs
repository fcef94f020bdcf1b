//! INV-13 to INV-16, and INV-18: holds, and what goes.

use super::Violation;
use crate::lake::layout::FilePath;
use crate::ledger::entry::{
    Entry, FileEntry, Hold, Release, Retained, Retention, StoredPlace, SweepBody,
};
use crate::ledger::state::{LiveFile, State};
use crate::policy::{Guard, PolicySubject};
use std::collections::{BTreeMap, HashSet};

/// INV-13 for a `hold` entry.
///
/// # Errors
/// No case, no reason, or dates out of order.
pub fn hold_fits(hold: &Hold) -> Result<(), Violation> {
    let named = !hold.case.trim().is_empty() && !hold.reason.trim().is_empty();
    if named && hold.from <= hold.to {
        return Ok(());
    }
    Err(Violation::Hold)
}

/// INV-13 for a `release` entry.
///
/// # Errors
/// The case has no hold, or all are released.
pub fn release_fits(state: &State, release: &Release) -> Result<(), Violation> {
    if state.holds.values().any(|held| held.is_of(&release.case)) {
        return Ok(());
    }
    Err(Violation::NotHeld {
        case: release.case.clone(),
    })
}

/// INV-14 and INV-18 for a `sweep` entry.
///
/// # Errors
/// A file that an entry names, files out of order, or a time that is not borne out.
pub fn sweep_fits(state: &State, entry: &Entry, sweep: &SweepBody) -> Result<(), Violation> {
    time_is_borne_out(state, entry)?;
    let named: HashSet<&FilePath> = state.files_there().map(|live| &live.file.path).collect();
    let mut before = "";
    for object in &sweep.objects {
        if named.contains(&FilePath::from(object.path.as_str())) || object.path.as_str() <= before {
            return Err(Violation::Swept(object.path.clone()));
        }
        before = &object.path;
    }
    Ok(())
}

/// INV-18: what deletes unattended is of a time that something bears out.
fn time_is_borne_out(state: &State, entry: &Entry) -> Result<(), Violation> {
    if state.shown_by(entry) < entry.written_at {
        let sequence = entry.sequence;
        return Err(Violation::Unproven { sequence });
    }
    Ok(())
}

/// INV-15, INV-16 and INV-18 for a `retention` entry on top of `state`.
///
/// # Errors
/// The first part that names nothing or something else than it says, that is not due by the rules of
/// the entry, or that a hold protects; a rule of which nothing goes unconfirmed; or a time that is not
/// borne out, where nobody has confirmed the decision.
pub fn retention_fits(state: &State, entry: &Entry, decision: &Retention) -> Result<(), Violation> {
    let as_of = decision.as_of;
    if decision.parts.is_empty() || as_of > entry.written_at.date_naive() {
        return Err(Violation::RetentionDate);
    }
    if decision.confirmed_by.is_none() {
        time_is_borne_out(state, entry)?;
    }
    // Confirming a deletion does not confirm that a hold has ended.
    let shown = state.shown_by(entry).date_naive().min(as_of);
    let policy = &decision.policy;
    let mut guard = Guard::new(policy, state.retention.policy.as_ref(), as_of);
    let mut before: Option<StoredPlace<'_>> = None;
    let mut taken: HashSet<(u64, &FilePath)> = HashSet::new();
    for part in &decision.parts {
        let says = |what: &'static str| Violation::Expired {
            date: part.date,
            source_id: part.source.clone(),
            what,
        };
        let place = part.place();
        if before.is_some_and(|before| before >= place) {
            return Err(says("a part appears twice or is out of order"));
        }
        before = Some(place);
        let of_date = state.files.get(&part.date).map_or(&[][..], Vec::as_slice);
        let mut entries: BTreeMap<u64, Vec<&FileEntry>> = BTreeMap::new();
        for LiveFile { sequence, file } in of_date {
            if part.takes(*sequence, file) {
                if !taken.insert((*sequence, &file.path)) {
                    return Err(says("a part appears twice or is out of order"));
                }
                entries.entry(*sequence).or_default().push(file);
            }
        }
        let files = || entries.values().flatten();
        let rows: u64 = files().map(|file| file.rows).sum();
        let bytes: u64 = files().map(|file| file.bytes).sum();
        if (files().count() as u64, rows, bytes) != (part.files, part.rows, part.bytes)
            || part.files == 0
        {
            return Err(says("its counts do not match the lake"));
        }
        for files in entries.values() {
            let subjects: Vec<PolicySubject<'_>> =
                files.iter().map(|file| file.subject()).collect();
            let verdict = policy.verdict_on_all(&subjects);
            if !verdict.is_over(as_of) || policy.name_of(verdict.rule) != part.rule {
                return Err(says("it is not due under its rule"));
            }
            guard.see(&part.rule, part.date, &subjects);
        }
        // Holds look at nothing in which the files of a partition differ.
        if let Some(file) = files().next()
            && !state.protection(&file.subject(), shown).cases.is_empty()
        {
            return Err(says("it is under hold"));
        }
    }
    match guard.first_objection() {
        Some((rule, reason)) if decision.confirmed_by.is_none() => Err(Violation::Unconfirmed {
            rule: rule.to_owned(),
            reason,
        }),
        _ => Ok(()),
    }
}

/// INV-12 for what was done of a decision of retention.
pub(super) fn retained_fits(state: &State, decision: u64, retained: &Retained) -> bool {
    let Some(open) = state.retention.open.get(&decision) else {
        return false;
    };
    let names: HashSet<&FilePath> = open.files.iter().map(|live| &live.file.path).collect();
    let refused = retained.files.iter().flat_map(|files| &files.refused);
    let mut refused = refused.map(|file| file.path.as_str());
    let left = retained.left.iter();
    refused.all(|path| names.contains(&FilePath::from(path)))
        && left.clone().all(|name| open.warehouses.contains(name))
}
