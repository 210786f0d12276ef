//! Expressions whose names and types are known.

use crate::{
    aggregates::Aggregate,
    functions::Function,
    kind::Kind,
    problem::{At, Result},
    value::Value,
    windows::{FrameSpec, WindowFunction},
};

/// An expression over the columns of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Literal {
        value: Value<'static>,
        kind: Kind,
        at: At,
    },
    Column {
        index: usize,
        kind: Kind,
        name: String,
        at: At,
    },
    Call {
        function: &'static Function,
        args: Vec<Expr>,
        kind: Kind,
        at: At,
    },
    Cast {
        expr: Box<Expr>,
        cast: CastTo,
        at: At,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Box<Expr>,
        kind: Kind,
    },
    Coalesce {
        args: Vec<Expr>,
        kind: Kind,
    },
    /// NULL in the rows in which the expression is wrong.
    Try(Box<Expr>),
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
    },
    /// The only value of a query.
    Scalar {
        slot: usize,
        kind: Kind,
        at: At,
    },
    InQuery {
        expr: Box<Expr>,
        slot: usize,
    },
    Exists {
        slot: usize,
    },
    /// Replaced by a column before anything is computed.
    Aggregate(Box<AggregateCall>),
    /// Replaced by a column before anything is computed.
    Window(Box<WindowCall>),
}

/// What a cast makes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CastTo {
    pub kind: Kind,
    /// The name of a type of fewer integers, and the least and the greatest.
    pub range: Option<(&'static str, i64, i64)>,
    /// Whether what cannot be cast is NULL.
    pub trying: bool,
}

/// By what rows are ordered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AggregateCall {
    pub function: Aggregate,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub filter: Option<Expr>,
    pub order: Vec<SortKey>,
    pub kind: Kind,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowCall {
    pub function: WindowFunction,
    pub args: Vec<Expr>,
    pub partition: Vec<Expr>,
    pub order: Vec<SortKey>,
    pub frame: FrameSpec,
    pub ignore_nulls: bool,
    pub kind: Kind,
    pub at: At,
}

