//! `CAST`: values of one type as another, as GoogleSQL reads and writes them.
//!
//! Which pairs exist is said by [`exists`] alone; a value that does not fit is a [`Fault`] with the way out.

use super::instant::{date_text, datetime_text, timestamp_text};
use super::native::{Answer, Cell, Fault, Kept};
use crate::query::types::Type;

/// Whether there is a cast from one type to another.
pub(in crate::query) fn exists(from: &Type, to: &Type) -> bool {
    use Type::{Array, Bool, Bytes, Date, Datetime, Float64, Int64, Null, String, Timestamp};
    match (from, to) {
        (_, Null | Array(_)) | (Array(_), _) => false,
        (Null | String, _) => true,
        (from, to) if from == to => true,
        (Int64, Bool | Float64 | String) | (Bool, Int64 | String) | (Float64, Int64 | String) => {
            true
        }
        (Bytes, String) => true,
        (Date | Datetime | Timestamp, String | Date | Datetime | Timestamp) => true,
        _ => false,
    }
}

/// The function that makes values of a type.
pub(in crate::query) fn function(to: &Type) -> &'static str {
    match to {
        Type::Bool => "cast_bool",
        Type::Float64 => "cast_float64",
        Type::String => "cast_string",
        Type::Bytes => "cast_bytes",
        Type::Date => "cast_date",
        Type::Datetime => "cast_datetime",
        Type::Timestamp => "cast_timestamp",
        Type::Null | Type::Int64 | Type::Array(_) => "cast_int64",
    }
}

const SAFELY: &str = "use SAFE_CAST to get NULL for values that cannot be cast";

fn unfit(text: &str, what: &str) -> Fault {
    const SHOWN: usize = 60;
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    Fault::new(format!("'{shown}{more}' is not {what}"), SAFELY)
}

pub(super) fn to_int64(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(match cells.first() {
        Some(Cell::Int(value)) => Cell::Int(*value),
        Some(Cell::Bool(value)) => Cell::Int(i64::from(*value)),
        Some(Cell::Float(value)) => {
            let rounded = value.round();
            // The bounds are exact as floating-point numbers.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
                return Err(Fault::new(format!("{value} is outside INT64"), SAFELY));
            }
            #[allow(clippy::cast_possible_truncation, reason = "it is within the bounds")]
            Cell::Int(rounded as i64)
        }
        Some(Cell::Text(text)) => {
            let plain = text.trim();
            let (sign, digits) = match plain.strip_prefix('-') {
                Some(digits) => ("-", digits),
                None => ("", plain.strip_prefix('+').unwrap_or(plain)),
            };
            let hex = digits
                .strip_prefix("0x")
                .or_else(|| digits.strip_prefix("0X"));
            let value = match hex {
                Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
                None if digits.starts_with(['+', '-']) => None,
                None => format!("{sign}{digits}").parse().ok(),
            };
            Cell::Int(value.ok_or_else(|| unfit(text, "an INT64"))?)
        }
        _ => Cell::Null,
    })
}

pub(super) fn to_float64(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(match cells.first() {
        Some(Cell::Float(value)) => Cell::Float(*value),
        #[allow(clippy::cast_precision_loss, reason = "GoogleSQL loses it too")]
        Some(Cell::Int(value)) => Cell::Float(*value as f64),
        Some(Cell::Text(text)) => {
            let value = text.trim().parse().ok();
            Cell::Float(value.ok_or_else(|| unfit(text, "a FLOAT64"))?)
        }
        _ => Cell::Null,
    })
}

pub(super) fn to_bool(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(match cells.first() {
        Some(Cell::Bool(value)) => Cell::Bool(*value),
        Some(Cell::Int(value)) => Cell::Bool(*value != 0),
        Some(Cell::Text(text)) if text.eq_ignore_ascii_case("true") => Cell::Bool(true),
        Some(Cell::Text(text)) if text.eq_ignore_ascii_case("false") => Cell::Bool(false),
        Some(Cell::Text(text)) => return Err(unfit(text, "TRUE or FALSE")),
        _ => Cell::Null,
    })
}

/// A number as `%.17g` writes it, with as few digits as tell it apart.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if (1e-4..1e15).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// A value as text; `None` for NULL and bytes that are not UTF-8.
pub(super) fn text_of(cell: &Cell<'_>) -> Option<String> {
    Some(match cell {
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) => float_text(*value),
        Cell::Text(text) => (*text).to_owned(),
        Cell::Owned(text) => text.clone(),
        Cell::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
        Cell::OwnedBytes(bytes) => String::from_utf8(bytes.clone()).ok()?,
        Cell::Date(days) => date_text(*days),
        Cell::Datetime(micros) => datetime_text(*micros),
        Cell::Timestamp(micros) => timestamp_text(*micros),
        Cell::Null | Cell::Texts(_) => return None,
    })
}

pub(super) fn to_string(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let Some(cell) = cells.first() else {
        return Ok(Cell::Null);
    };
    text_of(cell).map(Cell::Owned).ok_or_else(|| {
        Fault::new(
            "the bytes are not UTF-8 text",
            "use SAFE_CONVERT_BYTES_TO_STRING, which shows what is not as \u{fffd}",
        )
    })
}

pub(super) fn to_bytes(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    Ok(match cells.first() {
        Some(Cell::Text(text)) => Cell::OwnedBytes(text.as_bytes().to_vec()),
        Some(Cell::Bytes(bytes)) => Cell::OwnedBytes(bytes.to_vec()),
        _ => Cell::Null,
    })
}
