//! Rebuilding dates of a table: decide, replace in one transaction, receipt.
//!
//! The decision is a ledger entry. From its sequence on nobody loads rows of its dates but whoever
//! carries it out; loads that began before it are waited for, so that none can come after the
//! replacement. The rows go into a table of their own first, and from there into the table of the
//! projection by one transaction that also takes out what was there. Every step can be repeated:
//! jobs are named by the decision and by the incarnation of the table they fill, and what the dates
//! hold is counted before anything is replaced.

mod replace;

mod groups;

use super::fence::fence;
use crate::failpoint;
use crate::lake::layout::Table;
use crate::ledger::entry::{DoneOutcome, FileEntry, RebuildBody, RemappedWarehouse, RowsCounted};
use crate::ledger::state::OpenRemap;
use crate::warehouse::contract::TableKind;
use crate::warehouse::counting::{
    CompareScope, RowTally, TableComparison, compare_now, compare_within,
};
use crate::warehouse::loading::{Loading, load};
use crate::warehouse::pending::{Barred, pending, rows};
use crate::warehouse::projection::{
    Filling, Projection, ProjectionError, check_owner, known_of, open_table,
};
use chrono::{DateTime, NaiveDate, Utc};
use groups::groups;
use replace::{Replaced, Replacing, staged_table};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// How often dates are replaced that differ again. The first time may be that of a run that was killed,
/// and what others did to the dates after it is not in it.
const ROUNDS: u32 = 4;

/// How often copies are made anew that somebody else removes meanwhile, since he was done with them.
const REMOVALS: u32 = 3;

/// What a rebuild would replace in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RebuildPlan {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// Location of the dataset, such as `EU`.
    pub location: String,
    /// The table.
    pub table: Table,
    /// When the table was created, in milliseconds of the Unix epoch; a table that was recreated has
    /// another value.
    pub incarnation: u64,
    /// UTC dates whose rows would be replaced.
    pub dates: Vec<NaiveDate>,
    /// Number of rows that the table has for `dates` now.
    pub rows_now: u64,
    /// Number of rows that the table would have for `dates` afterwards.
    pub rows_then: u64,
    /// Number of files of the lake that would be loaded.
    pub files: u64,
    /// Size of the files that would be loaded, in bytes.
    pub bytes: u64,
    /// Number of load jobs and queries that the rebuild takes.
    pub jobs: u64,
    /// How many rows differ from the ledger now.
    pub differs: RowsCounted,
}

impl RebuildPlan {
    /// The decision, if this is what was confirmed.
    pub fn decision(&self, plan: &str) -> RebuildBody {
        RebuildBody {
            warehouse: self.warehouse.clone(),
            target: self.target.clone(),
            location: self.location.clone(),
            table: self.table,
            incarnation: self.incarnation,
            dates: self.dates.clone(),
            plan: plan.to_owned(),
        }
    }
}

/// Which dates to rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildChoice {
    /// Those on which something differs from the ledger.
    Differing,
    /// All from one to another, both inclusive, that ledger or table have rows of.
    Between(NaiveDate, NaiveDate),
    /// All.
    All,
}

/// What would be done to one table; `None` where there is nothing to do.
///
/// # Errors
/// A table that cannot be looked at.
pub async fn plan_rebuild(
    projection: &Projection,
    filling: Filling<'_>,
    table: Table,
    which: RebuildChoice,
) -> Result<Option<RebuildPlan>, ProjectionError> {
    let found = open_table(projection, filling.state, TableKind::of(table)).await?;
    let known = known_of(projection, filling.state, table, found.incarnation);
    let span = match which {
        RebuildChoice::Between(first, last) => Some((first, last)),
        RebuildChoice::Differing | RebuildChoice::All => None,
    };
    let loaded = |sequence| known.has(sequence);
    let comparison = compare_now(projection, filling, table, span, loaded).await?;
    let mut dates = match which {
        RebuildChoice::Differing => comparison.dates(),
        RebuildChoice::Between(..) | RebuildChoice::All => comparison
            .partitions
            .keys()
            .map(|(date, ..)| *date)
            .collect(),
    };
    close_over_entries(filling, table, &mut dates);
    if dates.is_empty() {
        return Ok(None);
    }
    let files: Vec<&FileEntry> = files_of(filling, table, &dates, u64::MAX);
    let of_dates = |comparison: &TableComparison, rows: fn(&RowTally) -> u64| -> u64 {
        let partitions = comparison.partitions.iter();
        let inside = partitions.filter(|((date, ..), _)| dates.contains(date));
        inside.map(|(_, tally)| rows(tally)).sum()
    };
    let groups = groups(&dates, &files, projection.warehouse.limits()).len() as u64;
    Ok(Some(RebuildPlan {
        warehouse: projection.name.clone(),
        target: projection.warehouse.target().to_owned(),
        location: projection.warehouse.location().to_owned(),
        table,
        incarnation: found.incarnation,
        rows_now: of_dates(&comparison, |tally| tally.found),
        rows_then: rows(&files),
        files: files.len() as u64,
        bytes: files.iter().map(|file| file.bytes).sum(),
        // One load and one transaction a group, and two counts.
        jobs: 2 * groups + 2,
        differs: comparison.counted(),
        dates: dates.into_iter().collect(),
    }))
}

