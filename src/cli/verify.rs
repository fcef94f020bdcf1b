//! `trailhouse verify`: its arguments.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::NaiveDate;
use url::Url;

/// Check the whole ledger and lake: signatures, chain, files
///
/// Reads every ledger entry and checks its signature, its place in the chain and its form, folds
/// them into the state, and checks that each file of the lake is there with the size that its entry
/// says. With --deep it also reads the files and checks hashes, row counts and record roots. Needs
/// no configuration and no source: a copy of the bucket and the verifier key are enough.
///
/// Changes: nothing. Ends with exit code 6 where something does not fit.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse verify --public-key trailhouse.key.pub
  trailhouse verify --copy /mnt/audit-copy --public-key trailhouse.key.pub --deep
  trailhouse verify --lake gs://acme-audit/lake --public-key acme.pub --since 2026-01-01")]
pub(crate) struct Args {
    /// The lake, instead of the one in the configuration
    #[arg(long, value_name = "URL", conflicts_with = "copy", value_parser = lake_url)]
    pub(crate) lake: Option<Url>,
    /// A local copy of the lake
    #[arg(long, value_name = "DIR")]
    pub(crate) copy: Option<PathBuf>,
    /// File with the verifier key that signs the ledger, as `keygen` wrote it
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: PathBuf,
    /// Read every file of the lake too
    #[arg(long)]
    pub(crate) deep: bool,
    /// Check files only from this ledger sequence or date on; entries are always checked all
    #[arg(long, value_name = "SEQ|DATE")]
    pub(crate) since: Option<Since>,
}

fn lake_url(text: &str) -> Result<Url, &'static str> {
    Url::parse(text)
        .map_err(|_| "write a URL such as gs://bucket/prefix; for a local directory use --copy")
}

/// Where a partial check begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// At this entry.
    Sequence(u64),
    /// At the first entry written on this UTC date or later.
    Date(NaiveDate),
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sequence = text.parse().map(Self::Sequence).ok();
        let date = || {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(Self::Date)
                .ok()
        };
        sequence
            .or_else(date)
            .ok_or("write the number of a ledger entry or a date as YYYY-MM-DD")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_number_or_a_date() {
        assert_eq!("42".parse(), Ok(Since::Sequence(42)));
        let date = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        assert_eq!("2026-01-31".parse(), Ok(Since::Date(date)));
        for text in ["", "-1", "yesterday", "2026-02-30"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
