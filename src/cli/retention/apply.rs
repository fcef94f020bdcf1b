//! `trailhouse retention apply`.

use std::time::Duration;

use tokio::sync::watch;

use super::super::documents::Catalogue;
use super::{amount_said, policy_of, recoverable_said};
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, FailureDetail, Report};
use crate::cli::failures::CONFIRM_CLOCK;
use crate::cli::hold::person;
use crate::cli::output::{Ending, OutputDocument};
use crate::cli::page::Page;
use crate::cli::progress::Unit;
use crate::cli::stop::stop_at;
use crate::cli::{CliContext, block_on_to_the_end};
use crate::config::{Config, format_size, parse_duration};
use crate::decision::retention::{CarriedOut, Confirmation, RetentionSummary};
use crate::ledger::entry::GivenUp;
use crate::plural::counted;
use crate::run::{Asking, Job, give_up, open_warehouses, retain};
use crate::window::format_instant;

/// Delete what is due
///
/// Records in a ledger entry what is to be deleted, deletes its rows from every warehouse and its files
/// from the lake, and records in further entries what was done. If it is killed, any later run continues; a
/// warehouse that does not answer and a file that a lock keeps are tried again. What a hold keeps is not touched.
///
/// Where a rule keeps nothing, is new, keeps less than at the last decision, or has more than 7 dates due
/// at once, nothing of it is deleted before it is confirmed, and the exit code is 8; the rest is deleted.
/// While nothing confirms the clock, nothing at all is deleted unconfirmed: see `trailhouse clock`. --confirm takes the id
/// that `retention plan` shows; a plan that is stale is refused.
///
/// Changes: deletes rows and files that are due, for good; the ledger gets the decision and what was done.
/// A confirmed decision is signed with the role officer.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse retention apply
  trailhouse retention apply --confirm 3f9a0c1d2e4b --by 'J. Doe'")]
pub(super) struct RetentionApplyArgs {
    /// Delete everything that the plan with this id showed
    #[arg(long, value_name = "PLAN", requires = "by")]
    confirm: Option<String>,
    /// Who confirms it, or gives the warehouse up
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: Option<String>,
    /// Do not wait for this warehouse any more, which is not configured and cannot be reached; the ledger
    /// and every certificate say so
    #[arg(long, value_name = "WAREHOUSE", requires_all = ["reason", "by"])]
    give_up: Option<String>,
    /// Why it is given up
    #[arg(long, value_name = "TEXT", requires = "give_up")]
    reason: Option<String>,
    /// Start nothing new after this time; instead of `deadline` in [run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    deadline: Option<Duration>,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<RetentionSummary>("retention apply");
}

pub(super) fn execute(args: &RetentionApplyArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let policy = policy_of(&config)?;
    let job = Job::open_to_load(&config).map_err(Failure::from)?;
    let deadline = args.deadline.unwrap_or(config.run.deadline);
    let progress = context.progress(Unit::Nothing);
    let confirmation = match (&args.confirm, &args.by) {
        (Some(plan), Some(by)) => Some(Confirmation {
            plan: plan.clone(),
            by: decider(by)?,
        }),
        _ => None,
    };
    let given_up = given_up(args, &config)?;
    let summary = block_on_to_the_end(async {
        if let Some(given_up) = &given_up
            && give_up(&job, given_up).await?.is_empty()
        {
            let happened = format!("no decision waits for a warehouse {}", given_up.warehouse);
            return Err(Failure::new(ExitKind::Usage, happened)
                .kept("nothing was changed")
                .action("`trailhouse status` names the warehouses that decisions wait for"));
        }
        let job = job.with_warehouses(open_warehouses(&config, &[], Asking::Patiently).await?);
        job.listen_to_waits(&progress.waits());
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(stop_at(deadline, stop));
        let retained = retain(&job, policy, confirmation.as_ref(), stopped, &progress).await;
        watcher.abort();
        Ok::<_, Failure>(retained?)
    })??;
    let failures = failures(&summary);
    Ok(Ending::report(summary, failures))
}

/// Who decides; only looked at where something is decided, since `USER` may be empty in a scheduled job.
fn decider(by: &str) -> Result<String, Failure> {
    person(by).map_err(|why| {
        Failure::new(ExitKind::Usage, "`--by` is empty, and so is USER")
            .kept("nothing was changed")
            .action(why)
    })
}

/// The warehouse that is to be given up, which must not be one that could be reached.
fn given_up(args: &RetentionApplyArgs, config: &Config) -> Result<Option<GivenUp>, Failure> {
    let (Some(warehouse), Some(reason), Some(by)) = (&args.give_up, &args.reason, &args.by) else {
        return Ok(None);
    };
    if config.warehouses.iter().any(|it| it.name == *warehouse) {
        let happened = format!("warehouse {warehouse} is configured, so it is not given up");
        return Err(Failure::new(ExitKind::Usage, happened)
            .kept("nothing was changed")
            .action("take its [[warehouse]] out of the configuration first"));
    }
    Ok(Some(GivenUp {
        warehouse: warehouse.clone(),
        reason: reason.trim().to_owned(),
        by: decider(by)?,
    }))
}

