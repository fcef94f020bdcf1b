//! `trailhouse status`: what the ledger knows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::exit::ExitKind;
use super::failure::{Detail, Failure, Report};
use super::key_file;
use super::output::{Document, Ending};
use super::page::{Align, Page, Table};
use super::warehouse::{matters, text_of_standing};
use super::{Context, block_on};
use crate::config::{Config, format_duration, format_size};
use crate::lake::Bucket;
use crate::ledger::entry::{Hold, Trust};
use crate::ledger::log::Log;
use crate::ledger::state::{LastRun, State};
use crate::plural::counted;
use crate::report::retention::OpenDecision;
use crate::report::status::{SourceStatus, Status, gap_said};
use crate::retention::{HoldStanding, RuleFinding};
use crate::run::{configured_feeds, look_at_clocks, open_bucket, open_to_read};
use crate::window::format_instant;

/// Show coverage, holes, gaps and lag of each source, and how far each warehouse is
///
/// Reads the ledger alone and says, for each source, what has been read completely and until when,
/// which holes and gaps remain, how much is in quarantine, and per day when the records were last
/// counted at the source or matched by id. For each warehouse it says how far it is behind the ledger,
/// since when, and why; then what is due under the rules of retention, and the holds.
///
/// Changes: nothing. Asks no source and no warehouse, and needs no signing key: `public_key` in [signing] or
/// --public-key is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse status
  trailhouse status --public-key acme.pub
  trailhouse status --output json | jq .exit_code")]
pub(crate) struct Args {
    /// File with the verifier key of the lake; instead of the keys in [signing]
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
}

pub(super) fn execute(args: Args, context: &Context) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let (_, bucket, state) = open_lake(&config, args.public_key.as_deref())?;
    let now = look_at_clocks(chrono::Utc::now(), &bucket, &[], Some(&state));
    let names: Vec<&str> = config
        .warehouses
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let feeds = configured_feeds(&config);
    let status = Status::of(
        &state,
        &feeds,
        &names,
        config.retention.as_ref(),
        config.run.memory,
        &now,
    );
    let sources = status.sources.iter();
    let sources = sources.flat_map(|source| open_matters(source, now.at()));
    let failures: Vec<Failure> = sources
        .chain(status.warehouses.iter().flat_map(matters))
        .collect();
    Ok(Ending::with_failures(status, failures))
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
            .action("`trailhouse run` founds it")),
    }
}

