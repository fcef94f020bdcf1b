//! Arithmetic that says so where a result does not exist, instead of wrapping around or giving infinity.

use super::fault::FunctionFault;
use super::native::{ArgumentCell, KeptText, NativeAnswer};

fn overflow() -> FunctionFault {
    FunctionFault::new(
        "the result is outside INT64",
        "compute with CAST(… AS FLOAT64), or use SAFE_ADD, SAFE_SUBTRACT or SAFE_MULTIPLY to get NULL",
    )
}

fn by_zero(instead: &str) -> FunctionFault {
    FunctionFault::new("division by zero", format!("{instead} to get NULL"))
}

fn checked(cells: &[ArgumentCell<'_>], operation: fn(i64, i64) -> Option<i64>) -> NativeAnswer {
    match cells {
        [ArgumentCell::Int(left), ArgumentCell::Int(right)] => operation(*left, *right)
            .map(ArgumentCell::Int)
            .ok_or_else(overflow),
        _ => Ok(ArgumentCell::Null),
    }
}

pub(super) fn add(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    checked(cells, i64::checked_add)
}

pub(super) fn subtract(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    checked(cells, i64::checked_sub)
}

pub(super) fn multiply(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    checked(cells, i64::checked_mul)
}

pub(super) fn negate(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    match cells {
        [ArgumentCell::Int(value)] => value
            .checked_neg()
            .map(ArgumentCell::Int)
            .ok_or_else(overflow),
        _ => Ok(ArgumentCell::Null),
    }
}

/// `left / right`
pub(super) fn divide(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    match cells {
        [ArgumentCell::Float(_), ArgumentCell::Float(right)] if *right == 0.0 => Err(by_zero(
            "write SAFE_DIVIDE(left, right) instead of left / right",
        )),
        [ArgumentCell::Float(left), ArgumentCell::Float(right)] => {
            Ok(ArgumentCell::Float(left / right))
        }
        _ => Ok(ArgumentCell::Null),
    }
}

/// `DIV(left, right)`
pub(super) fn div(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    integer(cells, kept, i64::checked_div)
}

/// `MOD(left, right)`
pub(super) fn modulo(cells: &[ArgumentCell<'_>], kept: &mut KeptText) -> NativeAnswer {
    integer(cells, kept, i64::checked_rem)
}

fn integer(
    cells: &[ArgumentCell<'_>],
    _: &mut KeptText,
    operation: fn(i64, i64) -> Option<i64>,
) -> NativeAnswer {
    match cells {
        [ArgumentCell::Int(_), ArgumentCell::Int(0)] => {
            Err(by_zero("write NULLIF(right, 0) for the divisor"))
        }
        cells => checked(cells, operation),
    }
}

/// `ABS` of an integer
pub(super) fn abs(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    match cells {
        [ArgumentCell::Int(value)] => value
            .checked_abs()
            .map(ArgumentCell::Int)
            .ok_or_else(overflow),
        _ => Ok(ArgumentCell::Null),
    }
}

/// A root or logarithm of a number that has none.
fn no_number(name: &str, value: f64) -> FunctionFault {
    FunctionFault::new(
        format!("{name} does not exist for {value}"),
        format!("leave such values out, or write SAFE.{name} to get NULL"),
    )
}

fn of_positive(
    cells: &[ArgumentCell<'_>],
    name: &str,
    zero: bool,
    of: fn(f64) -> f64,
) -> NativeAnswer {
    match cells {
        [ArgumentCell::Float(value)] if *value < 0.0 || (*value == 0.0 && !zero) => {
            Err(no_number(name, *value))
        }
        [ArgumentCell::Float(value)] => Ok(ArgumentCell::Float(of(*value))),
        _ => Ok(ArgumentCell::Null),
    }
}

pub(super) fn sqrt(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    of_positive(cells, "SQRT", true, f64::sqrt)
}

pub(super) fn ln(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    of_positive(cells, "LN", false, f64::ln)
}

pub(super) fn log10(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    of_positive(cells, "LOG10", false, f64::log10)
}

/// `ROUND(x[, digits])`: halves go away from zero.
pub(super) fn round(cells: &[ArgumentCell<'_>], _: &mut KeptText) -> NativeAnswer {
    let (Some(ArgumentCell::Float(value)), digits) = (cells.first(), cells.get(1)) else {
        return Ok(ArgumentCell::Null);
    };
    let digits = match digits {
        Some(ArgumentCell::Int(digits)) => i32::try_from(*digits).unwrap_or_default(),
        _ => 0,
    };
    let factor = 10f64.powi(digits);
    let scaled = value * factor;
    Ok(ArgumentCell::Float(
        if factor.is_finite() && scaled.is_finite() {
            scaled.round() / factor
        } else {
            *value
        },
    ))
}