impl Expr {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Literal { kind, .. }
            | Self::Column { kind, .. }
            | Self::Call { kind, .. }
            | Self::Case { kind, .. }
            | Self::Coalesce { kind, .. }
            | Self::Scalar { kind, .. } => kind.clone(),
            Self::Cast { cast, .. } => cast.kind.clone(),
            Self::Try(expr) => expr.kind(),
            Self::And(_) | Self::Or(_) | Self::In { .. } | Self::InQuery { .. } | Self::Exists { .. } => {
                Kind::Boolean
            }
            Self::Aggregate(call) => call.kind.clone(),
            Self::Window(call) => call.kind.clone(),
        }
    }

    /// Where it stands in the text.
    pub fn at(&self) -> At {
        match self {
            Self::Literal { at, .. }
            | Self::Column { at, .. }
            | Self::Call { at, .. }
            | Self::Cast { at, .. }
            | Self::Scalar { at, .. } => *at,
            Self::Aggregate(call) => call.at,
            Self::Window(call) => call.at,
            Self::And(all) | Self::Or(all) | Self::Coalesce { args: all, .. } => {
                all.first().map_or(At(None), Self::at)
            }
            Self::Case { branches, otherwise, .. } => {
                branches.first().map_or(otherwise.at(), |(when, _)| when.at())
            }
            Self::Try(expr) | Self::In { expr, .. } | Self::InQuery { expr, .. } => expr.at(),
            Self::Exists { .. } => At(None),
        }
    }

    pub fn is_text_literal(&self) -> bool {
        matches!(self, Self::Literal { kind: Kind::Text, .. })
    }

    /// Calls `see` with this and everything in it, from outside. Where it answers false, not with what is in there.
    pub fn visit(&self, see: &mut dyn FnMut(&Expr) -> bool) {
        if !see(self) {
            return;
        }
        let mut all = |exprs: &[Expr]| exprs.iter().for_each(|expr| expr.visit(see));
        match self {
            Self::Literal { .. } | Self::Column { .. } | Self::Scalar { .. } | Self::Exists { .. } => {}
            Self::Call { args, .. } | Self::And(args) | Self::Or(args) | Self::Coalesce { args, .. } => {
                all(args)
            }
            Self::Cast { expr, .. } | Self::Try(expr) | Self::InQuery { expr, .. } => expr.visit(see),
            Self::Case { branches, otherwise, .. } => {
                for (when, then) in branches {
                    when.visit(see);
                    then.visit(see);
                }
                otherwise.visit(see);
            }
            Self::In { expr, list } => {
                all(list);
                expr.visit(see);
            }
            Self::Aggregate(call) => {
                all(&call.args);
                call.filter.iter().for_each(|expr| expr.visit(see));
                call.order.iter().for_each(|key| key.expr.visit(see));
            }
            Self::Window(call) => {
                all(&call.args);
                all(&call.partition);
                call.order.iter().for_each(|key| key.expr.visit(see));
                if let WindowFunction::Aggregate(_, Some(filter)) = &call.function {
                    filter.visit(see);
                }
            }
        }
    }

    /// Replaces parts, from outside: what `replace` gives stays; where it gives nothing, what is in there is gone through.
    pub fn rewrite(&mut self, replace: &mut dyn FnMut(&Expr) -> Result<Option<Expr>>) -> Result<()> {
        if let Some(expr) = replace(self)? {
            *self = expr;
            return Ok(());
        }
        let mut all = |exprs: &mut [Expr]| exprs.iter_mut().try_for_each(|expr| expr.rewrite(replace));
        match self {
            Self::Literal { .. } | Self::Column { .. } | Self::Scalar { .. } | Self::Exists { .. } => Ok(()),
            Self::Call { args, .. } | Self::And(args) | Self::Or(args) | Self::Coalesce { args, .. } => {
                all(args)
            }
            Self::Cast { expr, .. } | Self::Try(expr) | Self::InQuery { expr, .. } => expr.rewrite(replace),
            Self::Case { branches, otherwise, .. } => {
                for (when, then) in branches {
                    when.rewrite(replace)?;
                    then.rewrite(replace)?;
                }
                otherwise.rewrite(replace)
            }
            Self::In { expr, list } => {
                all(list)?;
                expr.rewrite(replace)
            }
            Self::Aggregate(call) => {
                all(&mut call.args)?;
                call.filter.iter_mut().try_for_each(|expr| expr.rewrite(replace))?;
                call.order.iter_mut().try_for_each(|key| key.expr.rewrite(replace))
            }
            Self::Window(call) => {
                all(&mut call.args)?;
                all(&mut call.partition)?;
                call.order.iter_mut().try_for_each(|key| key.expr.rewrite(replace))?;
                match &mut call.function {
                    WindowFunction::Aggregate(_, Some(filter)) => filter.rewrite(replace),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether a part is of a sort.
    pub fn has(&self, sort: impl Fn(&Expr) -> bool) -> bool {
        let mut found = false;
        self.visit(&mut |expr| {
            found |= sort(expr);
            !found
        });
        found
    }

    pub fn has_aggregate(&self) -> bool {
        self.has(|expr| matches!(expr, Self::Aggregate(_)))
    }

    pub fn has_window(&self) -> bool {
        self.has(|expr| matches!(expr, Self::Window(_)))
    }

    /// Numbers of the columns that it reads.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        self.visit(&mut |expr| {
            if let Self::Column { index, .. } = expr {
                columns.push(*index);
            }
            true
        });
        columns
    }

    /// The same over a frame whose columns begin so many further on.
    pub fn shift(&mut self, by: isize) {
        let moved = self.rewrite(&mut |expr| match expr {
            Self::Column { index, kind, name, at } => Ok(Some(Self::Column {
                index: index.checked_add_signed(by).expect("the column is on this side"),
                kind: kind.clone(),
                name: name.clone(),
                at: *at,
            })),
            _ => Ok(None),
        });
        debug_assert!(moved.is_ok());
    }
}
