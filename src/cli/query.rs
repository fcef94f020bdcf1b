//! `trailhouse query`: SQL over the lake, and the forms in which rows are written.

mod cell;
mod csv;
mod json;
mod layout;
mod pager;
mod table;
mod vertical;

use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::ValueEnum;

use clap_complete::ArgValueCompleter;

use super::completions;
use super::exit::ExitKind;
use super::failure::{Failure, FailureDetail, Report};
use super::output::{Ending, Format};
use super::status::open_lake;
use super::style::Style;
use super::{CliContext, block_on};
use crate::ledger::log::Log;
use crate::plural::counted;
use crate::query::{CoverageNote, Lake, Limits, QueryError};
use crate::run::RunError;
use crate::store::{Bucket, StoreMeaning};
use crate::text::decode_document;
use pager::{Paged, PagerCommand, Screen};
use table::TableRoom;

/// Query the lake with SQL
///
/// Runs one statement in the dialect of BigQuery over exactly the files that the ledger lists as
/// live. The tables are audit_events, audit_batches, audit_coverage and audit_quarantine;
/// `trailhouse schema events` explains their columns, `DESCRIBE audit_events` lists those of one. A
/// condition on `dt` keeps a query small.
///
/// On a terminal the table fits the screen: long texts are cut with `…`; up to 5 rows that do not fit,
/// and rows with more columns than fit, are shown as blocks instead. What is longer than the screen goes
/// through $TRAILHOUSE_PAGER, $PAGER or less. In a pipe or a file nothing is cut.
///
/// Changes: nothing. Needs no signing key: `public_key` in [signing] or --public-key is enough.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse query \"SELECT category, COUNT(*) AS events FROM audit_events GROUP BY category\"
  trailhouse query 'SELECT * FROM audit_events WHERE dt = CURRENT_DATE() LIMIT 3 \\G'
  trailhouse query --format csv -f logins.sql > logins.csv
  echo \"SELECT * FROM audit_coverage\" | trailhouse query --output json")]
pub(crate) struct QueryArgs {
    /// The statement; read from stdin where neither it nor a file is given
    #[arg(value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// Read the statement from this file
    #[arg(short, long, value_name = "FILE", conflicts_with = "sql", add = ArgValueCompleter::new(completions::sql_files))]
    pub(crate) file: Option<PathBuf>,
    /// File with the verifier key of the lake; instead of the keys in [signing]
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Option<PathBuf>,
    /// Form of the rows [default: table, or json with --output json]
    #[arg(long, value_name = "FORM", value_enum)]
    pub(crate) format: Option<RowFormat>,
    /// Do not start a pager
    #[arg(long)]
    pub(crate) no_pager: bool,
}

/// Form of a query's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Aligned columns, escaped for a terminal
    Table,
    /// One block per row and one line per column, as with \G at the end of the SQL
    Vertical,
    /// Comma-separated values with a head line (RFC 4180, lines end with LF)
    Csv,
    /// An array of one object a row
    Json,
}

/// Longest statement that is read from a file or from stdin, in bytes.
const LONGEST_STATEMENT: u64 = 1 << 20;

impl QueryArgs {
    /// The form of the rows, given that of all results and what the end of the statement asks for.
    fn form(&self, output: Format, asks_for_blocks: bool) -> RowFormat {
        match (self.format, output) {
            (Some(form), _) => form,
            (None, Format::Json) => RowFormat::Json,
            (None, Format::Text) if asks_for_blocks => RowFormat::Vertical,
            (None, Format::Text) => RowFormat::Table,
        }
    }

    /// The statement: the argument, the content of the file, or what stdin brings.
    ///
    /// # Errors
    /// A file that cannot be read, stdin at a terminal, or a text that is no statement.
    pub(super) fn statement(&self) -> Result<String, Failure> {
        if let Some(sql) = &self.sql {
            return Ok(sql.clone());
        }
        if let Some(path) = &self.file {
            let place = format!("`{}`", path.display());
            let file = std::fs::File::open(path);
            return file
                .and_then(|mut file| bounded(&mut file))
                .map_err(|error| unread(&place, &error));
        }
        let mut stdin = io::stdin().lock();
        if stdin.is_terminal() {
            return Err(Failure::new(ExitKind::Usage, "there is no statement")
                .action("give it as an argument, with --file, or on stdin"));
        }
        bounded(&mut stdin).map_err(|error| unread("stdin", &error))
    }
}

