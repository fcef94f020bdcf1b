//! Rows as blocks with a line for each column, as `\G` of mysql and `\x` of psql show them. Nothing is cut.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::cell;
use super::layout::NULL;
use crate::cli::escape::escape;
use crate::cli::style::{Style, StyleRole};
use crate::cli::width::{padded, width};

pub(super) struct VerticalWriter {
    style: Style,
    /// The names of the columns, all of the same width.
    names: Vec<String>,
    rows: u64,
}

impl VerticalWriter {
    pub(super) fn new(style: Style, schema: &Schema) -> Self {
        let names: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| escape(field.name()))
            .collect();
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        let names = names
            .iter()
            .map(|name| format!("  {}  ", padded(name, widest)));
        Self {
            style,
            names: names.collect(),
            rows: 0,
        }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.row(&cell::escaped(batch, row)?, out)?;
        }
        Ok(())
    }

    /// One row of escaped cells.
    pub(super) fn row(&mut self, cells: &[Option<String>], out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        let head = format!("row {}", self.rows);
        let mut text = format!("{}\n", self.style.paint(StyleRole::Heading, &head));
        for (name, cell) in self.names.iter().zip(cells) {
            text.push_str(&self.style.paint(StyleRole::Faint, name));
            match cell {
                Some(cell) => text.push_str(cell),
                None => text.push_str(&self.style.paint(StyleRole::Faint, NULL)),
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        out.write_all(text.as_bytes())
    }
}
