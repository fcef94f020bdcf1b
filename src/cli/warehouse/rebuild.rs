//! `trailhouse warehouse rebuild`.

use std::time::Duration;

use chrono::NaiveDate;
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::reconcile::between;
use super::{WarehouseChoice, demand_warehouses, failure_of, text_of_load, with_warehouses};
use crate::cli::documents::Catalogue;
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, Report};
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::Page;
use crate::cli::progress::Unit;
use crate::cli::stop::stop_at;
use crate::cli::{CliContext, block_on_to_the_end};
use crate::config::{format_size, parse_duration};
use crate::decision::StalePlan;
use crate::decision::rebuild::RebuildWish;
use crate::lake::layout::Table;
use crate::plural::counted;
use crate::run::{Asking, Job, LoadSummary, RebuildEnd, RebuildSummary, rebuild};
use crate::warehouse::{RebuildChoice as Dates, RebuildPlan, TableKind};

/// Replace dates of a warehouse with what the lake holds
///
/// Without --confirm it shows what would be replaced and ends with exit code 8. With the plan's id it
/// commits the decision to the ledger, loads the rows of these dates into a separate table, and
/// replaces the dates with them in one transaction, after which they hold exactly what the ledger says. If
/// it is killed, the next `run` or `warehouse load` finishes it. A stale plan is refused.
///
/// Changes: with --confirm, the rows of these dates in the warehouse; the ledger gets the decision, its
/// end, and a receipt. The transaction is a query, which is billed for the dates it reads.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse warehouse rebuild
  trailhouse warehouse rebuild --from 2026-11-01 --to 2026-11-07
  trailhouse warehouse rebuild --confirm 3f9a0c1d2e4b")]
pub(super) struct RebuildArgs {
    #[command(flatten)]
    which: WarehouseChoice,
    /// First date to replace, whether it differs or not
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last date to replace, whether it differs or not
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Replace all dates, whether they differ or not
    #[arg(long, conflicts_with_all = ["from", "to"])]
    all: bool,
    /// Only this table
    #[arg(long, value_name = "TABLE", value_enum)]
    table: Option<TableName>,
    /// Do what was shown under this id
    #[arg(long, value_name = "PLAN")]
    confirm: Option<String>,
    /// Start nothing new after this time; instead of `deadline` in [run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    deadline: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TableName {
    Events,
    Quarantine,
}

impl RebuildArgs {
    fn tables(&self) -> Vec<Table> {
        match self.table {
            None => vec![Table::Events, Table::Quarantine],
            Some(TableName::Events) => vec![Table::Events],
            Some(TableName::Quarantine) => vec![Table::Quarantine],
        }
    }

    fn dates(&self) -> Result<Dates, Failure> {
        if self.all {
            return Ok(Dates::All);
        }
        Ok(match between(self.from, self.to)? {
            Some((first, last)) => Dates::Between(first, last),
            None => Dates::Differing,
        })
    }
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ShownRebuild>("warehouse rebuild");
    catalogue.with_failures_when::<Rebuilt>("warehouse rebuild", "after --confirm");
}

pub(super) fn execute(args: RebuildArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    demand_warehouses(&config)?;
    let dates = args.dates()?;
    let job = match args.confirm {
        Some(_) => Job::open_to_load(&config),
        None => Job::open_to_look(&config),
    };
    let job = job.map_err(Failure::from)?;
    let deadline = args.deadline.unwrap_or(config.run.deadline);
    let progress = context.progress(Unit::Nothing);
    let wish = RebuildWish {
        tables: args.tables(),
        dates,
    };
    let summary = block_on_to_the_end(async {
        let job = with_warehouses(job, &config, &args.which, Asking::Patiently).await;
        let job = job.map_err(Failure::from)?;
        job.listen_to_waits(&progress.waits());
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(stop_at(deadline, stop));
        let confirmed = args.confirm.as_deref();
        let rebuilt = rebuild(&job, &wish, confirmed, stopped, &progress).await;
        watcher.abort();
        rebuilt.map_err(Failure::from)
    })??;
    Ok(ending(summary))
}

