//! `trailhouse demo`: its arguments.

use std::path::PathBuf;

/// See all of it on this machine: a demo platform, a run, a lake, no cloud
///
/// Serves a demo platform on a loopback address for as long as it takes, makes keys, writes a
/// commented trailhouse.toml, runs the job with a progress bar, prints what it did, and names the
/// next commands to try. Run it again to see that a second run reads little and adds nothing.
///
/// Changes: only DIR, which it creates. A directory that it did not create is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse demo
  trailhouse demo /tmp/audit --events 1000000 --days 90")]
pub(crate) struct Args {
    /// Directory for configuration, key and lake
    #[arg(value_name = "DIR", default_value = "./trailhouse-demo")]
    pub(crate) dir: PathBuf,
    /// How many events the demo platform has
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(crate) events: u32,
    /// Over how many days they are spread
    #[arg(long, value_name = "DAYS", default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
    /// The same seed makes the same events
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}
