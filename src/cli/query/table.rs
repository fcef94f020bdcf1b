//! Rows as aligned columns for people. Widths follow from the first rows, so that a long answer
//! begins at once; a later cell that is wider moves the rest of its line.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::cell;
use crate::cli::escape::escape;
use crate::cli::style::{Role, Style};

/// So many rows decide on the widths.
const ROWS_FOR_WIDTHS: usize = 1000;

/// Wider cells do not widen their column: one whole record would push all others off the screen.
const WIDEST: usize = 60;

const GAP: &str = "  ";
const NULL: &str = "NULL";

pub(super) struct TableWriter {
    style: Style,
    heads: Vec<String>,
    numbers: Vec<bool>,
    /// Known once the first rows have been seen.
    widths: Option<Vec<usize>>,
    waiting: Vec<Vec<Option<String>>>,
}

impl TableWriter {
    pub(super) fn new(style: Style, schema: &Schema) -> Self {
        let fields = schema.fields();
        Self {
            style,
            heads: fields
                .iter()
                .map(|field| escape(field.name()).into_owned())
                .collect(),
            numbers: fields
                .iter()
                .map(|field| cell::is_number(field.data_type()))
                .collect(),
            widths: None,
            waiting: Vec::new(),
        }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| {
                let text = cell::text(column, row)?;
                Ok(text.map(|text| escape(&text).into_owned()))
            });
            self.waiting.push(cells.collect::<io::Result<_>>()?);
        }
        if self.widths.is_some() || self.waiting.len() >= ROWS_FOR_WIDTHS {
            self.write_waiting(out)?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.write_waiting(out)
    }

    fn write_waiting(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut text = String::new();
        let widths = match self.widths.take() {
            Some(widths) => widths,
            None => {
                let widths = self.measured();
                let heads: Vec<Option<String>> = self.heads.iter().cloned().map(Some).collect();
                let line = self.line(&heads, &widths, Style::PLAIN);
                text.push_str(&self.style.paint(Role::Heading, &line));
                text.push('\n');
                widths
            }
        };
        for cells in std::mem::take(&mut self.waiting) {
            text.push_str(&self.line(&cells, &widths, self.style));
            text.push('\n');
        }
        self.widths = Some(widths);
        out.write_all(text.as_bytes())
    }

    fn measured(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| width(head)).collect();
        for row in &self.waiting {
            for (wide, cell) in widths.iter_mut().zip(row) {
                let cell = width(cell.as_deref().unwrap_or(NULL));
                *wide = (*wide).max(cell.min(WIDEST));
            }
        }
        widths
    }

    fn line(&self, cells: &[Option<String>], widths: &[usize], style: Style) -> String {
        let mut line = String::new();
        let last = cells.len().saturating_sub(1);
        for (at, ((cell, wide), number)) in cells.iter().zip(widths).zip(&self.numbers).enumerate()
        {
            let shown = cell.as_deref().unwrap_or(NULL);
            let padding = " ".repeat(wide.saturating_sub(width(shown)));
            let painted = match cell {
                Some(_) => shown.to_owned(),
                None => style.paint(Role::Faint, shown),
            };
            if at > 0 {
                line.push_str(GAP);
            }
            match number {
                true => line.extend([padding.as_str(), &painted]),
                false if at == last => line.push_str(&painted),
                false => line.extend([painted.as_str(), &padding]),
            }
        }
        line
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}
