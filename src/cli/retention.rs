//! `trailhouse retention`: what goes when.

use chrono::NaiveDate;
use clap::Subcommand;

use super::Context;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Document, Ending};
use super::page::{Align, Page, Table};
use super::status::open_lake;
use crate::config::format_size;
use crate::plural::counted;
use crate::retention::{RetentionPlan, RuleStanding, plan};

/// Lines of due dates that are shown; --output json has all of them.
const SHOWN: usize = 40;

/// Show what is due under the rules of retention
///
/// Changes: nothing. This version plans; it deletes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse retention plan
  trailhouse retention plan --as-of 2027-01-01")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(PlanArgs),
}

/// Show what would go, and what a hold keeps
///
/// Applies the rules of [retention] to the live files of the lake as of a date, and says per rule and
/// date how many files, rows and bytes are due, what a hold keeps all the same, the oldest date that is
/// kept, and when more will be due. Reads the ledger alone.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse retention plan
  trailhouse retention plan --as-of 2027-01-01 --output json")]
struct PlanArgs {
    /// The date to plan for; today (UTC) without it
    #[arg(long, value_name = "DATE")]
    as_of: Option<NaiveDate>,
}

pub(super) fn execute(args: Args, context: &Context) -> Result<Ending, Report> {
    match args.command {
        Command::Plan(args) => show_plan(&args, context),
    }
}

fn show_plan(args: &PlanArgs, context: &Context) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let Some(policy) = &config.retention else {
        return Err(Failure::new(
            ExitKind::Usage,
            "the configuration has no [retention], so everything is kept",
        )
        .kept("nothing was changed")
        .action("add [retention] with a default, such as default = \"400d\"")
        .into());
    };
    let (_, state) = open_lake(&config, None)?;
    let as_of = args
        .as_of
        .unwrap_or_else(|| chrono::Utc::now().date_naive());
    Ok(Ending::with_failures(plan(&state, policy, as_of), []))
}

impl Document for RetentionPlan {
    fn text(&self, page: &mut Page) {
        page.field("as of", &self.as_of.to_string());
        for rule in &self.rules {
            text_of_rule(rule, page);
        }
        if !self.due.is_empty() {
            let mut table = Table::new([
                ("  due", Align::Left),
                ("rule", Align::Left),
                ("category", Align::Left),
                ("source", Align::Left),
                ("rows", Align::Right),
                ("files", Align::Right),
            ]);
            for due in self.due.iter().take(SHOWN) {
                table.row([
                    format!("  {}", due.date),
                    due.rule.clone(),
                    due.category
                        .clone()
                        .unwrap_or_else(|| "quarantine".to_owned()),
                    due.source.clone(),
                    due.amount.rows.to_string(),
                    due.amount.files.to_string(),
                ]);
            }
            page.line("");
            page.table(&table);
            if self.due.len() > SHOWN {
                page.line(&format!(
                    "  and {} more; --output json has all",
                    self.due.len() - SHOWN
                ));
            }
        }
        for held in self.held.iter().take(SHOWN) {
            page.warning(&format!(
                "held for {}: {} {} {}, {}",
                held.cases.join(", "),
                held.due.date,
                held.due.category.as_deref().unwrap_or("quarantine"),
                held.due.source,
                counted(held.due.amount.rows, "row", "rows")
            ));
        }
        if self.due.is_empty() {
            page.good("nothing is due");
        }
    }
}

fn text_of_rule(rule: &RuleStanding, page: &mut Page) {
    page.heading(&format!("{}: keep {}", rule.rule, rule.keep));
    let amount = |amount: &crate::retention::Amount| {
        format!(
            "{} in {}, {}",
            counted(amount.rows, "row", "rows"),
            counted(amount.files, "file", "files"),
            format_size(amount.bytes)
        )
    };
    page.field(
        "due",
        &format!(
            "{} of {}",
            amount(&rule.due),
            counted(rule.due_dates, "date", "dates")
        ),
    );
    if rule.held.files > 0 {
        page.field("held", &amount(&rule.held));
    }
    page.field("kept", &amount(&rule.kept));
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
