//! `trailhouse warehouse rebuild`.

use std::time::Duration;

use chrono::NaiveDate;
use clap::ValueEnum;
use serde::Serialize;
use tokio::sync::watch;

use super::look::Look;
use super::reconcile::between;
use super::{Which, demand_warehouses, failure_of, text_of_load, with_warehouses};
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, Report};
use crate::cli::output::{Document, Ending};
use crate::cli::page::Page;
use crate::cli::progress::{Progress, Unit};
use crate::cli::stop::stop_at;
use crate::cli::{Context, block_on_to_the_end};
use crate::config::{format_size, parse_duration};
use crate::lake::layout::Table;
use crate::ledger::entry::Body;
use crate::plural::counted;
use crate::run::{Asking, Job, LoadSummary, Observer as _};
use crate::warehouse::{
    RebuildPlan, TableKind, WarehouseFailure, Which as Dates, plan_id, plan_rebuild,
};

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
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
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

impl Args {
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

pub(super) fn execute(args: Args, context: &Context) -> Result<Ending, Report> {
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
    block_on_to_the_end(async {
        let job = with_warehouses(job, &config, &args.which, Asking::Patiently).await;
        let job = job.map_err(Failure::from)?;
        job.listen_to_waits(&progress.waits());
        let (shown, mut failures) = show(&job, &args, dates, &progress).await?;
        // Half a plan is none: its id would be that of other dates than the whole one's.
        // And nothing is to be confirmed where all is right, as it is when somebody asks a second time.
        if !failures.is_empty() || shown.tables.is_empty() {
            return Ok(Ending::with_failures(shown, failures));
        }
        let Some(confirmed) = &args.confirm else {
            let happened = "nothing was replaced: confirmation is needed";
            failures.push(
                Failure::new(ExitKind::Confirmation, happened)
                    .kept("nothing was changed")
                    .action(format!("add --confirm {} to the same command", shown.plan)),
            );
            return Ok(Ending::with_failures(shown, failures));
        };
        if *confirmed != shown.plan {
            let happened = format!("plan {confirmed} is stale");
            failures.push(
                Failure::new(ExitKind::Confirmation, happened)
                    .kept("nothing was changed")
                    .action(format!(
                        "read the new plan, then add --confirm {}",
                        shown.plan
                    )),
            );
            return Ok(Ending::with_failures(shown, failures));
        }
        let decisions: Vec<Body> = shown
            .tables
            .iter()
            .map(|table| Body::Rebuild(Box::new(table.decision(confirmed))))
            .collect();
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(stop_at(deadline, stop));
        let loaded = crate::run::load(&job, &decisions, stopped, &progress).await;
        watcher.abort();
        let loaded = loaded.map_err(Failure::from)?;
        failures.extend(super::failures(&loaded.warehouses, loaded.stopped));
        let rebuilt = Rebuilt { shown, loaded };
        Ok(Ending::with_failures(rebuilt, failures))
    })
    .map_err(Report::from)?
}

/// What would be replaced now.
async fn show(
    job: &Job,
    args: &Args,
    dates: Dates,
    progress: &Progress,
) -> Result<(Shown, Vec<Failure>), Failure> {
    let look = Look::new(job).await?;
    let say = |what: &str| progress.doing(what);
    let filling = look.filling(&say);
    let mut tables = Vec::new();
    let mut failures = Vec::new();
    for projection in &job.warehouses {
        for table in args.tables() {
            match plan_rebuild(projection, filling, table, dates).await {
                Ok(plan) => tables.extend(plan),
                Err(error) => {
                    let failure = WarehouseFailure::from(&error);
                    failures.push(failure_of(&projection.name, &failure));
                    break;
                }
            }
        }
    }
    let plan = plan_id(&look.state.lake_id, &tables);
    let plan = plan.map_err(|error| Failure::from_error(ExitKind::Unforeseen, &error))?;
    Ok((Shown { plan, tables }, failures))
}

/// What a rebuild would do.
#[derive(Debug, Serialize)]
struct Shown {
    /// Id to confirm it by.
    plan: String,
    tables: Vec<RebuildPlan>,
}

impl Document for Shown {
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

/// What was replaced.
#[derive(Debug, Serialize)]
struct Rebuilt {
    #[serde(flatten)]
    shown: Shown,
    loaded: LoadSummary,
}

impl Document for Rebuilt {
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
