//! What a table of a warehouse still lacks: a pure function of the ledger's state.

use crate::lake::layout::Table;
use crate::ledger::entry::{FileEntry, Span};
use crate::ledger::state::{State, TableState};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// Most files that one load job takes (BigQuery: 10,000 source URIs).
const MOST_FILES: usize = 10_000;
/// Most dates that one load job takes (BigQuery: a job may modify 4,000 partitions).
const MOST_DATES: usize = 4_000;
/// Most bytes that one load job takes (BigQuery: 15 TB).
const MOST_BYTES: u64 = 15_000_000_000_000;

/// One entry whose rows are to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending<'s> {
    /// The entry.
    pub(super) sequence: u64,
    /// Number of the attempt, from 0.
    pub(super) attempt: u32,
    /// Its files for the table, in the order of the entry.
    pub(super) files: Vec<&'s FileEntry>,
}

impl<'s> Pending<'s> {
    /// Rows of all files.
    pub(super) fn rows(&self) -> u64 {
        rows(&self.files)
    }

    /// The files of each load job, split before a limit of the service is reached. A split depends
    /// on the files alone, so a part has the same number whenever it is asked for.
    pub(super) fn parts(&self) -> Vec<Vec<&'s FileEntry>> {
        split(&self.files)
    }
}

/// Rows of some files.
pub(super) fn rows(files: &[&FileEntry]) -> u64 {
    files.iter().map(|file| file.rows).sum()
}

/// Files in groups that one job may take.
pub(super) fn split<'s>(files: &[&'s FileEntry]) -> Vec<Vec<&'s FileEntry>> {
    let mut parts: Vec<Vec<&FileEntry>> = Vec::new();
    let mut dates = BTreeSet::new();
    let mut bytes = 0;
    for file in files {
        let full = parts.last().is_none_or(|part| {
            let another_date = !dates.contains(&file.date);
            part.len() == MOST_FILES
                || (another_date && dates.len() == MOST_DATES)
                || bytes + file.bytes > MOST_BYTES
        });
        if full {
            parts.push(Vec::new());
            dates.clear();
            bytes = 0;
        }
        dates.insert(file.date);
        bytes += file.bytes;
        if let Some(part) = parts.last_mut() {
            part.push(file);
        }
    }
    parts
}

/// The files of a table by the entry that added them.
pub(super) fn files_by_entry(state: &State, table: Table) -> BTreeMap<u64, Vec<&FileEntry>> {
    let mut by_entry: BTreeMap<u64, Vec<&FileEntry>> = BTreeMap::new();
    for live in state.live_files().filter(|live| live.file.table == table) {
        by_entry.entry(live.sequence).or_default().push(&live.file);
    }
    for files in by_entry.values_mut() {
        // Whatever the order in which the state holds them, a job's files are the same.
        files.sort_by(|one, other| one.path.cmp(&other.path));
    }
    by_entry
}

/// Rows that a table has if everything is there that counts as loaded.
pub(super) fn rows_expected(state: &State, table: Table, loaded: impl Fn(u64) -> bool) -> u64 {
    state
        .live_files()
        .filter(|live| live.file.table == table && loaded(live.sequence))
        .map(|live| live.file.rows)
        .sum()
}

/// The entries that are not loaded and have rows for a table, in order. `barred` are dates that a
/// decision has taken: nobody loads rows of these but whoever carries it out.
pub(super) fn pending<'s>(
    state: &'s State,
    table: Table,
    known: &TableState,
    barred: &BTreeSet<NaiveDate>,
) -> Vec<Pending<'s>> {
    let by_entry = files_by_entry(state, table);
    by_entry
        .into_iter()
        .filter(|(sequence, _)| !known.has(*sequence))
        .filter(|(_, files)| files.iter().all(|file| !barred.contains(&file.date)))
        .map(|(sequence, files)| Pending {
            sequence,
            attempt: known.attempt(sequence),
            files,
        })
        .collect()
}

/// The entries of which a table has everything now, as spans beside those that were known before.
/// An entry without rows for the table is among them as soon as all before it are.
pub(super) fn spans(
    state: &State,
    table: Table,
    known: &TableState,
    loaded: &BTreeSet<u64>,
) -> Vec<Span> {
    let with_rows: BTreeSet<u64> = state
        .live_files()
        .filter(|live| live.file.table == table)
        .map(|live| live.sequence)
        .collect();
    let mut spans: Vec<Span> = Vec::new();
    let mut open = false;
    for batch in &state.batches {
        let sequence = batch.sequence;
        if known.has(sequence) {
            continue;
        }
        if !loaded.contains(&sequence) && with_rows.contains(&sequence) {
            open = false;
            continue;
        }
        match spans.last_mut().filter(|_| open) {
            Some(span) => span.to = sequence,
            None => spans.push(Span {
                from: sequence,
                to: sequence,
            }),
        }
        open = true;
    }
    spans
}
