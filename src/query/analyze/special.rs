//! Forms with a syntax of their own: `CAST`, `EXTRACT`, `INTERVAL`, `TRIM(…)` and the like.

use datafusion::sql::sqlparser::ast::{
    CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Interval,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::engine::{engine_call, number};
use super::form::listed;
use super::scope::NameScope;
use super::{Analyzer, span_of};
use crate::query::error::QueryError;
use crate::query::functions::{SAFE, cast as casts, instant, parts};
use crate::query::types::{Type, Typed, cast, text_literal};

/// The type that a statement names, or what to write instead.
fn named_type(data_type: &DataType) -> Result<Type, &'static str> {
    Ok(match data_type {
        DataType::Bool => Type::Bool,
        // Other names of INT64 in BigQuery.
        DataType::Int64
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::SmallInt(None)
        | DataType::TinyInt(None) => Type::Int64,
        DataType::Boolean => Type::Bool,
        DataType::Float64 => Type::Float64,
        DataType::String(None) => Type::String,
        DataType::Bytes(None) => Type::Bytes,
        DataType::Date => Type::Date,
        DataType::Datetime(None) => Type::Datetime,
        DataType::Timestamp(None, _) => Type::Timestamp,
        DataType::Varchar(_) | DataType::Text | DataType::Char(_) => return Err("write STRING"),
        DataType::Float(_) | DataType::Double(_) | DataType::Real | DataType::DoublePrecision => {
            return Err("write FLOAT64");
        }
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::BigNumeric(_) => {
            return Err("write FLOAT64");
        }
        DataType::JSON => return Err("read JSON in text with JSON_VALUE(text, '$.key')"),
        DataType::Time(..) => return Err("write FORMAT_TIMESTAMP('%T', timestamp)"),
        _ => {
            return Err(
                "the types are STRING, INT64, FLOAT64, BOOL, BYTES, DATE, DATETIME and TIMESTAMP",
            );
        }
    })
}

