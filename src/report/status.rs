//! The status of a lake: a value made from the folded state and a now.

mod dates;
mod horizon;
mod verdict;

pub use dates::{DateRange, DateStanding, divide, runs};
pub use verdict::StatusVerdict;

use super::retention::{OpenDecision, OpenRemapStatus};
use crate::clock::{ClockReport, Now};
use crate::ledger::entry::{Counts, CoverageAxis, Recount, RecountVerdict, VerdictBy};
use crate::ledger::state::{
    DayState, FallingOff, FeedState, HoldState, HoleState, IdMatch, RecountState, State, StateSize,
    is_recounted_in_each_run,
};
use crate::origin::OriginState;
use crate::plural::{counted, thousands};
use crate::policy::{AsOf, HoldStanding, Past, Policy};
use crate::retention::{Amount, RuleFinding, plan, rule_findings};
use crate::source::ProofLimit;
use crate::warehouse::{StatementLimits, WarehouseStanding};
use crate::window::{Window, format_instant, instant, times_of_day};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The status of a lake, as the ledger alone shows it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Status {
    /// How the lake stands, in short.
    pub verdict: StatusVerdict,
    /// Id of the lake.
    pub lake_id: String,
    /// Whether the entries of the ledger are signed.
    pub signed: bool,
    /// Sequence of the newest ledger entry.
    pub sequence: u64,
    /// When the newest entry was written.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub written_at: DateTime<Utc>,
    /// Number of files that are part of the lake.
    pub files: u64,
    /// Size of the files of the lake in bytes.
    pub bytes: u64,
    /// Number of rows of `audit_events`.
    pub events: u64,
    /// How much memory the folded state of the ledger takes.
    pub state: StateSize,
    /// The status of each source, by id.
    pub sources: Vec<SourceStatus>,
    /// The status of each warehouse: those of the configuration first, then any other that the ledger
    /// knows.
    pub warehouses: Vec<WarehouseStanding>,
    /// The time for which the status is given, and what confirms or contradicts it.
    pub clock: ClockReport,
    /// Holds in force.
    pub holds: Vec<HoldStatus>,
    /// Sequences of `sweep` entries that are not done yet.
    pub open_sweeps: Vec<u64>,
    /// Decisions to derive columns again that are not done yet; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_remaps: Vec<OpenRemapStatus>,
    /// Decisions of retention that are not done yet; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_decisions: Vec<OpenDecision>,
    /// What is due under the configured rules; absent without rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
}

/// A hold in force.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HoldStatus {
    /// Whether the hold is in force by its dates, or only because its end is not confirmed.
    pub standing: HoldStanding,
    /// What it is.
    #[serde(flatten)]
    pub held: HoldState,
}

/// What is due today under the configured rules.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionStatus {
    /// What is due and not held.
    pub due: Amount,
    /// Number of rows that are past their time and kept by a hold.
    pub held_rows: u64,
    /// Next date on which more becomes due; absent if nothing will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<NaiveDate>,
    /// Rules that have no effect or name something unknown; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule_findings: Vec<RuleFinding>,
}

/// The status of a source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceStatus {
    /// Id of the source.
    pub source: String,
    /// The newest run that read the source; absent if none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<crate::ledger::state::LastRun>,
    /// The time by which the source is read; absent if it is the time of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<CoverageAxis>,
    /// What reading the source cannot prove, as its configuration tells; absent if that is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<ProofLimit>,
    /// The status of each tenant's feed, by tenant.
    pub feeds: Vec<FeedStatus>,
}

