//! The columns of a query.

use datafusion::sql::sqlparser::ast::Expr;

use super::scope::{Relation, ScopeColumn, column_of, quoted};
use crate::query::types::Typed;

/// One column of a query.
#[derive(Debug, Clone)]
pub(in crate::query) struct SelectOutput {
    /// As the statement gives it.
    pub(super) name: Option<String>,
    /// As the engine knows it: BigQuery's `f0_`, `f1_`, … for columns without a name.
    pub(super) engine: String,
    pub(super) typed: Typed,
}

impl SelectOutput {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(name))
    }
}

/// What a query in `FROM` or `WITH` offers.
pub(super) fn relation(alias: &str, outputs: &[SelectOutput]) -> Relation {
    let columns = outputs.iter().map(|output| ScopeColumn {
        name: output.name.clone().unwrap_or_default(),
        kind: output.typed.kind.clone(),
        expr: column_of(alias, &output.engine),
    });
    Relation {
        alias: alias.to_owned(),
        columns: columns.collect(),
    }
}

/// The outputs by the names that a statement may use, as columns of what has been selected.
pub(super) fn visible(outputs: &[SelectOutput]) -> Vec<(String, Typed)> {
    let named = outputs.iter().filter_map(|output| {
        let column = Expr::Identifier(quoted(&output.engine));
        let typed = Typed::new(output.typed.kind.clone(), column);
        Some((output.name.clone()?, typed))
    });
    named.collect()
}
