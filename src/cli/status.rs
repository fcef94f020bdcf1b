//! `trailhouse status`: what the ledger knows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::key_file;
use super::origin;
use super::output::{Ending, OutputDocument};
use super::page::{Align, Page, PageTable};
use super::warehouse::{matters, text_of_standing};
use super::{CliContext, block_on};
use crate::config::{Config, format_duration, format_size};
use crate::ledger::entry::{Hold, Trust};
use crate::ledger::log::Log;
use crate::ledger::state::State;
use crate::plural::{counted, thousands};
use crate::policy::HoldStanding;
use crate::report::retention::{OpenDecision, OpenRemapStatus};
use crate::report::status::{
    FeedStatus, SourceStatus, Status, StatusVerdict, divide, gap_said, runs,
};
use crate::retention::RuleFinding;
use crate::run::{configured_feeds, look_at_clocks, open_bucket, open_to_read};
use crate::store::Bucket;
use crate::window::format_instant;

/// Show what is complete and what is missing
///
/// Begins with a verdict in one line. Then shows, for each source, what has been read completely and until
/// when, how much is in quarantine, and per date when the records were last counted at the source or matched
/// by id. What a source cannot prove, for want of a total for example, is shown with it. Every date with a hole,
/// a gap or a difference is shown; older dates without any are shown as ranges. For each warehouse it shows how far it is behind the ledger, since when, and why; then what is due under
/// the rules of retention, and the holds.
///
/// Changes: nothing. Reads only the ledger, asks no source and no warehouse, and needs no signing key:
/// `public_key` in [signing] or --public-key is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse status
  trailhouse status --all
  trailhouse status --public-key acme.pub
  trailhouse status --output json | jq -r .verdict.text")]
pub(crate) struct StatusArgs {
    /// File with the verifier key of the lake; instead of the keys in [signing]
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
    /// List every date
    #[arg(long)]
    pub(crate) all: bool,
}

/// The newest dates of a feed, which are shown one by one.
const NEWEST: usize = 10;

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ShownStatus>("status");
}

pub(super) fn execute(args: StatusArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let (_, bucket, state) = open_lake(&config, args.public_key.as_deref())?;
    let now = look_at_clocks(chrono::Utc::now(), &bucket, &[], Some(&state));
    let warehouses = config.warehouses.iter();
    let warehouses: Vec<_> = warehouses
        .map(|it| (it.name.as_str(), it.service.limits()))
        .collect();
    let feeds = configured_feeds(&config);
    let sources = config.sources.iter();
    let kept = sources
        .clone()
        .filter_map(|it| Some((it.id.clone(), it.platform.horizon()?)));
    let kept = kept.collect();
    let limits = sources.map(|source| (source.id.clone(), source.platform.limits()));
    let limits = limits.collect();
    let status = Status::of(
        &state,
        &feeds,
        &warehouses,
        config.retention.as_ref(),
        config.run.memory,
        &now,
    )
    .with_horizons(&kept, &state, now.at())
    .with_limits(&limits);
    let sources = status.sources.iter();
    let sources = sources.flat_map(|source| open_matters(source, now.at()));
    let failures: Vec<Failure> = sources
        .chain(status.warehouses.iter().flat_map(matters))
        .collect();
    let newest = if args.all { usize::MAX } else { NEWEST };
    Ok(Ending::with_failures(
        ShownStatus { status, newest },
        failures,
    ))
}

/// The status, and how many of the newest dates are shown one by one.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct ShownStatus {
    status: Status,
    #[serde(skip)]
    newest: usize,
}

/// The bucket of the configuration, and the state of the lake in it, believed where the given
/// verifier key or that of the configuration signed it.
pub(super) fn open_lake(
    config: &Config,
    public_key: Option<&Path>,
) -> Result<(Log, Bucket, State), Failure> {
    let trust = match public_key {
        Some(file) => Trust::Keys(vec![key_file::read_public(file)?]),
        None => open_to_read(config)?,
    };
    let bucket = open_bucket(config)?;
    let log = Log::read_only(bucket.clone(), trust);
    match block_on(log.load())?? {
        Some(state) => Ok((log, bucket, state)),
        None => Err(Failure::new(ExitKind::Usage, "there is no lake yet")
            .kept("nothing was changed")
            .action("run `trailhouse run`, which founds it")),
    }
}

