//! What has been decided about retention: decisions that are not done, and what is gone for good.

use super::{FilesGoing, LiveFile, State};
use crate::lake::layout::Table;
use crate::ledger::entry::{ExpiredPart, Retained, Retention};
use crate::policy::Policy;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the entries say about retention together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionState {
    /// The rules of the newest decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Decisions that are not done, by sequence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub open: BTreeMap<u64, OpenRetention>,
    /// Decisions that are done, by sequence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closed: BTreeMap<u64, ClosedRetention>,
    /// What was ever decided to go.
    #[serde(default, skip_serializing_if = "Gone::is_empty")]
    pub gone: Gone,
}

/// A decision that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenRetention {
    /// What was decided.
    pub decision: Retention,
    /// What it took as a whole.
    pub wholes: Wholes,
    /// Its files, which are not part of the lake any more; when the warehouses are done only those
    /// that are still to be removed.
    pub files: Vec<LiveFile>,
    /// Whether the store was asked to remove all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tried: bool,
    /// The ones that the store has refused to let go, and until when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, Option<DateTime<Utc>>>,
    /// Warehouses that are not known to be rid of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub warehouses: BTreeSet<String>,
    /// Sequences of its `done` entries so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<u64>,
}

/// What a decision takes as a whole, by what is known when it is made: whoever carries it out, and
/// whenever, does the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wholes {
    /// Of its parts, in order: whether nothing stays of the partition.
    pub parts: Vec<bool>,
    /// Tables and dates of which nothing stays at all.
    pub dates: BTreeSet<(Table, NaiveDate)>,
}

impl Wholes {
    /// Of parts that are to be taken out of a state.
    pub fn of(state: &State, parts: &[ExpiredPart]) -> Self {
        let mut by_date: BTreeMap<NaiveDate, Vec<&ExpiredPart>> = BTreeMap::new();
        for part in parts {
            by_date.entry(part.date).or_default().push(part);
        }
        let mut staying: BTreeSet<(Table, NaiveDate, Option<&str>, &str)> = BTreeSet::new();
        for (date, parts) in &by_date {
            for live in state.files.get(date).into_iter().flatten() {
                let file = &live.file;
                if !parts.iter().any(|part| part.takes(live.sequence, file)) {
                    staying.insert((file.table, *date, file.category.as_deref(), &file.source));
                }
            }
        }
        let stays = |part: &ExpiredPart| {
            let category = part.category.as_deref();
            staying.contains(&(part.table, part.date, category, part.source.as_str()))
        };
        let dates_staying: BTreeSet<(Table, NaiveDate)> = staying
            .iter()
            .map(|(table, date, ..)| (*table, *date))
            .collect();
        Self {
            parts: parts.iter().map(|part| !stays(part)).collect(),
            dates: parts
                .iter()
                .map(|part| (part.table, part.date))
                .filter(|of_date| !dates_staying.contains(of_date))
                .collect(),
        }
    }
}

/// A decision that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedRetention {
    /// First date of what went.
    pub first: NaiveDate,
    /// Last date.
    pub last: NaiveDate,
    /// Sequences of its `done` entries.
    pub done: Vec<u64>,
}

/// Which rows were ever decided to go. A record that would be one of them is never kept again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gone(Vec<GoneOf>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoneOf {
    table: Table,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// First and last dates, in order, with others between them.
    dates: Vec<(NaiveDate, NaiveDate)>,
}

/// Dates of which rows were decided to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GoneSpan<'a> {
    /// The table.
    pub table: Table,
    /// Category; none for quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<&'a str>,
    /// Source.
    pub source: &'a str,
    /// The tenant of all rows; none where there were several, or none is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<&'a str>,
    /// First date.
    pub first: NaiveDate,
    /// Last date.
    pub last: NaiveDate,
}

impl GoneOf {
    fn has(&self, date: NaiveDate) -> bool {
        let after = self.dates.partition_point(|(first, _)| *first <= date);
        after > 0 && date <= self.dates[after - 1].1
    }

