//! `trailhouse retention certificate`.

mod file;
mod said;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;

use clap_complete::ArgValueCandidates;

use crate::cli::completions;
use crate::cli::documents::Catalogue;
use crate::cli::exit::ExitKind;
use crate::cli::failure::{Failure, FailureDetail, Report};
use crate::cli::key_file;
use crate::cli::new_file::refuse_existing;
use crate::cli::output::{Ending, Format, OutputDocument};
use crate::cli::page::Page;
use crate::cli::status::open_lake;
use crate::cli::{CliContext, block_on};
use crate::ledger::entry::{Role, Trust};
use crate::ledger::key::VerifierKey;
use crate::ledger::log::{Log, LogError};
use crate::ledger::state::State;
use crate::report::certificate::{
    Asked, Certificate, CertificateError, CertificateType, EntryRef, FORMAT_VERSION,
    NotACertificate, compare, gather, rules_used, staying,
};
use crate::run::{Job, LedgerAccess, RunError, look_at_clocks};

/// Certify what retention deleted, or read a certificate
///
/// Makes one signed note of what the ledger says: which rule decided, when, by which entry and who
/// confirmed it; which files were deleted, with their digests and the entries that had named them; what warehouses
/// and store said when it was carried out; what is still pending, and what could still be brought back.
/// All conditions that are given must hold. Only what was decided is certified.
///
/// With --check it reads such a note and checks its signature, with the verifier key alone: no
/// configuration, no lake. With --against-ledger the entries that it names are read again and compared.
///
/// Changes: nothing, but for the file of -o. To make one needs the signing key. Ends with exit code 2
/// where nothing matches, and with 6 where a certificate was altered.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "\
trailhouse retention certificate [OPTIONS]
       trailhouse retention certificate --check <FILE> --public-key <FILE>",
    group = clap::ArgGroup::new("what").args(["date", "from", "to", "rule", "check"]).required(true).multiple(true),
    after_long_help = "\
Examples:
  trailhouse retention certificate --date 2026-01-01 -o 2026-01-01.certificate
  trailhouse retention certificate --from 2026-01-01 --to 2026-01-31 --rule executions
  trailhouse retention certificate --check 2026-01-01.certificate --public-key acme.pub"
)]
pub(super) struct CertificateArgs {
    /// What was deleted of this date
    #[arg(long, value_name = "DATE", value_parser = crate::cli::date::date)]
    date: Option<NaiveDate>,
    /// What was deleted of this date and later ones
    #[arg(long, value_name = "DATE", value_parser = crate::cli::date::date)]
    from: Option<NaiveDate>,
    /// What was deleted of this date and earlier ones
    #[arg(long, value_name = "DATE", value_parser = crate::cli::date::date)]
    to: Option<NaiveDate>,
    /// What was deleted under this rule, or under `default`
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::rules))]
    rule: Option<String>,
    /// Write it to this file; to stdout without it
    #[arg(short = 'o', long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that exists
    #[arg(long, requires = "out")]
    force: bool,
    /// Read and check this certificate instead
    #[arg(
        long,
        value_name = "FILE",
        requires = "public_key",
        conflicts_with_all = ["date", "from", "to", "rule", "out", "force"]
    )]
    check: Option<PathBuf>,
    /// File with the verifier key of the lake, to check with
    #[arg(long, value_name = "FILE", requires = "check")]
    public_key: Option<PathBuf>,
    /// Compare it with the ledger of the configuration, too
    #[arg(long, requires = "check")]
    against_ledger: bool,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<MadeCertificate>("retention certificate");
    catalogue.with_failures_when::<CertificateCheck>("retention certificate", "with --check");
}

pub(super) fn execute(args: &CertificateArgs, context: &CliContext) -> Result<Ending, Report> {
    match (&args.check, &args.public_key) {
        (Some(file), Some(key)) => check(file, key, args.against_ledger, context),
        _ => make(args, context),
    }
}

/// A certificate that was made.
#[derive(Serialize, JsonSchema)]
struct MadeCertificate {
    /// Content of the certificate.
    certificate: Certificate,
    /// The signed note with the certificate, byte for byte as it is written to a file.
    note: String,
    /// Path of the file that the note was written to; absent without `--out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// Verifier key of the key that signed the note; `null` if the ledger is unsigned.
    signed_by: Option<VerifierKey>,
}

