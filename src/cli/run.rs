//! `trailhouse run`: one scheduled run.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::watch;

use super::exit::ExitKind;
use super::failure::{Detail, Failure, Report};
use super::output::{Document, Ending};
use super::page::Page;
use super::progress::{Progress, Unit};
use super::retention::{self, text_of_retention};
use super::stop::stop_at;
use super::warehouse::{self, text_of_load};
use super::{Context, block_on_to_the_end};
use crate::config::{format_size, parse_duration};
use crate::ledger::entry::Verdict;
use crate::plural::counted;
use crate::report::status::{gap_said, recount_said};
use crate::run::{Asking, Job, Observer, RunOptions, SourceSummary, Summary, open_warehouses};
use crate::window::format_instant;

/// Read what is new, keep it in the lake, commit it to the ledger
///
/// One scheduled run: for each source, reads the windows that are not covered yet and the overlap
/// again, writes what is new to the lake, commits it as signed ledger entries, counts what was read
/// before at the source again, loads the warehouses, deletes what is due if [retention] says in_run =
/// true, and prints a summary. The window comes from what the ledger covers, never from the schedule, so a run that was skipped, killed or started twice does no harm: the
/// next one does what is left.
///
/// Changes: adds files and ledger entries to the lake, and rows to the warehouses. Never changes a
/// source. Without in_run = true in [retention] it removes nothing but its own copies at the staging
/// locations.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse run
  trailhouse run --source kestra-prod --deadline 20m
  trailhouse run --recount 30d --output json")]
pub(crate) struct Args {
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) source: Vec<String>,
    /// Start nothing new after this time; instead of `deadline` in [run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Count everything of this time at the source again now, whatever the schedule says
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) recount: Option<Duration>,
}

impl Observer for Progress {
    fn expect(&self, records: Option<u64>) {
        self.set_total(records);
    }

    fn records(&self, records: u64) {
        self.inc(records);
    }

    fn doing(&self, what: &str) {
        self.message(what);
    }
}

pub(super) fn execute(args: Args, context: &Context) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = Job::open(&config, &args.source).map_err(Failure::from)?;
    let options = RunOptions {
        recount: args
            .recount
            .map(|span| TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)),
        ..RunOptions::default()
    };
    let deadline = args.deadline.unwrap_or(config.run.deadline);
    let progress = context.progress(Unit::Records);
    let summary = block_on_to_the_end(async {
        let job = job.with_warehouses(open_warehouses(&config, &[], Asking::Patiently).await?);
        run(&job, &options, deadline, &progress).await
    })??;
    let failures = failures(&summary);
    Ok(Ending::with_failures(summary, failures))
}

/// Runs a job until it is done, its deadline comes, or somebody asks it to stop.
pub(super) async fn run(
    job: &Job,
    options: &RunOptions,
    deadline: Duration,
    progress: &Progress,
) -> Result<Summary, Failure> {
    let (stop, stopped) = watch::channel(false);
    let watcher = tokio::spawn(stop_at(deadline, stop));
    let result = crate::run::execute(job, options, stopped, progress).await;
    watcher.abort();
    result.map_err(Failure::from)
}

/// What a summary means for the exit code.
pub(super) fn failures(summary: &Summary) -> Vec<Failure> {
    let mut failures = Vec::new();
    for source in &summary.sources {
        let id = &source.source;
        for feed in &source.failed_feeds {
            let (tenant, failure) = (&feed.tenant, &feed.failure);
            failures.push(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} tenant {tenant} failed: {}", failure.message),
                )
                .kept("the other tenants of the source were read")
                .action(failure.action.clone()),
            );
        }
        if !source.failed_feeds.is_empty() {
            // Named one by one.
        } else if let Some(failure) = &source.failure {
            failures.push(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} failed: {}", failure.message),
                )
                .kept("what was read before is committed, and the other sources are")
                .action(failure.action.clone()),
            );
        } else if !source.complete {
            failures.push(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} was not read to the end, since the run was told to stop"),
                )
                .kept("what was read is committed")
                .action("rerun; it goes on where this one stopped"),
            );
        }
        let holes = source.holes.iter().map(|hole| Detail {
            place: Some(format!("{id} tenant {} {}", hole.tenant, hole.window)),
            happened: format!("{}: {}", hole.reason, hole.detail),
            action: None,
        });
        let gaps = source.gaps.iter().map(|(tenant, date)| Detail {
            place: Some(format!("{id} tenant {tenant} {date}")),
            happened: gap_said(*date, summary.now),
            action: None,
        });
        let missing: Vec<Detail> = holes.chain(gaps).collect();
        if !missing.is_empty() {
            failures.push(
                Failure::new(ExitKind::Gap, format!("records of source {id} are missing"))
                    .details(missing)
                    .kept("all that could be read is committed; what is missing is named")
                    .action("look at the platform; what is missing is tried again as stated"),
            );
        }
        if source.counts.has_many_in_quarantine() {
            let new = source.counts.added + source.counts.quarantined;
            failures.push(
                Failure::new(
                    ExitKind::Findings,
                    format!(
                        "{} of {} of source {id} could not be read and went to quarantine",
                        source.counts.quarantined,
                        counted(new, "new record", "new records")
                    ),
                )
                .kept("they are in the lake with their bytes and the reason")
                .action(
                    "query `reason` and SAFE_CONVERT_BYTES_TO_STRING(content) in audit_quarantine, and ask \
                     the platform's operator",
                ),
            );
        }
        if source.counts.changed > 0 {
            failures.push(
                Failure::new(
                    ExitKind::Findings,
                    format!(
                        "{} of source {id} came back with other content",
                        counted(source.counts.changed, "known record", "known records")
                    ),
                )
                .kept("the first reading stays, the other one is in quarantine as evidence")
                .action("find out who changes audit records on the platform"),
            );
        }
    }
    failures.extend(warehouse::failures(&summary.warehouses, summary.stopped));
    failures.extend(summary.retention.iter().flat_map(retention::failures));
    let committed: u64 = summary.sources.iter().map(|source| source.entries).sum();
    if summary.superseded && committed == 0 {
        failures.push(
            Failure::new(
                ExitKind::Superseded,
                "another run committed all of this first",
            )
            .kept("nothing of this run was needed")
            .action("rerun later"),
        );
    }
    failures
}

