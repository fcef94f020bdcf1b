//! `docs/reference/columns.md`: the four tables.

use std::fmt::Write as _;

use super::{MarkdownTable, assert_current, code};
use crate::event::schema::SCHEMA_VERSION;
use crate::warehouse::TableKind;

fn page() -> String {
    let mut page = format!(
        "# Columns\n\n\
         The tables of `trailhouse query` and of BigQuery, in schema version {SCHEMA_VERSION}. This page is made from the\n\
         program's list of columns, as is `trailhouse schema events`; change that, not this page.\n\n\
         `public` columns say nothing about a person. `sensitive` ones name or locate a person, or describe what\n\
         they touched. `secret` ones may hold anything the platform was given, credentials included. Rules of\n\
         [redaction](../configuration.md#redaction) refer to these classes.\n"
    );
    for kind in TableKind::ALL {
        let _ = write!(page, "\n## {}\n\n{}.\n\n", kind.table(), kind.meaning());
        let mut table = MarkdownTable::new(&["column", "type", "null", "class", "meaning"]);
        for column in kind.columns() {
            table.row(&[
                code(column.name).as_str(),
                column.kind.name(),
                if column.required { "never" } else { "may be" },
                column.class.name(),
                column.meaning,
            ]);
        }
        page.push_str(&table.0);
    }
    page
}

#[test]
fn the_columns_are_current() {
    assert_current("docs/reference/columns.md", &page());
}
