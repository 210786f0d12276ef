//! Queries: WITH, set operations, ORDER BY, LIMIT.

use sqlparser::ast::{self, SetExpr};

use super::{
    At, Binder, Columns, Names, Problem, Result, Scope,
    from::aliased,
    literal::{coerce, unify},
    missing, place,
};
use crate::{
    eval::fold,
    expr::{Expr, SortKey},
    kind::Kind,
    plan::{Plan, SetOperation},
    value::Value,
};

/// Queries within queries.
const MAX_DEPTH: usize = 24;

impl Binder<'_> {
    /// A query's plan, and its columns.
    ///
    /// # Errors
    /// If a name or a type is wrong, or something is not supported.
    pub fn query(&mut self, query: &ast::Query) -> Result<(Plan, Columns)> {
        if self.outer.len() > MAX_DEPTH {
            return Err(Problem::at(
                place::of_query(query),
                format!("queries are more than {MAX_DEPTH} levels deep"),
            ));
        }
        let place = place::of_query(query);
        let others = [
            (query.fetch.is_some(), "FETCH; LIMIT does the same"),
            (!query.locks.is_empty(), "FOR UPDATE"),
            (query.for_clause.is_some(), "FOR"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (!query.pipe_operators.is_empty(), "a pipe |>"),
        ];
        if let Some((_, what)) = others.iter().find(|(there, _)| *there) {
            return Err(missing(place, what));
        }
        let named = self.named.len();
        let windows = std::mem::take(&mut self.windows);
        let bound = self.query_inner(query);
        self.named.truncate(named);
        self.windows = windows;
        bound
    }

    fn query_inner(&mut self, query: &ast::Query) -> Result<(Plan, Columns)> {
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(missing(with.with_token.0.span.start.into(), "WITH RECURSIVE"));
            }
            for table in &with.cte_tables {
                let (plan, columns) = self.query(&table.query)?;
                let (_, columns) = aliased(Some(&table.alias), None, columns)?;
                self.shared.push(plan);
                self.named.push((table.alias.name.value.clone(), self.shared.len() - 1, columns));
            }
        }
        let (plan, columns) = match &*query.body {
            SetExpr::Select(select) => self.select(select, query.order_by.as_ref())?,
            body => {
                let (plan, columns) = self.body(body)?;
                let keys = self.output_keys(query.order_by.as_ref(), &columns)?;
                (plan.sort(keys), columns)
            }
        };
        Ok((self.limit(plan, query.limit_clause.as_ref())?, columns))
    }

    fn body(&mut self, body: &SetExpr) -> Result<(Plan, Columns)> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let operation = match op {
                    ast::SetOperator::Union => SetOperation::Union,
                    ast::SetOperator::Intersect => SetOperation::Intersect,
                    ast::SetOperator::Except | ast::SetOperator::Minus => SetOperation::Except,
                };
                let all = match set_quantifier {
                    ast::SetQuantifier::All => true,
                    ast::SetQuantifier::Distinct | ast::SetQuantifier::None => false,
                    _ => return Err(missing(place::of_body(body), "BY NAME; list the columns in one order")),
                };
                let (left_plan, columns) = self.body(left)?;
                let (right_plan, others) = self.body(right)?;
                if columns.len() != others.len() {
                    return Err(Problem::at(
                        place::of_body(right),
                        format!(
                            "{op} takes as many columns on both sides, not {} and {}",
                            columns.len(),
                            others.len()
                        ),
                    ));
                }
                let (mut both, mut left_exprs, mut right_exprs) = (Vec::new(), Vec::new(), Vec::new());
                for (i, ((name, a), (other, b))) in columns.into_iter().zip(others).enumerate() {
                    let kind = a.union(&b).ok_or_else(|| {
                        Problem::at(
                            place::of_body(right),
                            format!("column {} of {op} is {a} (`{name}`) and {b} (`{other}`); CAST makes them one type", i + 1),
                        )
                    })?;
                    let column =
                        |kind: Kind| Expr::Column { index: i, kind, name: name.clone(), at: At(None) };
                    left_exprs.push(coerce(column(a), &kind)?);
                    right_exprs.push(coerce(column(b), &kind)?);
                    both.push((name.clone(), kind));
                }
                let left = Box::new(left_plan.project(left_exprs));
                let right = Box::new(right_plan.project(right_exprs));
                Ok((Plan::Set { left, right, operation, all }, both))
            }
            other => Err(missing(place::of_body(body), format!("`{other}`"))),
        }
    }

    fn values(&mut self, values: &ast::Values) -> Result<(Plan, Columns)> {
        let scope = Scope::default();
        let names = Names::columns(&scope, "VALUES");
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            let row = row.content.iter().map(|tree| self.expr(tree, &names)).collect::<Result<Vec<_>>>()?;
            rows.push(row);
        }
        let width = rows.first().map_or(0, Vec::len);
        if let Some(row) = rows.iter().find(|row| row.len() != width) {
            let place = row.first().map_or(At(None), Expr::at);
            return Err(Problem::at(
                place,
                format!("a row of VALUES has {} values, the first one {width}", row.len()),
            ));
        }
        let mut columns: Vec<std::vec::IntoIter<Expr>> = Vec::new();
        let mut named = Vec::new();
        for i in 0..width {
            let column = rows.iter().map(|row| row[i].clone()).collect();
            let (column, kind) = unify(column, "the values of a column")?;
            columns.push(column.into_iter());
            named.push((format!("col{i}"), kind));
        }
        let rows = (0..rows.len())
            .map(|_| {
                columns.iter_mut().map(|column| column.next().expect("columns are as long as rows")).collect()
            })
            .collect();
        let kinds = named.iter().map(|(_, kind)| kind.clone()).collect();
        Ok((Plan::Rows { rows, kinds }, named))
    }

    /// ORDER BY over a query's own columns alone.
    fn output_keys(&mut self, order: Option<&ast::OrderBy>, columns: &Columns) -> Result<Vec<SortKey>> {
        let Some(order) = order else { return Ok(Vec::new()) };
        let scope = Scope::of(None, columns);
        let names = Names::columns(&scope, "ORDER BY of a set operation");
        let outputs: Vec<_> = scope.columns.iter().map(|column| column.expr(At(None))).collect();
        match &order.kind {
            ast::OrderByKind::All(options) => {
                Ok(outputs.into_iter().map(|expr| with_options(expr, options)).collect::<Result<_>>()?)
            }
            ast::OrderByKind::Expressions(keys) => keys
                .iter()
                .map(|key| match position(&key.expr, outputs.len())? {
                    Some(i) => with_options(outputs[i].clone(), &key.options),
                    None => self.sort_key(key, &names),
                })
                .collect(),
        }
    }

    pub(super) fn sort_key(&mut self, key: &ast::OrderByExpr, names: &Names<'_>) -> Result<SortKey> {
        if key.with_fill.is_some() {
            return Err(missing(place::of(&key.expr), "WITH FILL"));
        }
        with_options(self.expr(&key.expr, names)?, &key.options)
    }

    fn limit(&mut self, plan: Plan, clause: Option<&ast::LimitClause>) -> Result<Plan> {
        let (limit, offset) = match clause {
            None => return Ok(plan),
            Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) => {
                if let Some(by) = limit_by.first() {
                    return Err(missing(
                        place::of(by),
                        "LIMIT BY; QUALIFY row_number() OVER (PARTITION BY ...) <= n does it",
                    ));
                }
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(ast::LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        };
        let limit = limit.map(|tree| self.row_count(tree, "LIMIT")).transpose()?.flatten();
        let offset = offset.map(|tree| self.row_count(tree, "OFFSET")).transpose()?.flatten().unwrap_or(0);
        Ok(Plan::Limit { input: Box::new(plan), offset, limit })
    }

    fn row_count(&mut self, tree: &ast::Expr, what: &'static str) -> Result<Option<usize>> {
        let place = place::of(tree);
        let scope = Scope::default();
        let expr = self.expr(tree, &Names::columns(&scope, what))?;
        match fold(&expr, place)? {
            Value::Null => Ok(None),
            Value::BigInt(n) if n >= 0 => Ok(Some(usize::try_from(n).unwrap_or(usize::MAX))),
            _ => Err(Problem::at(place, format!("{what} takes a number of rows that is not negative"))),
        }
    }

    /// The plan of a subquery with its only column made another.
    pub(super) fn project_shared(&mut self, slot: usize, expr: Expr) {
        let plan = std::mem::replace(&mut self.shared[slot], Plan::One);
        self.shared[slot] = plan.project(vec![expr]);
    }
}

/// Missing values are last unless said otherwise.
pub(super) fn with_options(expr: Expr, options: &ast::OrderByOptions) -> Result<SortKey> {
    if let Kind::Other(data_type) = expr.kind() {
        return Err(Problem::at(expr.at(), format!("values of type {data_type} have no order")));
    }
    let descending = match &options.sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(other) => return Err(missing(expr.at(), format!("ORDER BY ... {other:?}"))),
    };
    Ok(SortKey { expr, descending, nulls_first: options.nulls_first.unwrap_or(false) })
}

/// The output that a number alone means, counted from zero.
pub(super) fn position(tree: &ast::Expr, outputs: usize) -> Result<Option<usize>> {
    let ast::Expr::Value(value) = tree else { return Ok(None) };
    let ast::Value::Number(digits, _) = &value.value else { return Ok(None) };
    match digits.parse::<usize>() {
        Ok(n) if (1..=outputs).contains(&n) => Ok(Some(n - 1)),
        _ => Err(Problem::at(
            value.span.start.into(),
            format!("there is no column {digits}; the query gives columns 1 to {outputs}"),
        )),
    }
}
