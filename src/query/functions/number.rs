//! Arithmetic that says so where a result does not exist, instead of wrapping around or giving infinity.

use super::native::{Answer, Cell, Fault, Kept};

fn overflow() -> Fault {
    Fault::new(
        "the result is outside INT64",
        "compute with CAST(… AS FLOAT64), or use SAFE_ADD, SAFE_SUBTRACT or SAFE_MULTIPLY to get NULL",
    )
}

fn by_zero(instead: &str) -> Fault {
    Fault::new("division by zero", format!("{instead} to get NULL"))
}

fn checked(cells: &[Cell<'_>], operation: fn(i64, i64) -> Option<i64>) -> Answer {
    match cells {
        [Cell::Int(left), Cell::Int(right)] => {
            operation(*left, *right).map(Cell::Int).ok_or_else(overflow)
        }
        _ => Ok(Cell::Null),
    }
}

pub(super) fn add(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    checked(cells, i64::checked_add)
}

pub(super) fn subtract(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    checked(cells, i64::checked_sub)
}

pub(super) fn multiply(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    checked(cells, i64::checked_mul)
}

pub(super) fn negate(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    match cells {
        [Cell::Int(value)] => value.checked_neg().map(Cell::Int).ok_or_else(overflow),
        _ => Ok(Cell::Null),
    }
}

/// `left / right`
pub(super) fn divide(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    match cells {
        [Cell::Float(_), Cell::Float(right)] if *right == 0.0 => Err(by_zero(
            "write SAFE_DIVIDE(left, right) instead of left / right",
        )),
        [Cell::Float(left), Cell::Float(right)] => Ok(Cell::Float(left / right)),
        _ => Ok(Cell::Null),
    }
}

/// `DIV(left, right)`
pub(super) fn div(cells: &[Cell<'_>], kept: &mut Kept) -> Answer {
    integer(cells, kept, i64::checked_div)
}

/// `MOD(left, right)`
pub(super) fn modulo(cells: &[Cell<'_>], kept: &mut Kept) -> Answer {
    integer(cells, kept, i64::checked_rem)
}

fn integer(cells: &[Cell<'_>], _: &mut Kept, operation: fn(i64, i64) -> Option<i64>) -> Answer {
    match cells {
        [Cell::Int(_), Cell::Int(0)] => Err(by_zero("write NULLIF(right, 0) for the divisor")),
        cells => checked(cells, operation),
    }
}

/// `ABS` of an integer
pub(super) fn abs(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    match cells {
        [Cell::Int(value)] => value.checked_abs().map(Cell::Int).ok_or_else(overflow),
        _ => Ok(Cell::Null),
    }
}

/// A root or logarithm of a number that has none.
fn no_number(name: &str, value: f64) -> Fault {
    Fault::new(
        format!("{name} does not exist for {value}"),
        format!("leave such values out, or write SAFE.{name} to get NULL"),
    )
}

fn of_positive(cells: &[Cell<'_>], name: &str, zero: bool, of: fn(f64) -> f64) -> Answer {
    match cells {
        [Cell::Float(value)] if *value < 0.0 || (*value == 0.0 && !zero) => {
            Err(no_number(name, *value))
        }
        [Cell::Float(value)] => Ok(Cell::Float(of(*value))),
        _ => Ok(Cell::Null),
    }
}

pub(super) fn sqrt(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    of_positive(cells, "SQRT", true, f64::sqrt)
}

pub(super) fn ln(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    of_positive(cells, "LN", false, f64::ln)
}

pub(super) fn log10(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    of_positive(cells, "LOG10", false, f64::log10)
}

/// `ROUND(x[, digits])`: halves go away from zero.
pub(super) fn round(cells: &[Cell<'_>], _: &mut Kept) -> Answer {
    let (Some(Cell::Float(value)), digits) = (cells.first(), cells.get(1)) else {
        return Ok(Cell::Null);
    };
    let digits = match digits {
        Some(Cell::Int(digits)) => i32::try_from(*digits).unwrap_or_default(),
        _ => 0,
    };
    let factor = 10f64.powi(digits);
    let scaled = value * factor;
    Ok(Cell::Float(if factor.is_finite() && scaled.is_finite() {
        scaled.round() / factor
    } else {
        *value
    }))
}
