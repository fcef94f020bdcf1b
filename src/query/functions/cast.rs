//! `CAST`: values of one type as another, as GoogleSQL reads and writes them.
//!
//! Which pairs exist is said by [`exists`] alone; a value that does not fit is a [`FunctionFault`] with the way out.

use super::fault::FunctionFault;
use super::instant::{date_text, datetime_text, timestamp_text};
use super::native::{ArgumentCell, KeptText, NativeAnswer};
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

fn unfit(text: &str, what: &str) -> FunctionFault {
    const SHOWN: usize = 60;
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    FunctionFault::new(format!("'{shown}{more}' is not {what}"), SAFELY)
}

pub(super) fn to_int64(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells.first() {
        Some(ArgumentCell::Int(value)) => ArgumentCell::Int(*value),
        Some(ArgumentCell::Bool(value)) => ArgumentCell::Int(i64::from(*value)),
        Some(ArgumentCell::Float(value)) => {
            let rounded = value.round();
            // The bounds are exact as floating-point numbers.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
                return Err(FunctionFault::new(
                    format!("{value} is outside INT64"),
                    SAFELY,
                ));
            }
            #[allow(clippy::cast_possible_truncation, reason = "it is within the bounds")]
            ArgumentCell::Int(rounded as i64)
        }
        Some(ArgumentCell::Text(text)) => {
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
            ArgumentCell::Int(value.ok_or_else(|| unfit(text, "an INT64"))?)
        }
        _ => ArgumentCell::Null,
    })
}

pub(super) fn to_float64(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells.first() {
        Some(ArgumentCell::Float(value)) => ArgumentCell::Float(*value),
        #[allow(clippy::cast_precision_loss, reason = "GoogleSQL loses it too")]
        Some(ArgumentCell::Int(value)) => ArgumentCell::Float(*value as f64),
        Some(ArgumentCell::Text(text)) => {
            let value = text.trim().parse().ok();
            ArgumentCell::Float(value.ok_or_else(|| unfit(text, "a FLOAT64"))?)
        }
        _ => ArgumentCell::Null,
    })
}

pub(super) fn to_bool(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells.first() {
        Some(ArgumentCell::Bool(value)) => ArgumentCell::Bool(*value),
        Some(ArgumentCell::Int(value)) => ArgumentCell::Bool(*value != 0),
        Some(ArgumentCell::Text(text)) if text.eq_ignore_ascii_case("true") => {
            ArgumentCell::Bool(true)
        }
        Some(ArgumentCell::Text(text)) if text.eq_ignore_ascii_case("false") => {
            ArgumentCell::Bool(false)
        }
        Some(ArgumentCell::Text(text)) => return Err(unfit(text, "TRUE or FALSE")),
        _ => ArgumentCell::Null,
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
pub(super) fn text_of(cell: &ArgumentCell<'_>) -> Option<String> {
    Some(match cell {
        ArgumentCell::Bool(value) => value.to_string(),
        ArgumentCell::Int(value) => value.to_string(),
        ArgumentCell::Float(value) => float_text(*value),
        ArgumentCell::Text(text) => (*text).to_owned(),
        ArgumentCell::Owned(text) => text.clone(),
        ArgumentCell::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
        ArgumentCell::OwnedBytes(bytes) => String::from_utf8(bytes.clone()).ok()?,
        ArgumentCell::Date(days) => date_text(*days),
        ArgumentCell::Datetime(micros) => datetime_text(*micros),
        ArgumentCell::Timestamp(micros) => timestamp_text(*micros),
        ArgumentCell::Null | ArgumentCell::Texts(_) => return None,
    })
}

pub(super) fn to_string(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let Some(cell) = cells.first() else {
        return Ok(ArgumentCell::Null);
    };
    text_of(cell).map(ArgumentCell::Owned).ok_or_else(|| {
        FunctionFault::new(
            "the bytes are not UTF-8 text",
            "use SAFE_CONVERT_BYTES_TO_STRING, which shows what is not as \u{fffd}",
        )
    })
}

pub(super) fn to_bytes(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    Ok(match cells.first() {
        Some(ArgumentCell::Text(text)) => ArgumentCell::OwnedBytes(text.as_bytes().to_vec()),
        Some(ArgumentCell::Bytes(bytes)) => ArgumentCell::OwnedBytes(bytes.to_vec()),
        _ => ArgumentCell::Null,
    })
}
