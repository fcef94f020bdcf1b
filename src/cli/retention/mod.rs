//! `trailhouse retention`: what goes when, and what went.

mod apply;
mod certificate;
mod plan;

use clap::Subcommand;

pub(super) use apply::{failures, text_of_retention};

use super::CliContext;
use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::Ending;
use crate::config::{Config, format_size};
use crate::ledger::entry::{Recoverable, RecoverableBy};
use crate::plural::counted;
use crate::policy::Policy;
use crate::retention::Amount;
use crate::window::format_instant;

/// Show and apply retention rules, and certify what was deleted
///
/// Rules in [retention] say how long records are kept, in the lake and in every warehouse alike. What is
/// due is deleted by a signed decision in the ledger, unless a hold keeps it.
///
/// Changes: `plan` changes nothing; `apply` deletes what is due; `certificate` writes its output file
/// and nothing else.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse retention plan
  trailhouse retention plan --as-of 2027-01-01
  trailhouse retention apply
  trailhouse retention apply --confirm 3f9a0c1d2e4b
  trailhouse retention certificate --date 2026-01-01 -o 2026-01-01.certificate")]
pub(crate) struct RetentionArgs {
    #[command(subcommand)]
    command: RetentionCommand,
}

#[derive(Debug, Subcommand)]
enum RetentionCommand {
    Plan(plan::RetentionPlanArgs),
    Apply(apply::RetentionApplyArgs),
    Certificate(certificate::CertificateArgs),
}

/// What the commands print with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    plan::describe(catalogue);
    apply::describe(catalogue);
    certificate::describe(catalogue);
}

pub(super) fn execute(args: RetentionArgs, context: &CliContext) -> Result<Ending, Report> {
    match args.command {
        RetentionCommand::Plan(args) => plan::execute(&args, context),
        RetentionCommand::Apply(args) => apply::execute(&args, context),
        RetentionCommand::Certificate(args) => certificate::execute(&args, context),
    }
}

/// The rules of a configuration.
fn policy_of(config: &Config) -> Result<&Policy, Failure> {
    config.retention.as_ref().ok_or_else(|| {
        Failure::new(
            ExitKind::Usage,
            "the configuration has no [retention], so everything is kept",
        )
        .kept("nothing was changed")
        .action("add [retention] with a default, such as default = \"400d\"")
    })
}

/// An amount in words.
pub(super) fn amount_said(amount: &Amount) -> String {
    if amount.files == 0 {
        return "nothing".to_owned();
    }
    format!(
        "{} in {}, {}",
        counted(amount.rows, "row", "rows"),
        counted(amount.files, "file", "files"),
        format_size(amount.bytes)
    )
}

/// What could bring back what is gone, in words.
fn recoverable_said(recoverable: &Recoverable) -> String {
    let by = match recoverable.by {
        RecoverableBy::TimeTravel => "by time travel",
        RecoverableBy::FailSafe => "by Google's support (fail-safe)",
        RecoverableBy::Versions => "as older versions of objects",
        RecoverableBy::Lock => "as older versions that a lock keeps",
        RecoverableBy::SoftDelete => "by soft delete, if the bucket has it",
    };
    match recoverable.until {
        Some(until) => format!("{by} until {}", format_instant(until)),
        None => format!("{by}, until when is not known"),
    }
}
