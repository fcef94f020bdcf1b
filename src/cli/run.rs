//! `trailhouse run`: its arguments.

use std::time::Duration;

use crate::config::parse_duration;

/// Read what is new, keep it in the lake, commit it to the ledger
///
/// One scheduled run: for each source, reads the windows that are not covered yet and the overlap
/// again, writes what is new to the lake, commits it as signed ledger entries, counts what was read
/// before at the source again, and prints a summary. The window comes from what the ledger covers,
/// never from the schedule, so a run that was skipped, killed or started twice does no harm: the
/// next one does what is left.
///
/// Changes: adds files and ledger entries to the lake. Never changes a source. Removes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse run
  trailhouse run --source kestra-prod --deadline 20m
  trailhouse run --recount 30d --output json")]
pub(crate) struct Args {
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) source: Vec<String>,
    /// Start nothing new after this time; instead of `deadline` in [run]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Count everything of this time at the source again now, whatever the schedule says
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) recount: Option<Duration>,
}