fn make(args: &CertificateArgs, context: &CliContext) -> Result<Ending, Report> {
    let asked = asked_of(args);
    if let (Some(from), Some(to)) = (asked.from, asked.to)
        && from > to
    {
        return Err(Failure::new(
            ExitKind::Usage,
            format!("no date is meant: nothing is from {from} on and up to {to}"),
        )
        .kept("nothing was written")
        .into());
    }
    if let Some(path) = &args.out
        && !args.force
    {
        refuse_existing(path)?;
    }
    let config = context.load_config()?;
    let job = Job::open_to_load(&config).map_err(Failure::from)?;
    let key = match &job.access {
        LedgerAccess::Write(key) => Some(key),
        LedgerAccess::Read(_) => return Err(Failure::from(LogError::ReadOnly).into()),
        LedgerAccess::Unsigned => None,
    };
    let log = job.log();
    let state = block_on(log.load())??.ok_or_else(|| Failure::from(RunError::NoLake))?;
    if let Some(key) = key {
        may_certify(&state, key.verifier())?;
    }
    let head = state.head.sequence;
    let decisions = block_on(gather(&log, &state, &asked, head))??;
    let now = look_at_clocks(job.clock.now(), &job.bucket, &[], Some(&state));
    if !now.contradictions().is_empty() {
        let found = now.contradictions().to_vec();
        return Err(Failure::from(RunError::Clock(found)).into());
    }
    let (made_at, today) = (now.at(), now.proven_date());
    if decisions.is_empty() {
        let rules = match &asked.rule {
            Some(_) => block_on(rules_used(&log, &state, &asked))??,
            None => BTreeSet::new(),
        };
        return Err(nothing_fits(&state, &asked, &rules, today).into());
    }
    let parts = decisions.iter().flat_map(|decision| &decision.parts);
    let dates: BTreeSet<NaiveDate> = parts.map(|part| part.date).collect();
    let certificate = Certificate {
        version: FORMAT_VERSION,
        kind: CertificateType::Retention,
        made_at,
        writer: crate::ledger::WRITER.to_owned(),
        lake_id: state.lake_id.clone(),
        signed: key.is_some(),
        head: EntryRef {
            sequence: head,
            sha256: state.head.sha256,
            written_at: state.head.written_at,
        },
        stays: staying(&state, &asked, &dates, today),
        asked,
        decisions,
    };
    let note = certificate
        .encode(key.map(|key| &**key))
        .map_err(|error| Failure::from_error(ExitKind::Unforeseen, &error))?;
    if let Some(path) = &args.out {
        file::write(path, &note, args.force)?;
    }
    let bare = args.out.is_none() && context.output.format() == Format::Text;
    if key.is_none() && bare {
        // The note alone goes to stdout.
        context.output.note(&format!("warning: {UNSIGNED}"));
    }
    Ok(Ending::with_failures(
        MadeCertificate {
            certificate,
            note,
            file: args.out.clone(),
            signed_by: key.map(|key| key.verifier().clone()),
        },
        [],
    ))
}

const UNSIGNED: &str =
    "this certificate is UNSIGNED, as the ledger of this experiment is: it proves nothing";

impl OutputDocument for MadeCertificate {
    fn text(&self, page: &mut Page) {
        let Some(file) = &self.file else {
            page.verbatim(&self.note);
            return;
        };
        page.good(&format!("certificate written to {}", file.display()));
        match &self.signed_by {
            Some(key) => page.field("signed by", &key.to_string()),
            None => page.warning(UNSIGNED),
        }
        said::brief(&self.certificate, page);
    }
}

/// What is asked for: all that is given must hold.
fn asked_of(args: &CertificateArgs) -> Asked {
    Asked {
        from: args.date.into_iter().chain(args.from).max(),
        to: args.date.into_iter().chain(args.to).min(),
        rule: args.rule.clone(),
    }
}

/// Whoever certifies speaks for the ledger, so it must be somebody who may write to it.
fn may_certify(state: &State, key: &VerifierKey) -> Result<(), Failure> {
    let mut grants = state.keys.iter().filter(|grant| grant.key == *key);
    let may = |role: &Role| matches!(role, Role::Writer | Role::Officer);
    if grants.any(|grant| grant.roles.iter().any(may)) {
        return Ok(());
    }
    let happened = format!(
        "key {} has neither the role writer nor officer in the ledger",
        key.name()
    );
    Err(Failure::new(ExitKind::Usage, happened)
        .kept("nothing was written")
        .action("sign with the key that the ledger knows"))
}

