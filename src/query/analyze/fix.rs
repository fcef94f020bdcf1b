//! What to write where two types do not go together.

use std::fmt::Display;

use crate::query::types::{Type, Typed};

/// What makes text of an expression.
pub(super) fn text_fix(typed: &Typed, expr: &dyn Display) -> String {
    match typed.kind {
        Type::Int64 | Type::Float64 if typed.literal.is_some() => {
            format!("text goes in quotes: '{expr}'")
        }
        Type::Date => {
            format!("compare dates with =, < or BETWEEN, or write CAST({expr} AS STRING)")
        }
        _ => format!("write CAST({expr} AS STRING)"),
    }
}

/// What makes a number of an expression.
pub(super) fn number_fix(typed: &Typed, expr: &dyn Display) -> String {
    match (&typed.kind, typed.text()) {
        (Type::String, Some(text)) if text.parse::<f64>().is_ok() => {
            format!("write {text} without quotes")
        }
        (Type::String, _) => format!("write CAST({expr} AS INT64), or SAFE_CAST to get NULL"),
        (Type::Bool, _) => format!("write IF({expr}, 1, 0), or COUNTIF({expr}) to count"),
        (Type::Date, _) => format!("write UNIX_DATE({expr}) for its number of days"),
        (Type::Timestamp, _) => format!("write UNIX_SECONDS({expr}) for its number of seconds"),
        _ => "use a number".to_owned(),
    }
}

/// The expression of a date that is written without quotes, as in `dt > 2026-11-20`.
fn unquoted_date(expr: &dyn Display) -> Option<String> {
    let text = expr.to_string().replace(' ', "");
    let text = text.trim_matches(['(', ')']);
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?;
    let (month, day) = (parts.next()?, parts.next()?);
    let digits = |part: &str| {
        !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())
    };
    let plain = year.bytes().all(|b| b.is_ascii_digit())
        && digits(month)
        && digits(day)
        && parts.next().is_none();
    plain.then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

/// What to write where two expressions cannot be compared.
pub(super) fn fix_between(
    one: &Typed,
    left: &dyn Display,
    other: &Typed,
    right: &dyn Display,
) -> String {
    fix_of(one, left, other, right)
        .or_else(|| fix_of(other, right, one, left))
        .unwrap_or_else(|| format!("write CAST(… AS {})", one.kind))
}

/// What to write instead of the second expression, or around it.
fn fix_of(one: &Typed, left: &dyn Display, other: &Typed, right: &dyn Display) -> Option<String> {
    Some(match (&one.kind, &other.kind) {
        (Type::Date | Type::Datetime | Type::Timestamp, Type::Int64) => {
            match (unquoted_date(right), other.literal.is_some()) {
                (Some(date), _) => format!("write {} '{date}'", one.kind),
                (None, true) if one.kind == Type::Date => {
                    "write a date in quotes, such as DATE '2026-11-20', or EXTRACT(YEAR FROM …)"
                        .to_owned()
                }
                (None, _) if one.kind == Type::Timestamp => {
                    format!(
                        "write TIMESTAMP_SECONDS({right}), or TIMESTAMP '…' with a time in quotes"
                    )
                }
                (None, _) => {
                    format!("write DATE_FROM_UNIX_DATE({right}), or DATE '…' with a date in quotes")
                }
            }
        }
        (Type::String, Type::Int64 | Type::Float64) if other.literal.is_some() => {
            format!("text goes in quotes: '{right}'; or compare CAST({left} AS INT64)")
        }
        (Type::String, Type::Int64 | Type::Float64) => match one.text() {
            Some(text) if text.parse::<f64>().is_ok() => format!("write {text} without quotes"),
            _ => format!("write SAFE_CAST({left} AS {})", other.kind),
        },
        (Type::String, Type::Bool) => format!("write {left} = 'true'"),
        (Type::String, Type::Date | Type::Datetime | Type::Timestamp) => {
            format!("write SAFE_CAST({left} AS {})", other.kind)
        }
        (Type::Timestamp, Type::Date) if other.literal.is_some() => {
            format!("write TIMESTAMP instead of DATE before the literal, or DATE({left})")
        }
        (Type::Timestamp, Type::Date) => format!("write DATE({left}), or TIMESTAMP({right})"),
        (Type::Timestamp, Type::Datetime) => {
            format!("write TIMESTAMP({right}), or DATETIME({left})")
        }
        (Type::Int64 | Type::Float64, Type::Bool) => format!("write IF({right}, 1, 0)"),
        (Type::String, Type::Bytes) => format!("write SAFE_CONVERT_BYTES_TO_STRING({right})"),
        _ => return None,
    })
}
