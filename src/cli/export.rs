//! `trailhouse export`: a selection of events in a form that other programs read.

mod file;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use clap::{ArgGroup, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::exit::ExitKind;
use super::failure::{Failure, Report};
use super::output::Ending;
use super::query::missing_file;
use super::status::open_lake;
use super::{CliContext, block_on, completions, date};
use crate::event::ocsf::{EventRows, MissingColumn, Product, document};
use crate::plural::counted;
use crate::query::{CoverageNote, Lake, Limits, QueryError, Selection};
use crate::source::platform::PLATFORMS;
use file::{Destination, unwritten};

/// Export events in a form that other programs read
///
/// Writes the selected events of the lake, each as one line of JSON. Conditions on different things must all
/// hold; of an option that is given several times, one value must fit. With --sql, whatever a statement over
/// audit_events selects.
///
/// --format ocsf writes documents of the Open Cybersecurity Schema Framework, version 1.8.0, valid by its
/// JSON Schema; docs/ocsf.md has the place of each column, and what version 1.9 renames.
///
/// Changes: writes the file of --out, whole or not at all. Needs no signing key: `public_key` in
/// [signing] or --public-key is enough.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("selection").multiple(true).conflicts_with("sql").args([
        "from", "to", "category", "source", "platform", "tenant", "actor", "action", "resource", "outcome",
    ]),
    after_long_help = "\
Examples:
  trailhouse export --format ocsf --from 2026-11-01 --to 2026-11-30 -o november.ndjson
  trailhouse export --format ocsf --category authentication --outcome failure | jq .src_endpoint
  trailhouse export --format ocsf --sql \"SELECT * FROM audit_events WHERE dt = CURRENT_DATE()\""
)]
pub(crate) struct ExportArgs {
    /// Form of the events
    #[arg(long, value_name = "FORM", value_enum)]
    format: ExportFormat,
    /// First date, in UTC
    #[arg(long, value_name = "DATE", value_parser = date::date)]
    from: Option<NaiveDate>,
    /// Last date, in UTC
    #[arg(long, value_name = "DATE", value_parser = date::date)]
    to: Option<NaiveDate>,
    /// Category; may be repeated
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::categories))]
    category: Vec<String>,
    /// Source; may be repeated
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completions::sources))]
    source: Vec<String>,
    /// Platform; may be repeated
    #[arg(long, value_name = "NAME")]
    platform: Vec<String>,
    /// Tenant on the platform; may be repeated
    #[arg(long, value_name = "ID")]
    tenant: Vec<String>,
    /// Name or id of who acted; may be repeated
    #[arg(long, value_name = "NAME|ID")]
    actor: Vec<String>,
    /// Action, as the platform names it; may be repeated
    #[arg(long, value_name = "NAME")]
    action: Vec<String>,
    /// Name or id of what was acted upon; may be repeated
    #[arg(long, value_name = "NAME|ID")]
    resource: Vec<String>,
    /// Outcome; may be repeated
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "failure", "unknown"])]
    outcome: Vec<String>,
    /// A statement that selects columns of audit_events, instead of options
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,
    /// File to write [default: stdout]
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long, requires = "file")]
    force: bool,
    /// File with the verifier key of the lake; instead of the keys in [signing]
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
}

/// Form of exported events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// OCSF 1.8.0 documents, one a line
    Ocsf,
}

impl ExportArgs {
    fn statement(&self) -> String {
        if let Some(sql) = &self.sql {
            return sql.clone();
        }
        let one = |column, values: &Vec<String>| (vec![column], values.clone());
        let either = |id, name, values: &Vec<String>| (vec![id, name], values.clone());
        Selection {
            from: self.from,
            to: self.to,
            values: vec![
                one("category", &self.category),
                one("source", &self.source),
                one("platform", &self.platform),
                one("tenant", &self.tenant),
                either("actor_uid", "actor_name", &self.actor),
                one("action", &self.action),
                either("resource_uid", "resource_name", &self.resource),
                one("outcome", &self.outcome),
            ],
        }
        .sql()
    }
}

