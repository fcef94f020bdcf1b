//! Taking out of a warehouse what a decision of retention names: the decision is a ledger entry, so
//! everybody knows what may not be loaded any more; loads that were begun before it are ended; then
//! whole dates go as partitions, and everything else by conditions on date, category and source; and a
//! count shows that nothing of it is left.

use super::fence::fence;
use super::jobs::{Named, job};
use crate::failpoint;
use crate::lake::layout::Table;
use crate::ledger::entry::{
    ExpiredPart, Recoverable, RecoverableBy, Span, TableExpired, WarehouseExpired,
};
use crate::ledger::state::{OpenRetention, State, Wholes};
use crate::warehouse::contract::{
    Deletion, JobWork, LOADED, SqlCondition, Statement, StatementLimits, TableFound, TableKind,
};
use crate::warehouse::counting::{CompareCell, count};
use crate::warehouse::loading::Loading;
use crate::warehouse::projection::{
    Filling, Projection, ProjectionError, WarehouseFailure, check_owner, known_of,
};
use chrono::{DateTime, NaiveDate, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How often rows are deleted that are there again. What is there after that is put there by somebody.
const ROUNDS: u32 = 4;

/// What a decision takes from a table, as statements, in order: a function of the decision and of what
/// was known when it was made, so that statements have the same numbers whoever asks.
pub(crate) fn deletions(
    state: &State,
    table: Table,
    parts: &[ExpiredPart],
    wholes: &Wholes,
    limits: &StatementLimits,
) -> Vec<Deletion> {
    let mut conditions: BTreeMap<NaiveDate, Vec<SqlCondition>> = BTreeMap::new();
    for (part, whole) in parts.iter().zip(&wholes.parts) {
        if part.table != table {
            continue;
        }
        let of_date = conditions.entry(part.date).or_default();
        if wholes.dates.contains(&(table, part.date)) {
            continue;
        }
        let condition = |batches| SqlCondition {
            category: part.category.clone(),
            source: part.source.clone(),
            batches,
        };
        if *whole {
            let condition = condition(Vec::new());
            // Rules about tenants divide a partition.
            if !of_date.contains(&condition) {
                of_date.push(condition);
            }
            continue;
        }
        let batches = batches_of(state, part);
        of_date.extend(
            batches
                .chunks(limits.statement_batches)
                .map(|some| condition(some.to_vec())),
        );
    }
    let mut deletions: Vec<Deletion> = Vec::new();
    for (date, conditions) in conditions {
        let named = conditions.iter().any(|it| !it.batches.is_empty());
        let follows = deletions.last_mut().filter(|before| {
            let dates = (before.last - before.first).num_days();
            !named
                && before.conditions == conditions
                && before.last.succ_opt() == Some(date)
                && usize::try_from(dates).is_ok_and(|dates| dates + 1 < limits.statement_dates)
        });
        match follows {
            Some(before) => before.last = date,
            None if named && conditions.len() > 1 => {
                // One by one: each may name many batches.
                deletions.extend(conditions.into_iter().map(|condition| Deletion {
                    first: date,
                    last: date,
                    conditions: vec![condition],
                }));
            }
            None => deletions.push(Deletion {
                first: date,
                last: date,
                conditions,
            }),
        }
    }
    deletions
}

/// The batches of a part, in order. A span may run over entries that have nothing of the partition: no
/// row of it carries their ids.
fn batches_of(state: &State, part: &ExpiredPart) -> Vec<String> {
    let spans = part.entries.iter();
    let batches = spans.flat_map(|span| {
        let from = state.batches.partition_point(|it| it.sequence < span.from);
        let to = state.batches.partition_point(|it| it.sequence <= span.to);
        &state.batches[from..to]
    });
    batches.map(|batch| batch.batch_id.clone()).collect()
}

/// Takes out of a warehouse what a decision that is open names. `None` if we were told to stop; any
/// later run goes on.
///
/// # Errors
/// What kept it from being finished; any later run tries again.
pub async fn expire(
    projection: &Projection,
    filling: Filling<'_>,
    decision: u64,
    open: &OpenRetention,
) -> Result<Option<WarehouseExpired>, ProjectionError> {
    let warehouse = &*projection.warehouse;
    let mut expired = WarehouseExpired {
        warehouse: projection.name.clone(),
        target: warehouse.target().to_owned(),
        tables: Vec::new(),
    };
    for table in LOADED {
        let kind = TableKind::of(table);
        if !open.decision.parts.iter().any(|part| part.table == table) {
            continue;
        }
        // Where there is no table there is nothing in it; whoever makes it loads what is in the lake.
        let Some(found) = warehouse.table(kind.table()).await? else {
            continue;
        };
        check_owner(&found, warehouse.target(), &filling.state.lake_id)?;
        let expiring = TableExpiry {
            projection,
            filling,
            table,
            found: &found,
            decision,
            open,
        };
        match expiring.expire().await? {
            Some(of_table) => expired.tables.push(of_table),
            None => return Ok(None),
        }
    }
    Ok(Some(expired))
}

struct TableExpiry<'a> {
    projection: &'a Projection,
    filling: Filling<'a>,
    table: Table,
    found: &'a TableFound,
    decision: u64,
    open: &'a OpenRetention,
}

