//! Calls of functions: which form is meant, and what it is for the engine.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, visit_expressions,
    visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::engine::engine_call;
use super::fix::{number_fix, text_fix};
use super::form::{Argument, LETTERS, common_of, count_fits, listed, takes, wanted, written};
use super::scope::NameScope;
use super::{Analyzer, span_of};
use crate::query::error::QueryError;
use crate::query::functions::{
    CallForm, FORMS, FunctionKind, INSTEAD, SAFE, named, native_named, parts, path,
};
use crate::query::types::{NotWrittenSo, Type, Typed, cast, text_literal};
use crate::similar::nearest;

/// The arguments of a call, if all of them are plain expressions.
pub(super) fn plain_arguments(arguments: &FunctionArguments) -> Option<Vec<&Expr>> {
    match arguments {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => list
            .args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
    }
}

impl Analyzer<'_> {
    /// A function of the engine that fails on some values.
    pub(super) fn risky_call(&mut self, name: &str, arguments: Vec<Expr>) -> Expr {
        self.may_fail |= arguments.iter().any(names_a_column);
        engine_call(name, arguments)
    }

    /// A function that gives one value for each row.
    pub(super) fn call_scalar(
        &mut self,
        name: &str,
        arguments: &[&Expr],
        safe: bool,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let forms: Vec<&'static CallForm> = named(name)
            .into_iter()
            .filter(|form| form.kind == FunctionKind::Scalar)
            .collect();
        if forms.is_empty() {
            return Err(self.no_function(name, span));
        }
        let (form, kind, values) = self.resolved(name, &forms, arguments, span, scope)?;
        let expr = self.put(form, values, safe, span)?;
        Ok(Typed::new(kind, expr))
    }

    pub(super) fn no_function(&self, name: &str, span: Span) -> QueryError {
        if let Some((_, instead)) = INSTEAD.iter().find(|(known, _)| *known == name) {
            return self.refuse(
                span,
                format!("there is no function {name} here"),
                format!("write {instead}"),
            );
        }
        let mut known: Vec<&str> = FORMS
            .iter()
            .filter(|form| form.kind != FunctionKind::Syntax)
            .map(|form| form.name)
            .collect();
        known.dedup();
        let fix = match nearest(name, &known) {
            Some(near) => format!("did you mean {near}? docs/sql.md lists the functions"),
            None => "docs/sql.md lists all functions".to_owned(),
        };
        self.refuse(span, format!("there is no function {name} here"), fix)
    }

    /// The form that takes the arguments, the type of its result, and the arguments for the engine.
    pub(super) fn resolved(
        &mut self,
        name: &str,
        forms: &[&'static CallForm],
        arguments: &[&Expr],
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<(&'static CallForm, Type, Vec<Expr>), QueryError> {
        let fitting: Vec<&'static CallForm> = forms
            .iter()
            .copied()
            .filter(|form| count_fits(form, arguments.len()))
            .collect();
        if fitting.is_empty() {
            let counted = match arguments.len() {
                0 => "no argument".to_owned(),
                1 => "one argument".to_owned(),
                count => format!("{count} arguments"),
            };
            return Err(self.refuse(
                span,
                format!("{name} does not take {counted}"),
                written(forms),
            ));
        }
        let read = self.arguments(name, &fitting, arguments, scope)?;
        let exact = fitting.iter().find(|form| takes(form, &read, true));
        let form = exact.or_else(|| fitting.iter().find(|form| takes(form, &read, false)));
        let Some(form) = form else {
            return Err(self.mismatch(name, &fitting, &read, span));
        };
        let general = LETTERS.map(|letter| (letter, common_of(form, &read, letter)));
        let general = |wanted: &str| {
            let found = general.iter().find(|(letter, _)| *letter == wanted);
            found.and_then(|(_, kind)| kind.clone())
        };
        let mut values = Vec::new();
        for (at, argument) in read.into_iter().enumerate() {
            let wanted = wanted(form, at).unwrap_or_default();
            match argument {
                Argument::Part(part, span) => {
                    let group = wanted.trim_start_matches("PART ");
                    if !parts(group).contains(&part.as_str()) {
                        return Err(self.refuse(
                            span,
                            format!(
                                "{name} has no part {part} for {}",
                                form.wanted().next().unwrap_or_default()
                            ),
                            format!("use one of {}", listed(parts(group))),
                        ));
                    }
                    values.push(text_literal(&part));
                }
                Argument::Interval(interval) => {
                    let group = wanted.trim_start_matches("INTERVAL ");
                    let of = form.wanted().next().and_then(Type::named);
                    let of = of.unwrap_or(Type::Timestamp);
                    let (count, part) = self.interval(interval, group, &of, scope)?;
                    values.extend([count, text_literal(&part)]);
                }
                Argument::Value(typed, expr) => {
                    values.push(self.argument(
                        name,
                        wanted,
                        general(wanted),
                        typed,
                        expr,
                        scope,
                    )?);
                }
            }
        }
        let of = |letter: &str| general(letter).unwrap_or(Type::Null);
        let kind = match form.returns {
            "T" | "C" | "N" => of(form.returns),
            "ARRAY<T>" => Type::Array(Box::new(of("T"))),
            fixed => Type::named(fixed).unwrap_or(Type::String),
        };
        Ok((form, kind, values))
    }

    fn arguments<'e>(
        &mut self,
        name: &str,
        forms: &[&'static CallForm],
        arguments: &[&'e Expr],
        scope: &NameScope<'_>,
    ) -> Result<Vec<Argument<'e>>, QueryError> {
        let mut read = Vec::new();
        for (at, expr) in arguments.iter().enumerate() {
            let span = span_of(expr);
            let wants = |kind: &str| {
                forms
                    .iter()
                    .any(|form| wanted(form, at).is_some_and(|it| it.starts_with(kind)))
            };
            if wants("PART") {
                let part = match expr {
                    Expr::Identifier(ident) if ident.quote_style.is_none() => {
                        ident.value.to_uppercase()
                    }
                    Expr::Function(_) => expr.to_string().to_uppercase().replace(' ', ""),
                    _ => {
                        return Err(self.refuse(
                            span,
                            format!("{name} takes a part of a date here"),
                            written(forms),
                        ));
                    }
                };
                read.push(Argument::Part(part, span));
            } else if let Expr::Interval(interval) = expr {
                if !wants("INTERVAL") {
                    return Err(self.refuse(
                        span,
                        format!("{name} does not take an INTERVAL"),
                        written(forms),
                    ));
                }
                read.push(Argument::Interval(interval));
            } else if wants("INTERVAL") {
                return Err(self.refuse(
                    span,
                    format!("{name} takes an INTERVAL here"),
                    format!("write INTERVAL {expr} DAY"),
                ));
            } else {
                read.push(Argument::Value(self.expression(expr, scope)?, expr));
            }
        }
        Ok(read)
    }

    /// One argument as the type that the form takes.
    fn argument(
        &mut self,
        name: &str,
        wanted: &str,
        general: Option<Type>,
        typed: Typed,
        expr: &Expr,
        scope: &NameScope<'_>,
    ) -> Result<Expr, QueryError> {
        let span = span_of(expr);
        match wanted {
            "ZONE" => self.zone(expr, scope),
            "CONST" | "PATH" | "OLDPATH" => {
                let Some(text) = typed.text() else {
                    return Err(self.refuse(
                        span,
                        format!("{name} takes a literal text here"),
                        "write the text in quotes",
                    ));
                };
                let read = match wanted {
                    "PATH" => path::parse_standard(text).map(drop),
                    "OLDPATH" => path::parse_legacy(text).map(drop),
                    _ => Ok(()),
                };
                match read {
                    Ok(()) => Ok(typed.expr),
                    Err(fault) => Err(self.refuse(span, fault.reason, fault.fix)),
                }
            }
            "ANY" => Ok(match typed.kind {
                Type::Null => cast(typed.expr, &Type::String),
                _ => typed.expr,
            }),
            "T" | "C" | "N" => {
                let kind = general.unwrap_or(Type::Null);
                Ok(self.coerced(&typed, &kind, span)?.expr)
            }
            fixed => match Type::named(fixed) {
                Some(kind) => Ok(self.coerced(&typed, &kind, span)?.expr),
                None => Ok(typed.expr),
            },
        }
    }

    /// What is said where no form takes the types.
    fn mismatch(
        &self,
        name: &str,
        forms: &[&'static CallForm],
        read: &[Argument<'_>],
        span: Span,
    ) -> QueryError {
        let types: Vec<String> = read
            .iter()
            .filter_map(|argument| match argument {
                Argument::Value(typed, _) => Some(typed.kind.to_string()),
                Argument::Part(..) | Argument::Interval(_) => None,
            })
            .collect();
        let reason = format!("{name} does not take {}", types.join(" and "));
        // A literal that is no date is the nearer mistake.
        let generals = || {
            LETTERS
                .iter()
                .flat_map(|letter| forms.iter().map(move |form| common_of(form, read, letter)))
        };
        let general = generals().flatten().find(|kind| *kind != Type::Null);
        for argument in read {
            if let (Argument::Value(typed, expr), Some(general)) = (argument, &general)
                && let Err(NotWrittenSo { text, wanted }) = typed.coerced(general)
            {
                return self.not_written_so(span_of(expr), &NotWrittenSo { text, wanted });
            }
        }
        for (at, argument) in read.iter().enumerate() {
            let Argument::Value(typed, expr) = argument else {
                continue;
            };
            let takes: Vec<&str> = forms.iter().filter_map(|form| wanted(form, at)).collect();
            let fits = |wanted: &&str| Type::named(wanted).is_none_or(|kind| typed.becomes(&kind));
            if takes.iter().any(fits) {
                continue;
            }
            let fix = match (takes.first().copied(), &typed.kind) {
                (Some("INT64" | "FLOAT64"), _) => number_fix(typed, expr),
                (Some("STRING"), _) => text_fix(typed, expr),
                (Some("BOOL"), _) => format!("write a condition, such as {expr} = …"),
                (
                    Some(kind @ ("DATE" | "TIMESTAMP" | "DATETIME")),
                    Type::String | Type::Date | Type::Datetime | Type::Timestamp,
                ) => {
                    format!("write CAST({expr} AS {kind})")
                }
                (Some("TIMESTAMP"), Type::Int64) => format!("write TIMESTAMP_SECONDS({expr})"),
                _ => written(forms),
            };
            return self.refuse(span_of(expr), reason, fix);
        }
        let fix = match types.as_slice() {
            [one, ..] if forms.iter().any(|form| form.arguments.contains(['T', 'C'])) => {
                format!("use one type for all values, with CAST(… AS {one})")
            }
            _ => written(forms),
        };
        self.refuse(span, reason, fix)
    }

    /// A form with its arguments for the engine.
    pub(super) fn put(
        &mut self,
        form: &CallForm,
        values: Vec<Expr>,
        safe: bool,
        span: Span,
    ) -> Result<Expr, QueryError> {
        let native = native_named(form.engine.split('(').next().unwrap_or_default());
        // Nothing but what is written here fails.
        let safe = safe && native.is_some();
        let fails = !safe && native.is_some_and(|native| native.fails);
        self.may_fail |= fails && values.iter().any(names_a_column);
        let prefix = if safe { SAFE } else { "" };
        if let Some(name) = form.engine.strip_prefix("strict ") {
            return Ok(strict(name, values));
        }
        if !form.engine.contains(['$', '(']) {
            return Ok(engine_call(&format!("{prefix}{}", form.engine), values));
        }
        let filled = filled(&format!("{prefix}{}", form.engine), &values);
        filled.ok_or_else(|| self.unsupported(span, form.name, ""))
    }
}

/// Whether an expression has a value of its own for each row. Others are computed once, before a file is read.
fn names_a_column(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// NULL if any value is, as the engine's own function is not.
fn strict(name: &str, values: Vec<Expr>) -> Expr {
    use datafusion::sql::sqlparser::ast::BinaryOperator::Or;
    let nulls = values
        .iter()
        .map(|value| Expr::IsNull(Box::new(value.clone())));
    let any = nulls.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: Or,
        right: Box::new(right),
    });
    let call = engine_call(name, values);
    match any {
        Some(any) => {
            filled("CASE WHEN $1 THEN NULL ELSE $2 END", &[any, call.clone()]).unwrap_or(call)
        }
        None => call,
    }
}

/// The template with the arguments in their places.
pub(super) fn filled(template: &str, arguments: &[Expr]) -> Option<Expr> {
    let parsed = Parser::new(&GenericDialect)
        .try_with_sql(template)
        .and_then(|mut parser| parser.parse_expr());
    let mut put = parsed.ok()?;
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
    Some(put)
}
