//! `trailhouse verify`: the whole ledger and lake, offline.

use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::key_file;
use super::origin;
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::Unit;
use super::{CliContext, block_on};
use crate::config::{Config, format_size};
use crate::ledger::entry::Trust;
use crate::ledger::key::VerifierKey;
use crate::ledger::log::LogError;
use crate::ledger::names::ENTRY_FOLDER;
use crate::plural::{counted, thousands};
use crate::report::doubled::MOST_NAMED;
use crate::report::verify::{self, Since, Verified, VerifyError, VerifyProblem};
use crate::run::{JobError, open_bucket, open_to_read};
use crate::store::{Bucket, StoreOptions};

/// Check the whole ledger and lake: signatures, chain, files
///
/// Reads every ledger entry and checks its signature, its place in the chain and its form, folds
/// them into the state, and checks that each file of the lake is there with the size that its entry
/// says. With --deep it also reads the files, checks hashes, row counts and record roots, and looks for
/// events that appear more than once in the files that it checks. Damage does not stop it: what can still be checked is
/// checked, and everything that is damaged is listed.
///
/// Needs no source and no configuration: a copy of the bucket and the verifier key are enough. Without
/// --public-key it takes the key from the configuration file, where there is one, and says so; an auditor
/// should use a key obtained independently of the machine that writes the lake.
///
/// Changes: nothing. Ends with exit code 6 where something fails verification, and with 10 where everything
/// is verified and an event appears more than once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse verify
  trailhouse verify --public-key trailhouse.key.pub --deep
  trailhouse verify --copy /mnt/audit-copy --public-key trailhouse.key.pub --deep
  trailhouse verify --lake gs://acme-audit/lake --public-key acme.pub --since 2026-01-01")]
pub(crate) struct VerifyArgs {
    /// The lake, instead of the one in the configuration
    #[arg(long, value_name = "URL", conflicts_with = "copy", value_parser = lake_url)]
    pub(crate) lake: Option<Url>,
    /// A local copy of the lake
    #[arg(long, value_name = "DIR")]
    pub(crate) copy: Option<PathBuf>,
    /// File with the verifier key that signs the ledger, as `keygen` wrote it; instead of the key in the
    /// configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
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

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ShownVerification>("verify");
}

pub(super) fn execute(args: VerifyArgs, context: &CliContext) -> Result<Ending, Report> {
    let (key, config) = VerifyKey::of(&args, context)?;
    let bucket = bucket(&args, config, context)?;
    let depth = verify::VerifyDepth {
        deep: args.deep,
        since: args.since,
    };
    let progress = context.progress(Unit::Files);
    progress.message("verifying");
    let looked_at = |_: u64, total: u64| {
        progress.set_total(Some(total));
        progress.inc(1);
    };
    let verified = block_on(verify::verify(
        &bucket,
        key.trust.clone(),
        depth,
        &looked_at,
    ))?;
    let verified = verified.map_err(|error| key.explain(error))?;
    let failures: Vec<Failure> = damaged(&verified)
        .into_iter()
        .chain(doubled(&verified))
        .collect();
    let shown = ShownVerification {
        key: key.name(),
        key_from: key.from,
        verified,
    };
    Ok(Ending::with_failures(shown, failures))
}

/// Whose signatures count, and where that is said.
struct VerifyKey {
    trust: Trust,
    from: String,
}

impl VerifyKey {
    /// The key, and the configuration where that names it.
    fn of(args: &VerifyArgs, context: &CliContext) -> Result<(Self, Option<Config>), Failure> {
        if let Some(file) = &args.public_key {
            let key = Self {
                trust: Trust::Keys(vec![key_file::read_public(file)?]),
                from: file.display().to_string(),
            };
            return Ok((key, None));
        }
        if !context.config.exists() {
            let happened = "there is no key to check signatures with: neither --public-key is given, nor is \
                            there a configuration file";
            return Err(Failure::new(ExitKind::Usage, happened)
                .kept("nothing was read")
                .action("give the verifier key of the lake with --public-key, or name the configuration with --config"));
        }
        let config = context.load_config()?;
        let key = Self {
            trust: open_to_read(&config)?,
            from: context.config.display().to_string(),
        };
        Ok((key, Some(config)))
    }

    /// A failure, which says where the key comes from if it is the wrong one.
    fn explain(&self, error: VerifyError) -> Failure {
        let is_other = matches!(error, VerifyError::Log(LogError::OtherKey { .. }));
        let mut failure = Failure::from(error);
        if is_other {
            failure.happened = format!("{}, from {}", failure.happened, self.from).into();
        }
        failure
    }

    /// Name and hash; `None` where nothing is signed.
    fn name(&self) -> Option<String> {
        match &self.trust {
            Trust::Keys(keys) => keys.first().map(VerifierKey::short),
            Trust::Unsigned => None,
        }
    }
}