/// What a step of retention means for the exit code.
pub(in crate::cli) fn failures(summary: &RetentionSummary) -> Vec<Failure> {
    let mut failures = Vec::new();
    for failed in &summary.failures {
        let kind = match failed.failure.integrity {
            true => ExitKind::Integrity,
            false => ExitKind::Destination,
        };
        let place = match failed.place.as_str() {
            "lake" => "the lake".to_owned(),
            warehouse => format!("warehouse {warehouse}"),
        };
        let happened = format!(
            "what was decided is not deleted from {place} yet: {}",
            failed.failure.message
        );
        failures.push(
            Failure::new(kind, happened)
                .kept("the decision stands, and any later run goes on with it")
                .action(failed.failure.action.clone()),
        );
    }
    if summary.stopped {
        failures.push(
            Failure::new(
                ExitKind::Destination,
                "not all that is due was deleted, because it was told to stop",
            )
            .kept("what was decided stands, and any later run goes on with it")
            .action("rerun; it continues where this one stopped"),
        );
    }
    if let Some(asked) = &summary.to_confirm {
        let clock = asked.clock.iter().map(|objection| FailureDetail {
            place: None,
            happened: objection.clone(),
            action: Some(CONFIRM_CLOCK.to_owned()),
        });
        let rules = asked.rules.iter().map(|rule| FailureDetail {
            place: Some(format!("rule {}", rule.rule)),
            happened: match rule.reasons.is_empty() {
                true => amount_said(&rule.amount),
                false => format!("{}: {}", amount_said(&rule.amount), rule.reasons.join("; ")),
            },
            action: None,
        });
        failures.push(
            Failure::new(
                ExitKind::Confirmation,
                "not all that is due was deleted: it has to be confirmed",
            )
            .details(clock.chain(rules))
            .kept("nothing of this was deleted")
            .action(format!(
                "read `trailhouse retention plan`, then `trailhouse retention apply --confirm {}`",
                asked.plan
            )),
        );
    }
    failures
}

impl OutputDocument for RetentionSummary {
    fn text(&self, page: &mut Page) {
        text_of_retention(self, page);
        for note in &self.notes {
            page.field("note", note);
        }
    }
}

/// What a step of retention did, for people.
pub(in crate::cli) fn text_of_retention(summary: &RetentionSummary, page: &mut Page) {
    page.heading(&format!("retention as of {}", summary.as_of));
    for decided in &summary.decided {
        page.field(
            "decided",
            &format!(
                "entry {}: {} of {}",
                decided.sequence,
                amount_said(&decided.amount),
                counted(decided.dates, "date", "dates")
            ),
        );
    }
    for done in &summary.carried_out {
        text_of_done(done, page);
    }
    if summary.held.files > 0 {
        page.field("held", &amount_said(&summary.held));
    }
    let nothing = summary.decided.is_empty() && summary.carried_out.is_empty();
    if nothing && summary.to_confirm.is_none() && summary.failures.is_empty() && !summary.stopped {
        page.good("nothing is due");
    }
}

fn text_of_done(done: &CarriedOut, page: &mut Page) {
    let entry = format!("entry {}", done.decision);
    for warehouse in &done.warehouses {
        let rows: Option<u64> = warehouse.tables.iter().map(|table| table.rows).sum();
        let rows = rows.map_or_else(
            || "its rows (the service did not say how many)".to_owned(),
            |rows| counted(rows, "row", "rows"),
        );
        let name = &warehouse.warehouse;
        page.field("deleted", &format!("{entry}: {rows} from {name}"));
    }
    if let Some(files) = &done.files {
        let mut said = match files.removed - files.hidden {
            0 => format!("{entry}: no file from the lake"),
            // The size is that of all of them.
            deleted if files.hidden > 0 => {
                format!(
                    "{entry}: {} from the lake",
                    counted(deleted, "file", "files")
                )
            }
            deleted => format!(
                "{entry}: {}, {}, from the lake",
                counted(deleted, "file", "files"),
                format_size(files.bytes)
            ),
        };
        if files.missing > 0 {
            let were = counted(files.missing, "was", "were");
            said.push_str(&format!("; {were} gone already"));
        }
        page.field("deleted", &said);
        if files.hidden > 0 {
            page.warning(&format!(
                "{entry}: {} behind delete markers, and the bucket keeps them as older versions: they are not \
                 deleted",
                counted(files.hidden, "file is", "files are")
            ));
        }
        if !files.refused.is_empty() {
            let until = files.refused.iter().map(|file| file.until).max().flatten();
            let until = until.map_or_else(
                || "does not say until when".to_owned(),
                |until| format!("says until {}", format_instant(until)),
            );
            page.warning(&format!(
                "{entry}: the store does not allow {} to be deleted yet, and {until}",
                counted(files.refused.len() as u64, "file", "files")
            ));
        }
    }
    for recoverable in &done.recoverable {
        let place = &recoverable.place;
        let said = recoverable_said(recoverable);
        page.field("recoverable", &format!("{place}: {said}"));
    }
    if !done.left.is_empty() {
        page.field("pending", &format!("{entry}: {}", done.left.join(", ")));
    }
}