pub(super) fn execute(args: ExportArgs, context: &CliContext) -> Result<Ending, Report> {
    let ExportFormat::Ocsf = args.format;
    let sql = args.statement();
    let config = context.load_config()?;
    let (log, bucket, state) = open_lake(&config, args.public_key.as_deref())?;
    let mut destination = Destination::open(args.file.as_deref(), args.force)?;
    let mut rows = 0;
    let exported = block_on(async {
        let lake = Lake::new(&bucket, Arc::new(state), Limits::default())?;
        match export(&lake, &sql, &mut destination, &mut rows).await {
            Err(ExportFailure::Query(QueryError::FileMissing { path })) => {
                Err(missing_file(&log, &bucket, path).await)
            }
            exported => exported.map_err(|failure| failure.told(args.file.as_deref())),
        }
    })?;
    let Exported { whole, coverage } = match exported {
        Ok(exported) => exported,
        Err(failure) if rows > 0 && args.file.is_none() => {
            return Ok(Ending::broken_off(failure));
        }
        Err(failure) => return Err(failure.into()),
    };
    if whole {
        destination.finish(args.file.as_deref())?;
        context.output.note(&counted(rows, "event", "events"));
    }
    if let Some(coverage) = coverage {
        context.output.note(&coverage.text);
    }
    Ok(Ending::written())
}

/// What was exported, and on what it rests.
struct Exported {
    /// Whether all events were written, and not only as many as their reader took.
    whole: bool,
    /// The coverage of the dates asked for, where the statement asks for any.
    coverage: Option<CoverageNote>,
}

/// Why an export did not come to its end.
#[derive(Debug)]
enum ExportFailure {
    Query(QueryError),
    NotEvents(MissingColumn),
    Unwritten(io::Error),
}

impl From<QueryError> for ExportFailure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl ExportFailure {
    fn told(self, file: Option<&std::path::Path>) -> Failure {
        match self {
            Self::Query(error) => error.into(),
            Self::NotEvents(missing) => Failure::from_error(ExitKind::Usage, &missing)
                .action("select whole rows: SELECT * FROM audit_events WHERE …"),
            Self::Unwritten(error) => unwritten(file, &error),
        }
    }
}

async fn export(
    lake: &Lake,
    sql: &str,
    destination: &mut Destination,
    count: &mut u64,
) -> Result<Exported, ExportFailure> {
    let mut rows = lake.sql(sql).await?;
    let mut out = BufWriter::with_capacity(1 << 16, destination);
    let whole = loop {
        let written = match rows.next().await? {
            None => match out.flush() {
                Ok(()) => break true,
                Err(error) => Err(error),
            },
            Some(batch) => {
                let events = EventRows::new(&batch).map_err(ExportFailure::NotEvents)?;
                *count += batch.num_rows() as u64;
                write_documents(&events, &mut out)
            }
        };
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break false,
            Err(error) => return Err(ExportFailure::Unwritten(error)),
        }
    };
    let coverage = rows.coverage(*count > 0);
    Ok(Exported { whole, coverage })
}

fn write_documents(events: &EventRows, out: &mut dyn Write) -> io::Result<()> {
    for event in events.iter() {
        let platform = event.text("platform").unwrap_or_default();
        let known = PLATFORMS.iter().find(|known| known.name == platform);
        let profile = known.map(|known| known.profile);
        // A lake may have been written by a newer version, with platforms that this one does not know.
        let product = profile.map_or_else(|| Product::named(platform), |it| it.product());
        let mut document = document(&event, &product);
        let extra = profile.and_then(|profile| profile.ocsf_extra);
        if let (Some(extra), Some(raw)) = (extra, event.text("raw")) {
            extra(raw, &mut document);
        }
        serde_json::to_writer(&mut *out, &document)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
