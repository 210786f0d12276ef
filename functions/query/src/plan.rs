//! What a query does, step by step.

use crate::{
    expr::{AggregateCall, Expr, SortKey, WindowCall},
    kind::Kind,
};

/// A step, and those before it. Each gives a frame.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// One row without columns.
    One,
    /// A table that the query is given.
    Table(usize),
    /// What several places read: a table that WITH names.
    Shared(usize),
    /// VALUES.
    Rows {
        rows: Vec<Vec<Expr>>,
        kinds: Vec<Kind>,
    },
    Filter {
        input: Box<Plan>,
        condition: Expr,
    },
    Project {
        input: Box<Plan>,
        exprs: Vec<Expr>,
    },
    Join {
        left: Box<Plan>,
        right: Box<Plan>,
        join: Join,
    },
    /// Groups in the order of their first rows; without `by`, all rows are one, also if there are none.
    Group {
        input: Box<Plan>,
        by: Vec<Expr>,
        calls: Vec<AggregateCall>,
    },
    /// A column more for each call, behind the `width` of the input.
    Window {
        input: Box<Plan>,
        width: usize,
        calls: Vec<WindowCall>,
    },
    Sort {
        input: Box<Plan>,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Box<Plan>,
        offset: usize,
        limit: Option<usize>,
    },
    /// The first row of each that are equal, in all columns or in some expressions.
    Distinct {
        input: Box<Plan>,
        on: Option<Vec<Expr>>,
    },
    Set {
        left: Box<Plan>,
        right: Box<Plan>,
        operation: SetOperation,
        all: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetOperation {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Semi,
    Anti,
}

/// How two frames are joined.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub kind: JoinKind,
    /// Expressions over the left and over the right frame that are equal in rows that belong together.
    pub left_keys: Vec<Expr>,
    pub right_keys: Vec<Expr>,
    /// What must hold besides, over the columns of both.
    pub rest: Option<Expr>,
    pub left_width: usize,
}

impl Plan {
    /// The table and the column of it whose values a column of the result holds, if it is one's as it stands.
    pub fn origin(&self, column: usize, shared: &[Self]) -> Option<(usize, usize)> {
        let through = |expr: Option<&Expr>, input: &Self| match expr {
            Some(Expr::Column { index, .. }) => input.origin(*index, shared),
            _ => None,
        };
        match self {
            Self::Table(table) => Some((*table, column)),
            Self::Shared(slot) => shared[*slot].origin(column, shared),
            Self::Filter { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input, .. } => input.origin(column, shared),
            Self::Project { input, exprs } => through(exprs.get(column), input),
            Self::Group { input, by, .. } => through(by.get(column), input),
            Self::Join { left, right, join } => match column.checked_sub(join.left_width) {
                None => left.origin(column, shared),
                Some(column) => right.origin(column, shared),
            },
            Self::Window { input, width, .. } if column < *width => input.origin(column, shared),
            Self::Window { .. } | Self::One | Self::Rows { .. } | Self::Set { .. } => None,
        }
    }

    pub fn filter(self, condition: Expr) -> Self {
        Self::Filter { input: Box::new(self), condition }
    }

    pub fn project(self, exprs: Vec<Expr>) -> Self {
        Self::Project { input: Box::new(self), exprs }
    }

    pub fn sort(self, keys: Vec<SortKey>) -> Self {
        if keys.is_empty() { self } else { Self::Sort { input: Box::new(self), keys } }
    }
}
