//! Names and types: the parser's trees become expressions and plans.

mod aggregate;
mod call;
mod expression;
mod from;
mod literal;
mod outputs;
mod place;
mod query;
mod scope;
mod select;
mod tables;
mod window;

use sqlparser::ast;

use crate::{
    expr::Expr,
    kind::Kind,
    plan::Plan,
    problem::{At, Problem, Result},
};

pub(crate) use scope::Scope;
pub(crate) use select::take_windows;
pub(crate) use tables::tables_of;

/// A table's name and columns.
pub(crate) type TableColumns = (String, Columns);

/// Names and types of columns.
pub(crate) type Columns = Vec<(String, Kind)>;

/// Binds one text.
pub(crate) struct Binder<'a> {
    pub tables: &'a [TableColumns],
    /// Tables that WITH names, the innermost last, with the place of their plan.
    pub named: Vec<(String, usize, Columns)>,
    /// Plans of named tables and subqueries.
    pub shared: Vec<Plan>,
    /// The columns of the queries around a subquery, for messages alone.
    pub outer: Vec<Scope>,
    /// Windows that the select names.
    pub windows: Vec<(String, ast::WindowSpec)>,
    /// Whether subqueries may stand here.
    pub subqueries: bool,
    pub depth: usize,
}

/// What may stand in an expression.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub scope: &'a Scope,
    pub aliases: &'a [(String, Expr)],
    pub aliases_first: bool,
    /// Where there are no aggregates, the place's name.
    pub no_aggregates: Option<&'static str>,
    /// Where there are no window functions, the place's name.
    pub no_windows: Option<&'static str>,
}

impl<'a> Names<'a> {
    /// Columns alone.
    pub fn columns(scope: &'a Scope, place: &'static str) -> Self {
        Self {
            scope,
            aliases: &[],
            aliases_first: false,
            no_aggregates: Some(place),
            no_windows: Some(place),
        }
    }
}

impl<'a> Binder<'a> {
    pub fn new(tables: &'a [TableColumns], subqueries: bool) -> Self {
        Self {
            tables,
            named: Vec::new(),
            shared: Vec::new(),
            outer: Vec::new(),
            windows: Vec::new(),
            subqueries,
            depth: 0,
        }
    }
}

/// That something is not there, by its name.
pub(crate) fn missing(at: At, what: impl std::fmt::Display) -> Problem {
    let what: String = what.to_string().chars().take(80).collect();
    Problem::at(at, format!("{what} is not supported"))
}

/// A name as it is compared: names differ in more than case.
pub(crate) fn folded(ident: &ast::Ident) -> String {
    ident.value.to_lowercase()
}
