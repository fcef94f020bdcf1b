//! Calls with more than arguments: aggregates, windows, `SAFE.`.

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, HavingBound, HavingBoundKind, NullTreatment,
    ObjectNamePart, OrderByExpr, WindowFrame, WindowFrameBound, WindowSpec, WindowType,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::call::plain_arguments;
use super::engine::engine_call;
use super::scope::NameScope;
use super::{Analyzer, span_of};
use crate::query::error::QueryError;
use crate::query::functions::{CallForm, FunctionKind, named};
use crate::query::types::{Type, Typed};

impl Analyzer<'_> {
    pub(super) fn call(
        &mut self,
        function: &Function,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let parts: Option<Vec<String>> = function
            .name
            .0
            .iter()
            .map(|part| match part {
                ObjectNamePart::Identifier(ident) => Some(ident.value.to_uppercase()),
                ObjectNamePart::Function(_) => None,
            })
            .collect();
        let (safe, name) = match parts.as_deref() {
            Some([name]) => (false, name.clone()),
            Some([safe, name]) if safe == "SAFE" => (true, name.clone()),
            _ => {
                return Err(self.no_function(&function.name.to_string(), span));
            }
        };
        let forms = named(&name);
        let kinds = |kind: FunctionKind| {
            let of_kind = forms.iter().copied().filter(|form| form.kind == kind);
            of_kind.collect::<Vec<&'static CallForm>>()
        };
        if function.filter.is_some() {
            return Err(self.unsupported(
                span,
                "FILTER",
                "write COUNTIF(condition), or SUM(IF(condition, value, 0))",
            ));
        }
        if !function.within_group.is_empty() {
            return Err(self.unsupported(
                span,
                "WITHIN GROUP",
                "write ORDER BY within the parentheses",
            ));
        }
        let (aggregates, windows) = (kinds(FunctionKind::Aggregate), kinds(FunctionKind::Window));
        if !aggregates.is_empty() {
            return self.aggregate(&name, &aggregates, function, span, scope);
        }
        if !windows.is_empty() {
            return self.window(&name, &windows, function, span, scope);
        }
        if function.over.is_some() && !forms.is_empty() {
            return Err(self.refuse(
                span,
                format!("{name} cannot have OVER: it is not an aggregate"),
                "remove OVER",
            ));
        }
        if let FunctionArguments::List(list) = &function.args
            && (list.duplicate_treatment.is_some() || !list.clauses.is_empty())
        {
            return Err(self.refuse(
                span,
                format!("{name} cannot have DISTINCT or ORDER BY: it is not an aggregate"),
                "remove it",
            ));
        }
        let Some(arguments) = plain_arguments(&function.args) else {
            return Err(match forms.is_empty() {
                true => self.no_function(&name, span),
                false => self.unsupported(span, "this argument", &super::form::written(&forms)),
            });
        };
        self.call_scalar(&name, &arguments, safe, span, scope)
    }

    fn aggregate(
        &mut self,
        name: &str,
        forms: &[&'static CallForm],
        function: &Function,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let windowed = function.over.is_some();
        if !windowed && self.within_aggregate {
            return Err(self.refuse(
                span,
                format!("{name} is nested in another aggregate"),
                "compute the inner one in a subquery in FROM",
            ));
        }
        if !windowed && !self.clause.aggregates {
            return Err(self.refuse(
                span,
                format!(
                    "{name} is an aggregate and is not allowed in {}",
                    self.clause.name
                ),
                match self.clause.name {
                    "WHERE" => "write HAVING for a condition on groups",
                    _ => "compute it in a subquery in FROM",
                },
            ));
        }
        let list = match &function.args {
            FunctionArguments::List(list) => list,
            _ => {
                return Err(self.refuse(
                    span,
                    format!("{name} needs an argument"),
                    super::form::written(forms),
                ));
            }
        };
        if list.duplicate_treatment == Some(DuplicateTreatment::All) {
            return Err(self.unsupported(span, &format!("ALL in {name}"), "remove it"));
        }
        let over = function
            .over
            .as_ref()
            .map(|over| self.over(name, over, false, span, scope))
            .transpose()?;
        self.aggregated |= !windowed;
        let star = matches!(
            list.args.as_slice(),
            [FunctionArg::Unnamed(
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_)
            )]
        );
        if star {
            if name != "COUNT" || list.duplicate_treatment.is_some() {
                return Err(self.refuse(
                    span,
                    format!(
                        "{name}{} does not take *",
                        if list.duplicate_treatment.is_some() {
                            " with DISTINCT"
                        } else {
                            ""
                        }
                    ),
                    "name a column, such as COUNT(DISTINCT actor_uid)",
                ));
            }
            let mut counted = engine_call("count", Vec::new());
            if let Expr::Function(counted) = &mut counted {
                counted.args = FunctionArguments::List(FunctionArgumentList {
                    duplicate_treatment: None,
                    args: vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)],
                    clauses: Vec::new(),
                });
                counted.over = over;
            }
            return Ok(Typed::new(Type::Int64, counted));
        }
        let Some(mut arguments) = plain_arguments(&function.args) else {
            return Err(self.unsupported(span, "this argument", &super::form::written(forms)));
        };
        // ANY_VALUE(x HAVING MAX y) is MAX_BY(x, y).
        let bound = list.clauses.iter().find_map(|clause| match clause {
            FunctionArgumentClause::Having(bound) if name == "ANY_VALUE" => Some(bound),
            _ => None,
        });
        let (name, forms) = match bound {
            Some(HavingBound(kind, by)) => {
                arguments.push(by);
                let name = match kind {
                    HavingBoundKind::Max => "MAX_BY",
                    HavingBoundKind::Min => "MIN_BY",
                };
                (name, named(name))
            }
            None => (name, forms.to_vec()),
        };
        let forms = forms.as_slice();
        let within = self.within_aggregate;
        self.within_aggregate |= !windowed;
        let read = self.resolved(name, forms, &arguments, span, scope);
        let clauses = self.clauses(name, list, scope);
        self.within_aggregate = within;
        let (form, kind, values) = read?;
        let (order, nulls) = clauses?;
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if distinct && name == "COUNTIF" {
            return Err(self.unsupported(
                span,
                "COUNTIF with DISTINCT",
                "write COUNT(DISTINCT IF(condition, value, NULL))",
            ));
        }
        let mut put = self.put(form, values, false, span)?;
        let nulls = nulls.or(function.null_treatment);
        if let Some(made) = call_of(&mut put) {
            made.over = over;
            if let Some(NullTreatment::IgnoreNulls) = nulls {
                made.null_treatment = nulls;
            }
            if let FunctionArguments::List(made) = &mut made.args {
                if distinct {
                    made.duplicate_treatment = Some(DuplicateTreatment::Distinct);
                }
                if !order.is_empty() {
                    made.clauses.push(FunctionArgumentClause::OrderBy(order));
                }
            }
        }
        Ok(Typed::new(kind, put))
    }

    /// What stands behind the arguments: `ORDER BY`, `IGNORE NULLS`.
    fn clauses(
        &mut self,
        name: &str,
        list: &FunctionArgumentList,
        scope: &NameScope<'_>,
    ) -> Result<(Vec<OrderByExpr>, Option<NullTreatment>), QueryError> {
        let mut order = Vec::new();
        let mut nulls = None;
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(by)
                    if matches!(name, "ARRAY_AGG" | "STRING_AGG") =>
                {
                    order = self.sorted(by, scope)?;
                }
                FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => {
                    nulls = Some(*treatment);
                }
                FunctionArgumentClause::Having(_) if matches!(name, "MAX_BY" | "MIN_BY") => {}
                _ => {
                    return Err(self.unsupported(
                        Span::empty(),
                        &format!("{clause} in {name}"),
                        "compute it in a subquery with ORDER BY and LIMIT",
                    ));
                }
            }
        }
        Ok((order, nulls))
    }

    /// Expressions to sort by, within a function or a window.
    fn sorted(
        &mut self,
        by: &[OrderByExpr],
        scope: &NameScope<'_>,
    ) -> Result<Vec<OrderByExpr>, QueryError> {
        let mut sorted = Vec::new();
        for item in by {
            let typed = self.expression(&item.expr, scope)?;
            self.sortable(&typed, span_of(&item.expr))?;
            sorted.push(OrderByExpr {
                expr: typed.expr,
                ..item.clone()
            });
        }
        Ok(sorted)
    }

    fn window(
        &mut self,
        name: &str,
        forms: &[&'static CallForm],
        function: &Function,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<Typed, QueryError> {
        let Some(over) = &function.over else {
            return Err(self.refuse(
                span,
                format!("{name} needs OVER"),
                format!("write {name}(…) OVER (PARTITION BY … ORDER BY …)"),
            ));
        };
        let sorted = !matches!(
            name,
            "ROW_NUMBER" | "FIRST_VALUE" | "LAST_VALUE" | "NTH_VALUE"
        );
        let over = self.over(name, over, sorted, span, scope)?;
        let Some(arguments) = plain_arguments(&function.args) else {
            return Err(self.unsupported(span, "this argument", &super::form::written(forms)));
        };
        let (form, kind, values) = self.resolved(name, forms, &arguments, span, scope)?;
        let mut put = self.put(form, values, false, span)?;
        let nulls = match &function.args {
            FunctionArguments::List(list) => list.clauses.iter().find_map(|clause| match clause {
                FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => Some(*treatment),
                _ => None,
            }),
            _ => None,
        };
        if let Some(made) = call_of(&mut put) {
            made.over = Some(over);
            made.null_treatment = nulls.or(function.null_treatment);
        }
        Ok(Typed::new(kind, put))
    }

    fn over(
        &mut self,
        name: &str,
        over: &WindowType,
        sorted: bool,
        span: Span,
        scope: &NameScope<'_>,
    ) -> Result<WindowType, QueryError> {
        if !self.clause.windows {
            return Err(self.refuse(
                span,
                format!("{name} … OVER is not allowed in {}", self.clause.name),
                "write QUALIFY for a condition on it, or compute it in a subquery in FROM",
            ));
        }
        let spec = match over {
            WindowType::NamedWindow(_) => return Ok(over.clone()),
            WindowType::WindowSpec(spec) => spec,
        };
        if sorted && spec.order_by.is_empty() && spec.window_name.is_none() {
            return Err(self.refuse(
                span,
                format!("{name} needs an order"),
                format!("write {name}(…) OVER (ORDER BY …)"),
            ));
        }
        self.window_spec(spec, scope).map(WindowType::WindowSpec)
    }

    pub(super) fn window_spec(
        &mut self,
        spec: &WindowSpec,
        scope: &NameScope<'_>,
    ) -> Result<WindowSpec, QueryError> {
        let mut partition_by = Vec::new();
        for expr in &spec.partition_by {
            let typed = self.expression(expr, scope)?;
            if !typed.kind.is_comparable() {
                return Err(self.refuse(
                    span_of(expr),
                    format!("{} cannot be a partition", typed.kind),
                    "use ARRAY_TO_STRING(array, ',')",
                ));
            }
            partition_by.push(typed.expr);
        }
        for bound in spec.window_frame.iter().flat_map(|frame: &WindowFrame| {
            std::iter::once(&frame.start_bound).chain(&frame.end_bound)
        }) {
            if let WindowFrameBound::Preceding(Some(expr))
            | WindowFrameBound::Following(Some(expr)) = bound
            {
                let typed = self.expression(expr, scope)?;
                if typed.kind != Type::Int64 {
                    return Err(self.refuse(
                        span_of(expr),
                        format!(
                            "the frame of a window is counted in whole numbers, and this is {}",
                            typed.kind
                        ),
                        "write ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
                    ));
                }
            }
        }
        Ok(WindowSpec {
            window_name: spec.window_name.clone(),
            partition_by,
            order_by: self.sorted(&spec.order_by, scope)?,
            window_frame: spec.window_frame.clone(),
        })
    }
}

/// The call in what a form was put into, which may be in a cast.
fn call_of(expr: &mut Expr) -> Option<&mut Function> {
    match expr {
        Expr::Function(function) => Some(function),
        Expr::Cast { expr, .. } => call_of(expr),
        _ => None,
    }
}
