//! What has been decided about columns that are derived again: replacements that are not done.

use super::{Batch, FilesGoing, LiveFile, State};
use crate::lake::layout::Table;
use crate::ledger::entry::{Counts, Entry, Remap, Remapped};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A replacement of files that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenRemap {
    /// Source.
    pub source: String,
    /// The dates that a warehouse replaces, in order: those of the files, and all others of entries that have rows on
    /// any of them, since an entry counts as loaded as a whole.
    pub dates: Vec<NaiveDate>,
    /// The old files, which are not part of the lake any more.
    pub files: Vec<LiveFile>,
    /// Whether the store was asked to remove all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tried: bool,
    /// The ones that the store has refused to let go, and until when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, Option<DateTime<Utc>>>,
    /// Warehouses that are not known to have the new rows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub warehouses: BTreeSet<String>,
}

impl OpenRemap {
    /// Its files, and how far they are removed.
    pub fn going(&self) -> FilesGoing<'_> {
        FilesGoing {
            files: &self.files,
            tried: self.tried,
            refused: &self.refused,
        }
    }
}

impl State {
    /// Puts the new files in the place of the old ones.
    pub(super) fn apply_remap(&mut self, entry: &Entry, remap: &Remap) {
        let mut old = Vec::new();
        for replaced in &remap.replaced {
            let Some(of_date) = self.files.get_mut(&replaced.date) else {
                continue;
            };
            if let Some(at) = of_date.iter().position(|it| it.file.path == replaced.path) {
                old.push(of_date.remove(at));
            }
        }
        self.cut(entry.sequence, &old);
        for file in &remap.files {
            self.files.entry(file.date).or_default().push(LiveFile {
                sequence: entry.sequence,
                file: file.clone(),
            });
        }
        self.batches.push(Batch {
            sequence: entry.sequence,
            batch_id: remap.batch_id.clone(),
            run_id: entry.run_id.clone(),
            source: remap.source.clone(),
            written_at: entry.written_at,
            // No record was read.
            counts: Counts::default(),
            covered: Vec::new(),
            files: remap.files.len() as u64,
            bytes: remap.files.iter().map(|file| file.bytes).sum(),
            cuts: Vec::new(),
        });
        let source = self.sources.entry(remap.source.clone()).or_default();
        source.redacted.note(entry.sequence, &remap.redaction);
        let dates = remap.replaced.iter().map(|it| it.date).collect();
        let open = OpenRemap {
            source: remap.source.clone(),
            dates: self.with_dates_of_entries(dates),
            files: old,
            tried: false,
            refused: BTreeMap::new(),
            warehouses: remap.warehouses.iter().cloned().collect(),
        };
        self.remaps.insert(entry.sequence, open);
    }

    /// Dates, and all others on which entries have events that have any on these.
    fn with_dates_of_entries(&self, mut dates: BTreeSet<NaiveDate>) -> Vec<NaiveDate> {
        let mut of_entries: BTreeMap<u64, BTreeSet<NaiveDate>> = BTreeMap::new();
        for live in self.live_files() {
            if live.file.table == Table::Events {
                let of_entry = of_entries.entry(live.sequence).or_default();
                of_entry.insert(live.file.date);
            }
        }
        loop {
            let before = dates.len();
            of_entries.retain(|_, of_entry| {
                let touches = !of_entry.is_disjoint(&dates);
                if touches {
                    dates.append(of_entry);
                }
                !touches
            });
            if dates.len() == before {
                return dates.into_iter().collect();
            }
        }
    }

    /// Takes what was done of a replacement from what is to be done of it.
    pub(super) fn apply_remapped(&mut self, decision: u64, remapped: &Remapped) {
        let Some(open) = self.remaps.get_mut(&decision) else {
            return;
        };
        if let Some(files) = &remapped.files {
            let refused = files.refused.iter();
            open.refused = refused
                .map(|file| (file.path.clone(), file.until))
                .collect();
            open.tried = true;
        }
        if let Some(given_up) = &remapped.given_up {
            open.warehouses.remove(&given_up.warehouse);
        }
        let mut replaced = None;
        if let Some(done) = &remapped.warehouse {
            open.warehouses.remove(&done.warehouse);
            replaced = done.incarnation.map(|it| (done, it, open.dates.clone()));
        }
        if open.warehouses.is_empty() && open.tried {
            let refused = &open.refused;
            open.files
                .retain(|live| refused.contains_key(&live.file.path.to_string()));
            if open.files.is_empty() {
                self.remaps.remove(&decision);
            }
        }
        let Some((done, incarnation, dates)) = replaced else {
            return;
        };
        // The decision's own rows are among those that are there now.
        let loaded = self.entries_on(Table::Events, &dates, decision + 1);
        let table = self
            .warehouses
            .get_mut(&done.warehouse)
            .filter(|known| known.target == done.target)
            .and_then(|known| known.tables.get_mut(&Table::Events))
            .filter(|table| table.incarnation == incarnation);
        if let Some(table) = table {
            table.add(&loaded, &self.batches);
            // It was counted before these dates were replaced; the next count says what is left.
            table.differs = None;
        }
    }
}