/// The status of one tenant's feed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FeedStatus {
    /// Id of the tenant, or `*` for the feed across all tenants.
    pub tenant: String,
    /// Whether the configuration still reads this feed. What is missing of another one is not tried
    /// again.
    pub configured: bool,
    /// Windows that have been read completely, in order.
    pub covered: Vec<Window>,
    /// Seconds from the end of the newest window to now; absent if nothing has been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<i64>,
    /// What became of all records that were read.
    pub counts: Counts,
    /// Windows that could not be read.
    pub holes: Vec<crate::ledger::state::HoleState>,
    /// Dates of which the source has more records than the lake.
    pub gaps: Vec<NaiveDate>,
    /// Holes on dates past retention, which are not tried again; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_holes: Vec<crate::ledger::state::HoleState>,
    /// Dates past retention of which the source had more records than the lake; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_gaps: Vec<NaiveDate>,
    /// Dates of which the source has fewer records than the lake.
    pub purged: Vec<NaiveDate>,
    /// Number of records at the source that are dated in the future.
    pub future: u64,
    /// Time of the oldest record that the source still has; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_at_source: Option<DateTime<Utc>>,
    /// Time that is not read yet and that the platform lets go of within days; absent if there is none, or if the
    /// configuration does not read the feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub falling_off: Option<FallingOff>,
    /// What was checked of what the platform proves of its objects; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<OriginState>,
    /// Every date with records or holes, the newest first.
    pub days: Vec<DayStatus>,
}

/// One UTC date of a feed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DayStatus {
    /// The date.
    pub date: NaiveDate,
    /// How the date compares with the source.
    pub standing: DateStanding,
    /// Number of records of the date that the source has ever shown: in the lake, in quarantine, or
    /// deleted by retention.
    pub lake: u64,
    /// Number of records that the source had at the newest recount; absent if it was never counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<u64>,
    /// The newest recount; absent if it was never counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recount: Option<RecountState>,
    /// The newest comparison by the ids of all records of the whole date; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_by_id: Option<IdMatch>,
    /// Parts of the date that could not be read; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Window>,
    /// Recount and comparison in words, with their times.
    pub said: String,
}

impl Status {
    /// The status at `now` of a lake whose configuration reads these feeds (source and tenant), with these
    /// warehouses, by name and with the limits of their services, this policy, and so much memory for a run.
    pub fn of(
        state: &State,
        feeds: &BTreeSet<(String, String)>,
        warehouses: &[(&str, &StatementLimits)],
        policy: Option<&Policy>,
        memory: u64,
        now: &Now,
    ) -> Self {
        let files = state.live_files();
        let (mut count, mut bytes, mut events) = (0, 0, 0);
        for live in files {
            count += 1;
            bytes += live.file.bytes;
            if live.file.table == crate::lake::layout::Table::Events {
                events += live.file.rows;
            }
        }
        let today = now.proven_date();
        let sources: Vec<SourceStatus> = state
            .sources
            .iter()
            .map(|(id, source)| {
                let past = Past::of(policy, state.holds_in_force(today), id, today);
                let of_source = source.feeds.iter().map(|(tenant, feed)| {
                    let configured = feeds.contains(&(id.clone(), tenant.clone()));
                    FeedStatus::of((tenant, configured), feed, &past, now.at())
                });
                SourceStatus {
                    source: id.clone(),
                    last_run: source.last_run.clone(),
                    axis: source.axis,
                    limits: Vec::new(),
                    feeds: of_source.collect(),
                }
            })
            .collect();
        let known = state.warehouses.keys().map(String::as_str);
        let others = known.filter(|name| !warehouses.iter().any(|(known, _)| known == name));
        let others = others.map(|name| (name, &StatementLimits::UNKNOWN));
        let all = warehouses.iter().copied().chain(others);
        let warehouses: Vec<WarehouseStanding> = all
            .map(|(name, limits)| WarehouseStanding::of(state, name, limits))
            .collect();
        Self {
            verdict: StatusVerdict::of(&sources, feeds, &warehouses),
            lake_id: state.lake_id.clone(),
            signed: !state.keys.is_empty(),
            sequence: state.head.sequence,
            written_at: state.head.written_at,
            files: count,
            bytes,
            events,
            state: StateSize::of(state, memory),
            sources,
            warehouses,
            clock: now.report(),
            holds: state
                .holds
                .values()
                .filter(|held| held.is_in_force(today))
                .map(|held| HoldStatus {
                    standing: held.standing(AsOf::now(now)),
                    held: held.clone(),
                })
                .collect(),
            open_sweeps: state.sweeps.keys().copied().collect(),
            open_remaps: OpenRemapStatus::all(state),
            open_decisions: OpenDecision::all(state, now.at()),
            retention: policy.map(|policy| {
                let plan = plan(state, policy, AsOf::now(now));
                RetentionStatus {
                    due: plan.total(),
                    held_rows: plan.held.iter().map(|held| held.due.rows).sum(),
                    next_due: plan.rules.iter().filter_map(|rule| rule.next_due).min(),
                    rule_findings: rule_findings(policy, state),
                }
            }),
        }
    }
}

