//! `trailhouse hold`: legal holds.

use chrono::{NaiveDate, Utc};
use clap::Subcommand;
use schemars::JsonSchema;
use serde::Serialize;

use clap_complete::ArgValueCandidates;

use super::completions;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::status::{END_UNPROVEN, open_lake};
use super::{CliContext, block_on, block_on_two_threads, warehouse};
use crate::config::Config;
use crate::ledger::entry::{Body, Hold, Release};
use crate::ledger::state::{HoldState, State};
use crate::plural::counted;
use crate::policy::{AsOf, CATEGORIES, HoldStanding};
use crate::retention::{Amount, protected, too_late, unknown_sources};
use crate::run::{Asking, Job, Recorded, look_at_clocks, open_warehouses, place_hold, record};
use crate::similar::{did_you_mean, similar};
use crate::warehouse::settle_expiration;
use crate::window::format_instant;

/// Keep the records of a case, whatever retention says
///
/// A hold keeps the records of a span of dates, of all or some categories and sources, from being deleted
/// by any rule, until its case is released or its time ends. Holds may overlap, and may be placed before
/// the records arrive. They are signed entries of the ledger, with who placed them and why.
///
/// Changes: `add` and `release` commit an entry to the ledger; `list` changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse hold add CASE-17 --from 2026-03-01 --to 2026-03-31 --reason 'letter of 2 April'
  trailhouse hold list
  trailhouse hold release CASE-17 --reason 'settled'")]
pub(crate) struct HoldArgs {
    #[command(subcommand)]
    command: HoldCommand,
}

#[derive(Debug, Subcommand)]
enum HoldCommand {
    Add(Add),
    List(List),
    Release(ReleaseArgs),
}

/// Place a hold
///
/// Names of cases, reasons and people stay in the ledger permanently: write no more about people than
/// necessary.
///
/// A hold does not keep records whose deletion was decided before it; what it comes too late for is named,
/// with exit code 10, and so is a source that neither the configuration nor the ledger knows. A hold whose
/// --until has passed is refused.
///
/// Changes: commits a `hold` entry to the ledger.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "trailhouse hold add <CASE> --from <DATE> --to <DATE> --reason <TEXT>",
    after_long_help = "\
Examples:
  trailhouse hold add CASE-17 --from 2026-03-01 --to 2026-03-31 --reason 'letter of 2 April'
  trailhouse hold add CASE-18 --from 2026-01-01 --to 2026-12-31 --category authentication \\
    --source kestra-prod --until 2027-06-30 --reason 'audit 2026'"
)]
struct Add {
    /// The case; it may have several holds
    case: String,
    /// First date
    #[arg(long, value_name = "DATE", value_parser = super::date::date)]
    from: NaiveDate,
    /// Last date
    #[arg(long, value_name = "DATE", value_parser = super::date::date)]
    to: NaiveDate,
    /// Only this category; may be given several times. What has no known category is held in any case
    #[arg(
        long,
        value_name = "CATEGORY",
        add = ArgValueCandidates::new(completions::categories)
    )]
    category: Vec<String>,
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completions::sources))]
    source: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Last date on which it holds; without it until it is released
    #[arg(long, value_name = "DATE", value_parser = super::date::date)]
    until: Option<NaiveDate>,
    /// Who places it
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, value_parser = person)]
    by: String,
}

/// Show holds
///
/// Those in force, with what they protect now; with --all also those that have ended.
///
/// Changes: nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse hold list
  trailhouse hold list --all --output json")]
struct List {
    /// Show those that were released or have ended, too
    #[arg(long)]
    all: bool,
}

/// Release all holds of a case
///
/// Changes: commits a `release` entry to the ledger. Nothing is deleted by it; the next plan of retention
/// shows what is due then.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse hold release CASE-17 --reason 'settled out of court'")]
struct ReleaseArgs {
    /// The case
    case: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who releases it
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, value_parser = person)]
    by: String,
}

/// The name of the person who decides something, which the ledger keeps: `--by`, or the environment's USER.
pub(super) fn person(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("give the name of the person who decides this"),
        name => Ok(name.to_owned()),
    }
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<Placed>("hold add");
    catalogue.with_failures::<Holds>("hold list");
    catalogue.with_failures::<ReleasedCase>("hold release");
}

pub(super) fn execute(args: HoldArgs, context: &CliContext) -> Result<Ending, Report> {
    match args.command {
        HoldCommand::Add(args) => add(args, context),
        HoldCommand::List(args) => list(&args, context),
        HoldCommand::Release(args) => release(args, context),
    }
}

