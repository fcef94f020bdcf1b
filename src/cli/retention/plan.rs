//! `trailhouse retention plan`.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::documents::Catalogue;
use super::{amount_said, policy_of, recoverable_said};
use crate::cli::failure::{Failure, Report};
use crate::cli::failures::CONFIRM_CLOCK;
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::{Align, Page, PageTable};
use crate::cli::status::{open_lake, text_of_finding, text_of_hold, text_of_open};
use crate::cli::{CliContext, block_on_two_threads};
use crate::config::{Config, format_size};
use crate::decision::{DecisionError, plan_id};
use crate::ledger::entry::Hold;
use crate::ledger::state::State;
use crate::plural::counted;
use crate::policy::{AsOf, HoldStanding};
use crate::report::retention::OpenDecision;
use crate::retention::{RetentionPlan, RuleFinding, RuleStanding, plan, rule_findings};
use crate::run::{Asking, look_at_clocks, open_warehouses};
use crate::store::{Bucket, StoreKind};
use crate::warehouse::{ForeseenExpiry, foresee};
use crate::window::{format_instant, some_instant};
use chrono::{DateTime, SubsecRound as _, Utc};

/// Lines of due dates that are shown; --output json has all of them.
const SHOWN: usize = 40;

/// Show what would be deleted, and what a hold keeps
///
/// Applies the rules of [retention] to the live files of the lake as of a date, and says per rule and
/// date how many files, rows and bytes are due, what a hold keeps all the same, the oldest date that is
/// kept, and when more will be due; what deleting it would cost in each warehouse (by a dry run, which is
/// free), and what would remain recoverable afterwards and until when, as far as the services say. It
/// names rules that cannot do anything, and what speaks against the clock by which something is due.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough. With --offline only the
/// ledger is read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse retention plan
  trailhouse retention plan --as-of 2027-01-01 --output json")]
pub(super) struct RetentionPlanArgs {
    /// The date to plan for; today (UTC) without it
    #[arg(long, value_name = "DATE", value_parser = crate::cli::date::date)]
    as_of: Option<NaiveDate>,
    /// Ask neither warehouses nor the store; read the ledger alone
    #[arg(long)]
    offline: bool,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ShownRetentionPlan>("retention plan");
}

pub(super) fn execute(args: &RetentionPlanArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let policy = policy_of(&config)?;
    let (_, bucket, state) = open_lake(&config, None)?;
    let now = look_at_clocks(Utc::now(), &bucket, &[], Some(&state));
    let is_now = args
        .as_of
        .is_none_or(|as_of| as_of == now.at().date_naive());
    let as_of = match args.as_of {
        Some(as_of) if !is_now => AsOf::date(as_of),
        _ => AsOf::now(&now),
    };
    let plan = plan(&state, policy, as_of);
    let id = plan_id(&state.lake_id, &plan)
        .map_err(|error| Failure::from(DecisionError::Plan(error)))?;
    let (mut warehouses, mut lake) = (Vec::new(), None);
    if !args.offline && !plan.due.is_empty() {
        let at = now.at().trunc_subsecs(0);
        (warehouses, lake) = block_on_two_threads(ask(&config, &bucket, &state, &plan, at))??;
    }
    let holds = state.holds.values();
    let holds = holds.map(|held| (held, held.standing(as_of)));
    Ok(Ending::with_failures(
        ShownRetentionPlan {
            plan: id,
            now: is_now,
            in_run: config.retain_in_run,
            to_confirm: !plan.unattended(&now).to_confirm.is_empty(),
            can_be_applied: now.contradictions().is_empty(),
            // For another date than today nothing is deleted now.
            clock: match is_now {
                true => now.objections(),
                false => Vec::new(),
            },
            holds: holds
                .filter(|(held, _)| held.is_in_force(as_of.holds))
                .map(|(held, standing)| HeldNow {
                    hold: held.hold.clone(),
                    standing,
                })
                .collect(),
            shown: plan,
            warehouses,
            lake,
            open: OpenDecision::all(&state, now.at()),
            rule_findings: rule_findings(policy, &state),
        },
        [],
    ))
}

