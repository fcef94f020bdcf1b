//! For which dates a statement asks, by its conditions alone: what the coverage of an answer is told for.
//!
//! The conditions that reach a scan are tried on every date that a lake may have: those on `dt` and `source` are
//! computed, those on `event_time` are compared with the first and last instant of the date. A condition that cannot be
//! decided so leaves all dates. No file is opened, and none of the ledger's is looked at.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::datatypes::DataType;
use chrono::NaiveDate;
use datafusion::catalog::Session;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;

use crate::event::schema::event_schema;
use crate::lake::layout::Table;
use crate::window::{Coverage, Window};

/// The dates that a lake may have, in days since 1970-01-01: up to the end of 2099.
const DAYS: i32 = 47_482;

/// The last microsecond of a day.
const LAST_MICRO: i64 = 86_400_000_000 - 1;

/// The dates for which a statement asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct AskedDates {
    /// By source, the dates that its conditions leave.
    pub(super) sources: BTreeMap<String, Dates>,
    /// The stored tables that it reads.
    pub(super) tables: HashSet<Table>,
    /// Whether some condition on time leaves all dates, so that the statement may ask for less than it seems to.
    pub(super) unclear: bool,
    /// Whether its conditions leave any date, whatever the source.
    pub(super) any_date: bool,
}

/// A set of dates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Dates(Vec<(NaiveDate, NaiveDate)>);

impl Dates {
    fn of(days: &[i32]) -> Self {
        let mut spans: Vec<(i32, i32)> = Vec::new();
        for day in days {
            match spans.last_mut() {
                Some((_, last)) if *last + 1 == *day => *last = *day,
                _ => spans.push((*day, *day)),
            }
        }
        let dates = spans.into_iter().filter_map(|(first, last)| {
            Some((
                NaiveDate::from_epoch_days(first)?,
                NaiveDate::from_epoch_days(last)?,
            ))
        });
        Self(dates.collect())
    }

    /// The first date, unless it is as early as any.
    pub(super) fn first(&self) -> Option<NaiveDate> {
        let (first, _) = self.0.first()?;
        (Some(*first) != NaiveDate::from_epoch_days(0)).then_some(*first)
    }

    /// The last date, unless it is as late as any.
    pub(super) fn last(&self) -> Option<NaiveDate> {
        let (_, last) = self.0.last()?;
        (Some(*last) != NaiveDate::from_epoch_days(DAYS - 1)).then_some(*last)
    }

    /// The windows of the dates.
    pub(super) fn windows(&self) -> Coverage {
        let whole = |(first, last): &(NaiveDate, NaiveDate)| {
            Window::new(Window::of_date(*first)?.from, Window::of_date(*last)?.to)
        };
        self.0.iter().filter_map(whole).collect()
    }

    fn add(&mut self, other: Self) {
        let days = |dates: &Self| -> Vec<i32> {
            let spans = dates.0.iter();
            spans
                .flat_map(|(first, last)| first.to_epoch_days()..=last.to_epoch_days())
                .collect()
        };
        let mut all = days(self);
        all.extend(days(&other));
        all.sort_unstable();
        all.dedup();
        *self = Self::of(&all);
    }
}

impl AskedDates {
    /// What an optimized plan asks of the stored tables; `None` where it reads none of them.
    ///
    /// # Errors
    /// Conditions that the engine cannot compute.
    pub(super) fn of(
        plan: &LogicalPlan,
        sources: &[&str],
        session: &dyn Session,
    ) -> Result<Option<Self>> {
        if matches!(plan, LogicalPlan::Explain(_)) {
            return Ok(None);
        }
        let mut asked: Option<Self> = None;
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let table = match scan.table_name.table() {
                    "audit_events" => Table::Events,
                    "audit_quarantine" => Table::Quarantine,
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                let asked = asked.get_or_insert_default();
                asked.tables.insert(table);
                asked.add(&scan.filters, sources, session)?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(asked)
    }

    fn add(&mut self, filters: &[Expr], sources: &[&str], session: &dyn Session) -> Result<()> {
        let conditions = filters
            .iter()
            .filter(|filter| !filter.is_volatile())
            .map(|filter| DateCondition::of(unnormalize_col(filter.clone())));
        let conditions: Vec<DateCondition> = conditions.collect::<Result<_>>()?;
        let mut days: Vec<i32> = (0..DAYS).collect();
        let mut unclear = false;
        for condition in conditions.iter().filter(|it| !it.names_source) {
            let before = days.len();
            days = condition.leaves(days, None, session)?;
            unclear |= condition.is_by_time && days.len() == before;
        }
        let is_bounded = days.len() < (0..DAYS).len();
        self.unclear |= unclear && !is_bounded;
        self.any_date |= !days.is_empty();
        for source in sources {
            let mut days = days.clone();
            for condition in conditions.iter().filter(|it| it.names_source) {
                days = condition.leaves(days, Some(source), session)?;
            }
            if !days.is_empty() {
                let known = self.sources.entry((*source).to_owned()).or_default();
                known.add(Dates::of(&days));
            }
        }
        Ok(())
    }
}

/// One condition of a scan, as it can be tried on a date.
struct DateCondition {
    expr: Expr,
    how: How,
    names_source: bool,
    /// Whether it is about the time of events.
    is_by_time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It names nothing but `dt` and `source`.
    Once,
    /// It names the date of `event_time` too, in some time zone: one of those at the ends of a date.
    AtBothEnds,
    /// By the range of `event_time` on a date.
    Range,
}

impl DateCondition {
    fn of(expr: Expr) -> Result<Self> {
        let columns = expr.column_refs();
        let names = |name: &str| columns.iter().any(|column| column.name == name);
        let only = |known: &[&str]| {
            let mut columns = columns.iter();
            columns.all(|column| known.contains(&column.name.as_str()))
        };
        let how = if only(&["dt", "source"]) {
            How::Once
        } else if only(&["dt", "source", "event_time"]) && names_time_by_date(&expr)? {
            How::AtBothEnds
        } else {
            How::Range
        };
        Ok(Self {
            how,
            names_source: names("source"),
            is_by_time: names("event_time") && !matches!(expr, Expr::IsNotNull(_)),
            expr,
        })
    }

