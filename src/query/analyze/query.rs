//! Queries: `WITH`, set operations, `ORDER BY` and `LIMIT`.

use datafusion::sql::sqlparser::ast::{
    Cte, Expr, LimitClause, Offset, OrderBy, Query, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Spanned, Value, With,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::order::{ORDER, ordered};
use super::output::{SelectOutput, relation, visible};
use super::scope::{NameScope, quoted};
use super::{Analyzer, span_of};
use crate::query::error::QueryError;
use crate::query::types::{Type, Typed, common};

impl Analyzer<'_> {
    /// A query for the engine, and its columns. The names of the outermost one are for people.
    ///
    /// What was seen of the query around it is kept apart while it is read.
    pub(super) fn query(
        &mut self,
        query: &Query,
        parent: Option<&NameScope<'_>>,
        outermost: bool,
    ) -> Result<(Query, Vec<SelectOutput>), QueryError> {
        let named = self.named.len();
        let aggregated = self.aggregated;
        let within = std::mem::replace(&mut self.within_aggregate, false);
        let bare = std::mem::take(&mut self.bare);
        let made = self.query_within(query, parent, outermost);
        self.named.truncate(named);
        self.aggregated = aggregated;
        self.within_aggregate = within;
        self.bare = bare;
        made
    }

    fn query_within(
        &mut self,
        query: &Query,
        parent: Option<&NameScope<'_>>,
        outermost: bool,
    ) -> Result<(Query, Vec<SelectOutput>), QueryError> {
        let span = query.span();
        let odd = query.fetch.is_some()
            || !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some();
        if odd {
            return Err(self.unsupported(
                span,
                "this clause at the end of the query",
                "write LIMIT n",
            ));
        }
        if !query.pipe_operators.is_empty() {
            return Err(self.unsupported(span, "|>", "write SELECT … FROM … WHERE …"));
        }
        let with = query
            .with
            .as_ref()
            .map(|with| self.with(with, parent))
            .transpose()?;
        let (body, outputs, order_by) = match query.body.as_ref() {
            SetExpr::Select(select) => {
                let (select, outputs, order_by) =
                    self.select(select, query.order_by.as_ref(), parent, outermost)?;
                (SetExpr::Select(Box::new(select)), outputs, order_by)
            }
            body => {
                let (body, outputs) = self.body(body, parent, outermost)?;
                let order_by = match &query.order_by {
                    Some(order_by) => Some(self.order_of_outputs(order_by, &outputs)?),
                    None => None,
                };
                (body, outputs, order_by)
            }
        };
        let limit_clause = query
            .limit_clause
            .as_ref()
            .map(|limit| self.limit(limit))
            .transpose()?;
        let made = Query {
            with,
            body: Box::new(body),
            order_by,
            limit_clause,
            ..query.clone()
        };
        Ok((made, outputs))
    }

    fn with(&mut self, with: &With, parent: Option<&NameScope<'_>>) -> Result<With, QueryError> {
        if with.recursive {
            return Err(self.unsupported(
                with.span(),
                "WITH RECURSIVE",
                "write the steps one by one",
            ));
        }
        let mut cte_tables = Vec::new();
        for cte in &with.cte_tables {
            let name = cte.alias.name.value.clone();
            if !cte.alias.columns.is_empty() {
                return Err(self.unsupported(
                    cte.alias.name.span,
                    "a list of columns after the name",
                    "name the columns in its SELECT with AS",
                ));
            }
            if self
                .named
                .iter()
                .any(|known| known.alias.eq_ignore_ascii_case(&name))
            {
                return Err(self.refuse(
                    cte.alias.name.span,
                    format!("there are two queries with the name `{name}`"),
                    "give one of them another name",
                ));
            }
            let (query, outputs) = self.query(&cte.query, parent, false)?;
            let relation = relation(&name, &outputs);
            self.named.push(relation);
            let mut alias = cte.alias.clone();
            alias.name = quoted(&name);
            cte_tables.push(Cte {
                alias,
                query: Box::new(query),
                ..cte.clone()
            });
        }
        Ok(With {
            cte_tables,
            ..with.clone()
        })
    }

    /// What is not a plain `SELECT`: a query in parentheses or a set operation.
    fn body(
        &mut self,
        body: &SetExpr,
        parent: Option<&NameScope<'_>>,
        outermost: bool,
    ) -> Result<(SetExpr, Vec<SelectOutput>), QueryError> {
        match body {
            SetExpr::Select(select) => {
                let (select, outputs, _) = self.select(select, None, parent, outermost)?;
                Ok((SetExpr::Select(Box::new(select)), outputs))
            }
            SetExpr::Query(query) => {
                let (query, outputs) = self.query(query, parent, outermost)?;
                Ok((SetExpr::Query(Box::new(query)), outputs))
            }
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                let span = body.span();
                let name = match op {
                    SetOperator::Union => "UNION",
                    SetOperator::Except => "EXCEPT",
                    SetOperator::Intersect => "INTERSECT",
                    SetOperator::Minus => {
                        return Err(self.unsupported(span, "MINUS", "write EXCEPT DISTINCT"));
                    }
                };
                match set_quantifier {
                    SetQuantifier::All if *op == SetOperator::Union => {}
                    SetQuantifier::Distinct => {}
                    SetQuantifier::None => {
                        return Err(self.refuse(
                            span,
                            format!("{name} needs ALL or DISTINCT"),
                            if *op == SetOperator::Union {
                                "write UNION ALL, or UNION DISTINCT to drop duplicates".to_owned()
                            } else {
                                format!("write {name} DISTINCT")
                            },
                        ));
                    }
                    other => {
                        return Err(self.unsupported(
                            span,
                            &format!("{name} {other}"),
                            &format!("write {name} DISTINCT"),
                        ));
                    }
                }
                // Of a left side with three or more parts, each has been made one type with the others.
                let (mut left_made, mut outputs) = self.body(left, parent, outermost)?;
                let (mut right_made, right_outputs) = self.body(right, parent, outermost)?;
                if outputs.len() != right_outputs.len() {
                    return Err(self.refuse(
                        span,
                        format!(
                            "the sides of {name} have {} and {} columns",
                            outputs.len(),
                            right_outputs.len()
                        ),
                        "select as many columns on both sides",
                    ));
                }
                for (at, (output, other)) in outputs.iter_mut().zip(right_outputs).enumerate() {
                    let Some(kind) = common([&output.typed, &other.typed]) else {
                        return Err(self.refuse(
                            span,
                            format!(
                                "column {} of {name} is {} on one side and {} on the other",
                                at + 1,
                                output.typed.kind,
                                other.typed.kind
                            ),
                            format!("write CAST(… AS {}) on the other side", output.typed.kind),
                        ));
                    };
                    self.retype(&mut left_made, at, &output.typed, &kind, span)?;
                    self.retype(&mut right_made, at, &other.typed, &kind, span)?;
                    output.typed = Typed::new(kind, output.typed.expr.clone());
                }
                let made = SetExpr::SetOperation {
                    left: Box::new(left_made),
                    op: *op,
                    set_quantifier: match set_quantifier {
                        SetQuantifier::Distinct => SetQuantifier::None,
                        other => *other,
                    },
                    right: Box::new(right_made),
                };
                Ok((made, outputs))
            }
            SetExpr::Values(_) => Err(self.unsupported(
                body.span(),
                "VALUES",
                "write SELECT 1 AS x UNION ALL SELECT 2",
            )),
            other => Err(self.unsupported(other.span(), "this query", "write SELECT … FROM …")),
        }
    }

    /// Makes one column of a side another type.
    fn retype(
        &self,
        side: &mut SetExpr,
        at: usize,
        typed: &Typed,
        kind: &Type,
        span: Span,
    ) -> Result<(), QueryError> {
        if typed.kind == *kind {
            return Ok(());
        }
        let made = self.coerced(typed, kind, span)?;
        if let SetExpr::Select(select) = side
            && let Some(SelectItem::ExprWithAlias { expr, .. }) = select.projection.get_mut(at)
        {
            *expr = made.expr;
        }
        Ok(())
    }

    /// `ORDER BY` of what has no columns but its outputs.
    fn order_of_outputs(
        &mut self,
        order_by: &OrderBy,
        outputs: &[SelectOutput],
    ) -> Result<OrderBy, QueryError> {
        let scope = NameScope {
            outputs: visible(outputs),
            only_outputs: true,
            ..NameScope::default()
        };
        let mut sorted = Vec::new();
        for item in self.order_items(order_by)? {
            let expr = self.in_clause(ORDER, |it| it.order_item(item, outputs, &scope))?;
            sorted.push(expr);
        }
        Ok(ordered(order_by, sorted))
    }

    fn limit(&self, limit: &LimitClause) -> Result<LimitClause, QueryError> {
        let LimitClause::LimitOffset {
            limit: count,
            offset,
            limit_by,
        } = limit
        else {
            return Err(self.unsupported(
                limit.span(),
                "LIMIT with a comma",
                "write LIMIT 10 OFFSET 20",
            ));
        };
        if !limit_by.is_empty() {
            return Err(self.unsupported(
                limit.span(),
                "LIMIT BY",
                "write QUALIFY ROW_NUMBER() OVER (…) <= 10",
            ));
        }
        if count.is_none() {
            return Err(self.unsupported(
                limit.span(),
                "OFFSET without LIMIT",
                "write LIMIT 10 OFFSET 20",
            ));
        }
        let offset = offset.as_ref().map(|Offset { value, .. }| value);
        for expr in count.iter().chain(offset) {
            let whole = matches!(expr, Expr::Value(value)
                if matches!(&value.value, Value::Number(text, false) if text.parse::<i64>().is_ok()));
            if !whole {
                return Err(self.refuse(
                    span_of(expr),
                    "LIMIT and OFFSET take a whole number",
                    "write LIMIT 10",
                ));
            }
        }
        Ok(limit.clone())
    }
}
