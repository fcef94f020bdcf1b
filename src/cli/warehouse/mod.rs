//! `trailhouse warehouse`: BigQuery.

mod init;
mod load;
mod look;
mod rebuild;
mod reconcile;
mod status;

use clap::Subcommand;

use super::CliContext;
use clap_complete::ArgValueCandidates;

use super::completions;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::Ending;
use super::page::Page;
use crate::config::Config;
use crate::ledger::entry::ExpiringTable;
use crate::ledger::state::State;
use crate::plural::{counted, thousands};
use crate::run::{Asking, Job, JobError, open_warehouses};
use crate::warehouse::{
    FilesChecked, TableKind, WarehouseFailure, WarehouseStanding, WarehouseSummary,
};

pub(super) use load::failures;
pub(super) use status::matters;

/// Load, compare and repair BigQuery
///
/// A warehouse is a projection of the lake: analysts query it, and it can be rebuilt from lake and
/// ledger at any time. `run` loads new entries; these commands create the tables, load without reading the
/// sources, compare the warehouse with the ledger, and replace what differs.
///
/// Changes: `init`, `load` and `rebuild` say what they change; `status` and `reconcile` change nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse warehouse init
  trailhouse warehouse reconcile
  trailhouse warehouse rebuild --from 2026-11-01 --to 2026-11-07")]
pub(crate) struct WarehouseArgs {
    #[command(subcommand)]
    command: WarehouseCommand,
}

#[derive(Debug, Subcommand)]
enum WarehouseCommand {
    Init(init::WarehouseInitArgs),
    Load(load::WarehouseLoadArgs),
    Status(status::WarehouseStatusArgs),
    Reconcile(reconcile::ReconcileArgs),
    Rebuild(rebuild::RebuildArgs),
}

/// What the commands print with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    init::describe(catalogue);
    load::describe(catalogue);
    status::describe(catalogue);
    reconcile::describe(catalogue);
    rebuild::describe(catalogue);
}

pub(super) fn execute(args: WarehouseArgs, context: &CliContext) -> Result<Ending, Report> {
    match args.command {
        WarehouseCommand::Init(args) => init::execute(args, context),
        WarehouseCommand::Load(args) => load::execute(args, context),
        WarehouseCommand::Status(args) => status::execute(args, context),
        WarehouseCommand::Reconcile(args) => reconcile::execute(args, context),
        WarehouseCommand::Rebuild(args) => rebuild::execute(args, context),
    }
}

/// Options of every warehouse command.
#[derive(Debug, clap::Args)]
struct WarehouseChoice {
    /// Only this warehouse; may be given several times
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::warehouses))]
    warehouse: Vec<String>,
}

/// Refuses a configuration without any warehouse, before anything is asked.
fn demand_warehouses(config: &Config) -> Result<(), Failure> {
    if !config.warehouses.is_empty() {
        return Ok(());
    }
    Err(
        Failure::new(ExitKind::Usage, "the configuration has no warehouse")
            .kept("nothing was read or written")
            .action(
                "add a [[warehouse]]; docs/bigquery.md shows every step, from an empty project on",
            ),
    )
}

/// The job with the warehouses that are named, all where none is.
async fn with_warehouses(
    job: Job,
    config: &Config,
    which: &WarehouseChoice,
    asking: Asking,
) -> Result<Job, JobError> {
    let warehouses = open_warehouses(config, &which.warehouse, asking).await?;
    Ok(job.with_warehouses(warehouses))
}

/// The state of the lake, which there must be.
async fn state_of(job: &Job) -> Result<State, Failure> {
    let no_lake = || {
        Failure::new(ExitKind::Usage, "there is no lake yet")
            .kept("nothing was changed")
            .action("`trailhouse run` founds it")
    };
    job.log().load().await?.ok_or_else(no_lake)
}

/// What a failure of a warehouse means for the exit code.
pub(super) fn failure_of(name: &str, failure: &WarehouseFailure) -> Failure {
    let kind = if failure.integrity {
        ExitKind::Integrity
    } else {
        ExitKind::Destination
    };
    Failure::new(kind, format!("warehouse {name}: {}", failure.message))
        .kept("the lake is not affected; what was loaded before stays")
        .action(failure.action.clone())
}

/// What was loaded, for people.
pub(super) fn text_of_load(summary: &WarehouseSummary, page: &mut Page) {
    page.heading(&format!(
        "warehouse {} ({})",
        summary.warehouse, summary.target
    ));
    for rebuilt in &summary.rebuilt {
        let name = TableKind::of(rebuilt.table).table();
        let dates = counted(rebuilt.dates, "date", "dates");
        match rebuilt.rows {
            Some(rows) => {
                let rows = counted(rows, "row", "rows");
                page.good(&format!(
                    "rebuilt {dates} of {name}: {rows}, as the ledger says"
                ));
            }
            None => page.warning(&format!(
                "the rebuild decided in entry {} is void: {name} is another table now",
                rebuilt.decision
            )),
        }
    }
    for table in &summary.tables {
        let adopted = match table.adopted {
            0 => String::new(),
            adopted => format!(", {} found loaded already", thousands(adopted)),
        };
        let FilesChecked { by_store, by_bytes } = table.checked;
        let checked = match (by_store + by_bytes, by_bytes) {
            (0, _) => String::new(),
            (files, 0) => format!(", {} checked", counted(files, "file", "files")),
            (files, hashed) => {
                let files = counted(files, "file", "files");
                format!(
                    ", {files} checked, {} of them by reading them whole",
                    thousands(hashed)
                )
            }
        };
        page.field(
            table.table,
            &format!(
                "{} from {}{checked}{adopted}",
                counted(table.rows, "row", "rows"),
                counted(table.entries, "entry", "entries"),
            ),
        );
        if table.entries_behind > 0 {
            page.field(
                "",
                &format!(
                    "{} with {} still to be loaded",
                    counted(table.entries_behind, "entry", "entries"),
                    counted(table.rows_behind, "row", "rows"),
                ),
            );
        }
    }
    text_of_expiring(&summary.expiring, page);
}

/// Tables and views that the service removes by itself, for people.
fn text_of_expiring(expiring: &[ExpiringTable], page: &mut Page) {
    for ExpiringTable { table, at } in expiring {
        let at = crate::window::format_instant(*at);
        page.warning(&format!(
            "{table} expires: the service will remove it at {at}; `trailhouse warehouse init` lifts that"
        ));
    }
}

/// How far a warehouse is, for people. [`matters`] names what is wrong with it.
pub(super) fn text_of_standing(standing: &WarehouseStanding, page: &mut Page) {
    let target = standing.target.as_deref().unwrap_or("never loaded");
    page.heading(&format!("warehouse {} ({target})", standing.warehouse));
    if let Some(at) = standing.at {
        page.field("newest receipt", &crate::window::format_instant(at));
    }
    for table in &standing.tables {
        let loaded = counted(table.rows, "row", "rows");
        let said = match table.behind_since {
            None if table.is_level() => format!("{loaded}, up to date with the ledger"),
            None => format!("{loaded}, which does not match the ledger"),
            Some(since) => format!(
                "{loaded}; behind by {} with {} since {}",
                counted(table.entries_behind, "entry", "entries"),
                counted(table.rows_behind, "row", "rows"),
                crate::window::format_instant(since)
            ),
        };
        page.field(table.table, &said);
    }
}
