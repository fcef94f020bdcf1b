//! States to compare with, made from a few words.

use crate::lake::layout::Table;
use crate::ledger::digest::Digest;
use crate::ledger::entry::{Counts, FileEntry, InstantRange, StatedStatistics};
use crate::ledger::state::{Batch, LiveFile, State};
use crate::warehouse::StatementLimits;
use chrono::{DateTime, NaiveDate};

/// The limits of a service of our own.
pub(super) const LIMITS: StatementLimits = StatementLimits {
    load_files: 100,
    load_dates: 40,
    load_bytes: 15_000,
    statement_dates: 1_000,
    statement_batches: 2_000,
    loads_a_day: 1_000,
    partition_changes_a_day: 300,
    fail_safe_days: 7,
};

pub(super) fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

/// A file of an entry: its date, category and rows.
pub(super) fn file(name: &str, day: u32, category: &str, rows: u64) -> FileEntry {
    let at = date(day).and_hms_opt(1, 0, 0).unwrap().and_utc();
    FileEntry {
        path: name.into(),
        table: Table::Events,
        date: date(day),
        category: Some(category.into()),
        source: "k".into(),
        bytes: 10,
        sha256: Digest::of(name.as_bytes()),
        md5: None,
        rows,
        times: Some(InstantRange {
            first: at,
            last: at,
        }),
        records_root: Digest::of(b"root"),
        statistics: StatedStatistics::default(),
    }
}

/// A state with these entries: sequence, and the files that each has added.
pub(super) fn state(entries: Vec<(u64, Vec<FileEntry>)>) -> State {
    let mut state = State::empty();
    state.head.sequence = entries.last().map_or(0, |(sequence, _)| *sequence);
    for (sequence, files) in entries {
        state.batches.push(Batch {
            sequence,
            batch_id: format!("b{sequence}"),
            run_id: "r".to_owned(),
            source: "k".to_owned(),
            written_at: DateTime::UNIX_EPOCH,
            counts: Counts::default(),
            covered: Vec::new(),
            files: files.len() as u64,
            bytes: 0,
            cuts: Vec::new(),
        });
        for file in files {
            let live = LiveFile { sequence, file };
            state.files.entry(live.file.date).or_default().push(live);
        }
    }
    state
}
