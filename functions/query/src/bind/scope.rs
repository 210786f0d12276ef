//! The columns that names may mean.

use sqlparser::ast::Ident;

use super::{At, Names, Problem, Result};
use crate::{
    expr::Expr,
    kind::Kind,
    problem::{did_you_mean, list},
};

/// A column by its names.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    pub table: Option<String>,
    pub name: String,
    pub kind: Kind,
    /// Its number in the frame.
    pub index: usize,
    /// Whether `*` means it too.
    pub star: bool,
    /// Whether its name alone means it.
    pub plain: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub columns: Vec<ScopeColumn>,
    /// How many columns the frame has.
    pub width: usize,
}

impl Scope {
    pub fn of(table: Option<&str>, columns: &[(String, Kind)]) -> Self {
        let scoped = columns.iter().enumerate().map(|(index, (name, kind))| ScopeColumn {
            table: table.map(str::to_owned),
            name: name.clone(),
            kind: kind.clone(),
            index,
            star: true,
            plain: true,
        });
        Self { columns: scoped.collect(), width: columns.len() }
    }

    /// The columns of two frames side by side.
    pub fn beside(&self, right: &Self) -> Self {
        let moved = right
            .columns
            .iter()
            .map(|column| ScopeColumn { index: column.index + self.width, ..column.clone() });
        Self { columns: self.columns.iter().cloned().chain(moved).collect(), width: self.width + right.width }
    }

    /// The columns of a name, of a table if one is named. A name in the very same case goes before others.
    pub fn find(&self, table: Option<&str>, name: &str) -> Vec<&ScopeColumn> {
        let of_table = |column: &&ScopeColumn| match table {
            None => column.plain,
            Some(table) => column.table.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(table)),
        };
        let same = |a: &str| a.to_lowercase() == name.to_lowercase();
        let found: Vec<_> =
            self.columns.iter().filter(of_table).filter(|column| same(&column.name)).collect();
        let exact: Vec<_> = found.iter().copied().filter(|column| column.name == name).collect();
        if exact.len() == 1 { exact } else { found }
    }

    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.columns.iter().filter(|c| c.plain).map(|c| c.name.as_str()).collect();
        names.dedup();
        names
    }

    pub fn has_table(&self, table: &str) -> bool {
        self.columns.iter().any(|c| c.table.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(table)))
    }
}

impl ScopeColumn {
    pub fn expr(&self, at: At) -> Expr {
        Expr::Column { index: self.index, kind: self.kind.clone(), name: self.name.clone(), at }
    }
}

impl super::Binder<'_> {
    /// What a name means.
    pub fn column(&self, names: &Names<'_>, table: Option<&Ident>, ident: &Ident) -> Result<Expr> {
        let at = At::from(table.unwrap_or(ident).span.start);
        let name = ident.value.as_str();
        let alias = || {
            let found = names.aliases.iter().find(|(alias, _)| alias.to_lowercase() == name.to_lowercase());
            found.filter(|_| table.is_none()).map(|(_, expr)| expr.clone())
        };
        if names.aliases_first
            && let Some(expr) = alias()
        {
            return Ok(expr);
        }
        match names.scope.find(table.map(|table| table.value.as_str()), name).as_slice() {
            [column] => return Ok(column.expr(at)),
            [] => {}
            several => {
                let places =
                    several.iter().map(|c| format!("{}.{}", c.table.as_deref().unwrap_or("?"), c.name));
                let places = places.collect::<Vec<_>>();
                return Err(Problem::at(
                    at,
                    format!("`{name}` may mean {}; write which", list(places.iter().map(String::as_str))),
                ));
            }
        }
        if let Some(expr) = alias() {
            return Ok(expr);
        }
        if self.outer.iter().any(|scope| !scope.find(table.map(|t| t.value.as_str()), name).is_empty()) {
            return Err(Problem::at(
                at,
                format!(
                    "`{name}` is a column of the query outside; a subquery cannot depend on it: write a JOIN"
                ),
            ));
        }
        if let Some(table) = table.filter(|table| !names.scope.has_table(&table.value)) {
            let tables = names.scope.columns.iter().filter_map(|c| c.table.as_deref());
            let near = did_you_mean(&table.value, tables);
            return Err(Problem::at(at, format!("there is no table `{}` here{near}", table.value)));
        }
        let all = names.scope.names();
        let aliases = names.aliases.iter().map(|(alias, _)| alias.as_str());
        let near = did_you_mean(name, all.iter().copied().chain(aliases));
        let there = if near.is_empty() { format!("; there are {}", list(all.iter().copied())) } else { near };
        Err(Problem::at(At::from(ident.span.start), format!("there is no column `{name}`{there}")))
    }
}