    /// The days that it leaves.
    fn leaves(
        &self,
        days: Vec<i32>,
        source: Option<&str>,
        session: &dyn Session,
    ) -> Result<Vec<i32>> {
        let ends: &[i64] = match self.how {
            How::Once => &[0],
            How::AtBothEnds => &[0, LAST_MICRO],
            How::Range => return self.leaves_by_range(days, source, session),
        };
        let mut keep = vec![false; days.len()];
        for end in ends {
            let columns: [(&str, ArrayRef); 3] = [
                ("dt", Arc::new(Date32Array::from(days.clone()))),
                ("event_time", times(&days, *end)),
                (
                    "source",
                    Arc::new(StringArray::from(vec![source; days.len()])),
                ),
            ];
            let columns = columns.into_iter();
            let rows = RecordBatch::try_from_iter_with_nullable(
                columns.map(|(name, values)| (name, values, true)),
            )?;
            let known = DFSchema::try_from(rows.schema())?;
            let answer = session
                .create_physical_expr(self.expr.clone(), &known)?
                .evaluate(&rows)?
                .into_array(days.len())?;
            for (keep, answer) in keep.iter_mut().zip(as_boolean_array(&answer)?) {
                *keep |= answer == Some(true);
            }
        }
        Ok(kept(days, &keep))
    }

    fn leaves_by_range(
        &self,
        days: Vec<i32>,
        source: Option<&str>,
        session: &dyn Session,
    ) -> Result<Vec<i32>> {
        let schema = event_schema();
        let known = DFSchema::try_from(Arc::clone(&schema))?;
        // Quarantine has columns that events do not have, and they say nothing of a date.
        let Ok(condition) = session.create_physical_expr(self.expr.clone(), &known) else {
            return Ok(days);
        };
        let predicate = PruningPredicateBuilder::new()
            .with_file_schema(schema)
            .try_build(condition)?;
        let keep = predicate.prune(&DateRanges {
            days: &days,
            source,
        })?;
        Ok(kept(days, &keep))
    }
}

fn kept(days: Vec<i32>, keep: &[bool]) -> Vec<i32> {
    let pairs = days.into_iter().zip(keep);
    pairs
        .filter_map(|(day, keep)| keep.then_some(day))
        .collect()
}

/// Whether a condition names `event_time` as nothing but its date, in some time zone, or as a part of time that is not
/// shorter. Those of all instants of a UTC date are those of its first and last instant.
fn names_time_by_date(condition: &Expr) -> Result<bool> {
    const SHORTER: [&str; 5] = ["HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"];
    let is_time = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == "event_time");
    let mut otherwise = false;
    condition.apply(|expr| {
        let by_date = match expr {
            Expr::Cast(cast) => is_time(&cast.expr) && *cast.field.data_type() == DataType::Date32,
            Expr::ScalarFunction(call) => match (call.func.name(), call.args.as_slice()) {
                ("date_of", [of, ..]) => is_time(of),
                ("trunc_timestamp", [of, Expr::Literal(ScalarValue::Utf8(Some(part)), _), ..]) => {
                    is_time(of) && !SHORTER.contains(&part.as_str())
                }
                _ => false,
            },
            _ => false,
        };
        otherwise |= is_time(expr);
        Ok(match by_date {
            true => TreeNodeRecursion::Jump,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(!otherwise)
}

/// An instant of each day, so many microseconds after it begins.
fn times(days: &[i32], after: i64) -> ArrayRef {
    let micros = days
        .iter()
        .map(|day| i64::from(*day) * (LAST_MICRO + 1) + after);
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// What is known of all events of some dates.
struct DateRanges<'d> {
    days: &'d [i32],
    source: Option<&'d str>,
}

impl DateRanges<'_> {
    fn values(&self, column: &str, end: i64) -> Option<ArrayRef> {
        match column {
            "dt" => Some(Arc::new(Date32Array::from(self.days.to_vec()))),
            "event_time" => Some(times(self.days, end)),
            "source" => {
                let source = self.source?;
                Some(Arc::new(StringArray::from(vec![source; self.days.len()])))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for DateRanges<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(&column.name, 0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(&column.name, LAST_MICRO)
    }

    fn num_containers(&self) -> usize {
        self.days.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let known = matches!(column.name.as_str(), "dt" | "event_time" | "source");
        known.then(|| Arc::new(UInt64Array::from(vec![0; self.days.len()])) as ArrayRef)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
