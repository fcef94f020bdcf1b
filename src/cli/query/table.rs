//! Rows as aligned columns for people. Widths follow from the first rows, so that a long answer begins at once. On a
//! terminal the table fits it, as `layout` decides; elsewhere nothing is cut, and a later cell that is wider moves the
//! rest of its line.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};

use super::cell;
use super::layout::{GAP, Measured, NULL, fitted, suits_blocks};
use super::vertical::VerticalWriter;
use crate::cli::escape::escape;
use crate::cli::style::{Style, StyleRole};
use crate::cli::width::{cut, width};
use crate::plural::counted;

/// So many rows decide on the widths.
const ROWS_FOR_WIDTHS: usize = 1000;

/// Wider cells do not widen their column: one whole record would push all others off the screen.
const WIDEST: usize = 60;

/// Into what a table has to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableRoom {
    /// Columns of the terminal.
    pub(super) width: usize,
    /// Whether rows may be blocks where a table does not suit them.
    pub(super) may_be_blocks: bool,
}

pub(super) struct TableWriter {
    style: Style,
    schema: SchemaRef,
    heads: Vec<String>,
    /// The terminal, where the table goes to one.
    room: Option<TableRoom>,
    /// Known once the first rows have been seen.
    form: Option<CellForm>,
    waiting: Vec<Vec<Option<String>>>,
}

enum CellForm {
    Columns {
        /// Widths of the columns that are shown.
        widths: Vec<usize>,
        /// Which of all columns are not shown whole.
        cut: Vec<bool>,
    },
    Blocks(VerticalWriter),
}

impl TableWriter {
    pub(super) fn new(style: Style, schema: SchemaRef, room: Option<TableRoom>) -> Self {
        let heads = schema.fields().iter();
        let heads = heads.map(|field| escape(field.name()).into_owned());
        Self {
            style,
            heads: heads.collect(),
            schema,
            room,
            form: None,
            waiting: Vec::new(),
        }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.waiting.push(cell::escaped(batch, row)?);
        }
        if self.form.is_some() || self.waiting.len() >= ROWS_FOR_WIDTHS {
            self.write_waiting(None, out)?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.write_waiting(Some(self.waiting.len()), out)?;
        let Some(CellForm::Columns { cut, .. }) = &self.form else {
            return Ok(());
        };
        let cut = cut.iter().filter(|cut| **cut).count();
        if cut == 0 {
            return Ok(());
        }
        let columns = counted(cut as u64, "column", "columns");
        let note = format!(
            "{columns} cut; --format vertical, or \\G at the end of the SQL, shows whole rows"
        );
        writeln!(out, "{}", self.style.paint(StyleRole::Faint, &note))
    }

    /// `all` is the number of rows where these are all of them.
    fn write_waiting(&mut self, all: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        let mut text = String::new();
        let mut form = match self.form.take() {
            Some(form) => form,
            None => {
                let mut form = self.decided(&rows, all);
                if let CellForm::Columns { widths, cut } = &mut form {
                    let heads: Vec<_> = self.heads.iter().cloned().map(Some).collect();
                    let line = self.line(&heads, true, widths, cut);
                    text.push_str(&self.style.paint(StyleRole::Heading, &line));
                    text.push('\n');
                }
                form
            }
        };
        match &mut form {
            CellForm::Columns { widths, cut } => {
                for cells in rows {
                    text.push_str(&self.line(&cells, false, widths, cut));
                    text.push('\n');
                }
                out.write_all(text.as_bytes())?;
            }
            CellForm::Blocks(writer) => {
                for cells in rows {
                    writer.row(&cells, out)?;
                }
            }
        }
        self.form = Some(form);
        Ok(())
    }

    fn decided(&self, rows: &[Vec<Option<String>>], all: Option<usize>) -> CellForm {
        let columns: Vec<Measured> = self.measured(rows);
        let mut cut = vec![false; columns.len()];
        let widths = match self.room {
            Some(room) if room.may_be_blocks && suits_blocks(&columns, all, room.width) => {
                return CellForm::Blocks(VerticalWriter::new(self.style, &self.schema));
            }
            Some(room) => fitted(&columns, room.width),
            None => columns
                .iter()
                .map(|column| column.head.max(column.cells.min(WIDEST)))
                .collect(),
        };
        for left_out in cut.iter_mut().skip(widths.len()) {
            *left_out = true;
        }
        CellForm::Columns { widths, cut }
    }

    fn measured(&self, rows: &[Vec<Option<String>>]) -> Vec<Measured> {
        let column = |(at, head): (usize, &String)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let cells = cells.map(|cell| width(cell.as_deref().unwrap_or(NULL)));
            Measured {
                head: width(head),
                cells: cells.max().unwrap_or(0),
                may_cut: self.may_cut(at),
            }
        };
        self.heads.iter().enumerate().map(column).collect()
    }

    fn kind(&self, at: usize) -> &DataType {
        self.schema.field(at).data_type()
    }

    /// A number or a time in part would be another one.
    fn may_cut(&self, at: usize) -> bool {
        let kind = self.kind(at);
        !(cell::is_number(kind) || kind.is_temporal() || *kind == DataType::Boolean)
    }

    fn line(
        &self,
        cells: &[Option<String>],
        is_head: bool,
        widths: &[usize],
        cuts: &mut [bool],
    ) -> String {
        let mut line = String::new();
        let last = widths.len().saturating_sub(1);
        for (at, (cell, wide)) in cells.iter().zip(widths).enumerate() {
            let whole = cell.as_deref().unwrap_or(NULL);
            let shown = match self.room {
                Some(_) if is_head || self.may_cut(at) => cut(whole, *wide),
                _ => whole.into(),
            };
            if let Some(is_cut) = cuts.get_mut(at) {
                *is_cut |= shown != whole;
            }
            let padding = " ".repeat(wide.saturating_sub(width(&shown)));
            let painted = match cell {
                Some(_) => shown.into_owned(),
                None => self.style.paint(StyleRole::Faint, &shown),
            };
            if at > 0 {
                line.push_str(GAP);
            }
            match cell::is_number(self.kind(at)) {
                true => line.extend([padding.as_str(), &painted]),
                false if at == last => line.push_str(&painted),
                false => line.extend([painted.as_str(), &padding]),
            }
        }
        line
    }
}