/// What warehouses and store say of a plan.
async fn ask(
    config: &Config,
    bucket: &Bucket,
    state: &State,
    plan: &RetentionPlan,
    now: DateTime<Utc>,
) -> Result<(Vec<ForeseenExpiry>, Option<LakeKeeps>), Failure> {
    let mut foreseen = Vec::new();
    for projection in open_warehouses(config, &[], Asking::Briefly).await? {
        foreseen.push(foresee(&projection, state, &plan.due, now).await);
    }
    let first = plan.due.first().and_then(|part| {
        let files = state.files.get(&part.date)?;
        files
            .iter()
            .find(|live| part.takes(live.sequence, &live.file))
    });
    let lake = match first {
        None => None,
        Some(live) => Some(match bucket.keeps(&live.file.path.to_string()).await {
            Ok(keeps) => LakeKeeps {
                versions: keeps.versions,
                locked_until: keeps.locked_until,
                soft_delete: (!bucket.kind().may_soft_delete()).then_some(false),
                failure: None,
            },
            Err(error) => LakeKeeps {
                versions: None,
                locked_until: None,
                soft_delete: None,
                failure: Some(error.to_string()),
            },
        }),
    };
    Ok((foreseen, lake.filter(|_| bucket.kind() != StoreKind::Disk)))
}

/// What is due under the rules of retention, and what deleting it would cost and leave recoverable.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownRetentionPlan {
    /// Id of the plan: a hash of all that it shows about rules and parts. `retention apply --confirm`
    /// takes it.
    plan: String,
    /// Whether the plan is for today. Only such a plan can be applied.
    now: bool,
    /// Whether each run applies the rules (`in_run` in `[retention]`).
    in_run: bool,
    /// Whether something of it has to be confirmed first.
    #[serde(skip)]
    to_confirm: bool,
    /// Whether anything can be deleted now, confirmed or not.
    #[serde(skip)]
    can_be_applied: bool,
    /// Reasons why the clock is not trusted; while there are any, nothing is deleted without
    /// confirmation. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clock: Vec<String>,
    #[serde(flatten)]
    shown: RetentionPlan,
    /// What deleting would cost in each warehouse; absent if nothing is due, with `--offline` and without
    /// warehouses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warehouses: Vec<ForeseenExpiry>,
    /// What the store of the lake would keep of deleted files; absent if nothing is due, with `--offline`
    /// and on a disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    lake: Option<LakeKeeps>,
    /// Holds in force, whether or not they protect anything that is due; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holds: Vec<HeldNow>,
    /// Rules that have no effect or name something unknown; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rule_findings: Vec<RuleFinding>,
    /// Earlier decisions that are not done yet; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<OpenDecision>,
}

/// A hold in force.
#[derive(Debug, Serialize, JsonSchema)]
struct HeldNow {
    #[serde(flatten)]
    hold: Hold,
    /// Whether the hold is in force by its dates, or only because its end is not confirmed.
    standing: HoldStanding,
}

/// What the store would keep of files that are deleted, asked about the first of them.
#[derive(Debug, Serialize, JsonSchema)]
struct LakeKeeps {
    /// Whether the store would keep an older version; absent if it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<bool>,
    /// Until when a lock protects the file; absent if there is no lock or the store does not say.
    #[serde(skip_serializing_if = "Option::is_none", with = "some_instant")]
    #[schemars(with = "Option<DateTime<Utc>>")]
    locked_until: Option<DateTime<Utc>>,
    /// False if the store cannot keep deleted objects for a while; absent if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    soft_delete: Option<bool>,
    /// Why the store could not be asked; absent if it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl OutputDocument for ShownRetentionPlan {
    fn text(&self, page: &mut Page) {
        let plan = &self.shown;
        page.field("as of", &plan.as_of.to_string());
        page.field("plan", &self.plan);
        for rule in &plan.rules {
            text_of_rule(rule, page);
        }
        text_of_due(plan, page);
        if let Some(holds) = plan.holds_as_of {
            page.field("holds as of", &holds.to_string());
        }
        for held in &self.holds {
            text_of_hold(&held.hold, held.standing, page);
        }
        for held in plan.held.iter().take(SHOWN) {
            let doubt = match held.in_doubt {
                true => ", since the category of its records is unknown",
                false => "",
            };
            page.warning(&format!(
                "held for {}: {} {} {}, {}{doubt}",
                held.cases.join(", "),
                held.due.date,
                held.due
                    .category
                    .as_deref()
                    .unwrap_or(held.due.table.folder()),
                held.due.source,
                counted(held.due.rows, "row", "rows")
            ));
        }
        if plan.held.len() > SHOWN {
            let more = plan.held.len() - SHOWN;
            page.line(&format!("  and {more} more; --output json has all"));
        }
        for foreseen in &self.warehouses {
            text_of_foreseen(foreseen, page);
        }
        if let Some(lake) = &self.lake {
            lake.text(page);
        }
        for open in &self.open {
            text_of_open(open, page);
        }
        for finding in &self.rule_findings {
            text_of_finding(finding, page);
        }
        for objection in &self.clock {
            page.warning(objection);
        }
        if !self.clock.is_empty() && self.can_be_applied {
            page.line(CONFIRM_CLOCK);
        }
        if plan.due.is_empty() {
            page.good("nothing is due");
        } else if !self.now {
            page.line("only the plan of today can be applied");
        } else if !self.can_be_applied {
            page.line("nothing can be deleted while the clock is contradicted");
        } else if self.to_confirm {
            page.line(&format!(
                "to delete all that is due: trailhouse retention apply --confirm {}",
                self.plan
            ));
        } else if self.in_run {
            page.line("the next run deletes what is due");
        } else {
            page.line("to delete what is due: trailhouse retention apply");
        }
    }
}