impl Status {
    /// The same with what the configuration tells of what its sources cannot prove, by their ids.
    #[must_use]
    pub fn with_limits(mut self, limits: &BTreeMap<String, Vec<ProofLimit>>) -> Self {
        for source in &mut self.sources {
            source.limits = limits.get(&source.source).cloned().unwrap_or_default();
        }
        self
    }
}

impl FeedStatus {
    /// Records of a date at the source, when they were last counted, and those that the lake accounts for.
    pub fn counts_of(&self, date: NaiveDate) -> Option<(u64, u64)> {
        let day = self.days.iter().find(|day| day.date == date)?;
        Some((day.source?, day.lake))
    }

    fn of(
        (tenant, configured): (&str, bool),
        feed: &FeedState,
        past: &Past,
        now: DateTime<Utc>,
    ) -> Self {
        let mut counts = Counts::default();
        for day in feed.days.values() {
            counts.add(&day.counts);
        }
        let holes = feed.holes.iter().cloned();
        let (past_holes, holes): (Vec<_>, Vec<HoleState>) =
            holes.partition(|hole| past.has_all(&hole.window));
        let (past_gaps, gaps) = feed.gaps().partition(|date| past.has(*date));
        let days = days(feed, &holes);
        Self {
            tenant: tenant.to_owned(),
            configured,
            covered: feed.coverage.windows().to_vec(),
            lag_seconds: feed.coverage.end().map(|end| (now - end).num_seconds()),
            counts,
            holes,
            gaps,
            past_holes,
            past_gaps,
            purged: feed.fewer().collect(),
            future: feed.future,
            oldest_at_source: feed.oldest,
            falling_off: None,
            origin: feed.origin.clone(),
            days,
        }
    }
}

impl SourceStatus {
    /// What went wrong with the source in its newest run.
    pub fn newest_failure(&self) -> Option<String> {
        let last = self.last_run.as_ref()?;
        match &last.failure {
            Some(code) => Some(format!("failed in its newest run: {code}")),
            None if !last.complete => Some("was not read to the end in its newest run".to_owned()),
            None => None,
        }
    }
}

/// All dates of a feed, those too that have nothing but a hole, the newest first.
fn days(feed: &FeedState, holes: &[HoleState]) -> Vec<DayStatus> {
    let mut of_date: BTreeMap<NaiveDate, Vec<Window>> = BTreeMap::new();
    for part in holes.iter().flat_map(|hole| hole.window.by_date()) {
        of_date
            .entry(part.from.date_naive())
            .or_default()
            .push(part);
    }
    let nothing = DayState::default();
    let dates: BTreeSet<NaiveDate> = feed.days.keys().chain(of_date.keys()).copied().collect();
    let days = dates.into_iter().rev().map(|date| {
        let day = feed.days.get(&date).unwrap_or(&nothing);
        let holes = of_date.remove(&date).unwrap_or_default();
        DayStatus {
            date,
            standing: standing_of(day, &holes),
            lake: day.accounted,
            source: day.recount.as_ref().map(|recount| recount.source_count),
            recount: day.recount.clone(),
            matched_by_id: day.matched,
            said: day_said(day, &holes),
            holes,
        }
    });
    days.collect()
}

