//! `trailhouse plan`: what a run would do.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use clap_complete::ArgValueCandidates;

use super::completions;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::Unit;
use super::retention::amount_said;
use super::status::{text_of_finding, text_of_open};
use super::{CliContext, block_on};
use crate::clock::{ClockReport, Now};
use crate::config::format_size;
use crate::ledger::state::State;
use crate::plural::{counted, thousands};
use crate::policy::{AsOf, Policy};
use crate::report::retention::OpenDecision;
use crate::retention::{Amount, RuleFinding, rule_findings};
use crate::run::{FeedPlan, Job, JobSource, RunOptions, SourceFailure, SourcePlan};
use crate::source::{ErrorScope, SourceError};
use crate::warehouse::WarehouseStanding;
use crate::window::format_instant;

/// Show what `run` would read, write and delete
///
/// Reads the ledger and asks each source for counts, then prints the windows that a run
/// would read now. Reads no records. For each warehouse it says what is to be loaded, and how many jobs
/// that takes of the service's quotas; what the run reads itself comes on top. Where [retention] says in_run
/// = true it says what the run would delete, and what would have to be confirmed first.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse plan
  trailhouse plan --source kestra-prod --output json")]
pub(crate) struct PlanArgs {
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completions::sources))]
    pub(crate) source: Vec<String>,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<PlanDocument>("plan");
}

pub(super) fn execute(args: PlanArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = Job::open_to_plan(&config, &args.source).map_err(Failure::from)?;
    let progress = context.progress(Unit::Nothing);
    job.listen_to_waits(&progress.waits());
    progress.message("reading the ledger");
    let planned = block_on(async {
        let (opened, plan) = crate::run::plan(&job, &RunOptions::default())
            .await
            .map_err(Failure::from)?;
        let configured = config.warehouses.iter();
        let warehouses = match &opened.state {
            Some(state) => configured
                .map(|it| WarehouseStanding::of(state, &it.name, it.service.limits()))
                .collect(),
            None => Vec::new(),
        };
        let mut sources = Vec::with_capacity(plan.sources.len());
        for (source, planned) in job.sources.iter().zip(plan.sources) {
            let failure = opened.failures.get(&source.id);
            progress.message(&source.id);
            sources.push(estimate(source, planned, failure).await);
        }
        Ok::<_, Failure>(PlanDocument {
            now: plan.now,
            clock: opened.now.report(),
            rule_findings: match (&config.retention, &opened.state) {
                (Some(policy), Some(state)) => rule_findings(policy, state),
                _ => Vec::new(),
            },
            base_sequence: plan.base_sequence,
            sources,
            warehouses,
            retention: config
                .retention
                .as_ref()
                .filter(|_| config.retain_in_run)
                .zip(opened.state.as_ref())
                .map(|(policy, state)| Deletes::of(state, policy, &opened.now)),
        })
    })??;
    let failures: Vec<Failure> = planned
        .sources
        .iter()
        .filter_map(|source| {
            let failure = source.failure.as_ref()?;
            let id = &source.source;
            Some(
                Failure::new(
                    ExitKind::Source,
                    format!("source {id} cannot be read: {}", failure.message),
                )
                .kept("nothing was changed")
                .action(failure.action.clone()),
            )
        })
        .collect();
    Ok(Ending::with_failures(planned, failures))
}

/// Asks a source how many records the planned windows hold.
async fn estimate(
    source: &JobSource,
    plan: SourcePlan,
    failure: Option<&SourceError>,
) -> PlannedSource {
    let mut failure = failure.map(SourceFailure::from);
    let mut feeds = Vec::with_capacity(plan.feeds.len());
    for feed in plan.feeds {
        let mut records = Some(0);
        for window in &feed.windows {
            if failure.is_some() {
                records = None;
                break;
            }
            let tenant = crate::run::tenant_of(&feed.tenant);
            match source.source.count(&tenant, *window).await {
                Ok(counted) => records = records.map(|sum| sum + counted.rows),
                // A window that cannot be read cannot be counted either, which `run` gets through.
                Err(error) if error.scope() == ErrorScope::Window => records = None,
                Err(error) => failure = Some(SourceFailure::from(&error)),
            }
        }
        feeds.push(PlannedFeed { feed, records });
    }
    PlannedSource {
        source: plan.source,
        failure,
        feeds,
    }
}