/// Holes and gaps, which are what a pager should ring for, and sources that failed.
fn open_matters(source: &SourceStatus, now: DateTime<Utc>) -> Vec<Failure> {
    let id = &source.source;
    let missing: Vec<FailureDetail> = source
        .feeds
        .iter()
        .filter(|feed| feed.configured)
        .flat_map(|feed| {
            let tenant = &feed.tenant;
            let holes = feed.holes.iter().map(move |hole| FailureDetail {
                place: Some(format!("{id} tenant {tenant} {}", hole.window)),
                happened: format!(
                    "hole, {}: {}; first seen {}, tried {}",
                    hole.reason.0,
                    hole.detail,
                    format_instant(hole.first_seen),
                    counted(hole.tries, "time", "times")
                ),
                action: None,
            });
            let gaps = feed.gaps.iter().map(move |date| FailureDetail {
                place: Some(format!("{id} tenant {tenant} {date}")),
                happened: gap_said(feed.counts_of(*date), *date, now),
                action: None,
            });
            holes.chain(gaps)
        })
        .collect();
    let mut failures = Vec::new();
    if !missing.is_empty() {
        let happened = format!("records of source {id} are missing");
        failures.push(
            Failure::new(ExitKind::Gap, happened)
                .details(missing)
                .kept("what was read is in the lake")
                .action("check the platform; later runs try again what is missing"),
        );
    }
    failures.extend(source.newest_failure().map(|failure| {
        Failure::new(ExitKind::Source, format!("source {id} {failure}"))
            .action("run again; the run names what failed")
    }));
    failures
}

impl OutputDocument for ShownStatus {
    fn text(&self, page: &mut Page) {
        text_of_verdict(&self.status.verdict, page);
        text_of_lake(&self.status, page);
        for source in &self.status.sources {
            for feed in &source.feeds {
                text_of_feed(source, feed, self, page);
            }
        }
        for standing in &self.status.warehouses {
            text_of_standing(standing, page);
        }
        text_of_retention(&self.status, page);
        for objection in &self.status.clock.objections {
            page.warning(objection);
        }
    }
}

fn text_of_verdict(verdict: &StatusVerdict, page: &mut Page) {
    match verdict.good {
        true => page.good(&verdict.text),
        false => page.warning(&verdict.text),
    }
}

fn text_of_lake(status: &Status, page: &mut Page) {
    page.heading(&format!("lake {}", status.lake_id));
    page.field(
        "ledger",
        &format!(
            "entry {} of {}{}",
            status.sequence,
            format_instant(status.written_at),
            if status.signed { "" } else { ", UNSIGNED" }
        ),
    );
    page.field(
        "files",
        &format!(
            "{} with {}, {}",
            thousands(status.files),
            format_size(status.bytes),
            counted(status.events, "event", "events")
        ),
    );
    if let Some(finding) = status.state.finding() {
        page.warning(&format!("{finding}: {}", status.state.action()));
    }
}

fn text_of_feed(source: &SourceStatus, feed: &FeedStatus, shown: &ShownStatus, page: &mut Page) {
    let (newest, now) = (shown.newest, shown.status.clock.at);
    let other = match feed.configured {
        true => "",
        false => ", which the configuration does not read",
    };
    let id = &source.source;
    page.heading(&format!("source {id} tenant {}{other}", feed.tenant));
    for window in &feed.covered {
        page.field("covered", &window.to_string());
    }
    if let Some(lag) = feed.lag_seconds {
        let lag = Duration::from_secs(u64::try_from(lag).unwrap_or(0));
        page.field("lag", &format_duration(lag));
    }
    if let Some(falling) = &feed.falling_off {
        page.warning(&falling.said(now));
    }
    for limit in &source.limits {
        page.field("unproven", limit.said());
    }
    let counts = &feed.counts;
    let mut records = counted(counts.added, "event", "events");
    for (number, what) in [
        (counts.late, "late"),
        (counts.quarantined, "in quarantine"),
        (counts.changed, "changed"),
    ] {
        if number > 0 {
            records.push_str(&format!(", {} {what}", thousands(number)));
        }
    }
    page.field("records", &records);
    if counts.has_many_in_quarantine() {
        page.warning("many records could not be read: query `reason` in audit_quarantine");
    }
    for hole in &feed.past_holes {
        page.field(
            "past",
            &format!("hole {} is past retention: {}", hole.window, hole.reason.0),
        );
    }
    if !feed.past_gaps.is_empty() {
        let dates = listed(&feed.past_gaps);
        page.field("past", &format!("gaps on dates past retention: {dates}"));
    }
    if feed.future > 0 {
        let records = counted(feed.future, "record", "records");
        page.field("future", &format!("{records} dated in the future"));
    }
    if let Some(known) = &feed.origin {
        origin::text_of_feed(known, page);
    }
    text_of_dates(feed, newest, page);
}

/// The dates of a feed: a table of those that are shown by themselves, then the ranges.
fn text_of_dates(feed: &FeedStatus, newest: usize, page: &mut Page) {
    let (single, ranges) = divide(&feed.days, newest);
    let mut table = PageTable::new([
        ("  date", Align::Left),
        ("lake", Align::Right),
        ("source", Align::Right),
        ("what is known", Align::Left),
    ]);
    for day in single {
        table.row([
            format!("  {}", day.date),
            thousands(day.lake),
            day.source.map_or_else(String::new, thousands),
            day.said.clone(),
        ]);
    }
    page.table(&table);
    for range in ranges {
        let how = range.standing.of_range().unwrap_or_default();
        page.line(&format!(
            "  {}: {}, {}, {how}",
            ranged(range.from, range.to),
            counted(range.dates, "date", "dates"),
            counted(range.records, "record", "records"),
        ));
    }
}

