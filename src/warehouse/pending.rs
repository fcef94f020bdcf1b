//! What a table of a warehouse still lacks: a pure function of the ledger's state.

use crate::lake::layout::Table;
use crate::ledger::entry::{FileEntry, Span};
use crate::ledger::state::{LiveFile, State, TableState};
use crate::warehouse::contract::StatementLimits;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// One entry whose rows are to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending<'s> {
    /// The entry.
    pub(crate) sequence: u64,
    /// Number of the attempt, from 0.
    pub(crate) attempt: u32,
    /// The newest decision of retention that has taken files of it for the table.
    pub(crate) cut: Option<u64>,
    /// Its files for the table, in the order of the entry.
    pub(crate) files: Vec<&'s FileEntry>,
}

impl<'s> Pending<'s> {
    /// Rows of all files.
    pub(crate) fn rows(&self) -> u64 {
        rows(&self.files)
    }

    /// The files of each load job, split before a limit of the service is reached. A split depends
    /// on the files alone, so a part has the same number whenever it is asked for.
    pub(crate) fn parts(&self, limits: &StatementLimits) -> Vec<Vec<&'s FileEntry>> {
        split(&self.files, limits)
    }
}

/// Rows of some files.
pub(crate) fn rows(files: &[&FileEntry]) -> u64 {
    files.iter().map(|file| file.rows).sum()
}

/// Files in groups that one job may take.
pub(crate) fn split<'s>(
    files: &[&'s FileEntry],
    limits: &StatementLimits,
) -> Vec<Vec<&'s FileEntry>> {
    let mut parts: Vec<Vec<&FileEntry>> = Vec::new();
    let mut dates = BTreeSet::new();
    let mut bytes = 0;
    for file in files {
        let full = parts.last().is_none_or(|part| {
            let another_date = !dates.contains(&file.date);
            part.len() == limits.load_files
                || (another_date && dates.len() == limits.load_dates)
                || bytes + file.bytes > limits.load_bytes
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

/// The files of a table that are part of the lake.
fn files_of(state: &State, table: Table) -> impl Iterator<Item = &LiveFile> {
    let live = state.live_files();
    live.filter(move |live| live.file.table == table)
}

/// The files of a table whose rows a warehouse has if everything is loaded: those of the lake, and those
/// of decisions that it is not rid of yet.
fn files_at<'s>(
    state: &'s State,
    warehouse: &'s str,
    table: Table,
) -> impl Iterator<Item = &'s LiveFile> {
    let condemned = state.taken_at(warehouse);
    let condemned = condemned.flat_map(move |(_, taken)| taken.of(table));
    files_of(state, table).chain(condemned)
}

/// The files of a table by the entry that added them.
pub(crate) fn files_by_entry(state: &State, table: Table) -> BTreeMap<u64, Vec<&FileEntry>> {
    by_entry(files_of(state, table))
}

fn by_entry<'s>(files: impl Iterator<Item = &'s LiveFile>) -> BTreeMap<u64, Vec<&'s FileEntry>> {
    let mut by_entry: BTreeMap<u64, Vec<&FileEntry>> = BTreeMap::new();
    for live in files {
        by_entry.entry(live.sequence).or_default().push(&live.file);
    }
    for files in by_entry.values_mut() {
        // Whatever the order in which the state holds them, a job's files are the same.
        files.sort_by_cached_key(|file| file.path.to_string());
    }
    by_entry
}

/// What entries had for a table before a decision took files of them, each in the order in
/// which its jobs have them.
pub(crate) fn files_before<'s>(
    state: &'s State,
    table: Table,
    decision: u64,
    entries: &BTreeSet<u64>,
) -> BTreeMap<u64, Vec<&'s FileEntry>> {
    let taken = state.taken_since(decision);
    let taken = taken.filter(|live| live.file.table == table);
    let all = files_of(state, table).chain(taken);
    by_entry(all.filter(|live| entries.contains(&live.sequence)))
}