/// What is to be loaded and what it takes of the service's quotas, for people.
fn text_of_loads(standing: &WarehouseStanding, page: &mut Page) {
    page.heading(&format!("warehouse {}", standing.warehouse));
    for table in &standing.tables {
        page.field(
            table.table,
            &format!(
                "{} with {}, {} in {}",
                counted(table.entries_behind, "entry", "entries"),
                counted(table.rows_behind, "row", "rows"),
                format_size(table.bytes_behind),
                counted(table.files_behind, "file", "files"),
            ),
        );
        if table.jobs > 0 {
            page.field(
                "",
                &format!(
                    "{} of {} a day in a project, {} of {} partition changes a day in the table; loads cost \
                     nothing",
                    counted(table.jobs, "load job", "load jobs"),
                    thousands(standing.limits.loads_a_day),
                    thousands(table.partition_changes),
                    thousands(standing.limits.partition_changes_a_day),
                ),
            );
        }
        if table.partition_changes > standing.limits.partition_changes_a_day
            || table.jobs > standing.limits.loads_a_day
        {
            page.warning(
                "this takes more than a day; each run continues where the one before stopped",
            );
        }
    }
    for rebuild in &standing.rebuilds {
        page.field(
            "rebuild",
            &format!(
                "decided in entry {}: {}",
                rebuild.decision,
                counted(rebuild.dates, "date", "dates")
            ),
        );
    }
}

/// What `run` would do now.
#[derive(Debug, Serialize, JsonSchema)]
struct PlanDocument {
    /// The time for which the plan is made: the earliest of this machine's clock and those that agree
    /// with it.
    #[serde(with = "crate::window::instant")]
    #[schemars(with = "DateTime<Utc>")]
    now: DateTime<Utc>,
    /// What confirms or contradicts `now`.
    clock: ClockReport,
    /// Sequence of the newest ledger entry, on which the plan is based; `null` if there is no lake yet.
    base_sequence: Option<u64>,
    /// What would be read from each source, in configured order.
    sources: Vec<PlannedSource>,
    /// For each configured warehouse, what the ledger already has for it to load; what the run would read
    /// comes on top.
    warehouses: Vec<WarehouseStanding>,
    /// What the run would delete; absent if runs do not apply retention or there is no lake yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<Deletes>,
    /// Rules of retention that have no effect or name something unknown; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rule_findings: Vec<RuleFinding>,
}

/// What a run would delete under the rules of retention.
#[derive(Debug, Serialize, JsonSchema)]
struct Deletes {
    /// What would be deleted without confirmation.
    goes: Amount,
    /// What is due and would wait for `retention apply --confirm`.
    to_confirm: Amount,
    /// Reasons why the clock is not trusted; while there are any, nothing is deleted without
    /// confirmation. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clock: Vec<String>,
    /// Earlier decisions that are not done yet, which the run would continue.
    open: Vec<OpenDecision>,
}

impl Deletes {
    fn of(state: &State, policy: &Policy, now: &Now) -> Self {
        let plan = crate::retention::plan(state, policy, AsOf::now(now));
        let unattended = plan.unattended(now);
        let mut to_confirm = Amount::default();
        for rule in &unattended.to_confirm {
            to_confirm += rule.due;
        }
        Self {
            goes: unattended.amount,
            to_confirm,
            clock: unattended.clock,
            open: OpenDecision::all(state, now.at()),
        }
    }

    fn text(&self, page: &mut Page) {
        page.field("deletes", &amount_said(&self.goes));
        if self.to_confirm.files > 0 {
            page.field("to confirm", &amount_said(&self.to_confirm));
        }
        for objection in &self.clock {
            page.warning(objection);
        }
        for open in &self.open {
            text_of_open(open, page);
        }
    }
}

/// What a run would read from one source.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedSource {
    /// Id of the source.
    source: String,
    /// Why the source cannot be read; absent if it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<SourceFailure>,
    /// What would be read of each tenant.
    feeds: Vec<PlannedFeed>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PlannedFeed {
    #[serde(flatten)]
    feed: FeedPlan,
    /// Number of records that the source counts in `windows`; `null` if it could not count them.
    records: Option<u64>,
}

impl OutputDocument for PlanDocument {
    fn text(&self, page: &mut Page) {
        match self.base_sequence {
            Some(sequence) => page.field("ledger", &format!("entry {sequence}")),
            None => page.field("ledger", "none yet: `run` founds the lake"),
        }
        page.field("now", &format_instant(self.now));
        if self.retention.is_none() {
            for objection in &self.clock.objections {
                page.warning(objection);
            }
        }
        for source in &self.sources {
            for PlannedFeed { feed, records } in &source.feeds {
                page.heading(&format!("source {} tenant {}", source.source, feed.tenant));
                for (name, windows) in [
                    ("read first", &feed.new),
                    ("read again", &feed.again),
                    ("try again", &feed.holes),
                    ("count again", &feed.recounts),
                ] {
                    for window in windows {
                        page.field(name, &window.to_string());
                    }
                }
                for window in &feed.missed {
                    page.warning(&format!(
                        "{window} was not read before it was past retention, and is left out"
                    ));
                }
                if let Some(records) = records {
                    page.field(
                        "records",
                        &format!("{} in what would be read", thousands(*records)),
                    );
                }
            }
        }
        for standing in &self.warehouses {
            text_of_loads(standing, page);
        }
        match &self.retention {
            Some(retention) => retention.text(page),
            None => page.field("deletes", "nothing"),
        }
        for finding in &self.rule_findings {
            text_of_finding(finding, page);
        }
    }
}
