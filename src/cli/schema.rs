//! `trailhouse schema`: what may be written in the configuration, and what stands in the lake.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::documents::{Catalogue, Field, Outputs};
use super::failure::Report;
use super::output::{Ending, OutputDocument};
use super::page::{Align, Page, PageTable};
use crate::config::{Setting, json_schema, settings};
use crate::event::schema::{Column, SCHEMA_VERSION};
use crate::warehouse::TableKind;
use std::collections::BTreeSet;

/// Explain the keys of the configuration, the columns of the tables, or JSON output
///
/// Changes: nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse schema config
  trailhouse schema events
  trailhouse schema output
  trailhouse schema config --output json > trailhouse.schema.json")]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    subject: SchemaSubject,
}

#[derive(Debug, clap::Subcommand)]
enum SchemaSubject {
    /// Every key of the configuration file; with --output json its JSON Schema
    ///
    /// The JSON Schema (draft 2020-12) is what editors need to complete and check a
    /// trailhouse.toml.
    ///
    /// Changes: nothing.
    #[command(after_long_help = "\
Examples:
  trailhouse schema config
  trailhouse schema config --output json > trailhouse.schema.json")]
    Config,
    /// Every column of the four tables with type, classification and meaning
    ///
    /// The classification is what redaction rules refer to: public, sensitive or secret.
    ///
    /// Changes: nothing.
    #[command(after_long_help = "\
Examples:
  trailhouse schema events
  trailhouse schema events --output json | jq -r '.tables.audit_events[].name'")]
    Events,
    /// Every field of what commands print with --output json
    ///
    /// With --output json it prints JSON Schemas (draft 2020-12): `documents` has one for each command, `$defs`
    /// the types that they name.
    ///
    /// Changes: nothing.
    #[command(after_long_help = "\
Examples:
  trailhouse schema output
  trailhouse schema output --output json | jq '.documents.run'")]
    Output,
}

/// What it prints with `--output json`, apart from JSON Schemas.
pub(super) fn describe(catalogue: &mut Catalogue) {
    catalogue.bare::<EventSchema>("schema events");
}

pub(super) fn execute(args: SchemaArgs) -> Result<Ending, Report> {
    Ok(match args.subject {
        SchemaSubject::Config => Ending::bare(ConfigSchema(json_schema())),
        SchemaSubject::Events => Ending::bare(EventSchema::new()),
        SchemaSubject::Output => Ending::bare(OutputSchema(Outputs::new())),
    })
}

#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct ConfigSchema(Value);

impl OutputDocument for ConfigSchema {
    fn text(&self, page: &mut Page) {
        let settings = settings();
        // `None` comes first: what every table has.
        let kinds: BTreeSet<Option<&str>> =
            settings.iter().map(|it| it.only_with.as_deref()).collect();
        for kind in kinds {
            if let Some(kind) = kind {
                page.heading(&format!("with {kind}"));
            }
            let of_kind = settings.iter().filter(|it| it.only_with.as_deref() == kind);
            page.table(&table_of_settings(of_kind));
        }
    }
}

fn table_of_settings<'s>(settings: impl Iterator<Item = &'s Setting>) -> PageTable {
    let mut table = PageTable::new([
        ("key", Align::Left),
        ("value", Align::Left),
        ("default", Align::Left),
        ("meaning", Align::Left),
    ]);
    for setting in settings {
        let default = match (&setting.default, setting.required) {
            (Some(default), _) => default.as_str(),
            (None, true) => "required",
            (None, false) => "",
        };
        table.row([
            setting.key.as_str(),
            setting.kind.as_str(),
            default,
            setting.meaning.as_str(),
        ]);
    }
    table
}

/// The tables that `query` and warehouses have.
#[derive(Serialize, JsonSchema)]
struct EventSchema {
    /// Version of the stored schema, as in the column `schema_version`.
    schema_version: i64,
    /// The columns of each table in stored order.
    tables: Tables,
}

/// The columns of each table.
#[derive(Serialize, JsonSchema)]
struct Tables {
    /// Columns of `audit_events`.
    audit_events: Vec<ColumnForm>,
    /// Columns of `audit_quarantine`.
    audit_quarantine: Vec<ColumnForm>,
    /// Columns of `audit_batches`.
    audit_batches: Vec<ColumnForm>,
    /// Columns of `audit_coverage`.
    audit_coverage: Vec<ColumnForm>,
}

impl EventSchema {
    fn new() -> Self {
        let columns = |kind: TableKind| kind.columns().iter().map(ColumnForm::from).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            tables: Tables {
                audit_events: columns(TableKind::Events),
                audit_quarantine: columns(TableKind::Quarantine),
                audit_batches: columns(TableKind::Batches),
                audit_coverage: columns(TableKind::Coverage),
            },
        }
    }
}

impl OutputDocument for EventSchema {
    fn text(&self, page: &mut Page) {
        for kind in TableKind::ALL {
            page.heading(kind.table());
            let mut table = PageTable::new([
                ("column", Align::Left),
                ("type", Align::Left),
                ("null", Align::Left),
                ("class", Align::Left),
                ("meaning", Align::Left),
            ]);
            for column in kind.columns() {
                let null = if column.required { "never" } else { "may be" };
                table.row([
                    column.name,
                    column.kind.name(),
                    null,
                    column.class.name(),
                    column.meaning,
                ]);
            }
            page.table(&table);
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct OutputSchema(#[schemars(with = "Value")] Outputs);

impl OutputDocument for OutputSchema {
    fn text(&self, page: &mut Page) {
        let table_of = |fields: &[Field]| {
            let mut table = PageTable::new([
                ("field", Align::Left),
                ("type", Align::Left),
                ("present", Align::Left),
                ("meaning", Align::Left),
            ]);
            for field in fields {
                let present = if field.always {
                    "always"
                } else {
                    "if it applies"
                };
                table.row([&field.name, &field.kind, present, &field.meaning]);
            }
            table
        };
        for document in self.0.documents() {
            page.heading(&document.name);
            page.table(&table_of(&document.fields));
        }
        for kind in self.0.types() {
            page.heading(&kind.name);
            if !kind.fields.is_empty() {
                page.table(&table_of(&kind.fields));
            } else if !kind.choices.is_empty() {
                let mut table = PageTable::new([("value", Align::Left), ("meaning", Align::Left)]);
                for (value, meaning) in &kind.choices {
                    table.row([value, meaning]);
                }
                page.table(&table);
            } else {
                page.line(&kind.value);
            }
        }
    }
}

/// A column of a table.
#[derive(Serialize, JsonSchema)]
struct ColumnForm {
    /// Name of the column.
    name: &'static str,
    /// Type in GoogleSQL, such as `STRING` or `TIMESTAMP`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether every row has a value.
    required: bool,
    /// What the column may hold: `public`, `sensitive` or `secret`.
    classification: &'static str,
    /// What the column says, in one sentence.
    meaning: &'static str,
}

impl From<&Column> for ColumnForm {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name,
            kind: column.kind.name(),
            required: column.required,
            classification: column.class.name(),
            meaning: column.meaning,
        }
    }
}
