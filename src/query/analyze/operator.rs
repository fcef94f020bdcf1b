//! Operators, and what to write where two types do not go together.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Interval, UnaryOperator};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::engine::engine_call;
use super::expression::boolean;
use super::fix::{fix_between, number_fix};
use super::scope::NameScope;
use super::{Analyzer, span_of};
use crate::query::error::QueryError;
use crate::query::types::{Type, Typed, cast, common, text_literal};

impl Analyzer<'_> {
    pub(super) fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let name = op.to_string();
                let left = self.condition(left, &name, scope)?;
                let right = self.condition(right, &name, scope)?;
                Ok(boolean(Expr::BinaryOp {
                    left: Box::new(left.expr),
                    op: op.clone(),
                    right: Box::new(right.expr),
                }))
            }
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => {
                self.once(left, span)?;
                self.once(right, span)?;
                let between = Span::new(span_of(left).end, span_of(right).start);
                if self.source(between).contains("==") {
                    return Err(self.unsupported(between, "==", "write ="));
                }
                let (left, right) = self.alike(left, &op.to_string(), right, scope)?;
                Ok(boolean(Expr::BinaryOp {
                    left,
                    op: op.clone(),
                    right,
                }))
            }
            BinaryOperator::Plus | BinaryOperator::Minus => {
                if let Expr::Interval(interval) = right {
                    return self.moved(left, op, interval, scope);
                }
                if let (Expr::Interval(interval), BinaryOperator::Plus) = (left, op) {
                    return self.moved(right, op, interval, scope);
                }
                self.arithmetic(left, op, right, span, scope)
            }
            BinaryOperator::Multiply | BinaryOperator::Divide => {
                self.arithmetic(left, op, right, span, scope)
            }
            BinaryOperator::StringConcat => {
                let both = self.both(left, right, scope)?;
                if let Some((_, at)) = both.iter().find(|(typed, _)| typed.kind == Type::Null) {
                    return Err(self.refuse(*at, "NULL || anything is NULL", "remove it"));
                }
                let exprs = both.map(|(typed, _)| typed.expr);
                Ok(Typed::new(
                    Type::String,
                    engine_call("concat_text", exprs.into()),
                ))
            }
            BinaryOperator::BitwiseAnd | BinaryOperator::BitwiseOr | BinaryOperator::BitwiseXor => {
                let both = self.both(left, right, scope)?;
                if let Some((typed, at)) = both.iter().find(|(typed, _)| typed.kind != Type::Int64)
                {
                    return Err(self.refuse(
                        *at,
                        format!("{op} takes INT64, and this is {}", typed.kind),
                        "write AND, OR or != between conditions, and || between texts",
                    ));
                }
                let [left, right] = both.map(|(typed, _)| Box::new(typed.expr));
                Ok(Typed::new(
                    Type::Int64,
                    Expr::BinaryOp {
                        left,
                        op: op.clone(),
                        right,
                    },
                ))
            }
            BinaryOperator::Modulo => Err(self.unsupported(span, "%", "write MOD(left, right)")),
            other => {
                let fix = match other {
                    BinaryOperator::PGRegexMatch | BinaryOperator::Regexp => {
                        "write REGEXP_CONTAINS(text, r'pattern')"
                    }
                    BinaryOperator::Arrow | BinaryOperator::LongArrow => {
                        "write JSON_VALUE(text, '$.key')"
                    }
                    _ => "",
                };
                Err(self.unsupported(span, &format!("the operator {other}"), fix))
            }
        }
    }

    /// Refuses a comparison of a comparison.
    pub(super) fn once(&self, side: &Expr, span: Span) -> Result<(), QueryError> {
        if !is_comparison(side) {
            return Ok(());
        }
        Err(self.refuse(
            span,
            "comparisons cannot follow one another",
            "put one of them in parentheses, or join them with AND",
        ))
    }

    pub(super) fn unary(
        &mut self,
        op: UnaryOperator,
        inner: &Expr,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        match op {
            UnaryOperator::Not => {
                let at = span_of(inner);
                let inner = self.condition(inner, "NOT", scope)?;
                if matches!(inner.expr, Expr::Cast { .. }) && inner.literal.is_some() {
                    return Err(self.refuse(at, "NOT NULL is NULL", "write value IS NOT NULL"));
                }
                Ok(boolean(Expr::UnaryOp {
                    op,
                    expr: Box::new(inner.expr),
                }))
            }
            UnaryOperator::Minus | UnaryOperator::Plus => {
                // The least INT64 has no positive twin.
                if let (Expr::Value(value), UnaryOperator::Minus) = (inner, op)
                    && value.to_string() == i64::MIN.unsigned_abs().to_string()
                {
                    let least = cast(text_literal(&i64::MIN.to_string()), &Type::Int64);
                    return Ok(Typed::new(Type::Int64, least));
                }
                let typed = self.expression(inner, scope)?;
                let is_literal = typed.literal.is_some();
                let expr = match (&typed.kind, op) {
                    (Type::Int64 | Type::Float64, UnaryOperator::Plus) => typed.expr,
                    (Type::Int64, _) if !is_literal => {
                        self.risky_call("int_negate", vec![typed.expr])
                    }
                    (Type::Int64 | Type::Float64, _) => Expr::UnaryOp {
                        op,
                        expr: Box::new(typed.expr),
                    },
                    (other, _) => {
                        return Err(self.refuse(
                            span_of(inner),
                            format!("{op} takes a number, and this is {other}"),
                            number_fix(&typed, inner),
                        ));
                    }
                };
                Ok(Typed {
                    kind: typed.kind,
                    expr,
                    literal: typed.literal,
                })
            }
            other => Err(self.unsupported(span, &format!("the operator {other}"), "")),
        }
    }

    /// Two expressions, the left one first.
    fn both(
        &mut self,
        left: &Expr,
        right: &Expr,
        scope: &NameScope<'_>,
    ) -> Result<[(Typed, Span); 2], QueryError> {
        Ok([
            (self.expression(left, scope)?, span_of(left)),
            (self.expression(right, scope)?, span_of(right)),
        ])
    }

    /// Two expressions that are compared, as one type.
    pub(super) fn alike(
        &mut self,
        left: &Expr,
        operator: &str,
        right: &Expr,
        scope: &NameScope<'_>,
    ) -> Result<(Box<Expr>, Box<Expr>), QueryError> {
        let both = self
            .both(left, right, scope)
            .map_err(|error| self.unquoted(error, left, right, scope))?;
        let span = span_of(left).union(&span_of(right));
        let bare_null = both.iter().find(|(typed, _)| typed.kind == Type::Null);
        if let (Some((_, at)), false) = (bare_null, operator.starts_with("IS ")) {
            return Err(self.refuse(
                *at,
                format!("NULL is never {operator} anything"),
                "write value IS NULL or value IS NOT NULL",
            ));
        }
        let [(one, one_at), (other, other_at)] = &both;
        let Some(kind) = common([one, other]).filter(Type::is_comparable) else {
            let fix = match one.kind {
                Type::Array(_) => "compare ARRAY_TO_STRING(array, ',')".to_owned(),
                _ => fix_between(one, left, other, right),
            };
            return Err(self.refuse(
                span,
                format!(
                    "{} and {} cannot be compared with {operator}",
                    one.kind, other.kind
                ),
                fix,
            ));
        };
        let one = self.coerced(one, &kind, *one_at)?;
        let other = self.coerced(other, &kind, *other_at)?;
        Ok((Box::new(one.expr), Box::new(other.expr)))
    }

    /// A name that is not there beside text is often text without quotes.
    fn unquoted(
        &mut self,
        error: QueryError,
        left: &Expr,
        right: &Expr,
        scope: &NameScope<'_>,
    ) -> QueryError {
        let QueryError::UnknownColumn { name, near, place } = error else {
            return error;
        };
        let is_it = |side: &Expr| matches!(side, Expr::Identifier(ident) if ident.value == name);
        let beside = if is_it(right) { left } else { right };
        let text = !is_it(beside)
            && self
                .expression(beside, scope)
                .is_ok_and(|typed| typed.kind == Type::String);
        if text && near.is_empty() {
            return QueryError::Refused {
                reason: format!("there is no column `{name}`"),
                fix: format!("text goes in quotes: '{name}'"),
                place,
            };
        }
        QueryError::UnknownColumn { name, near, place }
    }

    /// Several expressions as their one common type.
    pub(super) fn agreed(
        &mut self,
        span: Span,
        operator: &str,
        all: Vec<(Typed, Span)>,
    ) -> Result<Vec<Typed>, QueryError> {
        let Some(kind) = common(all.iter().map(|(typed, _)| typed)) else {
            // The first pair that does not go together.
            let mut pairs = all
                .iter()
                .flat_map(|one| all.iter().map(move |other| (one, other)));
            return Err(
                match pairs.find(|(one, other)| common([&one.0, &other.0]).is_none()) {
                    Some(((one, one_at), (other, other_at))) => {
                        self.not_comparable(operator, (one, *one_at), (other, *other_at))
                    }
                    None => self.unsupported(span, operator, "use one type for all values"),
                },
            );
        };
        if matches!(operator, "IN" | "BETWEEN") && !kind.is_comparable() {
            return Err(self.refuse(
                span,
                format!("{kind} cannot be compared"),
                "compare its items",
            ));
        }
        all.iter()
            .map(|(typed, at)| self.coerced(typed, &kind, *at))
            .collect()
    }

    pub(super) fn not_comparable(
        &self,
        operator: &str,
        (one, one_at): (&Typed, Span),
        (other, other_at): (&Typed, Span),
    ) -> QueryError {
        let fix = fix_between(one, &self.source(one_at), other, &self.source(other_at));
        self.refuse(
            other_at,
            format!(
                "{operator} takes values of one type, and these are {} and {}",
                one.kind, other.kind
            ),
            fix,
        )
    }

    fn arithmetic(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let [(one, one_at), (other, other_at)] = self.both(left, right, scope)?;
        for (typed, at) in [(&one, one_at), (&other, other_at)] {
            if typed.kind == Type::Null {
                return Err(self.refuse(at, format!("NULL {op} anything is NULL"), "remove it"));
            }
        }
        match (&one.kind, &other.kind) {
            (Type::Int64, Type::Int64) if *op != BinaryOperator::Divide => {
                let name = match op {
                    BinaryOperator::Plus => "int_add",
                    BinaryOperator::Minus => "int_subtract",
                    _ => "int_multiply",
                };
                let made = self.risky_call(name, vec![one.expr, other.expr]);
                Ok(Typed::new(Type::Int64, made))
            }
            (one_kind, other_kind) if one_kind.is_number() && other_kind.is_number() => {
                let one = self.coerced(&one, &Type::Float64, one_at)?;
                let other = self.coerced(&other, &Type::Float64, other_at)?;
                if *op == BinaryOperator::Divide {
                    let divided = self.risky_call("divide", vec![one.expr, other.expr]);
                    return Ok(Typed::new(Type::Float64, divided));
                }
                Ok(Typed::new(
                    Type::Float64,
                    Expr::BinaryOp {
                        left: Box::new(one.expr),
                        op: op.clone(),
                        right: Box::new(other.expr),
                    },
                ))
            }
            (Type::Date, Type::Int64)
                if matches!(op, BinaryOperator::Plus | BinaryOperator::Minus) =>
            {
                let name = if *op == BinaryOperator::Plus {
                    "add_date"
                } else {
                    "sub_date"
                };
                let days = vec![one.expr, other.expr, text_literal("DAY")];
                let moved = self.risky_call(name, days);
                Ok(Typed::new(Type::Date, moved))
            }
            (Type::Int64, Type::Date) if *op == BinaryOperator::Plus => {
                let days = vec![other.expr, one.expr, text_literal("DAY")];
                let moved = self.risky_call("add_date", days);
                Ok(Typed::new(Type::Date, moved))
            }
            (one_kind, other_kind) => {
                let fix = match (one_kind, other_kind) {
                    (Type::Date, Type::Date) => "write DATE_DIFF(later, earlier, DAY)".to_owned(),
                    (Type::Timestamp, Type::Timestamp) => {
                        "write TIMESTAMP_DIFF(later, earlier, SECOND)".to_owned()
                    }
                    (Type::Timestamp, Type::Int64) => {
                        "write TIMESTAMP_ADD(timestamp, INTERVAL n HOUR), or TIMESTAMP_SUB"
                            .to_owned()
                    }
                    (Type::String, Type::String) if *op == BinaryOperator::Plus => {
                        "text is joined with left || right".to_owned()
                    }
                    (Type::String, _) => number_fix(&one, left),
                    (_, Type::String) => number_fix(&other, right),
                    _ => "use values of compatible types".to_owned(),
                };
                Err(self.refuse(
                    span,
                    format!("{op} does not take {one_kind} and {other_kind}"),
                    fix,
                ))
            }
        }
    }

    /// A date or time and an `INTERVAL`.
    fn moved(
        &mut self,
        value: &Expr,
        op: &BinaryOperator,
        interval: &Interval,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let typed = self.expression(value, scope)?;
        // As in BigQuery, a date and an interval make a DATETIME.
        let (kind, group) = match typed.kind {
            Type::Date | Type::Datetime => (Type::Datetime, "clock"),
            Type::Timestamp => (Type::Timestamp, "elapsed"),
            other => {
                return Err(self.refuse(
                    span_of(value),
                    format!("an INTERVAL is added to a date or time, and this is {other}"),
                    "write TIMESTAMP '…' or DATE '…', or CAST(… AS TIMESTAMP)",
                ));
            }
        };
        let value = self.coerced(&typed, &kind, span_of(value))?;
        let (count, part) = self.interval(interval, group, &kind, scope)?;
        let name = match (op, &kind) {
            (BinaryOperator::Plus, Type::Datetime) => "add_datetime",
            (BinaryOperator::Plus, _) => "add_timestamp",
            (_, Type::Datetime) => "sub_datetime",
            (_, _) => "sub_timestamp",
        };
        let moved = self.risky_call(name, vec![value.expr, count, text_literal(&part)]);
        Ok(Typed::new(kind, moved))
    }
}

/// A comparison without parentheses around it, which GoogleSQL does not compare again.
pub(super) fn is_comparison(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        ),
        Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::InUnnest { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_) => true,
        _ => false,
    }
}
