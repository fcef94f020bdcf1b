//! The functions of GoogleSQL that the engine has: [`FORMS`] is the one list.
//!
//! What a statement may call, which types each function takes, what it is for the engine, what `docs/sql.md` says of
//! it, and the example that tests try here and before Google's analyzer: all of it is one [`CallForm`]. A function that no
//! form names is refused, with the form that works where [`INSTEAD`] knows one.

mod list;

// The functions that are written here, by what they are about.
mod text;

mod number;

mod time;

mod format;

mod json;

pub(super) mod cast;

// What they are made of.
mod native;

pub(super) mod path;

pub(super) mod instant;

mod fault;

use datafusion::logical_expr::ScalarUDF;

pub(super) use list::{FORMS, INSTEAD};
pub(super) use native::SAFE;
use native::{ArgumentCell, KeptText, Native, NativeAnswer};

use super::types::Type;

/// What a function is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionKind {
    /// A value for each row.
    Scalar,
    /// A value for each group, or for each row with `OVER`.
    Aggregate,
    /// A value for each row, only with `OVER`.
    Window,
    /// Not a function but a form of the language, listed for the docs and the tests.
    Syntax,
}

/// One way to call a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallForm {
    pub(super) name: &'static str,
    /// Types of the arguments, separated by commas: a type; `T`, any type, one for all such arguments; `C`, the same of
    /// what can be compared; `N`, numbers; `ANY`; `PATH` or `OLDPATH`, a literal JSON path; `ZONE`;
    /// `PART …` and `INTERVAL …` with the parts of a date that are taken. The last may repeat with `...`.
    pub(super) arguments: &'static str,
    /// Type of the result: a type, or `T`, `C`, `N` for that of the arguments.
    pub(super) returns: &'static str,
    pub(super) kind: FunctionKind,
    /// SQL of the engine with `$1`, `$2` for the arguments, or the name of a function that takes all of them.
    pub(super) engine: &'static str,
    /// An expression; in a form with groups or windows over `things`, see [`THINGS`].
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for tests and docs, which a test writes")
    )]
    pub(super) example: &'static str,
    /// What BigQuery documents as its value, one for each row of `things`; empty where it differs from time to time.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for tests and docs, which a test writes")
    )]
    pub(super) result: &'static str,
}

/// The rows of examples with groups or windows.
#[cfg(test)]
pub(super) const THINGS: &str = "WITH things AS (SELECT 1 AS n, 'a' AS t UNION ALL SELECT 2, 'b' \
     UNION ALL SELECT 3, 'b' UNION ALL SELECT 4, NULL)";

impl CallForm {
    /// What the arguments are, one by one.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &'static str> + use<> {
        let wanted = self.arguments.split(',').map(str::trim);
        wanted.filter(|wanted| !wanted.is_empty())
    }

    /// The statement that shows the form.
    #[cfg(test)]
    pub(super) fn statement(&self) -> String {
        if matches!(self.kind, FunctionKind::Aggregate | FunctionKind::Window) {
            format!("{THINGS} SELECT {} AS example FROM things", self.example)
        } else {
            format!("SELECT {} AS example", self.example)
        }
    }
}

/// Parts of dates, by the names that forms give to groups of them.
pub(super) fn parts(group: &str) -> &'static [&'static str] {
    const WEEKS: [&str; 7] = [
        "WEEK(SUNDAY)",
        "WEEK(MONDAY)",
        "WEEK(TUESDAY)",
        "WEEK(WEDNESDAY)",
        "WEEK(THURSDAY)",
        "WEEK(FRIDAY)",
        "WEEK(SATURDAY)",
    ];
    const TIME: &[&str] = &[
        "MICROSECOND",
        "MILLISECOND",
        "SECOND",
        "MINUTE",
        "HOUR",
        "DAY",
        "WEEK",
        "ISOWEEK",
        "MONTH",
        "QUARTER",
        "YEAR",
        "ISOYEAR",
        WEEKS[0],
        WEEKS[1],
        WEEKS[2],
        WEEKS[3],
        WEEKS[4],
        WEEKS[5],
        WEEKS[6],
    ];
    const CLOCK: &[&str] = &[
        "MICROSECOND",
        "MILLISECOND",
        "SECOND",
        "MINUTE",
        "HOUR",
        "DAY",
        "WEEK",
        "MONTH",
        "QUARTER",
        "YEAR",
    ];
    const EXTRACTED: &[&str] = &[
        "MICROSECOND",
        "MILLISECOND",
        "SECOND",
        "MINUTE",
        "HOUR",
        "DAYOFWEEK",
        "DAY",
        "DAYOFYEAR",
        "WEEK",
        "ISOWEEK",
        "MONTH",
        "QUARTER",
        "YEAR",
        "ISOYEAR",
        "DATE",
        "DATETIME",
        WEEKS[0],
        WEEKS[1],
        WEEKS[2],
        WEEKS[3],
        WEEKS[4],
        WEEKS[5],
        WEEKS[6],
    ];
    match group {
        "date" => &TIME[5..],
        "time" => TIME,
        "elapsed" => &CLOCK[..6],
        "days" => &CLOCK[5..],
        "clock" => CLOCK,
        "of a date" => &EXTRACTED[5..],
        "of a time" => EXTRACTED,
        _ => &[],
    }
}

/// The forms of a name in upper case.
pub(super) fn named(name: &str) -> Vec<&'static CallForm> {
    let forms = FORMS
        .iter()
        .filter(|form| form.kind != FunctionKind::Syntax);
    forms.filter(|form| form.name == name).collect()
}