/// Why there is no certificate, what the lake has of what was asked for instead, and by which other rules
/// something went of it.
fn nothing_fits(
    state: &State,
    asked: &Asked,
    rules: &BTreeSet<String>,
    today: NaiveDate,
) -> Failure {
    const NAMED: usize = 20;
    let about = said::asked(asked);
    let happened = format!("nothing was decided to go that fits {about}, so nothing is certified");
    let stays = match asked.names_dates() {
        true => staying(state, asked, &BTreeSet::new(), today),
        false => Vec::new(),
    };
    let mut details: Vec<FailureDetail> = stays
        .iter()
        .take(NAMED)
        .map(|stays| FailureDetail {
            place: Some(stays.date.to_string()),
            happened: said::stays(stays),
            action: None,
        })
        .collect();
    let also = |happened: String| FailureDetail {
        place: None,
        happened,
        action: None,
    };
    if stays.len() > NAMED {
        let more = stays.len() - NAMED;
        details.push(also(format!("{more} more that are in the lake")));
    }
    if asked.names_dates() && stays.is_empty() {
        details.push(also(
            "the lake has no rows of these dates either".to_owned(),
        ));
    }
    if !rules.is_empty() {
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let dates = match asked.names_dates() {
            true => "on these dates",
            false => "so far",
        };
        let rules = rules.join(", ");
        details.push(also(format!(
            "{dates}, retention deleted something under {rules}"
        )));
    }
    if state.retention.open.is_empty() && state.retention.closed.is_empty() {
        details.push(also("no rule has deleted anything here yet".to_owned()));
    }
    Failure::new(ExitKind::Usage, happened)
        .details(details)
        .kept("nothing was written")
        .action("`trailhouse retention plan` shows what is due, and what a hold keeps")
}

/// A certificate that was checked.
#[derive(Serialize, JsonSchema)]
struct CertificateCheck {
    /// Content of the certificate.
    certificate: Certificate,
    /// Verifier key of the key that signed the note; `null` if it is unsigned.
    signed_by: Option<VerifierKey>,
    /// How the ledger differs from the certificate; empty if it agrees, absent if the two were not
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<Vec<String>>,
}

fn check(
    path: &Path,
    public_key: &Path,
    against_ledger: bool,
    context: &CliContext,
) -> Result<Ending, Report> {
    let key = key_file::read_public(public_key)?;
    let bytes = file::read(path)?;
    let (certificate, signed_by) = Certificate::decode(&bytes, &Trust::Keys(vec![key]))
        .map_err(|error| refused(path, &error))?;
    let mut checked = CertificateCheck {
        certificate,
        signed_by,
        differs: None,
    };
    if !against_ledger {
        return Ok(Ending::with_failures(checked, []));
    }
    let config = context.load_config()?;
    let (_, bucket, state) = open_lake(&config, Some(public_key))?;
    let trust = checked.signed_by.iter().cloned().collect();
    let log = Log::read_only(bucket, Trust::Keys(trust));
    let differs = block_on(compare(&log, &state, &checked.certificate))??;
    let failure = (!differs.is_empty()).then(|| {
        let details = differs.iter().map(|differs| FailureDetail {
            place: None,
            happened: differs.clone(),
            action: None,
        });
        let happened = "the ledger does not say what the certificate says";
        Failure::new(ExitKind::Integrity, happened)
            .details(details)
            .kept("nothing was changed")
            .action(
                "find out whether this is the lake that it is about; if so, keep certificate and bucket \
                 as they are, and run `trailhouse verify`",
            )
    });
    checked.differs = Some(differs);
    Ok(Ending::with_failures(checked, failure))
}

impl OutputDocument for CertificateCheck {
    fn text(&self, page: &mut Page) {
        page.good("the signature fits");
        if let Some(key) = &self.signed_by {
            page.field("signed by", &key.to_string());
        }
        if self.differs.as_ref().is_some_and(Vec::is_empty) {
            page.field("ledger", "its entries say the same");
        }
        said::full(&self.certificate, page);
    }
}

/// What was given is altered or signed by somebody else, or is something else that was signed.
fn refused(path: &Path, error: &NotACertificate) -> Failure {
    let happened = format!("{} cannot be trusted: {error}", path.display());
    match error {
        NotACertificate::Note(_) => Failure::new(ExitKind::Integrity, happened)
            .kept("nothing was changed")
            .action(
                "ask for the certificate again; if the key is the right one, the file was altered",
            ),
        NotACertificate::Version(_) => Failure::new(
            ExitKind::Usage,
            format!("{} cannot be read: {error}", path.display()),
        )
        .action("use a newer version of this program"),
        NotACertificate::Json(_) | NotACertificate::Type | NotACertificate::Lines => Failure::new(
            ExitKind::Usage,
            format!(
                "{} is signed, and not a certificate: {error}",
                path.display()
            ),
        )
        .action("name a file that `trailhouse retention certificate` wrote"),
    }
}

impl From<CertificateError> for Failure {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Log(error) => error.into(),
            CertificateError::Entry { .. } | CertificateError::Files { .. } => {
                Self::from_error(ExitKind::Integrity, &error)
                    .kept("nothing was written")
                    .action("keep the bucket as it is, and run `trailhouse verify`")
            }
        }
    }
}