/// Whether a decision is not done, by the newest entry.
async fn is_open_now(filling: Filling<'_>, decision: u64) -> Result<bool, ProjectionError> {
    let newest = filling.log.load().await?;
    Ok(newest.is_some_and(|state| {
        state.rebuilds.contains_key(&decision) || state.remaps.contains_key(&decision)
    }))
}

/// An entry counts as loaded as a whole, so all of its dates are rebuilt or none.
fn close_over_entries(filling: Filling<'_>, table: Table, dates: &mut BTreeSet<NaiveDate>) {
    loop {
        let touched: BTreeSet<u64> = filling
            .state
            .live_files()
            .filter(|live| live.file.table == table && dates.contains(&live.file.date))
            .map(|live| live.sequence)
            .collect();
        let before = dates.len();
        let files = filling.state.live_files();
        let touching =
            files.filter(|live| live.file.table == table && touched.contains(&live.sequence));
        dates.extend(touching.map(|live| live.file.date));
        if dates.len() == before {
            return;
        }
    }
}

/// Files on some dates that entries before a sequence have added.
fn files_of<'a>(
    filling: Filling<'a>,
    table: Table,
    dates: &BTreeSet<NaiveDate>,
    before: u64,
) -> Vec<&'a FileEntry> {
    let mut files: Vec<&FileEntry> = filling
        .state
        .live_files()
        .filter(|live| live.file.table == table && live.sequence < before)
        .filter(|live| dates.contains(&live.file.date))
        .map(|live| &live.file)
        .collect();
    files.sort_by_cached_key(|file| (file.date, file.path.to_string()));
    files
}

/// Carries out a decision that is not done. `None` where it could not be finished now: the loads that
/// have to end before it are still under way, or we were told to stop; any later run goes on.
///
/// # Errors
/// What kept it from being finished; any later run tries again.
pub async fn carry_out(
    projection: &Projection,
    filling: Filling<'_>,
    decision: u64,
    rebuild: &RebuildBody,
    now: DateTime<Utc>,
) -> Result<Option<DoneOutcome>, ProjectionError> {
    let kind = TableKind::of(rebuild.table);
    let warehouse = &*projection.warehouse;
    let elsewhere =
        warehouse.target() != rebuild.target || warehouse.location() != rebuild.location;
    match warehouse.table(kind.table()).await? {
        Some(found) if !elsewhere && found.incarnation == rebuild.incarnation => {}
        // What was to be mended is gone; what is there now is looked at as a new table.
        _ => return Ok(Some(DoneOutcome::Void)),
    }
    let replacement = DatesReplacement {
        projection,
        filling,
        decision,
        table: rebuild.table,
        incarnation: rebuild.incarnation,
        dates: &rebuild.dates,
        before: decision,
        now,
    };
    let rows = replacement.carry_out().await?;
    Ok(rows.map(|rows| DoneOutcome::Rebuilt { rows }))
}

/// Replaces the rows of a warehouse that a decision to derive columns again has replaced in the lake. `None` as for
/// [`carry_out`].
///
/// # Errors
/// As [`carry_out`].
pub async fn carry_out_remap(
    projection: &Projection,
    filling: Filling<'_>,
    decision: u64,
    remap: &OpenRemap,
    now: DateTime<Utc>,
) -> Result<Option<RemappedWarehouse>, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let done = |incarnation, rows| RemappedWarehouse {
        warehouse: projection.name.clone(),
        target: warehouse.target().to_owned(),
        incarnation,
        dates: remap.dates.len() as u64,
        rows,
    };
    let kind = TableKind::of(Table::Events);
    // Where there is no table there is nothing in it; whoever makes it loads what is in the lake.
    let Some(found) = warehouse.table(kind.table()).await? else {
        return Ok(Some(done(None, 0)));
    };
    check_owner(&found, warehouse.target(), &filling.state.lake_id)?;
    let replacement = DatesReplacement {
        projection,
        filling,
        decision,
        table: Table::Events,
        incarnation: found.incarnation,
        dates: &remap.dates,
        // The rows of the decision itself come with it.
        before: decision + 1,
        now,
    };
    let rows = replacement.carry_out().await?;
    Ok(rows.map(|rows| done(Some(found.incarnation), rows)))
}

/// The replacement of all rows of some dates of a table by those of the files that entries before a sequence have
/// added.
struct DatesReplacement<'a> {
    projection: &'a Projection,
    filling: Filling<'a>,
    decision: u64,
    table: Table,
    incarnation: u64,
    dates: &'a [NaiveDate],
    before: u64,
    now: DateTime<Utc>,
}