fn bounded(from: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.take(LONGEST_STATEMENT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_STATEMENT {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    match decode_document(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(fault) => Err(io::Error::other(format!("it {fault}"))),
    }
}

fn unread(place: &str, error: &io::Error) -> Failure {
    let mut failure = Failure::new(
        ExitKind::Usage,
        format!("the statement cannot be read from {place}"),
    )
    .action("name a file with SQL text in UTF-8");
    failure.causes.push(error.to_string());
    failure
}

/// A statement without the `\G` of mysql at its end, and whether it was there.
fn without_blocks(sql: &str) -> (&str, bool) {
    let end = sql.trim_end().trim_end_matches(';').trim_end();
    match end.strip_suffix("\\G") {
        Some(sql) => (sql, true),
        None => (sql, false),
    }
}

pub(super) fn execute(args: QueryArgs, context: &CliContext) -> Result<Ending, Report> {
    let sql = args.statement()?;
    let (sql, asks_for_blocks) = without_blocks(&sql);
    let form = args.form(context.output.format(), asks_for_blocks);
    let config = context.load_config()?;
    let (log, bucket, state) = open_lake(&config, args.public_key.as_deref())?;
    let screen = context.output.is_terminal().then(screen).flatten();
    let look = QueryLook {
        form,
        style: context.output.style(),
        room: screen.map(|screen| TableRoom {
            width: screen.width,
            may_be_blocks: args.format.is_none(),
        }),
    };
    let pager = match form {
        RowFormat::Table | RowFormat::Vertical if !args.no_pager => PagerCommand::chosen(),
        _ => None,
    };
    let mut out: Box<dyn Write + Send> = match (screen, pager) {
        (Some(screen), Some(pager)) => Box::new(Paged::new(screen, pager)),
        _ => Box::new(io::stdout()),
    };
    let mut rows = 0;
    let answered = block_on(async {
        let lake = Lake::new(&bucket, Arc::new(state), Limits::default())?;
        match answer(&lake, sql, look, &mut *out, &mut rows).await {
            Err(QueryFailure::Query(QueryError::FileMissing { path })) => {
                Err(missing_file(&log, &bucket, path).await)
            }
            answered => answered.map_err(Failure::from),
        }
    });
    // The pager has the terminal until its user has seen enough.
    drop(out);
    match answered? {
        Err(failure) if rows > 0 => return Ok(Ending::broken_off(failure)),
        Err(failure) => return Err(failure.into()),
        Ok(Answered { whole, coverage }) => {
            // Where the reader has seen enough, how many rows there are is not known.
            if whole {
                context.output.note(&counted(rows, "row", "rows"));
            }
            // A pipe ends quietly; a pager is left by a person.
            if let Some(coverage) = coverage.filter(|_| whole || screen.is_some())
                && (coverage.matters || io::stderr().is_terminal())
            {
                context.output.note(&coverage.text);
            }
        }
    }
    Ok(Ending::written())
}

fn screen() -> Option<Screen> {
    let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
    Some(Screen {
        width: usize::from(width.0),
        height: usize::from(height.0),
    })
}

/// How rows are to look.
#[derive(Debug, Clone, Copy)]
struct QueryLook {
    form: RowFormat,
    style: Style,
    /// The terminal, where they go to one.
    room: Option<TableRoom>,
}

/// What was written, and on what it rests.
struct Answered {
    /// Whether all rows were written, and not only as many as their reader took.
    whole: bool,
    /// The coverage of the dates asked for, where the statement asks for any.
    coverage: Option<CoverageNote>,
}

/// Answers one statement: writes all rows to `out` and counts them in `count`.
///
/// Rows are written as they come, so after a failure some may have been written, and are counted. A reader of `out`
/// that stops reading ends the query, which is not a failure.
///
/// # Errors
/// Whatever is wrong with the statement or the lake, or a failure to write.
async fn answer(
    lake: &Lake,
    sql: &str,
    look: QueryLook,
    out: &mut (dyn Write + Send),
    count: &mut u64,
) -> Result<Answered, QueryFailure> {
    let mut rows = lake.sql(sql).await?;
    let mut writer = RowWriter::new(look, rows.schema());
    loop {
        let batch = rows.next().await?;
        let last = batch.is_none();
        let written = match batch {
            Some(batch) => {
                *count += batch.num_rows() as u64;
                writer.batch(&batch, out)
            }
            None => writer.finish(out).and_then(|()| out.flush()),
        };
        let whole = match written {
            Ok(()) if last => true,
            Ok(()) => continue,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
            Err(error) => return Err(QueryFailure::Unwritten(error)),
        };
        let coverage = rows.coverage(*count > 0);
        return Ok(Answered { whole, coverage });
    }
}

/// Why a statement was not answered to the end.
#[derive(Debug)]
enum QueryFailure {
    /// The query failed.
    Query(QueryError),
    /// The rows could not be written.
    Unwritten(io::Error),
}

impl From<QueryError> for QueryFailure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<QueryFailure> for Failure {
    fn from(error: QueryFailure) -> Self {
        match error {
            QueryFailure::Query(error) => error.into(),
            QueryFailure::Unwritten(error) => {
                let mut failure = Self::new(
                    ExitKind::Destination,
                    "the rows cannot be written to stdout",
                );
                failure.causes.push(error.to_string());
                failure
            }
        }
    }
}

/// A file that is missing may have gone by a decision that was made while the query was running.
pub(super) async fn missing_file(log: &Log, bucket: &Bucket, path: String) -> Failure {
    match log.is_live_now(bucket.name_of(&path)).await {
        Ok(true) => QueryError::FileMissing { path }.into(),
        Ok(false) => RunError::GoneMeanwhile { path }.into(),
        Err(error) => error.into(),
    }
}

enum RowWriter {
    Table(table::TableWriter),
    Vertical(vertical::VerticalWriter),
    Csv(csv::CsvWriter),
    Json(json::JsonWriter),
}

impl RowWriter {
    fn new(look: QueryLook, schema: SchemaRef) -> Self {
        let style = look.style;
        match look.form {
            RowFormat::Table => Self::Table(table::TableWriter::new(style, schema, look.room)),
            RowFormat::Vertical => Self::Vertical(vertical::VerticalWriter::new(style, &schema)),
            RowFormat::Csv => Self::Csv(csv::CsvWriter::new(schema)),
            RowFormat::Json => Self::Json(json::JsonWriter::new(&schema)),
        }
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Table(writer) => writer.batch(batch, out),
            Self::Vertical(writer) => writer.batch(batch, out),
            Self::Csv(writer) => writer.batch(batch, out),
            Self::Json(writer) => writer.batch(batch, out),
        }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Table(writer) => writer.finish(out),
            Self::Vertical(_) => Ok(()),
            Self::Csv(writer) => writer.finish(out),
            Self::Json(writer) => writer.finish(out),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let kind = match &error {
            QueryError::FileMissing { .. }
            | QueryError::FileAltered { .. }
            | QueryError::FileDamaged(_)
            | QueryError::Path { .. } => ExitKind::Integrity,
            QueryError::Store(store) if store.meaning() == StoreMeaning::Configuration => {
                ExitKind::Usage
            }
            QueryError::Store(_) | QueryError::Temporary(_) => ExitKind::Destination,
            QueryError::Engine(_) | QueryError::Ledger(_) => ExitKind::Unforeseen,
            _ => ExitKind::Usage,
        };
        let action = error.action();
        let details = error.place().map(|place| FailureDetail {
            place: Some(place.to_string()),
            happened: format!("\n{}\n{}", place.excerpt(), place.mark()),
            action: None,
        });
        let mut failure = Self::from_error(kind, &error)
            .details(details)
            .action(action);
        if let QueryError::Memory { reason, .. } = &error {
            failure.causes.push(reason.clone());
        }
        failure
    }
}

#[cfg(test)]
mod tests;
