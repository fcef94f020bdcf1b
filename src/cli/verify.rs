//! `trailhouse verify`: the whole ledger and lake, offline.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::NaiveDate;
use url::Url;

use super::exit::ExitKind;
use super::failure::{Detail, Failure, Report};
use super::key_file;
use super::output::{Document, Ending};
use super::page::Page;
use super::progress::Unit;
use super::{Context, block_on};
use crate::config::format_size;
use crate::lake::{Bucket, Options};
use crate::ledger::entry::Trust;
use crate::plural::counted;
use crate::report::doubled::MOST_NAMED;
use crate::report::verify::{self, Verified};
use crate::run::{JobError, open_bucket};

/// Check the whole ledger and lake: signatures, chain, files
///
/// Reads every ledger entry and checks its signature, its place in the chain and its form, folds
/// them into the state, and checks that each file of the lake is there with the size that its entry
/// says. With --deep it also reads the files, checks hashes, row counts and record roots, and looks for
/// events that are there more than once, among the files that it checks. Needs no configuration and no source: a copy of the bucket and the verifier key are enough.
///
/// Changes: nothing. Ends with exit code 6 where something does not fit, and with 10 where all of it
/// fits and an event is there more than once.
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(sequence) = text.parse() {
            return Ok(Self::Sequence(sequence));
        }
        let date = super::date::date(text).map(Self::Date);
        date.map_err(|said| {
            format!(
                "write the number of a ledger entry, or {}",
                said.trim_start_matches("write ")
            )
        })
    }
}

pub(super) fn execute(args: Args, context: &Context) -> Result<Ending, Report> {
    let key = key_file::read_public(&args.public_key)?;
    let bucket = bucket(&args, context)?;
    let depth = verify::Depth {
        deep: args.deep,
        since: args.since.map(|since| match since {
            Since::Sequence(sequence) => verify::Since::Sequence(sequence),
            Since::Date(date) => verify::Since::Date(date),
        }),
    };
    let progress = context.progress(Unit::Files);
    progress.message("verifying");
    let looked_at = |_: u64, total: u64| {
        progress.set_total(Some(total));
        progress.inc(1);
    };
    let root = Trust::Keys(vec![key]);
    let verified =
        block_on(verify::verify(&bucket, root, depth, &looked_at))?.map_err(Failure::from)?;
    let failure = (!verified.problems.is_empty()).then(|| {
        let details = verified.problems.iter().map(|problem| Detail {
            place: Some(problem.object.clone()),
            happened: problem.what.clone(),
            action: None,
        });
        Failure::new(ExitKind::Integrity, "the lake is not what its ledger says")
            .details(details)
            .kept("nothing was changed")
            .action("page security; keep the bucket as it is, and do not run anything on it")
    });
    let doubled = (!verified.doubled.is_empty()).then(|| {
        let details = verified.doubled.iter().map(|doubled| Detail {
            place: Some(doubled.event_uid.clone()),
            happened: format!(
                "{} in {}",
                counted(doubled.rows, "row", "rows"),
                doubled.files.join(", ")
            ),
            action: None,
        });
        let happened = match verified.doubled.len() {
            MOST_NAMED => format!("at least {MOST_NAMED} events are in the lake more than once"),
            number => format!(
                "{} in the lake more than once",
                counted(number as u64, "event is", "events are")
            ),
        };
        Failure::new(ExitKind::Findings, happened)
            .details(details)
            .kept("nothing was changed; the files are what their entries say")
            .action("count them once in reports, and tell whoever maintains trailhouse")
    });
    Ok(Ending::with_failures(
        verified,
        failure.into_iter().chain(doubled),
    ))
}

/// The bucket that is named, or that of the configuration.
fn bucket(args: &Args, context: &Context) -> Result<Bucket, Failure> {
    let url = match (&args.lake, &args.copy) {
        (Some(url), _) => url.to_string(),
        (None, Some(folder)) => {
            let unreadable = |error: std::io::Error| {
                let folder = folder.display();
                let happened = format!("{folder} cannot be read: {error}");
                Failure::new(ExitKind::Usage, happened).action("name an existing folder")
            };
            let folder = folder.canonicalize().map_err(unreadable)?;
            match Url::from_directory_path(&folder) {
                Ok(url) => url.to_string(),
                Err(()) => {
                    return Err(Failure::new(
                        ExitKind::Usage,
                        format!("{} has no URL", folder.display()),
                    ));
                }
            }
        }
        (None, None) => {
            let config = context.load_config()?;
            return open_bucket(&config).map_err(Failure::from);
        }
    };
    Bucket::open(&url, &Options::new()).map_err(|error| JobError::from(error).into())
}

impl Document for Verified {
    fn text(&self, page: &mut Page) {
        if let (Some(lake), Some(sequence)) = (&self.lake_id, self.sequence) {
            page.heading(&format!("lake {lake}"));
            page.field(
                "entries",
                &format!("{} verified, 0 to {sequence}", self.entries),
            );
        }
        page.field(
            "files",
            &format!("{} checked, {}", self.files, format_size(self.bytes)),
        );
        if self.rows > 0 {
            page.field("rows", &format!("{} hashed again", self.rows));
        }
        if self.orphans > 0 {
            page.field(
                "orphans",
                &format!(
                    "{} of dead runs, which no entry names",
                    counted(self.orphans, "file", "files")
                ),
            );
        }
        if self.problems.is_empty() {
            page.good("all of it fits");
        }
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