impl DatesReplacement<'_> {
    /// The rows of the dates afterwards; `None` where it could not be finished now.
    async fn carry_out(&self) -> Result<Option<u64>, ProjectionError> {
        let (projection, filling, decision) = (self.projection, self.filling, self.decision);
        let kind = TableKind::of(self.table);
        let warehouse = &*projection.warehouse;
        (filling.say)(&format!("{}: rebuilding", projection.name));
        let dates: BTreeSet<NaiveDate> = self.dates.iter().copied().collect();
        if !self.end_earlier_loads(&dates).await? {
            return Ok(None);
        }
        let files = files_of(filling, self.table, &dates, self.before);
        let groups = groups(&dates, &files, warehouse.limits());
        let mut differing = self.differing(&dates).await?;
        let (mut round, mut removals) = (0, 0);
        while !differing.is_empty() && round < ROUNDS && removals < REMOVALS {
            // The first round is that of everybody who carries the decision out. Before another one: the
            // dates may differ because others were done, and decided to delete some of these rows.
            if round + removals > 0 && !is_open_now(filling, decision).await? {
                return Ok(None);
            }
            let mut is_whole = true;
            for (number, group) in groups.iter().enumerate() {
                let replacing = Replacing {
                    projection,
                    filling,
                    kind,
                    decision,
                    number,
                    round,
                    now: self.now,
                };
                match replacing.replace(group, self.incarnation).await {
                    Ok(Replaced::Done) => {}
                    Ok(Replaced::Stopped) => return Ok(None),
                    Ok(Replaced::CopiesGone) => {
                        is_whole = false;
                        break;
                    }
                    Err(error) => {
                        return match is_open_now(filling, decision).await? {
                            true => Err(error),
                            // Others are done, and have removed what we were to read.
                            false => Ok(None),
                        };
                    }
                }
            }
            differing = self.differing(&dates).await?;
            // The same round is tried again: its transaction is the one at which all of them meet.
            match is_whole {
                true => round += 1,
                false => removals += 1,
            }
        }
        if let Some(date) = differing.first() {
            return Err(ProjectionError::Answer {
                target: warehouse.target().to_owned(),
                what: format!(
                    "{} dates of {} still differ after they were replaced, {date} first",
                    differing.len(),
                    kind.table()
                ),
            });
        }
        // Before the decision is done, so that no later run has to look for them.
        for number in 0..groups.len() {
            warehouse
                .drop_table(&staged_table(kind, decision, number))
                .await?;
            failpoint::hit("warehouse.stage.dropped");
        }
        Ok(Some(rows(&files)))
    }

    /// Waits for the end of loads that others may have begun before they knew of the decision. Whether all have
    /// ended.
    async fn end_earlier_loads(
        &self,
        dates: &BTreeSet<NaiveDate>,
    ) -> Result<bool, ProjectionError> {
        let (projection, filling) = (self.projection, self.filling);
        let known = known_of(projection, filling.state, self.table, self.incarnation);
        let mut earlier = pending(filling.state, self.table, &known, &Barred::default());
        earlier.retain(|entry| {
            let touches = entry.files.iter().any(|file| dates.contains(&file.date));
            touches && entry.sequence < self.decision
        });
        let loading = Loading {
            projection,
            filling,
            kind: TableKind::of(self.table),
            incarnation: self.incarnation,
        };
        // Of these a decision has taken a part: their rows come with the replacement.
        for (taking, going) in filling.state.taken_at(&projection.name) {
            let taken: BTreeSet<u64> = going
                .of(self.table)
                .map(|live| live.sequence)
                .filter(|sequence| *sequence < self.decision && !known.has(*sequence))
                .collect();
            earlier.retain(|entry| !taken.contains(&entry.sequence));
            if fence(&loading, &known, self.table, taking, &taken)
                .await?
                .is_none()
            {
                return Ok(false);
            }
        }
        let ends = load(&loading, &earlier).await;
        if let Some(error) = ends.stopped_by {
            return Err(error);
        }
        Ok(ends.loaded.len() + ends.failed.len() >= earlier.len())
    }

    /// The dates whose rows are not those that they are to have.
    async fn differing(
        &self,
        dates: &BTreeSet<NaiveDate>,
    ) -> Result<BTreeSet<NaiveDate>, ProjectionError> {
        let scope = CompareScope {
            warehouse: &self.projection.name,
            table: self.table,
            dates: (self.dates.first().copied()).zip(self.dates.last().copied()),
            carrying_out: Some(self.decision),
        };
        // Whatever the receipts say: all of these entries are to be there, and nothing else.
        let comparison = compare_within(self.projection, self.filling, &scope, |_| true).await?;
        let differences = comparison.differences.iter();
        Ok(differences
            .filter(|it| dates.contains(&it.cell.date))
            .filter(|it| it.sequence.is_none_or(|sequence| sequence < self.before))
            .map(|it| it.cell.date)
            .collect())
    }
}
