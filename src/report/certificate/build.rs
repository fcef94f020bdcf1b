//! Putting a certificate together from entries: pure.

use super::{
    Asked, CertificateError, CertifiedDecision, CertifiedFile, CertifiedPart, CertifiedRule,
    EmptiedTable, EmptiedWarehouse, EntryRef, GivenUpWarehouse, NamedBy, Pending, Removal,
    Standing, Stays, StillRecoverable, WholeDecision,
};
use crate::lake::layout::{FilePath, Table};
use crate::ledger::entry::{
    Body, DoneOutcome, ExpiredPart, FileEntry, RefusedFile, Retained, Retention,
};
use crate::ledger::log::ReadEntry;
use crate::ledger::state::State;
use crate::policy::Policy;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The entries that a certificate about one decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a> {
    /// The decision.
    pub decision: &'a ReadEntry,
    /// Its `done` entries, in order.
    pub done: &'a [ReadEntry],
    /// The `ingest` entries of its parts, by sequence; others may be among them.
    pub ingests: &'a BTreeMap<u64, ReadEntry>,
    /// Decisions before it, by sequence: all of those that have taken anything of its dates. A span of
    /// entries may run over one whose files of the partition they had taken already.
    pub earlier: &'a BTreeMap<u64, ReadEntry>,
    /// Replacements of files before it, by sequence, that have taken anything of these entries.
    pub replaced: &'a BTreeMap<u64, ReadEntry>,
}

/// What entries say of the parts of a decision that were asked for; `None` where it has none.
///
/// # Errors
/// Entries of other kinds than they should be, or that name other files than the decision counts.
pub fn certify(
    asked: &Asked,
    material: &Material<'_>,
) -> Result<Option<CertifiedDecision>, CertificateError> {
    let sequence = material.decision.entry.sequence;
    let decision = decision_in(material.decision)?;
    let wanted: Vec<&ExpiredPart> = decision.parts.iter().filter(|it| asked.wants(it)).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let retained: Vec<(u64, &Retained)> = material
        .done
        .iter()
        .map(|done| Ok((done.entry.sequence, retained_in(done, sequence)?)))
        .collect::<Result<_, CertificateError>>()?;
    let fates = Fates::of(&retained);
    let taken = Taken::before(material)?;
    let parts: Vec<CertifiedPart> = wanted
        .iter()
        .map(|part| certified(part, sequence, material, &taken, &fates))
        .collect::<Result<_, _>>()?;
    Ok(Some(CertifiedDecision {
        entry: EntryRef::of(material.decision),
        as_of: decision.as_of,
        plan: decision.plan.clone(),
        confirmed_by: decision.confirmed_by.clone(),
        rules: rules_of(&decision.policy, &wanted),
        whole_decision: whole(decision, parts.len(), material, &retained, &fates),
        parts,
    }))
}

/// What the lake holds of the dates that were asked for, or of those of `parts` where no dates were.
pub fn staying(
    state: &State,
    asked: &Asked,
    parts: &BTreeSet<NaiveDate>,
    today: NaiveDate,
) -> Vec<Stays> {
    let about = |date: &NaiveDate| match asked.names_dates() {
        true => asked.has(*date),
        false => parts.contains(date),
    };
    let mut stays: BTreeMap<(NaiveDate, Table), Stays> = BTreeMap::new();
    for (date, files) in state.files.iter().filter(|(date, _)| about(date)) {
        for live in files {
            let file = &live.file;
            let of_table = stays.entry((*date, file.table)).or_insert_with(|| Stays {
                date: *date,
                table: file.table,
                files: 0,
                rows: 0,
                bytes: 0,
                held_by: Vec::new(),
            });
            of_table.files += 1;
            of_table.rows += file.rows;
            of_table.bytes += file.bytes;
            let cases = state.protection(&file.subject(), today).cases;
            of_table.held_by.extend(cases);
        }
    }
    for of_table in stays.values_mut() {
        of_table.held_by.sort();
        of_table.held_by.dedup();
    }
    stays.into_values().collect()
}

impl EntryRef {
    pub(super) fn of(read: &ReadEntry) -> Self {
        Self {
            sequence: read.entry.sequence,
            sha256: read.sha256,
            written_at: read.entry.written_at,
        }
    }
}

