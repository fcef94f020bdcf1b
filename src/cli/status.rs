//! `trailhouse status`: its arguments.

/// Show coverage, holes, gaps and lag of each source
///
/// Reads the ledger alone and says, for each source, what has been read completely and until when,
/// which holes and gaps remain, how much is in quarantine, and per day when the records were last
/// counted at the source or matched by id.
///
/// Changes: nothing. Asks no source.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse status
  trailhouse status --output json | jq .exit_code")]
pub(crate) struct Args {}
