//! Rows as comma-separated values: a head line, quotes where they are needed (RFC 4180), and lines that end
//! with LF as those of `psql` and DuckDB do, since CR LF breaks `cut` and `tail` in a pipe. NULL is empty; a
//! text without characters is `""`. The crate `csv` writes both alike, and one empty column as `""`.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell;

pub(super) struct CsvWriter {
    schema: SchemaRef,
    begun: bool,
}

impl CsvWriter {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            begun: false,
        }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)?;
        let mut lines = Vec::new();
        for row in 0..batch.num_rows() {
            for (at, column) in batch.columns().iter().enumerate() {
                if at > 0 {
                    lines.push(b',');
                }
                if let Some(text) = cell::text(column, row)? {
                    push_field(&mut lines, &text);
                }
            }
            lines.push(b'\n');
        }
        out.write_all(&lines)
    }

    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let mut line = Vec::new();
        for (at, field) in self.schema.fields().iter().enumerate() {
            if at > 0 {
                line.push(b',');
            }
            push_field(&mut line, field.name());
        }
        line.push(b'\n');
        out.write_all(&line)
    }
}

fn push_field(line: &mut Vec<u8>, text: &str) {
    if !text.is_empty() && !text.contains(['"', ',', '\r', '\n']) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}