impl Document for Summary {
    fn text(&self, page: &mut Page) {
        if self.founded {
            page.good(&format!("founded lake {}", self.lake_id));
        }
        page.heading(&format!("run {}", self.run_id));
        page.field("now", &format_instant(self.now));
        let said_below = self
            .retention
            .as_ref()
            .is_some_and(|it| it.to_confirm.is_some());
        for objection in self.clock.objections.iter().filter(|_| !said_below) {
            page.warning(objection);
        }
        page.field("ledger", &format!("entry {}", self.sequence));
        for source in &self.sources {
            text_of_source(source, page);
        }
        for warehouse in &self.warehouses {
            text_of_load(warehouse, page);
        }
        if let Some(retention) = &self.retention {
            text_of_retention(retention, page);
        }
        for note in &self.notes {
            page.field("note", note);
        }
        let missing = |failure: &Failure| matches!(failure.kind, ExitKind::Source | ExitKind::Gap);
        if !failures(self).iter().any(missing) {
            let quarantined: u64 = self
                .sources
                .iter()
                .map(|source| source.counts.quarantined)
                .sum();
            page.good(&match quarantined {
                0 => "every record accounted for".to_owned(),
                _ => format!("every record accounted for, {quarantined} of them in quarantine"),
            });
        }
    }
}

fn text_of_source(source: &SourceSummary, page: &mut Page) {
    page.heading(&format!("source {}", source.source));
    for (tenant, window) in &source.covered {
        page.field("covered", &format!("tenant {tenant} {window}"));
    }
    let counts = &source.counts;
    page.field(
        "records",
        &format!(
            "{} read: {} new ({} late), {} known, {} repeated by the source, {} to quarantine",
            counts.returned,
            counts.added,
            counts.late,
            counts.known,
            counts.source_duplicates,
            counts.quarantined,
        ),
    );
    if counts.expired > 0 {
        let expired = counted(counts.expired, "record", "records");
        page.field(
            "expired",
            &format!("{expired} of what was deleted by rule, not kept"),
        );
    }
    if counts.changed + counts.drifted + counts.repaired > 0 {
        let (changed, drifted) = (counts.changed, counts.drifted);
        let mut said = format!("{changed} changed, {drifted} only gained fields");
        if counts.repaired > 0 {
            let repaired = counted(counts.repaired, "record", "records");
            said.push_str(&format!(", {repaired} of the quarantine can be read now"));
        }
        page.field("differing", &said);
    }
    page.field(
        "written",
        &format!(
            "{}, {}, in {}",
            counted(source.files, "file", "files"),
            format_size(source.bytes),
            counted(source.entries, "entry", "entries")
        ),
    );
    let matched = source
        .recounts
        .iter()
        .filter(|recount| recount.verdict == Verdict::Matched)
        .count();
    page.field(
        "recount",
        &format!(
            "{matched} of {} the source",
            counted(source.recounts.len() as u64, "date matches", "dates match")
        ),
    );
    for recount in source
        .recounts
        .iter()
        .filter(|it| it.verdict != Verdict::Matched)
    {
        page.field(
            "",
            &format!(
                "{} tenant {}: source {}, lake {}: {}",
                recount.date,
                recount.tenant,
                recount.source_count,
                recount.lake_count,
                recount_said(recount)
            ),
        );
    }
    if source.future > 0 {
        page.field(
            "future",
            &format!(
                "{} dated in the future",
                counted(source.future, "record is", "records are")
            ),
        );
    }
    for hole in &source.holes {
        page.warning(&format!(
            "hole {}: {}, {}",
            hole.window, hole.reason, hole.detail
        ));
    }
    for hole in &source.past_holes {
        page.field(
            "past",
            &format!(
                "hole {} is past retention: {}, {}",
                hole.window, hole.reason, hole.detail
            ),
        );
    }
    for (tenant, date) in &source.past_gaps {
        page.field(
            "past",
            &format!("gap on {date} of tenant {tenant} is past retention"),
        );
    }
    for feed in &source.failed_feeds {
        page.warning(&format!("tenant {}: {}", feed.tenant, feed.failure.message));
    }
    for warning in &source.warnings {
        page.warning(warning);
    }
    page.field("requests", &source.requests.to_string());
}
