//! Expressions, form by form.

use datafusion::sql::sqlparser::ast::{CaseWhen, Expr, Query, Spanned};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::fix::text_fix;
use super::output::SelectOutput;
use super::scope::NameScope;
use super::{Analyzer, span_of};
use crate::query::error::QueryError;
use crate::query::types::{Type, Typed, common};

impl Analyzer<'_> {
    /// One expression: its type, and what it is for the engine.
    pub(super) fn expression(
        &mut self,
        expr: &Expr,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let span = span_of(expr);
        match expr {
            Expr::Identifier(ident) => self.name(ident, scope),
            Expr::CompoundIdentifier(idents) => self.qualified(idents, scope),
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(literal) => self.typed_literal(literal),
            Expr::Nested(inner) => {
                let inner = self.expression(inner, scope)?;
                Ok(Typed {
                    expr: Expr::Nested(Box::new(inner.expr)),
                    ..inner
                })
            }
            Expr::IsNull(inner) => {
                self.once(inner, span)?;
                let inner = self.expression(inner, scope)?;
                Ok(boolean(Expr::IsNull(Box::new(typed_null(inner)))))
            }
            Expr::IsNotNull(inner) => {
                self.once(inner, span)?;
                let inner = self.expression(inner, scope)?;
                Ok(boolean(Expr::IsNotNull(Box::new(typed_null(inner)))))
            }
            Expr::IsTrue(inner) => self.test(inner, "IS TRUE", Expr::IsTrue, scope),
            Expr::IsNotTrue(inner) => self.test(inner, "IS NOT TRUE", Expr::IsNotTrue, scope),
            Expr::IsFalse(inner) => self.test(inner, "IS FALSE", Expr::IsFalse, scope),
            Expr::IsNotFalse(inner) => self.test(inner, "IS NOT FALSE", Expr::IsNotFalse, scope),
            Expr::IsDistinctFrom(left, right) => {
                let (left, right) = self.alike(left, "IS DISTINCT FROM", right, scope)?;
                Ok(boolean(Expr::IsDistinctFrom(left, right)))
            }
            Expr::IsNotDistinctFrom(left, right) => {
                let (left, right) = self.alike(left, "IS NOT DISTINCT FROM", right, scope)?;
                Ok(boolean(Expr::IsNotDistinctFrom(left, right)))
            }
            Expr::InList {
                expr: inner,
                list,
                negated,
            } => self.in_list(inner, list, *negated, scope),
            Expr::InSubquery {
                expr: inner,
                subquery,
                negated,
            } => {
                let wanted = self.expression(inner, scope)?;
                let (query, column) = self.one_column(subquery, span, scope)?;
                let column = Typed::new(column, wanted.expr.clone());
                let Some(kind) = common([&wanted, &column]).filter(Type::is_comparable) else {
                    let query_at = (&column, query.span());
                    return Err(self.not_comparable("IN", (&wanted, span_of(inner)), query_at));
                };
                let wanted = self.coerced(&wanted, &kind, span_of(inner))?;
                Ok(boolean(Expr::InSubquery {
                    expr: Box::new(wanted.expr),
                    subquery: Box::new(query),
                    negated: *negated,
                }))
            }
            Expr::InUnnest {
                expr: inner,
                array_expr,
                negated,
            } => self.in_unnest(inner, array_expr, *negated, scope),
            Expr::Between {
                expr: inner,
                negated,
                low,
                high,
            } => {
                let all = self.all(&[inner.as_ref(), low.as_ref(), high.as_ref()], scope)?;
                let all = self.agreed(span, "BETWEEN", all)?;
                match <[Typed; 3]>::try_from(all) {
                    Ok([inner, low, high]) => Ok(boolean(Expr::Between {
                        expr: Box::new(inner.expr),
                        negated: *negated,
                        low: Box::new(low.expr),
                        high: Box::new(high.expr),
                    })),
                    Err(_) => Err(self.unsupported(span, "this BETWEEN", "")),
                }
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, span, scope),
            Expr::UnaryOp { op, expr: inner } => self.unary(*op, inner, span, scope),
            Expr::Like {
                negated,
                any: false,
                expr: inner,
                pattern,
                escape_char: None,
            } => {
                let (text, like) = (
                    self.expression(inner, scope)?,
                    self.expression(pattern, scope)?,
                );
                for (typed, at) in [(&text, inner), (&like, pattern)] {
                    if !matches!(typed.kind, Type::String | Type::Null) {
                        return Err(self.refuse(
                            span_of(at),
                            format!("LIKE takes text, and this is {}", typed.kind),
                            text_fix(typed, at),
                        ));
                    }
                }
                Ok(boolean(Expr::Like {
                    negated: *negated,
                    any: false,
                    expr: Box::new(text.expr),
                    pattern: Box::new(like.expr),
                    escape_char: None,
                }))
            }
            Expr::Like { .. } => Err(self.unsupported(
                span,
                "LIKE with ANY or ESCAPE",
                "write text LIKE 'a%' OR text LIKE 'b%', and \\\\% for a percent sign",
            )),
            Expr::ILike { .. } => Err(self.unsupported(
                span,
                "ILIKE",
                "write LOWER(text) LIKE '…', or CONTAINS_SUBSTR(text, '…')",
            )),
            Expr::SimilarTo { .. } | Expr::RLike { .. } => Err(self.unsupported(
                span,
                "this operator",
                "write REGEXP_CONTAINS(text, r'pattern')",
            )),
            Expr::Cast { .. } => self.cast(expr, span, scope),
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => Err(self.at_time_zone(timestamp, time_zone, span)),
            Expr::Extract {
                field, expr: inner, ..
            } => self.extract(field, inner, span, scope),
            Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. } => self.own_syntax(expr, span, scope),
            Expr::Function(function) => self.call(function, span, scope),
            Expr::Case {
                operand,
                conditions,
                else_result,
                case_token,
                end_token,
            } => {
                let (conditions, otherwise, kind) = self.case(
                    operand.as_deref(),
                    conditions,
                    else_result.as_deref(),
                    span,
                    scope,
                )?;
                Ok(Typed::new(
                    kind,
                    Expr::Case {
                        case_token: case_token.clone(),
                        end_token: end_token.clone(),
                        operand: None,
                        conditions,
                        else_result: otherwise.map(Box::new),
                    },
                ))
            }
            Expr::Exists { subquery, negated } => {
                let (query, _) = self.subquery(subquery, scope)?;
                Ok(boolean(Expr::Exists {
                    subquery: Box::new(query),
                    negated: *negated,
                }))
            }
            Expr::Subquery(subquery) => {
                let (query, kind) = self.one_column(subquery, span, scope)?;
                Ok(Typed::new(kind, Expr::Subquery(Box::new(query))))
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.item(root, access_chain, span, scope)
            }
            Expr::Interval(_) => Err(self.unsupported(
                span,
                "INTERVAL as a separate value",
                "write it after + or -, or in DATE_ADD, DATE_SUB, TIMESTAMP_ADD or TIMESTAMP_SUB",
            )),
            Expr::Array(_) => Err(self.unsupported(
                span,
                "an array literal",
                "write value IN ('a', 'b'), or SPLIT('a,b') for an array of text",
            )),
            Expr::Struct { .. } | Expr::Tuple(_) => Err(self.unsupported(
                span,
                "STRUCT",
                "write one column for each part, and conditions one by one with AND",
            )),
            Expr::AnyOp { .. } | Expr::AllOp { .. } => {
                Err(self.unsupported(span, "ANY or ALL", "write IN (SELECT …)"))
            }
            Expr::Convert { .. } => {
                Err(self.unsupported(span, "CONVERT", "write CAST(value AS type)"))
            }
            Expr::Collate { .. } => Err(self.unsupported(span, "COLLATE", "compare LOWER(text)")),
            _ => Err(self.unsupported(span, "this expression", "")),
        }
    }

    pub(super) fn all(
        &mut self,
        exprs: &[&Expr],
        scope: &NameScope<'_>,
    ) -> Result<Vec<(Typed, Span)>, QueryError> {
        let mut all = Vec::with_capacity(exprs.len());
        for expr in exprs {
            all.push((self.expression(expr, scope)?, span_of(expr)));
        }
        Ok(all)
    }

    fn test(
        &mut self,
        inner: &Expr,
        name: &str,
        made: fn(Box<Expr>) -> Expr,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let typed = self.condition(inner, name, scope)?;
        Ok(boolean(made(Box::new(typed.expr))))
    }

    /// An expression that is TRUE or FALSE.
    pub(super) fn condition(
        &mut self,
        expr: &Expr,
        wanted_by: &str,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let typed = self.expression(expr, scope)?;
        match typed.kind {
            Type::Bool => Ok(typed),
            Type::Null => self.coerced(&typed, &Type::Bool, span_of(expr)),
            _ => Err(self.refuse(
                span_of(expr),
                format!("{wanted_by} takes a condition, and this is {}", typed.kind),
                match typed.kind {
                    Type::Int64 => format!("write a comparison, such as {expr} != 0"),
                    Type::String => format!("write a comparison, such as {expr} = 'text'"),
                    _ => format!("write a comparison, such as {expr} IS NOT NULL"),
                },
            )),
        }
    }

    /// An expression as one of a type that it becomes.
    pub(super) fn coerced(
        &self,
        typed: &Typed,
        kind: &Type,
        span: Span,
    ) -> Result<Typed, QueryError> {
        match typed.coerced(kind) {
            Ok(Some(typed)) => Ok(typed),
            Ok(None) => Err(self.refuse(
                span,
                format!("this is {}, not {kind}", typed.kind),
                format!("write CAST(… AS {kind})"),
            )),
            Err(why) => Err(self.not_written_so(span, &why)),
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<(Vec<CaseWhen>, Option<Expr>, Type), QueryError> {
        let mut when = Vec::new();
        for case in conditions {
            when.push(match operand {
                Some(operand) => {
                    let (left, right) =
                        self.alike(operand, "CASE … WHEN", &case.condition, scope)?;
                    Expr::BinaryOp {
                        left,
                        op: datafusion::sql::sqlparser::ast::BinaryOperator::Eq,
                        right,
                    }
                }
                None => self.condition(&case.condition, "WHEN", scope)?.expr,
            });
        }
        let results: Vec<&Expr> = conditions
            .iter()
            .map(|case| &case.result)
            .chain(otherwise)
            .collect();
        let results = self.all(&results, scope)?;
        let results = self.agreed(span, "CASE", results)?;
        let kind = results
            .first()
            .map_or(Type::Null, |typed| typed.kind.clone());
        let mut results = results.into_iter().map(|typed| typed.expr);
        let cases = when
            .into_iter()
            .zip(&mut results)
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect();
        Ok((cases, results.next(), kind))
    }

    pub(super) fn in_list(
        &mut self,
        inner: &Expr,
        list: &[Expr],
        negated: bool,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let all: Vec<&Expr> = std::iter::once(inner).chain(list).collect();
        let all = self.all(&all, scope)?;
        let span = all
            .iter()
            .skip(1)
            .map(|(_, span)| *span)
            .reduce(|one, other| one.union(&other));
        let all = self.agreed(span.unwrap_or(span_of(inner)), "IN", all)?;
        let mut all = all.into_iter().map(|typed| typed.expr);
        match all.next() {
            Some(inner) if !list.is_empty() => Ok(boolean(Expr::InList {
                expr: Box::new(inner),
                list: all.collect(),
                negated,
            })),
            _ => Err(self.unsupported(
                span_of(inner),
                "an empty list",
                "write at least one value in IN (…)",
            )),
        }
    }

    fn subquery(
        &mut self,
        query: &Query,
        scope: &NameScope<'_>,
    ) -> Result<(Query, Vec<SelectOutput>), QueryError> {
        self.subqueries += 1;
        self.query(query, Some(scope), false)
    }

    fn one_column(
        &mut self,
        query: &Query,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<(Query, Type), QueryError> {
        let (made, outputs) = self.subquery(query, scope)?;
        match outputs.as_slice() {
            [output] => Ok((made, output.typed.kind.clone())),
            outputs => Err(self.refuse(
                if span == Span::empty() {
                    query.span()
                } else {
                    span
                },
                format!(
                    "a subquery in an expression has one column, and this one has {}",
                    outputs.len()
                ),
                "select the one column that is meant",
            )),
        }
    }
}

/// A condition for the engine.
pub(super) fn boolean(expr: Expr) -> Typed {
    Typed::new(Type::Bool, expr)
}

/// A bare NULL has a type for the engine.
fn typed_null(typed: Typed) -> Expr {
    match typed.kind {
        Type::Null => crate::query::types::cast(typed.expr, &Type::Int64),
        _ => typed.expr,
    }
}
