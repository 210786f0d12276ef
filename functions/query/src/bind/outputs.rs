//! What is selected: expressions, aliases, `*` with its changes.

use sqlparser::ast::{self, SelectItem};

use super::{At, Binder, Names, Problem, Result, Scope, missing, place};
use crate::{
    expr::Expr,
    problem::{did_you_mean, list},
};

/// What a select gives, while it is bound.
pub(super) struct Outputs {
    pub names: Vec<String>,
    pub exprs: Vec<Expr>,
}

impl Binder<'_> {
    /// The expressions that are selected; the names they get mean them in what follows.
    pub(super) fn outputs(
        &mut self,
        select: &ast::Select,
        scope: &Scope,
        aliases: &mut Vec<(String, Expr)>,
    ) -> Result<Outputs> {
        let mut outputs = Outputs { names: Vec::new(), exprs: Vec::new() };
        for item in &select.projection {
            let names = Names { scope, aliases, aliases_first: false, no_aggregates: None, no_windows: None };
            match item {
                SelectItem::UnnamedExpr(tree) => {
                    let expr = self.expr(tree, &names)?;
                    outputs.names.push(name_of(tree, &expr));
                    outputs.exprs.push(expr);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let expr = self.expr(expr, &names)?;
                    outputs.names.push(alias.value.clone());
                    outputs.exprs.push(expr.clone());
                    aliases.push((alias.value.clone(), expr));
                }
                SelectItem::Wildcard(options) => self.star(None, options, &names, item, &mut outputs)?,
                SelectItem::QualifiedWildcard(
                    ast::SelectItemQualifiedWildcardKind::ObjectName(table),
                    options,
                ) => {
                    let ident = table.0.last().and_then(|part| part.as_ident());
                    let Some(ident) = ident else {
                        return Err(missing(place::of_name(table), format!("`{item}`")));
                    };
                    self.star(Some(ident), options, &names, item, &mut outputs)?;
                }
                other => return Err(missing(At(None), format!("`{other}`"))),
            }
        }
        if outputs.exprs.is_empty() {
            // FROM alone selects all.
            if select.flavor == ast::SelectFlavor::FromFirstNoSelect {
                let columns = scope.columns.iter().filter(|column| column.star);
                outputs.names = columns.clone().map(|column| column.name.clone()).collect();
                outputs.exprs = columns.map(|column| column.expr(At(None))).collect();
            } else {
                return Err(Problem::at(select.select_token.0.span.start.into(), "nothing is selected"));
            }
        }
        Ok(outputs)
    }

    fn star(
        &mut self,
        table: Option<&ast::Ident>,
        options: &ast::WildcardAdditionalOptions,
        names: &Names<'_>,
        item: &SelectItem,
        outputs: &mut Outputs,
    ) -> Result<()> {
        let place = At::from(options.wildcard_token.0.span.start);
        if options.opt_ilike.is_some() || options.opt_alias.is_some() {
            return Err(missing(place, format!("`{item}`")));
        }
        if let Some(table) = table.filter(|table| !names.scope.has_table(&table.value)) {
            let tables = names.scope.columns.iter().filter_map(|c| c.table.as_deref());
            let near = did_you_mean(&table.value, tables);
            return Err(Problem::at(place, format!("there is no table `{}` here{near}", table.value)));
        }
        let mut columns: Vec<_> = names
            .scope
            .columns
            .iter()
            .filter(|column| match table {
                Some(table) => {
                    column.table.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&table.value))
                }
                None => column.star,
            })
            .map(|column| (column.name.clone(), column.expr(place)))
            .collect();
        let check = |ident: &ast::Ident, columns: &[(String, Expr)]| {
            if columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(&ident.value)) {
                return Ok(());
            }
            let near = did_you_mean(&ident.value, columns.iter().map(|(name, _)| name.as_str()));
            let there = if near.is_empty() {
                format!("; there are {}", list(columns.iter().map(|(name, _)| name.as_str())))
            } else {
                near
            };
            Err(Problem::at(ident.span.start.into(), format!("`*` has no column `{}`{there}", ident.value)))
        };
        let mut excluded: Vec<ast::Ident> = Vec::new();
        match &options.opt_exclude {
            Some(ast::ExcludeSelectItem::Single(name)) => {
                excluded.extend(name.0.last().and_then(|p| p.as_ident()).cloned())
            }
            Some(ast::ExcludeSelectItem::Multiple(all)) => {
                excluded
                    .extend(all.iter().filter_map(|name| name.0.last().and_then(|p| p.as_ident()).cloned()));
            }
            None => {}
        }
        if let Some(except) = &options.opt_except {
            excluded.push(except.first_element.clone());
            excluded.extend(except.additional_elements.iter().cloned());
        }
        for ident in &excluded {
            check(ident, &columns)?;
            columns.retain(|(name, _)| !name.eq_ignore_ascii_case(&ident.value));
        }
        for element in options.opt_replace.iter().flat_map(|replace| &replace.items) {
            check(&element.column_name, &columns)?;
            let expr = self.expr(&element.expr, names)?;
            for column in
                columns.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(&element.column_name.value))
            {
                column.1 = expr.clone();
            }
        }
        let renames = match &options.opt_rename {
            None => Vec::new(),
            Some(ast::RenameSelectItem::Single(one)) => vec![one.clone()],
            Some(ast::RenameSelectItem::Multiple(all)) => all.clone(),
        };
        for rename in renames {
            check(&rename.ident, &columns)?;
            for column in
                columns.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(&rename.ident.value))
            {
                column.0.clone_from(&rename.alias.value);
            }
        }
        for (name, expr) in columns {
            outputs.names.push(name);
            outputs.exprs.push(expr);
        }
        Ok(())
    }
}

/// The name of a column that was given none: a column's own, or the text of the expression.
fn name_of(tree: &ast::Expr, expr: &Expr) -> String {
    match (tree, expr) {
        (ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_), Expr::Column { name, .. }) => {
            name.clone()
        }
        (ast::Expr::Identifier(ident), _) => ident.value.clone(),
        _ => {
            // The text of a long chain is no name, and the parser writes it level by level.
            let (mut first, mut levels) = (tree, 0);
            while let ast::Expr::BinaryOp { left, .. } = first {
                first = left;
                levels += 1;
            }
            if levels > 20 { "expression".to_owned() } else { tree.to_string() }
        }
    }
}