fn text_of_due(plan: &RetentionPlan, page: &mut Page) {
    if plan.due.is_empty() {
        return;
    }
    let mut table = PageTable::new([
        ("  due", Align::Left),
        ("rule", Align::Left),
        ("category", Align::Left),
        ("source", Align::Left),
        ("rows", Align::Right),
        ("files", Align::Right),
        ("size", Align::Right),
    ]);
    for due in plan.due.iter().take(SHOWN) {
        let category = due.category.clone();
        table.row([
            format!("  {}", due.date),
            due.rule.clone(),
            category.unwrap_or_else(|| due.table.folder().to_owned()),
            due.source.clone(),
            due.rows.to_string(),
            due.files.to_string(),
            format_size(due.bytes),
        ]);
    }
    page.line("");
    page.table(&table);
    if plan.due.len() > SHOWN {
        let more = plan.due.len() - SHOWN;
        page.line(&format!("  and {more} more; --output json has all"));
    }
}

fn text_of_foreseen(foreseen: &ForeseenExpiry, page: &mut Page) {
    page.heading(&format!("warehouse {}", foreseen.warehouse));
    let billed = match foreseen.bytes_billed {
        Some(bytes) => format!("billed for {}", format_size(bytes)),
        None => "what they are billed for is not known".to_owned(),
    };
    let jobs = counted(foreseen.jobs, "statement", "statements");
    page.field("deletes", &format!("{jobs}, {billed}"));
    if let Some(failure) = &foreseen.failure {
        page.warning(&failure.message);
    }
    for recoverable in &foreseen.recoverable {
        page.field("then", &recoverable_said(recoverable));
    }
}

impl LakeKeeps {
    fn text(&self, page: &mut Page) {
        page.heading("lake");
        let then = |page: &mut Page, what: &str| page.field("then", what);
        match self.versions {
            Some(true) => then(page, "as older versions, until these are removed"),
            Some(false) => {}
            None => then(
                page,
                "as older versions, if the bucket keeps them: the store does not say",
            ),
        }
        if self.soft_delete.is_none() {
            then(
                page,
                "by soft delete, if the bucket has it: the store does not say",
            );
        }
        if let Some(until) = self.locked_until {
            let until = format_instant(until);
            page.field("lock", &format!("nothing can be deleted before {until}"));
        }
        if let Some(failure) = &self.failure {
            page.warning(failure);
        }
    }
}

fn text_of_rule(rule: &RuleStanding, page: &mut Page) {
    page.heading(&format!("{}: keep {}", rule.rule, rule.keep));
    page.field(
        "due",
        &match rule.due_dates {
            0 => "nothing".to_owned(),
            dates => format!(
                "{} of {}",
                amount_said(&rule.due),
                counted(dates, "date", "dates")
            ),
        },
    );
    if rule.held.files > 0 {
        page.field("held", &amount_said(&rule.held));
    }
    page.field("kept", &amount_said(&rule.kept));
    if let Some(oldest) = rule.oldest_kept {
        page.field("oldest kept", &oldest.to_string());
    }
    if let Some(next) = rule.next_due {
        page.field("next due", &next.to_string());
    }
    for reason in &rule.confirm {
        page.field("confirm", reason);
    }
}
