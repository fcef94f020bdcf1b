//! `SELECT`: the list, the groups, and the names of the columns.

use datafusion::sql::sqlparser::ast::{
    Distinct, ExceptSelectItem, Expr, GroupByExpr, Ident, NamedWindowDefinition, NamedWindowExpr,
    OrderBy, Select, SelectItem, SelectItemQualifiedWildcardKind, Spanned, TableWithJoins,
    WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::order::{ORDER, ordered};
use super::output::{SelectOutput, visible};
use super::scope::{NameScope, ScopeColumn, quoted};
use super::{Analyzer, Bare, Clause, span_of};
use crate::query::error::{QueryError, StatementPlace};
use crate::query::types::Typed;

/// One item of the select list, before it is known what the groups are.
pub(super) struct Item {
    pub(super) output: SelectOutput,
    pub(super) bare: Vec<Bare>,
    pub(super) aggregated: bool,
    pub(super) span: Span,
    pub(super) star: bool,
}

const LIST: Clause = Clause {
    name: "the select list",
    aggregates: true,
    windows: true,
};
const WITHOUT_FROM: Clause = Clause {
    name: "a SELECT without FROM",
    aggregates: false,
    windows: false,
};
const WHERE: Clause = Clause {
    name: "WHERE",
    aggregates: false,
    windows: false,
};
const HAVING: Clause = Clause {
    name: "HAVING",
    aggregates: true,
    windows: false,
};
const QUALIFY: Clause = Clause {
    name: "QUALIFY",
    aggregates: true,
    windows: true,
};

impl Analyzer<'_> {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order_by: Option<&OrderBy>,
        parent: Option<&NameScope<'_>>,
        outermost: bool,
    ) -> Result<(Select, Vec<SelectOutput>, Option<OrderBy>), QueryError> {
        self.odd_clauses(select)?;
        if select.from.is_empty() {
            self.without_from(select, order_by)?;
        }
        let (from, mut scope) = self.from(&select.from, parent)?;
        let selection = match &select.selection {
            Some(expr) => {
                let condition = self.in_clause(WHERE, |it| it.condition(expr, "WHERE", &scope))?;
                Some(condition.expr)
            }
            None => None,
        };
        self.aggregated = false;
        let (may_fail, subqueries) = (self.may_fail, self.subqueries);
        let list = match select.from.is_empty() {
            true => WITHOUT_FROM,
            false => LIST,
        };
        let mut items = self.in_clause(list, |it| it.list(&select.projection, &scope))?;
        // What is only shown is not evaluated while a file is read.
        let only_shown = outermost && select.having.is_none() && select.qualify.is_none();
        if only_shown && self.subqueries == subqueries {
            self.may_fail = may_fail;
        }
        self.name_outputs(&mut items, outermost)?;
        let outputs: Vec<SelectOutput> = items.iter().map(|item| item.output.clone()).collect();

        // GROUP BY knows an alias only as a whole item; the clauses that follow, wherever it stands.
        let (group_by, groups) = self.groups(&select.group_by, &items, &scope)?;
        scope.outputs = outputs
            .iter()
            .filter_map(|output| Some((output.name.clone()?, output.typed.clone())))
            .collect();
        let mut rest = Vec::new();
        let having = match &select.having {
            Some(expr) => Some(
                self.grouped(HAVING, &mut rest, |it| it.condition(expr, "HAVING", &scope))?
                    .expr,
            ),
            None => None,
        };
        let qualify = match &select.qualify {
            Some(expr) => Some(
                self.grouped(QUALIFY, &mut rest, |it| {
                    it.condition(expr, "QUALIFY", &scope)
                })?
                .expr,
            ),
            None => None,
        };
        let is_grouped = self.aggregated || !groups.is_empty() || having.is_some();
        if qualify.is_some() && selection.is_none() && !is_grouped {
            return Err(self.refuse(
                select.qualify.as_ref().map_or(Span::empty(), span_of),
                "QUALIFY needs WHERE, GROUP BY or HAVING before it",
                "write WHERE TRUE QUALIFY …",
            ));
        }
        let mut named_window = Vec::new();
        for NamedWindowDefinition(name, window) in &select.named_window {
            let window = match window {
                NamedWindowExpr::WindowSpec(spec) => {
                    let spec = self.grouped(LIST, &mut rest, |it| it.window_spec(spec, &scope))?;
                    NamedWindowExpr::WindowSpec(spec)
                }
                other => other.clone(),
            };
            named_window.push(NamedWindowDefinition(name.clone(), window));
        }
        let order_by = match order_by {
            None => None,
            Some(order_by) => {
                let distinct = is_distinct(select);
                if distinct {
                    scope.only_outputs = true;
                    scope.outputs = visible(&outputs);
                }
                let mut sorted = Vec::new();
                for item in self.order_items(order_by)? {
                    let before = rest.len();
                    let item =
                        self.grouped(ORDER, &mut rest, |it| it.order_item(item, &outputs, &scope))?;
                    // As in the select list, a whole item may be one of the groups.
                    if groups.contains(&item.expr) {
                        rest.truncate(before);
                    }
                    sorted.push(item);
                }
                Some(ordered(order_by, sorted))
            }
        };
        if self.aggregated || is_grouped {
            self.check_groups(&items, &rest, &groups)?;
        }

        let projection = outputs.iter().map(|output| SelectItem::ExprWithAlias {
            expr: output.typed.expr.clone(),
            alias: quoted(&output.engine),
        });
        let made = Select {
            projection: projection.collect(),
            from,
            selection,
            group_by,
            having,
            named_window,
            qualify,
            ..select.clone()
        };
        Ok((made, outputs, order_by))
    }

    fn without_from(&self, select: &Select, order_by: Option<&OrderBy>) -> Result<(), QueryError> {
        let clause = match () {
            () if select.selection.is_some() => "WHERE",
            () if !matches!(&select.group_by, GroupByExpr::Expressions(all, _) if all.is_empty()) => {
                "GROUP BY"
            }
            () if select.having.is_some() => "HAVING",
            () if select.qualify.is_some() => "QUALIFY",
            () if order_by.is_some() => "ORDER BY",
            () => return Ok(()),
        };
        Err(self.refuse(
            select.select_token.0.span,
            format!("a SELECT without FROM has no {clause}"),
            "write FROM audit_events before it",
        ))
    }

    fn odd_clauses(&self, select: &Select) -> Result<(), QueryError> {
        let span = select.select_token.0.span;
        if select.top.is_some() {
            return Err(self.unsupported(span, "TOP", "write LIMIT n at the end of the query"));
        }
        if matches!(select.distinct, Some(Distinct::On(_))) {
            return Err(self.unsupported(
                span,
                "DISTINCT ON",
                "write QUALIFY ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) = 1",
            ));
        }
        if select.value_table_mode.is_some() {
            return Err(self.unsupported(
                span,
                "SELECT AS STRUCT or AS VALUE",
                "select plain columns",
            ));
        }
        let odd = select.into.is_some()
            || select.exclude.is_some()
            || select.prewhere.is_some()
            || !select.lateral_views.is_empty()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || select.select_modifiers.is_some();
        if odd || select.projection.is_empty() {
            return Err(self.unsupported(span, "this form of SELECT", ""));
        }
        Ok(())
    }

    fn list(
        &mut self,
        items: &[SelectItem],
        scope: &NameScope<'_>,
    ) -> Result<Vec<Item>, QueryError> {
        let mut list = Vec::new();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        Expr::Identifier(ident) => Some(ident.value.clone()),
                        Expr::CompoundIdentifier(idents) => {
                            idents.last().map(|ident| ident.value.clone())
                        }
                        _ => None,
                    };
                    list.push(self.item_of(expr, name, scope)?);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    if matches!(alias.quote_style, Some('\'' | '"')) {
                        return Err(self.refuse(
                            alias.span,
                            "a name is not written in quotes",
                            format!("write AS {0}, or AS `{0}` where it has blanks", alias.value),
                        ));
                    }
                    list.push(self.item_of(expr, Some(alias.value.clone()), scope)?);
                }
                SelectItem::Wildcard(options) => {
                    if scope.relations.is_empty() {
                        return Err(self.refuse(
                            options.wildcard_token.0.span,
                            "SELECT * needs FROM",
                            "write SELECT * FROM audit_events",
                        ));
                    }
                    let columns = star(scope);
                    list.extend(self.star_items(columns, options, scope)?);
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let alias = name.to_string().replace('`', "");
                    let Some(relation) = scope.relation(&alias) else {
                        return Err(self.refuse(
                            name.span(),
                            format!("there is no table or alias `{alias}` here"),
                            "write *, or the alias of a table in FROM",
                        ));
                    };
                    let columns = relation.columns.clone();
                    list.extend(self.star_items(columns, options, scope)?);
                }
                other => {
                    return Err(self.unsupported(
                        other.span(),
                        "this item",
                        "select plain columns",
                    ));
                }
            }
        }
        Ok(list)
    }

    fn item_of(
        &mut self,
        expr: &Expr,
        name: Option<String>,
        scope: &NameScope<'_>,
    ) -> Result<Item, QueryError> {
        let before = std::mem::take(&mut self.bare);
        let aggregated = std::mem::replace(&mut self.aggregated, false);
        let typed = self.expression(expr, scope);
        let bare = std::mem::replace(&mut self.bare, before);
        let is_aggregated = std::mem::replace(&mut self.aggregated, aggregated);
        self.aggregated |= is_aggregated;
        Ok(Item {
            output: SelectOutput {
                name,
                engine: String::new(),
                typed: typed?,
            },
            bare,
            aggregated: is_aggregated,
            span: span_of(expr),
            star: false,
        })
    }

    fn star_items(
        &mut self,
        columns: Vec<ScopeColumn>,
        options: &WildcardAdditionalOptions,
        scope: &NameScope<'_>,
    ) -> Result<Vec<Item>, QueryError> {
        let span = options.wildcard_token.0.span;
        if options.opt_ilike.is_some()
            || options.opt_exclude.is_some()
            || options.opt_rename.is_some()
        {
            return Err(self.unsupported(
                span,
                "this form of *",
                "write * EXCEPT (column), * REPLACE (… AS column)",
            ));
        }
        let mut left_out: Vec<&Ident> = Vec::new();
        if let Some(ExceptSelectItem {
            first_element,
            additional_elements,
        }) = &options.opt_except
        {
            left_out.push(first_element);
            left_out.extend(additional_elements);
        }
        let missing = |ident: &Ident| {
            !columns
                .iter()
                .any(|column| column.name.eq_ignore_ascii_case(&ident.value))
        };
        let replaced = options
            .opt_replace
            .iter()
            .flat_map(|replace| &replace.items);
        let replaced: Vec<_> = replaced.collect();
        let named = left_out
            .iter()
            .copied()
            .chain(replaced.iter().map(|item| &item.column_name));
        if let Some(ident) = named.into_iter().find(|ident| missing(ident)) {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let place = StatementPlace::new(self.sql, ident.span);
            let name = &ident.value;
            return Err(QueryError::unknown_column(name, name, &known, place));
        }
        let mut items = Vec::new();
        for column in columns {
            let is = |ident: &Ident| ident.value.eq_ignore_ascii_case(&column.name);
            if left_out.iter().any(|ident| is(ident)) {
                continue;
            }
            let name = Some(column.name.clone()).filter(|name| !name.is_empty());
            if let Some(replace) = replaced.iter().find(|item| is(&item.column_name)) {
                items.push(self.item_of(&replace.expr, name, scope)?);
                continue;
            }
            items.push(Item {
                bare: vec![Bare {
                    column: column.expr.clone(),
                    name: column.name.clone(),
                    span,
                }],
                output: SelectOutput {
                    name,
                    engine: String::new(),
                    typed: Typed::new(column.kind, column.expr),
                },
                aggregated: false,
                span,
                star: true,
            });
        }
        Ok(items)
    }

    /// Gives every column the name that the engine knows it by.
    fn name_outputs(&mut self, items: &mut [Item], outermost: bool) -> Result<(), QueryError> {
        let mut unnamed = 0;
        for at in 0..items.len() {
            let name = match &items[at].output.name {
                Some(name) => name.clone(),
                None => {
                    unnamed += 1;
                    format!("f{}_", unnamed - 1)
                }
            };
            let taken = items[..at]
                .iter()
                .any(|item| item.output.engine.eq_ignore_ascii_case(&name));
            if taken && outermost {
                return Err(self.refuse(
                    items[at].span,
                    format!("two columns have the name `{name}`"),
                    "give one of them another name with AS",
                ));
            }
            items[at].output.engine = if taken { self.made_up_name() } else { name };
        }
        Ok(())
    }
}

/// The columns of `*`: those of `USING` first and once.
fn star(scope: &NameScope<'_>) -> Vec<ScopeColumn> {
    let rest = scope
        .relations
        .iter()
        .flat_map(|relation| &relation.columns);
    let is_merged = |column: &&ScopeColumn| {
        scope
            .merged
            .iter()
            .any(|merged| merged.name.eq_ignore_ascii_case(&column.name))
    };
    scope
        .merged
        .iter()
        .chain(rest.filter(|column| !is_merged(column)))
        .cloned()
        .collect()
}

/// What stands in `FROM` is one chain of joins.
pub(super) type FromClause = Vec<TableWithJoins>;

/// Whether a select makes groups or drops rows that come twice.
fn is_distinct(select: &Select) -> bool {
    matches!(select.distinct, Some(Distinct::Distinct))
}