/// The decision that an entry is.
pub(super) fn decision_in(read: &ReadEntry) -> Result<&Retention, CertificateError> {
    match &read.entry.body {
        Body::Retention(decision) => Ok(decision),
        _ => Err(CertificateError::Entry {
            sequence: read.entry.sequence,
            what: "a retention decision",
        }),
    }
}

/// The files that an entry has added.
fn files_in(read: &ReadEntry) -> Result<&[FileEntry], CertificateError> {
    match &read.entry.body {
        Body::Ingest(ingest) => Ok(&ingest.files),
        Body::Remap(remap) => Ok(&remap.files),
        _ => Err(CertificateError::Entry {
            sequence: read.entry.sequence,
            what: "an entry that adds files",
        }),
    }
}

fn retained_in(read: &ReadEntry, decision: u64) -> Result<&Retained, CertificateError> {
    if let Body::Done(done) = &read.entry.body
        && done.decision == decision
        && let DoneOutcome::Retained(retained) = &done.outcome
    {
        return Ok(retained);
    }
    Err(CertificateError::Entry {
        sequence: read.entry.sequence,
        what: "the result of the decision",
    })
}

/// What earlier decisions have taken.
struct Taken<'a> {
    expired: Vec<(u64, &'a Retention)>,
    replaced: HashSet<&'a FilePath>,
}

impl<'a> Taken<'a> {
    fn before(material: &Material<'a>) -> Result<Self, CertificateError> {
        let sequence = material.decision.entry.sequence;
        let earlier = material.earlier.range(..sequence);
        let earlier = earlier.map(|(earlier, read)| Ok((*earlier, decision_in(read)?)));
        let mut replaced = HashSet::new();
        for read in material.replaced.range(..sequence).map(|(_, read)| read) {
            if let Body::Remap(remap) = &read.entry.body {
                replaced.extend(remap.replaced.iter().map(|it| &it.path));
            }
        }
        Ok(Self {
            expired: earlier.collect::<Result<_, CertificateError>>()?,
            replaced,
        })
    }

    /// Whether a file that an entry has named was gone already. A decision takes nothing of later
    /// entries.
    fn has(&self, sequence: u64, file: &FileEntry) -> bool {
        self.replaced.contains(&file.path)
            || self.expired.iter().any(|(decision, earlier)| {
                sequence < *decision && earlier.parts.iter().any(|part| part.takes(sequence, file))
            })
    }
}

/// What became of files: the newest `done` entry about files names all that are still refused.
struct Fates<'a> {
    asked: bool,
    refused: BTreeMap<&'a str, Option<DateTime<Utc>>>,
}