    fn insert(&mut self, date: NaiveDate) {
        if self.has(date) {
            return;
        }
        let at = self.dates.partition_point(|(first, _)| *first < date);
        self.dates.insert(at, (date, date));
        // Neighbours become one.
        for left in [at, at.wrapping_sub(1)] {
            let (Some(one), Some(next)) =
                (self.dates.get(left), self.dates.get(left.wrapping_add(1)))
            else {
                continue;
            };
            if one.1.succ_opt() == Some(next.0) {
                self.dates[left].1 = next.1;
                self.dates.remove(left + 1);
            }
        }
    }
}

impl Gone {
    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the rows of a partition that a tenant's record would be one of were decided to go.
    pub fn has(
        &self,
        table: Table,
        date: NaiveDate,
        category: Option<&str>,
        source: &str,
        tenant: Option<&str>,
    ) -> bool {
        self.0.iter().any(|gone| {
            gone.table == table
                && gone.source == source
                && gone.category.as_deref() == category
                && (gone.tenant.is_none() || gone.tenant.as_deref() == tenant)
                && gone.has(date)
        })
    }

    /// All of it, as spans of dates.
    pub fn spans(&self) -> impl Iterator<Item = GoneSpan<'_>> {
        self.0.iter().flat_map(|gone| {
            gone.dates.iter().map(|(first, last)| GoneSpan {
                table: gone.table,
                category: gone.category.as_deref(),
                source: &gone.source,
                tenant: gone.tenant.as_deref(),
                first: *first,
                last: *last,
            })
        })
    }

    /// What of it is of one source and a span of dates, both inclusive: little or nothing, to be asked
    /// for each record.
    pub fn of(&self, source: &str, first: NaiveDate, last: NaiveDate) -> Self {
        let of_source = self.0.iter().filter(|gone| gone.source == source);
        let parts = of_source.filter_map(|gone| {
            let inside = |(from, to): &(NaiveDate, NaiveDate)| {
                let span = ((*from).max(first), (*to).min(last));
                (span.0 <= span.1).then_some(span)
            };
            let dates: Vec<_> = gone.dates.iter().filter_map(inside).collect();
            (!dates.is_empty()).then(|| GoneOf {
                dates,
                ..gone.clone()
            })
        });
        Self(parts.collect())
    }

    pub(crate) fn insert(&mut self, part: &ExpiredPart) {
        let known = self.0.iter_mut().find(|gone| {
            gone.table == part.table
                && gone.category == part.category
                && gone.source == part.source
                && gone.tenant == part.tenant
        });
        match known {
            Some(gone) => gone.insert(part.date),
            None => self.0.push(GoneOf {
                table: part.table,
                category: part.category.clone(),
                source: part.source.clone(),
                tenant: part.tenant.clone(),
                dates: vec![(part.date, part.date)],
            }),
        }
    }
}

impl OpenRetention {
    /// Its files, and how far they are removed.
    pub fn going(&self) -> FilesGoing<'_> {
        FilesGoing {
            files: &self.files,
            tried: self.tried,
            refused: &self.refused,
        }
    }

    /// The files of a table.
    pub fn files_of(&self, table: Table) -> impl Iterator<Item = &LiveFile> {
        self.going().of(table)
    }
}

impl RetentionState {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Decisions that a warehouse is not known to be rid of.
    pub fn open_at<'s>(
        &'s self,
        warehouse: &'s str,
    ) -> impl Iterator<Item = (u64, &'s OpenRetention)> {
        let open = self.open.iter();
        open.filter(move |(_, open)| open.warehouses.contains(warehouse))
            .map(|(decision, open)| (*decision, open))
    }
}