/// The function of the engine with this name, if it is written here.
pub(super) fn native_named(engine: &str) -> Option<&'static Native> {
    NATIVES.iter().find(|native| native.name == engine)
}

/// All functions that are written here, for the engine.
pub(super) fn natives() -> impl Iterator<Item = ScalarUDF> {
    NATIVES.iter().copied().flat_map(Native::functions)
}

const fn native(
    name: &'static str,
    returns: fn() -> Type,
    call: fn(&[ArgumentCell<'_>], &mut KeptText) -> NativeAnswer,
) -> Native {
    Native {
        name,
        returns,
        call,
        fails: true,
    }
}

/// One that fails on no value.
const fn sure(
    name: &'static str,
    returns: fn() -> Type,
    call: fn(&[ArgumentCell<'_>], &mut KeptText) -> NativeAnswer,
) -> Native {
    Native {
        fails: false,
        ..native(name, returns, call)
    }
}

const BOOL: fn() -> Type = || Type::Bool;
const INT64: fn() -> Type = || Type::Int64;
const FLOAT64: fn() -> Type = || Type::Float64;
const STRING: fn() -> Type = || Type::String;
const BYTES: fn() -> Type = || Type::Bytes;
const DATE: fn() -> Type = || Type::Date;
const DATETIME: fn() -> Type = || Type::Datetime;
const TIMESTAMP: fn() -> Type = || Type::Timestamp;
const STRINGS: fn() -> Type = || Type::Array(Box::new(Type::String));

const NATIVES: &[Native] = &[
    native("cast_int64", INT64, cast::to_int64),
    native("cast_float64", FLOAT64, cast::to_float64),
    native("cast_bool", BOOL, cast::to_bool),
    native("cast_string", STRING, cast::to_string),
    native("cast_bytes", BYTES, cast::to_bytes),
    native("cast_date", DATE, time::date),
    native("cast_datetime", DATETIME, time::datetime),
    native("cast_timestamp", TIMESTAMP, time::timestamp),
    native("int_add", INT64, number::add),
    native("int_subtract", INT64, number::subtract),
    native("int_multiply", INT64, number::multiply),
    native("int_negate", INT64, number::negate),
    native("int_div", INT64, number::div),
    native("int_mod", INT64, number::modulo),
    native("int_abs", INT64, number::abs),
    native("divide", FLOAT64, number::divide),
    sure("round_half_away", FLOAT64, number::round),
    native("sqrt_checked", FLOAT64, number::sqrt),
    native("ln_checked", FLOAT64, number::ln),
    native("log10_checked", FLOAT64, number::log10),
    native("date_of", DATE, time::date),
    native("datetime_of", DATETIME, time::datetime),
    native("timestamp_of", TIMESTAMP, time::timestamp),
    sure("string_of", STRING, time::string),
    native("trunc_date", DATE, time::trunc),
    native("trunc_datetime", DATETIME, time::trunc),
    native("trunc_timestamp", TIMESTAMP, time::trunc),
    native("part_of", INT64, time::extract),
    native("add_date", DATE, time::add),
    native("add_datetime", DATETIME, time::add),
    native("add_timestamp", TIMESTAMP, time::add),
    native("sub_date", DATE, time::sub),
    native("sub_datetime", DATETIME, time::sub),
    native("sub_timestamp", TIMESTAMP, time::sub),
    native("elapsed", INT64, time::elapsed),
    native("borders", INT64, time::borders),
    native("last_day", DATE, time::last_day),
    native("format_time", STRING, time::formatted),
    native("parse_timestamp", TIMESTAMP, time::parse_timestamp_by),
    native("parse_datetime", DATETIME, time::parse_datetime_by),
    native("parse_date", DATE, time::parse_date_by),
    sure("unix_time", INT64, time::unix),
    native("from_unix_time", TIMESTAMP, time::from_unix),
    sure("unix_days", INT64, time::unix_date),
    native("date_from_unix", DATE, time::date_from_unix),
    sure("concat_text", STRING, text::concat),
    sure("byte_length_of", INT64, text::byte_length),
    native("substr_of", STRING, text::substr),
    native("left_of", STRING, text::left),
    native("right_of", STRING, text::right),
    sure("contains_substr", BOOL, text::contains_substr),
    sure("split_text", STRINGS, text::split),
    native("regexp_contains", BOOL, text::regexp_contains),
    native("regexp_extract", STRING, text::regexp_extract),
    native("regexp_extract_all", STRINGS, text::regexp_extract_all),
    native("regexp_replaced", STRING, text::regexp_replace),
    sure("bytes_to_string", STRING, text::bytes_to_string),
    sure("hex_of", STRING, text::to_hex),
    sure("base64_of", STRING, text::to_base64),
    sure("md5_of", BYTES, text::md5),
    sure("sha256_of", BYTES, text::sha256),
    sure("array_length_of", INT64, text::array_length),
    sure("array_to_text", STRING, text::array_to_string),
    native("array_at", STRING, text::array_at),
    sure("array_has_text", BOOL, text::array_has),
    sure("json_value", STRING, json::json_value),
    sure("json_query", STRING, json::json_query),
    sure("json_value_array", STRINGS, json::json_value_array),
    sure("json_query_array", STRINGS, json::json_query_array),
    sure("json_extract", STRING, json::json_extract),
    sure("json_extract_scalar", STRING, json::json_extract_scalar),
    sure("json_extract_array", STRINGS, json::json_extract_array),
    sure(
        "json_extract_string_array",
        STRINGS,
        json::json_extract_string_array,
    ),
    sure("to_json_string", STRING, json::to_json_string),
];
