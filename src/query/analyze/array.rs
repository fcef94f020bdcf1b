//! Arrays: their items, `IN UNNEST`, and `UNNEST` in `FROM`.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Query, SelectItem, SetExpr, Spanned, Statement, Subscript,
    TableFactor, TableWithJoins, UnaryOperator,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::call::plain_arguments;
use super::engine::{engine_call, number};
use super::expression::boolean;
use super::from::engine_alias;
use super::scope::{NameScope, Relation, ScopeColumn, column_of, quoted};
use super::{Analyzer, PLAIN, span_of};
use crate::query::error::QueryError;
use crate::query::types::{Type, Typed};

impl Analyzer<'_> {
    pub(super) fn in_unnest(
        &mut self,
        inner: &Expr,
        array: &Expr,
        negated: bool,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        if let Expr::Array(array) = array {
            return self.in_list(inner, &array.elem, negated, scope);
        }
        let wanted = self.expression(inner, scope)?;
        let array_typed = self.expression(array, scope)?;
        let Type::Array(item) = &array_typed.kind else {
            return Err(self.no_array(array, &array_typed.kind));
        };
        if **item != Type::String || !wanted.becomes(&Type::String) {
            let item = Typed::new(item.as_ref().clone(), array_typed.expr.clone());
            let array_at = (&item, span_of(array));
            return Err(self.not_comparable("IN UNNEST", (&wanted, span_of(inner)), array_at));
        }
        let wanted = self.coerced(&wanted, &Type::String, span_of(inner))?;
        let found = engine_call("array_has_text", vec![wanted.expr, array_typed.expr]);
        Ok(boolean(if negated {
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr: Box::new(found),
            }
        } else {
            found
        }))
    }

    fn no_array(&self, expr: &Expr, kind: &Type) -> QueryError {
        self.refuse(
            span_of(expr),
            format!("UNNEST takes an array, and this is {kind}"),
            "JSON arrays in text are read with JSON_VALUE_ARRAY(text, '$.key')",
        )
    }

    /// `array[OFFSET(n)]`
    pub(super) fn item(
        &mut self,
        root: &Expr,
        chain: &[AccessExpr],
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let array = self.expression(root, scope)?;
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return Err(self.unsupported(
                span,
                "a field of a value",
                "JSON in text is read with JSON_VALUE(text, '$.key')",
            ));
        };
        if array.kind != Type::Array(Box::new(Type::String)) {
            return Err(self.refuse(
                span_of(root),
                format!("this is {}, not an array of text", array.kind),
                "items are taken from what SPLIT, JSON_VALUE_ARRAY or REGEXP_EXTRACT_ALL give",
            ));
        }
        let (safe, first, place) = match index {
            Expr::Function(function) => {
                let name = function.name.to_string().to_uppercase();
                let place = plain_arguments(&function.args);
                let place = place.and_then(|arguments| <[&Expr; 1]>::try_from(arguments).ok());
                match (name.as_str(), place) {
                    ("OFFSET", Some([place])) => (false, 0, place),
                    ("SAFE_OFFSET", Some([place])) => (true, 0, place),
                    ("ORDINAL", Some([place])) => (false, 1, place),
                    ("SAFE_ORDINAL", Some([place])) => (true, 1, place),
                    _ => (false, 0, index),
                }
            }
            index => (false, 0, index),
        };
        let typed = self.expression(place, scope)?;
        if typed.kind != Type::Int64 {
            return Err(self.refuse(
                span_of(place),
                format!("a place in an array is INT64, and this is {}", typed.kind),
                "write a number from 0, as in [OFFSET(0)]",
            ));
        }
        self.may_fail |= !safe;
        let at = match first {
            0 => typed.expr,
            _ => engine_call("int_subtract", vec![typed.expr, number(1)]),
        };
        let name = if safe { "safe_array_at" } else { "array_at" };
        Ok(Typed::new(
            Type::String,
            engine_call(name, vec![array.expr, at]),
        ))
    }

    /// `UNNEST` in `FROM`: a row for each item, beside the columns of what stands before it.
    ///
    /// The engine unnests in a select list only. What stands before it therefore becomes a query in `FROM`, whose
    /// select list has the item too; names go on standing for the same columns.
    pub(super) fn unnest(
        &mut self,
        factor: &TableFactor,
        before: Option<TableWithJoins>,
        scope: &mut NameScope<'_>,
    ) -> Result<TableWithJoins, QueryError> {
        let span = factor.span();
        let TableFactor::UNNEST {
            alias,
            array_exprs,
            with_offset: false,
            with_ordinality: false,
            ..
        } = factor
        else {
            return Err(self.unsupported(span, "UNNEST … WITH OFFSET", "write array[OFFSET(n)]"));
        };
        let [array] = array_exprs.as_slice() else {
            return Err(self.unsupported(
                span,
                "UNNEST of several arrays",
                "write one UNNEST for each",
            ));
        };
        let typed = self.in_clause(PLAIN, |it| it.expression(array, scope))?;
        let Type::Array(item) = typed.kind else {
            return Err(self.no_array(array, &typed.kind));
        };
        let name = match alias {
            Some(alias) => alias.name.value.clone(),
            None => String::new(),
        };
        self.unbound(&name, span, scope)?;
        let outer = self.made_up_name();
        let mut projection = Vec::new();
        let mut carried = |it: &mut Self, expr: Expr| {
            let alias = it.made_up_name();
            let column = column_of(&outer, &alias);
            projection.push(SelectItem::ExprWithAlias {
                expr,
                alias: quoted(&alias),
            });
            column
        };
        let columns = scope
            .relations
            .iter_mut()
            .flat_map(|relation| &mut relation.columns);
        for column in columns.chain(&mut scope.merged) {
            column.expr = carried(self, column.expr.clone());
        }
        let unnested = carried(self, engine_call("unnest", vec![typed.expr.clone()]));
        let alias = match name.as_str() {
            "" => self.made_up_name(),
            name => name.to_owned(),
        };
        scope.relations.push(Relation {
            alias,
            columns: vec![ScopeColumn {
                name,
                kind: *item,
                expr: unnested,
            }],
        });
        // Arrays without items have no row; the engine would give one with NULL.
        let selection = Expr::BinaryOp {
            left: Box::new(engine_call("array_length_of", vec![typed.expr])),
            op: BinaryOperator::Gt,
            right: Box::new(number(0)),
        };
        let Some(mut query) = empty_query() else {
            return Err(self.unsupported(span, "UNNEST in FROM", ""));
        };
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = projection;
            select.from = before.into_iter().collect();
            select.selection = Some(selection);
        }
        Ok(TableWithJoins {
            relation: TableFactor::Derived {
                lateral: false,
                subquery: query,
                alias: Some(engine_alias(&outer)),
                sample: None,
            },
            joins: Vec::new(),
        })
    }
}

/// A query to be filled.
fn empty_query() -> Option<Box<Query>> {
    match Parser::parse_sql(&GenericDialect, "SELECT 1").ok()?.pop()? {
        Statement::Query(query) => Some(query),
        _ => None,
    }
}