fn damaged(verified: &Verified) -> Option<Failure> {
    let details = verified.problems.iter().map(|problem| FailureDetail {
        place: Some(problem.object.clone()),
        happened: format!("{}{}", problem.what, about(problem)),
        action: None,
    });
    let unchecked = verified.unchecked.iter().map(|what| FailureDetail {
        place: Some("not checked".to_owned()),
        happened: what.clone(),
        action: None,
    });
    (!verified.problems.is_empty()).then(|| {
        Failure::new(
            ExitKind::Integrity,
            format!(
                "the lake failed verification: {}",
                counted(verified.problems.len() as u64, "problem", "problems")
            ),
        )
        .details(details.chain(unchecked))
        .kept("nothing was changed")
        .action("page security; keep the bucket as it is, and do not run anything on it")
    })
}

/// The entry and dates that a problem is about, where its object does not say.
fn about(problem: &VerifyProblem) -> String {
    let is_entry = problem.object.starts_with(ENTRY_FOLDER);
    match (problem.first_date, problem.last_date, problem.entry) {
        (Some(first), Some(last), _) if is_entry && first == last => {
            format!("; it claims to be about {first}")
        }
        (Some(first), Some(last), _) if is_entry => {
            format!("; it claims to be about {first} to {last}")
        }
        (_, _, Some(entry)) if !is_entry => format!(" (entry {entry})"),
        _ => String::new(),
    }
}

fn doubled(verified: &Verified) -> Option<Failure> {
    let details = verified.doubled.iter().map(|doubled| FailureDetail {
        place: Some(doubled.event_uid.clone()),
        happened: format!(
            "{} in {}",
            counted(doubled.rows, "row", "rows"),
            doubled.files.join(", ")
        ),
        action: None,
    });
    let happened = match verified.doubled.len() {
        MOST_NAMED => format!("at least {MOST_NAMED} events appear more than once in the lake"),
        number => format!(
            "{} more than once in the lake",
            counted(number as u64, "event appears", "events appear")
        ),
    };
    (!verified.doubled.is_empty()).then(|| {
        Failure::new(ExitKind::Findings, happened)
            .details(details)
            .kept("nothing was changed; the files match their entries")
            .action("count them once in reports, and report this to the maintainers of trailhouse")
    })
}

/// The bucket that is named, or that of the configuration, which may be loaded already.
fn bucket(
    args: &VerifyArgs,
    loaded: Option<Config>,
    context: &CliContext,
) -> Result<Bucket, Failure> {
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
            let config = match loaded {
                Some(config) => config,
                None => context.load_config()?,
            };
            return open_bucket(&config).map_err(Failure::from);
        }
    };
    Bucket::open(&url, &StoreOptions::new()).map_err(|error| JobError::from(error).into())
}

/// What `verify` checked, and with which key.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownVerification {
    /// Name and hash of the verifier key, as in signatures; absent if the lake is unsigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Path of the file that the key was taken from: the key file, or the configuration.
    key_from: String,
    #[serde(flatten)]
    verified: Verified,
}

impl OutputDocument for ShownVerification {
    fn text(&self, page: &mut Page) {
        let verified = &self.verified;
        if let Some(lake) = &verified.lake_id {
            page.heading(&format!("lake {lake}"));
        }
        match &self.key {
            Some(key) => page.field("key", &format!("{key}, from {}", self.key_from)),
            None => page.warning(&format!(
                "{} says that the lake is unsigned: no signature was checked",
                self.key_from
            )),
        }
        let entries = counted(verified.entries, "entry", "entries");
        page.field(
            "entries",
            &match (verified.sequence, verified.broken_at) {
                (Some(newest), None) => format!("{entries} verified, 0 to {newest}"),
                (_, Some(broken_at)) => {
                    format!("{entries} verified; entry {broken_at} is the first that is damaged")
                }
                (None, None) => "0 verified".to_owned(),
            },
        );
        page.field(
            "files",
            &format!(
                "{} checked, {}",
                thousands(verified.files),
                format_size(verified.bytes)
            ),
        );
        if verified.rows > 0 {
            page.field(
                "rows",
                &format!("{} hashed again", thousands(verified.rows)),
            );
        }
        if let Some(known) = &verified.origin {
            page.field("origin", &origin::of_lake(known));
        }
        if verified.orphans > 0 {
            let files = counted(verified.orphans, "file", "files");
            let from = match verified.broken_at {
                None => "left by runs that died, which no entry names",
                Some(_) => {
                    "which no verified entry names: left by runs that died, or named by a damaged entry"
                }
            };
            page.field("orphans", &format!("{files} {from}"));
        }
        if verified.problems.is_empty() {
            page.good(&result_said(verified));
            for sentence in left_out(verified) {
                page.line(&sentence);
            }
        }
    }
}

/// What was verified, where nothing is damaged.
fn result_said(verified: &Verified) -> String {
    let entries = counted(verified.entries, "entry", "entries");
    let files = counted(verified.files, "file", "files");
    match verified.contents_read {
        true => {
            format!("ledger and files verified: {entries}; contents of {files} read and hashed")
        }
        false => {
            format!("ledger and files verified: {entries}; {files} present with their sizes")
        }
    }
}

/// What was not looked at.
fn left_out(verified: &Verified) -> Vec<String> {
    let mut left_out = Vec::new();
    if !verified.contents_read {
        left_out.push("contents of files were not read: run with --deep".to_owned());
    }
    if verified.files_before_since > 0 {
        let files = counted(verified.files_before_since, "file", "files");
        left_out.push(format!(
            "{files} of entries before --since were not checked"
        ));
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

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