fn add(args: Add, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    for category in &args.category {
        if !crate::policy::is_known_category(category) {
            let happened = format!("`{category}` is not a category that a hold can name");
            let near = did_you_mean(&similar(category, &CATEGORIES)).unwrap_or_else(|| {
                format!(
                    "use one of: {}; records of any other category are held by every hold",
                    CATEGORIES.join(", ")
                )
            });
            return Err(Failure::new(ExitKind::Usage, happened)
                .kept("nothing was changed")
                .action(near)
                .into());
        }
    }
    let hold = Hold {
        case: args.case.trim().to_owned(),
        from: args.from,
        to: args.to,
        categories: args.category,
        sources: args.source,
        reason: args.reason.trim().to_owned(),
        by: args.by,
        until: args.until,
    };
    let job = Job::open_to_load(&config).map_err(Failure::from)?;
    let recorded = block_on(place_hold(&job, hold.clone()))?.map_err(Failure::from)?;
    let lifted = block_on_two_threads(lift_expiration(&config, &recorded))?;
    let unknown = unknown_to(&config, &recorded.state, &hold);
    let nobody_knows = (!unknown.is_empty()).then(|| {
        Failure::new(ExitKind::Findings, unknown_said(&unknown))
            .kept("the hold stands, and would hold records of that source should they come")
            .action("if the name is wrong, release the case and place the hold again")
    });
    let late = too_late(&hold, &recorded.state);
    let failure = (!late.is_empty()).then(|| {
        Failure::new(
            ExitKind::Findings,
            "the hold comes too late for part of what it covers",
        )
        .details(late.iter().map(|gone| FailureDetail {
            place: Some(format!(
                "{} {}",
                gone.category.unwrap_or(gone.table.folder()),
                gone.source
            )),
            happened: match gone.first == gone.last {
                true => format!("retention deleted {} before", gone.first),
                false => format!("retention deleted {} to {} before", gone.first, gone.last),
            },
            action: None,
        }))
        .kept("everything else that it covers is held")
        .action(
            "`trailhouse retention certificate` says what was deleted when, and until when it may be recoverable",
        )
    });
    let today = recorded.now.proven_date();
    let held = recorded.state.holds.get(&recorded.sequence);
    let placed = Placed {
        sequence: recorded.sequence,
        protects: held.map_or_else(Amount::default, |held| {
            protected(&recorded.state, held, today)
        }),
        hold,
    };
    Ok(Ending::with_failures(
        placed,
        failure.into_iter().chain(nobody_knows).chain(lifted),
    ))
}

/// Sources of a hold that nobody knows.
fn unknown_to(config: &Config, state: &State, hold: &Hold) -> Vec<String> {
    let configured: Vec<&str> = config.sources.iter().map(|it| it.id.as_str()).collect();
    let unknown = unknown_sources(&hold.sources, &configured, state);
    unknown.into_iter().map(str::to_owned).collect()
}

fn unknown_said(unknown: &[String]) -> String {
    format!(
        "neither the configuration nor the ledger knows source {}",
        unknown.join(", ")
    )
}

/// Lifts the expiration of partitions, where a warehouse has one: it would drop what is held.
async fn lift_expiration(config: &Config, recorded: &Recorded) -> Option<Failure> {
    if config
        .warehouses
        .iter()
        .all(|it| it.partition_expiration.is_none())
    {
        return None;
    }
    let settled = async {
        for projection in open_warehouses(config, &[], Asking::Briefly).await? {
            settle_expiration(&projection, &recorded.state, &recorded.now)
                .await
                .map_err(|error| warehouse::failure_of(&projection.name, &(&error).into()))?;
        }
        Ok::<(), Failure>(())
    };
    let failure = settled.await.err()?;
    Some(
        failure
            .kept("the hold stands, and the next run lifts the expiration of partitions")
            .action("run `trailhouse run` or `trailhouse warehouse load` before anything expires"),
    )
}

fn release(args: ReleaseArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = Job::open_to_load(&config).map_err(Failure::from)?;
    let case = args.case.trim().to_owned();
    if args.reason.trim().is_empty() {
        return Err(Failure::new(ExitKind::Usage, "a release needs a reason")
            .kept("nothing was changed")
            .into());
    }
    let release = Release {
        case: case.clone(),
        reason: args.reason.trim().to_owned(),
        by: args.by,
    };
    let (_, _, state) = open_lake(&config, None)?;
    let holds = state
        .holds
        .values()
        .filter(|held| held.is_of(&case))
        .count();
    if holds == 0 {
        return Err(nothing_to_release(&case, &state).into());
    }
    let body = Body::Release(Box::new(release));
    let recorded = block_on(record(&job, body))?.map_err(Failure::from)?;
    let released = ReleasedCase {
        sequence: recorded.sequence,
        case,
        holds: holds as u64,
    };
    Ok(Ending::with_failures(released, []))
}

/// No hold of the case is left; a case of another hold may be meant.
fn nothing_to_release(case: &str, state: &State) -> Failure {
    let known = state.holds.values().filter(|held| held.released.is_none());
    let known: Vec<&str> = known.map(|held| held.hold.case.as_str()).collect();
    let meant = did_you_mean(&similar(case, &known)).map_or_else(String::new, |it| it + " ");
    let happened = format!("case {case} has no hold to release");
    Failure::new(ExitKind::Usage, happened)
        .kept("nothing was changed")
        .action(format!(
            "{meant}`trailhouse hold list --all` shows all holds"
        ))
}

