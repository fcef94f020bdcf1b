//! `trailhouse warehouse init`.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::documents::Catalogue;
use super::{WarehouseChoice, demand_warehouses, failure_of, with_warehouses};
use crate::cli::failure::{Failure, Report};
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::Page;
use crate::cli::{CliContext, block_on};
use crate::plural::counted;
use crate::run::{Asking, Job, RunError, found};
use crate::warehouse::{Preparation, WarehouseFailure, carry_out_preparation, prepare};

/// Create the dataset, tables and views, or add what they lack
///
/// Shows what is missing, then creates it: the dataset in its location, the tables with partitions,
/// clustering, a description of every column and the label that says which lake they belong to, and the
/// views. Where tables exist, it adds what a newer version of trailhouse has (columns, descriptions,
/// labels) and changes nothing else; a difference that cannot be added is an error that names each
/// column. Tables of another lake are refused. Where there is no lake yet it creates one, with the checks of the
/// first `run`; that needs the signing key.
///
/// Changes: creates and extends dataset, tables and views, and recreates audit_batches and audit_coverage
/// where their columns have drifted; removes no row of the lake. With --dry-run nothing at all.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse warehouse init --dry-run
  trailhouse warehouse init")]
pub(super) struct WarehouseInitArgs {
    #[command(flatten)]
    which: WarehouseChoice,
    /// Show what would be created or added, and stop
    #[arg(long)]
    dry_run: bool,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Prepared>("warehouse init");
}

pub(super) fn execute(args: WarehouseInitArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    demand_warehouses(&config)?;
    let job = Job::open_to_look(&config).map_err(Failure::from)?;
    let (prepared, failures) = block_on(async {
        let job = with_warehouses(job, &config, &args.which, Asking::Briefly).await?;
        let (state, founded) = match job.log().load().await? {
            Some(state) => (state, false),
            // A dry run writes nothing, and without a lake nobody knows whose the tables would be.
            None if args.dry_run => return Err(RunError::NoLake.into()),
            None => {
                let job = Job::open_to_check(&config)?;
                (Box::pin(found(&job)).await?, true)
            }
        };
        if founded {
            let note = format!("founded lake {} in {}", state.lake_id, job.bucket.url());
            context.output.note(&note);
        }
        let mut prepared = Prepared {
            dry_run: args.dry_run,
            founded,
            warehouses: Vec::new(),
        };
        let mut failures = Vec::new();
        for projection in &job.warehouses {
            let preparing = match prepare(projection, &state.lake_id).await {
                Ok(preparing) => preparing,
                Err(error) => {
                    let failure = WarehouseFailure::from(&error);
                    failures.push(failure_of(&projection.name, &failure));
                    continue;
                }
            };
            // The difference is shown before anything is done about it.
            if !args.dry_run && !preparing.is_nothing() {
                for step in &preparing.preparation.steps {
                    let changes = step.changes.join(", ");
                    let note = format!("{}: {}: {changes}", projection.name, step.what);
                    context.output.note(&note);
                }
                let done = carry_out_preparation(projection, &state.lake_id, &preparing).await;
                if let Err(error) = done {
                    let failure = WarehouseFailure::from(&error);
                    failures.push(failure_of(&projection.name, &failure));
                }
            }
            prepared.warehouses.push(preparing.preparation);
        }
        Ok::<_, Failure>((prepared, failures))
    })??;
    Ok(Ending::with_failures(prepared, failures))
}

/// What `warehouse init` did, or would do.
#[derive(Debug, Serialize, JsonSchema)]
struct Prepared {
    /// True with `--dry-run`: nothing was changed.
    dry_run: bool,
    /// Whether the command created the lake, which did not exist before.
    founded: bool,
    /// What was done, or would be done, in each warehouse, in configured order.
    warehouses: Vec<Preparation>,
}

impl OutputDocument for Prepared {
    fn text(&self, page: &mut Page) {
        for warehouse in &self.warehouses {
            page.heading(&format!(
                "warehouse {} ({})",
                warehouse.warehouse, warehouse.target
            ));
            match (warehouse.steps.len() as u64, self.dry_run) {
                (0, _) => page.good("all tables and views are up to date"),
                (_, true) => {
                    for step in &warehouse.steps {
                        page.line(&format!("  {}: {}", step.what, step.changes.join(", ")));
                    }
                    page.line("nothing was changed: this was a dry run");
                }
                // Each of them was shown before it was made.
                (steps, false) => {
                    page.good(&format!("{}, all done", counted(steps, "step", "steps")));
                }
            }
        }
    }
}