/// Holes and gaps, which are what a pager should ring for, and sources that failed.
fn open_matters(source: &SourceStatus, now: DateTime<Utc>) -> Vec<Failure> {
    let id = &source.source;
    let missing: Vec<Detail> = source
        .feeds
        .iter()
        .filter(|feed| feed.configured)
        .flat_map(|feed| {
            let tenant = &feed.tenant;
            let holes = feed.holes.iter().map(move |hole| Detail {
                place: Some(format!("{id} tenant {tenant} {}", hole.window)),
                happened: format!(
                    "{}: {}; first seen {}, tried {}",
                    hole.reason.0,
                    hole.detail,
                    format_instant(hole.first_seen),
                    counted(hole.tries, "time", "times")
                ),
                action: None,
            });
            let gaps = feed.gaps.iter().map(move |date| Detail {
                place: Some(format!("{id} tenant {tenant} {date}")),
                happened: gap_said(*date, now),
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
                .kept("all that could be read is in the lake")
                .action("look at the platform; what is missing is tried again as stated"),
        );
    }
    let said = match &source.last_run {
        Some(LastRun {
            failure: Some(code),
            ..
        }) => Some(format!("source {id} failed in its newest run: {code}")),
        Some(LastRun {
            complete: false, ..
        }) => Some(format!(
            "source {id} was not read to the end in its newest run"
        )),
        Some(_) | None => None,
    };
    failures.extend(
        said.map(|happened| {
            Failure::new(ExitKind::Source, happened).action("rerun; see the source")
        }),
    );
    failures
}

impl Document for Status {
    fn text(&self, page: &mut Page) {
        page.heading(&format!("lake {}", self.lake_id));
        page.field(
            "ledger",
            &format!(
                "entry {} of {}{}",
                self.sequence,
                format_instant(self.written_at),
                if self.signed { "" } else { ", UNSIGNED" }
            ),
        );
        page.field(
            "files",
            &format!(
                "{} with {}, {}",
                self.files,
                format_size(self.bytes),
                counted(self.events, "event", "events")
            ),
        );
        if let Some(finding) = self.state.finding() {
            page.warning(&format!("{finding}: {}", self.state.action()));
        }
        for source in &self.sources {
            for feed in &source.feeds {
                let other = match feed.configured {
                    true => "",
                    false => ", which the configuration does not read",
                };
                page.heading(&format!(
                    "source {} tenant {}{other}",
                    source.source, feed.tenant
                ));
                for window in &feed.covered {
                    page.field("covered", &window.to_string());
                }
                if let Some(lag) = feed.lag_seconds {
                    let lag = Duration::from_secs(u64::try_from(lag).unwrap_or(0));
                    page.field("lag", &format_duration(lag));
                }
                let counts = &feed.counts;
                page.field(
                    "records",
                    &format!(
                        "{}, {} late, {} in quarantine, {} changed",
                        counted(counts.added, "event", "events"),
                        counts.late,
                        counts.quarantined,
                        counts.changed
                    ),
                );
                if counts.has_many_in_quarantine() {
                    page.warning(
                        "many records could not be read: query `reason` in audit_quarantine",
                    );
                }
                page.field("holes", &feed.holes.len().to_string());
                page.field("gaps", &listed(&feed.gaps));
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
                if !feed.purged.is_empty() {
                    page.field("purged", &format!("at source: {}", listed(&feed.purged)));
                }
                if feed.future > 0 {
                    page.field("future", &counted(feed.future, "record", "records"));
                }
                let mut table = Table::new([
                    ("  date", Align::Left),
                    ("lake", Align::Right),
                    ("source", Align::Right),
                    ("what is known", Align::Left),
                ]);
                for day in &feed.days {
                    table.row([
                        format!("  {}", day.date),
                        day.lake.to_string(),
                        day.source
                            .map_or_else(String::new, |count| count.to_string()),
                        day.said.clone(),
                    ]);
                }
                page.table(&table);
            }
        }
        for standing in &self.warehouses {
            text_of_standing(standing, page);
        }
        let sweeps = &self.open_sweeps;
        let decided = &self.open_decisions;
        let any = self.retention.is_some() || !self.holds.is_empty();
        if any || !sweeps.is_empty() || !decided.is_empty() {
            page.heading("retention");
        }
        for open in decided {
            text_of_open(open, page);
        }
        for decision in sweeps {
            page.warning(&format!(
                "the sweep decided in entry {decision} is not done: `trailhouse sweep` finishes it"
            ));
        }
        if let Some(retention) = &self.retention {
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
        for held in &self.holds {
            text_of_hold(&held.held.hold, held.standing, page);
        }
        for finding in self.retention.iter().flat_map(|it| &it.rule_findings) {
            text_of_finding(finding, page);
        }
        for objection in &self.clock.objections {
            page.warning(objection);
        }
    }
}

/// What is said of a hold that is in force although its time has ended by the clock.
pub(super) const END_UNPROVEN: &str = "still in force: the clock by which it has ended is unproven";

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
            || "until nobody knows when".to_owned(),
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
        "what entry {} decided to delete is not all gone yet: {}",
        open.decision,
        left.join(", ")
    ));
}

fn listed(dates: &[NaiveDate]) -> String {
    if dates.is_empty() {
        return "none".to_owned();
    }
    let dates: Vec<String> = dates.iter().map(NaiveDate::to_string).collect();
    dates.join(", ")
}
