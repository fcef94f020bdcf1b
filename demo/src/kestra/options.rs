//! What a demo platform is made from: settings, also as command-line arguments.

use crate::argument::{share, span};
use crate::faults::Faults;
use crate::gate::Access;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;

/// The generation of Kestra Enterprise that the platform speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Dialect {
    /// Enterprise Edition up to 1.3: flat parameters (`startDate=…`), a closed interval of time,
    /// no limit on `size`, `detail.permission`, `superAdmin`.
    V1,
    /// Enterprise Edition 2.x: `filters[startDate][GREATER_THAN_OR_EQUAL_TO]=…`, `size` at most
    /// 1000, `detail.resource`, `instanceOwner`.
    #[default]
    V2,
}

/// Settings of a [`Platform`](super::Platform).
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Address to listen on
    ///
    /// Port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Seed of the records
    ///
    /// The same seed gives the same records.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// Number of audit records
    ///
    /// Incidents are part of them; --burst, --odd and --huge add more.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub events: u32,

    /// Days over which the records are spread
    ///
    /// Counted back from --end.
    #[arg(long, value_name = "D", default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,

    /// Time of the newest record (RFC 3339) [default: now]
    ///
    /// Records later than now appear when their time comes.
    #[arg(long, value_name = "INSTANT")]
    pub end: Option<DateTime<Utc>>,

    /// API to serve: v1 or v2 [default: v2]
    #[arg(
        long,
        value_enum,
        default_value_t = Dialect::V2,
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub dialect: Dialect,

    /// Tenant to serve; may be repeated
    ///
    /// The first gets most records. Records of the whole instance, which belong to no tenant, appear in
    /// the search across tenants.
    #[arg(long = "tenant", value_name = "NAME", default_value = "main")]
    pub tenants: Vec<String>,

    /// Leave out the incidents (they need 5,000 events)
    #[arg(long)]
    pub no_incidents: bool,

    /// Add executions of one instant
    ///
    /// So many executions that all started at the same time.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub burst: u32,

    /// Turn on all trouble that loses no record
    ///
    /// Every kind that a correct reader gets through: all but poison records, each of which is a hole, and
    /// ignored filters, which must stop the reader. Overrides the switches below.
    #[arg(long)]
    pub all_trouble: bool,

    /// Credentials.
    #[command(flatten)]
    pub access: Access,

    /// Trouble that lies in the records.
    #[command(flatten)]
    pub data: DataTrouble,

    /// Trouble with requests and responses.
    #[command(flatten)]
    pub faults: Faults,

    /// Let the platform's clock stand at this instant until it is set or advanced.
    #[arg(skip)]
    pub clock: Option<DateTime<Utc>>,

    /// Remember every record shown and every request; off for benchmarks and the command line.
    #[arg(skip)]
    pub oracle: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            seed: 1,
            events: 50_000,
            days: 28,
            end: None,
            dialect: Dialect::V2,
            tenants: vec!["main".to_owned()],
            no_incidents: false,
            burst: 0,
            all_trouble: false,
            access: Access::default(),
            data: DataTrouble::default(),
            faults: Faults::default(),
            clock: None,
            oracle: false,
        }
    }
}

/// Trouble that lies in the records themselves; fixed when the platform is made.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Trouble with records")]
pub struct DataTrouble {
    /// Share of records that appear late, at a date that has already passed
    #[arg(hide_short_help = true, long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub late: f64,

    /// How much later than their date late records appear, at most
    #[arg(hide_short_help = true, long, value_name = "SPAN", default_value = "20m", value_parser = span)]
    pub late_by: Duration,

    /// Let late records appear after up to this many search requests instead of after a time
    #[arg(hide_short_help = true, long, value_name = "N")]
    pub late_requests: Option<u64>,

    /// Share of records whose content differs from the second time on that they are shown
    #[arg(hide_short_help = true, long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub change: f64,

    /// Number of records that the platform itself cannot read: a page with one answers 423
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 0)]
    pub poison: u32,

    /// Status of a page with a poison record (the newest releases answer 500)
    #[arg(hide_short_help = true, long, value_name = "CODE", default_value_t = 423, value_parser = clap::value_parser!(u16).range(400..600))]
    pub poison_status: u16,

    /// Number of odd records: invalid UTF-8, 4000 nested arrays, NUL, lone surrogates, doubled
    /// keys, huge numbers, fields of another type …, one kind after the other
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 0)]
    pub odd: u32,

    /// Make each ordinary record this many bytes larger, within its `detail`
    #[arg(
        hide_short_help = true,
        long,
        value_name = "BYTES",
        default_value_t = 0
    )]
    pub bulk: usize,

    /// Add one record of this many bytes
    #[arg(
        hide_short_help = true,
        long,
        value_name = "BYTES",
        default_value_t = 0
    )]
    pub huge: usize,
}

impl Default for DataTrouble {
    fn default() -> Self {
        Self {
            late: 0.0,
            late_by: Duration::from_secs(20 * 60),
            late_requests: None,
            change: 0.0,
            poison: 0,
            poison_status: 423,
            odd: 0,
            bulk: 0,
            huge: 0,
        }
    }
}

impl Options {
    /// These settings with [`Options::all_trouble`] spelt out in the single switches.
    #[must_use]
    pub fn with_all_trouble(mut self) -> Self {
        self.data = DataTrouble {
            late: 0.01,
            change: 0.002,
            odd: 40,
            huge: 1 << 20,
            ..self.data
        };
        self.faults = Faults::survivable();
        self.burst = self.burst.max(1_500);
        self.all_trouble = false;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use secrecy::ExposeSecret;

    /// Serves.
    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn no_arguments_are_the_defaults() {
        let parsed = Command::try_parse_from(["demo"]).unwrap().options;
        let default = Options::default();
        assert_eq!(format!("{parsed:?}"), format!("{default:?}"));
        let token = |options: &Options| options.access.tokens[0].expose_secret().to_owned();
        assert_eq!(token(&parsed), token(&default));
    }

    #[test]
    fn arguments_reach_their_settings() {
        let line = "demo --events 7 --days 3 --dialect v1 --tenant a --tenant b --late 0.5 \
                    --late-by 2h --rate-limit 0.25 --retry-after http-date --end 2026-11-01T00:00:00Z";
        let options = Command::try_parse_from(line.split_whitespace())
            .unwrap()
            .options;
        assert_eq!((options.events, options.dialect), (7, Dialect::V1));
        assert_eq!(options.tenants, ["a", "b"]);
        assert_eq!(options.data.late_by, Duration::from_secs(7_200));
        assert_eq!(options.faults.rate_limit, 0.25);
    }

    #[test]
    fn the_command_keeps_its_own_description() {
        let help = <Command as clap::CommandFactory>::command().render_long_help();
        assert!(help.to_string().starts_with("Serves"), "{help}");
    }

    #[test]
    fn secrets_stay_out_of_debug() {
        let text = format!("{:?}", Options::default());
        assert!(!text.contains("demo-token") && !text.contains("demo-password"));
    }
}
