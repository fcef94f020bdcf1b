//! `trailhouse remap`: columns derived again from kept records.

use std::time::Duration;

use chrono::NaiveDate;
use clap_complete::ArgValueCandidates;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::date::date;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::Unit;
use super::stop::stop_at;
use super::warehouse::text_of_load;
use super::{CliContext, block_on_to_the_end, completions};
use crate::config::{format_size, parse_duration};
use crate::decision::StalePlan;
use crate::decision::remap::{LeftFiles, SourceRemapPlan};
use crate::plural::{counted, thousands};
use crate::run::{Asking, Job, RemapDone, RemapEnd, RemapSummary, open_warehouses, remap};

/// Derive columns again from the records as kept
///
/// For dates that were read with older mapping rules: a later version of trailhouse may file an event under another
/// category, know an actor that an earlier one did not, or name an outcome. This reads the kept records of these dates
/// and shows which columns would change. Without --confirm it ends there, with exit code 8. With the plan's id it writes
/// files with the current columns, commits a decision that puts them in the place of the old ones, replaces the dates in
/// the warehouses and removes the old files. If it is killed, the next `run`, `warehouse load` or `sweep` finishes it. A
/// stale plan is refused.
///
/// Records never change: a new file has the records of the old one, byte for byte, and so the same Merkle root, as
/// `verify` checks. Ids, times, tenants, and when a record was read stay as well. Files under hold are left as they are,
/// as are files whose records were redacted by other rules than those in force.
///
/// Changes: with --confirm, files and ledger entries of the lake, and rows of these dates in the warehouses. Needs the
/// right to delete objects. Never contacts the source.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse remap --from 2026-01-01 --to 2026-06-30
  trailhouse remap --from 2026-01-01 --to 2026-06-30 --confirm 3f9a0c1d2e4b")]
pub(crate) struct RemapArgs {
    /// First date (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: NaiveDate,
    /// Last date (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: NaiveDate,
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completions::sources))]
    source: Vec<String>,
    /// Do what was shown under this id
    #[arg(long, value_name = "PLAN")]
    confirm: Option<String>,
    /// Start nothing new after this time; instead of `deadline` in [run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    deadline: Option<Duration>,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ShownRemap>("remap");
    catalogue.with_failures_when::<Remapped>("remap", "after --confirm");
}

pub(super) fn execute(args: RemapArgs, context: &CliContext) -> Result<Ending, Report> {
    if args.from > args.to {
        let happened = format!("--from {} is after --to {}", args.from, args.to);
        return Err(Failure::new(ExitKind::Usage, happened)
            .kept("nothing was read or written")
            .into());
    }
    let config = context.load_config()?;
    let job = match args.confirm {
        Some(_) => Job::open(&config, &args.source),
        None => Job::open_to_plan(&config, &args.source),
    };
    let job = job.map_err(Failure::from)?;
    let deadline = args.deadline.unwrap_or(config.run.deadline);
    let progress = context.progress(Unit::Nothing);
    let summary = block_on_to_the_end(async {
        let job = match args.confirm {
            Some(_) => {
                let warehouses = open_warehouses(&config, &[], Asking::Patiently).await;
                job.with_warehouses(warehouses.map_err(Failure::from)?)
            }
            None => job,
        };
        job.listen_to_waits(&progress.waits());
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(stop_at(deadline, stop));
        let confirmed = args.confirm.as_deref();
        let remapped = remap(&job, (args.from, args.to), confirmed, stopped, &progress).await;
        watcher.abort();
        remapped.map_err(Failure::from)
    })??;
    Ok(ending(summary))
}

