//! `trailhouse warehouse load`.

use std::time::Duration;

use tokio::sync::watch;

use super::super::documents::Catalogue;
use super::{WarehouseChoice, demand_warehouses, failure_of, text_of_load, with_warehouses};
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, FailureDetail, Report};
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::Page;
use crate::cli::progress::Unit;
use crate::cli::stop::stop_at;
use crate::cli::{CliContext, block_on_to_the_end};
use crate::config::parse_duration;
use crate::plural::{counted, thousands};
use crate::run::{Asking, Job, LoadSummary};
use crate::warehouse::WarehouseSummary;

/// Load what the lake has and the warehouse does not
///
/// Does for the warehouses what `run` does after reading: finishes rebuilds that were decided, loads
/// each missing ledger entry with a separate job, rewrites the tables that describe the
/// ledger, and commits a receipt. Asks no source. May run beside any other run: two of them meet
/// at the same jobs, since a job's id is derived from what it loads.
///
/// Changes: adds rows to the warehouse and a receipt to the ledger.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse warehouse load
  trailhouse warehouse load --warehouse bq --deadline 10m")]
pub(super) struct WarehouseLoadArgs {
    #[command(flatten)]
    which: WarehouseChoice,
    /// Start no load after this time; instead of `deadline` in [run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    deadline: Option<Duration>,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<LoadSummary>("warehouse load");
}

pub(super) fn execute(args: WarehouseLoadArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    demand_warehouses(&config)?;
    let job = Job::open_to_load(&config).map_err(Failure::from)?;
    let deadline = args.deadline.unwrap_or(config.run.deadline);
    let progress = context.progress(Unit::Nothing);
    let summary = block_on_to_the_end(async {
        let job = with_warehouses(job, &config, &args.which, Asking::Patiently).await?;
        job.listen_to_waits(&progress.waits());
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(stop_at(deadline, stop));
        let loaded = crate::run::load(&job, stopped, &progress).await;
        watcher.abort();
        Ok::<_, Failure>(loaded?)
    })??;
    let failures = failures(&summary.warehouses, summary.stopped);
    Ok(Ending::report(summary, failures))
}

/// What became of warehouses means for the exit code.
pub(in crate::cli) fn failures(warehouses: &[WarehouseSummary], stopped: bool) -> Vec<Failure> {
    let mut failures = Vec::new();
    for warehouse in warehouses {
        let name = &warehouse.warehouse;
        if let Some(failure) = &warehouse.failure {
            failures.push(failure_of(name, failure));
        }
        let mut differences = Vec::new();
        let mut errors = Vec::new();
        let mut behind = 0;
        // Tables that were not even looked at.
        let not_all = warehouse.tables.len() < 2;
        for table in &warehouse.tables {
            let place = format!("{} {}", warehouse.target, table.table);
            errors.extend(table.errors.iter().map(|error| FailureDetail {
                place: Some(place.clone()),
                happened: error.clone(),
                action: None,
            }));
            behind += table.entries_behind;
            if let Some(counted_rows) = table.counted.filter(|counted| !counted.fits()) {
                differences.push(FailureDetail {
                    place: Some(place),
                    happened: format!(
                        "{} of the ledger missing, {} duplicated, {} of batches that the ledger does not have",
                        counted(counted_rows.missing, "row", "rows"),
                        thousands(counted_rows.surplus),
                        thousands(counted_rows.foreign)
                    ),
                    action: None,
                });
            }
        }
        if !errors.is_empty() {
            let happened = format!("warehouse {name} did not complete all loads");
            failures.push(
                Failure::new(ExitKind::Destination, happened)
                    .details(errors)
                    .kept("the lake is not affected; the next run tries again")
                    .action("check what the service answered to each load"),
            );
        } else if stopped && warehouse.failure.is_none() && (behind > 0 || not_all) {
            let happened = format!(
                "warehouse {name} was not loaded completely, since the run was asked to stop"
            );
            failures.push(
                Failure::new(ExitKind::Destination, happened)
                    .kept("what was loaded stays, and jobs under way are adopted by the next run")
                    .action("run again; it continues where this one stopped"),
            );
        }
        if !differences.is_empty() {
            let happened = format!("warehouse {name} does not match the ledger");
            failures.push(
                Failure::new(ExitKind::Findings, happened)
                    .details(differences)
                    .kept("the lake and the ledger are not affected")
                    .action(
                        "`trailhouse warehouse reconcile` says where, `trailhouse warehouse rebuild` repairs \
                         it",
                    ),
            );
        }
    }
    failures
}

impl OutputDocument for LoadSummary {
    fn text(&self, page: &mut Page) {
        for warehouse in &self.warehouses {
            text_of_load(warehouse, page);
        }
        for note in &self.notes {
            page.field("note", note);
        }
        let mut tables = self.warehouses.iter().flat_map(|it| &it.tables);
        let behind = tables.any(|table| table.entries_behind > 0);
        if !behind && failures(&self.warehouses, self.stopped).is_empty() {
            page.good("every row of the ledger is loaded");
        }
    }
}
