//! `trailhouse sweep`: what dead runs have left.

use chrono::TimeDelta;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::Unit;
use super::{CliContext, block_on};
use crate::config::format_size;
use crate::decision::sweep::Swept;
use crate::plural::{counted, thousands};
use crate::run::{Job, sweep};
use crate::window::format_instant;

/// Files that are named; --output json has all of them.
const NAMED: usize = 20;

/// Remove files that killed runs left behind
///
/// A run that is killed between uploading and committing leaves files that no ledger entry names: nobody
/// reads them, but they hold records. This lists the lake, records in the ledger which of them are to
/// be removed, removes them, and records that too. It never touches a file that any entry names, nor one younger than ten
/// times `deadline` in [run] and at least two days, so that no run that still goes on loses anything; and a
/// run that comes back later cannot name what was swept. Ages rest on the clock, so nothing is removed
/// while nothing confirms it: the exit code is 8.
///
/// Changes: removes these files; the ledger gets the decision and its end. With --dry-run nothing. Needs the
/// right to delete objects, which `run` does not.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse sweep --dry-run
  trailhouse sweep")]
pub(crate) struct SweepArgs {
    /// Show what would be removed, and stop
    #[arg(long)]
    dry_run: bool,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Swept>("sweep");
}

pub(super) fn execute(args: SweepArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = match args.dry_run {
        true => Job::open_to_look(&config),
        false => Job::open_to_load(&config),
    };
    let job = job.map_err(Failure::from)?;
    let deadline = TimeDelta::from_std(config.run.deadline).unwrap_or(TimeDelta::MAX);
    let progress = context.progress(Unit::Nothing);
    job.listen_to_waits(&progress.waits());
    let swept = block_on(sweep(&job, deadline, args.dry_run, &progress))?.map_err(Failure::from)?;
    let mut failures = Vec::new();
    if !swept.refused.is_empty() {
        let details = swept.refused.iter().take(NAMED).map(|name| FailureDetail {
            place: Some(name.clone()),
            happened: "the store refuses to remove it".to_owned(),
            action: None,
        });
        failures.push(
            Failure::new(
                ExitKind::Destination,
                "some of the files could not be removed",
            )
            .details(details)
            .kept("what was refused stays; no entry names it")
            .action("give the right to delete, or wait until the lock of the bucket ends"),
        );
    }
    Ok(match args.dry_run {
        true => Ending::with_failures(swept, failures),
        false => Ending::report(swept, failures),
    })
}

impl OutputDocument for Swept {
    fn text(&self, page: &mut Page) {
        page.field("older than", &format_instant(self.older_than));
        let bytes: u64 = self.found.iter().map(|object| object.bytes).sum();
        page.field(
            "orphans",
            &format!(
                "{}, {}",
                counted(self.found.len() as u64, "file", "files"),
                format_size(bytes)
            ),
        );
        for object in self.found.iter().take(NAMED) {
            page.line(&format!("  {}", object.path));
        }
        if self.found.len() > NAMED {
            page.line(&format!(
                "  and {} more; --output json has all",
                thousands((self.found.len() - NAMED) as u64)
            ));
        }
        for objection in &self.clock {
            page.warning(objection);
        }
        match self.dry_run {
            true => page.line("nothing was removed: this was a dry run"),
            false => page.good(&format!(
                "{} removed",
                counted(self.removed, "file", "files")
            )),
        }
    }
}