fn text_of_retention(status: &Status, page: &mut Page) {
    let sweeps = &status.open_sweeps;
    let decided = &status.open_decisions;
    let any = status.retention.is_some() || !status.holds.is_empty();
    let remaps = &status.open_remaps;
    if any || !sweeps.is_empty() || !decided.is_empty() || !remaps.is_empty() {
        page.heading("retention");
    }
    for open in remaps {
        text_of_remap(open, page);
    }
    for open in decided {
        text_of_open(open, page);
    }
    for decision in sweeps {
        page.warning(&format!(
            "the sweep decided in entry {decision} is not done: `trailhouse sweep` finishes it"
        ));
    }
    if let Some(retention) = &status.retention {
        let due = &retention.due;
        let next = retention
            .next_due
            .map_or_else(String::new, |next| format!("; more on {next}"));
        page.field(
            "due",
            &format!(
                "{} in {}{next}",
                counted(due.rows, "row", "rows"),
                counted(due.files, "file", "files")
            ),
        );
        if retention.held_rows > 0 {
            let rows = counted(retention.held_rows, "row", "rows");
            page.field("held", &format!("{rows} that would be due"));
        }
    }
    for held in &status.holds {
        text_of_hold(&held.held.hold, held.standing, page);
    }
    for finding in status.retention.iter().flat_map(|it| &it.rule_findings) {
        text_of_finding(finding, page);
    }
}

/// What is said of a hold that is in force although its time has ended by the clock.
pub(super) const END_UNPROVEN: &str =
    "still in force: the clock that says it has ended is not proven";

/// A rule that does nothing, or names what nobody knows.
pub(super) fn text_of_finding(finding: &RuleFinding, page: &mut Page) {
    let does_nothing = match finding.idle {
        true => "does nothing: ",
        false => "",
    };
    let RuleFinding { rule, finding, .. } = finding;
    page.warning(&format!("rule {rule} {does_nothing}{finding}"));
}

/// What is held, by whom and why.
pub(super) fn text_of_hold(hold: &Hold, standing: HoldStanding, page: &mut Page) {
    let doubt = match standing {
        HoldStanding::EndUnproven => format!(", {END_UNPROVEN}"),
        HoldStanding::InForce | HoldStanding::Ended | HoldStanding::Released => String::new(),
    };
    let until = hold
        .until
        .map_or_else(String::new, |until| format!(", until {until}{doubt}"));
    let (case, from, to) = (&hold.case, hold.from, hold.to);
    let (by, reason) = (&hold.by, &hold.reason);
    page.field(
        "hold",
        &format!("{case}: {from} to {to}{until}, by {by}: {reason}"),
    );
}

/// A decision of retention that is not done.
pub(super) fn text_of_open(open: &OpenDecision, page: &mut Page) {
    let mut left = Vec::new();
    let waiting = open.files_left - open.refused;
    if waiting > 0 {
        left.push(counted(waiting, "file", "files"));
    }
    if open.refused > 0 {
        let until = open.refused_until.map_or_else(
            || "without a known end".to_owned(),
            |until| format!("until {}", format_instant(until)),
        );
        let files = counted(open.refused, "file", "files");
        left.push(format!("{files} that the store keeps {until}"));
    }
    left.extend(
        open.warehouses_left
            .iter()
            .map(|name| format!("warehouse {name}")),
    );
    page.warning(&format!(
        "not everything that entry {} decided to delete is deleted yet: {}",
        open.decision,
        left.join(", ")
    ));
}

/// A decision to derive columns again that is not done.
fn text_of_remap(open: &OpenRemapStatus, page: &mut Page) {
    let mut left: Vec<String> = open
        .warehouses_left
        .iter()
        .map(|name| format!("`trailhouse run` replaces rows of warehouse {name}"))
        .collect();
    if open.files_left > 0 {
        let files = counted(open.files_left, "old file", "old files");
        left.push(format!("`trailhouse sweep` removes {files}"));
    }
    page.warning(&format!(
        "the remap of source {} decided in entry {} is not done: {}",
        open.source,
        open.decision,
        left.join(", ")
    ));
}

/// Dates in order of time, those that follow each other as ranges.
fn listed(dates: &[NaiveDate]) -> String {
    let ranges = runs(dates).into_iter();
    let ranges: Vec<String> = ranges.map(|(from, to)| ranged(from, to)).collect();
    ranges.join(", ")
}

fn ranged(from: NaiveDate, to: NaiveDate) -> String {
    match from == to {
        true => from.to_string(),
        false => format!("{from} to {to}"),
    }
}