/// The document and the exit code of what it came to.
fn ending(RemapSummary { planned, end }: RemapSummary) -> Ending {
    let can_be_confirmed = planned.plan.can_be_confirmed();
    let shown = ShownRemap {
        plan: planned.id,
        sources: planned.plan.sources,
    };
    let ask = |happened: String, action: String| {
        Failure::new(ExitKind::Confirmation, happened)
            .kept("nothing was changed")
            .action(action)
    };
    match end {
        RemapEnd::Planned => {
            let asked = can_be_confirmed.then(|| {
                ask(
                    "nothing was derived again: confirmation is needed".to_owned(),
                    format!("add --confirm {} to the same command", shown.plan),
                )
            });
            Ending::with_failures(shown, Vec::from_iter(asked))
        }
        RemapEnd::Stale(StalePlan { confirmed, found }) => {
            let asked = ask(
                format!("plan {confirmed} is stale"),
                format!("read the new plan, then add --confirm {found}"),
            );
            Ending::with_failures(shown, vec![asked])
        }
        RemapEnd::Decided(done) => {
            let loaded = &done.loaded;
            let mut failures = super::warehouse::failures(&loaded.warehouses, loaded.stopped);
            if let Some(failure) = &done.failure {
                let happened = format!(
                    "files that were replaced are still there: {}",
                    failure.message
                );
                failures.push(
                    Failure::new(ExitKind::Destination, happened)
                        .kept("the lake has the new files, and nobody reads the old ones")
                        .action(failure.action.clone()),
                );
            }
            Ending::with_failures(Remapped { shown, done }, failures)
        }
    }
}

/// What deriving columns again would change.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownRemap {
    /// Id of the plan: a hash of what it would change. `remap --confirm` takes it.
    plan: String,
    /// What would change in each source.
    sources: Vec<SourceRemapPlan>,
}

impl OutputDocument for ShownRemap {
    fn text(&self, page: &mut Page) {
        for source in &self.sources {
            text_of_source(source, page);
        }
        match self.sources.iter().any(|source| source.files > 0) {
            true => page.field("plan", &self.plan),
            false => page.good("every column is as the mapping rules in force derive it"),
        }
    }
}

fn text_of_source(source: &SourceRemapPlan, page: &mut Page) {
    page.heading(&format!(
        "source {}, mapping version {}",
        source.source, source.mapping_version
    ));
    let files = |files, rows| {
        let (files, rows) = (
            counted(files, "file", "files"),
            counted(rows, "row", "rows"),
        );
        format!("{files} with {rows}")
    };
    page.field("read", &files(source.files_read, source.rows_read));
    if let Some((first, last)) = source.dates {
        page.field(
            "replaces",
            &format!(
                "{}, {}, from {first} to {last}",
                files(source.files, source.rows),
                format_size(source.bytes)
            ),
        );
        page.field("changes", &counted(source.changed, "row", "rows"));
    }
    for (column, rows) in &source.columns {
        page.field("", &format!("{column} of {}", thousands(*rows)));
    }
    if source.left > 0 {
        let left = format!(
            "{} whose record the rules in force do not understand",
            counted(source.left, "row", "rows")
        );
        page.field("left", &left);
    }
    for (left, why) in [
        (source.held, "under hold"),
        (
            source.otherwise_redacted,
            "redacted by other rules than those in force",
        ),
        (source.expired, "that retention deletes"),
    ] {
        let LeftFiles {
            files: number,
            rows,
        } = left;
        if number > 0 {
            page.field("left", &format!("{} {why}", files(number, rows)));
        }
    }
}

/// What a confirmed plan has changed.
#[derive(Debug, Serialize, JsonSchema)]
struct Remapped {
    #[serde(flatten)]
    shown: ShownRemap,
    #[serde(flatten)]
    done: Box<RemapDone>,
}

impl OutputDocument for Remapped {
    fn text(&self, page: &mut Page) {
        self.shown.text(page);
        let entries: Vec<String> = self.done.entries.iter().map(u64::to_string).collect();
        page.field("entries", &entries.join(", "));
        for warehouse in &self.done.loaded.warehouses {
            text_of_load(warehouse, page);
        }
        let removed = &self.done.removed;
        page.field(
            "removed",
            &format!(
                "{}, {}",
                counted(removed.removed, "old file", "old files"),
                format_size(removed.bytes)
            ),
        );
        if !removed.refused.is_empty() {
            let refused = counted(removed.refused.len() as u64, "old file", "old files");
            page.field("locked", &format!("{refused}; `sweep` removes them later"));
        }
        for note in &self.done.loaded.notes {
            page.field("note", note);
        }
    }
}
