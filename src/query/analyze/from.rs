//! `FROM`: tables, queries, and how they are joined.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    Spanned, TableAlias, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::engine::engine_call;
use super::output::relation;
use super::scope::{NameScope, Relation, ScopeColumn, column_of, lake_table, quoted, type_of};
use super::select::FromClause;
use super::{Analyzer, Clause};
use crate::query::error::{QueryError, StatementPlace};
use crate::query::types::{Type, Typed, common};

const ON: Clause = Clause {
    name: "ON",
    aggregates: false,
    windows: false,
};

impl Analyzer<'_> {
    /// What stands in `FROM`, as one chain of joins, and the names that it brings.
    pub(super) fn from<'s>(
        &mut self,
        from: &[TableWithJoins],
        parent: Option<&'s NameScope<'s>>,
    ) -> Result<(FromClause, NameScope<'s>), QueryError> {
        let mut scope = NameScope {
            parent,
            ..NameScope::default()
        };
        let mut chain: Option<TableWithJoins> = None;
        for part in from {
            if let TableFactor::UNNEST { .. } = &part.relation {
                chain = Some(self.unnest(&part.relation, chain, &mut scope)?);
                for join in &part.joins {
                    self.joined(join, &mut chain, &mut scope)?;
                }
                continue;
            }
            let factor = self.factor(&part.relation, &mut scope)?;
            match &mut chain {
                None => {
                    chain = Some(TableWithJoins {
                        relation: factor,
                        joins: Vec::new(),
                    });
                }
                // A comma joins what stands before it with what follows.
                Some(chain) => chain.joins.push(Join {
                    relation: factor,
                    global: false,
                    join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
                }),
            }
            for join in &part.joins {
                self.joined(join, &mut chain, &mut scope)?;
            }
        }
        Ok((chain.into_iter().collect(), scope))
    }

    fn joined(
        &mut self,
        join: &Join,
        chain: &mut Option<TableWithJoins>,
        scope: &mut NameScope<'_>,
    ) -> Result<(), QueryError> {
        let is_plain = matches!(
            join.join_operator,
            JoinOperator::CrossJoin(JoinConstraint::None)
                | JoinOperator::Join(JoinConstraint::None)
                | JoinOperator::Inner(JoinConstraint::None)
        );
        if let (TableFactor::UNNEST { .. }, true) = (&join.relation, is_plain) {
            *chain = Some(self.unnest(&join.relation, chain.take(), scope)?);
            return Ok(());
        }
        let join = self.join(join, scope)?;
        if let Some(chain) = chain {
            chain.joins.push(join);
        }
        Ok(())
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        scope: &mut NameScope<'_>,
    ) -> Result<TableFactor, QueryError> {
        let span = factor.span();
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version,
                sample,
                partitions,
                json_path: None,
                ..
            } => {
                if version.is_some() {
                    return Err(self.unsupported(
                        span,
                        "FOR SYSTEM_TIME AS OF",
                        "`trailhouse query` reads the lake as it is now",
                    ));
                }
                if sample.is_some() || !with_hints.is_empty() || !partitions.is_empty() {
                    return Err(self.unsupported(span, "TABLESAMPLE", "write LIMIT n"));
                }
                let known = self.table(name)?;
                let alias = alias.as_ref().map(|alias| self.alias(alias)).transpose()?;
                let alias = alias.unwrap_or_else(|| known.alias.clone());
                let columns = known.columns.iter().map(|column| ScopeColumn {
                    expr: match &column.expr {
                        Expr::CompoundIdentifier(idents) => {
                            let name = idents.last().map(|ident| ident.value.clone());
                            column_of(&alias, &name.unwrap_or_default())
                        }
                        other => other.clone(),
                    },
                    ..column.clone()
                });
                let bound = Relation {
                    alias: alias.clone(),
                    columns: columns.collect(),
                };
                self.bind(bound, span, scope)?;
                Ok(TableFactor::Table {
                    name: ObjectName::from(vec![quoted(&known.alias)]),
                    alias: Some(engine_alias(&alias)),
                    args: None,
                    with_hints: Vec::new(),
                    version: None,
                    with_ordinality: false,
                    partitions: Vec::new(),
                    json_path: None,
                    sample: None,
                    index_hints: Vec::new(),
                })
            }
            TableFactor::Derived {
                lateral: false,
                subquery,
                alias,
                sample: None,
            } => {
                let (query, outputs) = self.query(subquery, None, false)?;
                let alias = match alias {
                    Some(alias) => self.alias(alias)?,
                    None => self.made_up_name(),
                };
                self.bind(relation(&alias, &outputs), span, scope)?;
                Ok(TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(query),
                    alias: Some(engine_alias(&alias)),
                    sample: None,
                })
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => {
                let relation = self.factor(&table_with_joins.relation, scope)?;
                let mut joins = Vec::new();
                for join in &table_with_joins.joins {
                    joins.push(self.join(join, scope)?);
                }
                Ok(TableFactor::NestedJoin {
                    table_with_joins: Box::new(TableWithJoins { relation, joins }),
                    alias: None,
                })
            }
            TableFactor::UNNEST { .. } => Err(self.unsupported(
                span,
                "UNNEST in this join",
                "write FROM table, UNNEST(array) AS item, or value IN UNNEST(array)",
            )),
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => Err(self.unsupported(
                span,
                "PIVOT",
                "write COUNTIF(column = 'a') AS a, COUNTIF(column = 'b') AS b with GROUP BY",
            )),
            _ => Err(self.unsupported(
                span,
                "this in FROM",
                "name a table or a query in parentheses",
            )),
        }
    }

    fn alias(&self, alias: &TableAlias) -> Result<String, QueryError> {
        if alias.columns.is_empty() {
            return Ok(alias.name.value.clone());
        }
        Err(self.unsupported(
            alias.name.span,
            "a list of columns after an alias",
            "name the columns in the query with AS",
        ))
    }

    fn bind(
        &self,
        bound: Relation,
        span: Span,
        scope: &mut NameScope<'_>,
    ) -> Result<(), QueryError> {
        self.unbound(&bound.alias, span, scope)?;
        scope.relations.push(bound);
        Ok(())
    }

    /// No table in `FROM` has the name yet.
    pub(super) fn unbound(
        &self,
        name: &str,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<(), QueryError> {
        if scope.relation(name).is_none() {
            return Ok(());
        }
        Err(self.refuse(
            span,
            format!("two tables in FROM have the name `{name}`"),
            "give each its own alias with AS",
        ))
    }

    /// The table or named query of a name.
    fn table(&self, name: &ObjectName) -> Result<Relation, QueryError> {
        let parts: Vec<&Ident> = name
            .0
            .iter()
            .filter_map(|part| match part {
                ObjectNamePart::Identifier(ident) => Some(ident),
                ObjectNamePart::Function(_) => None,
            })
            .collect();
        // A name in one pair of backticks may hold project and dataset too.
        let written = parts
            .iter()
            .map(|part| part.value.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let last = written.rsplit('.').next().unwrap_or_default();
        if last == written {
            let named = self.named.iter().rev();
            let mut named = named.filter(|known| known.alias.eq_ignore_ascii_case(last));
            if let Some(found) = named.next() {
                return Ok(found.clone());
            }
        }
        let quoted_text = parts
            .iter()
            .any(|part| matches!(part.quote_style, Some('\'' | '"')));
        match lake_table(last) {
            Some(table) if !quoted_text => Ok(Relation {
                alias: table.table().to_owned(),
                columns: table
                    .columns()
                    .iter()
                    .map(|column| ScopeColumn {
                        name: column.name.to_owned(),
                        kind: type_of(column.kind),
                        expr: column_of(table.table(), column.name),
                    })
                    .collect(),
            }),
            _ => Err(QueryError::UnknownTable {
                name: last.to_owned(),
                place: StatementPlace::new(self.sql, name.span()),
            }),
        }
    }

    fn join(&mut self, join: &Join, scope: &mut NameScope<'_>) -> Result<Join, QueryError> {
        let span = join.relation.span();
        let left = scope.relations.len();
        let relation = self.factor(&join.relation, scope)?;
        let (made, constraint): (fn(JoinConstraint) -> JoinOperator, _) = match &join.join_operator
        {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => (JoinOperator::Inner, on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (JoinOperator::Left, on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (JoinOperator::Right, on),
            JoinOperator::FullOuter(on) => (JoinOperator::FullOuter, on),
            JoinOperator::CrossJoin(on) => (JoinOperator::CrossJoin, on),
            _ => {
                return Err(self.unsupported(
                    span,
                    "this join",
                    "write JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN; WHERE EXISTS (SELECT …) for a semi join",
                ));
            }
        };
        let is_cross = matches!(join.join_operator, JoinOperator::CrossJoin(_));
        let constraint = match constraint {
            JoinConstraint::None if is_cross => JoinConstraint::None,
            JoinConstraint::None => {
                return Err(self.refuse(
                    span,
                    "JOIN needs ON or USING behind it",
                    "write ON left.column = right.column, or CROSS JOIN for every pair",
                ));
            }
            _ if is_cross => {
                return Err(self.refuse(
                    span,
                    "CROSS JOIN does not take a condition",
                    "write JOIN … ON …",
                ));
            }
            JoinConstraint::Natural => {
                return Err(self.unsupported(span, "NATURAL JOIN", "write USING (column)"));
            }
            JoinConstraint::On(expr) => {
                let condition = self.in_clause(ON, |it| it.condition(expr, "ON", scope))?;
                JoinConstraint::On(condition.expr)
            }
            JoinConstraint::Using(names) => {
                JoinConstraint::On(self.using(names, left, &join.join_operator, scope)?)
            }
        };
        Ok(Join {
            relation,
            global: false,
            join_operator: made(constraint),
        })
    }

    /// `USING (…)` as a condition; the columns become one for the rest of the select.
    fn using(
        &mut self,
        names: &[ObjectName],
        left: usize,
        operator: &JoinOperator,
        scope: &mut NameScope<'_>,
    ) -> Result<Expr, QueryError> {
        let mut condition: Option<Expr> = None;
        for name in names {
            let wanted = name.to_string().replace('`', "");
            let is = |column: &&ScopeColumn| column.name.eq_ignore_ascii_case(&wanted);
            let merged = scope.merged.iter().find(is).cloned();
            let before = || {
                scope.relations[..left]
                    .iter()
                    .flat_map(|relation| &relation.columns)
            };
            let behind = || {
                scope.relations[left..]
                    .iter()
                    .flat_map(|relation| &relation.columns)
            };
            let (Some(one), Some(other)) = (
                merged.or_else(|| before().find(is).cloned()),
                behind().find(is).cloned(),
            ) else {
                return Err(self.refuse(
                    name.span(),
                    format!("`{wanted}` is not a column of both sides"),
                    "write ON left.column = right.column",
                ));
            };
            let (left_typed, right_typed) = (
                Typed::new(one.kind.clone(), one.expr.clone()),
                Typed::new(other.kind.clone(), other.expr.clone()),
            );
            let Some(kind) = common([&left_typed, &right_typed]).filter(Type::is_comparable) else {
                return Err(self.refuse(
                    name.span(),
                    format!(
                        "`{wanted}` is {} on one side and {} on the other",
                        one.kind, other.kind
                    ),
                    "write ON with a CAST",
                ));
            };
            let equal = Expr::BinaryOp {
                left: Box::new(self.coerced(&left_typed, &kind, name.span())?.expr),
                op: BinaryOperator::Eq,
                right: Box::new(self.coerced(&right_typed, &kind, name.span())?.expr),
            };
            condition = Some(match condition {
                Some(condition) => Expr::BinaryOp {
                    left: Box::new(condition),
                    op: BinaryOperator::And,
                    right: Box::new(equal),
                },
                None => equal,
            });
            let expr = match operator {
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => other.expr,
                JoinOperator::FullOuter(_) => engine_call("coalesce", vec![one.expr, other.expr]),
                _ => one.expr,
            };
            scope
                .merged
                .retain(|column| !column.name.eq_ignore_ascii_case(&wanted));
            scope.merged.push(ScopeColumn {
                name: one.name,
                kind,
                expr,
            });
        }
        condition.ok_or_else(|| {
            self.unsupported(
                Span::empty(),
                "USING without columns",
                "write USING (column)",
            )
        })
    }
}

/// An alias for the engine, as it is.
pub(super) fn engine_alias(name: &str) -> TableAlias {
    TableAlias {
        explicit: true,
        name: quoted(name),
        columns: Vec::new(),
        at: None,
    }
}
