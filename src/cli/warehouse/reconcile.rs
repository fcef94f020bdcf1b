//! `trailhouse warehouse reconcile`.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::documents::Catalogue;
use super::look::WarehouseLook;
use super::{WarehouseChoice, demand_warehouses, failure_of, with_warehouses};
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, FailureDetail, Report};
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::{Align, Page, PageTable};
use crate::cli::progress::Unit;
use crate::cli::{CliContext, block_on};
use crate::plural::{counted, thousands};
use crate::run::{Asking, Job, RunObserver as _};
use crate::warehouse::{DoubledEvent, Reconciliation, TableKind, TableReconciliation, reconcile};

/// Differences that are named one by one.
const NAMED: usize = 20;

/// Compare what a warehouse holds with what the ledger says
///
/// Counts the rows of audit_events and audit_quarantine by date, category, source and batch, and
/// compares them with the ledger: rows that are missing, appear more than once, or belong to a batch
/// that the ledger does not have. Rows of entries that are still to be loaded are not a difference. Events
/// that have several rows on these dates are named, whatever the ledger says. These are two queries, over four narrow columns
/// and over event_uid, which are billed like any other.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough. Ends with exit code 10
/// where something differs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse warehouse reconcile
  trailhouse warehouse reconcile --from 2026-11-01 --to 2026-11-30 --output json")]
pub(super) struct ReconcileArgs {
    #[command(flatten)]
    which: WarehouseChoice,
    /// First date to compare
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last date to compare
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
}

/// The dates that two optional ends stand for; none for all.
pub(super) fn between(
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Result<Option<(NaiveDate, NaiveDate)>, Failure> {
    let dates = match (from, to) {
        (None, None) => return Ok(None),
        (from, to) => (from.unwrap_or(NaiveDate::MIN), to.unwrap_or(NaiveDate::MAX)),
    };
    if dates.0 > dates.1 {
        let happened = format!("--from {} is after --to {}", dates.0, dates.1);
        return Err(Failure::new(ExitKind::Usage, happened).kept("nothing was read or written"));
    }
    Ok(Some(dates))
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Reconciled>("warehouse reconcile");
}

pub(super) fn execute(args: ReconcileArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    demand_warehouses(&config)?;
    let dates = between(args.from, args.to)?;
    let job = Job::open_to_look(&config).map_err(Failure::from)?;
    let progress = context.progress(Unit::Nothing);
    let reconciled = block_on(async {
        let job = with_warehouses(job, &config, &args.which, Asking::Briefly).await?;
        job.listen_to_waits(&progress.waits());
        let look = WarehouseLook::new(&job).await?;
        let say = |what: &str| progress.doing(what);
        let filling = look.filling(&say);
        let mut warehouses = Vec::new();
        for projection in &job.warehouses {
            warehouses.push(reconcile(projection, filling, dates).await);
        }
        Ok::<_, Failure>(Reconciled { warehouses, dates })
    })??;
    let failures: Vec<Failure> = reconciled.warehouses.iter().flat_map(failures).collect();
    Ok(Ending::with_failures(reconciled, failures))
}

fn failures(warehouse: &Reconciliation) -> Vec<Failure> {
    let mut failures = Vec::new();
    if let Some(failure) = &warehouse.failure {
        failures.push(failure_of(&warehouse.warehouse, failure));
    }
    let details: Vec<FailureDetail> = warehouse.tables.iter().flat_map(details).collect();
    if !details.is_empty() {
        let name = &warehouse.warehouse;
        let happened = format!("warehouse {name} does not match the ledger");
        failures.push(
            Failure::new(ExitKind::Findings, happened)
                .details(details)
                .kept("nothing was changed; the lake and the ledger are not affected")
                .action("`trailhouse warehouse rebuild` shows how it would fix it"),
        );
    }
    let doubled: Vec<&DoubledEvent> = warehouse.tables.iter().flat_map(|it| &it.doubled).collect();
    if !doubled.is_empty() {
        let details = doubled.iter().take(NAMED).map(|event| FailureDetail {
            place: Some(event.event_uid.clone()),
            happened: counted(event.rows, "row", "rows"),
            action: None,
        });
        let more = doubled.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| FailureDetail {
            place: Some(TableKind::Events.table().to_owned()),
            happened: format!(
                "and {} more; --output json has up to 1,000",
                thousands(more as u64)
            ),
            action: None,
        });
        let name = &warehouse.warehouse;
        let happened = format!("warehouse {name} holds events more than once");
        failures.push(
            Failure::new(ExitKind::Findings, happened)
                .details(details.chain(more))
                .kept("nothing was changed; the lake and the ledger are not affected")
                .action(
                    "`trailhouse verify --deep` says whether the lake holds them more than once too; where it \
                     does not, `trailhouse warehouse rebuild` repairs the warehouse",
                ),
        );
    }
    failures
}

