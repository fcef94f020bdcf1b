//! Dates that are replaced together.

use crate::ledger::entry::FileEntry;
use crate::warehouse::contract::StatementLimits;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// Most files that are staged at once.
const FILES_AT_ONCE: usize = 5_000;

/// One transaction's worth of dates, and their files.
pub(crate) struct RebuildGroup<'a> {
    pub(crate) dates: Vec<NaiveDate>,
    pub(crate) files: Vec<&'a FileEntry>,
}

/// Dates with their files, cut before a limit of the service. Depends on nothing else, so a group has
/// the same number whenever it is asked for.
pub(crate) fn groups<'a>(
    dates: &BTreeSet<NaiveDate>,
    files: &[&'a FileEntry],
    limits: &StatementLimits,
) -> Vec<RebuildGroup<'a>> {
    let mut by_date: BTreeMap<NaiveDate, Vec<&FileEntry>> = BTreeMap::new();
    for file in files {
        by_date.entry(file.date).or_default().push(file);
    }
    let mut groups: Vec<RebuildGroup<'_>> = Vec::new();
    for date in dates {
        let of_date = by_date.remove(date).unwrap_or_default();
        let full = groups.last().is_none_or(|group| {
            group.dates.len() == limits.statement_dates
                || group.files.len() + of_date.len() > FILES_AT_ONCE
        });
        if full {
            groups.push(RebuildGroup {
                dates: Vec::new(),
                files: Vec::new(),
            });
        }
        if let Some(group) = groups.last_mut() {
            group.dates.push(*date);
            group.files.extend(of_date);
        }
    }
    groups
}
