//! The dialect of statements: that of BigQuery, as far as the engine can follow.
//!
//! Supported beside plain SQL (names in any case):
//! - names in backticks, text in `"double quotes"` or `r'raw'`, `SELECT * EXCEPT (…)`, `QUALIFY`, NULL first in
//!   ascending order;
//! - the types `STRING`, `BYTES`, `INT64`, `FLOAT64`, `BOOL`, `DATE`, `DATETIME` and `TIMESTAMP`
//!   (microseconds in UTC) in `CAST`, `SAFE_CAST` and literals;
//! - the functions in [`super::shims`] and `JSON_VALUE`; what the engine has under the same name,
//!   such as `STARTS_WITH`, `IFNULL`, `COALESCE`, `ARRAY_AGG` or `STRING_AGG`;
//! - `EXTRACT` of the parts of a date or an instant; `DAYOFWEEK` counts from Sunday as 1.
//!
//! Not supported: `STRUCT` and `UNNEST` over records, scripts, names with a project, time zones
//! other than UTC in date functions, and `EXTRACT(WEEK …)`, for which there is `ISOWEEK`. A
//! `TIMESTAMP` as text is written as in RFC 3339.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, DateTimeField, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectNamePart, SelectItem,
    SetExpr, Statement as Sql, TimezoneInfo, Value, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::{BigQueryDialect, GenericDialect};
use datafusion::sql::sqlparser::parser::Parser;

use super::error::QueryError;
use super::shims::{INSTANT, SHIMS, Shim};

/// Reads exactly one statement that only reads, and puts it into the words of the engine.
///
/// # Errors
/// No statement or several, one that does more than read, or text that is not SQL.
pub(super) fn read(sql: &str) -> Result<Statement, QueryError> {
    let parsed = DFParser::parse_sql_with_dialect(sql, &BigQueryDialect);
    let mut statements = parsed.map_err(|error| QueryError::Syntax {
        reason: said(&error),
    })?;
    let count = statements.len();
    let Some(mut statement) = statements.pop_front() else {
        return Err(QueryError::Empty);
    };
    if count > 1 {
        return Err(QueryError::Several { count });
    }
    translate(&mut statement)?;
    Ok(statement)
}

/// What the parser says, without the words that the engine puts before it.
fn said(error: &datafusion::error::DataFusionError) -> String {
    match error.find_root() {
        datafusion::error::DataFusionError::SQL(parser, _) => parser
            .to_string()
            .trim_start_matches("sql parser error: ")
            .to_owned(),
        other => other.to_string(),
    }
}

fn translate(statement: &mut Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Statement(sql) => match sql.as_mut() {
            Sql::Query(query) => {
                if let SetExpr::Select(select) = query.body.as_mut() {
                    keep_names(&mut select.projection)?;
                }
                translated(query.as_mut())
            }
            Sql::ExplainTable { .. } | Sql::ShowTables { .. } | Sql::ShowColumns { .. } => Ok(()),
            other => Err(not_reading(&other.to_string())),
        },
        Statement::Explain(explain) => translate(&mut explain.statement),
        other => Err(not_reading(&other.to_string())),
    }
}

fn not_reading(statement: &str) -> QueryError {
    let words = statement.split_whitespace().next().unwrap_or("this");
    QueryError::NotReading {
        statement: words.to_uppercase(),
    }
}

/// Columns without a name get that of the expression as it was written, not as it is put.
fn keep_names(items: &mut [SelectItem]) -> Result<(), QueryError> {
    for item in items {
        let SelectItem::UnnamedExpr(expression) = item else {
            continue;
        };
        let mut put = expression.clone();
        translated(&mut put)?;
        if put != *expression {
            let alias = Ident::with_quote('`', expression.to_string());
            let expr = put;
            *item = SelectItem::ExprWithAlias { expr, alias };
        }
    }
    Ok(())
}

