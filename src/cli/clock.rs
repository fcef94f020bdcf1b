//! `trailhouse clock`: what time it is, and how far that is believed.

use chrono::{NaiveDate, SubsecRound as _};
use clap::Subcommand;
use schemars::JsonSchema;
use serde::Serialize;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::failures::CONFIRM_CLOCK;
use super::hold::person;
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::{CliContext, block_on};
use crate::clock::{ClockReport, Now};
use crate::ledger::entry::ClockConfirmation;
use crate::run::{Job, compare_clocks, confirm_clock};
use crate::window::format_instant;

/// Compare this machine's clock with others, or confirm it
///
/// Records are deleted and holds end only by a time that something other than this machine's clock confirms:
/// the clock of the store or of a source, or, if none of them states the time, the entries of the ledger, if
/// the time is only a little later than theirs. While something contradicts the clock, nothing is written.
///
/// Changes: `show` changes nothing; `confirm` commits an entry to the ledger.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse clock show
  trailhouse clock confirm --today 2027-03-01 --reason 'the job was off since December'")]
pub(crate) struct ClockArgs {
    #[command(subcommand)]
    command: ClockCommand,
}

#[derive(Debug, Subcommand)]
enum ClockCommand {
    Show(ShowArgs),
    Confirm(ConfirmArgs),
}

/// Compare this machine's clock with those of the store, the sources and the ledger
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough. Ends with exit code 10 if
/// nothing confirms the clock, or another clock is wrong.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse clock show
  trailhouse clock show --output json")]
struct ShowArgs {}

/// Confirm that this machine's clock is right
///
/// For a job that was off for longer than the ledger can confirm, and for a ledger with entries written while
/// a clock was ahead. From then on the ledger uses the time of this entry, whatever its earlier entries say:
/// it decides what is due and when holds end. Take the date from a calendar; it must match the clock. This
/// does not overrule the clock of a store or of a source: set the one that is wrong.
///
/// Changes: commits a `clock` entry to the ledger, signed with the role officer.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "trailhouse clock confirm --today <DATE> --reason <TEXT>",
    after_long_help = "\
Examples:
  trailhouse clock confirm --today 2027-03-01 --reason 'the job was off since December'"
)]
struct ConfirmArgs {
    /// Today (UTC), from a calendar
    #[arg(long, value_name = "DATE", value_parser = super::date::date)]
    today: NaiveDate,
    /// Why the clock is right although nothing confirms it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who confirms it
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, value_parser = person)]
    by: String,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ClockShown>("clock show");
    catalogue.with_failures::<ClockConfirmed>("clock confirm");
}

pub(super) fn execute(args: ClockArgs, context: &CliContext) -> Result<Ending, Report> {
    match args.command {
        ClockCommand::Show(_) => show(context),
        ClockCommand::Confirm(args) => confirm(&args, context),
    }
}

fn show(context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = Job::open_to_plan(&config, &[]).map_err(Failure::from)?;
    let (state, now) = block_on(compare_clocks(&job))?.map_err(Failure::from)?;
    let findings = findings(&now);
    Ok(Ending::with_failures(
        ClockShown::of(&now, state.is_some()),
        findings,
    ))
}

/// What bears the clock out, in words, as far as there is anything to compare it with yet.
pub(super) fn borne_out_by(now: &Now, has_ledger: bool) -> Option<String> {
    let by = now.borne_out_by()?;
    Some(match has_ledger || !now.witnesses().is_empty() {
        true => format!("confirmed by {by}"),
        false => "nothing to compare it with yet".to_owned(),
    })
}

/// What is wrong with this machine's clock, or with another.
pub(super) fn findings(now: &Now) -> Vec<Failure> {
    let objections = now.objections().into_iter().map(|objection| {
        let action = match now.contradicted_by_witnesses().is_empty() {
            true => CONFIRM_CLOCK,
            false => "set whichever clock is wrong: this machine's or the other one",
        };
        Failure::new(ExitKind::Findings, objection).action(action)
    });
    let outvoted = now.outvoted().iter().map(|deviation| {
        Failure::new(ExitKind::Findings, deviation.to_string())
            .action("set that clock; until then nothing is read from that source")
    });
    objections.chain(outvoted).collect()
}

fn confirm(args: &ConfirmArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let (by, reason) = (args.by.as_str(), args.reason.trim());
    if by.is_empty() || reason.is_empty() {
        let happened = "a confirmation needs a name and a reason";
        return Err(Failure::new(ExitKind::Usage, happened)
            .kept("nothing was changed")
            .into());
    }
    let job = Job::open_to_check(&config).map_err(Failure::from)?;
    let confirmation = ClockConfirmation {
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    let recorded = block_on(confirm_clock(&job, args.today, confirmation))?;
    let recorded = recorded.map_err(Failure::from)?;
    let confirmed = ClockConfirmed {
        sequence: recorded.sequence,
        clock: recorded.now.report(),
    };
    Ok(Ending::with_failures(confirmed, []))
}

/// The time that a run would use now, and what confirms it.
#[derive(Debug, Serialize, JsonSchema)]
struct ClockShown {
    /// The time, and what confirms or contradicts it.
    clock: ClockReport,
    #[serde(skip)]
    borne_out_by: Option<String>,
}

impl ClockShown {
    fn of(now: &Now, has_ledger: bool) -> Self {
        Self {
            clock: now.report(),
            borne_out_by: borne_out_by(now, has_ledger),
        }
    }
}

impl OutputDocument for ClockShown {
    fn text(&self, page: &mut Page) {
        let second = |at: chrono::DateTime<chrono::Utc>| format_instant(at.trunc_subsecs(0));
        page.field("now", &second(self.clock.at));
        match &self.borne_out_by {
            Some(by) => page.good(by),
            None => page.field("holds end by", &second(self.clock.proven)),
        }
    }
}

/// A confirmation of the clock by a person.
#[derive(Debug, Serialize, JsonSchema)]
struct ClockConfirmed {
    /// Sequence of the ledger entry that records the confirmation.
    sequence: u64,
    /// The time that was confirmed, and what else confirms or contradicts it.
    clock: ClockReport,
}

impl OutputDocument for ClockConfirmed {
    fn text(&self, page: &mut Page) {
        let at = format_instant(self.clock.at.trunc_subsecs(0));
        page.good(&format!("{at} is confirmed by entry {}", self.sequence));
    }
}
