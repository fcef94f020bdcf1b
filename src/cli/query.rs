//! `trailhouse query`: its arguments.

use std::path::PathBuf;

use clap::ValueEnum;

/// Query the lake with SQL
///
/// Runs one statement in the dialect of BigQuery over exactly the files that the ledger lists as
/// live. The tables are audit_events, audit_batches, audit_coverage and audit_quarantine;
/// `trailhouse schema events` lists their columns. A condition on `dt` keeps a query small.
///
/// Changes: nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse query \"SELECT category, COUNT(*) AS events FROM audit_events GROUP BY category\"
  trailhouse query --format csv -f logins.sql > logins.csv
  echo \"SELECT * FROM audit_coverage\" | trailhouse query --output json")]
pub(crate) struct Args {
    /// The statement; read from stdin where neither it nor a file is given
    #[arg(value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// Read the statement from this file
    #[arg(short, long, value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
    /// Form of the rows [default: table, or json with --output json]
    #[arg(long, value_name = "FORM", value_enum)]
    pub(crate) format: Option<RowFormat>,
}

/// Form of a query's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Aligned columns, escaped for a terminal
    Table,
    /// Comma-separated values with a head line (RFC 4180)
    Csv,
    /// An array of one object a row
    Json,
}
