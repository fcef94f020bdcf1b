//! `trailhouse run`: one scheduled run.

use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use tokio::sync::watch;

use clap_complete::ArgValueCandidates;

use super::completions;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::origin;
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::{RunProgress, Unit};
use super::retention::{self, text_of_retention};
use super::stop::stop_at;
use super::warehouse::{self, text_of_load};
use super::{CliContext, block_on_to_the_end};
use crate::config::{format_size, parse_duration};
use crate::ledger::entry::{Counts, RecountVerdict};
use crate::plural::{counted, thousands};
use crate::report::status::{gap_said, recount_said};
use crate::run::{Asking, Job, RunObserver, RunOptions, SourceSummary, Summary, open_warehouses};
use crate::window::format_instant;

/// Read what is new, keep it in the lake, commit it to the ledger
///
/// One scheduled run: for each source, reads the windows that are not covered yet and the overlap
/// again, writes what is new to the lake, commits it as signed ledger entries, counts what was read
/// before at the source again, loads the warehouses, deletes what is due if [retention] says in_run =
/// true, and prints a summary. The window comes from what the ledger covers, never from the schedule, so
/// a run that was skipped, killed or started twice does no harm: the next one does the rest.
///
/// With -q it prints nothing unless something failed or is missing; then it names that on stderr, with what
/// to do. With --output json it always prints its document.
///
/// Changes: adds files and ledger entries to the lake, and rows to the warehouses. Never changes a
/// source. Without in_run = true in [retention] it removes nothing but its own copies at the staging
/// locations.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse run
  trailhouse run -q
  trailhouse run --source kestra-prod --deadline 20m
  trailhouse run --recount 30d --output json")]
pub(crate) struct RunArgs {
    /// Only this source; may be repeated
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completions::sources))]
    pub(crate) source: Vec<String>,
    /// Start nothing new after this time [default: `deadline` in [run]]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Recount all records of this time at the source now
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) recount: Option<Duration>,
}

impl RunObserver for RunProgress {
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

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Summary>("run");
}

pub(super) fn execute(args: RunArgs, context: &CliContext) -> Result<Ending, Report> {
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
        job.listen_to_waits(&progress.waits());
        run(&job, &options, deadline, &progress).await
    })??;
    let failures = failures(&summary);
    Ok(Ending::report(summary, failures))
}

