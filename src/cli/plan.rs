//! `trailhouse plan`: its arguments.

/// Show what `run` would read and write
///
/// Reads the ledger and asks each source for counts, then prints the windows and slices that a run
/// would read now. Reads no records.
///
/// Changes: nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse plan
  trailhouse plan --source kestra-prod --output json")]
pub(crate) struct Args {
    /// Only this source; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) source: Vec<String>,
}
