//! `ORDER BY`, and places in the select list.

use datafusion::sql::sqlparser::ast::{
    Expr, OrderBy, OrderByExpr, OrderByKind, Spanned, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::output::SelectOutput;
use super::scope::{NameScope, quoted};
use super::{Analyzer, Clause, span_of};
use crate::query::error::QueryError;
use crate::query::types::Typed;

pub(super) const ORDER: Clause = Clause {
    name: "ORDER BY",
    aggregates: true,
    windows: true,
};

impl Analyzer<'_> {
    pub(super) fn order_items<'o>(
        &self,
        order_by: &'o OrderBy,
    ) -> Result<&'o [OrderByExpr], QueryError> {
        match &order_by.kind {
            OrderByKind::Expressions(items) => Ok(items),
            OrderByKind::All(_) => Err(self.unsupported(
                order_by.span(),
                "ORDER BY ALL",
                "name the columns, or write their numbers: ORDER BY 1, 2",
            )),
        }
    }

    /// One item of `ORDER BY`: a place in the select list, an alias, or an expression.
    pub(super) fn order_item(
        &mut self,
        item: &OrderByExpr,
        outputs: &[SelectOutput],
        scope: &NameScope<'_>,
    ) -> Result<OrderByExpr, QueryError> {
        let span = span_of(&item.expr);
        let sorted = |expr| OrderByExpr {
            expr,
            ..item.clone()
        };
        if let Expr::Value(value) = &item.expr {
            let output = self.placed(value, "ORDER BY", outputs, span)?;
            self.sortable(&output.typed, span)?;
            return Ok(sorted(Expr::Identifier(quoted(&output.engine))));
        }
        if let Expr::Identifier(ident) = &item.expr {
            let alias = outputs.iter().find(|output| output.is_named(&ident.value));
            if let Some(output) = alias {
                self.sortable(&output.typed, span)?;
                return Ok(sorted(Expr::Identifier(quoted(&output.engine))));
            }
        }
        let typed = self.expression(&item.expr, scope)?;
        self.sortable(&typed, span)?;
        Ok(sorted(typed.expr))
    }

    pub(super) fn sortable(&self, typed: &Typed, span: Span) -> Result<(), QueryError> {
        if typed.kind.is_comparable() {
            return Ok(());
        }
        Err(self.refuse(
            span,
            format!("{} cannot be sorted", typed.kind),
            "sort by ARRAY_TO_STRING(array, ',')",
        ))
    }

    /// The column of the select list that a number stands for in `GROUP BY` and `ORDER BY`.
    pub(super) fn placed<'o, T>(
        &self,
        value: &ValueWithSpan,
        clause: &str,
        columns: &'o [T],
        span: Span,
    ) -> Result<&'o T, QueryError> {
        let Value::Number(place, _) = &value.value else {
            return Err(self.refuse(
                span,
                format!("{clause} does not take a literal"),
                "name a column without quotes, or write its number: 1 is the first column",
            ));
        };
        let place = place
            .parse::<usize>()
            .ok()
            .and_then(|place| place.checked_sub(1));
        place.and_then(|place| columns.get(place)).ok_or_else(|| {
            self.refuse(
                span,
                format!(
                    "there is no column {value}: the select list has {}",
                    columns.len()
                ),
                "write a number from 1, or the name of a column",
            )
        })
    }
}

pub(super) fn ordered(order_by: &OrderBy, items: Vec<OrderByExpr>) -> OrderBy {
    OrderBy {
        kind: OrderByKind::Expressions(items),
        ..order_by.clone()
    }
}
