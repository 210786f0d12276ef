//! SELECT.

use sqlparser::ast;

use super::{
    At, Binder, Columns, Names, Problem, Result,
    aggregate::Grouping,
    folded,
    from::{conjuncts, filtered},
    missing,
    outputs::Outputs,
    place,
    query::{position, with_options},
};
use crate::{
    expr::{Expr, SortKey, WindowCall},
    plan::Plan,
};

impl Binder<'_> {
    pub(super) fn select(
        &mut self,
        select: &ast::Select,
        order: Option<&ast::OrderBy>,
    ) -> Result<(Plan, Columns)> {
        refuse(select)?;
        let (mut plan, scope) = self.from(&select.from)?;
        self.windows = named_windows(&select.named_window)?;

        let mut aliases = Vec::new();
        let mut outputs = self.outputs(select, &scope, &mut aliases)?;
        let names = Names {
            scope: &scope,
            aliases: &aliases,
            aliases_first: false,
            no_aggregates: None,
            no_windows: None,
        };

        let plain = |place| Names { no_aggregates: Some(place), no_windows: Some(place), ..names };
        if let Some(tree) = &select.selection {
            let condition = self.condition(tree, &plain("WHERE"))?;
            no_later(&condition, "WHERE", "HAVING takes aggregates, QUALIFY window functions")?;
            plan = filtered(plan, conjuncts(condition));
        }
        let groups = self.groups(&select.group_by, &outputs, &plain("GROUP BY"))?;
        let mut having = match &select.having {
            Some(tree) => Some(self.condition(tree, &Names { no_windows: Some("HAVING"), ..names })?),
            None => None,
        };
        let mut qualify = match &select.qualify {
            Some(tree) => Some(self.condition(tree, &names)?),
            None => None,
        };
        let mut keys = self.keys(order, &outputs, &Names { aliases_first: true, ..names })?;
        let mut on = match &select.distinct {
            Some(ast::Distinct::On(trees)) => {
                let on = trees.iter().map(|tree| match position(tree, outputs.exprs.len())? {
                    Some(i) => Ok(outputs.exprs[i].clone()),
                    None => self.expr(tree, &names),
                });
                Some(on.collect::<Result<Vec<_>>>()?)
            }
            _ => None,
        };

        let mut exprs = Exprs {
            outputs: &mut outputs.exprs,
            keys: &mut keys,
            on: on.as_deref_mut(),
            qualify: qualify.as_mut(),
        };
        let grouped = groups.is_some() || having.is_some() || exprs.any(Expr::has_aggregate);
        let mut width = scope.width;
        if grouped {
            let mut grouping = Grouping { groups: groups.unwrap_or_default(), ..Grouping::default() };
            exprs.each(|expr| grouping.rewrite(expr))?;
            having.iter_mut().try_for_each(|expr| grouping.rewrite(expr))?;
            width = grouping.groups.len() + grouping.calls.len();
            plan = Plan::Group { input: Box::new(plan), by: grouping.groups, calls: grouping.calls };
            if let Some(condition) = having {
                plan = plan.filter(condition);
            }
        }
        let calls = take_windows(width, &mut |replace| exprs.each(|expr| expr.rewrite(replace)))?;
        if !calls.is_empty() {
            plan = Plan::Window { input: Box::new(plan), width, calls };
        }
        if let Some(condition) = qualify {
            plan = plan.filter(condition);
        }
        let kinds = outputs.exprs.iter().map(Expr::kind);
        let columns = outputs.names.iter().cloned().zip(kinds).collect();
        let plan = match (&select.distinct, on) {
            (Some(ast::Distinct::Distinct), _) => {
                let keys =
                    keys.into_iter().map(|key| output_key(key, &outputs.exprs)).collect::<Result<_>>()?;
                Plan::Distinct { input: Box::new(plan.project(outputs.exprs)), on: None }.sort(keys)
            }
            (_, Some(on)) => {
                let sorted = Box::new(plan.sort(keys));
                Plan::Distinct { input: sorted, on: Some(on) }.project(outputs.exprs)
            }
            _ => plan.sort(keys).project(outputs.exprs),
        };
        Ok((plan, columns))
    }

    /// What GROUP BY names. None if there is none.
    fn groups(
        &mut self,
        group_by: &ast::GroupByExpr,
        outputs: &Outputs,
        names: &Names<'_>,
    ) -> Result<Option<Vec<Expr>>> {
        let (trees, modifiers) = match group_by {
            ast::GroupByExpr::All(modifiers) => (None, modifiers),
            ast::GroupByExpr::Expressions(trees, modifiers) => (Some(trees), modifiers),
        };
        if let Some(modifier) = modifiers.first() {
            return Err(missing(At(None), format!("GROUP BY ... {modifier}")));
        }
        let Some(trees) = trees else {
            let plain = outputs.exprs.iter().filter(|expr| !expr.has_aggregate() && !expr.has_window());
            return Ok(Some(plain.cloned().collect()));
        };
        if trees.is_empty() {
            return Ok(None);
        }
        let mut groups = Vec::with_capacity(trees.len());
        for tree in trees {
            let expr = match position(tree, outputs.exprs.len())? {
                Some(i) => outputs.exprs[i].clone(),
                None => self.expr(tree, names)?,
            };
            no_later(&expr, "GROUP BY", "it takes what is known of a row alone")?;
            if let crate::kind::Kind::Other(data_type) = expr.kind() {
                return Err(Problem::at(
                    place::of(tree),
                    format!("values of type {data_type} cannot be grouped"),
                ));
            }
            groups.push(expr);
        }
        Ok(Some(groups))
    }

    fn keys(
        &mut self,
        order: Option<&ast::OrderBy>,
        outputs: &Outputs,
        names: &Names<'_>,
    ) -> Result<Vec<SortKey>> {
        let Some(order) = order else { return Ok(Vec::new()) };
        match &order.kind {
            ast::OrderByKind::All(options) => {
                outputs.exprs.iter().map(|expr| with_options(expr.clone(), options)).collect()
            }
            ast::OrderByKind::Expressions(keys) => keys
                .iter()
                .map(|key| match position(&key.expr, outputs.exprs.len())? {
                    Some(i) => with_options(outputs.exprs[i].clone(), &key.options),
                    None => self.sort_key(key, names),
                })
                .collect(),
        }
    }
}

