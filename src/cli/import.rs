//! `trailhouse import`: history from files.

use std::path::PathBuf;

use tokio::sync::watch;

use clap::ValueHint;
use clap_complete::ArgValueCandidates;

use super::documents::Catalogue;
use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::{Ending, OutputDocument};
use super::page::Page;
use super::progress::Unit;
use super::stop::stop_at;
use super::{CliContext, block_on_to_the_end, completions};
use crate::config::format_size;
use crate::ledger::entry::Counts;
use crate::plural::{counted, thousands};
use crate::run::{
    ALL_TENANTS, ImportSummary, ImportedFileSummary, Job, JobError, JobSource, import,
};
use crate::similar::UnknownName;

/// Add records of a source from files
///
/// For history that the platform does not serve any more: takes records from files, compares them with the lake,
/// and adds those that it does not have, as records of the source. A record that the lake has already is
/// recognised, so a file may be imported twice, and dates of it may be read from the platform before or afterwards.
///
/// A file may have one record per line (NDJSON), an array of records, or whole responses of the platform one after
/// the other; CloudTrail files; messages of Kafka as kcat -J writes them; each as it is or compressed with gzip or
/// zstd. What cannot be read as a record goes to quarantine with the reason.
///
/// A file proves its records and no more, so no window of time counts as read. The ledger entry has the name and
/// SHA-256 of the file. Files in order of time make the fewest entries.
///
/// Changes: adds files and ledger entries to the lake; the next run loads the warehouses. Never contacts the source.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse import --source kestra-prod audit-2024.ndjson.gz
  trailhouse import --source trail 2025/*/*.json.gz")]
pub(crate) struct ImportArgs {
    /// The source whose records they are
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completions::sources))]
    source: String,
    /// The tenant of records that state none; needed where the source has several
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Files, in order
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
}

/// What it prints with `--output json`.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.with_failures::<ImportSummary>("import");
}

pub(super) fn execute(args: ImportArgs, context: &CliContext) -> Result<Ending, Report> {
    let config = context.load_config()?;
    let job = Job::open(&config, std::slice::from_ref(&args.source)).map_err(Failure::from)?;
    let [source] = job.sources.as_slice() else {
        let happened = format!("there are several sources {}", args.source);
        return Err(Failure::new(ExitKind::Usage, happened).into());
    };
    check_tenant(source, args.tenant.as_deref())?;
    let progress = context.progress(Unit::Records);
    let summary = block_on_to_the_end(async {
        let (stop, stopped) = watch::channel(false);
        let watcher = tokio::spawn(stop_at(config.run.deadline, stop));
        let tenant = args.tenant.as_deref();
        let imported = import(&job, source, &args.files, tenant, &stopped, &progress).await;
        watcher.abort();
        imported.map_err(Failure::from)
    })??;
    let failures = failures(&summary);
    Ok(Ending::report(summary, failures))
}

/// Refuses a tenant that the source does not read, and records whose tenant nobody would know.
fn check_tenant(source: &JobSource, tenant: Option<&str>) -> Result<(), Failure> {
    let feeds: Vec<&str> = source
        .source
        .tenants()
        .iter()
        .map(|tenant| tenant.name().unwrap_or(ALL_TENANTS))
        .collect();
    if feeds.contains(&ALL_TENANTS) {
        return Ok(());
    }
    match tenant {
        Some(tenant) => {
            let given = [tenant.to_owned()];
            match UnknownName::first_of("tenant", &given, feeds.iter().copied()) {
                Some(unknown) => Err(JobError::from(unknown).into()),
                None => Ok(()),
            }
        }
        None if feeds.len() > 1 => {
            let happened = format!(
                "source {} has several tenants, and records in files may not state theirs",
                source.id
            );
            Err(Failure::new(ExitKind::Usage, happened)
                .kept("nothing was imported")
                .action(format!("add --tenant with one of: {}", feeds.join(", "))))
        }
        None => Ok(()),
    }
}

/// What a summary means for the exit code.
fn failures(summary: &ImportSummary) -> Vec<Failure> {
    let mut failures = Vec::new();
    for file in &summary.files {
        if let Some(why) = &file.failure {
            failures.push(match file.bytes {
                None => Failure::new(
                    ExitKind::Usage,
                    format!("{} cannot be read: {why}", file.file),
                )
                .kept(kept(summary)),
                Some(_) => {
                    let happened = format!("{} was not read to its end: {why}", file.file);
                    Failure::new(ExitKind::Source, happened)
                        .kept(kept(summary))
                        .action(
                            "mend the file and import it again: what is known is not added twice",
                        )
                }
            });
        }
        let counts = &file.counts;
        if counts.quarantined > 0 {
            let records = counted(counts.quarantined, "record", "records");
            let happened = format!(
                "{records} of {} could not be read and went to quarantine",
                file.file
            );
            failures.push(
                Failure::new(ExitKind::Findings, happened)
                    .kept("they are in the lake with their bytes and the reason")
                    .action("query `reason` and SAFE_CONVERT_BYTES_TO_STRING(content) in audit_quarantine"),
            );
        }
        if counts.changed > 0 {
            let records = counted(counts.changed, "known record", "known records");
            let happened = format!("{records} had other content in {}", file.file);
            failures.push(
                Failure::new(ExitKind::Findings, happened)
                    .kept("the first version stays, the other one is in quarantine as evidence")
                    .action("find out who changed the file, or audit records on the platform"),
            );
        }
    }
    failures
}

fn kept(summary: &ImportSummary) -> String {
    match summary.entries {
        0 => "nothing was added".to_owned(),
        entries => format!(
            "what was read before is committed, in {}",
            counted(entries, "entry", "entries")
        ),
    }
}

impl OutputDocument for ImportSummary {
    fn text(&self, page: &mut Page) {
        page.heading(&format!("import into source {}", self.source));
        for file in &self.files {
            page.field("file", &text_of_file(file));
        }
        let ledger = match self.entries {
            0 => format!("entry {}, none added", self.sequence),
            entries => format!(
                "entry {}, {} added",
                self.sequence,
                counted(entries, "entry", "entries")
            ),
        };
        page.field("ledger", &ledger);
        for note in &self.notes {
            page.field("note", note);
        }
        let mut total = Counts::default();
        self.files.iter().for_each(|file| total.add(&file.counts));
        if self.files.iter().all(|file| file.failure.is_none()) && total.quarantined == 0 {
            let records = counted(total.returned, "record", "records");
            page.good(&format!(
                "{records} accounted for: {} new, {} known",
                thousands(total.added),
                thousands(total.known + total.source_duplicates)
            ));
        }
    }
}

fn text_of_file(file: &ImportedFileSummary) -> String {
    let counts = &file.counts;
    let mut parts = vec![
        file.file.clone(),
        counted(counts.returned, "record", "records"),
        format!("{} new", thousands(counts.added)),
    ];
    for (number, name) in [
        (counts.known, "known"),
        (counts.source_duplicates, "repeated in it"),
        (counts.quarantined, "to quarantine"),
        (counts.expired, "past retention"),
        (
            file.unwanted,
            "left out, since the source does not read such",
        ),
    ] {
        if number > 0 {
            parts.push(format!("{} {name}", thousands(number)));
        }
    }
    if let Some((first, last)) = file.dates {
        parts.push(format!("{first} to {last}"));
    }
    if let Some(bytes) = file.bytes {
        parts.push(format_size(bytes));
    }
    parts.join(", ")
}