/// The document and the exit code of what it came to.
fn ending(RebuildSummary { planned, end }: RebuildSummary) -> Ending {
    let failed = planned.plan.failures.iter();
    let mut failures: Vec<Failure> = failed.map(|(name, it)| failure_of(name, it)).collect();
    let can_be_confirmed = planned.plan.can_be_confirmed();
    let shown = ShownRebuild {
        plan: planned.id,
        tables: planned.plan.tables,
    };
    let ask = |happened: String, action: String| {
        Failure::new(ExitKind::Confirmation, happened)
            .kept("nothing was changed")
            .action(action)
    };
    match end {
        RebuildEnd::Planned => {
            if can_be_confirmed {
                failures.push(ask(
                    "nothing was replaced: confirmation is needed".to_owned(),
                    format!("add --confirm {} to the same command", shown.plan),
                ));
            }
            Ending::with_failures(shown, failures)
        }
        RebuildEnd::Stale(StalePlan { confirmed, found }) => {
            failures.push(ask(
                format!("plan {confirmed} is stale"),
                format!("read the new plan, then add --confirm {found}"),
            ));
            Ending::with_failures(shown, failures)
        }
        RebuildEnd::Decided(loaded) => {
            failures.extend(super::failures(&loaded.warehouses, loaded.stopped));
            Ending::with_failures(Rebuilt { shown, loaded }, failures)
        }
    }
}

/// What a rebuild would replace.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownRebuild {
    /// Id of the plan: a hash of what it would replace. `warehouse rebuild --confirm` takes it.
    plan: String,
    /// What would be replaced in each table; empty if nothing differs.
    tables: Vec<RebuildPlan>,
}

impl OutputDocument for ShownRebuild {
    fn text(&self, page: &mut Page) {
        if self.tables.is_empty() {
            page.good("there is nothing to rebuild");
            return;
        }
        for table in &self.tables {
            let name = TableKind::of(table.table).table();
            page.heading(&format!("{} ({}) {name}", table.warehouse, table.target));
            page.field("dates", &listed(&table.dates));
            page.field(
                "rows",
                &format!("{} now, {} then", table.rows_now, table.rows_then),
            );
            page.field(
                "differing",
                &format!(
                    "{} missing, {} duplicated, {} of batches that the ledger does not have",
                    table.differs.missing, table.differs.surplus, table.differs.foreign
                ),
            );
            page.field(
                "reads",
                &format!(
                    "{}, {}, in {}",
                    counted(table.files, "file", "files"),
                    format_size(table.bytes),
                    counted(table.jobs, "job", "jobs")
                ),
            );
        }
        page.field("plan", &self.plan);
    }
}

/// Dates, many of them shortened to their ends.
fn listed(dates: &[NaiveDate]) -> String {
    const ONE_BY_ONE: usize = 7;
    match dates {
        [first, .., last] if dates.len() > ONE_BY_ONE => {
            format!("{} between {first} and {last}", dates.len())
        }
        dates => {
            let dates: Vec<String> = dates.iter().map(NaiveDate::to_string).collect();
            dates.join(", ")
        }
    }
}

/// What a confirmed rebuild replaced.
#[derive(Debug, Serialize, JsonSchema)]
struct Rebuilt {
    #[serde(flatten)]
    shown: ShownRebuild,
    /// What was done in the warehouses, as `warehouse load` prints it.
    loaded: LoadSummary,
}

impl OutputDocument for Rebuilt {
    fn text(&self, page: &mut Page) {
        self.shown.text(page);
        for warehouse in &self.loaded.warehouses {
            text_of_load(warehouse, page);
        }
        for note in &self.loaded.notes {
            page.field("note", note);
        }
    }
}