/// All that is computed after WHERE and GROUP BY.
struct Exprs<'e> {
    outputs: &'e mut [Expr],
    keys: &'e mut [SortKey],
    on: Option<&'e mut [Expr]>,
    qualify: Option<&'e mut Expr>,
}

impl Exprs<'_> {
    fn each(&mut self, mut change: impl FnMut(&mut Expr) -> Result<()>) -> Result<()> {
        self.outputs.iter_mut().try_for_each(&mut change)?;
        self.keys.iter_mut().try_for_each(|key| change(&mut key.expr))?;
        self.on.iter_mut().flat_map(|on| on.iter_mut()).try_for_each(&mut change)?;
        self.qualify.iter_mut().try_for_each(|expr| change(expr))
    }

    fn any(&self, is: impl Fn(&Expr) -> bool) -> bool {
        self.outputs.iter().any(&is)
            || self.keys.iter().any(|key| is(&key.expr))
            || self.on.iter().flat_map(|on| on.iter()).any(&is)
            || self.qualify.iter().any(|expr| is(expr))
    }
}

type Replace<'r> = &'r mut dyn FnMut(&Expr) -> Result<Option<Expr>>;

/// Window functions become columns behind those there are.
pub(crate) fn take_windows(
    width: usize,
    rewrite: &mut dyn FnMut(Replace<'_>) -> Result<()>,
) -> Result<Vec<WindowCall>> {
    let mut calls: Vec<WindowCall> = Vec::new();
    rewrite(&mut |part| {
        let Expr::Window(call) = part else { return Ok(None) };
        let index = calls.iter().position(|other| other == &**call).unwrap_or_else(|| {
            calls.push((**call).clone());
            calls.len() - 1
        });
        Ok(Some(Expr::Column {
            index: width + index,
            kind: call.kind.clone(),
            name: String::new(),
            at: call.at,
        }))
    })?;
    Ok(calls)
}

/// An order of distinct rows is by what is selected.
fn output_key(key: SortKey, outputs: &[Expr]) -> Result<SortKey> {
    match outputs.iter().position(|output| *output == key.expr) {
        Some(index) => {
            let expr = Expr::Column { index, kind: key.expr.kind(), name: String::new(), at: key.expr.at() };
            Ok(SortKey { expr, ..key })
        }
        None => Err(Problem::at(key.expr.at(), "with DISTINCT, ORDER BY takes what is selected")),
    }
}

fn no_later(expr: &Expr, place: &str, remedy: &str) -> Result<()> {
    if expr.has_aggregate() || expr.has_window() {
        let what = if expr.has_window() { "window function" } else { "aggregate" };
        return Err(Problem::at(expr.at(), format!("an alias in {place} stands for a {what}; {remedy}")));
    }
    Ok(())
}

fn named_windows(definitions: &[ast::NamedWindowDefinition]) -> Result<Vec<(String, ast::WindowSpec)>> {
    let mut windows: Vec<(String, ast::WindowSpec)> = Vec::new();
    for ast::NamedWindowDefinition(ident, definition) in definitions {
        let spec = match definition {
            ast::NamedWindowExpr::WindowSpec(spec) => spec.clone(),
            ast::NamedWindowExpr::NamedWindow(other) => {
                let found =
                    windows.iter().find(|(name, _)| *name == folded(other)).map(|(_, spec)| spec.clone());
                found.ok_or_else(|| {
                    Problem::at(other.span.start.into(), format!("there is no window `{}`", other.value))
                })?
            }
        };
        windows.push((folded(ident), spec));
    }
    Ok(windows)
}

fn refuse(select: &ast::Select) -> Result<()> {
    let others = [
        (select.top.is_some(), "TOP; LIMIT does the same"),
        (select.into.is_some(), "SELECT INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY; ORDER BY does the same"),
        (select.value_table_mode.is_some(), "AS STRUCT"),
        (select.exclude.is_some(), "EXCLUDE behind the columns; `* EXCLUDE (...)` does the same"),
    ];
    match others.iter().find(|(there, _)| *there) {
        Some((_, what)) => Err(missing(select.select_token.0.span.start.into(), what)),
        None => Ok(()),
    }
}
