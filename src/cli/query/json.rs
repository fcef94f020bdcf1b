//! Rows as one JSON array of one object a row, each on its own line. Columns of the same name get
//! a number, since an object has each name once.

use std::collections::HashSet;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};

use super::cell;

pub(super) struct JsonWriter {
    fields: Vec<Field>,
    rows: u64,
}

impl JsonWriter {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut taken = HashSet::new();
        let fields = schema.fields().iter().map(|field| {
            let mut name = field.name().clone();
            let mut again = 1;
            while !taken.insert(name.clone()) {
                again += 1;
                name = format!("{}_{again}", field.name());
            }
            field.as_ref().clone().with_name(name)
        });
        Self {
            fields: fields.collect(),
            rows: 0,
        }
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let mut text = Vec::new();
        for row in 0..batch.num_rows() {
            text.extend_from_slice(if self.rows == 0 { b"[\n" } else { b",\n" });
            self.rows += 1;
            cell::push_object(&mut text, self.fields.iter().zip(batch.columns()), row)?;
        }
        out.write_all(&text)
    }

    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })
    }
}