fn details(table: &TableReconciliation) -> Vec<FailureDetail> {
    let mut details: Vec<FailureDetail> = table
        .differences
        .iter()
        .take(NAMED)
        .map(|difference| {
            let cell = &difference.cell;
            let category = cell.category.as_deref().unwrap_or("quarantine");
            let of = match difference.sequence {
                Some(sequence) => format!("entry {sequence}"),
                None => format!("batch {}, which the ledger does not know", cell.batch_id),
            };
            FailureDetail {
                place: Some(format!(
                    "{} {} {category} {}",
                    table.table, cell.date, cell.source
                )),
                happened: format!(
                    "{of}: {} by the ledger, {} in the warehouse",
                    counted(difference.expected, "row", "rows"),
                    thousands(difference.found)
                ),
                action: None,
            }
        })
        .collect();
    let more = table.differences.len().saturating_sub(NAMED);
    if more > 0 {
        details.push(FailureDetail {
            place: Some(table.table.to_owned()),
            happened: format!(
                "and {} more; --output json has all of them",
                thousands(more as u64)
            ),
            action: None,
        });
    }
    details
}

/// Which dates were compared, in words.
fn compared_dates(dates: Option<(NaiveDate, NaiveDate)>) -> String {
    match dates {
        None => "on all dates".to_owned(),
        Some((NaiveDate::MIN, to)) => format!("up to {to}"),
        Some((from, NaiveDate::MAX)) => format!("from {from} on"),
        Some((from, to)) if from == to => format!("on {from}"),
        Some((from, to)) => format!("from {from} to {to}"),
    }
}

/// How the warehouses compare with the ledger.
#[derive(Debug, Serialize, JsonSchema)]
struct Reconciled {
    /// The comparison for each warehouse, in configured order.
    warehouses: Vec<Reconciliation>,
    /// First and last date that were compared; `None` for all.
    #[serde(skip)]
    dates: Option<(NaiveDate, NaiveDate)>,
}

impl OutputDocument for Reconciled {
    fn text(&self, page: &mut Page) {
        for warehouse in &self.warehouses {
            page.heading(&format!(
                "warehouse {} ({})",
                warehouse.warehouse, warehouse.target
            ));
            let mut shown = PageTable::new([
                ("  table", Align::Left),
                ("ledger", Align::Right),
                ("to be loaded", Align::Right),
                ("warehouse", Align::Right),
                ("missing", Align::Right),
                ("surplus", Align::Right),
                ("foreign", Align::Right),
            ]);
            for table in &warehouse.tables {
                shown.row([
                    format!("  {}", table.table),
                    table.expected.to_string(),
                    table.pending.to_string(),
                    table.found.to_string(),
                    table.counted.missing.to_string(),
                    table.counted.surplus.to_string(),
                    table.counted.foreign.to_string(),
                ]);
            }
            page.table(&shown);
            let fits =
                |table: &TableReconciliation| table.counted.fits() && table.doubled.is_empty();
            let fits = warehouse.tables.iter().all(fits);
            if fits && warehouse.failure.is_none() {
                let partitions: usize = warehouse
                    .tables
                    .iter()
                    .map(|table| table.partitions.len())
                    .sum();
                let dates = compared_dates(self.dates);
                match partitions {
                    0 => page.line(&format!("no rows to compare {dates}")),
                    _ => page.good(&format!(
                        "the row counts of {} {dates} match the ledger; values were not compared",
                        counted(
                            partitions as u64,
                            "combination of date, category and source",
                            "combinations of date, category and source"
                        )
                    )),
                }
            }
        }
    }
}