impl<'a> Fates<'a> {
    fn of(retained: &[(u64, &'a Retained)]) -> Self {
        let newest = retained.iter().rev().find_map(|(_, it)| it.files.as_ref());
        let until = |file: &'a RefusedFile| (file.path.as_str(), file.until);
        Self {
            asked: newest.is_some(),
            refused: newest
                .into_iter()
                .flat_map(|files| &files.refused)
                .map(until)
                .collect(),
        }
    }

    fn of_file(&self, path: &str) -> Standing {
        match self.refused.get(path) {
            _ if !self.asked => Standing::Pending,
            Some(until) => Standing::Refused { until: *until },
            None => Standing::Gone,
        }
    }

    /// How many of a decision's files are still to be removed.
    fn left(&self, all: u64) -> u64 {
        match self.asked {
            true => self.refused.len() as u64,
            false => all,
        }
    }
}

fn certified(
    part: &ExpiredPart,
    sequence: u64,
    material: &Material<'_>,
    taken: &Taken<'_>,
    fates: &Fates<'_>,
) -> Result<CertifiedPart, CertificateError> {
    let mut ingests: BTreeMap<u64, &ReadEntry> = BTreeMap::new();
    for span in &part.entries {
        // A span may run over entries that came after the decision, of which it takes nothing.
        let from = span.from.min(sequence);
        let until = span.to.saturating_add(1).clamp(from, sequence);
        let inside = material.ingests.range(from..until);
        ingests.extend(inside.map(|(named_by, read)| (*named_by, read)));
    }
    let mut files = Vec::new();
    for (named_by, read) in ingests {
        let going = |file: &&FileEntry| part.takes(named_by, file) && !taken.has(named_by, file);
        let going = files_in(read)?.iter().filter(going);
        files.extend(going.map(|file| CertifiedFile {
            path: file.path.to_string(),
            bytes: file.bytes,
            sha256: file.sha256,
            rows: file.rows,
            records_root: file.records_root,
            named_by: NamedBy {
                sequence: named_by,
                sha256: read.sha256,
            },
            standing: fates.of_file(&file.path.to_string()),
        }));
    }
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    if (files.len() as u64, rows, bytes) != (part.files, part.rows, part.bytes) {
        return Err(CertificateError::Files {
            sequence,
            date: part.date,
            source_id: part.source.clone(),
        });
    }
    Ok(CertifiedPart {
        date: part.date,
        table: part.table,
        category: part.category.clone(),
        source: part.source.clone(),
        tenant: part.tenant.clone(),
        rule: part.rule.clone(),
        last_day: part.last_day,
        rows,
        bytes,
        files,
    })
}

/// The rules of some parts, in the order of the policy, the default last.
fn rules_of(policy: &Policy, parts: &[&ExpiredPart]) -> Vec<CertifiedRule> {
    let named: BTreeSet<&str> = parts.iter().map(|part| part.rule.as_str()).collect();
    let mut rules: Vec<CertifiedRule> = policy
        .rules
        .iter()
        .filter(|rule| named.contains(rule.name.as_str()))
        .map(|rule| CertifiedRule {
            rule: rule.name.clone(),
            conditions: Some(rule.conditions.clone()),
            keep: rule.keep,
        })
        .collect();
    let default = policy.name_of(None);
    if named.contains(default) {
        rules.push(CertifiedRule {
            rule: default.to_owned(),
            conditions: None,
            keep: policy.default,
        });
    }
    rules
}

fn whole(
    decision: &Retention,
    listed: usize,
    material: &Material<'_>,
    retained: &[(u64, &Retained)],
    fates: &Fates<'_>,
) -> WholeDecision {
    let files = decision.parts.iter().map(|part| part.files).sum();
    let mut removal: Option<Removal> = None;
    let mut warehouses: Vec<EmptiedWarehouse> = Vec::new();
    let mut given_up: Vec<GivenUpWarehouse> = Vec::new();
    let mut recoverable = Vec::new();
    for (done, retained) in retained {
        for emptied in &retained.warehouses {
            warehouses.push(EmptiedWarehouse {
                warehouse: emptied.warehouse.clone(),
                target: emptied.target.clone(),
                done: *done,
                tables: emptied
                    .tables
                    .iter()
                    .map(|table| EmptiedTable {
                        table: table.table,
                        incarnation: table.incarnation,
                        rows: table.rows,
                    })
                    .collect(),
            });
        }
        given_up.extend(retained.given_up.iter().map(|said| GivenUpWarehouse {
            said: said.clone(),
            done: *done,
        }));
        if let Some(of_files) = &retained.files {
            let sum = removal.get_or_insert_default();
            sum.removed += of_files.removed;
            sum.bytes += of_files.bytes;
            sum.hidden += of_files.hidden;
            sum.missing += of_files.missing;
            sum.refused = of_files.refused.len() as u64;
        }
        recoverable.extend(retained.recoverable.iter().map(|it| StillRecoverable {
            place: it.place.clone(),
            by: it.by,
            until: it.until,
            done: *done,
        }));
    }
    let mut left: BTreeSet<&String> = decision.warehouses.iter().collect();
    left.retain(|name| {
        warehouses.iter().all(|it| it.warehouse != **name)
            && given_up.iter().all(|it| it.said.warehouse != **name)
    });
    let pending = Pending {
        warehouses: left.into_iter().cloned().collect(),
        files: fates.left(files),
    };
    WholeDecision {
        all_parts_listed: listed == decision.parts.len(),
        parts: decision.parts.len() as u64,
        files,
        rows: decision.parts.iter().map(|part| part.rows).sum(),
        bytes: decision.parts.iter().map(|part| part.bytes).sum(),
        done: material.done.iter().map(EntryRef::of).collect(),
        warehouses,
        given_up,
        removal,
        pending: Some(pending).filter(|it| !it.warehouses.is_empty() || it.files > 0),
        recoverable,
    }
}