impl TableExpiry<'_> {
    async fn expire(&self) -> Result<Option<TableExpired>, ProjectionError> {
        let (projection, filling) = (self.projection, self.filling);
        let kind = TableKind::of(self.table);
        (filling.say)(&format!(
            "{}: deleting from {}",
            projection.name,
            kind.table()
        ));
        let incarnation = self.found.incarnation;
        let known = known_of(projection, filling.state, self.table, incarnation);
        let named = self.open.files_of(self.table);
        let unknown: BTreeSet<u64> = named
            .map(|live| live.sequence)
            .filter(|sequence| !known.has(*sequence))
            .collect();
        let loading = Loading {
            projection,
            filling,
            kind,
            incarnation,
        };
        let Some(loaded) = fence(&loading, &known, self.table, self.decision, &unknown).await?
        else {
            return Ok(None);
        };
        let deletions = deletions(
            filling.state,
            self.table,
            &self.open.decision.parts,
            &self.open.wholes,
            projection.warehouse.limits(),
        );
        let mut rows = Some(0);
        for round in 0..ROUNDS {
            for (number, deletion) in deletions.iter().enumerate() {
                let work = JobWork::Query {
                    sql: projection.warehouse.sql(&Statement::Delete {
                        table: kind.table(),
                        deletion,
                    }),
                };
                let named = Named {
                    what: &format!("expire-{round}"),
                    kind,
                    decision: self.decision,
                    number,
                    table: kind.table(),
                    incarnation,
                };
                failpoint::hit("warehouse.expire.before");
                let done = job(projection, filling, &named, &work).await?;
                failpoint::hit("warehouse.expire.after");
                let Some(done) = done else { return Ok(None) };
                rows = rows.zip(done.affected_rows).map(|(all, these)| all + these);
            }
            if self.left().await? == 0 {
                let span = |sequence| Span {
                    from: sequence,
                    to: sequence,
                };
                return Ok(Some(TableExpired {
                    table: self.table,
                    incarnation,
                    rows,
                    loaded: loaded.into_iter().map(span).collect(),
                }));
            }
        }
        Err(ProjectionError::Answer {
            target: projection.warehouse.target().to_owned(),
            what: format!(
                "{} has rows that entry {} decided to delete, after they were deleted {ROUNDS} times",
                kind.table(),
                self.decision
            ),
        })
    }

    /// Rows that are still there of what was decided.
    async fn left(&self) -> Result<u64, ProjectionError> {
        let dates = || self.parts().map(|part| part.date);
        let Some(span) = dates().min().zip(dates().max()) else {
            return Ok(0);
        };
        let filling = self.filling;
        let ids: BTreeMap<&str, u64> = filling
            .state
            .batches
            .iter()
            .map(|batch| (batch.batch_id.as_str(), batch.sequence))
            .collect();
        let kind = TableKind::of(self.table);
        let counts = count(
            self.projection,
            kind,
            Some(span),
            filling.run_id,
            filling.stop,
        )
        .await?;
        let mut by_partition: BTreeMap<_, Vec<&ExpiredPart>> = BTreeMap::new();
        for part in self.parts() {
            let partition = (part.date, part.category.as_deref(), part.source.as_str());
            by_partition.entry(partition).or_default().push(part);
        }
        let is_left = |cell: &CompareCell| {
            let partition = (cell.date, cell.category.as_deref(), cell.source.as_str());
            let parts = by_partition.get(&partition).into_iter().flatten();
            let mut spans = parts.flat_map(|part| &part.entries);
            let sequence = ids.get(cell.batch_id.as_str());
            sequence.is_some_and(|sequence| spans.any(|span| span.contains(*sequence)))
        };
        let left = counts.iter().filter(|(cell, _)| is_left(cell));
        Ok(left.map(|(_, rows)| rows).sum())
    }

    fn parts(&self) -> impl Iterator<Item = &ExpiredPart> {
        let parts = self.open.decision.parts.iter();
        parts.filter(|part| part.table == self.table)
    }
}

