//! The status of a lake: a value made from the folded state and a now.

mod dates;
mod verdict;

pub use dates::{DateRange, DateStanding, divide, runs};
pub use verdict::StatusVerdict;

use super::retention::OpenDecision;
use crate::clock::{ClockReport, Now};
use crate::ledger::entry::{Counts, CoverageAxis, Recount, RecountVerdict, VerdictBy};
use crate::ledger::state::{
    DayState, FeedState, HoldState, HoleState, IdMatch, RecountState, State, StateSize,
    is_recounted_in_each_run,
};
use crate::plural::{counted, thousands};
use crate::policy::{AsOf, HoldStanding, Past, Policy};
use crate::retention::{Amount, RuleFinding, plan, rule_findings};
use crate::warehouse::Standing;
use crate::warehouse::bigquery::LIMITS;
use crate::window::{Window, format_instant, instant, times_of_day};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The status of a lake.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Status {
    /// How it stands, in one line.
    pub verdict: StatusVerdict,
    /// The lake.
    pub lake_id: String,
    /// Whether entries are signed.
    pub signed: bool,
    /// Newest entry.
    pub sequence: u64,
    /// When it was written.
    #[serde(with = "instant")]
    #[schemars(with = "DateTime<Utc>")]
    pub written_at: DateTime<Utc>,
    /// Files of the lake.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows of `audit_events`.
    pub events: u64,
    /// What is known of them in memory.
    pub state: StateSize,
    /// Sources by id.
    pub sources: Vec<SourceStatus>,
    /// Warehouses: those of the configuration, and any other that a receipt names.
    pub warehouses: Vec<Standing>,
    /// How the time stands at which this is so.
    pub clock: ClockReport,
    /// Holds in force.
    pub holds: Vec<HoldStatus>,
    /// Sweeps that were decided and are not done, by the sequence of the decision.
    pub open_sweeps: Vec<u64>,
    /// Decisions of retention that are not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_decisions: Vec<OpenDecision>,
    /// What is due under the configured rules; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
}

/// A hold in force.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HoldStatus {
    /// How it stands.
    pub standing: HoldStanding,
    /// What it is.
    #[serde(flatten)]
    pub held: HoldState,
}

/// What is due under the configured rules today.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetentionStatus {
    /// What is due.
    pub due: Amount,
    /// Rows that would be due if they were not held.
    pub held_rows: u64,
    /// The next date on which more will be due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<NaiveDate>,
    /// Rules that cannot do anything, or name what nobody knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rule_findings: Vec<RuleFinding>,
}

/// The status of a source.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceStatus {
    /// Id.
    pub source: String,
    /// Newest run that had it, and how it ended there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<crate::ledger::state::LastRun>,
    /// What its coverage is made of; absent where it is the time of the acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<CoverageAxis>,
    /// Its feeds by tenant.
    pub feeds: Vec<FeedStatus>,
}

/// The status of one tenant's feed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FeedStatus {
    /// Tenant, or `*`.
    pub tenant: String,
    /// Whether the configuration reads it. What is missing of another feed is not tried again.
    pub configured: bool,
    /// What has been read completely.
    pub covered: Vec<Window>,
    /// Seconds from the end of coverage to now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<i64>,
    /// What became of all records.
    pub counts: Counts,
    /// Windows that could not be read.
    pub holes: Vec<crate::ledger::state::HoleState>,
    /// Dates on which the source has more than the lake.
    pub gaps: Vec<NaiveDate>,
    /// Holes on dates past retention, which nobody tries again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_holes: Vec<crate::ledger::state::HoleState>,
    /// Dates past retention on which the source had more than the lake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past_gaps: Vec<NaiveDate>,
    /// Dates on which the source has less than the lake.
    pub purged: Vec<NaiveDate>,
    /// Records dated in the future.
    pub future: u64,
    /// Oldest record that the source still has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_at_source: Option<DateTime<Utc>>,
    /// All dates, the newest first.
    pub days: Vec<DayStatus>,
}

/// One date of a feed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DayStatus {
    /// Date.
    pub date: NaiveDate,
    /// How it stands.
    pub standing: DateStanding,
    /// Records that the lake accounts for.
    pub lake: u64,
    /// Records that the source had when it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<u64>,
    /// The newest recount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recount: Option<RecountState>,
    /// The newest match by id of all of the date: it speaks for its time, whatever was counted later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_by_id: Option<IdMatch>,
    /// Parts of the date that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Window>,
    /// Both of them in words, with the times that they rest on.
    pub said: String,
}

impl Status {
    /// The status at `now` of a lake whose configuration reads these feeds (source and tenant), with these
    /// warehouses, by name, this policy, and so much memory for a run.
    pub fn of(
        state: &State,
        feeds: &BTreeSet<(String, String)>,
        warehouses: &[&str],
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
                    feeds: of_source.collect(),
                }
            })
            .collect();
        let known = state.warehouses.keys().map(String::as_str);
        let others = known.filter(|name| !warehouses.contains(name));
        let all = warehouses.iter().copied().chain(others);
        let warehouses: Vec<Standing> =
            all.map(|name| Standing::of(state, name, &LIMITS)).collect();
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
