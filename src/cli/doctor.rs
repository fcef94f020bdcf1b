//! `trailhouse doctor`: its arguments.

/// Check configuration, clock, sources, store and key
///
/// Tries each thing that a run needs and names what is missing: the configuration, the secrets it
/// refers to, this machine's clock against those of the sources and the store, the sources'
/// permissions and dialect, how the store treats a second create of one name, and the signing key.
///
/// Changes: creates and removes one object under the lake's prefix. Ends with exit code 10 where
/// it found something.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse doctor
  trailhouse -c /etc/trailhouse/trailhouse.toml doctor")]
pub(crate) struct Args {}
