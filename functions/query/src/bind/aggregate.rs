//! Aggregates, and what GROUP BY leaves of columns.

use sqlparser::ast;

use super::{At, Binder, Names, Problem, Result, literal::coerce, missing};
use crate::{
    aggregates::Aggregate,
    expr::{AggregateCall, Expr},
    kind::Kind,
    problem::list,
    value::Value,
};

impl Binder<'_> {
    pub(super) fn aggregate(
        &mut self,
        aggregate: Aggregate,
        name: &str,
        function: &ast::Function,
        list: Option<&ast::FunctionArgumentList>,
        names: &Names<'_>,
        at: At,
    ) -> Result<Expr> {
        if let Some(place) = names.no_aggregates {
            return Err(Problem::at(at, format!("the aggregate `{name}` cannot stand in {place}")));
        }
        // Aggregates are not nested, and windows are computed after them.
        let inner = Names { no_aggregates: Some("an aggregate"), no_windows: Some("an aggregate"), ..*names };
        let (aggregate, args) = self.aggregate_arguments(aggregate, name, list, &inner, at)?;
        let mut order = Vec::new();
        let clauses = list.map_or(&[][..], |list| &list.clauses);
        for clause in clauses {
            match clause {
                ast::FunctionArgumentClause::OrderBy(keys) => {
                    order = keys.iter().map(|key| self.sort_key(key, &inner)).collect::<Result<_>>()?;
                }
                other => return Err(missing(at, format!("`{other}` in `{name}`"))),
            }
        }
        if !function.within_group.is_empty() {
            return Err(missing(at, format!("WITHIN GROUP; `{name}(x ORDER BY y)` orders what it takes")));
        }
        let filter = function.filter.as_deref().map(|tree| self.condition(tree, &inner)).transpose()?;
        let distinct = list.is_some_and(|l| l.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct));
        let (args, kind) = typed(aggregate, name, args, at)?;
        Ok(Expr::Aggregate(Box::new(AggregateCall {
            function: aggregate,
            args,
            distinct,
            filter,
            order,
            kind,
            at,
        })))
    }

    /// The arguments; `count(*)` has none.
    pub(super) fn aggregate_arguments(
        &mut self,
        aggregate: Aggregate,
        name: &str,
        list: Option<&ast::FunctionArgumentList>,
        names: &Names<'_>,
        at: At,
    ) -> Result<(Aggregate, Vec<Expr>)> {
        let star = list.is_some_and(|list| {
            matches!(
                list.args.as_slice(),
                [ast::FunctionArg::Unnamed(
                    ast::FunctionArgExpr::Wildcard | ast::FunctionArgExpr::WildcardWithOptions(_)
                )]
            )
        });
        let empty = list.is_none_or(|list| list.args.is_empty());
        if aggregate == Aggregate::Count && (star || empty) {
            return Ok((Aggregate::CountRows, Vec::new()));
        }
        let mut args = self.arguments(name, list, names, at)?;
        if aggregate == Aggregate::StringAgg {
            if args.len() == 1 {
                args.push(Expr::Literal { value: Value::text(","), kind: Kind::Text, at });
            }
            if let Some(Expr::Literal { .. }) = args.get(1) {
            } else {
                return Err(Problem::at(
                    at,
                    "the separator of `string_agg` is a text that stands in the query",
                ));
            }
        }
        if matches!(aggregate, Aggregate::QuantileCont | Aggregate::QuantileDisc)
            && let Some(share) = args.get(1)
        {
            let valid = match share {
                Expr::Literal { value: Value::Double(v), .. } => (0.0..=1.0).contains(v),
                Expr::Literal { value: Value::BigInt(v), .. } => (0..=1).contains(v),
                _ => false,
            };
            if !valid {
                return Err(Problem::at(
                    share.at(),
                    format!("`{name}` takes a number from 0 to 1 that stands in the query"),
                ));
            }
        }
        Ok((aggregate, args))
    }
}

/// The arguments in the types that the aggregate takes.
pub(super) fn typed(aggregate: Aggregate, name: &str, args: Vec<Expr>, at: At) -> Result<(Vec<Expr>, Kind)> {
    let given: Vec<_> = args.iter().map(Expr::kind).collect();
    let computed = aggregate == Aggregate::Count || !given.iter().any(|kind| matches!(kind, Kind::Other(_)));
    let Some((kinds, kind)) = aggregate.types(&given).filter(|_| computed) else {
        let given = given.iter().map(Kind::to_string).collect::<Vec<_>>().join(", ");
        return Err(Problem::at(
            at,
            format!("the aggregate `{name}` does not take ({given}); CAST changes a type"),
        ));
    };
    let args = args.into_iter().zip(&kinds).map(|(arg, kind)| coerce(arg, kind)).collect::<Result<_>>()?;
    Ok((args, kind))
}

/// Groups and aggregates of a select, in the order in which they become columns.
#[derive(Default)]
pub(super) struct Grouping {
    pub groups: Vec<Expr>,
    pub calls: Vec<AggregateCall>,
}

impl Grouping {
    /// An expression over the rows becomes one over the groups.
    pub fn rewrite(&mut self, expr: &mut Expr) -> Result<()> {
        let (groups, calls) = (&self.groups, &mut self.calls);
        expr.rewrite(&mut |part| {
            if let Some(index) = groups.iter().position(|group| group == part) {
                return Ok(Some(column(index, part.kind(), part.at())));
            }
            match part {
                Expr::Aggregate(call) => {
                    let index = calls.iter().position(|other| other == &**call).unwrap_or_else(|| {
                        calls.push((**call).clone());
                        calls.len() - 1
                    });
                    Ok(Some(column(groups.len() + index, call.kind.clone(), call.at)))
                }
                Expr::Column { name, at, .. } => {
                    let grouped = groups.iter().filter_map(|group| match group {
                        Expr::Column { name, .. } => Some(name.as_str()),
                        _ => None,
                    });
                    let grouped = list(grouped);
                    Err(Problem::at(
                        *at,
                        format!(
                            "`{name}` is neither in GROUP BY (columns there: {grouped}) nor in an aggregate; \
                             any_value({name}) takes one of a group"
                        ),
                    ))
                }
                _ => Ok(None),
            }
        })
    }
}

fn column(index: usize, kind: Kind, at: At) -> Expr {
    Expr::Column { index, kind, name: String::new(), at }
}
