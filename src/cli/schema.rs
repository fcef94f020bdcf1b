//! `trailhouse schema`: what may be written in the configuration, and what stands in the lake.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::failure::Report;
use super::output::{Document, Ending};
use super::page::{Align, Page, Table};
use crate::config::{json_schema, settings};
use crate::event::schema::{Column, SCHEMA_VERSION};
use crate::warehouse::TableKind;

/// Explain the keys of the configuration, or the columns of the tables
///
/// Changes: nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  trailhouse schema config
  trailhouse schema events
  trailhouse schema config --output json > trailhouse.schema.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, clap::Subcommand)]
enum Subject {
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
}

pub(super) fn execute(args: Args) -> Result<Ending, Report> {
    Ok(match args.subject {
        Subject::Config => Ending::bare(ConfigSchema(json_schema())),
        Subject::Events => Ending::bare(EventSchema),
    })
}

#[derive(Serialize)]
#[serde(transparent)]
struct ConfigSchema(Value);

impl Document for ConfigSchema {
    fn text(&self, page: &mut Page) {
        let mut table = Table::new([
            ("key", Align::Left),
            ("value", Align::Left),
            ("default", Align::Left),
            ("meaning", Align::Left),
        ]);
        for setting in settings() {
            let default = match (setting.default, setting.required) {
                (Some(default), _) => default,
                (None, true) => "required".to_owned(),
                (None, false) => String::new(),
            };
            table.row([setting.key, setting.kind, default, setting.meaning]);
        }
        page.table(&table);
    }
}

struct EventSchema;

impl Document for EventSchema {
    fn text(&self, page: &mut Page) {
        for kind in TableKind::ALL {
            page.heading(kind.table());
            let mut table = Table::new([
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
                    column.kind.bigquery(),
                    null,
                    column.class.name(),
                    column.meaning,
                ]);
            }
            page.table(&table);
        }
    }
}

impl Serialize for EventSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Tables;
        impl Serialize for Tables {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(TableKind::ALL.len()))?;
                for kind in TableKind::ALL {
                    let columns = kind.columns().iter().map(ColumnForm::from);
                    map.serialize_entry(kind.table(), &columns.collect::<Vec<_>>())?;
                }
                map.end()
            }
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("schema_version", &SCHEMA_VERSION)?;
        map.serialize_entry("tables", &Tables)?;
        map.end()
    }
}

/// A column in JSON.
#[derive(Serialize)]
struct ColumnForm {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    classification: &'static str,
    meaning: &'static str,
}

impl From<&Column> for ColumnForm {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name,
            kind: column.kind.bigquery(),
            required: column.required,
            classification: column.class.name(),
            meaning: column.meaning,
        }
    }
}
