//! What a statement means by the rules of GoogleSQL, and the same in the words of the engine.
//!
//! The rule: what Google's analyzer refuses is refused here, with the place and with what to write instead; what
//! passes has one type for each expression, which [`super::types`] decides, and is put so that the engine has nothing
//! left to guess. A form that this module does not know is refused as well: nothing reaches the engine unread.
//! `docs/sql.md` has the exceptions, and a test holds the verdicts against the analyzer's.

// Queries.
mod query;

mod from;

mod select;

mod group;

mod order;

// Expressions.
mod expression;

mod operator;

mod literal;

mod array;

mod aggregate;

mod special;

mod call;

mod form;

mod fix;

// What they work with: names, columns, and the words of the engine.
mod output;

mod scope;

mod engine;

use datafusion::sql::sqlparser::ast::{Expr, Query, Spanned};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::error::{QueryError, StatementPlace};
use super::types::{NotWrittenSo, Type};
#[cfg(test)]
pub(super) use form::signature;
use scope::Relation;
pub(super) use scope::{lake_table, type_of};

/// A statement as the engine gets it.
pub(super) struct Analyzed {
    pub(super) query: Query,
    /// Whether a value may make one of its conditions fail.
    pub(super) may_fail: bool,
}

/// Reads one query over the tables of the lake.
///
/// # Errors
/// Whatever the analyzer of GoogleSQL refuses, and forms that the engine does not have.
pub(super) fn analyze(sql: &str, query: &Query) -> Result<Analyzed, QueryError> {
    let mut analyzer = Analyzer::new(sql);
    let (query, _) = analyzer.query(query, None, true)?;
    Ok(Analyzed {
        query,
        may_fail: analyzer.may_fail,
    })
}

/// Where an expression stands, which decides what it may contain.
#[derive(Debug, Clone, Copy)]
struct Clause {
    name: &'static str,
    aggregates: bool,
    windows: bool,
}

const PLAIN: Clause = Clause {
    name: "this clause",
    aggregates: false,
    windows: false,
};

/// A column that stands outside of aggregates.
#[derive(Debug, Clone)]
struct Bare {
    column: Expr,
    name: String,
    span: Span,
}

struct Analyzer<'q> {
    sql: &'q str,
    /// Queries that have a name, the latest last.
    named: Vec<Relation>,
    /// Names that were made up.
    made_up: usize,
    /// Whether a value may make a condition fail while a file is read.
    may_fail: bool,
    /// How many queries within expressions were seen.
    subqueries: usize,
    clause: Clause,
    /// Whether an aggregate was seen in the select at hand.
    aggregated: bool,
    within_aggregate: bool,
    bare: Vec<Bare>,
}

impl<'q> Analyzer<'q> {
    fn new(sql: &'q str) -> Self {
        Self {
            sql,
            named: Vec::new(),
            made_up: 0,
            may_fail: false,
            subqueries: 0,
            clause: PLAIN,
            aggregated: false,
            within_aggregate: false,
            bare: Vec::new(),
        }
    }

    /// A name that no statement can write.
    fn made_up_name(&mut self) -> String {
        self.made_up += 1;
        format!("#{}", self.made_up)
    }

    fn refuse(&self, span: Span, reason: impl Into<String>, fix: impl Into<String>) -> QueryError {
        QueryError::Refused {
            reason: reason.into(),
            fix: fix.into(),
            place: StatementPlace::new(self.sql, span),
        }
    }

    /// A form of SQL that the engine or GoogleSQL does not have.
    fn unsupported(&self, span: Span, what: &str, instead: &str) -> QueryError {
        self.refuse(
            span,
            format!("{what} is not supported"),
            if instead.is_empty() {
                "see docs/sql.md for the forms that are".to_owned()
            } else {
                instead.to_owned()
            },
        )
    }

    fn not_written_so(&self, span: Span, literal: &NotWrittenSo) -> QueryError {
        let fix = match literal.wanted {
            Type::Date => "write a date as '2026-11-20'",
            Type::Datetime => "write it as '2026-11-20 10:30:00'",
            _ => "write it as '2026-11-20 10:30:00+01', or with the name of a zone behind it",
        };
        self.refuse(
            span,
            format!("'{}' is not a {}", literal.text, literal.wanted),
            fix,
        )
    }

    /// An expression as it is written.
    fn source(&self, span: Span) -> String {
        StatementPlace::written(self.sql, span).unwrap_or_else(|| "…".to_owned())
    }

    /// Reads something in another clause.
    fn in_clause<T>(
        &mut self,
        clause: Clause,
        read: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let before = std::mem::replace(&mut self.clause, clause);
        let done = read(self);
        self.clause = before;
        done
    }
}

/// Where an expression stands in the text.
fn span_of(expr: &Expr) -> Span {
    expr.span()
}