impl State {
    /// Takes what was decided out of the lake.
    pub(super) fn apply_retention(&mut self, sequence: u64, decision: &Retention) {
        let wholes = Wholes::of(self, &decision.parts);
        let mut files = Vec::new();
        for part in &decision.parts {
            self.retention.gone.insert(part);
            let Some(of_date) = self.files.get_mut(&part.date) else {
                continue;
            };
            let (gone, left): (Vec<LiveFile>, Vec<LiveFile>) = std::mem::take(of_date)
                .into_iter()
                .partition(|live| part.takes(live.sequence, &live.file));
            *of_date = left;
            if of_date.is_empty() {
                self.files.remove(&part.date);
            }
            files.extend(gone);
        }
        self.cut(sequence, &files);
        self.retention.policy = Some(decision.policy.clone());
        let open = OpenRetention {
            decision: decision.clone(),
            wholes,
            files,
            tried: false,
            refused: BTreeMap::new(),
            warehouses: decision.warehouses.iter().cloned().collect(),
            done: Vec::new(),
        };
        self.retention.open.insert(sequence, open);
    }

    /// Notes at the entries that had added files that a decision has taken them.
    pub(super) fn cut(&mut self, decision: u64, files: &[LiveFile]) {
        let cut: BTreeSet<(u64, Table)> = files
            .iter()
            .map(|live| (live.sequence, live.file.table))
            .collect();
        for (entry, table) in cut {
            // Batches are in order.
            if let Ok(at) = self
                .batches
                .binary_search_by_key(&entry, |batch| batch.sequence)
            {
                self.batches[at].cuts.push(Cut { table, decision });
            }
        }
    }

    /// Takes what was done of a decision from what is to be done of it.
    pub(super) fn apply_retained(&mut self, sequence: u64, decision: u64, retained: &Retained) {
        let Some(open) = self.retention.open.get_mut(&decision) else {
            return;
        };
        open.done.push(sequence);
        for of_warehouse in &retained.warehouses {
            open.warehouses.remove(&of_warehouse.warehouse);
            let known = self.warehouses.get_mut(&of_warehouse.warehouse);
            let Some(known) = known.filter(|known| known.target == of_warehouse.target) else {
                continue;
            };
            for expired in &of_warehouse.tables {
                let table = known.tables.get_mut(&expired.table);
                if let Some(table) = table.filter(|it| it.incarnation == expired.incarnation) {
                    table.add(&expired.loaded, &self.batches);
                }
            }
        }
        for given_up in &retained.given_up {
            open.warehouses.remove(&given_up.warehouse);
        }
        if let Some(files) = &retained.files {
            let refused = files.refused.iter();
            open.refused = refused
                .map(|file| (file.path.clone(), file.until))
                .collect();
            open.tried = true;
        }
        if !open.warehouses.is_empty() || !open.tried {
            return;
        }
        let refused = &open.refused;
        open.files
            .retain(|live| refused.contains_key(&live.file.path.to_string()));
        if !open.files.is_empty() {
            return;
        }
        let Some(open) = self.retention.open.remove(&decision) else {
            return;
        };
        let dates = || open.decision.parts.iter().map(|part| part.date);
        if let (Some(first), Some(last)) = (dates().min(), dates().max()) {
            let done = open.done;
            let closed = ClosedRetention { first, last, done };
            self.retention.closed.insert(decision, closed);
        }
    }
}

/// That a decision, of retention or to derive columns again, has taken files of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// The table whose rows they held.
    pub table: Table,
    /// The decision.
    pub decision: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn spans_of_dates_join() {
        let mut gone = GoneOf {
            table: Table::Events,
            category: None,
            source: "s".to_owned(),
            tenant: None,
            dates: Vec::new(),
        };
        for day in ["2026-01-05", "2026-01-01", "2026-01-03", "2026-01-03"] {
            gone.insert(date(day));
        }
        assert_eq!(gone.dates.len(), 3);
        gone.insert(date("2026-01-02"));
        gone.insert(date("2026-01-04"));
        assert_eq!(gone.dates, [(date("2026-01-01"), date("2026-01-05"))]);
        assert!(!gone.has(date("2025-12-31")) && !gone.has(date("2026-01-06")));
        for day in 1..=5 {
            assert!(gone.has(date(&format!("2026-01-0{day}"))));
        }
    }
}
