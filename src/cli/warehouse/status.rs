//! `trailhouse warehouse status`.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::documents::Catalogue;
use super::{
    WarehouseChoice, demand_warehouses, failure_of, state_of, text_of_standing, with_warehouses,
};
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, FailureDetail, Report};
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::Page;
use crate::cli::{CliContext, block_on};
use crate::plural::{counted, thousands};
use crate::run::{Asking, Job};
use crate::warehouse::{Preparation, WarehouseFailure, WarehouseStanding, prepare};
use crate::window::format_instant;

/// Show how far each warehouse is loaded, and whether its tables are up to date
///
/// Reads the ledger for what is loaded and what is not, and asks the service for dataset, tables and
/// views: whether they exist, whether they belong to this lake, and what `init` would add. Counts no
/// rows; `reconcile` does.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse warehouse status
  trailhouse warehouse status --output json | jq '.warehouses[].tables'")]
pub(super) struct WarehouseStatusArgs {
    #[command(flatten)]
    which: WarehouseChoice,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Statuses>("warehouse status");
}

pub(super) fn execute(args: WarehouseStatusArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    demand_warehouses(&config)?;
    let job = Job::open_to_look(&config).map_err(Failure::from)?;
    let (statuses, failures) = block_on(async {
        let job = with_warehouses(job, &config, &args.which, Asking::Briefly).await?;
        let state = state_of(&job).await?;
        let mut statuses = Vec::new();
        let mut failures = Vec::new();
        for projection in &job.warehouses {
            let standing =
                WarehouseStanding::of(&state, &projection.name, projection.warehouse.limits());
            let lacks = match prepare(projection, &state.lake_id).await {
                Ok(preparing) => Some(preparing.preparation),
                Err(error) => {
                    let failure = WarehouseFailure::from(&error);
                    failures.push(failure_of(&projection.name, &failure));
                    None
                }
            };
            if lacks.as_ref().is_some_and(|lacks| !lacks.steps.is_empty()) {
                failures.push(
                    Failure::new(
                        ExitKind::Findings,
                        format!("warehouse {} is not up to date", projection.name),
                    )
                    .action("`trailhouse warehouse init` creates what is missing"),
                );
            }
            failures.extend(matters(&standing));
            statuses.push(WarehouseStatus { standing, lacks });
        }
        let statuses = Statuses {
            warehouses: statuses,
        };
        Ok::<_, Failure>((statuses, failures))
    })??;
    Ok(Ending::with_failures(statuses, failures))
}

/// What of a warehouse's standing somebody should look at.
pub(in crate::cli) fn matters(standing: &WarehouseStanding) -> Vec<Failure> {
    let name = &standing.warehouse;
    let mut failures = Vec::new();
    if standing.is_fine() {
        return failures;
    }
    if let Some(code) = &standing.failure {
        let happened = format!("warehouse {name} failed in its newest run: {code}");
        failures.push(
            Failure::new(ExitKind::Destination, happened)
                .kept("the lake is not affected")
                .action("run again; the run shows what the service answers"),
        );
    }
    if standing.tables.iter().any(|table| !table.failed.is_empty()) {
        let happened = format!("warehouse {name} did not complete all loads");
        failures.push(
            Failure::new(ExitKind::Destination, happened)
                .details(failed_loads(standing))
                .kept("the lake is not affected; each run tries again")
                .action("check what the service answered to each load"),
        );
    }
    let differs = standing.tables.iter().any(|table| table.differs.is_some());
    if differs || !standing.rebuilds.is_empty() {
        let happened = format!("warehouse {name} does not match the ledger");
        failures.push(
            Failure::new(ExitKind::Findings, happened)
                .details(differences(standing))
                .action(
                    "`trailhouse warehouse reconcile` shows where, `trailhouse warehouse rebuild` fixes it",
                ),
        );
    }
    if !standing.expiring.is_empty() {
        let happened =
            format!("the service is about to remove tables of warehouse {name} by itself");
        failures.push(
            Failure::new(ExitKind::Findings, happened)
                .details(standing.expiring.iter().map(|expiring| FailureDetail {
                    place: Some(expiring.table.clone()),
                    happened: format!("expires at {}", format_instant(expiring.at)),
                    action: None,
                }))
                .kept("the lake is not affected")
                .action(
                    "`trailhouse warehouse init` lifts the expiration; the next run checks again",
                ),
        );
    }
    failures
}

/// Loads that the service refused.
fn failed_loads(standing: &WarehouseStanding) -> impl Iterator<Item = FailureDetail> {
    let failed = standing.tables.iter().flat_map(|table| {
        let entries = table.failed.iter();
        entries.map(move |failed| (table.table, failed))
    });
    failed.map(|(table, failed)| FailureDetail {
        place: Some(format!("{table} entry {}", failed.sequence)),
        happened: format!(
            "failed {}: {}",
            counted(u64::from(failed.attempts), "time", "times"),
            failed.reason
        ),
        action: None,
    })
}

/// How tables differ from the ledger, and rebuilds that are not done.
fn differences(standing: &WarehouseStanding) -> impl Iterator<Item = FailureDetail> {
    let tables = standing.tables.iter().filter_map(|table| {
        let differs = table.differs.as_ref()?;
        Some(FailureDetail {
            place: Some(table.table.to_owned()),
            happened: format!(
                "when last counted, {} of the ledger were missing, {} appeared more than once, {} were of no \
                 batch of the ledger",
                counted(differs.missing, "row", "rows"),
                thousands(differs.surplus),
                thousands(differs.foreign)
            ),
            action: None,
        })
    });
    let rebuilds = standing.rebuilds.iter().map(|rebuild| FailureDetail {
        place: None,
        happened: format!(
            "the rebuild decided in entry {} is not done: {}",
            rebuild.decision,
            counted(rebuild.dates, "date", "dates")
        ),
        action: None,
    });
    tables.chain(rebuilds)
}

/// How far the warehouses are behind the ledger.
#[derive(Debug, Serialize, JsonSchema)]
struct Statuses {
    /// The status of each warehouse, in configured order.
    warehouses: Vec<WarehouseStatus>,
}

/// How far a warehouse is behind the ledger, and what `warehouse init` would do there.
#[derive(Debug, Serialize, JsonSchema)]
struct WarehouseStatus {
    #[serde(flatten)]
    standing: WarehouseStanding,
    /// What `warehouse init` would do; `null` if the service could not be asked.
    lacks: Option<Preparation>,
}

impl OutputDocument for Statuses {
    fn text(&self, page: &mut Page) {
        for status in &self.warehouses {
            text_of_standing(&status.standing, page);
            let Some(lacks) = &status.lacks else {
                continue;
            };
            if lacks.steps.is_empty() {
                page.field("tables", "up to date");
            }
            for step in &lacks.steps {
                page.warning(&format!("{}: {}", step.what, step.changes.join(", ")));
            }
        }
    }
}
