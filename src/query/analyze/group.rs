//! `GROUP BY`: what the groups are, and that nothing else is named outside of aggregates.

use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr};

use super::scope::NameScope;
use super::select::Item;
use super::{Analyzer, Bare, Clause, span_of};
use crate::query::error::QueryError;

const GROUP: Clause = Clause {
    name: "GROUP BY",
    aggregates: false,
    windows: false,
};

impl Analyzer<'_> {
    /// Reads something that may only name columns of groups, and keeps which ones it names.
    pub(super) fn grouped<T>(
        &mut self,
        clause: Clause,
        rest: &mut Vec<Bare>,
        read: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let before = std::mem::take(&mut self.bare);
        let done = self.in_clause(clause, read);
        rest.append(&mut std::mem::replace(&mut self.bare, before));
        done
    }

    pub(super) fn groups(
        &mut self,
        group_by: &GroupByExpr,
        items: &[Item],
        scope: &NameScope<'_>,
    ) -> Result<(GroupByExpr, Vec<Expr>), QueryError> {
        let (exprs, modifiers) = match group_by {
            GroupByExpr::All(modifiers) => {
                let plain = items.iter().filter(|item| !item.aggregated);
                let exprs: Vec<Expr> = plain.map(|item| item.output.typed.expr.clone()).collect();
                return Ok((
                    GroupByExpr::Expressions(exprs.clone(), modifiers.clone()),
                    exprs,
                ));
            }
            GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
        };
        let mut made = Vec::new();
        let mut groups = Vec::new();
        for expr in exprs {
            match expr {
                Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                    let mut all = Vec::new();
                    for set in sets {
                        let set: Result<Vec<Expr>, QueryError> = set
                            .iter()
                            .map(|expr| self.group(expr, items, scope))
                            .collect();
                        let set = set?;
                        groups.extend(set.iter().cloned());
                        all.push(set);
                    }
                    made.push(match expr {
                        Expr::Rollup(_) => Expr::Rollup(all),
                        Expr::Cube(_) => Expr::Cube(all),
                        _ => Expr::GroupingSets(all),
                    });
                }
                expr => {
                    let group = self.group(expr, items, scope)?;
                    groups.push(group.clone());
                    made.push(group);
                }
            }
        }
        Ok((GroupByExpr::Expressions(made, modifiers.clone()), groups))
    }

    fn group(
        &mut self,
        expr: &Expr,
        items: &[Item],
        scope: &NameScope<'_>,
    ) -> Result<Expr, QueryError> {
        let span = span_of(expr);
        let item = match expr {
            Expr::Value(value) => Some(self.placed(value, "GROUP BY", items, span)?),
            Expr::Identifier(ident) => items.iter().find(|item| item.output.is_named(&ident.value)),
            _ => None,
        };
        let typed = match item {
            Some(item) if item.aggregated => {
                return Err(self.refuse(
                    span,
                    "an aggregate cannot be a group",
                    "group by the other columns of the select list",
                ));
            }
            Some(item) => item.output.typed.clone(),
            None => {
                let before = std::mem::take(&mut self.bare);
                let typed = self.in_clause(GROUP, |it| it.expression(expr, scope));
                self.bare = before;
                typed?
            }
        };
        if !typed.kind.is_comparable() {
            return Err(self.refuse(
                span,
                format!("{} cannot be grouped", typed.kind),
                "group by ARRAY_TO_STRING(array, ',')",
            ));
        }
        Ok(typed.expr)
    }

    /// Every column outside of aggregates is one of the groups.
    pub(super) fn check_groups(
        &self,
        items: &[Item],
        rest: &[Bare],
        groups: &[Expr],
    ) -> Result<(), QueryError> {
        let of_list = items
            .iter()
            .filter(|item| !groups.contains(&item.output.typed.expr))
            .flat_map(|item| item.bare.iter().map(move |bare| (item.star, bare)));
        let of_rest = rest.iter().map(|bare| (false, bare));
        for (star, bare) in of_list.chain(of_rest) {
            if groups.contains(&bare.column) {
                continue;
            }
            let fix = match star {
                true => "name the columns that are grouped instead of *".to_owned(),
                false => format!(
                    "add {0} to GROUP BY, or write ANY_VALUE({0}), MAX({0}) or COUNT(DISTINCT {0})",
                    bare.name
                ),
            };
            return Err(self.refuse(
                bare.span,
                format!("`{}` is neither in GROUP BY nor in an aggregate", bare.name),
                fix,
            ));
        }
        Ok(())
    }
}
