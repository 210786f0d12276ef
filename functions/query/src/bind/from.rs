//! FROM: tables, subqueries and joins.

use sqlparser::ast::{self, TableFactor};

use super::{
    At, Binder, Columns, Names, Problem, Result, Scope, literal::coerce, missing, place, scope::ScopeColumn,
};
use crate::{
    expr::Expr,
    plan::{Join, JoinKind, Plan},
    problem::{did_you_mean, list},
};

/// Tables in one FROM.
const MAX_TABLES: usize = 40;

impl Binder<'_> {
    pub(super) fn from(&mut self, from: &[ast::TableWithJoins]) -> Result<(Plan, Scope)> {
        if let Some(item) = from.get(MAX_TABLES) {
            let place = place::of_factor(&item.relation);
            return Err(Problem::at(
                place,
                format!("more than {MAX_TABLES} tables in FROM; split the query"),
            ));
        }
        let mut all: Option<(Plan, Scope)> = None;
        for item in from {
            let (mut plan, mut scope) = self.factor(&item.relation)?;
            for join in &item.joins {
                (plan, scope) = self.join(plan, scope, join)?;
            }
            all = Some(match all {
                None => (plan, scope),
                Some((left, left_scope)) => {
                    let both = left_scope.beside(&scope);
                    (joined(left, plan, JoinKind::Inner, Vec::new(), &left_scope), both)
                }
            });
        }
        Ok(all.unwrap_or((Plan::One, Scope::default())))
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<(Plan, Scope)> {
        match factor {
            TableFactor::Table { name, alias, args: None, sample: None, .. } => {
                let [part] = name.0.as_slice() else {
                    return Err(missing(
                        place::of_name(name),
                        format!("the table name `{name}` of several parts"),
                    ));
                };
                let Some(ident) = part.as_ident() else {
                    return Err(missing(place::of_name(name), format!("the table `{name}`")));
                };
                let (plan, columns) = self.table(ident)?;
                let (name, columns) = aliased(alias.as_ref(), Some(&ident.value), columns)?;
                Ok((plan, Scope::of(name.as_deref(), &columns)))
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let (plan, columns) = self.query(subquery)?;
                let (name, columns) = aliased(alias.as_ref(), None, columns)?;
                Ok((plan, Scope::of(name.as_deref(), &columns)))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.from(std::slice::from_ref(&**table_with_joins))
            }
            TableFactor::Derived { lateral: true, .. } => Err(missing(place::of_factor(factor), "LATERAL")),
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => {
                Err(missing(place::of_factor(factor), "PIVOT in a query"))
            }
            other => Err(missing(place::of_factor(factor), format!("`{other}` in FROM"))),
        }
    }

    fn table(&mut self, ident: &ast::Ident) -> Result<(Plan, Columns)> {
        let name = &ident.value;
        let named = self.named.iter().rev().find(|(other, ..)| other.eq_ignore_ascii_case(name));
        if let Some((_, slot, columns)) = named {
            return Ok((Plan::Shared(*slot), columns.clone()));
        }
        let given = self.tables.iter().position(|(other, _)| other.eq_ignore_ascii_case(name));
        if let Some(index) = given {
            return Ok((Plan::Table(index), self.tables[index].1.clone()));
        }
        let all: Vec<_> = self
            .named
            .iter()
            .map(|(name, ..)| name.as_str())
            .chain(self.tables.iter().map(|(name, _)| name.as_str()))
            .collect();
        let near = did_you_mean(name, all.iter().copied());
        let near = if near.is_empty() { format!("; there are {}", list(all)) } else { near };
        Err(Problem::at(ident.span.start.into(), format!("there is no table `{name}`{near}")))
    }

    fn join(&mut self, left: Plan, left_scope: Scope, join: &ast::Join) -> Result<(Plan, Scope)> {
        use ast::JoinOperator as Operator;
        let (right, right_scope) = self.factor(&join.relation)?;
        let place = place::of_factor(&join.relation);
        let none = ast::JoinConstraint::None;
        let (kind, constraint) = match &join.join_operator {
            Operator::Join(c) | Operator::Inner(c) => (JoinKind::Inner, c),
            Operator::Left(c) | Operator::LeftOuter(c) => (JoinKind::Left, c),
            Operator::Right(c) | Operator::RightOuter(c) => (JoinKind::Right, c),
            Operator::FullOuter(c) => (JoinKind::Full, c),
            Operator::Semi(c) | Operator::LeftSemi(c) => (JoinKind::Semi, c),
            Operator::Anti(c) | Operator::LeftAnti(c) => (JoinKind::Anti, c),
            Operator::CrossJoin(_) => (JoinKind::Inner, &none),
            Operator::AsOf { .. } => return Err(missing(place, "ASOF JOIN")),
            other => return Err(missing(place, format!("the join {other:?}"))),
        };
        let both = left_scope.beside(&right_scope);
        match constraint {
            ast::JoinConstraint::None if matches!(join.join_operator, Operator::CrossJoin(_)) => {
                Ok((joined(left, right, kind, Vec::new(), &left_scope), both))
            }
            ast::JoinConstraint::None => {
                Err(Problem::at(place, "a JOIN needs ON or USING; CROSS JOIN needs none"))
            }
            ast::JoinConstraint::On(tree) => {
                let names = Names::columns(&both, "a join's condition");
                let condition = self.condition(tree, &names)?;
                let plan = joined(left, right, kind, conjuncts(condition), &left_scope);
                let visible = if matches!(kind, JoinKind::Semi | JoinKind::Anti) { left_scope } else { both };
                Ok((plan, visible))
            }
            ast::JoinConstraint::Using(columns) => {
                self.using(left, right, kind, columns, &left_scope, &right_scope, place)
            }
            ast::JoinConstraint::Natural => Err(missing(place, "NATURAL JOIN; USING names the columns")),
            ast::JoinConstraint::UsingAlias(..) => Err(missing(place, "a name for the columns of USING")),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "both sides of a join")]
    fn using(
        &mut self,
        left: Plan,
        right: Plan,
        kind: JoinKind,
        columns: &[ast::ObjectName],
        left_scope: &Scope,
        right_scope: &Scope,
        place: At,
    ) -> Result<(Plan, Scope)> {
        let mut scope = left_scope.beside(right_scope);
        let (mut pairs, mut merged) = (Vec::new(), Vec::new());
        for name in columns {
            let Some(ident) = name.0.last().and_then(|part| part.as_ident()) else {
                return Err(missing(place, format!("`{name}` in USING")));
            };
            let a = self.column(&Names::columns(left_scope, "USING"), None, ident)?;
            let mut b = self.column(&Names::columns(right_scope, "USING"), None, ident)?;
            b.shift(left_scope.width as isize);
            pairs.push((a.clone(), b.clone()));
            let equal = self.call("=", vec![a.clone(), b.clone()], ident.span.start.into())?;
            merged.push((ident.value.clone(), a, b, equal));
        }
        let conditions = merged.iter().map(|(.., equal)| equal.clone()).collect();
        let mut plan = joined(left, right, kind, conditions, left_scope);
        if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            return Ok((plan, left_scope.clone()));
        }
        let outer = matches!(kind, JoinKind::Right | JoinKind::Full);
        let mut exprs: Vec<Expr> = if outer { all_columns(&scope) } else { Vec::new() };
        for (name, a, b, _) in merged {
            let (Expr::Column { index: of_a, .. }, Expr::Column { index: of_b, .. }) = (&a, &b) else {
                unreachable!("they are columns");
            };
            for column in scope.columns.iter_mut().filter(|c| c.index == *of_b || (outer && c.index == *of_a))
            {
                column.star = false;
                column.plain = false;
            }
            if outer {
                let kind = a.kind().union(&b.kind()).expect("they were compared");
                let args = vec![coerce(a.clone(), &kind)?, coerce(b, &kind)?];
                exprs.push(Expr::Coalesce { args, kind: kind.clone() });
                let index = exprs.len() - 1;
                let column = ScopeColumn { table: None, name, kind, index, star: true, plain: true };
                let place = scope.columns.iter().position(|c| c.index == *of_a).unwrap_or(0);
                scope.columns.insert(place, column);
            }
        }
        if outer {
            scope.width = exprs.len();
            plan = plan.project(exprs);
        }
        Ok((plan, scope))
    }
}

