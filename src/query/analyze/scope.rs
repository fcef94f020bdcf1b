//! Names: tables, their columns, and what a name in an expression stands for.

use datafusion::sql::sqlparser::ast::{Expr, Ident};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::{Analyzer, Bare};
use crate::event::schema::ColumnType;
use crate::query::error::{QueryError, StatementPlace};
use crate::query::types::{Type, Typed};
use crate::warehouse::TableKind;

/// The table of a lake that a name stands for, whatever its case.
pub(in crate::query) fn lake_table(name: &str) -> Option<TableKind> {
    let mut tables = TableKind::ALL.into_iter();
    tables.find(|table| table.table().eq_ignore_ascii_case(name))
}

/// The type of a table's column.
pub(in crate::query) fn type_of(kind: ColumnType) -> Type {
    match kind {
        ColumnType::Text => Type::String,
        ColumnType::Bytes => Type::Bytes,
        ColumnType::Integer => Type::Int64,
        ColumnType::Date => Type::Date,
        ColumnType::Timestamp => Type::Timestamp,
    }
}

/// A column that an expression may name.
#[derive(Debug, Clone)]
pub(super) struct ScopeColumn {
    /// Empty for a column without a name, which nothing can name.
    pub(super) name: String,
    pub(super) kind: Type,
    /// The column for the engine.
    pub(super) expr: Expr,
}

/// A table, a query with a name, or a query in `FROM`.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) alias: String,
    pub(super) columns: Vec<ScopeColumn>,
}

/// What names stand for in a select.
#[derive(Debug, Default)]
pub(super) struct NameScope<'s> {
    pub(super) relations: Vec<Relation>,
    /// Columns of `USING`, which stand for those of both sides.
    pub(super) merged: Vec<ScopeColumn>,
    /// Aliases of the select list, where they can be named.
    pub(super) outputs: Vec<(String, Typed)>,
    /// Whether nothing but the outputs can be named, as after `DISTINCT`.
    pub(super) only_outputs: bool,
    pub(super) parent: Option<&'s NameScope<'s>>,
}

/// A name for the engine, as it is.
pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('`', name)
}

/// A column of a relation for the engine.
pub(super) fn column_of(alias: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![quoted(alias), quoted(name)])
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl NameScope<'_> {
    pub(super) fn relation(&self, alias: &str) -> Option<&Relation> {
        let mut relations = self.relations.iter();
        relations.find(|relation| same(&relation.alias, alias))
    }

    /// All columns with a name, and none twice for one of `USING`.
    fn named(&self, name: &str) -> Vec<&ScopeColumn> {
        let merged = self.merged.iter().find(|column| same(&column.name, name));
        if let Some(merged) = merged {
            return vec![merged];
        }
        let columns = self.relations.iter().flat_map(|relation| &relation.columns);
        columns.filter(|column| same(&column.name, name)).collect()
    }

    /// Names that can be written, for suggestions.
    fn known(&self) -> Vec<&str> {
        let outputs = self.outputs.iter().map(|(name, _)| name.as_str());
        let columns = self.relations.iter().flat_map(|relation| &relation.columns);
        let mut known: Vec<&str> = outputs
            .chain(columns.map(|column| column.name.as_str()))
            .collect();
        if let Some(parent) = self.parent {
            known.extend(parent.known());
        }
        known
    }
}

impl Analyzer<'_> {
    /// The column or alias that one name stands for.
    pub(super) fn name(
        &mut self,
        ident: &Ident,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let name = ident.value.as_str();
        let mut at = Some(scope);
        while let Some(here) = at {
            let output = here.outputs.iter().find(|(alias, _)| same(alias, name));
            if let Some((_, typed)) = output {
                return Ok(typed.clone());
            }
            if !here.only_outputs {
                match here.named(name).as_slice() {
                    [] => {}
                    [column] => {
                        let outer = !std::ptr::eq(here, scope);
                        return Ok(self.found(column, ident.span, outer));
                    }
                    [..] => {
                        let owners = here.relations.iter().filter(|relation| {
                            relation
                                .columns
                                .iter()
                                .any(|column| same(&column.name, name))
                        });
                        let choices: Vec<String> = owners
                            .map(|relation| format!("{}.{name}", relation.alias))
                            .collect();
                        return Err(self.refuse(
                            ident.span,
                            format!("`{name}` is ambiguous: several tables have it"),
                            format!("write {}", choices.join(" or ")),
                        ));
                    }
                }
            }
            at = here.parent;
        }
        if scope.only_outputs && !scope.named(name).is_empty() {
            return Err(self.refuse(
                ident.span,
                format!("`{name}` cannot be named after DISTINCT or GROUP BY"),
                format!("add {name} to the select list"),
            ));
        }
        if scope.relation(name).is_some() {
            return Err(self.unsupported(
                ident.span,
                &format!("`{name}`, a whole row as one value,"),
                "name its columns",
            ));
        }
        let place = StatementPlace::new(self.sql, ident.span);
        Err(QueryError::unknown_column(
            name,
            name,
            &scope.known(),
            place,
        ))
    }

    fn found(&mut self, column: &ScopeColumn, span: Span, outer: bool) -> Typed {
        if !self.within_aggregate && !outer {
            self.bare.push(Bare {
                column: column.expr.clone(),
                name: column.name.clone(),
                span,
            });
        }
        Typed::new(column.kind.clone(), column.expr.clone())
    }

    /// The column that `relation.column` stands for.
    pub(super) fn qualified(
        &mut self,
        idents: &[Ident],
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let [.., table, column] = idents else {
            return Err(self.unsupported(Span::empty(), "this name", ""));
        };
        let span = table.span.union(&column.span);
        let mut at = Some(scope);
        while let Some(here) = at {
            if let Some(relation) = here.relation(&table.value) {
                let columns = relation.columns.iter();
                let columns: Vec<&ScopeColumn> = columns
                    .filter(|known| same(&known.name, &column.value))
                    .collect();
                return match columns.as_slice() {
                    [found] => {
                        let outer = !std::ptr::eq(here, scope);
                        Ok(self.found(found, span, outer))
                    }
                    [] => {
                        let known: Vec<&str> = relation
                            .columns
                            .iter()
                            .map(|known| known.name.as_str())
                            .collect();
                        Err(QueryError::unknown_column(
                            format!("{}.{}", table.value, column.value),
                            &column.value,
                            &known,
                            StatementPlace::new(self.sql, span),
                        ))
                    }
                    [..] => Err(self.refuse(
                        span,
                        format!("`{}` has several columns `{}`", table.value, column.value),
                        "give each its own name with AS",
                    )),
                };
            }
            at = here.parent;
        }
        let is_column = !scope.named(&table.value).is_empty();
        if is_column {
            return Err(self.refuse(
                span,
                format!("`{}` is not a STRUCT and has no fields", table.value),
                format!(
                    "JSON in text is read with JSON_VALUE({}, '$.{}')",
                    table.value, column.value
                ),
            ));
        }
        let tables: Vec<&str> = scope
            .relations
            .iter()
            .map(|relation| relation.alias.as_str())
            .collect();
        let fix = match tables.as_slice() {
            [] => "FROM names no table".to_owned(),
            tables => format!("FROM names {}", tables.join(", ")),
        };
        Err(self.refuse(
            span,
            format!("there is no table or alias `{}` here", table.value),
            fix,
        ))
    }
}