fn translated<V>(part: &mut V) -> Result<(), QueryError>
where
    V: datafusion::sql::sqlparser::ast::VisitMut,
{
    let done = visit_expressions_mut(part, |expression| match put(expression) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    });
    match done {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Puts one expression, whose parts are put already, into the words of the engine.
fn put(expression: &mut Expr) -> Result<(), QueryError> {
    match expression {
        Expr::Cast {
            kind: CastKind::Cast | CastKind::TryCast | CastKind::SafeCast,
            data_type,
            ..
        } => put_type(data_type),
        Expr::TypedString(literal) => put_type(&mut literal.data_type),
        Expr::Extract { field, expr, .. } => {
            let template = match field {
                DateTimeField::DayOfWeek => "date_part('dow', $1) + 1",
                DateTimeField::DayOfYear => "date_part('doy', $1)",
                DateTimeField::IsoWeek => "date_part('week', $1)",
                DateTimeField::Date => "CAST($1 AS DATE)",
                DateTimeField::Week(_) => {
                    return Err(QueryError::Function {
                        function: "EXTRACT".to_owned(),
                        reason: "WEEK is not supported; use ISOWEEK".to_owned(),
                    });
                }
                _ => return Ok(()),
            };
            let argument = expr.as_ref().clone();
            *expression = filled(template, &[argument])?;
        }
        // `r'…'`: what the engine calls plain text, since it knows no escapes.
        Expr::Value(value) => {
            if let Value::SingleQuotedRawStringLiteral(text)
            | Value::DoubleQuotedRawStringLiteral(text)
            | Value::TripleSingleQuotedString(text)
            | Value::TripleDoubleQuotedString(text)
            | Value::TripleSingleQuotedRawStringLiteral(text)
            | Value::TripleDoubleQuotedRawStringLiteral(text) = &mut value.value
            {
                value.value = Value::SingleQuotedString(std::mem::take(text));
            }
        }
        Expr::Function(function) => {
            if let Some(other) = put_function(function)? {
                *expression = other;
            }
        }
        _ => {}
    }
    Ok(())
}

fn put_type(data_type: &mut DataType) {
    let put = match data_type {
        DataType::Int64 => DataType::BigInt(None),
        DataType::Float64 => DataType::Double(ExactNumberInfo::None),
        DataType::Bytes(_) => DataType::Bytea,
        DataType::Timestamp(None, TimezoneInfo::None) => {
            DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone)
        }
        DataType::Datetime(_) => DataType::Timestamp(Some(6), TimezoneInfo::None),
        _ => return,
    };
    *data_type = put;
}

fn put_function(function: &Function) -> Result<Option<Expr>, QueryError> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return Ok(None);
    };
    let name = name.value.to_uppercase();
    let named: Vec<&Shim> = SHIMS.iter().filter(|shim| shim.name == name).collect();
    if named.is_empty() {
        return Ok(None);
    }
    let refused = |reason: String| QueryError::Function {
        function: name.clone(),
        reason,
    };
    let Some((distinct, arguments)) = arguments(&function.args) else {
        return Ok(None);
    };
    let fitting: Vec<&Shim> = named
        .iter()
        .filter(|shim| shim.arguments == arguments.len())
        .copied()
        .collect();
    if fitting.is_empty() {
        return Err(refused(format!(
            "{} arguments are not supported here, {} are",
            arguments.len(),
            named[0].arguments
        )));
    }
    if distinct {
        return Err(refused("DISTINCT is not supported here".to_owned()));
    }
    let mut put = if fitting[0].parts.is_empty() {
        filled(fitting[0].template, &arguments)?
    } else {
        let part = arguments.last().map(ToString::to_string);
        let part = part.unwrap_or_default().to_uppercase();
        let found = fitting.iter().find_map(|shim| {
            let (_, engine) = shim.parts.iter().find(|(known, _)| *known == part)?;
            Some(shim.template.replace("{part}", engine))
        });
        match found {
            Some(template) => filled(&template, &arguments)?,
            // The engine's own DATE_TRUNC has the part first, as text.
            None if name == "DATE_TRUNC" && is_text(&arguments[0]) => return Ok(None),
            None => {
                let parts = fitting.iter().flat_map(|shim| shim.parts);
                let parts: Vec<&str> = parts.map(|(known, _)| *known).collect();
                return Err(refused(format!(
                    "`{part}` is not supported; use one of {}",
                    parts.join(", ")
                )));
            }
        }
    };
    match &mut put {
        Expr::Function(put) => {
            put.over.clone_from(&function.over);
            put.filter.clone_from(&function.filter);
        }
        _ if function.over.is_some() || function.filter.is_some() => {
            return Err(refused("it is no aggregate".to_owned()));
        }
        _ => {}
    }
    Ok(Some(put))
}

fn is_text(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value)
        if matches!(value.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_)))
}

/// The arguments, and whether they are `DISTINCT`; `None` for forms that no shim has.
fn arguments(arguments: &FunctionArguments) -> Option<(bool, Vec<Expr>)> {
    let list = match arguments {
        FunctionArguments::None => return Some((false, Vec::new())),
        FunctionArguments::Subquery(_) => return None,
        FunctionArguments::List(list) => list,
    };
    let FunctionArgumentList {
        duplicate_treatment,
        args,
        clauses,
    } = list;
    if !clauses.is_empty() {
        return None;
    }
    let plain = args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
        _ => None,
    });
    Some((duplicate_treatment.is_some(), plain.collect::<Option<_>>()?))
}

/// The template with the arguments in their places.
fn filled(template: &str, arguments: &[Expr]) -> Result<Expr, QueryError> {
    let template = template.replace("TZ", INSTANT);
    let parsed = Parser::new(&GenericDialect)
        .try_with_sql(&template)
        .and_then(|mut parser| parser.parse_expr());
    let mut put = parsed.map_err(|error| QueryError::Syntax {
        reason: error.to_string(),
    })?;
    let _ = visit_expressions_mut(&mut put, |part| {
        if let Expr::Value(value) = part
            && let Value::Placeholder(place) = &value.value
            && let Ok(place) = place.trim_start_matches('$').parse::<usize>()
            && let Some(argument) = arguments.get(place.wrapping_sub(1))
        {
            *part = Expr::Nested(Box::new(argument.clone()));
        }
        ControlFlow::<()>::Continue(())
    });
    Ok(put)
}