/// Each column of a frame.
fn all_columns(scope: &Scope) -> Vec<Expr> {
    let mut columns: Vec<_> = scope.columns.iter().map(|column| column.expr(At(None))).collect();
    columns.sort_by_key(|expr| match expr {
        Expr::Column { index, .. } => *index,
        _ => usize::MAX,
    });
    columns
}

/// The parts of a condition that all must hold.
pub(super) fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition {
        Expr::And(all) => all.into_iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

fn joined(left: Plan, right: Plan, kind: JoinKind, conditions: Vec<Expr>, left_scope: &Scope) -> Plan {
    let mut join = Join {
        kind,
        left_keys: Vec::new(),
        right_keys: Vec::new(),
        rest: None,
        left_width: left_scope.width,
    };
    let rest = take_keys(&mut join, conditions);
    join.rest = (!rest.is_empty()).then_some(Expr::And(rest));
    Plan::Join { left: Box::new(left), right: Box::new(right), join }
}

/// Equalities between the two sides become keys; the others are given back.
fn take_keys(join: &mut Join, conditions: Vec<Expr>) -> Vec<Expr> {
    let mut rest = Vec::new();
    for condition in conditions {
        let Expr::Call { function, args, .. } = &condition else {
            rest.push(condition);
            continue;
        };
        let side = |expr: &Expr| {
            let columns = expr.columns();
            let left = columns.iter().all(|index| *index < join.left_width);
            let right = columns.iter().all(|index| *index >= join.left_width);
            let known =
                !columns.is_empty() && !expr.has(|e| matches!(e, Expr::Scalar { .. } | Expr::InQuery { .. }));
            if known { (left, right) } else { (false, false) }
        };
        let sides = (function.name == "=").then(|| (side(&args[0]), side(&args[1])));
        let (left, mut right) = match sides {
            Some(((true, _), (_, true))) => (args[0].clone(), args[1].clone()),
            Some(((_, true), (true, _))) => (args[1].clone(), args[0].clone()),
            _ => {
                rest.push(condition);
                continue;
            }
        };
        right.shift(-(join.left_width as isize));
        join.left_keys.push(left);
        join.right_keys.push(right);
    }
    rest
}

/// A plan whose rows meet conditions. Equalities between tables that stand side by side in FROM join them.
pub(super) fn filtered(plan: Plan, conditions: Vec<Expr>) -> Plan {
    let (plan, rest) = match plan {
        Plan::Join { left, right, mut join } if join.kind == JoinKind::Inner => {
            let (left_only, others): (Vec<_>, Vec<_>) = conditions.into_iter().partition(|condition| {
                let columns = condition.columns();
                let equality = matches!(condition, Expr::Call { function, .. } if function.name == "=");
                equality && columns.len() > 1 && columns.iter().all(|index| *index < join.left_width)
            });
            let is_join = matches!(*left, Plan::Join { .. });
            let (left, mut rest) =
                if is_join { (filtered(*left, left_only), Vec::new()) } else { (*left, left_only) };
            rest.extend(take_keys(&mut join, others));
            (Plan::Join { left: Box::new(left), right, join }, rest)
        }
        plan => (plan, conditions),
    };
    match rest.len() {
        0 => plan,
        1 => plan.filter(rest.into_iter().next().expect("there is one")),
        _ => plan.filter(Expr::And(rest)),
    }
}

/// The names that an alias gives a table and its columns.
pub(super) fn aliased(
    alias: Option<&ast::TableAlias>,
    own: Option<&str>,
    mut columns: Columns,
) -> Result<(Option<String>, Columns)> {
    let Some(alias) = alias else { return Ok((own.map(str::to_owned), columns)) };
    if alias.columns.len() > columns.len() {
        let place = At::from(alias.name.span.start);
        return Err(Problem::at(
            place,
            format!("`{}` names {} columns of {}", alias.name.value, alias.columns.len(), columns.len()),
        ));
    }
    for (column, named) in columns.iter_mut().zip(&alias.columns) {
        column.0.clone_from(&named.name.value);
    }
    Ok((Some(alias.name.value.clone()), columns))
}