/// What could bring back rows that were deleted now, and until when: unknown where the service does not
/// say, or cannot be asked.
pub async fn recoverable(projection: &Projection, now: DateTime<Utc>) -> Vec<Recoverable> {
    let found = match projection.warehouse.dataset().await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "the time travel window of the table is not known");
            None
        }
    };
    // The window is not measured finer than this.
    let now = now.trunc_subsecs(0);
    let hours = found.and_then(|found| found.time_travel);
    let travel = hours.map(|hours| now + TimeDelta::hours(i64::from(hours)));
    let fail_safe = projection.warehouse.limits().fail_safe_days;
    let by = |by, until| Recoverable {
        place: projection.name.clone(),
        by,
        until,
    };
    vec![
        by(RecoverableBy::TimeTravel, travel),
        by(
            RecoverableBy::FailSafe,
            travel.map(|until| until + TimeDelta::days(fail_safe.into())),
        ),
    ]
}

/// What deleting from a warehouse would cost, and from where the rows could be restored afterwards.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ForeseenExpiry {
    /// Configured name of the warehouse.
    pub warehouse: String,
    /// Project and dataset of the warehouse, as in `acme-audit.audit`.
    pub target: String,
    /// Number of DELETE statements.
    pub jobs: u64,
    /// Bytes that the DELETE statements would be billed for; the counts afterwards come on top. Absent if
    /// the service does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_billed: Option<u64>,
    /// From where the rows could be restored if they were deleted now.
    pub recoverable: Vec<Recoverable>,
    /// Why the service could not be asked; absent if it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<WarehouseFailure>,
}

/// Asks a warehouse what taking parts out of it would cost. Changes nothing.
pub async fn foresee(
    projection: &Projection,
    state: &State,
    parts: &[ExpiredPart],
    now: DateTime<Utc>,
) -> ForeseenExpiry {
    let warehouse = &*projection.warehouse;
    let wholes = Wholes::of(state, parts);
    let mut foreseen = ForeseenExpiry {
        warehouse: projection.name.clone(),
        target: warehouse.target().to_owned(),
        jobs: 0,
        bytes_billed: Some(0),
        recoverable: recoverable(projection, now).await,
        failure: None,
    };
    for table in LOADED {
        let kind = TableKind::of(table);
        for deletion in deletions(state, table, parts, &wholes, warehouse.limits()) {
            foreseen.jobs += 1;
            // What one of them meets, all of them meet.
            let Some(before) = foreseen.bytes_billed else {
                continue;
            };
            let sql = warehouse.sql(&Statement::Delete {
                table: kind.table(),
                deletion: &deletion,
            });
            match warehouse.dry_run(&sql).await {
                Ok(bytes) => foreseen.bytes_billed = Some(before + bytes),
                Err(error) => {
                    foreseen.bytes_billed = None;
                    foreseen.failure = Some(WarehouseFailure::from(&ProjectionError::from(error)));
                }
            }
        }
    }
    foreseen
}