/// The newest decision, of those before a sequence, that has taken files of an entry for a
/// table.
pub(crate) fn cut_before(state: &State, table: Table, sequence: u64, before: u64) -> Option<u64> {
    let at = state
        .batches
        .binary_search_by_key(&sequence, |batch| batch.sequence)
        .ok()?;
    let cuts = state.batches[at].cuts.iter().rev();
    let mut of_table = cuts.filter(|cut| cut.table == table && cut.decision < before);
    of_table.next().map(|cut| cut.decision)
}

/// Rows that a table has if everything is there that counts as loaded, what the warehouse is not rid of
/// yet among it.
pub(crate) fn rows_expected(
    state: &State,
    warehouse: &str,
    table: Table,
    loaded: impl Fn(u64) -> bool,
) -> u64 {
    files_at(state, warehouse, table)
        .filter(|live| loaded(live.sequence))
        .map(|live| live.file.rows)
        .sum()
}

/// What nobody loads but whoever carries out the decision that has taken it.
#[derive(Debug, Default)]
pub(crate) struct Barred {
    /// Dates that are rebuilt, or whose rows are replaced by those of files with other columns.
    pub(crate) dates: BTreeSet<NaiveDate>,
    /// Entries of which a decision takes a part: loads that were begun before the decision must end
    /// first.
    pub(crate) entries: BTreeSet<u64>,
    /// Dates, categories and sources that retention empties: what comes into them later would go, too.
    pub(crate) partitions: BTreeSet<(NaiveDate, Option<String>, String)>,
}

impl Barred {
    /// By the decisions that are open.
    pub(crate) fn of(state: &State, warehouse: &str, table: Table) -> Self {
        let rebuilds = state.rebuilds.values();
        let dates = rebuilds
            .filter(|rebuild| rebuild.warehouse == warehouse && rebuild.table == table)
            .flat_map(|rebuild| rebuild.dates.iter().copied());
        let mut barred = Self {
            dates: dates.collect(),
            ..Self::default()
        };
        for (_, taken) in state.taken_at(warehouse) {
            let files = taken.of(table);
            barred.entries.extend(files.map(|live| live.sequence));
        }
        if table == Table::Events {
            let open = state.remaps.values();
            let open = open.filter(|open| open.warehouses.contains(warehouse));
            barred.dates.extend(open.flat_map(|open| &open.dates));
        }
        for (_, open) in state.retention.open_at(warehouse) {
            for part in open.decision.parts.iter().filter(|it| it.table == table) {
                if open.wholes.dates.contains(&(table, part.date)) {
                    barred.dates.insert(part.date);
                }
                let partition = (part.date, part.category.clone(), part.source.clone());
                barred.partitions.insert(partition);
            }
        }
        barred
    }

    fn bars(&self, sequence: u64, file: &FileEntry) -> bool {
        self.dates.contains(&file.date)
            || self.entries.contains(&sequence)
            || (!self.partitions.is_empty()
                && self.partitions.contains(&(
                    file.date,
                    file.category.map(|it| it.to_string()),
                    file.source.to_string(),
                )))
    }
}

/// The entries that are not loaded, have rows for a table and are not barred, in order.
pub(crate) fn pending<'s>(
    state: &'s State,
    table: Table,
    known: &TableState,
    barred: &Barred,
) -> Vec<Pending<'s>> {
    let by_entry = files_by_entry(state, table);
    by_entry
        .into_iter()
        .filter(|(sequence, _)| !known.has(*sequence))
        .filter(|(sequence, files)| !files.iter().any(|file| barred.bars(*sequence, file)))
        .map(|(sequence, files)| Pending {
            sequence,
            attempt: known.attempt(sequence),
            cut: cut_before(state, table, sequence, u64::MAX),
            files,
        })
        .collect()
}

/// The entries of which a table has everything now, as spans beside those that were known before.
/// An entry without rows for the table is among them as soon as all before it are; one whose rows a
/// decision takes has none only when the warehouse is rid of them.
pub(crate) fn spans(
    state: &State,
    warehouse: &str,
    table: Table,
    known: &TableState,
    loaded: &BTreeSet<u64>,
) -> Vec<Span> {
    let with_rows: BTreeSet<u64> = files_at(state, warehouse, table)
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