fn standing_of(day: &DayState, holes: &[Window]) -> DateStanding {
    if !holes.is_empty() {
        return DateStanding::Hole;
    }
    match day.recount.as_ref().map(|recount| recount.verdict) {
        Some(RecountVerdict::Matched) => DateStanding::Matched,
        Some(RecountVerdict::Gap) => DateStanding::Gap,
        Some(RecountVerdict::Fewer) => DateStanding::Fewer,
        Some(RecountVerdict::Purged) => DateStanding::Purged,
        None => DateStanding::NotCounted,
    }
}

/// What is known about a date in words. A count after a match by id says less about ids and more
/// about the time since, so both stand there; what disagrees comes first.
fn day_said(day: &DayState, holes: &[Window]) -> String {
    let compared = compared_said(day);
    if holes.is_empty() {
        return compared;
    }
    let parts: Vec<String> = holes.iter().map(times_of_day).collect();
    format!("hole {}; {compared}", parts.join(", "))
}

/// What a comparison with the source has found.
fn compared_said(day: &DayState) -> String {
    let Some(newest) = &day.recount else {
        return "not counted yet".to_owned();
    };
    let said = said(newest.verdict, newest.by, newest.at);
    let Some(matched) = &day.matched else {
        return said;
    };
    let at = format_instant(matched.at);
    // Records that came after the match are none that it spoke for.
    let then = match matched.records == day.accounted {
        true => String::new(),
        false => format!(
            " ({} at that time)",
            counted(matched.records, "record", "records")
        ),
    };
    match (newest.verdict, newest.by) {
        (RecountVerdict::Matched, VerdictBy::Id) => said,
        (RecountVerdict::Matched, VerdictBy::Count | VerdictBy::Listing) => {
            format!("matched by id at {at}{then}, {said}")
        }
        (RecountVerdict::Gap | RecountVerdict::Fewer | RecountVerdict::Purged, _) => {
            format!("{said}; matched by id at {at}{then}")
        }
    }
}

/// What a gap is, and when the date is read again. `counts` are those of source and lake, where the date was
/// counted.
pub fn gap_said(counts: Option<(u64, u64)>, date: NaiveDate, now: DateTime<Utc>) -> String {
    let when = match is_recounted_in_each_run(date, now) {
        true => "each run reads the date again",
        false => "the date is read again once a day",
    };
    let what = match counts {
        Some((source, lake)) if source > lake => format!(
            "the source has {}, the lake {}",
            counted(source, "record", "records"),
            thousands(lake)
        ),
        Some(_) | None => "the source has records that the lake does not have".to_owned(),
    };
    format!("{what}; {when}")
}

/// A recount in words.
pub fn recount_said(recount: &Recount) -> String {
    said(recount.verdict, recount.by, recount.at)
}

fn said(verdict: RecountVerdict, by: VerdictBy, at: DateTime<Utc>) -> String {
    let at = format_instant(at);
    match (verdict, by) {
        (RecountVerdict::Matched, VerdictBy::Id) => format!("matched by id at {at}"),
        (RecountVerdict::Matched, VerdictBy::Count) => format!("counted at {at}"),
        (RecountVerdict::Matched, VerdictBy::Listing) => format!("listed at {at}"),
        (RecountVerdict::Gap, VerdictBy::Listing) => {
            format!("gap: the source has other objects, seen at {at}")
        }
        (RecountVerdict::Fewer, VerdictBy::Listing) => {
            format!("the source has fewer objects, seen once, at {at}")
        }
        (RecountVerdict::Gap, _) => format!("gap: the source has more records, seen at {at}"),
        (RecountVerdict::Fewer, _) => format!("the source has fewer records, seen once, at {at}"),
        (RecountVerdict::Purged, _) => format!("purged at source, seen again at {at}"),
    }
}
