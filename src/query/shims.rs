//! Functions of BigQuery that the engine does not have, each written in terms of those it has.
//!
//! A shim is a template: `$1`, `$2`, … stand for the arguments, and `{part}` for a part of a date
//! such as `DAY`, which is always the last argument. `TZ` stands for BigQuery's `TIMESTAMP`:
//! microseconds in UTC.

/// A function and what it is turned into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shim {
    /// Name in upper case.
    pub(super) name: &'static str,
    /// How many arguments, a part of a date included.
    pub(super) arguments: usize,
    /// Parts of a date that it takes and what `{part}` stands for then; none for most.
    pub(super) parts: &'static [(&'static str, &'static str)],
    /// SQL of the engine.
    pub(super) template: &'static str,
}

const fn shim(name: &'static str, arguments: usize, template: &'static str) -> Shim {
    Shim {
        name,
        arguments,
        parts: &[],
        template,
    }
}

const fn by_part(
    name: &'static str,
    arguments: usize,
    parts: &'static [(&'static str, &'static str)],
    template: &'static str,
) -> Shim {
    Shim {
        name,
        arguments,
        parts,
        template,
    }
}

/// Parts to which dates are cut. Weeks of BigQuery begin on Sunday unless they are ISO weeks.
const DATE_PARTS: &[(&str, &str)] = &[
    ("DAY", "day"),
    ("ISOWEEK", "week"),
    ("WEEK(MONDAY)", "week"),
    ("MONTH", "month"),
    ("QUARTER", "quarter"),
    ("YEAR", "year"),
];

const WEEK: &[(&str, &str)] = &[("WEEK", "week"), ("WEEK(SUNDAY)", "week")];

const TIMESTAMP_PARTS: &[(&str, &str)] = &[
    ("MICROSECOND", "microsecond"),
    ("MILLISECOND", "millisecond"),
    ("SECOND", "second"),
    ("MINUTE", "minute"),
    ("HOUR", "hour"),
    ("DAY", "day"),
    ("ISOWEEK", "week"),
    ("WEEK(MONDAY)", "week"),
    ("MONTH", "month"),
    ("QUARTER", "quarter"),
    ("YEAR", "year"),
];

/// Lengths in microseconds.
const LENGTHS: &[(&str, &str)] = &[
    ("MICROSECOND", "1"),
    ("MILLISECOND", "1000"),
    ("SECOND", "1000000"),
    ("MINUTE", "60000000"),
    ("HOUR", "3600000000"),
    ("DAY", "86400000000"),
];

const DAY: &[(&str, &str)] = &[("DAY", "1")];

/// All shims. Aggregates keep their `OVER` and `FILTER` clauses.
pub(super) const SHIMS: &[Shim] = &[
    shim("IF", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    shim("SAFE_DIVIDE", 2, "CAST($1 AS DOUBLE) / NULLIF($2, 0)"),
    shim("COUNTIF", 1, "count(CASE WHEN $1 THEN 1 END)"),
    shim("LOGICAL_AND", 1, "bool_and($1)"),
    shim("LOGICAL_OR", 1, "bool_or($1)"),
    shim("APPROX_COUNT_DISTINCT", 1, "approx_distinct($1)"),
    shim("REGEXP_CONTAINS", 2, "regexp_like($1, $2)"),
    shim("CONTAINS_SUBSTR", 2, "contains(lower($1), lower($2))"),
    shim("BYTE_LENGTH", 1, "octet_length($1)"),
    shim("CURRENT_TIMESTAMP", 0, "CAST(now() AS TZ)"),
    shim("CURRENT_DATE", 0, "CAST(now() AS DATE)"),
    shim("DATE", 1, "CAST($1 AS DATE)"),
    shim("DATE", 3, "make_date($1, $2, $3)"),
    shim(
        "UNIX_DATE",
        1,
        "CAST(CAST(CAST($1 AS DATE) AS INT) AS BIGINT)",
    ),
    shim("DATE_FROM_UNIX_DATE", 1, "CAST(CAST($1 AS INT) AS DATE)"),
    shim("TIMESTAMP", 1, "CAST($1 AS TZ)"),
    shim(
        "TIMESTAMP_SECONDS",
        1,
        "CAST(to_timestamp_seconds($1) AS TZ)",
    ),
    shim("TIMESTAMP_MILLIS", 1, "CAST(to_timestamp_millis($1) AS TZ)"),
    shim("TIMESTAMP_MICROS", 1, "CAST(to_timestamp_micros($1) AS TZ)"),
    shim(
        "UNIX_SECONDS",
        1,
        "CAST(date_trunc('second', CAST($1 AS TZ)) AS BIGINT) / 1000000",
    ),
    shim(
        "UNIX_MILLIS",
        1,
        "CAST(date_trunc('millisecond', CAST($1 AS TZ)) AS BIGINT) / 1000",
    ),
    shim("UNIX_MICROS", 1, "CAST(CAST($1 AS TZ) AS BIGINT)"),
    shim("DATE_ADD", 2, "CAST(CAST($1 AS DATE) + $2 AS DATE)"),
    shim("DATE_SUB", 2, "CAST(CAST($1 AS DATE) - $2 AS DATE)"),
    shim("TIMESTAMP_ADD", 2, "CAST($1 AS TZ) + $2"),
    shim("TIMESTAMP_SUB", 2, "CAST($1 AS TZ) - $2"),
    shim("FORMAT_TIMESTAMP", 2, "to_char(CAST($2 AS TZ), $1)"),
    shim("FORMAT_DATE", 2, "to_char(CAST($2 AS DATE), $1)"),
    by_part(
        "TIMESTAMP_TRUNC",
        2,
        TIMESTAMP_PARTS,
        "date_trunc('{part}', CAST($1 AS TZ))",
    ),
    by_part(
        "TIMESTAMP_TRUNC",
        2,
        WEEK,
        "date_trunc('week', CAST($1 AS TZ) + INTERVAL '1 day') - INTERVAL '1 day'",
    ),
    by_part(
        "DATE_TRUNC",
        2,
        DATE_PARTS,
        "CAST(date_trunc('{part}', CAST(CAST($1 AS DATE) AS TZ)) AS DATE)",
    ),
    by_part(
        "DATE_TRUNC",
        2,
        WEEK,
        "CAST(date_trunc('week', CAST(CAST($1 AS DATE) AS TZ) + INTERVAL '1 day') \
         - INTERVAL '1 day' AS DATE)",
    ),
    by_part(
        "TIMESTAMP_DIFF",
        3,
        LENGTHS,
        "(CAST(CAST($1 AS TZ) AS BIGINT) - CAST(CAST($2 AS TZ) AS BIGINT)) / {part}",
    ),
    by_part(
        "DATE_DIFF",
        3,
        DAY,
        "CAST(CAST(CAST($1 AS DATE) AS INT) - CAST(CAST($2 AS DATE) AS INT) AS BIGINT)",
    ),
];

/// `TZ` as the engine writes it.
pub(super) const INSTANT: &str = "TIMESTAMP(6) WITH TIME ZONE";