impl Analyzer<'_> {
    pub(super) fn cast(
        &mut self,
        whole: &Expr,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let Expr::Cast {
            kind,
            expr: inner,
            data_type,
            format,
            ..
        } = whole
        else {
            return Err(self.unsupported(span, "this cast", "write CAST(value AS type)"));
        };
        let safe = match kind {
            CastKind::Cast => false,
            CastKind::SafeCast => true,
            CastKind::TryCast => {
                return Err(self.unsupported(span, "TRY_CAST", "write SAFE_CAST(value AS type)"));
            }
            CastKind::DoubleColon => {
                return Err(self.unsupported(
                    span,
                    "::",
                    &format!("write CAST({inner} AS {data_type})"),
                ));
            }
        };
        if format.is_some() {
            return Err(self.unsupported(
                span,
                "CAST with FORMAT",
                "write FORMAT_TIMESTAMP('%F', timestamp, 'Europe/Berlin'), or PARSE_TIMESTAMP to convert back",
            ));
        }
        let to = named_type(data_type)
            .map_err(|fix| self.refuse(span, format!("type {data_type} is not supported"), fix))?;
        let typed = self.expression(inner, scope)?;
        if !casts::exists(&typed.kind, &to) {
            let fix = match (&typed.kind, &to) {
                (Type::Date, Type::Int64) => {
                    format!("write UNIX_DATE({inner}) or EXTRACT(YEAR FROM {inner})")
                }
                (Type::Timestamp, Type::Int64 | Type::Float64) => {
                    format!("write UNIX_SECONDS({inner})")
                }
                (Type::Int64, Type::Date) => format!("write DATE_FROM_UNIX_DATE({inner})"),
                (Type::Int64, Type::Timestamp) => format!("write TIMESTAMP_SECONDS({inner})"),
                (Type::Float64, Type::Bool) => format!("write {inner} != 0"),
                (_, Type::Bytes) => format!("write CAST(CAST({inner} AS STRING) AS BYTES)"),
                (Type::Array(_), _) => "write ARRAY_TO_STRING(array, ',')".to_owned(),
                _ => "cast to STRING first, if that is meant".to_owned(),
            };
            return Err(self.refuse(span, format!("{} cannot be cast to {to}", typed.kind), fix));
        }
        if typed.kind == Type::Null {
            return Ok(Typed::new(to.clone(), cast(typed.expr, &to)));
        }
        if typed.kind == to {
            return Ok(Typed::new(to, typed.expr));
        }
        let may_fail = matches!(
            (&typed.kind, &to),
            (Type::String, to) if *to != Type::Bytes
        ) || matches!(
            (&typed.kind, &to),
            (Type::Float64, Type::Int64) | (Type::Bytes, Type::String)
        );
        // The engine's own casts let it leave out files by their times.
        if matches!(
            (&typed.kind, &to),
            (Type::Timestamp | Type::Datetime, Type::Date) | (Type::Int64, Type::Float64)
        ) {
            return Ok(Typed::new(to.clone(), cast(typed.expr, &to)));
        }
        let name = casts::function(&to);
        let name = if safe {
            format!("{SAFE}{name}")
        } else {
            name.to_owned()
        };
        let made = match may_fail && !safe {
            true => self.risky_call(&name, vec![typed.expr]),
            false => engine_call(&name, vec![typed.expr]),
        };
        Ok(Typed::new(to, made))
    }

    pub(super) fn at_time_zone(&self, timestamp: &Expr, zone: &Expr, span: Span) -> QueryError {
        self.unsupported(
            span,
            "AT TIME ZONE outside of EXTRACT",
            &format!(
                "write DATETIME({timestamp}, {zone}), STRING({timestamp}, {zone}) or FORMAT_TIMESTAMP('%F %T', {timestamp}, {zone})"
            ),
        )
    }

    pub(super) fn extract(
        &mut self,
        field: &DateTimeField,
        inner: &Expr,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let (value, zone) = match inner {
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => (timestamp.as_ref(), Some(time_zone.as_ref())),
            value => (value, None),
        };
        let typed = self.expression(value, scope)?;
        let group = match typed.kind {
            Type::Date => "of a date",
            Type::Datetime | Type::Timestamp => "of a time",
            ref other => {
                return Err(self.refuse(
                    span_of(value),
                    format!("EXTRACT takes a date or time, and this is {other}"),
                    match typed.text() {
                        Some(_) => {
                            format!("write EXTRACT({field} FROM DATE {value}) or TIMESTAMP {value}")
                        }
                        None => {
                            format!("write EXTRACT({field} FROM SAFE_CAST({value} AS TIMESTAMP))")
                        }
                    },
                ));
            }
        };
        let part = field.to_string().to_uppercase().replace(' ', "");
        if !parts(group).contains(&part.as_str()) {
            let fix = match part.as_str() {
                "DOW" | "ISODOW" => "write DAYOFWEEK, which counts from Sunday as 1".to_owned(),
                "DOY" => "write DAYOFYEAR".to_owned(),
                "EPOCH" => format!("write UNIX_SECONDS({value})"),
                "TIME" => format!("write FORMAT_TIMESTAMP('%T', {value})"),
                _ => format!("the parts of {} are {}", typed.kind, listed(parts(group))),
            };
            return Err(self.refuse(span, format!("{} has no part {part}", typed.kind), fix));
        }
        let zone = match zone {
            Some(_) if typed.kind != Type::Timestamp => {
                return Err(self.refuse(
                    span,
                    format!(
                        "AT TIME ZONE is for a TIMESTAMP, and this is {}",
                        typed.kind
                    ),
                    "remove the zone",
                ));
            }
            Some(zone) => Some(self.zone(zone, scope)?),
            None => None,
        };
        let with_zone = |first: Vec<Expr>| first.into_iter().chain(zone.clone()).collect();
        Ok(match part.as_str() {
            "DATE" => Typed::new(
                Type::Date,
                engine_call("date_of", with_zone(vec![typed.expr])),
            ),
            "DATETIME" => Typed::new(
                Type::Datetime,
                engine_call("datetime_of", with_zone(vec![typed.expr])),
            ),
            part => Typed::new(
                Type::Int64,
                engine_call("part_of", with_zone(vec![typed.expr, text_literal(part)])),
            ),
        })
    }

    /// The name of a time zone; one that is written as a literal is looked up at once.
    pub(super) fn zone(&mut self, zone: &Expr, scope: &NameScope<'_>) -> Result<Expr, QueryError> {
        let typed = self.expression(zone, scope)?;
        if typed.kind != Type::String {
            return Err(self.refuse(
                span_of(zone),
                format!("a time zone is text, and this is {}", typed.kind),
                "write its name in quotes, such as 'Europe/Berlin'",
            ));
        }
        match typed.text().map(instant::zone) {
            Some(Err(fault)) => return Err(self.refuse(span_of(zone), fault.reason, fault.fix)),
            Some(Ok(_)) => {}
            None => self.may_fail = true,
        }
        Ok(typed.expr)
    }

    /// The count and the part of an `INTERVAL`.
    pub(super) fn interval(
        &mut self,
        interval: &Interval,
        group: &str,
        kind: &Type,
        scope: &NameScope<'_>,
    ) -> Result<(Expr, String), QueryError> {
        let value = interval.value.as_ref();
        let span = span_of(value);
        let Some(field) = &interval.leading_field else {
            return Err(self.refuse(
                span,
                "INTERVAL needs a part of a date",
                "write INTERVAL 7 DAY",
            ));
        };
        if interval.last_field.is_some() {
            return Err(self.unsupported(span, "INTERVAL … TO …", "write INTERVAL 90 MINUTE"));
        }
        let part = field.to_string().to_uppercase();
        if let Some(one) = part.strip_suffix('S') {
            return Err(self.refuse(
                span,
                format!("{part} is not a part of a date"),
                format!("write {one}"),
            ));
        }
        if !parts(group).contains(&part.as_str()) {
            let fix = match (kind, part.as_str()) {
                (Type::Timestamp, "WEEK" | "MONTH" | "QUARTER" | "YEAR") => {
                    "a TIMESTAMP can be shifted by days or less; write INTERVAL 30 DAY, or use DATE_SUB with a DATE".to_owned()
                }
                (Type::Date, _) => "a DATE can be shifted by days or more; CAST it to a DATETIME or TIMESTAMP first".to_owned(),
                _ => format!("use one of {}", listed(parts(group))),
            };
            return Err(self.refuse(span, format!("{kind} cannot be shifted by {part}"), fix));
        }
        let typed = self.expression(value, scope)?;
        // Text is taken if it is a whole number, as in INTERVAL '7' DAY.
        let count = match (typed.text(), &typed.kind) {
            (Some(text), _) => match text.trim().parse::<i64>() {
                Ok(count) => number(count),
                Err(_) => {
                    return Err(self.refuse(
                        span,
                        format!("'{text}' is not a whole number"),
                        format!("write INTERVAL 7 {part}"),
                    ));
                }
            },
            (None, Type::Int64) => typed.expr,
            (None, Type::Null) => cast(typed.expr, &Type::Int64),
            (None, other) => {
                return Err(self.refuse(
                    span,
                    format!("INTERVAL takes a whole number, and this is {other}"),
                    format!("write INTERVAL CAST({value} AS INT64) {part}, or use a smaller part"),
                ));
            }
        };
        Ok((count, part))
    }

    /// What the parser has a form of its own for, though it is written like any function.
    pub(super) fn own_syntax(
        &mut self,
        expr: &Expr,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let (name, arguments): (_, Vec<&Expr>) = match expr {
            Expr::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => ("CEIL", vec![expr.as_ref()]),
            Expr::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => ("FLOOR", vec![expr.as_ref()]),
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special: true,
                shorthand,
            } => {
                let name = if *shorthand { "SUBSTR" } else { "SUBSTRING" };
                let rest = substring_from
                    .iter()
                    .chain(substring_for)
                    .map(AsRef::as_ref);
                (name, std::iter::once(expr.as_ref()).chain(rest).collect())
            }
            Expr::Trim {
                trim_where: None,
                trim_what: None,
                expr,
                trim_characters,
            } => {
                let characters = trim_characters.iter().flatten();
                (
                    "TRIM",
                    std::iter::once(expr.as_ref()).chain(characters).collect(),
                )
            }
            Expr::Position { .. } => {
                return Err(self.unsupported(span, "POSITION", "write STRPOS(text, part)"));
            }
            Expr::Substring { .. } => {
                return Err(self.unsupported(
                    span,
                    "SUBSTRING with FROM",
                    "write SUBSTR(text, 1, 4)",
                ));
            }
            Expr::Trim { .. } => {
                return Err(self.unsupported(
                    span,
                    "TRIM with FROM",
                    "write TRIM(text, 'x'), LTRIM or RTRIM",
                ));
            }
            _ => return Err(self.unsupported(span, "this form", "write CEIL(x) or FLOOR(x)")),
        };
        self.call_scalar(name, &arguments, false, span, scope)
    }
}