fn list(args: &List, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let (_, bucket, state) = open_lake(&config, None)?;
    let now = look_at_clocks(Utc::now(), &bucket, &[], Some(&state));
    let holds = state.holds.iter().map(|(sequence, held)| {
        let standing = held.standing(AsOf::now(&now));
        ListedHolds {
            sequence: *sequence,
            in_force: held.is_in_force(now.proven_date()),
            standing,
            held: held.clone(),
            protects: protected(&state, held, now.proven_date()),
            unknown_sources: unknown_to(&config, &state, &held.hold),
        }
    });
    let holds = holds.filter(|held| args.all || held.in_force).collect();
    let clock = now.objections();
    Ok(Ending::with_failures(Holds { holds, clock }, []))
}

fn protects_said(amount: &Amount) -> String {
    format!(
        "{} in {}",
        counted(amount.rows, "row", "rows"),
        counted(amount.files, "file", "files")
    )
}

/// A hold that was placed.
#[derive(Debug, Serialize, JsonSchema)]
struct Placed {
    /// Sequence of the `hold` entry.
    sequence: u64,
    /// The hold as the entry states it.
    hold: Hold,
    /// Files, rows and bytes of the lake that the hold protects now. Later records that match are
    /// protected too.
    protects: Amount,
}

impl OutputDocument for Placed {
    fn text(&self, page: &mut Page) {
        page.good(&format!(
            "case {} is held by entry {}",
            self.hold.case, self.sequence
        ));
        text_of(&self.hold, page);
        page.field(
            "protects",
            &format!("{} today", protects_said(&self.protects)),
        );
    }
}

/// A case whose holds were released.
#[derive(Debug, Serialize, JsonSchema)]
struct ReleasedCase {
    /// Sequence of the `release` entry.
    sequence: u64,
    /// Name of the case.
    case: String,
    /// Number of holds of this case that the entry ended.
    holds: u64,
}

impl OutputDocument for ReleasedCase {
    fn text(&self, page: &mut Page) {
        page.good(&format!(
            "case {} is released by entry {}: {}",
            self.case,
            self.sequence,
            counted(self.holds, "hold", "holds")
        ));
    }
}

/// The holds that the ledger records.
#[derive(Debug, Serialize, JsonSchema)]
struct Holds {
    /// The holds in the order of their entries: those in force, and with `--all` those that ended or were
    /// released.
    holds: Vec<ListedHolds>,
    /// Reasons why the clock is not trusted; while there are any, no hold ends by its date. Absent if
    /// there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clock: Vec<String>,
}

/// A hold with what it protects.
#[derive(Debug, Serialize, JsonSchema)]
struct ListedHolds {
    /// Sequence of the `hold` entry.
    sequence: u64,
    /// Whether the hold protects records now.
    in_force: bool,
    /// Whether the hold is in force, and if not, why.
    standing: HoldStanding,
    #[serde(flatten)]
    held: HoldState,
    /// Files, rows and bytes of the lake that the hold protects now.
    protects: Amount,
    /// Ids of sources that the hold names and that neither the configuration nor the ledger knows; absent
    /// if it knows all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_sources: Vec<String>,
}

impl OutputDocument for Holds {
    fn text(&self, page: &mut Page) {
        if self.holds.is_empty() {
            page.line("no holds");
        }
        for listed in &self.holds {
            let hold = &listed.held.hold;
            let released = listed.held.released.as_ref();
            let ended = match listed.standing {
                HoldStanding::Released => released.map_or_else(String::new, |released| {
                    format!(", released by {}: {}", released.by, released.reason)
                }),
                HoldStanding::Ended => ", its time has ended".to_owned(),
                HoldStanding::EndUnproven => format!(", {END_UNPROVEN}"),
                HoldStanding::InForce => String::new(),
            };
            page.heading(&format!(
                "case {}, entry {}{ended}",
                hold.case, listed.sequence
            ));
            text_of(hold, page);
            page.field("placed", &format_instant(listed.held.at));
            page.field("protects", &protects_said(&listed.protects));
            if !listed.unknown_sources.is_empty() {
                page.warning(&unknown_said(&listed.unknown_sources));
            }
        }
        for objection in &self.clock {
            page.warning(objection);
        }
    }
}

fn text_of(hold: &Hold, page: &mut Page) {
    page.field("dates", &format!("{} to {}", hold.from, hold.to));
    for (name, list) in [("categories", &hold.categories), ("sources", &hold.sources)] {
        let all = if list.is_empty() {
            "all".to_owned()
        } else {
            list.join(", ")
        };
        page.field(name, &all);
    }
    if let Some(until) = hold.until {
        page.field("until", &until.to_string());
    }
    page.field("reason", &hold.reason);
    page.field("by", &hold.by);
}
