//! One value of a row as text, the same in all forms of output.

use std::io;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::cli::escape::escape;
use crate::window::format_instant;

/// Whether values of a type are numbers, which stand on the right of a column and without quotes
/// in JSON.
pub(super) fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// All values of a row as text that a terminal can show.
pub(super) fn escaped(batch: &RecordBatch, row: usize) -> io::Result<Vec<Option<String>>> {
    let cells = batch.columns().iter().map(|column| {
        let text = text(column, row)?;
        Ok(text.map(|text| escape(&text).into_owned()))
    });
    cells.collect()
}

/// The text of a value: a `TIMESTAMP` as RFC 3339 with `Z`, a `DATETIME` without, since it is what the clock of some
/// zone shows, dates as `2026-11-23`, bytes in base64, everything else as the engine writes it. `None` stands for NULL.
pub(super) fn text(array: &ArrayRef, row: usize) -> io::Result<Option<String>> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Binary => STANDARD.encode(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => STANDARD.encode(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => STANDARD.encode(array.as_binary_view().value(row)),
        DataType::Date32 => match array.as_primitive::<Date32Type>().value_as_date(row) {
            Some(date) => date.to_string(),
            None => formatted(array, row)?,
        },
        DataType::Timestamp(_, zone) => match (instant(array, row)?, zone) {
            (Some(instant), Some(_)) => format_instant(instant),
            (Some(clock), None) => format_instant(clock).trim_end_matches('Z').to_owned(),
            (None, _) => formatted(array, row)?,
        },
        _ => formatted(array, row)?,
    }))
}

fn instant(array: &ArrayRef, row: usize) -> io::Result<Option<DateTime<Utc>>> {
    let one = array.slice(row, 1);
    let nanos = match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => cast(&one, &DataType::Int64)
            .map_err(io::Error::other)?
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(0),
        _ => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            let micros = cast(&one, &micros).map_err(io::Error::other)?;
            let micros: &TimestampMicrosecondArray =
                micros.as_primitive::<TimestampMicrosecondType>();
            return Ok(DateTime::from_timestamp_micros(micros.value(0)));
        }
    };
    Ok(Some(DateTime::from_timestamp_nanos(nanos)))
}

fn formatted(array: &ArrayRef, row: usize) -> io::Result<String> {
    let options = FormatOptions::new()
        .with_display_error(false)
        .with_null("NULL");
    let formatter = ArrayFormatter::try_new(array, &options).map_err(io::Error::other)?;
    formatter
        .value(row)
        .try_to_string()
        .map_err(io::Error::other)
}

/// A value in JSON: numbers, booleans and NULL as such, lists as arrays, structs as objects, and
/// everything else as text. Numbers that JSON does not have, such as `NaN`, are text too.
pub(super) fn push_json(out: &mut Vec<u8>, array: &ArrayRef, row: usize) -> io::Result<()> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::List(_) => push_items(out, &array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => push_items(out, &array.as_list::<i64>().value(row)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            push_object(out, fields.iter().map(AsRef::as_ref).zip(columns), row)
        }
        data_type => match text(array, row)? {
            None => {
                out.extend_from_slice(b"null");
                Ok(())
            }
            Some(text) => {
                let bare = *data_type == DataType::Boolean
                    || (is_number(data_type) && text.parse::<f64>().is_ok_and(f64::is_finite));
                if bare {
                    out.extend_from_slice(text.as_bytes());
                    return Ok(());
                }
                push_text(out, &text)
            }
        },
    }
}

fn push_items(out: &mut Vec<u8>, items: &ArrayRef) -> io::Result<()> {
    out.push(b'[');
    for at in 0..items.len() {
        if at > 0 {
            out.push(b',');
        }
        push_json(out, items, at)?;
    }
    out.push(b']');
    Ok(())
}

/// An object of one row's values, in the order of the columns.
pub(super) fn push_object<'c>(
    out: &mut Vec<u8>,
    columns: impl Iterator<Item = (&'c Field, &'c ArrayRef)>,
    row: usize,
) -> io::Result<()> {
    out.push(b'{');
    for (at, (field, array)) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_text(out, field.name())?;
        out.push(b':');
        push_json(out, array, row)?;
    }
    out.push(b'}');
    Ok(())
}

fn push_text(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}