/// Runs a job until it is done, its deadline comes, or somebody asks it to stop.
pub(super) async fn run(
    job: &Job,
    options: &RunOptions,
    deadline: Duration,
    progress: &RunProgress,
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
                .kept(match source.other_feeds_read {
                    true => "the other tenants of this source were read".to_owned(),
                    false => committed_of(source),
                })
                .action(failure.action.clone()),
            );
        }
        // The failures of single tenants are listed above.
        let of_source = source.failure.as_ref().filter(|failure| {
            let mut feeds = source.failed_feeds.iter();
            !feeds.any(|feed| feed.failure.message == failure.message)
        });
        if let Some(failure) = of_source {
            failures.push(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} failed: {}", failure.message),
                )
                .kept(kept_despite(source, summary))
                .action(failure.action.clone()),
            );
        } else if !source.complete && source.failed_feeds.is_empty() {
            failures.push(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} was not read to the end, since the run was told to stop"),
                )
                .kept(committed_of(source))
                .action("run again: it continues where this run stopped"),
            );
        }
        let holes = source.holes.iter().map(|hole| FailureDetail {
            place: Some(format!("{id} tenant {} {}", hole.tenant, hole.window)),
            happened: format!("hole, {}: {}", hole.reason, hole.detail),
            action: None,
        });
        let gaps = source.gaps.iter().map(|(tenant, date)| FailureDetail {
            place: Some(format!("{id} tenant {tenant} {date}")),
            happened: gap_said(counts_of(source, tenant, *date), *date, summary.now),
            action: None,
        });
        let missing: Vec<FailureDetail> = holes.chain(gaps).collect();
        if !missing.is_empty() {
            failures.push(
                Failure::new(ExitKind::Gap, format!("records of source {id} are missing"))
                    .details(missing)
                    .kept("what was read is committed")
                    .action("check the platform; later runs try again what is missing"),
            );
        }
        if source.counts.has_many_in_quarantine() {
            let new = source.counts.added + source.counts.quarantined;
            failures.push(
                Failure::new(
                    ExitKind::Findings,
                    format!(
                        "{} of {} of source {id} could not be read and went to quarantine",
                        thousands(source.counts.quarantined),
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
        failures.extend(source.origins.iter().filter_map(origin::failure));
        if source.counts.changed > 0 {
            failures.push(
                Failure::new(
                    ExitKind::Findings,
                    format!(
                        "{} of source {id} came back with other content",
                        counted(source.counts.changed, "known record", "known records")
                    ),
                )
                .kept("the first version stays, the other one is in quarantine as evidence")
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
                "another run committed first what this run read",
            )
            .kept("this run added no records")
            .action("run again later"),
        );
    }
    failures
}

/// What this run committed of a source.
fn committed_of(source: &SourceSummary) -> String {
    match source.entries {
        0 => "this run committed no records of this source".to_owned(),
        entries => format!(
            "what was read before is committed: {} in {}",
            counted(
                source.counts.added + source.counts.quarantined,
                "new record",
                "new records"
            ),
            counted(entries, "entry", "entries")
        ),
    }
}

/// What this run committed of a source that failed, and which of the others were read.
fn kept_despite(failed: &SourceSummary, summary: &Summary) -> String {
    let committed = committed_of(failed);
    let others = || {
        summary
            .sources
            .iter()
            .filter(|it| it.source != failed.source)
    };
    let whole: Vec<&str> = others()
        .filter(|it| it.complete)
        .map(|it| it.source.as_str())
        .collect();
    match whole[..] {
        [] => committed,
        [one] => format!("{committed}; source {one} was read to the end"),
        ref all if all.len() == others().count() => {
            format!(
                "{committed}; the other {} sources were read to the end",
                all.len()
            )
        }
        ref some => format!(
            "{committed}; sources {} were read to the end",
            some.join(", ")
        ),
    }
}

impl OutputDocument for Summary {
    fn text(&self, page: &mut Page) {
        if self.founded {
            let lake = &self.lake_id;
            match self.sources.iter().any(|source| source.entries > 0) {
                true => page.good(&format!("founded lake {lake}")),
                false => page.line(&format!("lake {lake} is new and holds no records yet")),
            }
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
            let returned: u64 = self.sources.iter().map(|it| it.counts.returned).sum();
            let records = counted(returned, "record", "records");
            page.good(&match (returned, quarantined) {
                (0, _) => "the sources returned no records".to_owned(),
                (_, 0) => format!("all {records} that were read are accounted for"),
                (_, in_quarantine) => format!(
                    "all {records} that were read are accounted for, {} of them in quarantine",
                    thousands(in_quarantine)
                ),
            });
        }
    }
}

fn text_of_source(source: &SourceSummary, page: &mut Page) {
    page.heading(&format!("source {}", source.source));
    let counts = &source.counts;
    if source.failure.is_some() && counts.returned == 0 && source.covered.is_empty() {
        page.field("records", "none were read: the source failed");
        text_of_open(source, page);
        return;
    }
    for (tenant, window) in &source.covered {
        page.field("covered", &format!("tenant {tenant} {window}"));
    }
    page.field("records", &records_said(counts));
    if counts.expired > 0 {
        let expired = counted(counts.expired, "record", "records");
        page.field(
            "expired",
            &format!("{expired} that retention deleted before, not kept again"),
        );
    }
    if counts.changed + counts.drifted + counts.repaired > 0 {
        let (changed, drifted) = (thousands(counts.changed), thousands(counts.drifted));
        let mut said = format!("{changed} changed, {drifted} only gained fields");
        if counts.repaired > 0 {
            let repaired = counted(counts.repaired, "record", "records");
            said.push_str(&format!(", {repaired} in quarantine can be read now"));
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
        .filter(|recount| recount.verdict == RecountVerdict::Matched)
        .count() as u64;
    let recounted = source.recounts.len() as u64;
    page.field(
        "recount",
        &match (recounted, source.complete) {
            (0, true) => "no date was due".to_owned(),
            (0, false) => "no date was counted".to_owned(),
            (1, _) => format!("{matched} of 1 date matches the source"),
            _ => format!(
                "{} of {} match the source",
                thousands(matched),
                counted(recounted, "date", "dates")
            ),
        },
    );
    for recount in source
        .recounts
        .iter()
        .filter(|it| matches!(it.verdict, RecountVerdict::Fewer | RecountVerdict::Purged))
    {
        page.field(
            "",
            &format!(
                "{} tenant {}: source {}, lake {}: {}",
                recount.date,
                recount.tenant,
                thousands(recount.source_count),
                thousands(recount.lake_count),
                recount_said(recount)
            ),
        );
    }
    for check in &source.origins {
        page.field("origin", &origin::of_run(check));
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
    text_of_open(source, page);
}

/// What remains open, whether or not the source was read in this run.
fn text_of_open(source: &SourceSummary, page: &mut Page) {
    if let Some(missing) = missing_said(source) {
        page.field("missing", &missing);
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
    for warning in &source.warnings {
        page.warning(warning);
    }
    page.field("requests", &thousands(source.requests));
}

/// What became of the records that were read.
fn records_said(counts: &Counts) -> String {
    let mut said = format!("{} read", thousands(counts.returned));
    let mut separator = ": ";
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            said.push_str(&format!("{separator}{} {what}", thousands(number)));
            separator = ", ";
        }
    };
    match counts.late {
        0 => add(counts.added, "new"),
        late => add(counts.added, &format!("new ({} late)", thousands(late))),
    }
    add(counts.known, "known");
    add(counts.source_duplicates, "repeated by the source");
    add(counts.quarantined, "to quarantine");
    said
}

/// Records of a date at the source and in the lake, where this run counted them.
fn counts_of(source: &SourceSummary, tenant: &str, date: NaiveDate) -> Option<(u64, u64)> {
    let mut recounts = source.recounts.iter();
    let recount = recounts.find(|it| (it.tenant.as_str(), it.date) == (tenant, date))?;
    Some((recount.source_count, recount.lake_count))
}

/// How much the errors on stderr name one by one.
fn missing_said(source: &SourceSummary) -> Option<String> {
    let parts: Vec<String> = [
        (source.holes.len(), "hole", "holes"),
        (source.gaps.len(), "date with a gap", "dates with a gap"),
        (
            source.failed_feeds.len(),
            "tenant not read",
            "tenants not read",
        ),
    ]
    .into_iter()
    .filter(|(number, _, _)| *number > 0)
    .map(|(number, one, many)| counted(number as u64, one, many))
    .collect();
    (!parts.is_empty()).then(|| format!("{}: see the errors", parts.join(", ")))
}
